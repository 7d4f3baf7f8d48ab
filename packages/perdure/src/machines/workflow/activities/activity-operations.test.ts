/** Operators stop, restart and change activities that are pending. The history never shows it; attempts, deadlines and heartbeats do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActivityOptions, Code, PendingActivityState, SearchAttributes, type RpcError } from '../../../protocol/index.js';
import { describe } from '../describe.js';
import type { ActivitySelection, WorkflowInput } from '../index.js';
import { E, command, startedWorkflow, type TestWorkflow } from '../testing/test-run.js';

const A: ActivitySelection = { by: 'id', id: 'a' };
const ALL: ActivitySelection = { by: 'all' };
const NOW = { withinMs: 0, seed: 0 };

const pause = (selection: ActivitySelection = A, requestId = 'r'): WorkflowInput => ({ type: 'pause-activity', selection, identity: 'operator', reason: 'because', requestId });
const unpause = (selection: ActivitySelection = A, options = {}): WorkflowInput => ({ type: 'unpause-activity', selection, resetAttempts: false, resetHeartbeat: false, jitter: NOW, ...options });
const reset = (selection: ActivitySelection = A, options = {}): WorkflowInput => ({
  type: 'reset-activity', selection, resetHeartbeat: false, keepPaused: false, restoreOriginalOptions: false, jitter: NOW, ...options,
});
const update = (options: Parameters<typeof ActivityOptions.create>[0], paths: string[], selection: ActivitySelection = A): WorkflowInput => ({
  type: 'update-activity-options', selection, change: { kind: 'merge', options: ActivityOptions.create(options), paths },
});

const retryPolicy = { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: 60_000, maximumAttempts: 0, nonRetryableErrorTypes: ['Fatal'] };

function withActivity(attributes: Parameters<typeof command.activity>[1] = { retryPolicy }): TestWorkflow {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a', attributes)]);
  return workflow;
}

const pending = (workflow: TestWorkflow, activityId = 'a') => describe(workflow.run.live).pendingActivities?.find((activity) => activity.activityId === activityId);
const offered = (workflow: TestWorkflow, scheduledEventId = 5): boolean => workflow.run.owed.get(`activity:${scheduledEventId}`)?.dispatch !== undefined;

test('a paused activity is not handed out and no deadline of it counts; unpaused it goes on', () => {
  const workflow = withActivity({ scheduleToStartTimeout: 2000, retryPolicy });
  workflow.expect('done', pause());
  assert.equal(offered(workflow), false);
  workflow.pass(3_600_000);
  const described = pending(workflow);
  assert.equal(described?.state, PendingActivityState.PAUSED);
  assert.deepEqual(described?.pauseInfo?.manual, { identity: 'operator', reason: 'because' });
  workflow.expect('done', unpause());
  assert.equal(offered(workflow), true);
  assert.equal(workflow.nextWake(), workflow.now + 2000, 'schedule-to-start counts from here');
  workflow.completeActivity(workflow.pollActivity(5));
  assert.deepEqual(workflow.run.eventNames().slice(5), [E.ACTIVITY_TASK_STARTED, E.ACTIVITY_TASK_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
});

test('schedule-to-close counts from the first schedule, pause or not', () => {
  const workflow = withActivity({ scheduleToCloseTimeout: 5000, retryPolicy });
  workflow.expect('done', pause());
  workflow.pass(10_000);
  assert.ok(pending(workflow), 'it waits as long as it is paused');
  workflow.expect('done', unpause());
  workflow.pass(0);
  assert.equal(workflow.run.eventNames()[5], E.ACTIVITY_TASK_TIMED_OUT);
});

test('a running attempt learns of the pause with its heartbeat; if it fails the next one waits for the end of the pause', () => {
  const workflow = withActivity();
  const task = workflow.pollActivity(5);
  workflow.expect('done', pause());
  assert.equal(pending(workflow)?.state, PendingActivityState.PAUSE_REQUESTED);
  assert.deepEqual(workflow.heartbeat(task), { kind: 'heartbeat', cancelRequested: false, activityPaused: true, activityReset: false });
  workflow.failActivity(task);
  assert.equal(pending(workflow)?.state, PendingActivityState.PAUSED);
  workflow.pass(60_000);
  assert.equal(offered(workflow), false);
  workflow.expect('done', unpause(A, { resetAttempts: true, resetHeartbeat: true }));
  const again = workflow.pollActivity(5);
  assert.deepEqual([again.task.attempt, again.task.heartbeatDetails], [1, undefined]);
});

test('pausing twice is the same request, or it is refused; then nothing of a type is paused', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a'), command.activity('b')]);
  workflow.expect('done', pause());
  workflow.expect('done', pause());
  assert.equal(workflow.refused(pause({ by: 'type', type: 'charge' }, 'other')).code, Code.FAILED_PRECONDITION);
  assert.equal(offered(workflow, 6), true);
  for (const input of [pause({ by: 'id', id: 'x' }), unpause({ by: 'type', type: 'x' }), reset({ by: 'id', id: 'x' }), update({}, [], { by: 'id', id: 'x' })]) {
    assert.equal(workflow.refused(input).code, Code.NOT_FOUND);
  }
  workflow.expect('done', unpause(ALL));
  assert.deepEqual([offered(workflow, 5), offered(workflow, 6)], [true, true]);
});

test('unpaused together, activities spread over the jitter', () => {
  const workflow = startedWorkflow();
  workflow.step(Array.from({ length: 20 }, (_, index) => command.activity(`${index}`)));
  workflow.expect('done', pause(ALL));
  workflow.expect('done', unpause(ALL, { jitter: { withinMs: 10_000, seed: 0.5 } }));
  const waits = [...workflow.run.live.activities.values()].map((activity) => activity.attemptScheduledTimeMs - workflow.now).sort((a, b) => a - b);
  assert.ok(waits.every((wait) => wait >= 0 && wait < 10_000));
  assert.ok(waits.every((wait, index) => index === 0 || wait - (waits[index - 1] ?? 0) < 1500), `no great gaps: ${waits.join(' ')}`);
  workflow.pass(10_000);
  for (let id = 5; id < 25; id++) assert.equal(offered(workflow, id), true);
});

test('reset: a waiting attempt begins at once as attempt 1', () => {
  const workflow = withActivity();
  const first = workflow.pollActivity(5);
  workflow.heartbeat(first);
  workflow.failActivity(first);
  assert.equal(offered(workflow), false, 'it backs off');
  workflow.expect('done', reset());
  const task = workflow.pollActivity(5);
  assert.equal(task.task.attempt, 1);
  assert.notEqual(task.task.heartbeatDetails, undefined, 'heartbeat details stay unless they are reset too');
});

test('reset: a running attempt is told, stays valid, and the next one counts as after a first attempt', () => {
  const workflow = withActivity();
  workflow.failActivity(workflow.pollActivity(5));
  workflow.pass(1000);
  const task = workflow.pollActivity(5);
  workflow.expect('done', reset(A, { resetHeartbeat: true }));
  assert.deepEqual(workflow.heartbeat(task), { kind: 'heartbeat', cancelRequested: false, activityPaused: false, activityReset: true });
  workflow.failActivity(task);
  assert.deepEqual([pending(workflow)?.attempt, pending(workflow)?.currentRetryInterval, pending(workflow)?.heartbeatDetails], [2, 1000, undefined]);
  workflow.pass(1000);
  const next = workflow.pollActivity(5);
  assert.deepEqual(workflow.heartbeat(next), { kind: 'heartbeat', cancelRequested: false, activityPaused: false, activityReset: false });
});

test('reset keeps or ends a pause', () => {
  const workflow = withActivity();
  workflow.expect('done', pause());
  workflow.expect('done', reset(A, { keepPaused: true }));
  assert.equal(offered(workflow), false);
  workflow.expect('done', reset());
  assert.equal(offered(workflow), true);
});

test('a reset that is asked for twice under one id resets once', () => {
  const workflow = withActivity();
  workflow.expect('done', reset(A, { requestId: 'job' }));
  workflow.failActivity(workflow.pollActivity(5));
  workflow.expect('done', reset(ALL, { requestId: 'job' }));
  assert.deepEqual([offered(workflow), pending(workflow)?.attempt], [false, 2], 'it backs off as before');
  workflow.expect('done', reset(A, { requestId: 'another job' }));
  assert.deepEqual([offered(workflow), pending(workflow)?.attempt], [true, 1]);
});

test('options: merged by mask, filled by the rules of scheduling, in force at once', () => {
  const workflow = withActivity();
  const task = workflow.pollActivity(5);
  const { options } = workflow.expect('activity-options', update({ startToCloseTimeout: 2000, scheduleToCloseTimeout: 90_000 }, ['start_to_close_timeout', 'scheduleToCloseTimeout']));
  assert.deepEqual([options.startToCloseTimeout, options.scheduleToCloseTimeout, options.scheduleToStartTimeout], [2000, 90_000, 90_000]);
  workflow.pass(2000);
  assert.equal(pending(workflow)?.attempt, 2, 'the running attempt timed out by the new timeout');
  assert.equal((workflow.completeActivity(task) as RpcError).code, Code.NOT_FOUND);
});

test('options: a backoff is computed anew, a ready attempt moves to the new queue', () => {
  const workflow = withActivity();
  workflow.failActivity(workflow.pollActivity(5));
  const policy = { ...retryPolicy, initialInterval: 100 };
  workflow.expect('activity-options', update({ retryPolicy: policy }, ['retry_policy.initial_interval']));
  workflow.pass(100);
  assert.equal(offered(workflow), true);
  workflow.expect('activity-options', update({ taskQueue: { name: 'elsewhere' } }, ['task_queue.name']));
  assert.equal(workflow.run.owed.get('activity:5')?.dispatch?.queue.name, 'elsewhere');
});

test('options: restored to what the workflow scheduled, also by a reset', () => {
  const workflow = withActivity();
  const change = update({ startToCloseTimeout: 1, retryPolicy: { ...retryPolicy, maximumAttempts: 7 } }, ['start_to_close_timeout', 'retry_policy.maximum_attempts']);
  workflow.expect('activity-options', change);
  assert.equal(pending(workflow)?.maximumAttempts, 7);
  const { options } = workflow.expect('activity-options', { type: 'update-activity-options', selection: A, change: { kind: 'restore' } });
  assert.deepEqual([options.startToCloseTimeout, options.retryPolicy], [10_000, retryPolicy]);
  workflow.expect('activity-options', change);
  workflow.expect('done', reset(A, { restoreOriginalOptions: true }));
  assert.deepEqual([pending(workflow)?.maximumAttempts, pending(workflow)?.activityOptions?.startToCloseTimeout], [0, 10_000]);
});

test('options that a workflow could not have asked for are refused, and nothing changes', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a'), command.activity('b')]);
  const before = workflow.run.records.length;
  for (const input of [
    update({ heartbeatTimeout: -1 }, ['heartbeat_timeout'], ALL),
    update({}, ['start_to_close_timeout'], ALL),
    update({}, ['task_queue.name'], ALL),
    update({ taskQueue: { name: '' } }, ['task_queue.name'], ALL),
    update({ retryPolicy: { backoffCoefficient: 0.5 } }, ['retry_policy.backoff_coefficient'], ALL),
  ]) {
    assert.equal(workflow.refused(input).code, Code.INVALID_ARGUMENT);
  }
  assert.equal(workflow.run.records.length, before);
});

test('an activity whose end waits in the buffer is not pending for operators, and its id is free', () => {
  const workflow = withActivity();
  const task = workflow.pollActivity(5);
  workflow.signal('go');
  const workflowTask = workflow.pollWorkflowTask();
  workflow.completeActivity(task);
  assert.equal(workflow.refused(pause()).code, Code.NOT_FOUND);
  workflow.complete(workflowTask, [command.activity('a')]);
  workflow.completeActivity(workflow.pollActivity(10));
  assert.equal(workflow.run.eventNames().filter((name) => name === E.ACTIVITY_TASK_COMPLETED).length, 2);
});

test('lists find runs with paused activities by their types, for as long as they are pending', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a'), command.activity('b', { activityType: { name: 'ship' } })]);
  const words = (): string => {
    const { searchAttributes } = describe(workflow.run.live).workflowExecutionInfo ?? {};
    const info = searchAttributes instanceof Uint8Array ? SearchAttributes.decode(searchAttributes).indexedFields.get('TemporalPauseInfo') : undefined;
    return info === undefined ? '' : Buffer.from(info.data).toString();
  };
  assert.equal(words(), '');
  const task = workflow.pollActivity(5);
  workflow.expect('done', pause(ALL));
  assert.equal(words(), '["property:activityType=charge","property:activityType=ship"]');
  workflow.completeActivity(task);
  assert.equal(words(), '["property:activityType=ship"]');
  workflow.expect('done', unpause(ALL));
  assert.equal(words(), '');
});
