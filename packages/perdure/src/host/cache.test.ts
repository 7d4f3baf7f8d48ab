/** Memory is bounded, and nobody notices: what leaves comes back equal, with all that it is owed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { SimulatedStore, type StoreOperation } from '../store/simulated/simulated-store.js';
import type { Transition } from '../store/store.js';
import { pollOf, queue, startToyServer, toy, type ToyServerOptions } from './testing.js';

function countingServer(options: Omit<ToyServerOptions, 'store'> = {}) {
  const calls = new Map<StoreOperation, number>();
  const commits: Transition[] = [];
  class CountingStore extends SimulatedStore {
    override commit(transitions: readonly Transition[]): Promise<void> {
      commits.push(...transitions);
      return super.commit(transitions);
    }
  }
  const store = new CountingStore({ faults: (operation) => void calls.set(operation, (calls.get(operation) ?? 0) + 1) });
  return { ...startToyServer({ ...options, store }), store, calls, commits };
}

test('the machine used longest ago leaves first, once; a machine in use stays', async () => {
  await using server = countingServer({ limits: { cachedMachines: 2 } });
  for (const key of ['a', 'b']) await server.send(key, { type: 'start' });
  await server.send('a', { type: 'add', amount: 1 });
  await server.send('c', { type: 'start' });
  await server.clock.settle();
  server.calls.clear();
  await server.toy('a');
  await server.toy('c');
  assert.equal(server.calls.get('load'), undefined);
  await server.toy('b');
  assert.equal(server.calls.get('load'), 1);
});

test('a bound in bytes holds as well', async () => {
  await using server = countingServer({ limits: { cachedBytes: 5_000 } });
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await server.send(key, { type: 'start' });
  await server.clock.settle();
  server.calls.clear();
  await server.toy('f');
  assert.equal(server.calls.get('load'), undefined);
  await server.toy('a');
  assert.equal(server.calls.get('load'), 1);
});

test('leaving costs one record at most: none for a closed machine, a snapshot only if a load would be long', async () => {
  await using server = countingServer({ limits: { cachedMachines: 0, evictionRecords: 3 } });
  const a = await server.send<string>('a', { type: 'start' });
  await server.clock.settle();
  assert.deepEqual(server.commits.map(({ seq, snapshot, row }) => [seq, snapshot !== undefined, row.wakeAt]), [[1, false, undefined]], 'owes nothing from the start');
  for (let index = 0; index < 3; index++) await server.send('a', { type: 'add', amount: 1 });
  await server.clock.settle();
  assert.deepEqual(server.commits.filter(({ snapshot }) => snapshot !== undefined).map(({ seq, private: content }) => [seq, content]), [[5, undefined]]);
  await server.send('a', { type: 'close' });
  await server.clock.settle();
  assert.equal((await server.store.load(a))?.seq, 6);
  assert.equal((await server.toy('a')).count, 3);
});

test('snapshots come every so many records or bytes, and never for short runs', async () => {
  await using server = countingServer({ limits: { snapshotRecords: 10 } });
  const a = await server.send<string>('a', { type: 'start' });
  for (let index = 0; index < 24; index++) await server.send('a', { type: 'add', amount: 1 });
  assert.deepEqual(server.commits.filter(({ snapshot }) => snapshot !== undefined).map(({ seq }) => seq), [10, 20]);
  assert.equal((await server.store.load(a))?.records.length, 5);
  await using byBytes = countingServer({ limits: { snapshotBytes: 1_000 } });
  await byBytes.send('a', { type: 'start' });
  for (let index = 0; index < 24; index++) await byBytes.send('a', { type: 'add', amount: 1 });
  assert.ok(byBytes.commits.some(({ snapshot }) => snapshot !== undefined));
});

test('a machine that waits for workers leaves memory, and its task still finds one', async () => {
  await using server = countingServer({ limits: { cachedMachines: 0 } });
  for (const key of ['a', 'b']) {
    await server.send(key, { type: 'start' });
    await server.send(key, { type: 'task', id: key, queue: queue('q') });
    await server.clock.settle();
  }
  server.calls.clear();
  assert.equal((await pollOf(server.matching, 'q', 'r1') as { task: string }).task, 'a');
  assert.equal(server.calls.get('load'), 1);
  assert.equal((await pollOf(server.matching, 'q', 'r2') as { task: string }).task, 'b');
});

test('a worker that hangs up while the machine is loaded does not cost the task: it goes to another', async () => {
  const clock = new VirtualClock();
  let isSlow = false;
  const store = new SimulatedStore({ clock, faults: (operation) => (isSlow && operation === 'load' ? { kind: 'slow', delayMs: 50 } : undefined) });
  await using server = startToyServer({ clock, store, limits: { cachedMachines: 0 } });
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await clock.settle();
  isSlow = true;
  const controller = new AbortController();
  const gone = pollOf(server.matching, 'q', 'gone', { signal: controller.signal });
  await clock.advance(10);
  controller.abort();
  assert.equal(await gone, undefined);
  const next = pollOf(server.matching, 'q', 'next');
  await clock.advance(200);
  assert.deepEqual((await next as { poller: object }).poller, { identity: 'worker', requestId: 'next', sticky: false });
});

test('a task withdrawn while its machine is loaded for it gives the poll back', async () => {
  const clock = new VirtualClock();
  let isSlow = false;
  const store = new SimulatedStore({ clock, faults: (operation) => (isSlow && operation === 'load' ? { kind: 'slow', delayMs: 50 } : undefined) });
  await using server = startToyServer({ clock, store, limits: { cachedMachines: 0 } });
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await clock.settle();
  isSlow = true;
  const id = await server.store.current('toy', 'n', 'a');
  const finished = server.send('a', { type: 'finish', id: 't' }, id);
  const poll = pollOf(server.matching, 'q', 'r', { timeoutMs: 1_000 });
  await clock.advance(50);
  await finished;
  isSlow = false;
  await server.send('b', { type: 'start' });
  await server.send('b', { type: 'task', id: 'other', queue: queue('q') });
  assert.equal((await poll as { task: string }).task, 'other');
});

test('a load that read what a machine was before it came, changed and left again is repeated', async () => {
  const clock = new VirtualClock();
  let lateMs = 0;
  class LateStore extends SimulatedStore {
    override async load(machine: string) {
      const stored = await super.load(machine);
      const ms = lateMs;
      lateMs = 0;
      if (ms > 0) await new Promise<void>((resolve) => void clock.setDelay(ms, resolve));
      return stored;
    }
  }
  await using server = startToyServer({ clock, store: new LateStore({ clock }), limits: { cachedMachines: 0 } });
  const id = await server.send<string>('a', { type: 'start' });
  await clock.settle();
  lateMs = 100;
  const byKey = server.send('a', { type: 'add', amount: 1 });
  await clock.advance(10);
  assert.equal(await server.send('a', { type: 'add', amount: 10 }, id), 10);
  await clock.advance(200);
  assert.equal(await byKey, 11);
});

test('when matching is full, tasks wait in their rows and are offered as it drains', async () => {
  await using server = countingServer({ limits: { cachedMachines: 3 }, matchingLimits: { readyTasks: 4 } });
  await server.host.recover();
  const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
  for (const key of keys) {
    await server.send(key, { type: 'start' });
    await server.send(key, { type: 'task', id: key, queue: queue('q') });
  }
  await server.clock.settle();
  assert.equal(server.matching.describe(queue('q')).readyTasks, 4);
  const seen = new Set<string>();
  for (let index = 0; index < keys.length; index++) {
    const poll = pollOf(server.matching, 'q', `r${index}`, { timeoutMs: 10_000 });
    await server.clock.advance(1_000);
    seen.add((await poll as { task: string }).task);
  }
  assert.deepEqual([...seen].sort(), [...keys].sort());
});

test('a start after a close loads only what is due, and finds everything', async () => {
  const clock = new VirtualClock();
  const disk = new SimulatedStore().disk;
  {
    await using server = startToyServer({ clock, store: new SimulatedStore({ disk }) });
    for (const key of ['a', 'b', 'c']) await server.send(key, { type: 'start' });
    await server.send('b', { type: 'timer', id: 't', at: clock.now() + 1_000_000 });
    await server.send('c', { type: 'task', id: 't', queue: queue('q') });
  }
  let loads = 0;
  const store = new SimulatedStore({ disk, faults: (operation) => void (operation === 'load' && (loads += 1)) });
  await using server = startToyServer({ clock, store, seed: 2 });
  await server.host.recover();
  assert.equal(loads, 1);
  assert.equal((await pollOf(server.matching, 'q', 'r') as { task: string }).task, 't');
  await clock.advance(1_000_000);
  assert.deepEqual((await server.toy('b')).fired, { t: 1 });
  assert.equal(await server.host.read(toy('a'), (state) => state !== undefined), true);
});
