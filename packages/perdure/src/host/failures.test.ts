/** A commit that fails, a store that cannot be read, a transition that throws: nobody sees what did not happen, and it heals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, RpcError } from '../protocol/index.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { pollOf, queue, startToyServer, toy, type ToyServerOptions } from './testing.js';

const codeIs = (code: number) => (error: unknown) => error instanceof RpcError && error.code === code;

function failingServer(options: Omit<ToyServerOptions, 'store' | 'clock'> = {}) {
  const clock = new VirtualClock();
  const plan: { fault: (operation: StoreOperation) => StoreFault | undefined } = { fault: () => undefined };
  const store = new SimulatedStore({ clock, faults: (operation) => plan.fault(operation) });
  const fail = (...operations: StoreOperation[]) => {
    plan.fault = (operation) => (operations.includes(operation) ? { kind: 'unavailable', reason: 'io' } : undefined);
  };
  return { ...startToyServer({ ...options, store, clock }), store, plan, fail, heal: () => fail() };
}

test('a failed commit undoes what was decided: senders and readers hear UNAVAILABLE, the retry succeeds, state equals store', async () => {
  await using server = failingServer();
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'add', amount: 1 });
  server.fail('commit');
  const outcomes = await Promise.allSettled([
    server.send('a', { type: 'add', amount: 10, id: 'x' }),
    server.host.read(toy('a'), () => 'uncommitted'),
    server.send('b', { type: 'start' }),
  ]);
  for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && codeIs(Code.UNAVAILABLE)(outcome.reason));
  server.heal();
  assert.equal((await server.toy('a')).count, 1);
  assert.equal((await server.host.history(id, 1, { bytes: 1e6 })).lastEventId, 2);
  assert.equal(await server.send('a', { type: 'add', amount: 10, id: 'x' }), 11);
  assert.equal(await server.send('a', { type: 'add', amount: 10, id: 'x' }), 11);
  await assert.rejects(server.send('b', { type: 'add', amount: 1 }), codeIs(Code.NOT_FOUND));
});

test('what was decided on a failed commit, in groups behind it, is undone with it', async () => {
  await using server = failingServer({ limits: { groupRecords: 1 } });
  await server.send('a', { type: 'start' });
  let commits = 0;
  server.plan.fault = (operation) => (operation === 'commit' && ++commits === 1 ? { kind: 'unavailable', reason: 'io' } : undefined);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => server.send('a', { type: 'add', amount: 1 })));
  assert.deepEqual(outcomes.map(({ status }) => status), ['rejected', 'rejected', 'rejected']);
  assert.equal(commits, 1);
  assert.equal(await server.send('a', { type: 'add', amount: 1 }), 1);
});

test('a poll that met a task whose commit fails hears UNAVAILABLE; the task is withdrawn, and offered again if it is still owed', async () => {
  await using server = failingServer();
  await server.send('a', { type: 'start' });
  const poll = pollOf(server.matching, 'q', 'r1');
  server.fail('commit');
  await assert.rejects(server.send('a', { type: 'task', id: 'lost', queue: queue('q') }), codeIs(Code.UNAVAILABLE));
  await assert.rejects(poll, codeIs(Code.UNAVAILABLE));
  server.heal();
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  server.fail('commit');
  await assert.rejects(pollOf(server.matching, 'q', 'r2'), codeIs(Code.UNAVAILABLE));
  server.heal();
  const next = pollOf(server.matching, 'q', 'r3');
  await server.clock.advance(60_000 - 1);
  assert.equal((await next as { task: string }).task, 't');
  assert.deepEqual(Object.keys((await server.toy('a')).tasks), ['t']);
});

test('a task whose commit fails is withdrawn from matching', async () => {
  await using server = failingServer();
  await server.send('a', { type: 'start' });
  server.fail('commit');
  const failing = server.send('a', { type: 'task', id: 'lost', queue: queue('q') });
  assert.equal(server.matching.describe(queue('q')).readyTasks, 1);
  await assert.rejects(failing, codeIs(Code.UNAVAILABLE));
  assert.equal(server.matching.describe(queue('q')).readyTasks, 0);
  server.heal();
});

test('timers and messages of an undone machine come back by themselves once the store works', async () => {
  await using server = failingServer();
  await server.send('a', { type: 'start' });
  await server.send('b', { type: 'start' });
  await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + 5_000 });
  server.fail('commit', 'load');
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), codeIs(Code.UNAVAILABLE));
  await server.clock.advance(100_000);
  server.heal();
  await server.clock.advance(100_000);
  assert.deepEqual((await server.toy('a')).fired, { t: 1 });
});

test('a machine that cannot be loaded: what waits hears UNAVAILABLE, the next input loads it', async () => {
  await using server = failingServer({ limits: { cachedMachines: 0 } });
  await server.send('a', { type: 'start' });
  for (const operation of ['current', 'load'] as const) {
    server.fail(operation);
    await assert.rejects(server.send('a', { type: 'add', amount: 1 }), codeIs(Code.UNAVAILABLE));
  }
  server.heal();
  assert.equal(await server.send('a', { type: 'add', amount: 1 }), 1);
});

test('a task of a machine that cannot be loaded stays offered', async () => {
  await using server = failingServer({ limits: { cachedMachines: 0 } });
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await server.clock.settle();
  server.fail('load');
  await assert.rejects(pollOf(server.matching, 'q', 'r1'), codeIs(Code.UNAVAILABLE));
  server.heal();
  assert.equal((await pollOf(server.matching, 'q', 'r2') as { task: string }).task, 't');
});

test('a transition that throws: its sender hears INTERNAL, what came before is kept, the half-changed state is not', async () => {
  const server = failingServer();
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  const before = server.send('a', { type: 'add', amount: 5 });
  await assert.rejects(server.send('a', { type: 'throw' }), codeIs(Code.INTERNAL));
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), codeIs(Code.UNAVAILABLE));
  assert.equal(await before, 5);
  assert.equal((await server.toy('a')).count, 5);
  assert.equal((await pollOf(server.matching, 'q', 'r') as { task: string }).task, 't');
  await server.host.close();
});

test('a task owed by a machine that threw is offered again without anybody asking for the machine', async () => {
  await using server = failingServer();
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'task', id: 't', queue: queue('q') });
  await assert.rejects(server.send('a', { type: 'throw' }), codeIs(Code.INTERNAL));
  const poll = pollOf(server.matching, 'q', 'r');
  await server.clock.advance(59_000);
  assert.equal((await poll as { task: string }).task, 't');
});
