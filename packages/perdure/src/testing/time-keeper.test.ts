/** The rules of time on their own: when it is skipped, when it stands still, when it goes by, and in which order things happen. */
import assert from 'node:assert/strict';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { TimeKeeper } from './time-keeper.js';

const HOUR_MS = 3_600_000;

test('a wait skips to what is due, one instant after the other, in the order in which it was asked for', async () => {
  const keeper = new TimeKeeper(0);
  const ran: string[] = [];
  for (const [name, atMs] of [['late', 2 * HOUR_MS], ['first', HOUR_MS], ['second', HOUR_MS]] as const) {
    keeper.clock.setTimer(atMs, () => {
      ran.push(`${name}@${keeper.now() / HOUR_MS}`);
      // What it causes comes before what is due later, also after a few turns.
      void turn().then(turn).then(() => keeper.clock.setDelay(HOUR_MS / 2, () => ran.push(`after ${name}@${keeper.now() / HOUR_MS}`)));
    });
  }
  await keeper.sleep(2 * HOUR_MS);
  assert.deepEqual(ran, ['first@1', 'second@1', 'after first@1.5', 'after second@1.5', 'late@2']);
  assert.equal(keeper.now(), 2 * HOUR_MS);
  keeper.close();
});

test('several sleepers wake at their times, each after what is due at its instant', async () => {
  const keeper = new TimeKeeper(0);
  const ran: string[] = [];
  const sleep = (hours: number): Promise<unknown> => keeper.sleep(hours * HOUR_MS).then(() => ran.push(`slept ${hours}`));
  const slept = Promise.all([sleep(3), sleep(1), sleep(2)]);
  keeper.clock.setTimer(HOUR_MS, () => ran.push('timer 1'));
  await slept;
  assert.deepEqual(ran, ['timer 1', 'slept 1', 'slept 2', 'slept 3']);
  keeper.close();
});

test('requests and workflow tasks stop time, and let it stand still', async () => {
  for (const kind of ['request', 'task'] as const) {
    const keeper = new TimeKeeper(0);
    const end = keeper.beginWork(kind);
    const slept = keeper.sleep(HOUR_MS);
    await delay(150);
    assert.equal(keeper.now(), 0);
    end();
    await slept;
    assert.equal(keeper.now(), HOUR_MS);
    keeper.close();
  }
});

test('an activity at work lets time go by at its pace', async () => {
  const keeper = new TimeKeeper(0);
  const end = keeper.beginWork('activity');
  let firedAt: number | undefined;
  keeper.clock.setTimer(130, () => (firedAt = keeper.now()));
  const endWait = keeper.beginWait();
  await delay(200);
  assert.ok(firedAt !== undefined && firedAt >= 130);
  assert.ok(keeper.now() >= 190 && keeper.now() < HOUR_MS);
  end();
  endWait();
  keeper.close();
});

test('a quick activity takes no time', () => {
  const keeper = new TimeKeeper(0);
  keeper.clock.setTimer(HOUR_MS, () => {});
  for (let count = 0; count < 1_000; count++) keeper.beginWork('activity')();
  assert.equal(keeper.now(), 0);
  keeper.close();
});

test('time stands still while nothing will ever be due', async () => {
  const keeper = new TimeKeeper(0);
  await delay(150);
  assert.equal(keeper.now(), 0);
  const timer = keeper.clock.setTimer(HOUR_MS, () => {});
  timer.cancel();
  await delay(150);
  assert.equal(keeper.now(), 0);
  keeper.close();
});

test('upkeep comes at its time when time gets there, and is no reason to go there', async () => {
  const keeper = new TimeKeeper(0);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${keeper.now() / HOUR_MS}`);
  for (const hours of [3, 1, 50]) keeper.clock.setUpkeepTimer?.(hours * HOUR_MS, note('upkeep'));
  const cancelled = keeper.clock.setUpkeepTimer?.(HOUR_MS, note('cancelled'));
  cancelled?.cancel();
  const endWait = keeper.beginWait();
  await delay(50);
  assert.deepEqual([keeper.now(), ran], [0, []], 'a wait in which nothing else is due');
  endWait();
  keeper.clock.setTimer(2 * HOUR_MS, note('timer'));
  await keeper.sleep(4 * HOUR_MS);
  assert.deepEqual(ran, ['upkeep@1', 'timer@2', 'upkeep@3']);
  assert.equal(keeper.now(), 4 * HOUR_MS);
  keeper.close();
});

test('whoever sleeps is let go when the keeper closes', async () => {
  const keeper = new TimeKeeper(0);
  keeper.beginWork('activity');
  const slept = keeper.sleep(HOUR_MS);
  keeper.close();
  await slept;
});
