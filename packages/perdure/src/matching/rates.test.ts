/** Limits that operators set hold in every window of time; what workers ask for counts where operators say nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { KeyRates } from './key-rates.js';
import { Matching, type QueueSettings } from './matching.js';
import { ACTIVITY_QUEUE, ScriptedTask, seeded } from './scripted-task.js';

const settings = (given: Partial<QueueSettings>): QueueSettings => ({ tasksPerSecond: undefined, keyTasksPerSecond: undefined, keyWeights: new Map(), ...given });

function setUp() {
  const clock = new VirtualClock();
  const matching = new Matching({ clock });
  const start = clock.monotonic();
  const taken: { readonly name: string; readonly at: number }[] = [];
  const poll = (maxTasksPerSecond?: number): void => {
    const request = { identity: 'w', requestId: 'r', signal: new AbortController().signal, timeoutMs: 3_600_000, maxTasksPerSecond };
    void matching.poll(ACTIVITY_QUEUE, request).then((task) => taken.push({ name: `${task}`, at: clock.monotonic() - start }));
  };
  const configure = (given: Partial<QueueSettings>): void => matching.configure(ACTIVITY_QUEUE, settings(given));
  return { clock, matching, poll, taken, configure };
}

/** No window holds more than its time's worth and a second's. */
function assertRate(times: readonly number[], perSecond: number): void {
  const burst = Math.max(1, perSecond);
  for (let from = 0; from < times.length; from++) {
    for (let to = from; to < times.length; to++) {
      const windowMs = (times[to] ?? 0) - (times[from] ?? 0);
      assert.ok(to - from + 1 <= (perSecond * windowMs) / 1000 + burst + 1e-6, `${to - from + 1} tasks in ${windowMs} ms at ${perSecond} a second`);
    }
  }
}

test('random arrivals: the rate holds in every window, and it is used up', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seeded(seed);
    const perSecond = [0.5, 3, 10, 40][seed % 4] ?? 1;
    const { clock, matching, poll, taken, configure } = setUp();
    configure({ tasksPerSecond: perSecond });
    let offered = 0;
    for (let step = 0; step < 60; step++) {
      for (let more = Math.floor(random() * 2 * perSecond); more > 0; more--) {
        matching.offer(new ScriptedTask(`${offered++}`, random() < 0.3 ? { fairnessKey: `${offered % 3}` } : undefined));
        poll();
      }
      await clock.advance(Math.floor(random() * 700));
    }
    await clock.advance(((offered + 1) * 1000) / perSecond);
    assert.equal(taken.length, offered, `seed ${seed}: everything went out`);
    assertRate(taken.map(({ at }) => at), perSecond);
    matching.close();
  }
});

test('what operators set goes before what workers ask for, and back; zero stops the queue', async () => {
  const { clock, matching, poll, taken, configure } = setUp();
  const rate = () => matching.describe(ACTIVITY_QUEUE).rate;
  poll(7);
  assert.deepEqual(rate(), { perSecond: 7, source: 'worker' });
  configure({ tasksPerSecond: 0 });
  assert.deepEqual(rate(), { perSecond: 0, source: 'operator' });
  matching.offer(new ScriptedTask('a'));
  await clock.advance(60_000);
  assert.equal(taken.length, 0);
  configure({});
  await clock.settle();
  assert.equal(taken.length, 1, 'the queue goes on at once');
  assert.deepEqual(rate(), { perSecond: 7, source: 'worker' });
  poll();
  assert.deepEqual(rate(), { perSecond: undefined, source: 'none' }, 'the latest poll asks for none');
});

test('a faster rate does not wait for what a slower one made necessary', async () => {
  const { clock, matching, poll, taken, configure } = setUp();
  configure({ tasksPerSecond: 0.01 });
  for (const name of ['a', 'b', 'c']) {
    poll();
    matching.offer(new ScriptedTask(name));
  }
  await clock.advance(5_000);
  assert.equal(taken.length, 1);
  configure({ tasksPerSecond: 2 });
  await clock.advance(1_500);
  assert.equal(taken.length, 3);
});

test('a limit of a queue that is idle or unknown holds when the queue is used', async () => {
  const { clock, matching, poll, taken, configure } = setUp();
  configure({ tasksPerSecond: 1 });
  assert.deepEqual(matching.describe(ACTIVITY_QUEUE).rate, { perSecond: 1, source: 'operator' });
  for (const name of ['a', 'b']) {
    poll();
    matching.offer(new ScriptedTask(name));
  }
  await clock.settle();
  assert.equal(taken.length, 1);
});

