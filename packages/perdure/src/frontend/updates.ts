/**
 * UpdateWorkflowExecution and PollWorkflowExecutionUpdate.
 *
 * The run admits the update, or finds it by its id; then the call waits until the asked stage is reached, or answers with the stage that
 * is reached when the wait is over: clients go on from there. Nothing is lost if the caller leaves.
 */
import type { ServedNamespace } from './namespace-registry.js';
import { WORKFLOW_KIND, viewUpdate, type UpdateInput, type UpdateNotice, type UpdateReply, type WorkflowState } from '../machines/workflow/index.js';
import {
  Code,
  History,
  PermissionDeniedFailure,
  RpcError,
  UpdateWorkflowExecutionLifecycleStage as Stage,
  WorkflowService,
  type Init,
  type Outcome,
  type UpdateWorkflowExecutionRequest,
  type UpdateWorkflowExecutionResponse,
  type WaitPolicy,
} from '../protocol/index.js';
import type { CallContext, Router } from '../transport/transport.js';
import { readPage } from './history-page.js';
import { updateLink } from './links.js';
import { waitMs } from './long-poll.js';
import { addMultiOperationHandler } from './multi-operation.js';
import { executionNotFound, invalidArgument, notFound } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { UpdateWaiters, type UpdateWaiter } from './update-waiters.js';
import { checkBlob, checkLength, checkLinks, required, requiredExecution } from './validation.js';
import { within } from './waiting.js';
import { executionKey } from './workflow.js';

export function addUpdateHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces } = rooms;
  const waiters = new UpdateWaiters();
  host.onNotice = (machine, notice) => {
    if (machine.kind === WORKFLOW_KIND) waiters.tell(machine, notice as UpdateNotice);
  };

  router.add(WorkflowService.UpdateWorkflowExecution, async (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    const checked = checkedUpdate(rooms, request, namespace.limits);
    const { waiter, close } = waiters.open(namespace.id, execution.workflowId, checked.updateId);
    try {
      const input: UpdateInput = { type: 'update', request: checked.request };
      const reply = await host.send<UpdateReply>(executionKey(namespace, execution), input);
      return await answerUpdate(rooms, namespace, execution.workflowId, checked.request, reply, waiter, context);
    } finally {
      close();
    }
  });

  router.add(WorkflowService.PollWorkflowExecutionUpdate, async (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const { updateRef } = request;
    if (updateRef === undefined) throw invalidArgument('UpdateRef is not set on request.');
    const execution = requiredExecution(updateRef.workflowExecution);
    const updateId = required('UpdateRef UpdateId', updateRef.updateId, namespace.limits);
    const key = executionKey(namespace, execution);
    const { waiter, close } = waiters.open(namespace.id, execution.workflowId, updateId);
    try {
      const seen = await host.read(key, (state: WorkflowState | undefined) => state && { update: viewUpdate(state, updateId) });
      if (seen === undefined) throw executionNotFound(execution.workflowId, execution.runId);
      if (seen.update === undefined) throw notFound(`update "${updateId}" not found`);
      const reached = await reach(rooms, namespace, seen.update, request.waitPolicy?.lifecycleStage ?? Stage.UNSPECIFIED, waiter, context);
      const { runId } = seen.update;
      return { outcome: reached.outcome, stage: reached.stage, updateRef: { workflowExecution: { workflowId: execution.workflowId, runId }, updateId } };
    } finally {
      close();
    }
  });

  addMultiOperationHandler(router, rooms, waiters);
}

export interface CheckedUpdate {
  readonly updateId: string;
  readonly request: UpdateWorkflowExecutionRequest;
}

