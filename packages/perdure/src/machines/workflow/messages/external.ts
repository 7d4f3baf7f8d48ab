/**
 * Signals and cancel requests to other runs: …Initiated → ExternalWorkflowExecutionSignaled, ExternalWorkflowExecutionCancelRequested, or
 * a …Failed event with its cause.
 *
 * The Initiated event is a debt: the message goes to the other run until it was answered. The receiver deduplicates signals by a request
 * id that is made of this run and the event; a cancel request takes effect once anyhow. What is not answered when the run closes is
 * dropped. Here is also the receiver's side: who may write to this run.
 */
import {
  CancelExternalWorkflowExecutionFailedCause,
  Code,
  EventType,
  RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
  RpcError,
  SignalExternalWorkflowExecutionFailedCause,
  SignalExternalWorkflowExecutionInitiatedEventAttributes,
} from '../../../protocol/index.js';
import type { ExternalRequestState, HistoryEvent } from '../../../protocol/index.js';
import type { DebtKey } from '../../machine.js';
import { arrive } from '../buffer.js';
import type { Draft } from '../draft.js';
import { cancelKey, outgoingOf, signalKey } from './external-messages.js';
import type { ExternalSender } from './message-inputs.js';
import { isNamespaceGone, noSuchRun } from '../refusals.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';

// ── the receiver ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Why another run must not write to this one. Nobody writes to itself in this way. */
export function senderProblem({ run }: WorkflowState, from: ExternalSender | undefined): RpcError | undefined {
  if (from === undefined) return undefined;
  const isSelf = from.workflowId === run.workflowId && from.namespaceId === run.namespaceId;
  const isParent = run.parent?.workflowId === from.workflowId && (run.parent.runId === from.runId || run.parent.runId === from.originalRunId);
  return isSelf || (from.childWorkflowOnly && !isParent) ? noSuchRun(run.workflowId, run.runId) : undefined;
}

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function takeSignalAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const { state } = draft;
  const pending = outgoingOf(state, key);
  if (pending === undefined || pending.closing) return;
  const { namespace, namespaceId, workflowExecution, control } = SignalExternalWorkflowExecutionInitiatedEventAttributes.decode(pending.initiated);
  const { initiatedEventId } = pending;
  const common = { initiatedEventId, namespace: namespace || state.run.namespace, namespaceId, workflowExecution, control };
  if (reply instanceof RpcError) {
    arrive(draft, EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, {
      signalExternalWorkflowExecutionFailedEventAttributes: { ...common, cause: signalFailedCause(reply), workflowTaskCompletedEventId: 0 },
    });
  } else arrive(draft, EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, { externalWorkflowExecutionSignaledEventAttributes: common });
  scheduleWorkflowTask(draft);
}

function signalFailedCause(refusal: RpcError): SignalExternalWorkflowExecutionFailedCause {
  const { SIGNAL_COUNT_LIMIT_EXCEEDED, EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND, NAMESPACE_NOT_FOUND } = SignalExternalWorkflowExecutionFailedCause;
  if (isNamespaceGone(refusal)) return NAMESPACE_NOT_FOUND;
  return refusal.code === Code.INVALID_ARGUMENT ? SIGNAL_COUNT_LIMIT_EXCEEDED : EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
}

export function takeCancelAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const { state } = draft;
  const pending = outgoingOf(state, key);
  if (pending === undefined || pending.closing) return;
  const initiated = RequestCancelExternalWorkflowExecutionInitiatedEventAttributes.decode(pending.initiated);
  const { namespace, namespaceId, workflowExecution } = initiated;
  const { initiatedEventId } = pending;
  const common = { initiatedEventId, namespace: namespace || state.run.namespace, namespaceId, workflowExecution };
  if (reply instanceof RpcError) {
    const { EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND, NAMESPACE_NOT_FOUND } = CancelExternalWorkflowExecutionFailedCause;
    const cause = isNamespaceGone(reply) ? NAMESPACE_NOT_FOUND : EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
    arrive(draft, EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, {
      requestCancelExternalWorkflowExecutionFailedEventAttributes: { ...common, control: '', cause, workflowTaskCompletedEventId: 0 },
    });
  } else {
    arrive(draft, EventType.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED, {
      externalWorkflowExecutionCancelRequestedEventAttributes: common,
    });
  }
  scheduleWorkflowTask(draft);
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applySignalInitiated(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.signalExternalWorkflowExecutionInitiatedEventAttributes, 'attributes');
  const initiated = SignalExternalWorkflowExecutionInitiatedEventAttributes.encode(attributes);
  keepOutgoing(state, state.outgoingSignals, { initiatedEventId: event.eventId, initiated, closing: false });
  applying.touch(signalKey(event.eventId));
}

export function applyCancelInitiated(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes, 'attributes');
  const initiated = RequestCancelExternalWorkflowExecutionInitiatedEventAttributes.encode(attributes);
  keepOutgoing(state, state.outgoingCancelRequests, { initiatedEventId: event.eventId, initiated, closing: false });
  applying.touch(cancelKey(event.eventId));
}

/** Takes a request into the state; also when a snapshot is restored. */
export function keepOutgoing(state: WorkflowState, requests: Map<number, ExternalRequestState>, request: ExternalRequestState): void {
  requests.set(request.initiatedEventId, request);
  state.payloadBytes += request.initiated.byteLength;
}

/** Signaled, cancel requested, or failed. Returns false for events of other concepts. */
export function applyExternalAnswered(state: WorkflowState, event: HistoryEvent, applying: Applying): boolean {
  const answered = answeredRequest(state, event);
  if (answered === undefined) return false;
  const { requests, request, key } = answered;
  if (request !== undefined) {
    state.payloadBytes -= request.initiated.byteLength;
    requests.delete(request.initiatedEventId);
  }
  applying.touch(key);
  return true;
}

/** The same event while it waits in the buffer. */
export function applyExternalEventBuffered(state: WorkflowState, event: HistoryEvent, applying: Applying): boolean {
  const answered = answeredRequest(state, event);
  if (answered === undefined) return false;
  if (answered.request !== undefined) answered.request.closing = true;
  applying.touch(answered.key);
  return true;
}

/** Part of every close: nobody waits for the answers any more, and what has not been sent is not sent. */
export function dropOutgoing(state: WorkflowState): void {
  state.outgoingSignals.clear();
  state.outgoingCancelRequests.clear();
}

function answeredRequest(
  state: WorkflowState,
  event: HistoryEvent,
): { requests: Map<number, ExternalRequestState>; request: ExternalRequestState | undefined; key: DebtKey } | undefined {
  const signal = event.externalWorkflowExecutionSignaledEventAttributes ?? event.signalExternalWorkflowExecutionFailedEventAttributes;
  const cancel =
    event.externalWorkflowExecutionCancelRequestedEventAttributes ?? event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
  const answer = signal ?? cancel;
  if (answer === undefined) return undefined;
  const { initiatedEventId } = answer;
  const requests = signal === undefined ? state.outgoingCancelRequests : state.outgoingSignals;
  return { requests, request: requests.get(initiatedEventId), key: signal === undefined ? cancelKey(initiatedEventId) : signalKey(initiatedEventId) };
}