test('every key has the rate of its weight, and a key at its limit lets others and lower levels pass', async () => {
  const { clock, matching, poll, taken, configure } = setUp();
  configure({ keyTasksPerSecond: 2, keyWeights: new Map([['heavy', 3]]) });
  for (let task = 0; task < 100; task++) {
    matching.offer(new ScriptedTask('light', { fairnessKey: 'light', level: 1 }));
    matching.offer(new ScriptedTask('heavy', { fairnessKey: 'heavy' }));
    matching.offer(new ScriptedTask('plain'));
    for (let polls = 0; polls < 3; polls++) poll();
  }
  await clock.advance(4_000);
  const times = (name: string): number[] => taken.filter((each) => each.name === name).map(({ at }) => at);
  assertRate(times('light'), 2);
  assertRate(times('heavy'), 6);
  assertRate(times('plain'), 2);
  assert.deepEqual([times('light').length, times('heavy').length, times('plain').length], [10, 30, 10]);
  configure({});
  await clock.settle();
  assert.equal(taken.length, 300, 'without the limit everything goes out at once');
});

test('a key that is stopped comes back when the limit is lifted', async () => {
  const { clock, matching, poll, taken, configure } = setUp();
  configure({ keyTasksPerSecond: 0 });
  matching.offer(new ScriptedTask('a', { fairnessKey: 'k' }));
  poll();
  await clock.advance(60_000);
  assert.equal(taken.length, 0);
  configure({ keyTasksPerSecond: 5 });
  await clock.settle();
  assert.equal(taken.length, 1);
});

test('the keys that are tracked are bounded', () => {
  const rates = new KeyRates(1, 10);
  for (let key = 0; key < 1_000; key++) rates.count(`${key}`, 1, 0);
  assert.equal(rates.size, 10);
  assert.ok(rates.waitMs('999', 1, 0) > 0);
  assert.equal(rates.waitMs('0', 1, 0), 0, 'one that is forgotten begins anew');
});

test('rates of the last half minute, by level; a limit that holds tasks back is told', async () => {
  const { clock, matching, poll, configure } = setUp();
  for (let second = 0; second < 60; second++) {
    matching.offer(new ScriptedTask('a', { level: 1 }, clock.now()));
    if (second % 2 === 0) poll();
    await clock.advance(1_000);
  }
  const stats = matching.describe(ACTIVITY_QUEUE).levels.get(1);
  assert.ok(stats && Math.abs(stats.addRate - 1) < 0.1 && Math.abs(stats.dispatchRate - 0.5) < 0.1, JSON.stringify(stats));
  assert.equal(stats.backlogCount, 30);
  assert.equal(stats.oldestSince, clock.now() - 30_000);
  configure({ tasksPerSecond: 0 });
  poll();
  assert.equal(matching.describe(ACTIVITY_QUEUE).isHeldBack, true);
  configure({});
  await clock.advance(120_000);
  assert.equal(matching.describe(ACTIVITY_QUEUE).isHeldBack, false);
  assert.equal(matching.describe(ACTIVITY_QUEUE).levels.get(1)?.addRate, 0);
});

test('both rates are told for the same time: a first dispatch long after the first task is no burst', async () => {
  const { clock, matching, poll } = setUp();
  for (let count = 0; count < 10; count++) matching.offer(new ScriptedTask('a', undefined, clock.now()));
  await clock.advance(9_000);
  for (let count = 0; count < 10; count++) poll();
  await clock.advance(1_000);
  const stats = matching.describe(ACTIVITY_QUEUE).levels.get(3);
  assert.deepEqual([stats?.backlogCount, stats?.addRate, stats?.dispatchRate], [0, 1, 1]);
});

test('the rate of additions survives a clock that is set, forward and back', async () => {
  const { clock, matching } = setUp();
  const addForAMinute = async (): Promise<number | undefined> => {
    for (let second = 0; second < 60; second++) {
      matching.offer(new ScriptedTask('a', undefined, clock.now()));
      await clock.advance(1_000);
    }
    return matching.describe(ACTIVITY_QUEUE).levels.get(3)?.addRate;
  };
  const isOne = (rate: number | undefined): void => assert.ok(rate !== undefined && Math.abs(rate - 1) < 0.1, `${rate}`);
  isOne(await addForAMinute());
  clock.step(3_600_000);
  assert.equal(matching.describe(ACTIVITY_QUEUE).levels.get(3)?.addRate, 0, 'nothing came in the half minute before');
  isOne(await addForAMinute());
  clock.step(-3_600_000);
  assert.equal(matching.describe(ACTIVITY_QUEUE).levels.get(3)?.addRate, 0);
  isOne(await addForAMinute());
});

test('a full matching still hands a task to a poll that waits for it', async () => {
  const clock = new VirtualClock();
  const matching = new Matching({ clock, limits: { readyTasks: 2 } });
  const dead = { ...ACTIVITY_QUEUE, name: 'dead' };
  class Dead extends ScriptedTask {
    override readonly queue = dead;
  }
  for (let task = 0; task < 2; task++) assert.ok(matching.offer(new Dead('dead')));
  assert.equal(matching.offer(new Dead('dead')), false);
  const polled = matching.poll(ACTIVITY_QUEUE, { identity: 'w', requestId: 'r', signal: new AbortController().signal, timeoutMs: 60_000 });
  assert.equal(matching.offer(new ScriptedTask('alive')), true);
  assert.equal(await polled, 'alive');
  assert.equal(matching.offer(new ScriptedTask('too many')), false);
});
