/**
 * What becomes of a Nexus operation: the handler's answers, its silence, and the completion of an operation that went on behind its start.
 *
 * A request that fails for a passing reason is repeated with growing pauses, with the same request id, until an answer comes or a timeout
 * ends the operation. A completion may be quicker than the answer to the start: then the operation has started with it, and the late
 * answer changes nothing.
 */
import { EventType, Failure, NexusHandlerErrorRetryBehavior, RpcError } from '../../../protocol/index.js';
import type { Encoded, Link, NexusOperationState, NexusRequestState, TimeoutType } from '../../../protocol/index.js';
import type { DebtKey } from '../../machine.js';
import { arrive } from '../buffer.js';
import type { Draft, EventAttributes } from '../draft.js';
import { boundFailure } from '../failures.js';
import type { DoneReply } from '../inputs.js';
import type { MovedReply } from '../messages/message-inputs.js';
import { notFound } from '../refusals.js';
import { after } from '../state.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';
import type { CompleteNexusOperationInput, NexusReply, OperationOutcome } from './nexus-inputs.js';
import { cancellationDue, cancellationRequestOf, firstTimeout, isBackingOff, isStarting, operationOf, requestOf } from './nexus-messages.js';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 3_600_000;

// ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The handler has answered to the request to start the operation. */
export function takeOperationAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const operation = operationOf(draft.state, key);
  if (!draft.state.isOpen || operation === undefined || !isStarting(operation)) return;
  const answer = checked(draft, replyOf(reply));
  switch (answer.kind) {
    case 'operation-started':
      writeStarted(draft, operation, answer.operationToken, answer.links);
      break;
    case 'operation-ended':
      writeEnd(draft, operation, answer.outcome, answer.links);
      break;
    case 'handler-failed':
      if (answer.retryable) return repeat(draft, operation, requestOf(operation), false, answer.failure);
      writeEnd(draft, operation, { kind: 'failed', failure: bounded(draft, answer.failure) });
      break;
    case 'cancel-taken':
      return repeat(draft, operation, requestOf(operation), false, emptyOutcome());
  }
  scheduleWorkflowTask(draft);
}

/** The handler has answered to the request to cancel the operation. */
export function takeCancellationAnswer(draft: Draft, key: DebtKey, reply: unknown): void {
  const operation = operationOf(draft.state, key);
  const cancellation = operation && cancellationDue(operation);
  if (!draft.state.isOpen || operation === undefined || cancellation === undefined) return;
  const request = cancellationRequestOf(cancellation);
  if (request.nextAttemptMs > 0) return;
  const answer = replyOf(reply);
  const { scheduledEventId } = operation;
  const { requestedEventId } = cancellation;
  const common = { scheduledEventId, requestedEventId, workflowTaskCompletedEventId: 0 };
  if (answer.kind === 'cancel-taken') {
    arrive(draft, EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED, { nexusOperationCancelRequestCompletedEventAttributes: common }, IGNORABLE);
  } else {
    const { failure, retryable } = answer.kind === 'handler-failed' ? answer : { failure: emptyOutcome(), retryable: true };
    if (retryable) return repeat(draft, operation, request, true, failure);
    arrive(draft, EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED, { nexusOperationCancelRequestFailedEventAttributes: { ...common, failure: bounded(draft, failure) } }, IGNORABLE);
  }
  scheduleWorkflowTask(draft);
}

/** Workers that are older than these events may pass over them. */
const IGNORABLE = { workerMayIgnore: true };

/** A refusal is one of the surroundings: the handler was not reached, and is asked again. */
function replyOf(reply: unknown): NexusReply {
  if (!(reply instanceof RpcError)) return reply as NexusReply;
  return { kind: 'handler-failed', failure: Failure.encode({ message: reply.message, nexusHandlerFailureInfo: { type: 'INTERNAL' } }), retryable: true };
}

/** An answer that is too large to be kept is none, and will not get smaller. */
function checked({ limits }: Draft, answer: NexusReply): NexusReply {
  if (answer.kind === 'operation-started' && Buffer.byteLength(answer.operationToken) > limits.nexusTokenLengthBytes) {
    return refused(`invalid operation token: length exceeds allowed limit (${Buffer.byteLength(answer.operationToken)}/${limits.nexusTokenLengthBytes})`);
  }
  if (answer.kind === 'operation-ended' && isTooLarge(answer.outcome, limits.blobSizeBytes)) return refused('operation result exceeds size limit');
  return answer;
}

function isTooLarge(outcome: OperationOutcome, limitBytes: number): boolean {
  return outcome.kind === 'succeeded' && (outcome.result?.data.byteLength ?? 0) > limitBytes;
}

function refused(message: string): NexusReply {
  const { NON_RETRYABLE } = NexusHandlerErrorRetryBehavior;
  return { kind: 'handler-failed', failure: Failure.encode({ message, nexusHandlerFailureInfo: { type: 'INTERNAL', retryBehavior: NON_RETRYABLE } }), retryable: false };
}

function emptyOutcome(): Encoded<Failure> {
  return Failure.encode({ message: 'empty outcome', nexusHandlerFailureInfo: { type: 'INTERNAL' } });
}

