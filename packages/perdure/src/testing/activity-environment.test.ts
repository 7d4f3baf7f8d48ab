/** One activity on its own: what it is told, what it reports, and how it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancelledFailure, Context, heartbeat, sleep } from '../sdk/activity/index.js';
import { TimeoutFailure } from '../sdk/common/index.js';
import { ActivityEnvironment, MockActivityEnvironment } from './index.js';
import { copyRows } from './test-activities.js';

test('an activity gets its arguments and info, and its heartbeats are recorded', async () => {
  const env = new ActivityEnvironment({ attempt: 2, heartbeatDetails: 97 });
  const before = env.currentTime().getTime();
  assert.equal(await env.run(copyRows, 100), 3);
  assert.deepEqual(env.heartbeats, [98, 99, 100]);
  assert.equal(env.currentTime().getTime() - before, 3_000, 'its sleeps take virtual time');
});

test('what it throws comes out', async () => {
  await assert.rejects(
    new ActivityEnvironment().run(async () => {
      throw new RangeError('no such row');
    }),
    /no such row/,
  );
});

test('it can be cancelled, for example at a heartbeat', async () => {
  const env = new MockActivityEnvironment();
  env.on('heartbeat', () => env.cancel());
  const run = env.run(async () => {
    heartbeat('alive');
    await sleep('1 hour');
  });
  await assert.rejects(run, CancelledFailure);
});

test('a start-to-close timeout ends it and tells it', async () => {
  const env = new ActivityEnvironment({ startToCloseTimeoutMs: 3_600_000 });
  let told: boolean | undefined;
  const run = env.run(async () => {
    Context.current().cancelled.catch(() => (told = Context.current().cancellationDetails?.timedOut));
    await sleep('2 hours');
  });
  await assert.rejects(run, (error: unknown) => error instanceof TimeoutFailure && error.timeoutType === 'START_TO_CLOSE');
  assert.equal(told, true);
});

test('silence ends it when there is a heartbeat timeout, and carries the last details', async () => {
  const env = new ActivityEnvironment({ heartbeatTimeoutMs: 5_000 });
  const run = env.run(async () => {
    await sleep('4 seconds');
    heartbeat('one');
    await sleep('4 seconds');
    heartbeat('two');
    await sleep('6 seconds');
  });
  await assert.rejects(run, (error: unknown) => error instanceof TimeoutFailure && error.timeoutType === 'HEARTBEAT' && error.lastHeartbeatDetails === 'two');
});

test('a second attempt shows whether an activity is idempotent', async () => {
  const done = new Map<string, string>();
  const charge = async (): Promise<string> => {
    const key = Context.current().info.idempotencyKey;
    if (!done.has(key)) done.set(key, `receipt ${done.size + 1}`);
    return done.get(key) as string;
  };
  assert.deepEqual(await new ActivityEnvironment().runTwice(charge), { first: 'receipt 1', second: 'receipt 1' });
  let count = 0;
  const careless = async (): Promise<number> => (count += 1);
  await assert.rejects(new ActivityEnvironment().runTwice(careless), /careless is not idempotent: its second attempt gave 2, the first one 1/);
});

test('the second attempt goes on where the first one stopped', async () => {
  const starts: unknown[] = [];
  await new ActivityEnvironment().runTwice(async () => {
    starts.push([Context.current().info.attempt, Context.current().info.heartbeatDetails]);
    heartbeat('row 7');
  });
  assert.deepEqual(starts, [
    [1, undefined],
    [2, 'row 7'],
  ]);
});
