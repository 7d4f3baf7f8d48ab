/** Batch operations over RPC: what each operation does, what is refused, how progress is told, and that each execution is met once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchOperationState,
  BatchOperationType,
  Code,
  CommandType,
  EventType,
  Priority,
  ResetType,
  ResourceExhaustedFailure,
  RpcError,
  WorkflowExecutionStatus,
  WorkflowService,
  type DescribeBatchOperationResponse,
  type Init,
  type StartBatchOperationRequest,
} from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, scheduleActivity, Stage } from '../server/testing/stage.js';

const { CountWorkflowExecutions, DescribeBatchOperation, DescribeWorkflowExecution, ListBatchOperations, PauseActivity, StartBatchOperation, StopBatchOperation } = WorkflowService;
const { COMPLETED, FAILED, RUNNING } = BatchOperationState;
const ORDERS = "WorkflowType = 'order'";

const begin = (stage: Stage, jobId: string, request: Init<StartBatchOperationRequest>) => stage.call(StartBatchOperation, { namespace: NAMESPACE, jobId, reason: 'because', ...request });
const describe = (stage: Stage, jobId: string) => stage.call(DescribeBatchOperation, { namespace: NAMESPACE, jobId });
const count = async (stage: Stage, query: string) => (await stage.call(CountWorkflowExecutions, { namespace: NAMESPACE, query })).count;
const refused = (code: Code, says: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && says.test(error.message);
const continueAsNew = { commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} };
const counters = ({ state, totalOperationCount, completeOperationCount, failureOperationCount }: DescribeBatchOperationResponse) => [state, totalOperationCount, completeOperationCount, failureOperationCount];

async function ended(stage: Stage, jobId: string): Promise<DescribeBatchOperationResponse> {
  for (let turn = 0; turn < 500; turn++) {
    const described = await describe(stage, jobId);
    if (described.state !== RUNNING) return described;
    await stage.clock.advance(50);
  }
  return assert.fail(`${jobId} does not end: ${JSON.stringify(await describe(stage, jobId))}`);
}

const run = async (stage: Stage, jobId: string, request: Init<StartBatchOperationRequest>) => {
  await begin(stage, jobId, request);
  return ended(stage, jobId);
};

async function startMany(stage: Stage, howMany: number): Promise<void> {
  for (let index = 0; index < howMany; index++) await stage.start(`w${index}`);
}

test('a query is terminated in pages: each open execution once, with reason, details and identity; closed ones are left alone', async () => {
  await using stage = await Stage.open();
  await startMany(stage, 1_203);
  await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w7' }, reason: 'before' });
  await stage.start('other', { workflowType: { name: 'other' } });
  const job = await run(stage, 'job', { visibilityQuery: ORDERS, terminationOperation: { identity: 'operator' } });
  assert.deepEqual(counters(job), [COMPLETED, 1_202, 1_202, 0]);
  assert.deepEqual([job.operationType, job.identity, job.reason, job.jobId, job.query], [BatchOperationType.TERMINATE_WORKFLOW, 'operator', 'because', 'job', ORDERS]);
  assert.ok((job.closeTime ?? 0) >= (job.startTime ?? Infinity));
  assert.equal(await count(stage, "ExecutionStatus = 'Terminated'"), 1_203);
  assert.equal(await count(stage, "ExecutionStatus = 'Running'"), 1);
  const last = (await stage.events('w1200')).at(-1)?.workflowExecutionTerminatedEventAttributes;
  assert.deepEqual([last?.reason, last?.identity], ['because', 'operator']);
  assert.equal((await stage.events('w7')).at(-1)?.workflowExecutionTerminatedEventAttributes?.reason, 'before');
});

test('named executions: with and without run id, each once; one that has ended or never was is no failure', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('a');
  await stage.start('b');
  const executions = [{ workflowId: 'a', runId }, { workflowId: 'b' }, { workflowId: 'b' }, { workflowId: 'nobody' }];
  const job = await run(stage, 'job', { executions, signalOperation: { signal: 'go', identity: 'operator' } });
  assert.deepEqual(counters(job), [COMPLETED, 3, 3, 0]);
  for (const id of ['a', 'b']) {
    assert.equal((await stage.events(id)).filter(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled?.signalName === 'go' && signaled.identity === 'operator').length, 1);
  }
});

test('cancel and delete: deletion takes closed executions as well', async () => {
  await using stage = await Stage.open();
  await startMany(stage, 3);
  assert.deepEqual(counters(await run(stage, 'cancel', { visibilityQuery: ORDERS, cancellationOperation: { identity: 'operator' } })), [COMPLETED, 3, 3, 0]);
  assert.equal((await stage.events('w0')).filter(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED).length, 1);
  await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w1' } });
  assert.deepEqual(counters(await run(stage, 'delete', { visibilityQuery: ORDERS, deletionOperation: {} })), [COMPLETED, 3, 3, 0]);
  assert.equal(await count(stage, ''), 0);
});

test('reset to the first or the last workflow task: the runs that it makes are not met again', async () => {
  await using stage = await Stage.open({ limits: { batchPageSize: 1 } });
  await startMany(stage, 2);
  for (let index = 0; index < 2; index++) await stage.complete(await stage.pollWorkflow());
  for (const id of ['w0', 'w1']) await stage.signal(id, 'more');
  for (let index = 0; index < 2; index++) await stage.complete(await stage.pollWorkflow());
  const first = await run(stage, 'first', { visibilityQuery: ORDERS, resetOperation: { resetType: ResetType.FIRST_WORKFLOW_TASK, identity: 'operator' } });
  assert.deepEqual(counters(first), [COMPLETED, 2, 2, 0]);
  assert.equal(await count(stage, ORDERS), 4);
  const events = await stage.events('w0');
  assert.equal(events[3]?.workflowTaskFailedEventAttributes?.failure === undefined, false);
  for (let index = 0; index < 2; index++) await stage.complete(await stage.pollWorkflow());
  const last = await run(stage, 'last', { visibilityQuery: `${ORDERS} AND ExecutionStatus = 'Running'`, resetOperation: { options: { lastWorkflowTask: {} } } });
  assert.deepEqual(counters(last), [COMPLETED, 2, 2, 0]);
  assert.equal(await count(stage, "ExecutionStatus = 'Running'"), 2);
  const third = await run(stage, 'impossible', { visibilityQuery: "ExecutionStatus = 'Running'", resetOperation: { options: { workflowTaskId: 1 } } });
  assert.deepEqual(counters(third), [COMPLETED, 2, 0, 2], 'what is refused for good is a failure');
});

test('reset to the first workflow task of a build: in an earlier run of the chain too, unless only the current one counts', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const build = (buildId: string) => ({ workerVersionStamp: { buildId, useVersioning: false }, binaryChecksum: buildId });
  await stage.complete(await stage.pollWorkflow(), [], build('good'));
  await stage.signal('w', 'more');
  await stage.complete(await stage.pollWorkflow(), [continueAsNew], build('bad'));
  const next = stage.pollWorkflow();
  // A run that continues as new at once waits for a moment.
  await stage.clock.advance(5_000);
  await stage.complete(await next, [], build('worse'));
  const visibilityQuery = "ExecutionStatus = 'Running'";
  const only = await run(stage, 'only', { visibilityQuery, resetOperation: { options: { buildId: 'bad', currentRunOnly: true } } });
  assert.deepEqual(counters(only), [COMPLETED, 1, 0, 1]);
  const unknown = await run(stage, 'unknown', { visibilityQuery, resetOperation: { options: { buildId: 'other' } } });
  assert.deepEqual(counters(unknown), [COMPLETED, 1, 0, 1]);
  const done = await run(stage, 'done', { visibilityQuery, resetOperation: { options: { buildId: 'bad' } } });
  assert.deepEqual(counters(done), [COMPLETED, 1, 1, 0]);
  const failed = (await stage.events('w')).find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
  assert.equal(failed?.eventId, 8, 'the task that the build began, in the first run');
});

test('options of executions, and of their activities', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
  const workflowExecutionOptions = { priority: Priority.encode({ priorityKey: 2 }) };
  const options = await run(stage, 'options', { visibilityQuery: ORDERS, updateWorkflowOptionsOperation: { workflowExecutionOptions, updateMask: { paths: ['priority.priority_key'] }, identity: 'operator' } });
  assert.deepEqual(counters(options), [COMPLETED, 1, 1, 0]);
  const pending = async () => (await stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } })).pendingActivities[0];
  const update = await run(stage, 'timeout', { visibilityQuery: ORDERS, updateActivityOptionsOperation: { matchAll: true, activityOptions: { startToCloseTimeout: 77_000 }, updateMask: { paths: ['start_to_close_timeout'] } } });
  assert.deepEqual(counters(update), [COMPLETED, 1, 1, 0]);
  assert.equal((await pending())?.activityOptions?.startToCloseTimeout, 77_000);
  await stage.call(PauseActivity, { namespace: NAMESPACE, execution: { workflowId: 'w' }, id: 'a', identity: 'operator' });
  assert.equal((await pending())?.paused, true);
  assert.deepEqual(counters(await run(stage, 'wrong type', { visibilityQuery: ORDERS, unpauseActivitiesOperation: { type: "it's" } })), [COMPLETED, 0, 0, 0]);
  assert.deepEqual(counters(await run(stage, 'unpause', { visibilityQuery: ORDERS, unpauseActivitiesOperation: { type: 'charge' } })), [COMPLETED, 1, 1, 0]);
  assert.equal((await pending())?.paused, false);
  assert.deepEqual(counters(await run(stage, 'reset', { visibilityQuery: ORDERS, resetActivitiesOperation: { matchAll: true } })), [COMPLETED, 1, 1, 0]);
});

test('the rate holds, a stop holds what is left, and both survive a restart', async () => {
  await using stage = await Stage.open();
  await startMany(stage, 40);
  await begin(stage, 'slow', { visibilityQuery: ORDERS, maxOperationsPerSecond: 10, terminationOperation: {} });
  await stage.clock.advance(1_000);
  const early = await describe(stage, 'slow');
  assert.ok(early.completeOperationCount >= 9 && early.completeOperationCount <= 12, `${early.completeOperationCount} in a second`);
  assert.deepEqual([early.state, early.totalOperationCount], [RUNNING, 40]);
  await stage.restart(60_000);
  await stage.clock.advance(1_000);
  const later = await describe(stage, 'slow');
  assert.ok(later.completeOperationCount >= 19 && later.completeOperationCount <= 24, `${later.completeOperationCount} after another second`);
  await stage.call(StopBatchOperation, { namespace: NAMESPACE, jobId: 'slow', reason: 'enough', identity: 'operator' });
  await stage.clock.advance(10_000);
  const stopped = await describe(stage, 'slow');
  assert.deepEqual([stopped.state, stopped.completeOperationCount], [FAILED, later.completeOperationCount]);
  assert.equal(await count(stage, "ExecutionStatus = 'Running'"), 40 - later.completeOperationCount);
  await assert.rejects(stage.call(StopBatchOperation, { namespace: NAMESPACE, jobId: 'slow', reason: 'again' }), refused(Code.NOT_FOUND, /already ended/));
  await stage.restart();
  assert.deepEqual(counters(await describe(stage, 'slow')), counters(stopped));
});

test('the same job id: the same request is answered again, another one is refused, and the id is free when the retention has ended', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const request = { visibilityQuery: ORDERS, signalOperation: { signal: 'go' } };
  await run(stage, 'job', request);
  await begin(stage, 'job', request);
  await assert.rejects(begin(stage, 'job', { ...request, reason: 'other' }), refused(Code.ALREADY_EXISTS, /job/));
  const signals = async () => (await stage.events('w')).filter(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_SIGNALED).length;
  assert.equal(await signals(), 1);
  await stage.clock.advance(73 * 3_600_000);
  await assert.rejects(describe(stage, 'job'), refused(Code.NOT_FOUND, /job/));
  assert.deepEqual((await stage.call(ListBatchOperations, { namespace: NAMESPACE })).operationInfo, []);
  await run(stage, 'job', request);
  assert.equal(await signals(), 2);
});

test('jobs are listed in pages, and only so many run at a time', async () => {
  await using stage = await Stage.open({ limits: { batchJobs: 2 } });
  await startMany(stage, 5);
  const slow = { visibilityQuery: ORDERS, maxOperationsPerSecond: 0.01, cancellationOperation: {} };
  await run(stage, 'quick', { visibilityQuery: "WorkflowId = 'nobody'", terminationOperation: {} });
  const results = await Promise.allSettled(['one', 'two', 'three', 'four'].map((jobId) => begin(stage, jobId, slow)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    assert.ok(refused(Code.RESOURCE_EXHAUSTED, /Max concurrent batch operations is reached/)(result.reason));
    assert.ok(result.reason instanceof RpcError && result.reason.detail(ResourceExhaustedFailure) !== undefined);
  }
  const jobs: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await stage.call(ListBatchOperations, { namespace: NAMESPACE, pageSize: 2, nextPageToken });
    jobs.push(...page.operationInfo.map(({ jobId, state }) => `${jobId} ${state}`));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.byteLength > 0);
  assert.equal(jobs.length, 3);
  assert.equal(jobs.filter((job) => job.endsWith(` ${RUNNING}`)).length, 2);
  assert.equal(jobs.at(-1), `quick ${COMPLETED}`);
  assert.equal(await count(stage, "TemporalNamespaceDivision = 'TemporalBatcher'"), 0);
});

test('requests that cannot be carried out are refused, and start nothing', async () => {
  await using stage = await Stage.open({ limits: { batchExecutions: 2 } });
  const terminationOperation = {};
  const wrong: [Init<StartBatchOperationRequest>, RegExp][] = [
    [{ visibilityQuery: ORDERS }, /required parameters/],
    [{ terminationOperation }, /required parameters/],
    [{ visibilityQuery: ORDERS, terminationOperation, reason: '' }, /required parameters/],
    [{ visibilityQuery: ORDERS, terminationOperation, jobId: '' }, /JobId/],
    [{ visibilityQuery: ORDERS, executions: [{ workflowId: 'w' }], terminationOperation }, /mutually exclusive/],
    [{ visibilityQuery: "Wrong = 'x'", terminationOperation }, /invalid search attribute: Wrong/],
    [{ visibilityQuery: `${ORDERS} ORDER BY StartTime`, terminationOperation }, /ORDER BY/],
    [{ visibilityQuery: `${ORDERS} GROUP BY WorkflowType`, terminationOperation }, /GROUP BY/],
    [{ visibilityQuery: "WorkflowId = 'x') OR (WorkflowId = 'y'", terminationOperation }, /./],
    [{ visibilityQuery: ORDERS, signalOperation: {} }, /signal name/],
    [{ visibilityQuery: ORDERS, resetOperation: {} }, /reset type/],
    [{ visibilityQuery: ORDERS, resetOperation: { options: {} } }, /missing target/],
    [{ visibilityQuery: ORDERS, updateWorkflowOptionsOperation: {} }, /UpdateOptions/],
    [{ visibilityQuery: ORDERS, unpauseActivitiesOperation: {} }, /activity type/],
    [{ visibilityQuery: ORDERS, resetActivitiesOperation: { type: '' } }, /activity type/],
    [{ visibilityQuery: ORDERS, updateActivityOptionsOperation: { matchAll: true } }, /restore original/],
    [{ executions: [{ workflowId: 'w' }], cancelActivitiesOperation: {} }, /TargetExecutions/],
    [{ visibilityQuery: ORDERS, terminationOperation, maxOperationsPerSecond: -1 }, /MaxOperationsPerSecond/],
    [{ executions: [{ workflowId: '' }], terminationOperation }, /WorkflowId/],
    [{ executions: [{ workflowId: 'w', runId: 'x' }], terminationOperation }, /RunId/],
    [{ executions: ['a', 'b', 'c'].map((workflowId) => ({ workflowId })), terminationOperation }, /count limit/],
  ];
  for (const [request, says] of wrong) await assert.rejects(begin(stage, 'job', request), refused(Code.INVALID_ARGUMENT, says), JSON.stringify(request));
  assert.deepEqual((await stage.call(ListBatchOperations, { namespace: NAMESPACE })).operationInfo, []);
  await assert.rejects(describe(stage, 'job'), refused(Code.NOT_FOUND, /job/));
  await assert.rejects(stage.call(StopBatchOperation, { namespace: NAMESPACE, jobId: 'job', reason: 'x' }), refused(Code.NOT_FOUND, /job/));
  await assert.rejects(stage.call(StopBatchOperation, { namespace: NAMESPACE, jobId: 'job' }), refused(Code.INVALID_ARGUMENT, /Reason/));
});

test('an execution that begins while the job runs is not met', async () => {
  await using stage = await Stage.open({ limits: { batchPageSize: 1 } });
  await startMany(stage, 6);
  await begin(stage, 'job', { visibilityQuery: ORDERS, maxOperationsPerSecond: 2, terminationOperation: {} });
  await stage.clock.advance(1_000);
  await stage.start('late');
  assert.deepEqual(counters(await ended(stage, 'job')), [COMPLETED, 6, 6, 0]);
  const { workflowExecutionInfo: late } = await stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'late' } });
  assert.equal(late?.status, WorkflowExecutionStatus.RUNNING);
});

test('an execution that ends by itself after it was found is done; one that ends before is not found', async () => {
  for (const [batchPageSize, found] of [[500, 6], [1, 5]] as const) {
    await using stage = await Stage.open({ limits: { batchPageSize } });
    await startMany(stage, 6);
    await begin(stage, 'job', { visibilityQuery: ORDERS, maxOperationsPerSecond: 2, terminationOperation: {} });
    await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
    assert.deepEqual(counters(await ended(stage, 'job')), [COMPLETED, found, found, 0]);
    assert.equal(await count(stage, "ExecutionStatus = 'Completed'"), 1);
  }
});
