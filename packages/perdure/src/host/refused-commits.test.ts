/** One machine whose records no store accepts, and a store that does not answer: nobody else suffers, and nobody waits in silence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogFields } from '../ports/index.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, RpcError } from '../protocol/index.js';
import { InvalidTransitionError } from '../store/errors.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { Transition } from '../store/store.js';
import { startToyServer, type ToyServerOptions } from './testing.js';

const codeIs = (code: number) => (error: unknown) => error instanceof RpcError && error.code === code;

/** Refuses every commit with a record of the poisoned machine, and hangs on request. */
class PickyStore extends SimulatedStore {
  poisoned: string | undefined;
  hang = false;
  readonly commits: string[][] = [];
  #held: (() => void)[] = [];

  override async commit(transitions: readonly Transition[]): Promise<void> {
    this.commits.push(transitions.map(({ machine }) => machine));
    if (this.hang) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (transitions.some(({ machine }) => machine === this.poisoned)) throw new InvalidTransitionError('no store accepts this');
    return super.commit(transitions);
  }

  letGo(): void {
    this.hang = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

function pickyServer(options: Omit<ToyServerOptions, 'store' | 'clock'> = {}) {
  const clock = new VirtualClock();
  const store = new PickyStore({ clock });
  const log: string[] = [];
  const say = (level: string) => (message: string, _fields?: LogFields) => void log.push(`${level}: ${message}`);
  const logger = { debug() {}, info() {}, warn: say('warn'), error: say('error') };
  return { ...startToyServer({ ...options, store, clock, logger }), store, log };
}

test('the machine that a store refuses is found: the others are stored apart from it, and only it fails', async () => {
  await using server = pickyServer();
  const [bad] = await Promise.all(['bad', 'b', 'c'].map((key) => server.send<string>(key, { type: 'start' })));
  server.store.poisoned = bad;
  const addToAll = () => Promise.allSettled(['bad', 'b', 'c'].map((key) => server.send(key, { type: 'add', amount: 1, id: 'x' })));
  const first = await addToAll();
  for (const outcome of first) assert.ok(outcome.status === 'rejected' && codeIs(Code.UNAVAILABLE)(outcome.reason), 'the store did not say whose fault it was');

  // The senders try again: now each machine has a commit of its own.
  const others = await Promise.all(['b', 'c'].map((key) => server.send<number>(key, { type: 'add', amount: 1, id: 'x' })));
  assert.deepEqual(others, [1, 1]);
  await assert.rejects(server.send('bad', { type: 'add', amount: 1 }), codeIs(Code.INTERNAL));
  // It rests: it does not even try, and is in nobody's way.
  const before = server.store.commits.length;
  await assert.rejects(server.send('bad', { type: 'add', amount: 1 }), codeIs(Code.UNAVAILABLE));
  assert.equal(server.store.commits.length, before);
  const mixed = await addToAll();
  assert.deepEqual(mixed.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled']);
  assert.match(server.log.join('\n'), /error: The store refuses a commit\. .*\nerror: The store refuses the records of a machine/);

  // What was wrong is mended (by a newer version, say): after its rest the machine goes on.
  server.store.poisoned = undefined;
  await server.clock.advance(60_000);
  assert.equal(await server.send('bad', { type: 'add', amount: 1 }), 1);
  await Promise.all(['bad', 'b', 'c'].map((key) => server.send(key, { type: 'add', amount: 1 })));
  assert.equal(server.store.commits.at(-1)?.length, 3, 'they share commits again');
});

test('a record that does not continue its history fails its machine before it reaches the store', async () => {
  const server = pickyServer();
  await Promise.all(['a', 'b'].map((key) => server.send(key, { type: 'start' })));
  const outcomes = await Promise.allSettled([server.send('a', { type: 'gap' }), server.send('b', { type: 'add', amount: 2 })]);
  assert.ok(outcomes[0].status === 'rejected' && codeIs(Code.INTERNAL)(outcomes[0].reason));
  assert.equal(outcomes[1].status === 'fulfilled' && outcomes[1].value, 2);
  await server.clock.advance(10_000);
  assert.equal(await server.send('a', { type: 'add', amount: 1 }), 1, 'it was loaded again as it was before');
  await server.host.close();
});

test('a step that would write too much at once is refused, and leaves its machine as it was', async () => {
  await using server = pickyServer({ limits: { stepBytes: 200 } });
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'add', amount: 1, id: 'short' });
  await assert.rejects(server.send('a', { type: 'add', amount: 1, id: 'long'.repeat(100) }), codeIs(Code.INVALID_ARGUMENT));
  assert.equal(await server.send('a', { type: 'add', amount: 1 }), 2);
});

test('a commit that does not end: callers hear it, new ones are refused at once, and all goes on when it ends', async () => {
  await using server = pickyServer({ limits: { commitWatchMs: 5_000 } });
  await server.send('a', { type: 'start' });
  server.store.hang = true;
  const waiting = [server.send('a', { type: 'add', amount: 1 }), server.host.read({ kind: 'toy', namespace: 'n', key: 'a' }, () => 'seen')];
  const told = Promise.allSettled(waiting);
  await server.clock.advance(5_000);
  for (const outcome of await told) assert.ok(outcome.status === 'rejected' && codeIs(Code.UNAVAILABLE)(outcome.reason));
  await assert.rejects(server.send('b', { type: 'start' }), codeIs(Code.UNAVAILABLE));
  await server.clock.advance(5_000);
  assert.equal(server.log.filter((line) => /A commit takes too long/.test(line)).length, 2);
  server.store.letGo();
  await server.clock.settle();
  assert.equal(await server.send('a', { type: 'add', amount: 1 }), 2, 'the change that was in doubt took effect');
  assert.match(server.log.at(-1) ?? '', /has ended/);
});
