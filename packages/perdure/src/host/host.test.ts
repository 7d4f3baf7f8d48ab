/** What everybody relies on: nothing is seen before it is durable, one writer per machine, creation and succession in one commit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ResourceExhaustedFailure, RpcError } from '../protocol/index.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { StoreFault, StoreOperation } from '../store/simulated/simulated-store.js';
import type { Transition } from '../store/store.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { event, pollOf, queue, startToyServer, toy, type Toy, type ToyServerOptions } from './testing.js';

const codeIs = (code: number) => (error: unknown) => error instanceof RpcError && error.code === code;

/** A store whose commits are counted and can be made slow or fail. */
function watchedServer(options: Omit<ToyServerOptions, 'store' | 'clock'> = {}) {
  const clock = new VirtualClock();
  const commits: (readonly Transition[])[] = [];
  const plan: { fault: (operation: StoreOperation) => StoreFault | undefined } = { fault: () => undefined };
  class WatchedStore extends SimulatedStore {
    override commit(transitions: readonly Transition[]): Promise<void> {
      commits.push(transitions);
      return super.commit(transitions);
    }
  }
  const store = new WatchedStore({ clock, faults: (operation) => plan.fault(operation) });
  return { ...startToyServer({ ...options, store, clock }), commits, plan };
}

function settled(promise: Promise<unknown>): { done: boolean } {
  const state = { done: false };
  promise.then(() => (state.done = true), () => (state.done = true));
  return state;
}

test('a start creates a machine through its successor, and the same start finds it', async () => {
  await using server = startToyServer();
  const id = await server.send<string>('a', { type: 'start' });
  assert.equal(await server.send('a', { type: 'start' }), id);
  assert.equal(await server.send('a', { type: 'add', amount: 5 }), 5);
  assert.equal((await server.toy('a')).count, 5);
  assert.equal((await server.toy('a', id)).count, 5);
});

test('inputs for a machine that does not exist are the machine kind\'s to refuse', async () => {
  await using server = startToyServer();
  await assert.rejects(server.send('none', { type: 'add', amount: 1 }), codeIs(Code.NOT_FOUND));
  await assert.rejects(server.host.send({ kind: 'unknown', namespace: 'n', key: 'k' }, {}), codeIs(Code.UNIMPLEMENTED));
  assert.equal(await server.host.read(toy('none'), (state, machine) => [state, machine].join('/')), '/');
});

test('two kinds of keys with a common prefix, and a run under a foreign key, do not meet', async () => {
  await using server = startToyServer();
  const id = await server.send<string>('order', { type: 'start' });
  assert.notEqual(await server.send('order-1', { type: 'start' }), id);
  await server.send('order-1', { type: 'add', amount: 3 });
  assert.equal((await server.toy('order')).count, 0);
  await assert.rejects(server.send('order-1', { type: 'add', amount: 1 }, id), codeIs(Code.NOT_FOUND));
});

test('inputs of one turn share a commit, and each is decided on the state the one before left', async () => {
  await using server = watchedServer();
  await Promise.all(['a', 'b', 'c'].map((key) => server.send(key, { type: 'start' })));
  server.commits.length = 0;
  const replies = await Promise.all(['a', 'b', 'c', 'a', 'a'].map((key) => server.send(key, { type: 'add', amount: 1 })));
  assert.deepEqual(replies, [1, 1, 1, 2, 3]);
  assert.equal(server.commits.length, 1);
  assert.equal(server.commits[0]?.length, 5);
});

