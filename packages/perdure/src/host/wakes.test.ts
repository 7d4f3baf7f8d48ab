/** Timers: each fires once, at its time, whatever the clock does, whether its machine is in memory or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { startToyServer, type ToyServer } from './testing.js';

const HOUR = 3_600_000;

/** A wall clock that someone sets, over timers that follow it. */
class SteppingClock extends VirtualClock {
  offsetMs = 0;
  override now(): number {
    return super.now() + this.offsetMs;
  }
  override setTimer(atMs: number, run: () => void) {
    // Like the system's clock: sleeps for at most a minute, and looks again.
    let timer = super.setTimer(0, () => {});
    const look = (): void => {
      const remaining = atMs - this.now();
      if (remaining <= 0) run();
      else timer = super.setTimer(super.now() + Math.min(remaining, 60_000), look);
    };
    timer.cancel();
    timer = super.setTimer(super.now() + Math.min(Math.max(0, atMs - this.now()), 60_000), look);
    return { cancel: () => timer.cancel() };
  }
}

const fired = async (server: ToyServer, key: string) => (await server.toy(key)).fired;

for (const cachedMachines of [100, 0]) {
  const where = cachedMachines > 0 ? 'in memory' : 'asleep';

  test(`${where}: many timers of many machines fire at their time, once`, async () => {
    await using server = startToyServer({ limits: { cachedMachines } });
    await server.host.recover();
    const start = server.clock.now();
    for (const key of ['a', 'b', 'c']) {
      await server.send(key, { type: 'start' });
      for (const at of [10, 500_000, 20, HOUR]) await server.send(key, { type: 'timer', id: `${at}`, at: start + at });
    }
    await server.clock.advance(9);
    assert.deepEqual(await fired(server, 'a'), {});
    await server.clock.advance(1);
    assert.deepEqual(await fired(server, 'b'), { 10: 1 });
    await server.clock.advance(10);
    assert.deepEqual(await fired(server, 'c'), { 10: 1, 20: 1 });
    await server.clock.advance(HOUR - 21);
    assert.deepEqual(await fired(server, 'a'), { 10: 1, 20: 1, 500000: 1 });
    await server.clock.advance(1);
    for (const key of ['a', 'b', 'c']) assert.deepEqual(await fired(server, key), { 10: 1, 20: 1, 500000: 1, [HOUR]: 1 });
    assert.equal(server.clock.nextTimerAt, undefined);
  });

  test(`${where}: a clock that steps an hour forth or back neither loses a timer nor fires one twice`, async () => {
    for (const step of [HOUR, -HOUR]) {
      const clock = new SteppingClock();
      await using server = startToyServer({ clock, store: new SimulatedStore(), limits: { cachedMachines } });
      await server.host.recover();
      await server.send('a', { type: 'start' });
      const start = clock.now();
      for (const at of [60_000, 1.5 * HOUR]) await server.send('a', { type: 'timer', id: `${at}`, at: start + at });
      await clock.advance(70_000);
      assert.deepEqual(await fired(server, 'a'), { 60000: 1 });
      clock.offsetMs = step;
      await server.send('a', { type: 'timer', id: 'after', at: clock.now() + 30_000 });
      await clock.advance(30_000);
      await clock.advance(60_000);
      assert.equal((await fired(server, 'a'))['after'], 1);
      await clock.advance(3 * HOUR);
      assert.deepEqual(await fired(server, 'a'), { 60000: 1, [1.5 * HOUR]: 1, after: 1 });
    }
  });
}

test('a time-out that is set and cleared again costs no entry, no row change and no wake', async () => {
  const store = new SimulatedStore();
  await using server = startToyServer({ store });
  const id = await server.send<string>('a', { type: 'start' });
  for (let round = 0; round < 3; round++) {
    await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + 10_000 });
    await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + 20_000 });
    await server.clock.advance(1_000);
  }
  const { seq, wakeAt } = (await store.load(id)) ?? {};
  assert.deepEqual({ seq, wakeAt }, { seq: 7, wakeAt: 0 });
  await server.clock.advance(100_000);
  assert.equal((await store.load(id))?.seq, 8);
});

test('a machine that is evicted writes when it is due; spurious rows do not make it come back for ever', async () => {
  const store = new SimulatedStore();
  await using server = startToyServer({ store, limits: { cachedMachines: 0 } });
  await server.host.recover();
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + HOUR });
  await server.clock.settle();
  assert.equal((await store.load(id))?.wakeAt, server.clock.now() + HOUR);
  await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + 3 * HOUR });
  await server.clock.advance(2 * HOUR);
  const { seq, wakeAt } = (await store.load(id)) ?? {};
  assert.equal(wakeAt, server.clock.now() + HOUR);
  await server.clock.advance(HOUR - 1);
  assert.equal((await store.load(id))?.seq, seq);
  await server.clock.advance(1);
  assert.deepEqual(await fired(server, 'a'), { t: 1 });
});

