/**
 * The simulated store keeps the same contract as the real ones, fails exactly as planned, and loses in a crash what a
 * real one may lose: simulations are only worth something if their store is neither kinder nor crueller than a disk.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../ports/random.js';
import { VirtualClock } from '../../ports/virtual-clock.js';
import { testStoreContract } from '../contract/contract.js';
import { bytes, created, machine, step } from '../contract/fixtures.js';
import { StoreUnavailableError } from '../errors.js';
import { randomFaults, SimulatedStore, type StoreFault } from './simulated-store.js';

testStoreContract({
  name: 'simulated',
  async open() {
    let store = new SimulatedStore();
    return {
      store,
      async reopen() {
        await store.close();
        return (store = new SimulatedStore({ disk: store.disk }));
      },
      [Symbol.asyncDispose]: () => store.close(),
    };
  },
});

/** Fails once, at the nth commit. */
function atCommit(n: number, fault: StoreFault): (operation: string) => StoreFault | undefined {
  let commits = 0;
  return (operation) => (operation === 'commit' && ++commits === n ? fault : undefined);
}

/** Whether a promise settles once everything that can happen without time passing has happened. */
async function settles(promise: Promise<unknown>, clock = new VirtualClock()): Promise<boolean> {
  let settled = false;
  const mark = () => void (settled = true);
  promise.then(mark, mark);
  await clock.settle();
  return settled;
}

test('an unavailable store refuses one commit, keeps none of it, and accepts it when it is tried again', async () => {
  const store = new SimulatedStore({ faults: atCommit(2, { kind: 'unavailable', reason: 'full' }) });
  await store.commit([created(1)]);
  await assert.rejects(
    store.commit([step(1, 2), created(2)]),
    (error) => error instanceof StoreUnavailableError && error.reason === 'full',
  );
  assert.equal((await store.load(machine(1)))?.seq, 1);
  assert.equal(await store.load(machine(2)), undefined);
  await store.commit([step(1, 2), created(2)]);
  assert.equal((await store.load(machine(1)))?.seq, 2);
});

test('a slow commit takes its time, and those behind it wait for their turn', async () => {
  const clock = new VirtualClock();
  const store = new SimulatedStore({ clock, faults: atCommit(1, { kind: 'slow', delayMs: 100 }) });
  const order: string[] = [];
  const slow = store.commit([created(1)]).then(() => order.push('slow'));
  const quick = store.commit([step(1, 2)]).then(() => order.push('quick'));
  await clock.advance(99);
  assert.deepEqual(order, []);
  assert.equal(await store.load(machine(1)), undefined, 'not visible before it is durable');
  await clock.advance(1);
  await Promise.all([slow, quick]);
  assert.deepEqual(order, ['slow', 'quick']);
});

for (const [moment, survives] of [['beforeWrite', false], ['afterWrite', true]] as const) {
  test(`a crash ${moment}: the caller never hears, later commits are lost, committed ones are there`, async () => {
    const store = new SimulatedStore({ faults: atCommit(2, { kind: 'crash', moment }) });
    await store.commit([created(1)]);
    const crashing = store.commit([step(1, 2, { private: bytes('?') })]);
    const behind = store.commit([created(3)]);
    assert.equal(await settles(crashing), false);
    assert.equal(await settles(behind), false);
    assert.equal(await settles(store.load(machine(1))), false);

    const restarted = new SimulatedStore({ disk: store.disk });
    assert.equal((await restarted.load(machine(1)))?.seq, survives ? 2 : 1);
    assert.equal(await restarted.load(machine(3)), undefined);
  });
}

test('a crash from outside loses a commit that was still slow', async () => {
  const clock = new VirtualClock();
  const store = new SimulatedStore({ clock, faults: () => ({ kind: 'slow', delayMs: 10 }) });
  const commit = store.commit([created(1)]);
  await clock.advance(5);
  store.crash();
  await clock.advance(1_000);
  assert.equal(await settles(commit, clock), false);
  assert.equal(await new SimulatedStore({ disk: store.disk }).load(machine(1)), undefined);
});

test('faults by chance: the same seed gives the same ones, in about the proportion asked for', () => {
  const faults = (seed: number) => {
    const plan = randomFaults(seededRandom(seed, { now: () => 0 }), { unavailable: 0.1, slow: 0.2, slowestMs: 50 });
    return Array.from({ length: 1_000 }, () => plan('commit'));
  };
  assert.deepEqual(faults(1), faults(1));
  assert.notDeepEqual(faults(1), faults(2));
  const share = (kind: string) => faults(1).filter((fault) => fault?.kind === kind).length / 1_000;
  assert.ok(Math.abs(share('unavailable') - 0.1) < 0.04);
  assert.ok(Math.abs(share('slow') - 0.2) < 0.05);
});
