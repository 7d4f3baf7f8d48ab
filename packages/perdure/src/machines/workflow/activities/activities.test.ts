/** Activities: timeouts and their defaults, retries, heartbeats, cancellation, late and double answers. The driver proves the state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, Failure, Payloads, Priority, RetryState, RpcError, TimeoutType } from '../../../protocol/index.js';
import type { Encoded, Init, ScheduleActivityTaskCommandAttributes } from '../../../protocol/index.js';
import { activityTimeouts } from './activity-settings.js';
import { describe } from '../describe.js';
import { E, STICKY, byToken, command, failure, payloads, startedWorkflow } from '../testing/test-run.js';
import type { TestWorkflow } from '../testing/test-run.js';

const SCHEDULED = 5;

function withActivity(attributes: Init<ScheduleActivityTaskCommandAttributes> = {}, request = {}): TestWorkflow {
  const workflow = startedWorkflow(request);
  workflow.step([command.activity('a', attributes)]);
  return workflow;
}

function decoded(encoded: Encoded<Failure> | undefined): Failure {
  assert.ok(encoded);
  return Failure.decode(encoded);
}

function text(encoded: Encoded<Payloads> | undefined): string {
  return encoded === undefined ? '' : Buffer.from(Payloads.decode(encoded).payloads[0]?.data ?? []).toString();
}

test('timeouts that are unset are filled from those that are set, and bounded by the run', () => {
  const fill = (scheduleToCloseTimeout: number, scheduleToStartTimeout: number, startToCloseTimeout: number, heartbeatTimeout: number, run = 0): unknown => {
    const filled = activityTimeouts({ scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout, heartbeatTimeout }, run);
    return typeof filled === 'string'
      ? filled
      : [filled.scheduleToCloseTimeout, filled.scheduleToStartTimeout, filled.startToCloseTimeout, filled.heartbeatTimeout];
  };
  assert.deepEqual(fill(60, 0, 0, 0), [60, 60, 60, 0]);
  assert.deepEqual(fill(60, 90, 90, 90), [60, 60, 60, 60]);
  assert.deepEqual(fill(0, 0, 10, 20), [0, 0, 10, 10]);
  assert.deepEqual(fill(0, 0, 10, 0, 50), [50, 50, 10, 0]);
  assert.deepEqual(fill(90, 0, 70, 0, 50), [50, 50, 50, 0]);
  assert.match(String(fill(0, 10, 0, 0)), /neither/);
  assert.match(String(fill(-1, 0, 10, 0)), /negative/);
});

test('a failed attempt is retried with growing delays and leaves no events; the last one is written whole', () => {
  const workflow = withActivity({ retryPolicy: { maximumAttempts: 3, initialInterval: 100, maximumInterval: 150 } });
  workflow.failActivity(workflow.pollActivity(SCHEDULED), failure('first'));
  assert.equal(workflow.nextWake(), workflow.now + 100);
  assert.equal(workflow.run.owed.get('activity:5')?.dispatch, undefined, 'not while it backs off');
  workflow.pass(100);
  const second = workflow.pollActivity(SCHEDULED);
  assert.equal(second.task.attempt, 2);
  workflow.failActivity(second, failure('second'));
  assert.equal(workflow.nextWake(), workflow.now + 150, 'bounded by the maximum interval');
  workflow.pass(150);
  const startedAt = workflow.now;
  const third = workflow.pollActivity(SCHEDULED);
  workflow.now += 7;
  assert.equal(workflow.run.events().length, 5);
  workflow.failActivity(third, failure('third'));

  const [started, failed] = workflow.run.events().slice(5);
  assert.deepEqual([started?.eventType, started?.eventTime, started?.activityTaskStartedEventAttributes?.attempt], [EventType.ACTIVITY_TASK_STARTED, startedAt, 3]);
  assert.equal(decoded(started?.activityTaskStartedEventAttributes?.lastFailure).message, 'second');
  const attributes = failed?.activityTaskFailedEventAttributes;
  assert.deepEqual([attributes?.scheduledEventId, attributes?.startedEventId, attributes?.retryState], [5, 6, RetryState.MAXIMUM_ATTEMPTS_REACHED]);
  assert.equal(decoded(attributes?.failure).message, 'third');
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);
});

test('what is not retried: non-retryable failures, listed types, no time left', () => {
  const outcome = (attributes: Init<ScheduleActivityTaskCommandAttributes>, failed: Encoded<Failure>): RetryState | undefined => {
    const workflow = withActivity(attributes);
    workflow.failActivity(workflow.pollActivity(SCHEDULED), failed);
    return workflow.run.event(7).activityTaskFailedEventAttributes?.retryState;
  };
  assert.equal(outcome({}, failure('x', { nonRetryable: true })), RetryState.NON_RETRYABLE_FAILURE);
  assert.equal(outcome({ retryPolicy: { nonRetryableErrorTypes: ['Declined'] } }, failure('x', { type: 'Declined' })), RetryState.NON_RETRYABLE_FAILURE);
  assert.equal(outcome({ scheduleToCloseTimeout: 500 }, failure('x')), RetryState.TIMEOUT);
});

test('a failure may name its own delay, beyond the maximum interval but not beyond the last deadline', () => {
  const workflow = withActivity({ retryPolicy: { initialInterval: 10, maximumInterval: 20 }, scheduleToCloseTimeout: 9000 });
  workflow.failActivity(workflow.pollActivity(SCHEDULED), failure('later', { nextRetryDelay: 5000 }));
  assert.equal(workflow.nextWake(), workflow.now + 5000);
  workflow.pass(5000);
  workflow.failActivity(workflow.pollActivity(SCHEDULED), failure('later', { nextRetryDelay: 5000 }));
  assert.equal(workflow.run.event(7).activityTaskFailedEventAttributes?.retryState, RetryState.TIMEOUT);
});

test('an attempt that outlives start-to-close is retried; its late answer is refused', () => {
  const workflow = withActivity({ startToCloseTimeout: 1000, retryPolicy: { initialInterval: 10 } });
  const first = workflow.pollActivity(SCHEDULED);
  workflow.pass(1010);
  const second = workflow.pollActivity(SCHEDULED);
  const late = workflow.completeActivity(first);
  assert.ok(late instanceof RpcError && late.code === Code.NOT_FOUND);
  assert.ok(workflow.heartbeat(first) instanceof RpcError);
  workflow.completeActivity(second);
  const lastFailure = decoded(workflow.run.event(6).activityTaskStartedEventAttributes?.lastFailure);
  assert.deepEqual([lastFailure.message, lastFailure.timeoutFailureInfo?.timeoutType], ['activity StartToClose timeout', TimeoutType.START_TO_CLOSE]);
  const twice = workflow.completeActivity(second);
  assert.ok(twice instanceof RpcError && twice.code === Code.NOT_FOUND, 'an activity ends once');
});

test('heartbeats hold the deadline, carry details to the next attempt and into the final timeout', () => {
  const workflow = withActivity({ startToCloseTimeout: 60_000, heartbeatTimeout: 1000, retryPolicy: { initialInterval: 10, maximumAttempts: 2 } });
  const first = workflow.pollActivity(SCHEDULED);
  workflow.pass(900);
  assert.deepEqual(workflow.heartbeat(first, 'half'), { kind: 'heartbeat', cancelRequested: false, activityPaused: false, activityReset: false });
  workflow.pass(900);
  workflow.pass(110);
  const second = workflow.pollActivity(SCHEDULED);
  assert.equal(text(second.task.heartbeatDetails), '"half"');
  workflow.pass(1000);
  const timedOut = workflow.run.event(7).activityTaskTimedOutEventAttributes;
  const last = decoded(timedOut?.failure);
  assert.deepEqual([last.message, timedOut?.startedEventId, timedOut?.retryState], ['activity Heartbeat timeout', 6, RetryState.MAXIMUM_ATTEMPTS_REACHED]);
  assert.equal(text(last.timeoutFailureInfo?.lastHeartbeatDetails), '"half"');
  assert.equal(last.cause?.timeoutFailureInfo?.timeoutType, TimeoutType.HEARTBEAT, 'what the attempt before failed with');
});

test('an activity that nobody takes times out: per attempt, and altogether', () => {
  const unpolled = withActivity({ scheduleToStartTimeout: 1000 });
  unpolled.pass(1000);
  const timedOut = unpolled.run.event(6).activityTaskTimedOutEventAttributes;
  assert.deepEqual([timedOut?.startedEventId, timedOut?.retryState], [0, RetryState.TIMEOUT]);
  assert.equal(decoded(timedOut?.failure).message, 'activity ScheduleToStart timeout');

  const expired = withActivity({ scheduleToCloseTimeout: 3000, scheduleToStartTimeout: 5000, startToCloseTimeout: 2000 });
  expired.pollActivity(SCHEDULED);
  expired.pass(3000);
  const closed = decoded(expired.run.events().at(-2)?.activityTaskTimedOutEventAttributes?.failure);
  assert.equal(closed.timeoutFailureInfo?.timeoutType, TimeoutType.SCHEDULE_TO_CLOSE);
});

test('an attempt that times out without time for another one says so', () => {
  const workflow = withActivity({ scheduleToCloseTimeout: 3000, startToCloseTimeout: 2500 });
  workflow.pollActivity(SCHEDULED);
  workflow.pass(2500);
  const timedOut = workflow.run.event(7).activityTaskTimedOutEventAttributes;
  const last = decoded(timedOut?.failure);
  assert.equal(timedOut?.retryState, RetryState.TIMEOUT);
  assert.equal(last.timeoutFailureInfo?.timeoutType, TimeoutType.SCHEDULE_TO_CLOSE);
  assert.match(last.message, /^Not enough time/);
});

test('where an attempt may take as long as the whole, it is the whole that times out, also if it began at once', () => {
  const workflow = withActivity({ scheduleToCloseTimeout: 3000, startToCloseTimeout: 3000, heartbeatTimeout: 3000, retryPolicy: { maximumAttempts: 1 } });
  workflow.pollActivity(SCHEDULED);
  workflow.pass(3000);
  const timedOut = workflow.run.event(7).activityTaskTimedOutEventAttributes;
  assert.equal(timedOut?.retryState, RetryState.TIMEOUT);
  assert.equal(decoded(timedOut?.failure).timeoutFailureInfo?.timeoutType, TimeoutType.SCHEDULE_TO_CLOSE);
});

test('cancelling an activity that no worker holds ends it at once', () => {
  const workflow = withActivity();
  workflow.signal('wake');
  workflow.step([command.cancelActivity(SCHEDULED), command.activity('a')]);
  assert.deepEqual(workflow.run.eventNames().slice(-5), [
    E.WORKFLOW_TASK_COMPLETED,
    E.ACTIVITY_TASK_CANCEL_REQUESTED,
    E.ACTIVITY_TASK_SCHEDULED,
    E.ACTIVITY_TASK_CANCELED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  const canceled = workflow.run.events().at(-2)?.activityTaskCanceledEventAttributes;
  assert.deepEqual([text(canceled?.details), canceled?.identity, canceled?.startedEventId], ['"ACTIVITY_ID_NOT_STARTED"', 'worker', 0]);
});

test('commands may cancel an activity that a command before them schedules, by the id that its event will get', () => {
  const workflow = withActivity();
  workflow.signal('wake');
  const commands = [command.cancelActivity(SCHEDULED), command.activity('b', { requestEagerExecution: true }), command.cancelActivity(11), command.timer('t', 1000)];
  const { activityTasks } = workflow.step(commands);
  assert.deepEqual(activityTasks, [], 'it is over before it began');
  assert.deepEqual(workflow.run.eventNames().slice(8), [
    E.WORKFLOW_TASK_COMPLETED,
    E.ACTIVITY_TASK_CANCEL_REQUESTED,
    E.ACTIVITY_TASK_SCHEDULED,
    E.ACTIVITY_TASK_CANCEL_REQUESTED,
    E.TIMER_STARTED,
    E.ACTIVITY_TASK_CANCELED,
    E.ACTIVITY_TASK_CANCELED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  assert.deepEqual([14, 15].map((id) => workflow.run.event(id).activityTaskCanceledEventAttributes?.scheduledEventId), [SCHEDULED, 11]);

  const closing = withActivity();
  closing.signal('wake');
  closing.step([command.cancelActivity(SCHEDULED), command.complete()]);
  assert.deepEqual(closing.run.eventNames().slice(-2), [E.ACTIVITY_TASK_CANCEL_REQUESTED, E.WORKFLOW_EXECUTION_COMPLETED]);
});

test('cancelling one that a worker holds: the heartbeat says it, the worker answers, nothing is retried', () => {
  const workflow = withActivity();
  const activity = workflow.pollActivity(SCHEDULED);
  const early = workflow.send({ type: 'cancel-activity', activity: byToken(activity), identity: 'worker' });
  assert.ok(early instanceof RpcError && early.code === Code.INVALID_ARGUMENT);
  workflow.signal('wake');
  workflow.step([command.cancelActivity(SCHEDULED)]);
  const heartbeat = workflow.heartbeat(activity);
  assert.ok(!(heartbeat instanceof RpcError) && heartbeat.kind === 'heartbeat' && heartbeat.cancelRequested);
  workflow.expect('done', { type: 'cancel-activity', activity: byToken(activity), identity: 'worker', details: payloads('stopped') });
  const canceled = workflow.run.events().at(-2)?.activityTaskCanceledEventAttributes;
  assert.deepEqual([canceled?.latestCancelRequestedEventId, canceled?.scheduledEventId, text(canceled?.details)], [10, 5, '"stopped"']);

  const failing = withActivity();
  const attempt = failing.pollActivity(SCHEDULED);
  failing.signal('wake');
  failing.step([command.cancelActivity(SCHEDULED)]);
  failing.failActivity(attempt);
  assert.equal(failing.run.events().at(-2)?.activityTaskFailedEventAttributes?.retryState, RetryState.CANCEL_REQUESTED);
});

test('cancelling one whose end is buffered writes the request only; twice or unknown is a bad command', () => {
  const workflow = withActivity();
  const activity = workflow.pollActivity(SCHEDULED);
  workflow.signal('wake');
  const task = workflow.pollWorkflowTask();
  workflow.completeActivity(activity);
  workflow.complete(task, [command.cancelActivity(SCHEDULED)]);
  assert.deepEqual(workflow.run.eventNames().slice(-4), [
    E.ACTIVITY_TASK_CANCEL_REQUESTED,
    E.ACTIVITY_TASK_STARTED,
    E.ACTIVITY_TASK_COMPLETED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  const refusal = workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [command.cancelActivity(SCHEDULED)]));
  assert.match(refusal.message, /^BadRequestCancelActivityAttributes: /);
});

test('by its id an activity can be completed before any worker held it', () => {
  const workflow = withActivity();
  workflow.expect('done', { type: 'complete-activity', activity: { by: 'id', activityId: 'a' }, identity: 'console', result: payloads('r') });
  assert.deepEqual(workflow.run.eventNames().slice(5, 7), [E.ACTIVITY_TASK_STARTED, E.ACTIVITY_TASK_COMPLETED]);
  const again = workflow.refused({ type: 'complete-activity', activity: { by: 'id', activityId: 'a' }, identity: 'console' });
  assert.equal(again.code, Code.NOT_FOUND);
});

test('an attempt is handed to one poll; the same poll that asks again gets the same attempt', () => {
  const workflow = withActivity();
  const activity = workflow.expect('activity-task', { type: 'dispatch', key: 'activity:5', poller: { identity: 'w', requestId: 'p', sticky: false } });
  const again = workflow.expect('activity-task', { type: 'dispatch', key: 'activity:5', poller: { identity: 'w', requestId: 'p', sticky: false } });
  assert.deepEqual(again, activity);
  workflow.refused({ type: 'dispatch', key: 'activity:5', poller: { identity: 'v', requestId: 'q', sticky: false } });
});

test('eager activities are started with the reply, in the order of their commands', () => {
  const workflow = startedWorkflow();
  const reply = workflow.step([command.activity('a', { requestEagerExecution: true }), command.timer('1', 5), command.activity('b', { requestEagerExecution: true })]);
  assert.deepEqual(reply.activityTasks.map(({ task }) => task.activityId), ['a', 'b']);
  assert.equal(workflow.run.owed.get('activity:5')?.dispatch, undefined);
  for (const activity of reply.activityTasks) workflow.completeActivity(activity);

  const closing = startedWorkflow();
  const closed = closing.step([command.activity('a', { requestEagerExecution: true }), command.complete()], STICKY);
  assert.deepEqual(closed.activityTasks, [], 'nothing is started in a run that closes');
});

test('limits: duplicate ids, too many pending, results and failures that are too large', () => {
  const workflow = startedWorkflow({}, { pendingActivities: 1, blobSizeBytes: 5000, activityFailureSizeBytes: 1000 });
  const duplicate = workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [command.activity('a'), command.activity('a')]));
  assert.match(duplicate.message, /^ScheduleActivityDuplicateId: /);
  const task = workflow.pollWorkflowTask();
  const many = workflow.refused(workflow.completionInput(task, [command.activity('a'), command.activity('b')]));
  assert.match(many.message, /^PendingActivitiesLimitExceeded: /);
  workflow.complete(task, [command.activity('a', { retryPolicy: { initialInterval: 1 } })]);
  const scheduledEventId = workflow.run.live.run.lastEventId;

  workflow.failActivity(workflow.pollActivity(scheduledEventId), failure('m'.repeat(3000)));
  const kept = decoded(workflow.run.live.activities.get(scheduledEventId)?.lastFailure);
  assert.equal(kept.message, 'Failure exceeds size limit.');
  assert.match(kept.cause?.message ?? '', /^m+$/);
  workflow.pass(1);
  const second = workflow.pollActivity(scheduledEventId);
  workflow.expect('done', { type: 'complete-activity', activity: byToken(second), identity: 'worker', result: payloads('r'.repeat(6000)) });
  const failed = workflow.run.events().at(-2)?.activityTaskFailedEventAttributes;
  assert.equal(decoded(failed?.failure).message, 'Complete result exceeds size limit.');
  assert.equal(failed?.retryState, RetryState.NON_RETRYABLE_FAILURE);
});

test('Describe shows the attempt, its failure and when the next one comes', () => {
  const workflow = withActivity({ retryPolicy: { initialInterval: 100, maximumAttempts: 5 } });
  workflow.failActivity(workflow.pollActivity(SCHEDULED), failure('first'));
  const [pending] = describe(workflow.run.live).pendingActivities ?? [];
  assert.deepEqual([pending?.attempt, pending?.maximumAttempts, pending?.currentRetryInterval, pending?.nextAttemptScheduleTime], [2, 5, 100, workflow.now + 100]);
  assert.equal(decoded(pending?.lastFailure).message, 'first');
});

test('what an activity does not say about its priority it takes over from its run', () => {
  const workflow = startedWorkflow({ priority: Priority.encode({ priorityKey: 2, fairnessKey: 'tenant', fairnessWeight: 3 }) });
  workflow.step([command.activity('a'), command.activity('b', { priority: Priority.encode({ priorityKey: 5 }) })]);
  const priority = (scheduledEventId: number) => ({ ...Priority.decode(workflow.pollActivity(scheduledEventId).task.priority ?? new Uint8Array()) });
  assert.deepEqual(priority(5), { priorityKey: 2, fairnessKey: 'tenant', fairnessWeight: 3 });
  assert.deepEqual(priority(6), { priorityKey: 5, fairnessKey: 'tenant', fairnessWeight: 3 });
  assert.equal(workflow.run.event(5).activityTaskScheduledEventAttributes?.priority, undefined, 'the history holds what the workflow said');
});

test('by its id an activity is completed also before it began; it does not fail or end as cancelled', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a')]);
  const activity = { by: 'id', activityId: 'a' } as const;
  assert.equal(workflow.refused({ type: 'fail-activity', activity, identity: 'client', failure: failure('broken') }).code, Code.NOT_FOUND);
  assert.equal(workflow.refused({ type: 'cancel-activity', activity, identity: 'client' }).code, Code.NOT_FOUND);
  assert.match(workflow.refused({ type: 'complete-activity', activity: { by: 'id', activityId: 'b' }, identity: 'client' }).message, /ActivityID b/);
  workflow.expect('done', { type: 'complete-activity', activity, identity: 'client', workerVersion: { buildId: 'x', useVersioning: false } });
  const started = workflow.run.event(6).activityTaskStartedEventAttributes;
  assert.deepEqual([started?.identity, started?.requestId, started?.workerVersion?.buildId], ['client', '', 'x']);
});

test('an activity id is free again as soon as the end of the activity waits in the buffer', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a')]);
  const first = workflow.pollActivity(5);
  workflow.signal('go');
  const task = workflow.pollWorkflowTask();
  workflow.completeActivity(first);
  workflow.complete(task, [command.activity('a')]);
  assert.equal(workflow.run.live.activityIds.get('a'), 10, 'it is the id of the later one');
});

test('a failure that is too large to be kept ends the activity with what fits of it', () => {
  const workflow = startedWorkflow({}, { blobSizeBytes: 1000 });
  workflow.step([command.activity('a', { input: undefined })]);
  workflow.failActivity(workflow.pollActivity(5), failure('x'.repeat(2000)));
  const failed = workflow.run.event(7).activityTaskFailedEventAttributes;
  const decoded = Failure.decode(failed?.failure ?? new Uint8Array());
  assert.equal(decoded.message, 'Failure exceeds size limit.');
  assert.equal(decoded.cause?.message, 'x'.repeat(500));
  assert.equal(failed?.retryState, RetryState.NON_RETRYABLE_FAILURE);
});
