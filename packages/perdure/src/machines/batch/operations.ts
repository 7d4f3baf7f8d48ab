/**
 * What a batch job does to one execution: each operation as the message that a client's own request would have been.
 *
 * A message can be delivered twice, if the server dies between an answer and its record. So each carries a request id made of the job and
 * the run, or is one that changes nothing the second time.
 */
import {
  BatchOperationType,
  Code,
  RequestCancelWorkflowExecutionRequest,
  RpcError,
  SignalWorkflowExecutionRequest,
  TerminateWorkflowExecutionRequest,
  WorkflowExecutionOptions,
} from '../../protocol/index.js';
import type { ActivityOptions, BatchOperationReset, StartBatchOperationRequest, SweepTarget } from '../../protocol/index.js';
import { ACTIVITY_KIND, type ActivityInput } from '../activity/inputs.js';
import type { MachineKey } from '../machine.js';
import type { SweepWalk } from './sweep/sweep.js';
import { WORKFLOW_KIND } from '../workflow/inputs.js';
import type { ActivitySelection, Jitter, WorkflowInput } from '../workflow/inputs.js';
import type { BatchState } from './state.js';

/** `kind` of the courier that resets: a reset is prepared from the history, which no machine reads. */
export const BATCH_RESET_KIND = 'batch-reset';

/** The message to that courier. */
export interface BatchResetMessage {
  /** Id of the namespace. */
  readonly namespace: string;
  readonly workflowId: string;
  /** Empty: the latest run. */
  readonly runId: string;
  readonly requestId: string;
  readonly reason: string;
  readonly operation: BatchOperationReset;
}

/** The operation of a request: its type, and whose wish it is. `undefined`: none that this server knows. */
export function operationOf(request: StartBatchOperationRequest): { readonly type: BatchOperationType; readonly identity: string } | undefined {
  const known = [
    [BatchOperationType.TERMINATE_WORKFLOW, request.terminationOperation],
    [BatchOperationType.SIGNAL_WORKFLOW, request.signalOperation],
    [BatchOperationType.CANCEL_WORKFLOW, request.cancellationOperation],
    [BatchOperationType.DELETE_WORKFLOW, request.deletionOperation],
    [BatchOperationType.RESET_WORKFLOW, request.resetOperation],
    [BatchOperationType.UPDATE_WORKFLOW_EXECUTION_OPTIONS, request.updateWorkflowOptionsOperation],
    [BatchOperationType.UNPAUSE_ACTIVITY, request.unpauseActivitiesOperation],
    [BatchOperationType.RESET_ACTIVITY, request.resetActivitiesOperation],
    [BatchOperationType.UPDATE_ACTIVITY_OPTIONS, request.updateActivityOptionsOperation],
    [BatchOperationType.CANCEL_ACTIVITY, request.cancelActivitiesOperation],
    [BatchOperationType.TERMINATE_ACTIVITY, request.terminateActivitiesOperation],
    [BatchOperationType.DELETE_ACTIVITY, request.deleteActivitiesOperation && { identity: '' }],
  ] as const;
  const found = known.find(([, operation]) => operation !== undefined);
  return found && { type: found[0], identity: found[1]?.identity ?? '' };
}

/** What the operation is done to: runs of workflows, or activities that belong to none. */
export function targetKind(request: StartBatchOperationRequest | undefined): typeof WORKFLOW_KIND | typeof ACTIVITY_KIND {
  const operation = request?.cancelActivitiesOperation ?? request?.terminateActivitiesOperation ?? request?.deleteActivitiesOperation;
  return operation === undefined ? WORKFLOW_KIND : ACTIVITY_KIND;
}

export function walkOf(state: BatchState): SweepWalk {
  const { namespaceId: namespace, query, startedMs: nowMs, perSecond, window, pageSize } = state.started;
  const kind = targetKind(state.started.request);
  return {
    query: query === '' ? undefined : { namespace, kind, query, nowMs, order: 'created', limit: pageSize },
    message: (target) => messageTo(state, target),
    outcome: kind === ACTIVITY_KIND ? activityOutcome : outcome,
    perSecond,
    window,
  };
}

/** A run that has ended or is gone needs nothing any more: that is no failure. */
function outcome(reply: unknown): 'done' | 'failed' {
  return reply instanceof RpcError && reply.code !== Code.NOT_FOUND ? 'failed' : 'done';
}

/** An activity says by a precondition that there is nothing left to do. */
function activityOutcome(reply: unknown): 'done' | 'failed' {
  return reply instanceof RpcError && reply.code === Code.FAILED_PRECONDITION ? 'done' : outcome(reply);
}

