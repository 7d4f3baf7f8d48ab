/**
 * Nexus operations in the state of a run: SCHEDULE_NEXUS_OPERATION → NexusOperationScheduled → (Started) → Completed, Failed, Canceled or
 * TimedOut; REQUEST_CANCEL_NEXUS_OPERATION → CancelRequested → CancelRequestCompleted or CancelRequestFailed.
 *
 * An operation that the handler ends at once has no Started event. The attempts to reach the handler are not in the history; they are
 * private events. Here is only what events change; who decides: `nexus-commands.ts`, `nexus-answers.ts`.
 */
import { EventType, NexusOperationCancellationState, NexusOperationScheduledEventAttributes, NexusOperationState, NexusRequestState, operationEnd } from '../../../protocol/index.js';
import type { HistoryEvent, NexusOperationStartedEventAttributes, NexusRequestDue, NexusRequestFailed } from '../../../protocol/index.js';
import { keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { cancellationKey, cancellationRequestOf, operationKey, requestOf } from './nexus-messages.js';

export function applyOperationScheduled(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.nexusOperationScheduledEventAttributes, 'attributes');
  const { endpoint, service, operation, requestId } = attributes;
  keepOperation(
    state,
    NexusOperationState.create({
      scheduledEventId: event.eventId,
      scheduled: NexusOperationScheduledEventAttributes.encode(attributes),
      endpoint,
      service,
      operation,
      requestId,
      scheduledTimeMs: applying.now,
      scheduleToCloseTimeoutMs: attributes.scheduleToCloseTimeout ?? 0,
      scheduleToStartTimeoutMs: attributes.scheduleToStartTimeout ?? 0,
      startToCloseTimeoutMs: attributes.startToCloseTimeout ?? 0,
      start: {},
    }),
  );
  applying.touch(operationKey(event.eventId));
}

/** Takes an operation into the state; also when a snapshot is restored. */
export function keepOperation(state: WorkflowState, operation: NexusOperationState): void {
  state.nexusOperations.set(operation.scheduledEventId, operation);
  state.payloadBytes += heldBytes(operation);
}

export function applyOperationStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  noteStarted(state, must(event.nexusOperationStartedEventAttributes, 'attributes'), applying);
}

/** Any of the four ends. */
export function applyOperationEnded(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { scheduledEventId } = must(operationEnd(event), 'attributes');
  const operation = state.nexusOperations.get(scheduledEventId);
  if (operation === undefined) return;
  state.payloadBytes -= heldBytes(operation);
  state.nexusOperations.delete(scheduledEventId);
  touch(applying, scheduledEventId);
}

export function applyCancelRequested(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { scheduledEventId } = must(event.nexusOperationCancelRequestedEventAttributes, 'attributes');
  const operation = must(state.nexusOperations.get(scheduledEventId), 'operation');
  operation.cancellation = {
    requestedEventId: event.eventId,
    dueTimeMs: operation.started ? applying.now : 0,
    request: NexusRequestState.create({}),
    outcome: NexusOperationCancellationState.UNSPECIFIED,
  };
  applying.touch(cancellationKey(scheduledEventId));
}

/** The handler has taken the request to cancel, or refused it. Also while the event waits in the buffer. */
export function applyCancelAnswered(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const taken = event.eventType === EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED;
  const failed = event.nexusOperationCancelRequestFailedEventAttributes;
  const { scheduledEventId } = must(event.nexusOperationCancelRequestCompletedEventAttributes ?? failed, 'attributes');
  const operation = state.nexusOperations.get(scheduledEventId);
  const cancellation = operation?.cancellation;
  if (operation === undefined || cancellation === undefined || cancellation.outcome !== NexusOperationCancellationState.UNSPECIFIED) return;
  const before = heldBytes(operation);
  const { FAILED, SUCCEEDED } = NexusOperationCancellationState;
  cancellation.outcome = taken ? SUCCEEDED : FAILED;
  const request = cancellationRequestOf(cancellation);
  endAttempt(request, applying);
  request.lastFailure = keep(failed?.failure);
  state.payloadBytes += heldBytes(operation) - before;
  applying.touch(cancellationKey(scheduledEventId));
}