test('no reply, no read, no task and no history before the commit', async () => {
  await using server = watchedServer();
  const id = await server.send<string>('a', { type: 'start' });
  server.plan.fault = (operation) => (operation === 'commit' ? { kind: 'slow', delayMs: 100 } : undefined);
  const poll = pollOf(server.matching, 'q', 'r1');
  const waiting = [
    server.send('a', { type: 'add', amount: 1 }),
    server.send('a', { type: 'task', id: 't', queue: queue('q') }),
    server.host.read(toy('a'), () => 'seen'),
    server.send('a', { type: 'start' }),
    new Promise<void>((resolve) => server.host.watch(id, resolve)),
    poll,
  ].map((promise) => settled(promise));
  await server.clock.advance(99);
  assert.deepEqual(waiting.map(({ done }) => done), waiting.map(() => false));
  assert.equal((await server.host.history(id, 1, { bytes: 1e6 })).lastEventId, 1);
  await server.clock.advance(1);
  assert.deepEqual(waiting.map(({ done }) => done), waiting.map(() => true));
  assert.equal((await server.host.history(id, 1, { bytes: 1e6 })).lastEventId, 4);
  server.plan.fault = () => undefined;
});

test('a notice is told once its record is durable, before the reply, and never if the commit fails', async () => {
  await using server = watchedServer();
  const id = await server.send<string>('a', { type: 'start' });
  const told: string[] = [];
  server.host.onNotice = (machine, notice) => void told.push(`${machine.key} ${machine.machine === id} ${String(notice)}`);
  server.plan.fault = (operation) => (operation === 'commit' ? { kind: 'slow', delayMs: 100 } : undefined);
  const reply = server.send('a', { type: 'add', amount: 2 }).then(() => told.push('reply'));
  await server.clock.advance(99);
  assert.deepEqual(told, []);
  await server.clock.advance(1);
  await reply;
  assert.deepEqual(told, ['a true count is 2', 'reply']);
  server.plan.fault = (operation) => (operation === 'commit' ? { kind: 'unavailable', reason: 'io' } : undefined);
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }));
  assert.equal(told.length, 2);
  server.plan.fault = () => undefined;
});

test('a worker that says goodbye while the task that it met is being committed still gets it: nobody else would', async () => {
  await using server = watchedServer();
  await server.send('a', { type: 'start' });
  server.plan.fault = (operation) => (operation === 'commit' ? { kind: 'slow', delayMs: 100 } : undefined);
  const [met, idle] = [new AbortController(), new AbortController()];
  const poll = pollOf(server.matching, 'q', 'r1', { signal: met.signal, timeoutMs: 1_000 });
  const other = pollOf(server.matching, 'q', 'r2', { signal: idle.signal, timeoutMs: 1_000 });
  const sent = server.send('a', { type: 'task', id: 't', queue: queue('q') });
  met.abort();
  idle.abort();
  assert.equal(await other, undefined);
  await server.clock.advance(100);
  await sent;
  assert.equal((await poll as { task: string } | undefined)?.task, 't');
  server.plan.fault = () => undefined;
});

test('a task that meets a waiting poll is scheduled and started in one commit', async () => {
  await using server = watchedServer();
  await server.send('a', { type: 'start' });
  server.commits.length = 0;
  const poll = pollOf(server.matching, 'q', 'r1');
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  assert.deepEqual(await poll, { task: 't', machine: (await server.toy('a')).id, poller: { identity: 'worker', requestId: 'r1', sticky: false } });
  assert.deepEqual(server.commits.map((commit) => commit.length), [2]);
});

test('one attempt for each dispatch: many polls, one task', async () => {
  await using server = startToyServer();
  await server.send('a', { type: 'start' });
  const polls = ['r1', 'r2', 'r3'].map((requestId) => pollOf(server.matching, 'q', requestId, { timeoutMs: 1_000 }));
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await server.clock.advance(1_000);
  assert.equal((await Promise.all(polls)).filter((task) => task !== undefined).length, 1);
});

test('a task that is no longer owed meets nobody', async () => {
  await using server = startToyServer();
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await server.send('a', { type: 'finish', id: 't' });
  const poll = pollOf(server.matching, 'q', 'r', { timeoutMs: 1_000 });
  await server.clock.advance(1_000);
  assert.equal(await poll, undefined);
});

