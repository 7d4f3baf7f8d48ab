/** Messages between machines arrive and take effect once, whatever happens to either side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { event, startToyServer, toy, toyMachine } from './testing.js';

const post = (id: string, to: string) => ({ type: 'post', id, to: toy(to), input: { type: 'add', amount: 1, id } }) as const;

test('sender, receiver and the note of the answer share one commit', async () => {
  let commits = 0;
  const store = new SimulatedStore({ faults: (operation) => void (operation === 'commit' && (commits += 1)) });
  await using server = startToyServer({ store });
  await server.send('a', { type: 'start' });
  await server.send('b', { type: 'start' });
  commits = 0;
  await server.send('a', post('m', 'b'));
  assert.equal(commits, 1);
  assert.equal((await server.toy('b')).count, 1);
  assert.deepEqual((await server.toy('a')).answers, { m: 1 });
});

test('the answers to messages that are owed together are one record of their sender', async () => {
  const transition: typeof toyMachine.transition = (state, input, at, self) => {
    if (input.type !== 'add' || input.id !== 'many' || state === undefined) return toyMachine.transition(state, input, at, self);
    const fields = Array.from({ length: 1_200 }, (_, n) => ['posts', `m${n}`, { to: toy('b'), input: { type: 'add', amount: 1, id: `m${n}` } }] as const);
    const change = { set: {}, fields };
    for (const [, id, value] of fields) state.posts[id] = value;
    state.events += 1;
    const history = { firstEventId: state.events, lastEventId: state.events, bytes: event(state.events, 'many') };
    return { state, record: { history, private: Buffer.from(JSON.stringify(change)) }, reply: 0, touched: fields.map(([, id]) => `post:${id}`) };
  };
  await using server = startToyServer({ machines: [{ ...toyMachine, transition }] });
  await server.send('a', { type: 'start' });
  await server.send('b', { type: 'start' });
  const { events } = await server.toy('a');
  await server.send('a', { type: 'add', amount: 0, id: 'many' });
  await server.clock.settle();
  const a = await server.toy('a');
  assert.equal(Object.keys(a.answers).length, 1_200, 'more than one turn takes');
  assert.equal((await server.toy('b')).count, 1_200);
  assert.equal(a.events, events + 2, 'one record for the messages, one for the answers');
});

test('a closed machine still delivers what it owes, after a restart too', async () => {
  const clock = new VirtualClock();
  let isBroken = false;
  const faults = (operation: StoreOperation): StoreFault | undefined => (isBroken && operation === 'current' ? { kind: 'unavailable', reason: 'io' } : undefined);
  const first = new SimulatedStore({ clock, faults });
  const dying = startToyServer({ clock, store: first });
  await dying.send('b', { type: 'start' });
  await dying.host.close();
  const second = startToyServer({ clock, store: new SimulatedStore({ clock, disk: first.disk, faults }), seed: 2 });
  await second.send('a', { type: 'start' });
  isBroken = true;
  await second.send('a', post('m', 'b'));
  await second.send('a', { type: 'close' });
  assert.equal((await second.toy('a')).open, false);
  await second.host.close();
  isBroken = false;
  await using third = startToyServer({ clock, store: new SimulatedStore({ clock, disk: first.disk }), seed: 3 });
  await third.host.recover();
  await clock.settle();
  assert.equal((await third.toy('b')).count, 1);
  assert.deepEqual((await third.toy('a')).answers, { m: 1 });
  assert.equal(await third.store.nextWake(-1), undefined, 'nothing is left to do');
});

test('a refusal is an answer; a machine may write to itself; a message may start a machine', async () => {
  await using server = startToyServer();
  await server.send('a', { type: 'start' });
  await server.send('a', post('none', 'nobody'));
  await server.send('a', post('self', 'a'));
  await server.send('a', { type: 'post', id: 'child', to: toy('child'), input: { type: 'start' } });
  await server.clock.settle();
  const { answers, count } = await server.toy('a');
  const child = (await server.toy('child')).id;
  assert.deepEqual(answers, { none: 'error 5', self: 1, child });
  assert.equal(count, 1);
});

test('a receiver that cannot be loaded is asked again, less and less often, until it answers', async () => {
  const clock = new VirtualClock();
  let broken = true;
  let tries = 0;
  const faults = (operation: StoreOperation): StoreFault | undefined => {
    if (operation !== 'current' || !broken) return undefined;
    tries += 1;
    return { kind: 'unavailable', reason: 'io' };
  };
  const store = new SimulatedStore({ clock, faults });
  broken = false;
  await using server = startToyServer({ clock, store });
  await server.send('a', { type: 'start' });
  broken = true;
  await server.send('a', post('m', 'b'));
  await clock.advance(10 * 60_000);
  assert.ok(tries > 10 && tries < 60, `${tries}`);
  broken = false;
  await clock.advance(60_000);
  assert.deepEqual((await server.toy('a')).answers, { m: 'error 5' });
  assert.equal(clock.nextTimerAt, undefined);
});

test('a receiver that cannot decide is asked for ever, or as often as the message says: then that is its answer', async () => {
  let asked = 0;
  const transition: typeof toyMachine.transition = (state, input, at, self) => {
    if (self.key !== 'broken' || input.type !== 'add') return toyMachine.transition(state, input, at, self);
    asked += 1;
    throw new Error('broken');
  };
  const debt: typeof toyMachine.debt = (state, key) => {
    const owed = toyMachine.debt(state, key);
    return key === 'post:few' && owed?.message !== undefined ? { ...owed, message: { ...owed.message, mostFailures: 3 } } : owed;
  };
  const clock = new VirtualClock();
  await using server = startToyServer({ clock, machines: [{ ...toyMachine, transition, debt }] });
  for (const key of ['a', 'b', 'broken']) await server.send(key, { type: 'start' });
  await server.send('a', post('few', 'broken'));
  await clock.advance(60_000);
  assert.equal(asked, 3);
  assert.deepEqual((await server.toy('a')).answers, { few: 'error 13' });
  await server.send('b', post('many', 'broken'));
  await clock.advance(600_000);
  assert.ok(asked > 20, `asked ${asked} times`);
  assert.deepEqual((await server.toy('b')).answers, {});
});

test('a message is delivered again after a restart, and takes effect once', async () => {
  const clock = new VirtualClock();
  let commits = 0;
  const first = new SimulatedStore({ faults: (operation) => (operation === 'commit' && ++commits === 4 ? { kind: 'crash', moment: 'beforeWrite' } : undefined) });
  const dying = startToyServer({ clock, store: first, limits: { groupRecords: 1 } });
  await dying.send('a', { type: 'start' });
  await dying.send('b', { type: 'start' });
  void dying.send('a', post('m', 'b')).catch(() => {});
  await clock.settle();
  assert.equal(commits, 4, 'the message is durable, its delivery is not');
  await using server = startToyServer({ clock, store: new SimulatedStore({ disk: first.disk }), seed: 2 });
  await server.host.recover();
  await clock.settle();
  assert.equal((await server.toy('b')).count, 1);
  assert.deepEqual((await server.toy('a')).answers, { m: 1 });
});

test('machines that write to each other without end do not keep everyone else waiting', async () => {
  const rounds = 3_000;
  const transition: typeof toyMachine.transition = (state, input, at, self) => {
    const round = input.type === 'add' && input.id?.startsWith('ping') ? Number(input.id.slice(4)) : rounds;
    if (round >= rounds) return toyMachine.transition(state, input, at, self);
    const next = { type: 'add', amount: 1, id: `ping${round + 1}` } as const;
    return toyMachine.transition(state, { type: 'post', id: `p${round}`, to: toy(self.key === 'a' ? 'b' : 'a'), input: next }, at, self);
  };
  const machine = { ...toyMachine, transition, snapshot: () => new Uint8Array(0) };
  await using server = startToyServer({ machines: [machine] });
  for (const key of ['a', 'b', 'other']) await server.send(key, { type: 'start' });
  const first = server.send('a', { type: 'add', amount: 1, id: 'ping0' });
  assert.equal(await server.send('other', { type: 'add', amount: 1 }), 1);
  await first;
  assert.equal((await server.toy('a')).count, 0, 'still writing to each other');
  await server.clock.settle();
  assert.equal((await server.toy('a')).count, 1);
});

test('at most so many messages are under way at once', async () => {
  const clock = new VirtualClock();
  let underWay = 0;
  let most = 0;
  class CountingStore extends SimulatedStore {
    override async current(kind: string, namespace: string, key: string) {
      most = Math.max(most, ++underWay);
      return super.current(kind, namespace, key).finally(() => (underWay -= 1));
    }
  }
  const faults = (operation: StoreOperation): StoreFault | undefined => (operation === 'current' ? { kind: 'slow', delayMs: 10 } : undefined);
  await using server = startToyServer({ clock, store: new CountingStore({ clock, faults }), limits: { deliveries: 3 } });
  const started = server.send('a', { type: 'start' });
  await clock.advance(10);
  await started;
  for (let index = 0; index < 10; index++) await server.send('a', post(`m${index}`, `nobody${index}`));
  await clock.advance(100);
  assert.equal(most, 3);
  assert.equal(Object.keys((await server.toy('a')).answers).length, 10);
});
