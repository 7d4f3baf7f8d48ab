/** Activities without a workflow over RPC: waits that end and go on, tokens of before a restart, retention, deletion, lists, refusals, batches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ActivityExecutionStatus,
  BatchOperationState,
  BatchOperationType,
  Callback,
  Code,
  ExecutionType,
  Failure,
  Link,
  OperatorService,
  Priority,
  RpcError,
  SearchAttributes,
  WorkflowService,
  type DescribeActivityExecutionResponse,
  type Init,
  type StartActivityExecutionRequest,
} from '../protocol/index.js';
import { NAMESPACE, payloads, QUEUE, Stage } from '../server/testing/stage.js';

const {
  CountActivityExecutions, DescribeActivityExecution, DescribeBatchOperation, ListActivityExecutions, PollActivityExecution, RecordActivityTaskHeartbeatById,
  RespondActivityTaskCompleted, RespondActivityTaskFailedById, StartActivityExecution, StartBatchOperation, TerminateActivityExecution,
} = WorkflowService;
const HOUR_MS = 3_600_000;

const start = async (stage: Stage, activityId: string, request: Init<StartActivityExecutionRequest> = {}): Promise<string> => {
  const asked = { namespace: NAMESPACE, activityId, requestId: `start ${activityId}`, activityType: { name: 'charge' }, taskQueue: { name: QUEUE }, input: payloads('in'), startToCloseTimeout: 10_000, ...request };
  return (await stage.call(StartActivityExecution, asked)).runId;
};
const describe = (stage: Stage, activityId: string, options: object = {}): Promise<DescribeActivityExecutionResponse> =>
  stage.call(DescribeActivityExecution, { namespace: NAMESPACE, activityId, includeOutcome: true, ...options });
const statusOf = async (stage: Stage, activityId: string) => (await describe(stage, activityId)).info?.status;
const count = async (stage: Stage, query: string) => (await stage.call(CountActivityExecutions, { namespace: NAMESPACE, query })).count;
const refused = (code: Code, says: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && says.test(error.message);

test('a worker gets what it needs of an activity that has no workflow', async () => {
  await using stage = await Stage.open();
  const runId = await start(stage, 'a', { heartbeatTimeout: 2_000, priority: Priority.encode({ priorityKey: 2 }) });
  const { taskToken, ...task } = await stage.pollActivity();
  assert.ok(taskToken.byteLength > 0);
  assert.deepEqual({ ...task.workflowExecution }, { workflowId: '', runId: '' });
  assert.equal(task.workflowType, undefined);
  assert.deepEqual([task.workflowNamespace, task.activityId, task.activityRunId, task.activityType?.name, task.attempt], [NAMESPACE, 'a', runId, 'charge', 1]);
  assert.deepEqual([task.scheduleToCloseTimeout, task.startToCloseTimeout, task.heartbeatTimeout], [0, 10_000, 2_000]);
  assert.equal(Priority.decode(task.priority ?? new Uint8Array()).priorityKey, 2);
});

test('a wait for the end answers empty after a while, and is answered at the end', async () => {
  await using stage = await Stage.open();
  const runId = await start(stage, 'a');
  const { taskToken } = await stage.pollActivity();
  const early = stage.call(PollActivityExecution, { namespace: NAMESPACE, activityId: 'a' });
  await stage.clock.advance(9_000);
  await stage.call(WorkflowService.RecordActivityTaskHeartbeat, { taskToken, details: payloads('half') });
  await stage.call(RespondActivityTaskCompleted, { taskToken, result: payloads('out') });
  const { outcome, runId: seen } = await early;
  assert.equal(seen, runId);
  assert.ok(Buffer.from(outcome?.result ?? []).includes('out'));

  await start(stage, 'b', { startToCloseTimeout: 100_000 });
  await stage.pollActivity();
  const late = stage.call(PollActivityExecution, { namespace: NAMESPACE, activityId: 'b' });
  await stage.clock.advance(20_000);
  const { runId: none, outcome: nothing } = await late;
  assert.deepEqual([none, nothing], ['', undefined]);
});

test('a wait for an activity that is deleted meanwhile is refused', async () => {
  await using stage = await Stage.open();
  await start(stage, 'a');
  const wait = assert.rejects(stage.call(PollActivityExecution, { namespace: NAMESPACE, activityId: 'a' }), refused(Code.NOT_FOUND, /activity not found for ID: a/));
  await stage.clock.settle();
  await stage.call(WorkflowService.DeleteActivityExecution, { namespace: NAMESPACE, activityId: 'a' });
  await wait;
  await assert.rejects(describe(stage, 'a'), refused(Code.NOT_FOUND, /not found/));
  assert.equal(await count(stage, ''), 0);
});

test('a description waits for the next change; its token is of one run', async () => {
  await using stage = await Stage.open();
  const runId = await start(stage, 'a');
  const { longPollToken } = await describe(stage, 'a');
  let isOver = false;
  const changed = describe(stage, 'a', { runId, longPollToken }).finally(() => (isOver = true));
  await stage.clock.advance(1_000);
  assert.equal(isOver, false);
  await stage.pollActivity();
  assert.equal((await changed).info?.lastWorkerIdentity, 'worker');
  const unchanged = describe(stage, 'a', { runId, longPollToken: (await changed).longPollToken });
  await stage.clock.advance(5_000);
  await stage.clock.advance(15_000);
  assert.ok((await unchanged).info?.attempt !== 1, 'the timeout of the attempt is a change');
  await assert.rejects(describe(stage, 'a', { longPollToken }), refused(Code.INVALID_ARGUMENT, /RunId/));
  await assert.rejects(describe(stage, 'a', { runId, longPollToken: Buffer.from('x') }), refused(Code.INVALID_ARGUMENT, /Long poll token/));
  await assert.rejects(describe(stage, 'a', { runId: '11111111-1111-4111-8111-111111111111', longPollToken }), refused(Code.INVALID_ARGUMENT, /Long poll token/));
});

test('tokens, backoffs and outcomes outlive the server', async () => {
  await using stage = await Stage.open();
  await start(stage, 'held', { startToCloseTimeout: HOUR_MS });
  const { taskToken } = await stage.pollActivity();
  await start(stage, 'ended');
  await stage.call(TerminateActivityExecution, { namespace: NAMESPACE, activityId: 'ended', reason: 'enough' });
  await start(stage, 'delayed', { startDelay: 60_000 });
  await stage.restart(120_000);
  assert.equal((await stage.pollActivity()).activityId, 'delayed', 'its delay was over while the server was down');
  await stage.call(RespondActivityTaskCompleted, { taskToken, result: payloads('out') });
  assert.equal(await statusOf(stage, 'held'), ActivityExecutionStatus.COMPLETED);
  const { outcome } = await stage.call(PollActivityExecution, { namespace: NAMESPACE, activityId: 'ended' });
  assert.equal(Failure.decode(outcome?.failure ?? new Uint8Array()).message, 'enough');
  assert.equal(await stage.call(StartActivityExecution, { namespace: NAMESPACE, activityId: 'delayed', requestId: 'start delayed', activityType: { name: 'charge' }, taskQueue: { name: QUEUE }, startToCloseTimeout: 1_000 }).then(({ started }) => started), true, 'the same request gives the same answer');
});

test('by id: heartbeats and failures are of the attempt that is under way', async () => {
  await using stage = await Stage.open();
  await start(stage, 'a');
  const byId = { namespace: NAMESPACE, activityId: 'a' };
  await assert.rejects(stage.call(RecordActivityTaskHeartbeatById, byId), refused(Code.NOT_FOUND, /not found/));
  await stage.pollActivity();
  await stage.call(RecordActivityTaskHeartbeatById, { ...byId, details: payloads('half') });
  await stage.call(RespondActivityTaskFailedById, { ...byId, failure: Failure.encode({ message: 'no', applicationFailureInfo: {} }) });
  const { info } = await describe(stage, 'a', { includeHeartbeatDetails: true });
  assert.deepEqual([info?.attempt, info?.totalHeartbeatCount], [2, 1]);
  assert.ok(Buffer.from(info?.heartbeatDetails ?? []).includes('half'));
});

test('lists: attributes, custom ones too, in order, page by page', async () => {
  await using stage = await Stage.open({ searchAttributes: { Customer: 'Keyword' } });
  const searchAttributes = { indexedFields: new Map([['Customer', { data: Buffer.from('"Ada"') }]]) };
  await start(stage, 'a', { searchAttributes: SearchAttributes.encode(searchAttributes) });
  for (const activityId of ['b', 'c']) {
    await stage.clock.advance(1_000);
    await start(stage, activityId);
  }
  assert.equal(await count(stage, "Customer = 'Ada' AND ActivityType = 'charge' AND ActivityId = 'a'"), 1);
  assert.equal(await count(stage, "ActivityId STARTS_WITH 'b' OR ActivityId = 'c'"), 2);
  const seen: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await stage.call(ListActivityExecutions, { namespace: NAMESPACE, pageSize: 2, query: 'ORDER BY StartTime', nextPageToken });
    seen.push(...page.executions.map(({ activityId }) => activityId));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.byteLength > 0);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  await stage.call(TerminateActivityExecution, { namespace: NAMESPACE, activityId: 'a', reason: 'the bank is closed' });
  assert.equal(await count(stage, "FailureMessage = 'bank'"), 1);
  assert.equal(await count(stage, "ExecutionStatus = 'Terminated' AND CloseTime IS NOT NULL"), 1);
  await assert.rejects(stage.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE, query: "ActivityId = 'a'" }), refused(Code.INVALID_ARGUMENT, /ActivityId/));
});

test('what is closed is forgotten when its retention is over, and a deleted namespace takes all with it', async () => {
  await using stage = await Stage.open({ retentionMs: 72 * HOUR_MS, namespaces: ['doomed'] });
  await start(stage, 'closed');
  await start(stage, 'open');
  await stage.call(TerminateActivityExecution, { namespace: NAMESPACE, activityId: 'closed' });
  await stage.clock.advance(71 * HOUR_MS);
  assert.equal(await statusOf(stage, 'closed'), ActivityExecutionStatus.TERMINATED);
  await stage.clock.advance(2 * HOUR_MS);
  await assert.rejects(describe(stage, 'closed'), refused(Code.NOT_FOUND, /closed/));
  assert.equal(await statusOf(stage, 'open'), ActivityExecutionStatus.RUNNING);

  await start(stage, 'a', { namespace: 'doomed' });
  const wait = stage.call(PollActivityExecution, { namespace: 'doomed', activityId: 'a' }).catch((error: unknown) => error);
  await stage.call(OperatorService.DeleteNamespace, { namespace: 'doomed' });
  await stage.clock.advance(60_000);
  assert.ok((await wait) instanceof RpcError);
  const { namespaces } = await stage.call(WorkflowService.ListNamespaces, { namespaceFilter: { includeDeleted: true } });
  assert.deepEqual(namespaces.map(({ namespaceInfo }) => namespaceInfo?.name), [NAMESPACE]);
});

test('bad requests say what is wrong', async () => {
  await using stage = await Stage.open();
  const requests: readonly [Init<StartActivityExecutionRequest>, RegExp][] = [
    [{ activityId: '' }, /ActivityId/],
    [{ activityType: { name: '' } }, /ActivityType/],
    [{ taskQueue: { name: '' } }, /TaskQueue/],
    [{ startToCloseTimeout: 0 }, /neither startToCloseTimeout nor scheduleToCloseTimeout/],
    [{ heartbeatTimeout: -1 }, /HeartbeatTimeout/],
    [{ activityId: 'x'.repeat(1_001) }, /length limit/],
    [{ input: Buffer.alloc(3 * 1024 * 1024) }, /Input exceeds size limit/],
    [{ priority: Priority.encode({ priorityKey: -1 }) }, /priority/],
    [{ completionCallbacks: [Callback.encode({ nexus: { url: 'http://localhost/' } })] }, /callbacks/i],
    [{ links: Array.from({ length: 11 }, () => Link.encode({})) }, /Links/],
  ];
  for (const [request, says] of requests) await assert.rejects(start(stage, request.activityId ?? 'a', request), refused(Code.INVALID_ARGUMENT, says));
  await assert.rejects(describe(stage, 'a', { runId: 'no uuid' }), refused(Code.INVALID_ARGUMENT, /RunId/));
  const update = { namespace: NAMESPACE, activityId: 'a' };
  await assert.rejects(stage.call(WorkflowService.UpdateActivityExecutionOptions, update), refused(Code.INVALID_ARGUMENT, /ActivityOptions/));
  await assert.rejects(stage.call(WorkflowService.UpdateActivityExecutionOptions, { ...update, activityOptions: {}, updateMask: { paths: [] } }), refused(Code.INVALID_ARGUMENT, /at least one path/));
});

test('batch operations: those that a query finds, in pages, and those that are named; each once', async () => {
  await using stage = await Stage.open();
  const ids = Array.from({ length: 30 }, (_, index) => `a${index}`);
  for (const id of ids) await start(stage, id);
  await start(stage, 'other', { activityType: { name: 'other' } });
  await stage.start('w');
  const run = async (jobId: string, request: object) => {
    await stage.call(StartBatchOperation, { namespace: NAMESPACE, jobId, reason: 'because', ...request });
    for (let turn = 0; turn < 100; turn++) {
      const job = await stage.call(DescribeBatchOperation, { namespace: NAMESPACE, jobId });
      if (job.state !== BatchOperationState.RUNNING) return [job.state, job.operationType, job.completeOperationCount, job.failureOperationCount, job.identity];
      await stage.clock.advance(50);
    }
    return assert.fail(`${jobId} does not end`);
  };
  const { COMPLETED } = BatchOperationState;
  const named = ids.slice(0, 3).map((businessId) => ({ type: ExecutionType.ACTIVITY, businessId }));
  assert.deepEqual(await run('named', { targetExecutions: [...named, { type: ExecutionType.ACTIVITY, businessId: 'nowhere' }], terminateActivitiesOperation: { identity: 'operator' } }), [COMPLETED, BatchOperationType.TERMINATE_ACTIVITY, 4, 0, 'operator']);
  const { outcome } = await describe(stage, 'a0');
  assert.equal(Failure.decode(outcome?.failure ?? new Uint8Array()).message, 'because');
  assert.deepEqual(await run('cancel', { visibilityQuery: "ActivityType = 'charge'", cancelActivitiesOperation: {} }), [COMPLETED, BatchOperationType.CANCEL_ACTIVITY, 27, 0, '']);
  assert.equal(await count(stage, "ExecutionStatus = 'Canceled'"), 27);
  assert.deepEqual(await run('delete', { visibilityQuery: "ActivityType = 'charge'", deleteActivitiesOperation: {} }), [COMPLETED, BatchOperationType.DELETE_ACTIVITY, 30, 0, '']);
  assert.equal(await count(stage, ''), 1);
  assert.deepEqual(await run('workflows', { targetExecutions: [{ type: ExecutionType.WORKFLOW, businessId: 'w' }], terminationOperation: {} }), [COMPLETED, BatchOperationType.TERMINATE_WORKFLOW, 1, 0, '']);
  const wrong = { namespace: NAMESPACE, jobId: 'wrong', reason: 'because', targetExecutions: [{ type: ExecutionType.WORKFLOW, businessId: 'w' }], cancelActivitiesOperation: {} };
  await assert.rejects(stage.call(StartBatchOperation, wrong), refused(Code.INVALID_ARGUMENT, /TargetExecutions/));
});
