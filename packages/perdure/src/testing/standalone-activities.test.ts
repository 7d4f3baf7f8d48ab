/** Activities without a workflow, with our client and worker: results, failures, cancellation, options, lists; and time that is skipped for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityInfo, CancelledFailure, CompleteAsyncError, Context, heartbeat } from '../sdk/activity/index.js';
import {
  ActivityExecutionAlreadyStartedError,
  ActivityExecutionFailedError,
  ActivityNotFoundError,
  ApplicationFailure,
  TerminatedFailure,
  TimeoutFailure,
  type ActivityClientInterceptor,
} from '../sdk/client/index.js';
import { TestEnvironment } from './index.js';

const activities = {
  greet: async (name: string): Promise<string> => `Hello, ${name}`,
  failing: async (): Promise<void> => {
    throw ApplicationFailure.nonRetryable('no such card', 'CardError');
  },
  thirdTime: async (): Promise<number> => {
    const { attempt } = activityInfo();
    if (attempt < 3) throw new Error('not yet');
    return attempt;
  },
  untilCancelled: async (): Promise<never> => {
    for (;;) {
      heartbeat('working');
      await Context.current().sleep('1s');
    }
  },
  info: async () => {
    const { workflowExecution, workflowType, inWorkflow, activityRunId, activityId, idempotencyKey } = activityInfo();
    return { workflowExecution: workflowExecution ?? null, workflowType: workflowType ?? null, inWorkflow, activityRunId, activityId, idempotencyKey };
  },
};

const TASK_QUEUE = 'alone';

async function withWorker(): Promise<TestEnvironment> {
  const env = await TestEnvironment.create();
  await env.worker({ activities, taskQueue: TASK_QUEUE });
  return env;
}

const options = (id: string) => ({ id, taskQueue: TASK_QUEUE, startToCloseTimeout: '1 minute' }) as const;

test('an activity is started by its function or by its name, and gives its result', async () => {
  await using env = await withWorker();
  const { activity } = env.client;
  const greeting: string = await activity.execute(activities.greet, { ...options('a'), args: ['Ada'] });
  assert.equal(greeting, 'Hello, Ada');
  assert.equal(await activity.execute<string>('greet', { ...options('b'), args: ['Bob'] }), 'Hello, Bob');
  const typed: string = await activity.typed<typeof activities>().execute('greet', { ...options('c'), args: ['Eve'] });
  assert.equal(typed, 'Hello, Eve');
});

test('it knows that it belongs to no workflow, and which run it is', async () => {
  await using env = await withWorker();
  const handle = await env.client.activity.start(activities.info, { ...options('a') });
  const { runId } = handle;
  assert.deepEqual(await handle.result(), { workflowExecution: null, workflowType: null, inWorkflow: false, activityRunId: runId, activityId: 'a', idempotencyKey: `a/${runId}` });
});

test('retries wait in time that is skipped', async () => {
  await using env = await withWorker();
  const before = env.currentTime().getTime();
  assert.equal(await env.client.activity.execute(activities.thirdTime, { ...options('a'), retry: { initialInterval: '1 hour', backoffCoefficient: 1 } }), 3);
  assert.ok(env.currentTime().getTime() - before >= 7_200_000);
});

test('a start delay of a day, and a wait for a worker that times out, take no time', async () => {
  await using env = await withWorker();
  assert.equal(await env.client.activity.execute(activities.greet, { ...options('a'), args: ['Ada'], startDelay: '1 day' }), 'Hello, Ada');
  const nobody = env.client.activity.execute('greet', { ...options('b'), taskQueue: 'nobody polls', scheduleToStartTimeout: '1 day' });
  await assert.rejects(nobody, (error: unknown) => error instanceof ActivityExecutionFailedError && error.cause instanceof TimeoutFailure && error.cause.timeoutType === 'SCHEDULE_TO_START');
});

test('a failure that is not tried again is the cause of the error', async () => {
  await using env = await withWorker();
  const handle = await env.client.activity.start('failing', options('a'));
  await assert.rejects(handle.result(), (error: unknown) => {
    assert.ok(error instanceof ActivityExecutionFailedError && error.cause instanceof ApplicationFailure);
    assert.deepEqual([error.activityId, error.runId, error.cause.type, error.cause.message], ['a', handle.runId, 'CardError', 'no such card']);
    return true;
  });
  const description = await handle.describe({ includeOutcome: true, includeLastFailure: true });
  assert.equal(description.status, 'FAILED');
  assert.equal((await description.getOutcomeFailure())?.message, 'no such card');
  assert.equal((await description.getLastFailure())?.message, 'no such card');
});

test('a cancellation reaches an activity that runs, and ends one that waits', async () => {
  await using env = await withWorker();
  const { activity } = env.client;
  const running = await activity.start(activities.untilCancelled, { ...options('a'), startToCloseTimeout: '1 hour', heartbeatTimeout: '5s' });
  while ((await running.describe()).runState !== 'STARTED') await new Promise((resolve) => setTimeout(resolve, 5));
  await running.cancel('changed my mind');
  const isCancelled = (error: unknown): boolean => error instanceof ActivityExecutionFailedError && error.cause instanceof CancelledFailure;
  await assert.rejects(running.result(), isCancelled);
  assert.equal((await running.describe()).canceledReason, 'changed my mind');
  const waiting = await activity.start('greet', { ...options('b'), taskQueue: 'nobody polls' });
  await waiting.cancel('no need');
  await assert.rejects(waiting.result(), isCancelled);
});

test('a termination, an id that is taken, one that does not exist', async () => {
  await using env = await withWorker();
  const { activity } = env.client;
  const handle = await activity.start('greet', { ...options('a'), taskQueue: 'nobody polls' });
  await assert.rejects(activity.start('greet', options('a')), (error: unknown) => error instanceof ActivityExecutionAlreadyStartedError && error.runId === handle.runId);
  assert.equal((await activity.start('greet', { ...options('a'), idConflictPolicy: 'USE_EXISTING' })).runId, handle.runId);
  await handle.terminate('enough');
  await assert.rejects(handle.result(), (error: unknown) => error instanceof ActivityExecutionFailedError && error.cause instanceof TerminatedFailure && error.cause.message === 'enough');
  await assert.rejects(activity.start('greet', { ...options('a'), idReusePolicy: 'REJECT_DUPLICATE' }), ActivityExecutionAlreadyStartedError);
  assert.notEqual((await activity.start('greet', { ...options('a'), idReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY', args: ['A'] })).runId, handle.runId);
  await assert.rejects(activity.getHandle('nowhere').result(), ActivityNotFoundError);
});

test('pause, other options and back, unpause', async () => {
  await using env = await withWorker();
  const handle = await env.client.activity.start('greet', { ...options('a'), taskQueue: 'nobody polls', args: ['Ada'], summary: 'greets' });
  await handle.pause({ reason: 'look at it' });
  const paused = await handle.describe({ includeInput: true });
  assert.deepEqual([paused.status, paused.runState, await paused.getInput(), await paused.getSummary()], ['PAUSED', 'PAUSED', ['Ada'], 'greets']);
  const changed = await handle.updateOptions({ taskQueue: TASK_QUEUE, startToCloseTimeout: '5s', retry: { maximumAttempts: 7 } });
  assert.deepEqual([changed.taskQueue, changed.startToCloseTimeout, changed.retry?.maximumAttempts], [TASK_QUEUE, 5_000, 7]);
  const restored = await handle.restoreOriginalOptions();
  assert.deepEqual([restored.taskQueue, restored.startToCloseTimeout], ['nobody polls', 60_000]);
  await handle.updateOptions({ taskQueue: TASK_QUEUE });
  await handle.unpause();
  assert.equal(await handle.result(), 'Hello, Ada');
});

test('lists and counts find them, and no workflow list does', async () => {
  await using env = await withWorker();
  const { activity, workflow } = env.client;
  for (const id of ['a', 'b']) await activity.execute(activities.greet, { ...options(id), args: [id] });
  await activity.start('greet', { ...options('c'), taskQueue: 'nobody polls' });
  const found = [];
  for await (const { activityId, status, activityType } of activity.list("ActivityType = 'greet' AND ExecutionStatus = 'Completed'")) found.push(`${activityId} ${status} ${activityType}`);
  assert.deepEqual(found.sort(), ['a COMPLETED greet', 'b COMPLETED greet']);
  assert.equal((await activity.count("ActivityId = 'c' AND CloseTime IS NULL")).count, 1);
  const { groups } = await activity.count('GROUP BY ExecutionStatus');
  assert.deepEqual(groups?.map(({ count, groupValues }) => `${groupValues?.join()} ${count}`).sort(), ['Completed 2', 'Running 1']);
  assert.equal((await workflow.count()).count, 0);
});

test('interceptors are around every call, and their headers reach the activity', async () => {
  const calls: string[] = [];
  const interceptor: ActivityClientInterceptor = {
    start: (input, next) => (calls.push(`start ${input.activityType}`), next({ ...input, options: { ...input.options, args: ['intercepted'] } })),
    getResult: (input, next) => (calls.push(`result ${input.activityId}`), next(input)),
    list: (input, next) => (calls.push('list'), next(input)),
  };
  await using env = await TestEnvironment.create({ client: { interceptors: { activity: [interceptor] } } });
  await env.worker({ activities, taskQueue: TASK_QUEUE });
  assert.equal(await env.client.activity.execute(activities.greet, { ...options('a'), args: ['Ada'] }), 'Hello, intercepted');
  for await (const _ of env.client.activity.list()) calls.push('found');
  assert.deepEqual(calls, ['start greet', 'result a', 'list', 'found']);
});

test('a mock stands in for it', async () => {
  await using env = await withWorker();
  env.mock.activity('greet').returns('mocked');
  assert.equal(await env.client.activity.execute(activities.greet, { ...options('a'), args: ['Ada'] }), 'mocked');
});

test('one that is completed from outside, by its id', async () => {
  await using env = await withWorker();
  const handle = await env.client.activity.start('greet', { ...options('a'), taskQueue: 'nobody polls' });
  await env.client.activity.complete({ activityId: 'a' }, 'from outside');
  assert.equal(await handle.result(), 'from outside');
});

test('time stands still for one that somebody else is to complete, and goes on once nobody is', async () => {
  const tokens: Uint8Array[] = [];
  await using env = await TestEnvironment.create();
  const outside = async (): Promise<void> => {
    tokens.push(activityInfo().taskToken);
    throw new CompleteAsyncError();
  };
  await env.worker({ activities: { outside }, taskQueue: TASK_QUEUE });
  const handle = await env.client.activity.start('outside', { ...options('a'), startToCloseTimeout: '1 hour' });
  const result = handle.result();
  for (; tokens.length === 0; ) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await handle.describe()).runState, 'STARTED', 'its hour was not skipped');
  await env.client.activity.complete({ activityId: 'a' }, 'done');
  assert.equal(await result, 'done');
});

test('arguments that do not fit do not compile', () => {
  const refusedByTheCompiler = (client: TestEnvironment['client']): unknown[] => [
    // @ts-expect-error: `greet` takes a text
    client.activity.start(activities.greet, { ...options('a'), args: [7] }),
    // @ts-expect-error: `greet` takes an argument
    client.activity.start(activities.greet, options('a')),
    // @ts-expect-error: there is no such activity
    client.activity.typed<typeof activities>().start('greets', options('a')),
    // @ts-expect-error: it gives a text
    client.activity.execute(activities.greet, { ...options('a'), args: ['Ada'] }) satisfies Promise<number>,
  ];
  assert.equal(typeof refusedByTheCompiler, 'function');
});