test('a sticky task whose worker is gone moves to the normal queue at once; one whose worker polls does not', async () => {
  await using server = startToyServer();
  await server.send('a', { type: 'start' });
  const normal = pollOf(server.matching, 'normal', 'r1');
  await server.send('a', { type: 'task', id: 't1', queue: queue('sticky'), sticky: true });
  assert.equal((await normal as { task: string }).task, 't1');
  const sticky = pollOf(server.matching, 'sticky', 'r2');
  await server.send('a', { type: 'task', id: 't2', queue: queue('sticky'), sticky: true });
  assert.deepEqual((await sticky as { poller: object }).poller, { identity: 'worker', requestId: 'r2', sticky: true });
});

test('a worker that shuts down hands its sticky tasks to the normal queue', async () => {
  await using server = startToyServer();
  await server.send('a', { type: 'start' });
  const first = pollOf(server.matching, 'sticky', 'r1');
  await server.send('a', { type: 'task', id: 't1', queue: queue('sticky'), sticky: true });
  await first;
  await server.send('a', { type: 'task', id: 't2', queue: queue('sticky'), sticky: true });
  const normal = pollOf(server.matching, 'normal', 'r2');
  server.matching.closeQueue(queue('sticky'));
  assert.equal((await normal as { task: string }).task, 't2');
});

test('a machine and its successor are in the same commit; the key leads to the successor, the id to the first', async () => {
  await using server = watchedServer();
  const first = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'add', amount: 7 });
  server.commits.length = 0;
  const second = await server.send<string>('a', { type: 'succeed' }, first);
  assert.deepEqual(server.commits.map((commit) => commit.map(({ machine }) => machine)), [[first, second]]);
  assert.equal((await server.toy('a')).count, 8);
  assert.equal((await server.toy('a', first)).open, false);
});

test('a group has at most so many records and bytes, and goes on in the next', async () => {
  await using server = watchedServer({ limits: { groupRecords: 2 } });
  await server.send('a', { type: 'start' });
  server.commits.length = 0;
  await Promise.all(Array.from({ length: 5 }, () => server.send('a', { type: 'add', amount: 1 })));
  assert.deepEqual(server.commits.map((commit) => commit.map(({ seq }) => seq)), [[2, 3], [4, 5], [6]]);
  await using small = watchedServer({ limits: { groupBytes: 300 } });
  await small.send('a', { type: 'start' });
  small.commits.length = 0;
  await Promise.all(Array.from({ length: 3 }, () => small.send('a', { type: 'add', amount: 1 })));
  assert.ok(small.commits.length > 1);
});

test('history is spliced from memory and from the store alike, at the borders of batches', async () => {
  for (const tailBytes of [0, 1e6]) {
    await using server = startToyServer({ limits: { tailBytes } });
    const id = await server.send<string>('a', { type: 'start' });
    for (let index = 0; index < 9; index++) await server.send('a', { type: 'add', amount: 1 });
    const events = (from: number, to: number) => Buffer.concat(Array.from({ length: to - from + 1 }, (_, index) => event(from + index, from + index === 1 ? 'create' : 'add')));
    const one = event(2, 'add').length;
    const read = async (from: number, bytes: number, throughEventId?: number) => {
      const slice = await server.host.history(id, from, { bytes, throughEventId });
      return { text: Buffer.from(slice.bytes).toString(), lastEventId: slice.lastEventId, more: slice.more };
    };
    const expected = (from: number, to: number, more: boolean) => ({ text: events(from, to).toString(), lastEventId: to, more });
    assert.deepEqual(await read(1, 1e6), expected(1, 10, false));
    assert.deepEqual(await read(4, one * 2 + 1), expected(4, 5, true));
    assert.deepEqual(await read(4, 0), expected(4, 4, true));
    assert.deepEqual(await read(10, 1), expected(10, 10, false));
    assert.deepEqual(await read(3, 1e6, 5), expected(3, 5, false));
    assert.deepEqual(await read(11, 1e6), { text: '', lastEventId: 10, more: false });
    assert.deepEqual(await server.host.history('00000000-0000-7000-8000-000000000000', 1, { bytes: 1 }), { bytes: new Uint8Array(0), lastEventId: 0, more: false });
  }
});

