/** Local activities in a worker: retries, timeouts, cancellation, limits, and what a shutdown does to tasks that wait. */
import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { TimeoutType } from '../../protocol/index.js';
import { Context, sleep } from '../activity/index.js';
import { ApplicationFailure, defaultDataConverter, defaultPayloadConverter } from '../common/index.js';
import type { LocalActivityRequest, LocalActivityResolution, RunningLocalActivity } from '../replay/local-activities.js';
import type { ActivityFunction } from './activity-attempt.js';
import { retryDelayMs } from './local-activity-retry.js';
import { FixedSlots } from './slots/slots.js';
import { LocalActivityRunner } from './local-activity-runner.js';
import { silentLogger } from './testing-server.js';

interface Stage {
  readonly runner: LocalActivityRunner;
  start(request?: Partial<LocalActivityRequest>): RunningLocalActivity & { readonly ended: LocalActivityResolution[] };
}

function stage(t: TestContext, activity: ActivityFunction, limit = 10): Stage {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  t.after(() => mock.timers.reset());
  return runnerOf(activity, limit);
}

function runnerOf(activity: ActivityFunction, limit: number): Stage {
  const runner = new LocalActivityRunner(
    { namespace: 'default', taskQueue: 'orders', activities: new Map([['charge', activity]]), dataConverter: defaultDataConverter, logger: silentLogger() },
    new FixedSlots(limit),
  );
  return {
    runner,
    start: (request = {}) => {
      const ended: LocalActivityResolution[] = [];
      const running = runner.start({ ...REQUEST, ...request }, (resolution) => ended.push(resolution));
      return { ended, cancel: () => running.cancel(), abandon: () => running.abandon() };
    },
  };
}

const REQUEST: LocalActivityRequest = {
  workflowId: 'w',
  runId: 'r',
  workflowType: 'order',
  activityId: '1',
  activityType: 'charge',
  attempt: 1,
  originalScheduleTimeMs: undefined,
  headers: undefined,
  input: [defaultPayloadConverter.toPayload(5)],
  scheduleToCloseTimeoutMs: undefined,
  scheduleToStartTimeoutMs: undefined,
  startToCloseTimeoutMs: 5_000,
  retryPolicy: undefined,
  localRetryThresholdMs: undefined,
};