/** Time passes while the engine works: a millisecond whenever it looks. */
class BusyClock extends VirtualClock {
  #looks = 0;
  override monotonic(): number {
    return super.monotonic() + (this.#looks += 1);
  }
}

async function startMany(server: ToyServer, count: number, at: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `m${index}`);
  await Promise.all(keys.map((key) => server.send(key, { type: 'start' })));
  await Promise.all(keys.map((key) => server.send(key, { type: 'timer', id: 't', at })));
  return keys;
}

test('many timers that are due at once are woken in slices: others get a turn in between', async () => {
  const clock = new BusyClock();
  await using server = startToyServer({ clock });
  const at = clock.now() + 1_000;
  const keys = await startMany(server, 100, at);
  clock.runNext();
  const woken = server.host.load.pendingRecords;
  assert.ok(woken > 0 && woken < 30, `${woken} of 100 were woken in the first turn`);
  await clock.settle();
  for (const key of keys) assert.deepEqual(await fired(server, key), { t: 1 });
  assert.equal(clock.nextTimerAt, undefined);
});

test('timers are woken no faster than what they decide becomes durable', async () => {
  const clock = new VirtualClock();
  let isSlow = false;
  let most = 0;
  const faults = (operation: StoreOperation): StoreFault | undefined => {
    if (!isSlow || operation !== 'commit') return undefined;
    most = Math.max(most, server.host.load.pendingRecords);
    return { kind: 'slow', delayMs: 50 };
  };
  const store = new SimulatedStore({ clock, faults });
  await using server = startToyServer({ clock, store, limits: { groupRecords: 100 } });
  const keys = await startMany(server, 2_500, clock.now() + 1_000);
  isSlow = true;
  await clock.advance(60_000);
  isSlow = false;
  assert.ok(most > 100 && most <= 1_200, `${most} records waited, of 2,500`);
  for (const key of keys) assert.deepEqual(await fired(server, key), { t: 1 });
});

test('machines that sleep and are due at once are not all loaded before the first is woken', async () => {
  const clock = new BusyClock();
  await using server = startToyServer({ clock, limits: { cachedMachines: 0, recoveryLoads: 4 } });
  await server.host.recover();
  const keys = await startMany(server, 200, clock.now() + HOUR);
  await clock.settle();
  assert.equal(server.host.load.machines, 0, 'all sleep');
  let most = 0;
  const load = server.store.load.bind(server.store);
  server.store.load = (machine) => {
    most = Math.max(most, server.host.load.machines);
    return load(machine);
  };
  await clock.advance(HOUR);
  assert.ok(most < 100, `${most} of 200 were in memory at once`);
  for (const key of keys) assert.deepEqual(await fired(server, key), { t: 1 });
});

test('machines that sleep are loaded a little before they are due, as long as memory is half empty', async () => {
  for (const { cachedMachines, ahead } of [{ cachedMachines: 1_000, ahead: 50 }, { cachedMachines: 40, ahead: 20 }]) {
    const [store, clock] = [new SimulatedStore(), new VirtualClock()];
    const at = clock.now() + HOUR;
    const before = startToyServer({ store, clock });
    const keys = await startMany(before, 50, at);
    await before.host.close();
    let loads = 0;
    const load = store.load.bind(store);
    store.load = (machine) => {
      loads += 1;
      return load(machine);
    };
    await using server = startToyServer({ store, clock, limits: { cachedMachines, recoveryLoads: 4 } });
    await server.host.recover();
    await clock.advance(at - clock.now() - 10_000);
    assert.equal(loads, 0, 'nothing is loaded that is not nearly due');
    await clock.advance(9_999);
    assert.equal(loads, ahead);
    await clock.advance(1);
    await clock.settle();
    assert.ok(loads >= 50 && loads <= 100, `${loads} loads`);
    for (const key of keys) assert.deepEqual(await fired(server, key), { t: 1 });
  }
});

test('a closed machine that owes nothing has no wake in its row, and no timer is left', async () => {
  const store = new SimulatedStore();
  await using server = startToyServer({ store });
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'timer', id: 't', at: server.clock.now() + 10 });
  await server.send('a', { type: 'close' });
  assert.equal((await store.load(id))?.wakeAt, undefined);
  await server.clock.advance(10);
  assert.equal(server.clock.nextTimerAt, undefined);
});

test('after a start with many machines that are due the host serves requests beside their recovery, also if the store fails then', async () => {
  const store = new SimulatedStore();
  const clock = new VirtualClock();
  const at = clock.now() + 1_000;
  {
    await using before = startToyServer({ store, clock });
    await before.send('a', { type: 'start' });
    await before.send('a', { type: 'timer', id: 't', at });
    await before.send('b', { type: 'start' });
  }
  await clock.advance(10_000);
  await using server = startToyServer({ store, clock });
  const due = store.due.bind(store);
  let fail: (error: Error) => void = () => {};
  store.due = () => new Promise((_, reject) => (fail = reject));
  const recovered = server.host.recover(1_000);
  await clock.advance(1_000);
  await recovered;
  await server.send('b', { type: 'add', amount: 1 });
  assert.equal((await server.toy('b')).count, 1);
  store.due = due;
  fail(new Error('the disk is slow'));
  await clock.advance(60_000);
  assert.deepEqual(await fired(server, 'a'), { t: 1 });
});
