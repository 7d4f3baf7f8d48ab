/**
 * Bad requests are refused as Temporal's server refuses them: the same code, and the same typed detail where there is one. SDKs decide by
 * these what to throw and whether to try again. The table was compared with a real server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError, WorkflowService, type Method } from '../protocol/index.js';
import { NAMESPACE, QUEUE, Stage, startRequest } from '../server/testing/stage.js';

const LONG = 'x'.repeat(1001);
const UNKNOWN_RUN = '0198c7aa-0000-7000-8000-000000000000';
const unknown = { workflowId: 'unknown' };
const open = { workflowId: 'open' };
const closed = { workflowId: 'closed' };
const byId = { namespace: NAMESPACE, workflowId: 'open', activityId: 'a', identity: 'me' };

type Row = readonly [method: keyof typeof WorkflowService, request: object, refusal: string];

const ROWS: readonly Row[] = [
  ['StartWorkflowExecution', { namespace: '' }, 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', { namespace: 'unknown' }, 'NOT_FOUND NamespaceNotFoundFailure'],
  ['StartWorkflowExecution', { namespace: LONG }, 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest(''), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest(LONG), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest('w', { requestId: LONG }), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest('w', { taskQueue: { name: '/_sys/x' } }), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest('w', { workflowRunTimeout: -1 }), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest('w', { workflowRunTimeout: 1e15 }), 'OK'],
  ['StartWorkflowExecution', startRequest('w2', { retryPolicy: { backoffCoefficient: 0.5 } }), 'INVALID_ARGUMENT'],
  ['StartWorkflowExecution', startRequest('w3', { timeSkippingConfig: { enabled: true } }), 'UNIMPLEMENTED'],
  ['SignalWithStartWorkflowExecution', { ...startRequest('w3', { timeSkippingConfig: { enabled: true } }), signalName: 's' }, 'UNIMPLEMENTED'],
  ['StartWorkflowExecution', startRequest('open', { requestId: 'another' }), 'ALREADY_EXISTS WorkflowExecutionAlreadyStartedFailure'],
  ['StartWorkflowExecution', startRequest('closed', { requestId: 'another', workflowIdReusePolicy: 3 }), 'ALREADY_EXISTS WorkflowExecutionAlreadyStartedFailure'],
  ['SignalWithStartWorkflowExecution', startRequest('w'), 'INVALID_ARGUMENT'],
  ['SignalWorkflowExecution', { workflowExecution: open }, 'INVALID_ARGUMENT'],
  ['SignalWorkflowExecution', { workflowExecution: unknown, signalName: 's' }, 'NOT_FOUND NotFoundFailure'],
  ['SignalWorkflowExecution', { workflowExecution: { workflowId: LONG }, signalName: 's' }, 'NOT_FOUND NotFoundFailure'],
  ['SignalWorkflowExecution', { workflowExecution: { ...open, runId: 'bad' }, signalName: 's' }, 'INVALID_ARGUMENT'],
  ['SignalWorkflowExecution', { workflowExecution: { ...open, runId: UNKNOWN_RUN }, signalName: 's' }, 'NOT_FOUND NotFoundFailure'],
  ['SignalWorkflowExecution', { workflowExecution: closed, signalName: 's' }, 'NOT_FOUND NotFoundFailure'],
  ['RequestCancelWorkflowExecution', { workflowExecution: open, firstExecutionRunId: 'bad' }, 'NOT_FOUND NotFoundFailure'],
  ['RequestCancelWorkflowExecution', { workflowExecution: open, reason: LONG }, 'OK'],
  ['TerminateWorkflowExecution', { workflowExecution: closed }, 'NOT_FOUND NotFoundFailure'],
  ['TerminateWorkflowExecution', { workflowExecution: open, firstExecutionRunId: UNKNOWN_RUN }, 'NOT_FOUND NotFoundFailure'],
  ['DescribeWorkflowExecution', { execution: unknown }, 'NOT_FOUND NotFoundFailure'],
  ['DescribeWorkflowExecution', {}, 'INVALID_ARGUMENT'],
  ['GetWorkflowExecutionHistory', { execution: open, nextPageToken: Buffer.from('garbage') }, 'INVALID_ARGUMENT'],
  ['QueryWorkflow', { execution: open }, 'INVALID_ARGUMENT'],
  ['QueryWorkflow', { execution: closed, query: { queryType: 'q' } }, 'FAILED_PRECONDITION WorkflowNotReadyFailure'],
  ['PollWorkflowTaskQueue', { identity: 'me' }, 'INVALID_ARGUMENT'],
  ['PollWorkflowTaskQueue', { taskQueue: { name: QUEUE }, identity: LONG }, 'INVALID_ARGUMENT'],
  ['RespondWorkflowTaskCompleted', { taskToken: Buffer.from('garbage') }, 'INVALID_ARGUMENT'],
  ['RespondActivityTaskCompleted', {}, 'INVALID_ARGUMENT'],
  ['RespondActivityTaskCompletedById', { ...byId, activityId: '' }, 'INVALID_ARGUMENT'],
  ['RespondActivityTaskCompletedById', { ...byId, workflowId: '' }, 'NOT_FOUND NotFoundFailure'],
  ['RespondActivityTaskFailedById', byId, 'NOT_FOUND NotFoundFailure'],
  ['RespondActivityTaskCanceledById', { ...byId, workflowId: 'unknown' }, 'NOT_FOUND NotFoundFailure'],
  ['RecordActivityTaskHeartbeatById', { ...byId, workflowId: 'closed' }, 'NOT_FOUND NotFoundFailure'],
  ['ResetStickyTaskQueue', { execution: unknown }, 'NOT_FOUND NotFoundFailure'],
  ['RegisterNamespace', { namespace: NAMESPACE, workflowExecutionRetentionPeriod: 86_400_000 }, 'ALREADY_EXISTS NamespaceAlreadyExistsFailure'],
  ['RegisterNamespace', { namespace: 'new' }, 'INVALID_ARGUMENT'],
  ['UpdateNamespace', { deleteBadBinary: 'x' }, 'INVALID_ARGUMENT'],
  ['DescribeNamespace', { namespace: NAMESPACE, id: UNKNOWN_RUN }, 'INVALID_ARGUMENT'],
];

async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'OK';
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    const code = Object.entries(Code).find(([, value]) => value === error.code)?.[0] ?? '';
    return [code, ...error.details.map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1))].join(' ');
  }
}

test('each bad request has the code and the detail that SDKs know', async () => {
  await using stage = await Stage.open();
  await stage.start('open');
  await stage.start('closed');
  await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: closed });
  for (const [name, request, refusal] of ROWS) {
    const method = WorkflowService[name] as Method<object, unknown>;
    const about = `${name} ${JSON.stringify(request).slice(0, 200)}`;
    assert.equal(await outcome(stage.call(method, { namespace: NAMESPACE, ...request })), refusal, about);
  }
});

test('a token that comes back under another namespace: unknown is told apart from not its own', async () => {
  await using stage = await Stage.open({ namespaces: ['other'] });
  await stage.start('w');
  const { taskToken } = await stage.pollWorkflow();
  const complete = (namespace: string) => outcome(stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace, taskToken }));
  assert.equal(await complete('unknown'), 'NOT_FOUND NamespaceNotFoundFailure');
  assert.equal(await complete('other'), 'INVALID_ARGUMENT');
  const page = stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace: NAMESPACE, taskToken, intermediatePage: true });
  assert.equal(await outcome(page), 'FAILED_PRECONDITION');
  assert.equal(await complete(NAMESPACE), 'OK');
  assert.equal(await complete(NAMESPACE), 'NOT_FOUND NotFoundFailure');
});
