/** Activities that clients start without a workflow: results, retries, timeouts, cancellation, ids, lists, operators, a server that dies. */
import assert from 'node:assert/strict';
import {
  ActivityExecutionStatus,
  BatchOperationState,
  Code,
  ExecutionType,
  PendingActivityState,
  RpcError,
  WorkflowService,
  type ActivityExecutionInfo,
  type DescribeActivityExecutionResponse,
} from '#perdure/protocol/index';
import type { ActivityHandle } from 'perdure/client';
import { eventually, failure, type Scenario, type Stage } from '../scenario.js';
import { tokens } from './activities.js';

interface Asked {
  readonly id?: string;
  readonly [option: string]: unknown;
}

function start(stage: Stage, type: string, args: unknown[] = [], { id = type, ...options }: Asked = {}): Promise<ActivityHandle> {
  return stage.client.activity.start(type, { id: stage.id(id), taskQueue: stage.taskQueue, startToCloseTimeout: '20 seconds', args, ...options });
}

async function execute(stage: Stage, type: string, args: unknown[] = [], options: Asked = {}): Promise<unknown> {
  return (await start(stage, type, args, options)).result();
}

const describe = (stage: Stage, { activityId }: ActivityHandle, options: object = {}): Promise<DescribeActivityExecutionResponse> =>
  stage.call(WorkflowService.DescribeActivityExecution, { namespace: stage.namespace, activityId, ...options });

/** The activity, once it is as wanted. */
function once(stage: Stage, handle: ActivityHandle, wanted: (info: ActivityExecutionInfo) => boolean): Promise<ActivityExecutionInfo> {
  return eventually(async () => {
    const { info } = await describe(stage, handle, { includeLastFailure: true, includeHeartbeatDetails: true });
    return info !== undefined && wanted(info) && info;
  });
}

