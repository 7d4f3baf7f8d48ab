/** Activities: retries, timeouts, heartbeats, cancellation, completion from outside. */
import assert from 'node:assert/strict';
import { Failure, PendingActivityState, WorkflowService, type PendingActivityInfo } from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';
import { allowed, tokens } from './activities.js';

/** The one pending activity, as operators see it. */
async function pending(stage: Stage, workflowId: string): Promise<PendingActivityInfo | undefined> {
  const request = { namespace: stage.namespace, execution: { workflowId } };
  return (await stage.call(WorkflowService.DescribeWorkflowExecution, request)).pendingActivities[0];
}

/** The activity of `patientActivity` after its first attempt failed: the next one is an hour away. */
async function backingOff(stage: Stage): Promise<{ workflowId: string; request: { namespace: string; execution: { workflowId: string }; identity: string; id: string } }> {
  const { workflowId } = await start(stage, 'patientActivity');
  const activity = await eventually(async () => {
    const found = await pending(stage, workflowId);
    return found !== undefined && found.attempt === 2 && found;
  });
  assert.equal(activity.state, PendingActivityState.SCHEDULED);
  assert.ok((activity.currentRetryInterval ?? 0) > 3_000_000);
  return { workflowId, request: { namespace: stage.namespace, execution: { workflowId }, identity: 'operator', id: activity.activityId } };
}

