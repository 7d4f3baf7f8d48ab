/** The limits of requests hold, and are told as clients expect it: each is reached here on purpose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  Payload,
  ResourceExhaustedCause,
  ResourceExhaustedFailure,
  ResourceExhaustedScope,
  RpcError,
  UserMetadata,
  WorkflowService,
} from '../protocol/index.js';
import { NAMESPACE, QUEUE, Stage, completeWorkflow, startRequest, startTimer, sticky } from '../server/testing/stage.js';

const refusedWith = (code: number, message: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && message.test(error.message);
const exhausted = (cause: 'RPS_LIMIT' | 'CONCURRENT_LIMIT', scope: 'NAMESPACE' | 'SYSTEM') => (error: unknown) => {
  const detail = error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED ? error.detail(ResourceExhaustedFailure) : undefined;
  return detail?.cause === ResourceExhaustedCause[cause] && detail.scope === ResourceExhaustedScope[scope];
};
const start = (stage: Stage, request: object) => stage.call(WorkflowService.StartWorkflowExecution, { ...startRequest('w'), ...request });

test('what a start may hold', async () => {
  await using stage = await Stage.open({ limits: { linksPerRequest: 1, linkSizeBytes: 10, summarySizeBytes: 20, detailsSizeBytes: 30, memoSizeBytes: 50 } });
  const metadata = (summary: number, details: number) =>
    UserMetadata.encode({ summary: Payload.create({ data: new Uint8Array(summary) }), details: Payload.create({ data: new Uint8Array(details) }) });
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ links: [new Uint8Array(1), new Uint8Array(1)] }, /Links exceed count limit.*at most 1/],
    [{ links: [new Uint8Array(11)] }, /link exceeds size limit.*at most 10/],
    [{ userMetadata: metadata(25, 1) }, /summary exceeds size limit.*at most 20/],
    [{ userMetadata: metadata(1, 35) }, /details exceeds size limit.*at most 30/],
    [{ memo: new Uint8Array(51) }, /Memo exceeds size limit.*at most 50/],
  ];
  for (const [request, message] of refused) await assert.rejects(start(stage, request), refusedWith(Code.INVALID_ARGUMENT, message));
  await start(stage, { userMetadata: metadata(10, 20) });
});

test('the build id of a worker', async () => {
  await using stage = await Stage.open({ limits: { buildIdLengthBytes: 5 } });
  const poll = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, workerVersionCapabilities: { buildId: 'longer' } };
  await assert.rejects(stage.call(WorkflowService.PollWorkflowTaskQueue, poll), refusedWith(Code.INVALID_ARGUMENT, /BuildId exceeds length limit/));
});

test('pages are capped, never refused', async () => {
  await using stage = await Stage.open({ limits: { historyPageBatches: 2, listPageSize: 1 } });
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [1, 2, 3, 4].map((index) => startTimer(`t${index}`, 60_000)));
  const execution = { workflowId: 'w' };
  for (const method of [WorkflowService.GetWorkflowExecutionHistory, WorkflowService.GetWorkflowExecutionHistoryReverse]) {
    const pages: number[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const page: { history?: Uint8Array | undefined; nextPageToken: Uint8Array } = await stage.call(method, { namespace: NAMESPACE, execution, maximumPageSize: 1_000, nextPageToken });
      pages.push((await import('../server/testing/stage.js')).eventsOf(page).length);
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
    // The batches hold 2, 1 and 5 events.
    assert.deepEqual(pages, method === WorkflowService.GetWorkflowExecutionHistory ? [3, 5] : [6, 2], method.name);
  }
  await stage.call(WorkflowService.RegisterNamespace, { namespace: 'other', workflowExecutionRetentionPeriod: 86_400_000 });
  assert.equal((await stage.call(WorkflowService.ListNamespaces, { pageSize: 100 })).namespaces.length, 1);
});

test('namespaces: how many, and how short their retention', async () => {
  await using stage = await Stage.open({ limits: { namespaces: 2, minimumRetentionMs: 7_200_000 } });
  const register = (namespace: string, workflowExecutionRetentionPeriod: number) =>
    stage.call(WorkflowService.RegisterNamespace, { namespace, workflowExecutionRetentionPeriod });
  await assert.rejects(register('a', 3_600_000), refusedWith(Code.INVALID_ARGUMENT, /minimum.*2 hours/));
  await register('a', 7_200_000);
  await assert.rejects(register('b', 7_200_000), refusedWith(Code.RESOURCE_EXHAUSTED, /2 namespaces/));
});

test('requests a second: a burst passes, more is refused with its cause, and time makes room', async () => {
  await using stage = await Stage.open({ limits: { requestsPerSecond: 2 } });
  const describe = () => stage.call(WorkflowService.DescribeNamespace, { namespace: NAMESPACE });
  for (let burst = 0; burst < 4; burst++) await describe();
  await assert.rejects(describe(), exhausted('RPS_LIMIT', 'NAMESPACE'));
  await stage.call(WorkflowService.GetSystemInfo, {});
  await stage.clock.advance(500);
  await describe();
  await assert.rejects(describe(), exhausted('RPS_LIMIT', 'NAMESPACE'));
});

test('requests a second of all namespaces together', async () => {
  await using stage = await Stage.open({ limits: { totalRequestsPerSecond: 1 } });
  const list = () => stage.call(WorkflowService.ListNamespaces, {});
  await list();
  await list();
  await assert.rejects(list(), exhausted('RPS_LIMIT', 'SYSTEM'));
});

test('long polls of a namespace: one too many is refused, and each that ends makes room, however it ends', async () => {
  await using stage = await Stage.open({ limits: { longPolls: 2, taskLongPollMs: 5_000 } });
  await stage.start('w');
  const history = stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId: 'w' }, waitNewEvent: true, historyEventFilterType: 2 });
  const gone = new AbortController();
  const poll = stage.pollWorkflow('other', { signal: gone.signal });
  await stage.clock.settle();
  await assert.rejects(stage.pollActivity(), exhausted('CONCURRENT_LIMIT', 'NAMESPACE'));
  // A history that does not wait is no long poll.
  await stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  gone.abort();
  await assert.rejects(poll);
  await stage.clock.settle();
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await history;
  const empty = stage.pollActivity();
  await stage.clock.advance(5_000);
  assert.equal((await empty).taskToken.byteLength, 0, 'nothing came within the limit');
});

test('queries of a run that wait for its next workflow task', async () => {
  await using stage = await Stage.open({ limits: { bufferedQueries: 1, noPollerWaitMs: 3_000 } });
  await stage.start('w');
  const query = () => stage.call(WorkflowService.QueryWorkflow, { namespace: NAMESPACE, execution: { workflowId: 'w' }, query: { queryType: 'q' } });
  const first = query();
  await stage.clock.settle();
  await assert.rejects(query(), (error) => error instanceof RpcError && error.detail(ResourceExhaustedFailure)?.cause === ResourceExhaustedCause.BUSY_WORKFLOW);
  await stage.complete(await stage.pollWorkflow(), [], sticky);
  // Nobody polls: the query asks for a worker as long as the limit says.
  let told: unknown;
  first.catch((error: unknown) => (told = error));
  await stage.clock.advance(60_000);
  assert.ok(refusedWith(Code.FAILED_PRECONDITION, /worker/)(told));
});
