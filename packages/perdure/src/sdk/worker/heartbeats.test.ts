/** Shows that heartbeats are throttled without losing the latest details, which is where the next attempt resumes. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Heartbeats, heartbeatIntervalMs } from './heartbeats.js';

const INTERVAL_MS = 800;

async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test('the first heartbeat goes out at once, then only the latest of each interval', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const sent: number[] = [];
  const heartbeats = new Heartbeats<number>({ intervalMs: INTERVAL_MS, send: async (details) => void sent.push(details) });

  heartbeats.record(1);
  await microtasks();
  assert.deepEqual(sent, [1]);
  for (let i = 2; i <= 50; i++) heartbeats.record(i);
  mock.timers.tick(INTERVAL_MS - 1);
  await microtasks();
  assert.deepEqual(sent, [1]);
  mock.timers.tick(1);
  await microtasks();
  assert.deepEqual(sent, [1, 50]);
  // A quiet activity sends nothing.
  mock.timers.tick(INTERVAL_MS * 10);
  await microtasks();
  assert.deepEqual(sent, [1, 50]);
  heartbeats.record(51);
  await microtasks();
  assert.deepEqual(sent, [1, 50, 51]);
});

test('flush sends what waits, and nothing is sent after it', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const sent: number[] = [];
  const heartbeats = new Heartbeats<number>({ intervalMs: INTERVAL_MS, send: async (details) => void sent.push(details) });
  heartbeats.record(1);
  heartbeats.record(2);
  await heartbeats.flush();
  assert.deepEqual(sent, [1, 2]);
  heartbeats.record(3);
  mock.timers.tick(INTERVAL_MS * 2);
  await microtasks();
  assert.deepEqual(sent, [1, 2]);
});

test('details that did not arrive are sent again, unless newer ones came', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const tried: number[] = [];
  let fail = true;
  const heartbeats = new Heartbeats<number>({
    intervalMs: INTERVAL_MS,
    send: async (details) => {
      tried.push(details);
      if (fail) throw new Error('lost');
    },
  });
  heartbeats.record(1);
  await microtasks();
  mock.timers.tick(INTERVAL_MS);
  await microtasks();
  assert.deepEqual(tried, [1, 1]);
  heartbeats.record(2);
  fail = false;
  mock.timers.tick(INTERVAL_MS);
  await microtasks();
  assert.deepEqual(tried, [1, 1, 2]);
});

test('the interval is 80 % of the timeout, capped; a default without timeout', () => {
  const limits = { maximumMs: 60_000, defaultMs: 30_000 };
  assert.equal(heartbeatIntervalMs(1_000, limits), 800);
  assert.equal(heartbeatIntervalMs(3_600_000, limits), 60_000);
  assert.equal(heartbeatIntervalMs(0, limits), 30_000);
});