/** Lets everything that is ready run; timers stand still. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
}

async function tick(millis: number): Promise<void> {
  await settle();
  mock.timers.tick(millis);
  await settle();
}

const never = (): Promise<never> => new Promise(() => undefined);

test('the function has its arguments and a context; its result comes back', async (t) => {
  const s = stage(t, (amount) => {
    const { info } = Context.current();
    return [amount, info.isLocal, info.activityType, info.attempt, info.workflowExecution?.workflowId, info.idempotencyKey];
  });
  const { ended } = s.start();
  assert.equal(ended.length, 0, 'never from within the call');
  await settle();
  assert.ok(ended[0]?.outcome.kind === 'completed');
  assert.deepEqual(defaultPayloadConverter.fromPayload(ended[0].outcome.result), [5, true, 'charge', 1, 'w', 'w/r/1']);
  assert.deepEqual([ended[0].attempt, ended[0].originalScheduleTimeMs], [1, 1_000_000]);
});

test('a failed attempt is repeated after its backoff, in the same activity', async (t) => {
  let calls = 0;
  const s = stage(t, () => {
    if (++calls < 3) throw new Error(`no ${calls}`);
    return Context.current().info.attempt;
  });
  const { ended } = s.start();
  await tick(999);
  assert.equal(calls, 1);
  await tick(1);
  assert.equal(calls, 2);
  await tick(2_000);
  assert.ok(ended[0]?.outcome.kind === 'completed');
  assert.deepEqual([defaultPayloadConverter.fromPayload(ended[0].outcome.result), ended[0].attempt], [3, 3]);
});

test('a backoff beyond the threshold is the workflow’s to wait for', async (t) => {
  const s = stage(t, () => {
    throw new Error('busy');
  });
  const { ended } = s.start({ localRetryThresholdMs: 500, retryPolicy: { initialInterval: 501 } });
  await settle();
  assert.deepEqual([ended[0]?.outcome.kind, ended[0]?.backoffMs], ['failed', 501]);
});

test('non-retryable failures and the last attempt end it', async (t) => {
  const s = stage(t, () => {
    throw ApplicationFailure.nonRetryable('declined', 'Declined');
  });
  const { ended } = s.start();
  await settle();
  assert.ok(ended[0]?.outcome.kind === 'failed');
  assert.equal(ended[0].outcome.failure.applicationFailureInfo?.type, 'Declined');
});

test('start-to-close ends an attempt, which is repeated; the function is told', async (t) => {
  const reasons: string[] = [];
  const s = stage(t, () => {
    Context.current().cancellationSignal.addEventListener('abort', (event) => reasons.push(String((event.target as AbortSignal).reason)));
    return never();
  });
  const { ended } = s.start({ startToCloseTimeoutMs: 100, retryPolicy: { maximumAttempts: 2 } });
  await tick(100);
  assert.equal(ended.length, 0);
  await tick(1_000);
  await tick(100);
  assert.ok(ended[0]?.outcome.kind === 'timed-out');
  assert.equal(ended[0].outcome.failure.timeoutFailureInfo?.timeoutType, TimeoutType.START_TO_CLOSE);
  assert.equal(reasons.length, 2);
});

test('schedule-to-close ends it for good, also while it backs off, and counts from the first attempt of all', async (t) => {
  const s = stage(t, () => {
    throw new Error('no');
  });
  const first = s.start({ scheduleToCloseTimeoutMs: 500 });
  await tick(500);
  assert.equal(first.ended[0]?.outcome.kind, 'timed-out');
  const late = s.start({ scheduleToCloseTimeoutMs: 500, originalScheduleTimeMs: 1_000_000, attempt: 2 });
  mock.timers.tick(0);
  assert.equal(late.ended[0]?.outcome.kind, 'timed-out');
});

test('a cancelled one ends as its function does; one that backs off ends at once', async (t) => {
  const s = stage(t, async () => {
    await sleep(60_000);
  });
  const running = s.start({ startToCloseTimeoutMs: undefined, scheduleToCloseTimeoutMs: 100_000 });
  await settle();
  running.cancel();
  await settle();
  assert.equal(running.ended[0]?.outcome.kind, 'cancelled');
  const failing = runnerOf(() => {
    throw new Error('no');
  }, 1);
  const backingOff = failing.start();
  await settle();
  backingOff.cancel();
  await settle();
  assert.equal(backingOff.ended[0]?.outcome.kind, 'cancelled');
  await tick(10_000);
  assert.equal(backingOff.ended.length, 1);
});

test('no more run at a time than allowed; the others follow in order, or give up waiting', async (t) => {
  const ends: (() => void)[] = [];
  const s = stage(t, () => new Promise<void>((resolve) => ends.push(resolve)), 2);
  const all = [s.start(), s.start(), s.start({ scheduleToStartTimeoutMs: 50 }), s.start()];
  await tick(50);
  assert.deepEqual([ends.length, s.runner.inFlight], [2, 2]);
  assert.ok(all[2]!.ended[0]?.outcome.kind === 'timed-out');
  ends[0]!();
  await settle();
  assert.equal(ends.length, 3);
  ends[2]!();
  await settle();
  assert.deepEqual([all[3]!.ended[0]?.outcome.kind, s.runner.inFlight], ['completed', 1]);
});

test('tasks that wait are renewed at 80 % of their timeout, or when the worker stops', async (t) => {
  let stopped = false;
  const s = stage(t, () => {
    Context.current().cancellationSignal.addEventListener('abort', () => (stopped = true));
    return never();
  });
  const renewed: string[] = [];
  s.runner.renewAfter(s.runner.now(), 10_000, () => renewed.push('in time'));
  mock.timers.tick(8_000);
  s.runner.renewAfter(s.runner.now(), 10_000, () => renewed.push('never'))();
  const { ended } = s.start();
  s.runner.renewAfter(s.runner.now(), 10_000, () => renewed.push('stopped'));
  await settle();
  s.runner.stop();
  assert.deepEqual(renewed, ['in time', 'stopped']);
  await settle();
  assert.deepEqual([ended, stopped, s.runner.inFlight], [[], true, 0]);
});

test('the delays are those of the server', () => {
  const failure = { type: 'Busy', nonRetryable: false, details: undefined, nextRetryDelay: undefined, category: 0 } as const;
  assert.deepEqual([1, 2, 3].map((attempt) => retryDelayMs(undefined, attempt, undefined)), [1_000, 2_000, 4_000]);
  assert.equal(retryDelayMs({ initialInterval: 10 }, 30, undefined), 1_000);
  assert.equal(retryDelayMs({ maximumInterval: 1_500 }, 9, undefined), 1_500);
  assert.equal(retryDelayMs({ maximumAttempts: 2 }, 2, undefined), undefined);
  assert.equal(retryDelayMs({ nonRetryableErrorTypes: ['busy'] }, 1, failure), undefined);
  assert.equal(retryDelayMs(undefined, 1, { ...failure, nonRetryable: true }), undefined);
  assert.equal(retryDelayMs(undefined, 5, { ...failure, nextRetryDelay: 77.5 }), 78);
});