test('a worker that keeps up never makes the store read', async () => {
  await using server = watchedServer();
  const id = await server.send<string>('a', { type: 'start' });
  server.plan.fault = (operation) => (operation === 'commit' ? undefined : { kind: 'unavailable', reason: 'io' });
  await server.send('a', { type: 'add', amount: 1 });
  assert.equal((await server.host.history(id, 1, { bytes: 1e6 })).lastEventId, 2);
  server.plan.fault = () => undefined;
});

test('watching for changes: bounded, ended at will, woken by changes of that machine that matter', async () => {
  await using server = startToyServer({ limits: { changeWaiters: 2 } });
  const a = await server.send<string>('a', { type: 'start' });
  const b = await server.send<string>('b', { type: 'start' });
  const woken = { a: 0, b: 0 };
  const unwatchA = server.host.watch(a, () => woken.a++);
  const unwatchB = server.host.watch(b, () => woken.b++);
  assert.throws(() => server.host.watch(a, () => {}), (error) => codeIs(Code.RESOURCE_EXHAUSTED)(error) && (error as RpcError).detail(ResourceExhaustedFailure) !== undefined);
  await server.send('a', { type: 'add', amount: 1 });
  await server.send('a', { type: 'add', amount: 1 });
  assert.deepEqual(woken, { a: 2, b: 0 });
  unwatchA();
  unwatchA();
  let large = 0;
  const seen: number[] = [];
  server.host.watch<Toy>(a, () => large++, ({ count }) => (seen.push(count), count >= 5));
  await server.send('a', { type: 'add', amount: 1 });
  assert.deepEqual([woken.a, large, seen], [2, 0, [3]]);
  await server.send('a', { type: 'add', amount: 2 });
  assert.equal(large, 1);
  unwatchB();
  await server.host.close();
  assert.deepEqual([woken.b, large], [0, 2], 'the end of the host wakes who still watches');
});

test('a full mailbox and too much that waits to be stored are refused, with a detail', async () => {
  const exhausted = (error: unknown) => codeIs(Code.RESOURCE_EXHAUSTED)(error) && (error as RpcError).detail(ResourceExhaustedFailure) !== undefined;
  await using server = watchedServer({ limits: { mailboxInputs: 2, waitingInputs: 3, pendingRecords: 2 } });
  server.plan.fault = () => ({ kind: 'slow', delayMs: 10 });
  const add = { type: 'start' } as const;
  const starts = [server.send('a', add), server.send('a', add)];
  await assert.rejects(server.send('a', add), exhausted);
  const other = server.send('b', add);
  await assert.rejects(server.send('c', add), exhausted);
  await server.clock.advance(1_000);
  await Promise.all([...starts, other]);
  const adds = [1, 2].map(() => server.send('a', { type: 'add', amount: 1 }));
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), exhausted);
  await server.clock.advance(1_000);
  assert.deepEqual(await Promise.all(adds), [1, 2]);
  server.plan.fault = () => undefined;
});

test('with nothing to do there is no timer and no query of the store', async () => {
  await using server = watchedServer();
  await server.host.recover();
  await server.send('a', { type: 'start' });
  let calls = 0;
  server.plan.fault = () => void (calls += 1);
  assert.equal(server.clock.nextTimerAt, undefined);
  await server.clock.advance(365 * 86_400_000);
  assert.equal(calls, 0);
});

test('closing: what was taken is answered, polls end, everything later is refused', async () => {
  const server = watchedServer();
  await server.send('a', { type: 'start' });
  server.plan.fault = (operation) => (operation === 'commit' ? { kind: 'slow', delayMs: 50 } : undefined);
  const taken = server.send('a', { type: 'add', amount: 1 });
  const poll = pollOf(server.matching, 'q', 'r');
  const closed = server.host.close();
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), codeIs(Code.UNAVAILABLE));
  await assert.rejects(server.host.read(toy('a'), () => 0), codeIs(Code.UNAVAILABLE));
  assert.equal(await poll, undefined);
  await server.clock.advance(1_000);
  assert.equal(await taken, 1);
  await closed;
  await server.host.close();
  assert.equal(server.clock.nextTimerAt, undefined);
});
