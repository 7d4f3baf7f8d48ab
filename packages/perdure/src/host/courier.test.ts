/** Messages to the outside: handed out only when what owes them is durable, and again until they are answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { Courier } from './courier.js';
import { startToyServer } from './testing.js';

const post = (id: string) => ({ type: 'post', id, to: { kind: 'outside', namespace: 'n', key: 'there' }, input: { type: 'add', amount: 1, id } }) as const;

/** Notes what it is given, and answers when it is told. */
class Waiting implements Courier {
  readonly kind = 'outside';
  readonly given: unknown[] = [];
  readonly answers: ((reply: unknown) => void)[] = [];

  deliver(input: unknown): Promise<unknown> {
    this.given.push(input);
    return new Promise((resolve) => this.answers.push(resolve));
  }
}

test('the outside hears nothing before the commit, and its answer reaches the sender', async () => {
  const clock = new VirtualClock();
  let slow = false;
  const store = new SimulatedStore({ clock, faults: (operation) => (slow && operation === 'commit' ? { kind: 'slow', delayMs: 1000 } : undefined) });
  const courier = new Waiting();
  await using server = startToyServer({ clock, store, couriers: [courier] });
  await server.send('a', { type: 'start' });
  slow = true;
  const posted = server.send('a', post('m'));
  await clock.advance(999);
  assert.deepEqual(courier.given, []);
  await clock.advance(1);
  await posted;
  assert.deepEqual(courier.given, [post('m').input]);
  slow = false;
  courier.answers[0]?.(7);
  await clock.settle();
  assert.deepEqual((await server.toy('a')).answers, { m: 7 });
});

test('what is undone is never told', async () => {
  const clock = new VirtualClock();
  let broken = false;
  const store = new SimulatedStore({ clock, faults: (operation) => (broken && operation === 'commit' ? { kind: 'unavailable', reason: 'io' } : undefined) });
  const courier = new Waiting();
  await using server = startToyServer({ clock, store, couriers: [courier] });
  await server.send('a', { type: 'start' });
  broken = true;
  await assert.rejects(server.send('a', post('m')));
  broken = false;
  await clock.advance(120_000);
  assert.deepEqual(courier.given, []);
  assert.deepEqual((await server.toy('a')).answers, {});
});

test('a process that dies before the answer is durable asks again', async () => {
  const clock = new VirtualClock();
  const courier = new Waiting();
  let dies = false;
  const first = new SimulatedStore({ clock, faults: (operation) => (dies && operation === 'commit' ? { kind: 'crash', moment: 'beforeWrite' } : undefined) });
  const dying = startToyServer({ clock, store: first, couriers: [courier] });
  await dying.send('a', { type: 'start' });
  await dying.send('a', post('m'));
  await clock.settle();
  dies = true;
  courier.answers[0]?.('lost');
  await clock.settle();
  await using server = startToyServer({ clock, store: new SimulatedStore({ clock, disk: first.disk }), seed: 2, couriers: [courier] });
  await server.host.recover();
  await clock.settle();
  assert.deepEqual(courier.given, [post('m').input, post('m').input]);
  courier.answers[1]?.('kept');
  await clock.settle();
  assert.deepEqual((await server.toy('a')).answers, { m: 'kept' });
});

test('a courier that fails is asked again, less and less often', async () => {
  const clock = new VirtualClock();
  let tries = 0;
  const courier: Courier = { kind: 'outside', deliver: () => (++tries < 20 ? Promise.reject(new Error('down')) : Promise.resolve('up')) };
  await using server = startToyServer({ clock, couriers: [courier] });
  await server.send('a', { type: 'start' });
  await server.send('a', post('m'));
  await clock.advance(60_000);
  assert.ok(tries > 5 && tries < 20, `${tries}`);
  await clock.advance(20 * 60_000);
  assert.deepEqual((await server.toy('a')).answers, { m: 'up' });
  assert.equal(clock.nextTimerAt, undefined);
});