/** The request with its update id filled in. @throws RpcError INVALID_ARGUMENT, PERMISSION_DENIED */
export function checkedUpdate({ random, callbackAddresses }: Rooms, request: UpdateWorkflowExecutionRequest, limits: NamespaceLimits): CheckedUpdate {
  const update = request.request;
  if (update?.meta === undefined) throw invalidArgument('Update meta is not set on request.');
  if (update.input === undefined) throw invalidArgument('Update input is not set on request.');
  required('Update name', update.input.name, limits);
  checkLength('UpdateId', update.meta.updateId, limits);
  checkLength('Identity', update.meta.identity, limits);
  checkBlob('Update arguments', update.input.args, limits);
  checkBlob('Update header', update.input.header, limits);
  checkLength('RequestId', update.requestId, limits);
  checkLinks(update.links, limits);
  // Without it nobody could tell whether the callbacks are registered already.
  if (update.completionCallbacks.length > 0) required('RequestId', update.requestId, limits);
  if (request.waitPolicy?.lifecycleStage === Stage.ADMITTED) {
    const message = 'UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported.';
    throw RpcError.with(Code.PERMISSION_DENIED, message, PermissionDeniedFailure, {});
  }
  const updateId = update.meta.updateId || random.uuid();
  const completionCallbacks = callbackAddresses.check(update.completionCallbacks, limits);
  return { updateId, request: { ...request, request: { ...update, meta: { ...update.meta, updateId }, completionCallbacks } } };
}

/** Waits, and answers for the update. Without a wait policy the outcome is waited for. */
export async function answerUpdate(
  rooms: Rooms,
  namespace: ServedNamespace,
  workflowId: string,
  { waitPolicy, request }: UpdateWorkflowExecutionRequest,
  update: UpdateReply,
  waiter: UpdateWaiter,
  context: CallContext,
): Promise<Init<UpdateWorkflowExecutionResponse>> {
  const { runId, updateId } = update;
  const reached = await reach(rooms, namespace, update, effectiveStage(waitPolicy), waiter, context);
  const link = reached.stage === Stage.ADMITTED ? undefined : updateLink(namespace, { workflowId, runId }, reached.isInHistory, request?.requestId ?? '');
  return { updateRef: { workflowExecution: { workflowId, runId }, updateId }, outcome: reached.outcome, stage: reached.stage, link };
}

function effectiveStage(policy: WaitPolicy | undefined): Stage {
  return policy?.lifecycleStage || Stage.COMPLETED;
}

interface Reached {
  readonly stage: Stage;
  readonly outcome?: Outcome | undefined;
  /** An event of the history tells of it. */
  readonly isInHistory: boolean;
}

/** Waits for the stage. Time over: the stage that the update has reached. @throws RpcError what ended the update, if it was not answered */
async function reach(rooms: Rooms, namespace: ServedNamespace, update: UpdateReply, wanted: Stage, waiter: UpdateWaiter, context: CallContext): Promise<Reached> {
  if (update.stage === Stage.COMPLETED) return completed(rooms, update);
  const isInHistory = update.stage === Stage.ACCEPTED;
  if (update.stage >= wanted) return { stage: update.stage, isInHistory };
  const timeoutMs = waitMs(namespace.limits.historyLongPollMs, context, rooms.clock);
  const result = await within(waiter.result(update, wanted <= Stage.ACCEPTED), timeoutMs, rooms, context.signal);
  if (result === undefined) return { stage: update.stage, isInHistory };
  switch (result.type) {
    case 'aborted':
      throw result.error;
    case 'accepted':
      return { stage: Stage.ACCEPTED, isInHistory: true };
    case 'completed':
      return { stage: Stage.COMPLETED, outcome: result.outcome, isInHistory: result.eventId > 0 };
  }
}

async function completed(rooms: Rooms, { runId, completedEventId, outcome }: UpdateReply): Promise<Reached> {
  if (completedEventId === 0) return { stage: Stage.COMPLETED, outcome, isInHistory: false };
  const page = await readPage(rooms.host, runId, completedEventId, completedEventId);
  const [event] = History.decode(page.bytes).events;
  const attributes = event?.workflowExecutionUpdateCompletedEventAttributes;
  if (attributes === undefined) throw new RpcError(Code.DATA_LOSS, `Event ${completedEventId} of run ${runId} should hold the outcome of an update, and does not.`);
  return { stage: Stage.COMPLETED, outcome: attributes.outcome, isInHistory: true };
}