const about = (stage: Stage, { activityId }: ActivityHandle) => ({ namespace: stage.namespace, activityId, identity: 'operator', requestId: stage.id('request') });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the result of an activity reaches the client',
    covers: ['rpc:StartActivityExecution', 'rpc:PollActivityTaskQueue', 'rpc:RespondActivityTaskCompleted', 'rpc:PollActivityExecution'],
    run: async (stage) => assert.equal(await execute(stage, 'greet', ['Ada']), '[Ada]'),
  },
  {
    name: 'an activity knows that no workflow started it',
    covers: ['rpc:StartActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'whoAmI');
      const expected = { activityId: handle.activityId, activityRunId: handle.runId, inWorkflow: false, workflowExecution: null, workflowType: null, attempt: 1 };
      assert.deepEqual(await handle.result(), expected);
    },
  },
  {
    name: 'an activity that fails twice is tried again',
    covers: ['rpc:RespondActivityTaskFailed'],
    run: async (stage) => assert.equal(await execute(stage, 'failTimes', [2], { retry: { initialInterval: 20 } }), 3),
  },
  {
    name: 'a failure that is not tried again is the cause of the error, and is described',
    covers: ['rpc:DescribeActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'decline', ['no money']);
      const error = await failure(handle.result());
      assert.deepEqual([error.name, error.cause?.name, error.cause?.type, error.cause?.message, error.cause?.details], ['ActivityExecutionFailedError', 'ApplicationFailure', 'Declined', 'no money', [{ code: 402 }]]);
      const described = await handle.describe({ includeInput: true, includeOutcome: true, includeLastFailure: true });
      assert.deepEqual([described.status, described.attempt, described.activityType], ['FAILED', 1, 'decline']);
      assert.deepEqual(await described.getInput(), ['no money']);
      assert.equal((await described.getOutcomeFailure())?.message, 'no money');
      assert.equal((await described.getLastFailure())?.message, 'no money');
    },
  },
  {
    name: 'attempts that are used up fail it',
    covers: ['rpc:PollActivityExecution'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'failTimes', [9], { retry: { initialInterval: 20, maximumAttempts: 2 } }));
      assert.equal(error.cause?.message, 'attempt 2 fails');
    },
  },
  {
    name: 'a heartbeat that does not come ends an attempt, and its details reach the next one',
    covers: ['rpc:RecordActivityTaskHeartbeat', 'timeout:standaloneActivity.heartbeat'],
    run: async (stage) => assert.equal(await execute(stage, 'resume', [], { heartbeatTimeout: '1 second', retry: { initialInterval: 20 } }), 42),
  },
  {
    name: 'timeouts: of an attempt, of the whole, of the wait for a worker',
    covers: ['rpc:PollActivityExecution', 'timeout:standaloneActivity.startToClose', 'timeout:standaloneActivity.scheduleToClose', 'timeout:standaloneActivity.scheduleToStart'],
    run: async (stage) => {
      const slow = failure(execute(stage, 'hang', [], { id: 'slow', startToCloseTimeout: '1 second', retry: { maximumAttempts: 1 } }));
      const whole = failure(execute(stage, 'hang', [], { id: 'whole', startToCloseTimeout: undefined, scheduleToCloseTimeout: '1 second' }));
      const waiting = failure(execute(stage, 'hang', [], { id: 'waiting', taskQueue: stage.id('nobody'), scheduleToStartTimeout: '1 second' }));
      const types = (await Promise.all([slow, whole, waiting])).map(({ cause }) => [cause?.name, (cause as { timeoutType?: string } | undefined)?.timeoutType]);
      assert.deepEqual([types[0], types[2]], [['TimeoutFailure', 'START_TO_CLOSE'], ['TimeoutFailure', 'SCHEDULE_TO_START']]);
      assert.equal(types[1]?.[0], 'TimeoutFailure');
    },
  },
  {
    name: 'a running activity is cancelled through its heartbeat',
    covers: ['rpc:RequestCancelActivityExecution', 'rpc:RespondActivityTaskCanceled'],
    run: async (stage) => {
      const handle = await start(stage, 'heartbeatForever', [], { heartbeatTimeout: '1 second' });
      await once(stage, handle, ({ runState }) => runState === PendingActivityState.STARTED);
      await handle.cancel('changed my mind');
      const error = await failure(handle.result());
      assert.equal(error.cause?.name, 'CancelledFailure');
      const { status, canceledReason } = await handle.describe();
      assert.deepEqual([status, canceledReason], ['CANCELED', 'changed my mind']);
    },
  },
  {
    name: 'an activity that waits for a worker is cancelled at once',
    covers: ['rpc:RequestCancelActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'greet', ['Ada'], { taskQueue: stage.id('nobody') });
      await handle.cancel('no need');
      const error = await failure(handle.result());
      assert.deepEqual([error.cause?.name, error.cause?.details], ['CancelledFailure', ['no need']]);
      const refused = await stage.call(WorkflowService.RequestCancelActivityExecution, about(stage, handle)).catch((error: unknown) => error);
      assert.ok(refused instanceof RpcError && refused.code === Code.FAILED_PRECONDITION);
    },
  },
  {
    name: 'a termination ends it, and the worker hears nothing of it but its end',
    covers: ['rpc:TerminateActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'heartbeatForever', [], { heartbeatTimeout: '1 second' });
      await once(stage, handle, ({ runState }) => runState === PendingActivityState.STARTED);
      await handle.terminate('enough');
      const error = await failure(handle.result());
      assert.deepEqual([error.cause?.name, error.cause?.message], ['TerminatedFailure', 'enough']);
    },
  },
  {
    name: 'an id that is taken: conflict and reuse policies',
    covers: [
      'rpc:StartActivityExecution',
      'policy:activityIdConflict.FAIL',
      'policy:activityIdConflict.USE_EXISTING',
      'policy:activityIdReuse.REJECT_DUPLICATE',
      'policy:activityIdReuse.ALLOW_DUPLICATE_FAILED_ONLY',
      'policy:activityIdReuse.ALLOW_DUPLICATE',
    ],
    run: async (stage) => {
      const first = await start(stage, 'greet', ['Ada'], { taskQueue: stage.id('nobody') });
      const taken = (await failure(start(stage, 'greet'))) as { name: string; runId?: string };
      assert.deepEqual([taken.name, taken.runId], ['ActivityExecutionAlreadyStartedError', first.runId]);
      assert.equal((await start(stage, 'greet', [], { idConflictPolicy: 'USE_EXISTING' })).runId, first.runId);
      await first.terminate('make room');
      assert.equal((await failure(start(stage, 'greet', [], { idReusePolicy: 'REJECT_DUPLICATE' }))).name, 'ActivityExecutionAlreadyStartedError');
      const second = await start(stage, 'greet', ['Bob'], { idReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' });
      assert.equal(await second.result(), '[Bob]');
      assert.equal((await failure(start(stage, 'greet', [], { idReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' }))).name, 'ActivityExecutionAlreadyStartedError');
      assert.equal((await failure(first.result())).cause?.name, 'TerminatedFailure', 'the first run is still what it was');
      const third = await start(stage, 'greet', ['Cy'], { idReusePolicy: 'ALLOW_DUPLICATE', idConflictPolicy: 'FAIL' });
      assert.equal(await third.result(), '[Cy]');
    },
  },
  {
    name: 'a start delay comes before the first attempt',
    covers: ['rpc:StartActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'greet', ['Ada'], { startDelay: '1 second' });
      const { info } = await describe(stage, handle);
      assert.equal((info?.executionTime ?? 0) - (info?.scheduleTime ?? 0), 1_000);
      assert.equal(await handle.result(), '[Ada]');
      const { lastStartedTime, scheduleTime } = await handle.describe();
      assert.ok((lastStartedTime?.getTime() ?? 0) - (scheduleTime?.getTime() ?? 0) >= 999);
    },
  },
  {
    name: 'a description waits for the next change',
    covers: ['rpc:DescribeActivityExecution'],
    worker: 'own',
    run: async (stage) => {
      const handle = await start(stage, 'greet', ['Ada']);
      const { runId, longPollToken, info } = await describe(stage, handle);
      assert.equal(info?.runState, PendingActivityState.SCHEDULED);
      const changed = describe(stage, handle, { runId, longPollToken });
      await handle.cancel('no need');
      assert.equal((await changed).info?.status, ActivityExecutionStatus.CANCELED);
    },
  },
  {
    name: 'lists and counts find activities by what they are',
    covers: ['rpc:ListActivityExecutions', 'rpc:CountActivityExecutions'],
    run: async (stage) => {
      for (const id of ['a', 'b']) await execute(stage, 'greet', [id], { id });
      const queue = stage.id('nobody');
      await start(stage, 'greet', [], { id: 'c', taskQueue: queue });
      const mine = ['a', 'b', 'c'].map((id) => `ActivityId = '${stage.id(id)}'`).join(' OR ');
      const { activity } = stage.client;
      await eventually(async () => (await activity.count(`(${mine}) AND ActivityType = 'greet' AND ExecutionStatus = 'Completed'`)).count === 2);
      const found: string[] = [];
      for await (const { activityId, status, taskQueue } of activity.list(`TaskQueue = '${queue}' AND CloseTime IS NULL`)) found.push(`${activityId} ${status} ${taskQueue}`);
      assert.deepEqual(found, [`${stage.id('c')} RUNNING ${queue}`]);
      const request = { namespace: stage.namespace, query: `(${mine}) GROUP BY ExecutionStatus` };
      const { count, groups } = await stage.call(WorkflowService.CountActivityExecutions, request);
      assert.deepEqual([count, groups.map((group) => group.count).sort()], [3, [1, 2]]);
      assert.equal((await stage.client.workflow.count(`TaskQueue = '${queue}'`)).count, 0);
      await activity.getHandle(stage.id('c')).terminate('done');
    },
  },
  {
    name: 'a deleted activity is gone',
    covers: ['rpc:DeleteActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'greet', [], { taskQueue: stage.id('nobody') });
      await stage.call(WorkflowService.DeleteActivityExecution, { namespace: stage.namespace, activityId: handle.activityId });
      const error = await eventually(() => handle.describe().then(() => false as const, (error: unknown) => error as Error));
      assert.equal(error.name, 'ActivityNotFoundError');
    },
  },
  {
    name: 'it is completed from outside: by its token, and by its id',
    covers: ['rpc:RespondActivityTaskCompletedById', 'rpc:RespondActivityTaskCompleted'],
    run: async (stage) => {
      const byToken = await start(stage, 'fromOutside', [], { id: 'token' });
      const token = await eventually(() => tokens.get(byToken.activityId));
      await stage.client.activity.complete(token, 'by token');
      assert.equal(await byToken.result(), 'by token');
      const byId = await start(stage, 'fromOutside', [], { id: 'id' });
      await eventually(() => tokens.get(byId.activityId));
      await stage.client.activity.complete({ activityId: byId.activityId }, 'by id');
      assert.equal(await byId.result(), 'by id');
    },
  },
  {
    name: 'operators pause, change and unpause it',
    covers: ['rpc:PauseActivityExecution', 'rpc:UnpauseActivityExecution', 'rpc:UpdateActivityExecutionOptions'],
    run: async (stage) => {
      const handle = await start(stage, 'greet', ['Ada'], { taskQueue: stage.id('nobody') });
      await handle.pause({ reason: 'look at it' });
      const paused = await handle.describe();
      assert.deepEqual([paused.status, paused.runState], ['PAUSED', 'PAUSED']);
      const changed = await handle.updateOptions({ taskQueue: stage.taskQueue, retry: { maximumAttempts: 3 } });
      assert.deepEqual([changed.taskQueue, changed.retry?.maximumAttempts], [stage.taskQueue, 3]);
      assert.equal((await handle.restoreOriginalOptions()).taskQueue, stage.id('nobody'));
      await handle.updateOptions({ taskQueue: stage.taskQueue });
      await handle.unpause();
      assert.equal(await handle.result(), '[Ada]');
    },
  },
  {
    name: 'operators reset it: a long backoff is over, and attempts count from 1',
    covers: ['rpc:ResetActivityExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'failTimes', [1], { retry: { initialInterval: '1 hour' } });
      await once(stage, handle, ({ attempt }) => attempt === 2);
      await stage.call(WorkflowService.ResetActivityExecution, { ...about(stage, handle), requestId: stage.id('reset') });
      const { lastAttemptCompleteTime = 0 } = await once(stage, handle, ({ attempt, totalHeartbeatCount, runState }) => attempt === 2 && totalHeartbeatCount === 0 && runState === PendingActivityState.SCHEDULED);
      assert.ok(lastAttemptCompleteTime > 0);
      await handle.terminate('seen enough');
    },
  },
  {
    name: 'operators end many: those that a query finds, and those that are named',
    covers: ['rpc:StartBatchOperation', 'rpc:DescribeBatchOperation'],
    run: async (stage) => {
      const queue = stage.id('nobody');
      const handles = await Promise.all(['a', 'b', 'c'].map((id) => start(stage, 'greet', [], { id, taskQueue: queue })));
      const [, , named] = handles;
      await eventually(async () => (await stage.client.activity.count(`TaskQueue = '${queue}'`)).count === 3);
      const job = { namespace: stage.namespace, reason: 'cleaning up' };
      const targetExecutions = [{ type: ExecutionType.ACTIVITY, businessId: named?.activityId ?? '' }];
      await stage.call(WorkflowService.StartBatchOperation, { ...job, jobId: stage.id('named'), targetExecutions, terminateActivitiesOperation: { identity: 'operator' } });
      assert.equal((await failure(named?.result() ?? Promise.resolve())).cause?.name, 'TerminatedFailure');
      await stage.call(WorkflowService.StartBatchOperation, { ...job, jobId: stage.id('query'), visibilityQuery: `TaskQueue = '${queue}'`, cancelActivitiesOperation: {} });
      for (const handle of handles.slice(0, 2)) assert.equal((await failure(handle.result())).cause?.name, 'CancelledFailure');
      const described = await eventually(async () => {
        const answer = await stage.call(WorkflowService.DescribeBatchOperation, { namespace: stage.namespace, jobId: stage.id('query') });
        return answer.state === BatchOperationState.COMPLETED && answer;
      });
      assert.equal(described.completeOperationCount, 2);
    },
  },
  {
    name: 'a server that is killed forgets none, and no attempt that a worker holds',
    covers: ['rpc:StartActivityExecution'],
    server: 'own',
    worker: 'own',
    run: async (stage) => {
      const waiting = await start(stage, 'greet', ['Ada'], { id: 'waiting' });
      const delayed = await start(stage, 'greet', ['Bob'], { id: 'delayed', startDelay: '1 second' });
      const outside = await start(stage, 'fromOutside', [], { id: 'outside', startToCloseTimeout: '10 minutes' });
      await stage.server?.kill();
      await stage.server?.start();
      await using _ = await stage.worker();
      assert.deepEqual(await Promise.all([waiting.result(), delayed.result()]), ['[Ada]', '[Bob]']);
      const token = await eventually(() => tokens.get(outside.activityId));
      await stage.server?.kill();
      await stage.server?.start();
      await stage.client.activity.complete(token, 'after the restart');
      assert.equal(await outside.result(), 'after the restart');
    },
  },
];
