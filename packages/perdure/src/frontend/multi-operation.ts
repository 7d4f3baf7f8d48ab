/**
 * ExecuteMultiOperation: the one combination that exists, [StartWorkflow, UpdateWorkflow], update-with-start.
 *
 * The machine takes both in one input, so either both happen or none. An error names the operation that it is about: the other one is
 * reported as aborted, or as done if the run was there and only the update failed.
 */
import type { ServedNamespace } from './namespace-registry.js';
import type { StartReply } from '../machines/workflow/index.js';
import {
  Code,
  EMPTY,
  MultiOperationExecutionFailure,
  RpcError,
  WorkflowService,
  type ExecuteMultiOperationRequest,
  type ExecuteMultiOperationResponse,
  type Init,
  type StartWorkflowExecutionRequest,
  type UpdateWorkflowExecutionRequest,
} from '../protocol/index.js';
import type { CallContext, Router } from '../transport/transport.js';
import { startLink } from './links.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import type { UpdateWaiter, UpdateWaiters } from './update-waiters.js';
import { answerUpdate, checkedUpdate, type CheckedUpdate } from './updates.js';
import { requiredExecution } from './validation.js';
import { checkStart, start } from './workflow.js';

export function addMultiOperationHandler(router: Router, rooms: Rooms, waiters: UpdateWaiters): void {
  const { namespaces } = rooms;
  router.add(WorkflowService.ExecuteMultiOperation, async (request, context) => {
    const namespace = namespaces.getRegistered(request.namespace);
    const operations = startAndUpdate(request);
    const startRequest = forOperation('start', () => checkedStart(namespace, request.namespace, operations.start));
    const update = forOperation('update', () => checkedWithStart(rooms, namespace, request.namespace, startRequest.workflowId, operations.update));
    const { waiter, close } = waiters.open(namespace.id, startRequest.workflowId, update.updateId);
    try {
      return await execute(rooms, namespace, startRequest, update, waiter, context);
    } finally {
      close();
    }
  });
}

async function execute(
  rooms: Rooms,
  namespace: ServedNamespace,
  startRequest: StartWorkflowExecutionRequest,
  { request }: CheckedUpdate,
  waiter: UpdateWaiter,
  context: CallContext,
): Promise<Init<ExecuteMultiOperationResponse>> {
  let started: StartReply;
  try {
    started = await start(rooms, namespace, startRequest, undefined, request);
  } catch (error) {
    throw failureOf('start', error);
  }
  const { runId, firstExecutionRunId, status, update } = started;
  const link = startLink(namespace, startRequest.workflowId, started);
  try {
    if (update === undefined) throw new Error('a start with an update was answered without one');
    if (update instanceof RpcError) throw update;
    const updateWorkflow = await answerUpdate(rooms, namespace, startRequest.workflowId, request, update, waiter, context);
    return { responses: [{ startWorkflow: { runId, firstExecutionRunId, started: started.started, status, link } }, { updateWorkflow }] };
  } catch (error) {
    throw failureOf('update', error, { code: Code.OK, message: '', details: [] });
  }
}

function startAndUpdate({ operations }: ExecuteMultiOperationRequest): { start: StartWorkflowExecutionRequest; update: UpdateWorkflowExecutionRequest } {
  const [first, second] = operations;
  if (operations.length !== 2 || first?.startWorkflow === undefined || second?.updateWorkflow === undefined) {
    throw invalidArgument('Operations have to be exactly [Start, Update].');
  }
  return { start: first.startWorkflow, update: second.updateWorkflow };
}

function checkedStart(namespace: ServedNamespace, name: string, request: StartWorkflowExecutionRequest): StartWorkflowExecutionRequest {
  if (request.namespace !== '' && request.namespace !== name) throw invalidArgument("Operation namespace did not match request's namespace.");
  if (request.cronSchedule !== '') throw invalidArgument('CronSchedule is not allowed.');
  if (request.requestEagerExecution) throw invalidArgument('RequestEagerExecution is not supported.');
  if ((request.workflowStartDelay ?? 0) > 0) throw invalidArgument('WorkflowStartDelay is not supported.');
  checkStart(request, namespace.limits);
  return request;
}

function checkedWithStart(rooms: Rooms, namespace: ServedNamespace, name: string, workflowId: string, request: UpdateWorkflowExecutionRequest): CheckedUpdate {
  if (request.namespace !== '' && request.namespace !== name) throw invalidArgument("Operation namespace did not match request's namespace.");
  const execution = requiredExecution(request.workflowExecution);
  if (execution.workflowId !== workflowId) throw invalidArgument('WorkflowId is not consistent with previous operation(s).');
  if (execution.runId !== '') throw invalidArgument('RunId is not allowed.');
  if (request.firstExecutionRunId !== '') throw invalidArgument('FirstExecutionRunId is not allowed.');
  return checkedUpdate(rooms, request, namespace.limits);
}

type Operation = 'start' | 'update';
type OperationStatus = Init<MultiOperationExecutionFailure['statuses'][number]>;

/** SDKs know the innocent operation by this detail, which has no fields. */
const ABORTED_DETAIL = { typeUrl: 'type.googleapis.com/temporal.api.failure.v1.MultiOperationExecutionAborted', value: EMPTY };
const ABORTED: OperationStatus = { code: Code.ABORTED, message: 'Operation was aborted.', details: [ABORTED_DETAIL] };

function forOperation<T>(operation: Operation, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw failureOf(operation, error);
  }
}

/** The error of the call, in which the failed operation has its own status and the other one `other`. */
function failureOf(operation: Operation, error: unknown, other: OperationStatus = ABORTED): unknown {
  if (!(error instanceof RpcError)) return error;
  const failed: OperationStatus = { code: error.code, message: error.message, details: [...error.details] };
  const statuses = operation === 'start' ? [failed, other] : [other, failed];
  return RpcError.with(error.code, 'Update-with-Start could not be executed.', MultiOperationExecutionFailure, { statuses });
}
