/** The host on the store that users have: what was decided before a restart is there after it, and goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { openSqliteStore } from '../store/index.js';
import { temporaryFolder } from '../store/sqlite/temporary-file.js';
import { pollOf, queue, startToyServer, toy, type ToyServer } from './testing.js';

test('machines, tasks, timers, messages and history survive restarts of a server with a tiny memory', async () => {
  using folder = temporaryFolder();
  const clock = new VirtualClock();
  const opened: AsyncDisposable[] = [];
  const start = async (seed: number): Promise<ToyServer> => {
    const store = await openSqliteStore({ filename: folder.file('test.db') });
    const server = startToyServer({ clock, store, seed, limits: { cachedMachines: 2, evictionRecords: 2, snapshotRecords: 4 } });
    opened.push({ [Symbol.asyncDispose]: async () => (await server.host.close(), store.close()) });
    await server.host.recover();
    return server;
  };
  const stop = async (): Promise<void> => opened.pop()?.[Symbol.asyncDispose]();
  try {
    const first = await start(1);
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    const ids = await Promise.all(keys.map((key) => first.send<string>(key, { type: 'start' })));
    for (const key of keys) {
      for (let index = 0; index < 5; index++) await first.send(key, { type: 'add', amount: 1 });
      await first.send(key, { type: 'task', id: key, queue: queue('q') });
      await first.send(key, { type: 'timer', id: 't', at: clock.now() + 60_000 });
      await first.send(key, { type: 'post', id: key, to: toy('k0'), input: { type: 'add', amount: 1, id: key } });
    }
    await stop();
    const second = await start(2);
    const tasks = await Promise.all(keys.map((key) => pollOf(second.matching, 'q', key)));
    assert.deepEqual(tasks.map((task) => (task as { task: string }).task).sort(), [...keys].sort());
    await clock.advance(60_000);
    await stop();
    const third = await start(3);
    for (const [index, key] of keys.entries()) {
      const state = await third.toy(key);
      assert.deepEqual([state.count, state.fired, Object.keys(state.answers)], [index === 0 ? 15 : 5, { t: 1 }, [key]]);
      const { lastEventId } = await third.host.history(ids[index] as string, 1, { bytes: 1e6 });
      assert.equal(lastEventId, state.events);
    }
  } finally {
    await stop();
  }
});