/** What a buffered event of an operation says before it has an id. Returns false for events of other concepts. */
export function applyOperationEventBuffered(state: WorkflowState, event: HistoryEvent, applying: Applying): boolean {
  if (event.nexusOperationStartedEventAttributes !== undefined) {
    noteStarted(state, event.nexusOperationStartedEventAttributes, applying);
    return true;
  }
  if (event.nexusOperationCancelRequestCompletedEventAttributes !== undefined || event.nexusOperationCancelRequestFailedEventAttributes !== undefined) {
    applyCancelAnswered(state, event, applying);
    return true;
  }
  const end = operationEnd(event);
  if (end === undefined) return false;
  const operation = state.nexusOperations.get(end.scheduledEventId);
  if (operation !== undefined) operation.closing = true;
  touch(applying, end.scheduledEventId);
  return true;
}

/** Part of every close: the operations are given up. What the handlers have begun goes on. */
export function dropOperations(state: WorkflowState): void {
  state.nexusOperations.clear();
}

// ── private events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyNexusRequestFailed(state: WorkflowState, { scheduledEventId, isCancellation, failure, nextAttemptMs }: NexusRequestFailed, applying: Applying): void {
  const operation = must(state.nexusOperations.get(scheduledEventId), 'operation');
  const before = heldBytes(operation);
  const request = isCancellation ? cancellationRequestOf(must(operation.cancellation, 'cancellation')) : requestOf(operation);
  endAttempt(request, applying);
  request.lastFailure = keep(failure);
  request.nextAttemptMs = nextAttemptMs;
  state.payloadBytes += heldBytes(operation) - before;
  touch(applying, scheduledEventId);
}

export function applyNexusRequestDue(state: WorkflowState, { scheduledEventId, isCancellation }: NexusRequestDue, applying: Applying): void {
  const operation = must(state.nexusOperations.get(scheduledEventId), 'operation');
  const request = isCancellation ? cancellationRequestOf(must(operation.cancellation, 'cancellation')) : requestOf(operation);
  request.nextAttemptMs = 0;
  touch(applying, scheduledEventId);
}

function noteStarted(state: WorkflowState, { scheduledEventId, operationToken, operationId }: NexusOperationStartedEventAttributes, applying: Applying): void {
  const operation = state.nexusOperations.get(scheduledEventId);
  if (operation === undefined || operation.started) return;
  const before = heldBytes(operation);
  operation.started = true;
  operation.startedTimeMs = applying.now;
  operation.operationToken = operationToken || operationId;
  const request = requestOf(operation);
  endAttempt(request, applying);
  request.lastFailure = undefined;
  // A thousand operations that go on for months must not hold a thousand inputs.
  operation.scheduled = NexusOperationScheduledEventAttributes.encode({ ...NexusOperationScheduledEventAttributes.decode(operation.scheduled), input: undefined });
  if (operation.cancellation !== undefined) operation.cancellation.dueTimeMs = applying.now;
  state.payloadBytes += heldBytes(operation) - before;
  touch(applying, scheduledEventId);
}

function endAttempt(request: NexusRequestState, { now }: Applying): void {
  request.attempts += 1;
  request.lastAttemptCompleteTimeMs = now;
  request.nextAttemptMs = 0;
}

function touch(applying: Applying, scheduledEventId: number): void {
  applying.touch(operationKey(scheduledEventId));
  applying.touch(cancellationKey(scheduledEventId));
}

function heldBytes({ scheduled, start, cancellation }: NexusOperationState): number {
  return scheduled.byteLength + (start?.lastFailure?.byteLength ?? 0) + (cancellation?.request?.lastFailure?.byteLength ?? 0);
}