const result = (stage: Stage, workflowId: string): Promise<unknown> => stage.client.workflow.getHandle(workflowId).result();

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an activity',
    covers: [
      'command:SCHEDULE_ACTIVITY_TASK',
      'event:ACTIVITY_TASK_SCHEDULED',
      'event:ACTIVITY_TASK_STARTED',
      'event:ACTIVITY_TASK_COMPLETED',
      'rpc:RespondActivityTaskCompleted',
    ],
    run: async (stage) => assert.equal(await execute(stage, 'greetByActivity', 'Ada'), '[Ada]'),
  },
  {
    name: 'an activity that fails twice is retried',
    covers: ['rpc:RespondActivityTaskFailed', 'rpc:PollActivityTaskQueue'],
    run: async (stage) => assert.equal(await execute(stage, 'flaky', 2), 3),
  },
  {
    name: 'a non-retryable failure reaches the client with its chain of causes',
    covers: ['event:ACTIVITY_TASK_FAILED', 'policy:retryState.NON_RETRYABLE_FAILURE', 'event:WORKFLOW_EXECUTION_FAILED', 'command:FAIL_WORKFLOW_EXECUTION'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'declined'));
      assert.equal(error.name, 'WorkflowFailedError');
      assert.equal(error.cause?.name, 'ActivityFailure');
      assert.equal(error.cause?.cause?.name, 'ApplicationFailure');
      assert.equal(error.cause?.cause?.type, 'Declined');
      assert.equal(error.cause?.cause?.message, 'card declined');
    },
  },
  {
    name: 'attempts that are used up fail the workflow',
    covers: ['policy:retryState.MAXIMUM_ATTEMPTS_REACHED', 'policy:retry.maximumAttempts'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'failsOnce'));
      assert.equal(error.cause?.retryState, 'MAXIMUM_ATTEMPTS_REACHED');
      assert.equal(error.cause?.cause?.message, 'attempt 1 fails');
    },
  },
  {
    name: 'a running activity is cancelled through its heartbeat',
    covers: [
      'command:REQUEST_CANCEL_ACTIVITY_TASK',
      'event:ACTIVITY_TASK_CANCEL_REQUESTED',
      'event:ACTIVITY_TASK_CANCELED',
      'rpc:RecordActivityTaskHeartbeat',
      'rpc:RespondActivityTaskCanceled',
      'policy:activityCancellation.WAIT_CANCELLATION_COMPLETED',
    ],
    run: async (stage) => assert.equal(await execute(stage, 'cancelsActivity'), 'cancelled'),
  },
  {
    name: 'heartbeat details survive to the next attempt',
    covers: ['timeout:activity.heartbeat'],
    run: async (stage) => assert.equal(await execute(stage, 'resumesFromHeartbeat'), 42),
  },
  {
    name: 'fifty activities in parallel',
    covers: [],
    varies: 'the order in which they end',
    run: async (stage) => assert.deepEqual(await execute(stage, 'parallel', 50), Array.from({ length: 50 }, (_, i) => `[${i}]`)),
  },
  {
    name: 'an activity is completed from outside by its token',
    covers: ['rpc:RespondActivityTaskCompleted'],
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      const token = await eventually(() => tokens.get(handle.workflowId));
      await stage.client.activity.complete(token, 'from outside');
      assert.equal(await handle.result(), 'from outside');
    },
  },
  {
    name: 'a task that nobody polls for times out',
    covers: ['timeout:activity.scheduleToStart', 'event:ACTIVITY_TASK_TIMED_OUT'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'neverPolled'));
      assert.equal(error.cause?.cause?.name, 'TimeoutFailure');
    },
  },
  {
    name: 'describe shows a running workflow and its pending activity',
    covers: ['rpc:DescribeWorkflowExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      const token = await eventually(() => tokens.get(handle.workflowId));
      const description = await handle.describe();
      assert.equal(description.status.name, 'RUNNING');
      assert.equal(description.type, 'asyncCompletion');
      assert.equal(description.taskQueue, stage.taskQueue);
      assert.ok(description.startTime instanceof Date);
      assert.equal(description.raw.pendingActivities?.length, 1);
      assert.equal(description.raw.pendingActivities?.[0]?.activityType?.name, 'completedElsewhere');
      await stage.client.activity.complete(token, 'done');
      await handle.result();
    },
  },
  {
    name: 'an attempt may ask when the next one comes, beyond what the policy says',
    covers: ['policy:retry.nextRetryDelay'],
    run: async (stage) => assert.equal(await execute(stage, 'asksForDelay'), 2),
  },
  {
    name: 'failures of a listed type are not retried',
    covers: ['policy:retry.nonRetryableErrorTypes', 'policy:retryState.NON_RETRYABLE_FAILURE'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'failsFatally'));
      assert.equal(error.cause?.retryState, 'NON_RETRYABLE_FAILURE');
      assert.equal(error.cause?.cause?.type, 'Fatal');
    },
  },
  {
    name: 'an attempt that takes too long times out',
    covers: ['timeout:activity.startToClose', 'policy:retryState.MAXIMUM_ATTEMPTS_REACHED'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'timesOut', { startToCloseTimeout: 300, retry: { initialInterval: 10, maximumAttempts: 2 } }));
      assert.equal(error.cause?.retryState, 'MAXIMUM_ATTEMPTS_REACHED');
      assert.equal(error.cause?.cause?.name, 'TimeoutFailure');
      const events = await stage.history(stage.id('timesOut'));
      const { failure: encoded } = events.find((event) => event.activityTaskTimedOutEventAttributes)?.activityTaskTimedOutEventAttributes ?? {};
      const timedOut = Failure.decode(encoded ?? new Uint8Array());
      assert.equal(timedOut.message, 'activity StartToClose timeout');
      assert.equal(timedOut.cause?.message, 'activity StartToClose timeout', 'its cause is the failure of the attempt before');
    },
  },
  {
    name: 'there is no next attempt that would come after the time that the activity has in all',
    covers: ['policy:retryState.TIMEOUT'],
    run: async (stage) => assert.equal((await failure(execute(stage, 'runsOutOfTime'))).cause?.retryState, 'TIMEOUT'),
  },
  {
    name: 'an activity that runs when its time is over times out, and there is no retry',
    covers: ['timeout:activity.scheduleToClose'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'timesOut', { scheduleToCloseTimeout: 300, startToCloseTimeout: 20_000 }));
      assert.equal(error.cause?.cause?.name, 'TimeoutFailure');
    },
  },
  {
    name: 'an activity that waits for its next attempt is cancelled at once',
    covers: ['event:ACTIVITY_TASK_CANCEL_REQUESTED', 'event:ACTIVITY_TASK_CANCELED', 'policy:activityCancellation.WAIT_CANCELLATION_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'cancelsWaitingActivity');
      await eventually(async () => (await pending(stage, handle.workflowId))?.attempt === 2);
      await handle.signal('cancelIt');
      assert.equal(await handle.result(), 'cancelled');
      const events = await stage.history(handle.workflowId);
      assert.equal(events.find((event) => event.activityTaskCanceledEventAttributes)?.activityTaskCanceledEventAttributes?.startedEventId, 0);
    },
  },
  {
    name: 'a cancelled scope does not wait for an activity that is asked to stop',
    covers: ['policy:activityCancellation.TRY_CANCEL', 'command:REQUEST_CANCEL_ACTIVITY_TASK'],
    run: async (stage) => {
      const handle = await start(stage, 'cancelsByType', ['TRY_CANCEL']);
      await eventually(async () => (await pending(stage, handle.workflowId))?.state === PendingActivityState.STARTED);
      await handle.signal('cancelIt');
      assert.equal(await handle.result(), 'cancelled');
    },
  },
  {
    name: 'an abandoned activity is not asked to stop',
    covers: ['policy:activityCancellation.ABANDON'],
    run: async (stage) => {
      const handle = await start(stage, 'cancelsByType', ['ABANDON']);
      await eventually(async () => (await pending(stage, handle.workflowId))?.state === PendingActivityState.STARTED);
      await handle.signal('cancelIt');
      assert.equal(await handle.result(), 'cancelled');
      const events = await stage.history(handle.workflowId);
      assert.ok(events.every((event) => event.activityTaskCancelRequestedEventAttributes === undefined));
    },
  },
  {
    name: 'an activity is completed from outside by its id',
    covers: ['rpc:RespondActivityTaskCompletedById', 'rpc:RecordActivityTaskHeartbeatById'],
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      await eventually(() => tokens.get(handle.workflowId));
      const activityId = (await pending(stage, handle.workflowId))?.activityId ?? '';
      await stage.client.activity.heartbeat({ workflowId: handle.workflowId, activityId }, 'half');
      assert.notEqual((await pending(stage, handle.workflowId))?.heartbeatDetails, undefined);
      await stage.client.activity.complete({ workflowId: handle.workflowId, activityId }, 'by id');
      assert.equal(await handle.result(), 'by id');
      const late = await failure(stage.client.activity.complete({ workflowId: handle.workflowId, activityId }, 'again'));
      assert.equal(late.name, 'ActivityNotFoundError');
    },
  },
  {
    name: 'an activity is failed from outside by its id',
    covers: ['rpc:RespondActivityTaskFailedById', 'event:ACTIVITY_TASK_FAILED'],
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      await eventually(() => tokens.get(handle.workflowId));
      const activityId = (await pending(stage, handle.workflowId))?.activityId ?? '';
      await stage.client.activity.fail({ workflowId: handle.workflowId, activityId }, new Error('from outside'));
      assert.equal((await failure(handle.result())).cause?.cause?.message, 'from outside');
    },
  },
  {
    name: 'only an activity whose cancellation was requested may say that it is cancelled',
    covers: ['rpc:RespondActivityTaskCanceledById', 'rpc:RespondActivityTaskCanceled'],
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      const taskToken = await eventually(() => tokens.get(handle.workflowId));
      const activityId = (await pending(stage, handle.workflowId))?.activityId ?? '';
      const refused = /canceled first/;
      const byId = { namespace: stage.namespace, workflowId: handle.workflowId, activityId };
      await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCanceledById, byId), refused);
      await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCanceled, { namespace: stage.namespace, taskToken }), refused);
      await stage.client.activity.complete(taskToken, 'done after all');
      assert.equal(await handle.result(), 'done after all');
    },
  },
  {
    name: 'a paused activity waits until it is unpaused',
    covers: ['rpc:PauseActivity', 'rpc:UnpauseActivity'],
    run: async (stage) => {
      const { workflowId, request } = await backingOff(stage);
      allowed.add(workflowId);
      await stage.call(WorkflowService.PauseActivity, { ...request, reason: 'look at it', requestId: 'one' });
      await stage.call(WorkflowService.PauseActivity, { ...request, reason: 'look at it', requestId: 'one' });
      await assert.rejects(stage.call(WorkflowService.PauseActivity, { ...request, requestId: 'two' }), /already paused/);
      const paused = await pending(stage, workflowId);
      assert.equal(paused?.state, PendingActivityState.PAUSED);
      assert.deepEqual({ ...paused.pauseInfo?.manual }, { identity: 'operator', reason: 'look at it' });
      assert.equal(paused.nextAttemptScheduleTime, undefined);
      await stage.call(WorkflowService.UnpauseActivity, request);
      assert.equal(await result(stage, workflowId), 2);
    },
  },
  {
    name: 'an activity that is reset begins anew at once',
    covers: ['rpc:ResetActivity'],
    run: async (stage) => {
      const { workflowId, request } = await backingOff(stage);
      allowed.add(workflowId);
      await assert.rejects(stage.call(WorkflowService.ResetActivity, { ...request, id: 'another' }), /pending activity/);
      await stage.call(WorkflowService.ResetActivity, request);
      assert.equal(await result(stage, workflowId), 1);
    },
  },
  {
    name: 'other options of an activity are in force at once',
    covers: ['rpc:UpdateActivityOptions'],
    run: async (stage) => {
      const { workflowId, request } = await backingOff(stage);
      allowed.add(workflowId);
      const options = { activityOptions: { retryPolicy: { initialInterval: 1, backoffCoefficient: 1 } }, updateMask: { paths: ['retry_policy.initial_interval'] } };
      const updated = await stage.call(WorkflowService.UpdateActivityOptions, { ...request, ...options });
      assert.equal(updated.activityOptions?.retryPolicy?.initialInterval, 1);
      assert.equal(await result(stage, workflowId), 2);
    },
  },
];
