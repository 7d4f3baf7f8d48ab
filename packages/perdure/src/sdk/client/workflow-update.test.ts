/** Updates from a client: what is sent, when it is sent again, and what rejections, failures and lost waits become. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Any,
  Code,
  Failure,
  MultiOperationExecutionFailure,
  Payloads,
  RpcError,
  UpdateWorkflowExecutionLifecycleStage as Stage,
  WorkflowExecutionAlreadyStartedFailure,
  WorkflowService,
  type Init,
  type UpdateWorkflowExecutionResponse,
} from '../../protocol/index.js';
import {
  ApplicationFailure,
  decodeText,
  defaultDataConverter,
  defineUpdate,
  encodeErrorToFailure,
  encodeToBytes,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '../common/index.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from './errors.js';
import { ScriptedTransport } from './scripted-transport.js';
import { WithStartWorkflowOperation } from './update-with-start.js';

const { UpdateWorkflowExecution, PollWorkflowExecutionUpdate, ExecuteMultiOperation } = WorkflowService;
const add = defineUpdate<number, [amount: number]>('add');
const touch = defineUpdate<void>('touch');

async function cart(_owner: string): Promise<void> {}

function setUp() {
  const transport = new ScriptedTransport();
  const client = new Client({ connection: Connection.from(transport), identity: 'tester' });
  return { transport, client, handle: client.workflow.getHandle('cart-1', 'run-1', { firstExecutionRunId: 'run-0' }) };
}

const texts = (bytes: Uint8Array | undefined) => Payloads.decode(bytes ?? new Uint8Array()).payloads.map((payload) => decodeText(payload.data));
const ref = { updateRef: { updateId: 'u', workflowExecution: { workflowId: 'cart-1', runId: 'run-1' } } };
const success = async (value: unknown): Promise<Init<UpdateWorkflowExecutionResponse>> => ({
  ...ref,
  stage: Stage.COMPLETED,
  outcome: { success: await encodeToBytes(defaultDataConverter, value) },
});

test('executeUpdate sends one request with an id of its own, and gives the result', async () => {
  const { transport, handle } = setUp();
  transport.onSequence(UpdateWorkflowExecution, await success(7));
  assert.equal(await handle.executeUpdate(add, { args: [2] }), 7);
  const [request] = transport.requests(UpdateWorkflowExecution);
  assert.deepEqual(request?.workflowExecution, { workflowId: 'cart-1', runId: 'run-1' });
  assert.deepEqual([request?.firstExecutionRunId, request?.waitPolicy?.lifecycleStage, request?.request?.input?.name], ['run-0', Stage.COMPLETED, 'add']);
  assert.deepEqual(texts(request?.request?.input?.args), ['2']);
  assert.match(request?.request?.meta?.updateId ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(request?.request?.meta?.identity, 'tester');
});

test('until the update is durable the same request is sent again; then its outcome is polled for', async () => {
  const { transport, handle } = setUp();
  transport.onSequence(UpdateWorkflowExecution, { ...ref, stage: Stage.ADMITTED }, { ...ref, stage: Stage.ACCEPTED });
  transport.onSequence(PollWorkflowExecutionUpdate, { ...ref, stage: Stage.ACCEPTED }, await success(9));
  assert.equal(await handle.executeUpdate(add, { args: [2], updateId: 'mine' }), 9);
  const sent = transport.requests(UpdateWorkflowExecution);
  assert.deepEqual(sent.map(({ request }) => request?.meta?.updateId), ['mine', 'mine']);
  const polls = transport.requests(PollWorkflowExecutionUpdate);
  assert.deepEqual(polls.map(({ updateRef }) => [updateRef?.updateId, updateRef?.workflowExecution?.runId]), [['mine', 'run-1'], ['mine', 'run-1']]);
});

test('startUpdate waits for the acceptance; its handle asks for the outcome once, and only when wanted', async () => {
  const { transport, handle } = setUp();
  transport.onSequence(UpdateWorkflowExecution, { ...ref, stage: Stage.ACCEPTED });
  transport.onSequence(PollWorkflowExecutionUpdate, await success('done'));
  const update = await handle.startUpdate(touch, { waitForStage: 'ACCEPTED', updateId: 'u' });
  assert.deepEqual([update.updateId, update.workflowId, update.workflowRunId], ['u', 'cart-1', 'run-1']);
  assert.equal(transport.requests(PollWorkflowExecutionUpdate).length, 0);
  assert.deepEqual([await update.result(), await update.result()], ['done', 'done']);
  assert.equal(transport.requests(PollWorkflowExecutionUpdate).length, 1);
  await assert.rejects(async () => handle.startUpdate(touch, { waitForStage: 'COMPLETED' as 'ACCEPTED' }), /waitForStage must be 'ACCEPTED'/);
});

test('getUpdateHandle makes no request of its own', async () => {
  const { transport, handle } = setUp();
  transport.onSequence(PollWorkflowExecutionUpdate, await success(1));
  const update = handle.getUpdateHandle<number>('old', { workflowRunId: 'run-7' });
  assert.equal(transport.calls.length, 0);
  assert.equal(await update.result(), 1);
  assert.equal(transport.requests(PollWorkflowExecutionUpdate)[0]?.updateRef?.workflowExecution?.runId, 'run-7');
});

test('a rejection or failure is a WorkflowUpdateFailedError around what the workflow threw', async () => {
  const { transport, handle } = setUp();
  const failure = Failure.encode(await encodeErrorToFailure(defaultDataConverter, ApplicationFailure.nonRetryable('too many', 'TooMany', 3)));
  transport.onSequence(UpdateWorkflowExecution, { ...ref, stage: Stage.COMPLETED, outcome: { failure } });
  await assert.rejects(handle.executeUpdate(add, { args: [1] }), (error) => {
    assert.ok(error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure);
    assert.deepEqual([error.cause.type, error.cause.details], ['TooMany', [3]]);
    return true;
  });
  const rejected = await handle.startUpdate(add, { args: [1], waitForStage: 'ACCEPTED' });
  await assert.rejects(rejected.result(), WorkflowUpdateFailedError);
});

test('a wait that is cut off says nothing of the update; a missing execution is one', async () => {
  const { transport, handle } = setUp();
  for (const code of [Code.DEADLINE_EXCEEDED, Code.CANCELLED]) {
    transport.onSequence(UpdateWorkflowExecution, new RpcError(code, 'cut off'));
    await assert.rejects(handle.executeUpdate(add, { args: [1] }), WorkflowUpdateRPCTimeoutOrCancelledError);
  }
  transport.onSequence(UpdateWorkflowExecution, new RpcError(Code.NOT_FOUND, 'workflow execution already completed'));
  await assert.rejects(handle.executeUpdate(add, { args: [1] }), WorkflowNotFoundError);
});

const startOperation = () =>
  new WithStartWorkflowOperation(cart, { workflowId: 'cart-1', taskQueue: 'carts', args: ['ann'], workflowIdConflictPolicy: 'USE_EXISTING' });

test('update-with-start sends both in one request; the handle is known before the outcome', async () => {
  const { transport, client } = setUp();
  const answer = async (stage: Stage) => ({
    responses: [
      { startWorkflow: { runId: 'run-5', started: true } },
      { updateWorkflow: { ...(stage === Stage.COMPLETED ? await success(3) : ref), stage } },
    ],
  });
  transport.onSequence(ExecuteMultiOperation, await answer(Stage.ADMITTED), await answer(Stage.COMPLETED));
  const operation = startOperation();
  assert.equal(await client.workflow.executeUpdateWithStart(add, { args: [3], startWorkflowOperation: operation }), 3);
  const handle = await operation.workflowHandle();
  assert.equal(handle.workflowId, 'cart-1');
  const [first, second] = transport.requests(ExecuteMultiOperation).map(({ operations }) => operations);
  assert.deepEqual([first?.[0]?.startWorkflow?.workflowId, first?.[0]?.startWorkflow?.workflowIdConflictPolicy, texts(first?.[0]?.startWorkflow?.input)], ['cart-1', 2, ['"ann"']]);
  assert.deepEqual([first?.[1]?.updateWorkflow?.request?.input?.name, first?.[1]?.updateWorkflow?.waitPolicy?.lifecycleStage], ['add', Stage.COMPLETED]);
  assert.deepEqual(second, first, 'sent again it is the same request');
  await assert.rejects(client.workflow.executeUpdateWithStart(add, { args: [3], startWorkflowOperation: operation }), /used for a request already/);
});

test('of two refused operations the one that is the reason is thrown, to both who wait', async () => {
  const { transport, client } = setUp();
  const aborted = { code: Code.ABORTED, message: 'Operation was aborted.', details: [{ typeUrl: 'type.googleapis.com/temporal.api.failure.v1.MultiOperationExecutionAborted' }] };
  const exists = { code: Code.ALREADY_EXISTS, message: 'already started', details: [{ typeUrl: `type.googleapis.com/${WorkflowExecutionAlreadyStartedFailure.typeName}` }] };
  const detail = { typeUrl: `type.googleapis.com/${MultiOperationExecutionFailure.typeName}`, value: MultiOperationExecutionFailure.encode({ statuses: [exists, aborted] }) };
  transport.onSequence(ExecuteMultiOperation, new RpcError(Code.ALREADY_EXISTS, 'refused', [Any.create(detail)]));
  const operation = startOperation();
  await assert.rejects(client.workflow.executeUpdateWithStart(add, { args: [3], startWorkflowOperation: operation }), WorkflowExecutionAlreadyStartedError);
  await assert.rejects(operation.workflowHandle(), WorkflowExecutionAlreadyStartedError);
});