function repeat(draft: Draft, { scheduledEventId }: NexusOperationState, { attempts }: NexusRequestState, isCancellation: boolean, failure: Encoded<Failure>): void {
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts, 30), LONGEST_PAUSE_MS);
  const kept = boundFailure(failure, draft.limits.activityFailureSizeBytes);
  draft.emitPrivate({ nexusRequestFailed: { scheduledEventId, isCancellation, failure: kept, nextAttemptMs: after(draft.now, pauseMs) } });
}

// ── completions ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function completeOperation(draft: Draft, input: CompleteNexusOperationInput): DoneReply | MovedReply | RpcError {
  const { state, limits } = draft;
  const { resetRunId } = state.run;
  if (!state.isOpen) return resetRunId === '' ? notFound('workflow execution already completed') : { kind: 'moved', runId: resetRunId };
  const operation = state.nexusOperations.get(input.scheduledEventId);
  if (operation === undefined || operation.requestId !== input.requestId) return notFound('operation not found');
  // It came before, and waits in the buffer.
  if (operation.closing) return { kind: 'done' };
  if (!operation.started && input.operationToken !== '') writeStarted(draft, operation, input.operationToken, input.links);
  const outcome = isTooLarge(input.outcome, limits.blobSizeBytes)
    ? ({ kind: 'failed', failure: Failure.encode({ message: 'operation result exceeds size limit', serverFailureInfo: { nonRetryable: true } }) } as const)
    : input.outcome;
  writeEnd(draft, operation, outcome);
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

// ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A deadline of the operation may have come: a timeout, or the end of the pause before its start is asked for again. */
export function wakeOperation(draft: Draft, key: DebtKey): void {
  const operation = operationOf(draft.state, key);
  if (!draft.state.isOpen || operation === undefined || operation.closing) return;
  const timeout = firstTimeout(operation);
  if (timeout !== undefined && timeout.at <= draft.now) {
    writeTimeout(draft, operation, timeout.type);
    scheduleWorkflowTask(draft);
  } else if (isBackingOff(operation) && requestOf(operation).nextAttemptMs <= draft.now) {
    draft.emitPrivate({ nexusRequestDue: { scheduledEventId: operation.scheduledEventId, isCancellation: false } });
  }
}

export function wakeCancellation(draft: Draft, key: DebtKey): void {
  const operation = operationOf(draft.state, key);
  const cancellation = operation && cancellationDue(operation);
  if (!draft.state.isOpen || operation === undefined || cancellation === undefined) return;
  const { nextAttemptMs } = cancellationRequestOf(cancellation);
  if (nextAttemptMs === 0 || nextAttemptMs > draft.now) return;
  draft.emitPrivate({ nexusRequestDue: { scheduledEventId: operation.scheduledEventId, isCancellation: true } });
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function writeStarted(draft: Draft, { scheduledEventId, requestId }: NexusOperationState, operationToken: string, links: readonly Encoded<Link>[]): void {
  // Older clients read the token as an id.
  const nexusOperationStartedEventAttributes = { scheduledEventId, requestId, operationToken, operationId: operationToken };
  arrive(draft, EventType.NEXUS_OPERATION_STARTED, { nexusOperationStartedEventAttributes }, { links });
}

function writeEnd(draft: Draft, operation: NexusOperationState, outcome: OperationOutcome, links?: readonly Encoded<Link>[]): void {
  const [eventType, attributes] = endOf(operation, outcome, draft.limits.blobSizeBytes);
  arrive(draft, eventType, attributes, { links });
}

function endOf(operation: NexusOperationState, outcome: OperationOutcome, limitBytes: number): readonly [EventType, EventAttributes] {
  const { scheduledEventId, requestId } = operation;
  if (outcome.kind === 'succeeded') {
    return [EventType.NEXUS_OPERATION_COMPLETED, { nexusOperationCompletedEventAttributes: { scheduledEventId, requestId, result: outcome.result } }];
  }
  const failure = operationFailure(operation, boundFailure(outcome.failure, limitBytes) ?? outcome.failure);
  return outcome.kind === 'failed'
    ? [EventType.NEXUS_OPERATION_FAILED, { nexusOperationFailedEventAttributes: { scheduledEventId, requestId, failure } }]
    : [EventType.NEXUS_OPERATION_CANCELED, { nexusOperationCanceledEventAttributes: { scheduledEventId, requestId, failure } }];
}

function writeTimeout(draft: Draft, operation: NexusOperationState, timeoutType: TimeoutType): void {
  const { scheduledEventId, requestId } = operation;
  const failure = operationFailure(operation, Failure.encode({ message: 'operation timed out', timeoutFailureInfo: { timeoutType } }));
  arrive(draft, EventType.NEXUS_OPERATION_TIMED_OUT, { nexusOperationTimedOutEventAttributes: { scheduledEventId, requestId, failure } });
}

/** What the workflow sees: which operation, and why. */
function operationFailure({ scheduledEventId, endpoint, service, operation, operationToken }: NexusOperationState, cause: Encoded<Failure>): Encoded<Failure> {
  return Failure.encode({
    message: 'nexus operation completed unsuccessfully',
    nexusOperationExecutionFailureInfo: { scheduledEventId, endpoint, service, operation, operationToken, operationId: operationToken },
    cause: Failure.decode(cause),
  });
}

function bounded({ limits }: Draft, failure: Encoded<Failure>): Encoded<Failure> {
  return boundFailure(failure, limits.blobSizeBytes) ?? failure;
}