function messageTo(state: BatchState, target: SweepTarget): { to: MachineKey; input: unknown } {
  const { namespaceId: namespace, incarnation, request } = state.started;
  if (request === undefined) throw new Error('a batch job without a request');
  const { key, machine } = target;
  const requestId = `${incarnation}:${machine === '' ? key : machine}`;
  if (request.resetOperation !== undefined) {
    const message: BatchResetMessage = { namespace, workflowId: key, runId: machine, requestId, reason: request.reason, operation: request.resetOperation };
    return { to: { kind: BATCH_RESET_KIND, namespace, key }, input: message };
  }
  const kind = targetKind(request);
  const input = kind === ACTIVITY_KIND ? standaloneInput(request, requestId) : inputFor(request, target, requestId);
  return { to: { kind, namespace, key, ...(machine !== '' && { machine }) }, input };
}

function standaloneInput({ reason: ofJob, cancelActivitiesOperation: cancel, terminateActivitiesOperation: terminate }: StartBatchOperationRequest, requestId: string): ActivityInput {
  if (cancel !== undefined) return { type: 'request-cancel', identity: cancel.identity, reason: cancel.reason || ofJob, requestId };
  if (terminate !== undefined) return { type: 'terminate', identity: terminate.identity, reason: terminate.reason || ofJob, requestId };
  return { type: 'delete' };
}

function inputFor(request: StartBatchOperationRequest, { key, machine, number }: SweepTarget, requestId: string): WorkflowInput {
  const { namespace, reason } = request;
  const workflowExecution = { workflowId: key, runId: machine };
  const { terminationOperation, signalOperation, cancellationOperation, deletionOperation, updateWorkflowOptionsOperation: options } = request;
  if (terminationOperation !== undefined) {
    const { identity, details } = terminationOperation;
    return { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({ namespace, workflowExecution, identity, details, reason }) };
  }
  if (cancellationOperation !== undefined) {
    const { identity } = cancellationOperation;
    return { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({ namespace, workflowExecution, identity, requestId, reason }) };
  }
  if (signalOperation !== undefined) {
    const { identity, signal: signalName, input, header } = signalOperation;
    return { type: 'signal', request: SignalWorkflowExecutionRequest.create({ namespace, workflowExecution, identity, requestId, signalName, input, header }) };
  }
  if (deletionOperation !== undefined) return { type: 'delete' };
  if (options !== undefined) {
    const { workflowExecutionOptions = WorkflowExecutionOptions.create({}), updateMask, identity } = options;
    return { type: 'update-options', options: workflowExecutionOptions, paths: updateMask?.paths ?? [], identity };
  }
  return activityInput(request, number, requestId);
}

function activityInput(request: StartBatchOperationRequest, number: number, requestId: string): WorkflowInput {
  const { unpauseActivitiesOperation: unpause, resetActivitiesOperation: reset, updateActivityOptionsOperation: update } = request;
  if (unpause !== undefined) {
    const { resetAttempts, resetHeartbeat, jitter } = unpause;
    return { type: 'unpause-activity', selection: selectionOf(unpause.type), resetAttempts, resetHeartbeat, jitter: jitterOf(jitter, number) };
  }
  if (reset !== undefined) {
    const { resetHeartbeat, keepPaused, restoreOriginalOptions, jitter } = reset;
    return { type: 'reset-activity', selection: selectionOf(reset.type), resetHeartbeat, keepPaused, restoreOriginalOptions, jitter: jitterOf(jitter, number), requestId };
  }
  if (update === undefined) throw new Error('a batch job without an operation');
  return { type: 'update-activity-options', selection: selectionOf(update.type), change: changeOf(update) };
}

interface OptionsChange {
  readonly restoreOriginal: boolean;
  readonly activityOptions?: ActivityOptions | undefined;
  readonly updateMask?: { readonly paths: readonly string[] } | undefined;
}

function changeOf({ restoreOriginal, activityOptions, updateMask }: OptionsChange): Extract<WorkflowInput, { type: 'update-activity-options' }>['change'] {
  if (restoreOriginal || activityOptions === undefined) return { kind: 'restore' };
  return { kind: 'merge', options: activityOptions, paths: updateMask?.paths ?? [] };
}

function selectionOf(type: string | undefined): ActivitySelection {
  return type === undefined ? { by: 'all' } : { by: 'type', type };
}

/** Spread over the executions as well: steps of the golden ratio fill the time evenly. */
function jitterOf(withinMs: number | undefined, number: number): Jitter {
  return { withinMs: withinMs ?? 0, seed: (number * 0.618_033_988_749_895) % 1 };
}
