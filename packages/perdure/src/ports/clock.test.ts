/**
 * The virtual clock's order is what makes tests and simulations repeatable, so it is pinned down here. Of the system
 * clock only that is tested which needs no waiting for real time: what Node's timers would get wrong.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from './system-clock.js';
import { FOREVER_MS, VirtualClock } from './virtual-clock.js';

test('virtual timers run by time, then in the order in which they were set, each at its own time', async () => {
  const clock = new VirtualClock(1_000);
  const ran: string[] = [];
  const record = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
  clock.setTimer(1_030, record('late'));
  clock.setTimer(1_010, record('first'));
  clock.setDelay(10, record('second'));
  clock.setTimer(500, record('past'));
  assert.deepEqual(ran, [], 'nothing runs inside the call that sets it');
  await clock.advance(29);
  assert.deepEqual(ran, ['past@1000', 'first@1010', 'second@1010']);
  assert.equal(clock.now(), 1_029);
  assert.equal(clock.monotonic(), 29);
  assert.equal(clock.nextTimerAt, 1_030);
  await clock.advance(1);
  assert.equal(ran.at(-1), 'late@1030');
  assert.equal(clock.nextTimerAt, undefined);
});

test('a timer set by a timer, by a promise or by deferred work runs within the same advance when it is due', async () => {
  const clock = new VirtualClock(0);
  const ran: string[] = [];
  clock.setTimer(10, () => {
    void Promise.resolve()
      .then(() => {})
      .then(() => clock.setTimer(20, () => ran.push(`promise@${clock.now()}`)));
    clock.defer(() => clock.defer(() => clock.setTimer(15, () => ran.push(`deferred@${clock.now()}`))));
  });
  await clock.advance(20);
  assert.deepEqual(ran, ['deferred@15', 'promise@20']);
});

test('a cancelled virtual timer does not run, and cancelling again or later is harmless', async () => {
  const clock = new VirtualClock(0);
  let runs = 0;
  const cancelled = clock.setTimer(5, () => (runs += 100));
  const kept = clock.setTimer(5, () => {
    runs += 1;
    kept.cancel();
  });
  cancelled.cancel();
  cancelled.cancel();
  await clock.advance(10);
  assert.equal(runs, 1);
});

test('deferred work runs in order, after the turn, without time passing', async () => {
  const clock = new VirtualClock(0);
  const ran: number[] = [];
  clock.defer(() => ran.push(1));
  clock.defer(() => ran.push(2));
  assert.deepEqual(ran, []);
  await clock.settle();
  assert.deepEqual(ran, [1, 2]);
  assert.equal(clock.now(), 0);
});

test('setting the wall clock moves timers for a date, and neither delays nor what is measured', async () => {
  const clock = new VirtualClock(1_000);
  const ran: string[] = [];
  clock.setTimer(2_000, () => ran.push('date'));
  clock.setDelay(600, () => ran.push('delay'));
  clock.step(900);
  assert.equal(clock.now(), 1_900);
  assert.equal(clock.monotonic(), 0);
  await clock.advance(100);
  assert.deepEqual(ran, ['date']);
  clock.step(-5_000);
  await clock.advance(500);
  assert.deepEqual(ran, ['date', 'delay']);
  assert.equal(clock.monotonic(), 600);
});

test('two advances at once are refused, and so is going back', async () => {
  const clock = new VirtualClock(0);
  const first = clock.advance(1);
  await assert.rejects(clock.advance(1), /already advancing/);
  await first;
  await assert.rejects(clock.advance(-1), RangeError);
});

/** Node's `setTimeout` fires after 1 ms when asked for more than 2^31 - 1 ms. */
test('a system timer further away than Node can count waits', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  try {
    const hundredDaysMs = 100 * 86_400_000;
    let ranAt: number | undefined;
    systemClock.setTimer(hundredDaysMs, () => (ranAt = Date.now()));
    mock.timers.tick(hundredDaysMs - 1);
    assert.equal(ranAt, undefined);
    mock.timers.tick(1);
    assert.equal(ranAt, hundredDaysMs);
  } finally {
    mock.timers.reset();
  }
});

test('a system timer follows the wall clock: set back, it waits; set forward, it runs within a minute', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 10_000_000 });
  try {
    let runs = 0;
    systemClock.setTimer(10_001_000, () => runs++);
    mock.timers.setTime(10_000_999); // Moves the date and, as Node's mock does it, no timer that is not due.
    assert.equal(runs, 0);
    const realNow = Date.now;
    let steppedBackMs = 5_000;
    Date.now = () => realNow() - steppedBackMs;
    mock.timers.tick(1_000);
    assert.equal(runs, 0, 'the wall clock has not got there yet');
    steppedBackMs = 0;
    mock.timers.tick(60_000);
    assert.equal(runs, 1);
    Date.now = realNow;
  } finally {
    mock.timers.reset();
  }
});

test('a cancelled system timer does not run, also after it slept once', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  try {
    let runs = 0;
    const timer = systemClock.setTimer(200_000, () => runs++);
    mock.timers.tick(100_000);
    timer.cancel();
    mock.timers.tick(1_000_000);
    assert.equal(runs, 0);
  } finally {
    mock.timers.reset();
  }
});

test('a system delay does not run early', async () => {
  const before = systemClock.monotonic();
  await new Promise<void>((resolve) => systemClock.setDelay(3.7, resolve));
  assert.ok(systemClock.monotonic() - before >= 3.7);
});

test('system deferrals run in order after the turn and its promise reactions', async () => {
  const ran: string[] = [];
  await new Promise<void>((resolve) => {
    systemClock.defer(() => ran.push('first'));
    systemClock.defer(() => {
      ran.push('second');
      resolve();
    });
    void Promise.resolve().then(() => ran.push('reaction'));
    ran.push('turn');
  });
  assert.deepEqual(ran, ['turn', 'reaction', 'first', 'second']);
});

test('a wait for ever is no timer: virtual time never goes there', () => {
  const clock = new VirtualClock();
  for (const timer of [clock.setDelay(FOREVER_MS, () => assert.fail('never')), clock.setTimer(clock.now() + FOREVER_MS, () => assert.fail('never'))]) {
    assert.equal(clock.nextTimerAt, undefined);
    timer.cancel();
  }
  assert.equal(clock.runNext(), false);
});
