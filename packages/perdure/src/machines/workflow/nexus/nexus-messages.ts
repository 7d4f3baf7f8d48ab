/**
 * The requests that a run owes to the handlers of its Nexus operations: the start of each, and the cancellation that the workflow asked for.
 *
 * A request is owed until it was answered for good; between two attempts it is a wake-up. The same keys carry the deadlines of the
 * operation. A run that closes gives its operations up: nothing more is sent.
 *
 * A leaf: the debts of a run are needed by everything that writes events. What the answers lead to is in `nexus-answers.ts`.
 */
import { NexusOperationCancellationState, NexusOperationScheduledEventAttributes, TimeoutType } from '../../../protocol/index.js';
import type { NexusCancellation, NexusOperationState, NexusRequestState } from '../../../protocol/index.js';
import type { Debt, DebtKey } from '../../machine.js';
import type { Correspondence } from '../messages/messages.js';
import { after, must } from '../state.js';
import type { WorkflowState } from '../state.js';
import { NEXUS_KIND } from './nexus-inputs.js';
import type { CancelOperationMessage, StartOperationMessage } from './nexus-inputs.js';

const OPERATION = 'message:nexus:';
const CANCELLATION = 'message:nexus-cancel:';

/** Its start, and its deadlines. */
export function operationKey(scheduledEventId: number): DebtKey {
  return `${OPERATION}${scheduledEventId}`;
}

export function cancellationKey(scheduledEventId: number): DebtKey {
  return `${CANCELLATION}${scheduledEventId}`;
}

/** The operation that either key is about, if it is pending. */
export function operationOf(state: WorkflowState, key: DebtKey): NexusOperationState | undefined {
  if (key.startsWith(OPERATION)) return state.nexusOperations.get(Number(key.slice(OPERATION.length)));
  return key.startsWith(CANCELLATION) ? state.nexusOperations.get(Number(key.slice(CANCELLATION.length))) : undefined;
}

export const nexusOperations: Correspondence = {
  owes: (state) => state.isOpen && state.nexusOperations.size > 0,
  *keys(state) {
    for (const operation of state.nexusOperations.values()) if (!operation.closing) yield operationKey(operation.scheduledEventId);
  },
  debt(state, key): Debt | undefined {
    const operation = operationOf(state, key);
    if (!state.isOpen || operation === undefined || operation.closing) return undefined;
    const wakeAt = Math.min(firstTimeout(operation)?.at ?? Infinity, isBackingOff(operation) ? requestOf(operation).nextAttemptMs : Infinity);
    const wake = wakeAt === Infinity ? undefined : { wakeAt };
    return isStarting(operation) ? { ...wake, message: { to: receiver(state), input: startMessage(state, operation) } } : wake;
  },
};

export const nexusCancellations: Correspondence = {
  owes: nexusOperations.owes,
  *keys(state) {
    for (const operation of state.nexusOperations.values()) if (cancellationDue(operation) !== undefined) yield cancellationKey(operation.scheduledEventId);
  },
  debt(state, key): Debt | undefined {
    const operation = operationOf(state, key);
    const cancellation = operation && cancellationDue(operation);
    if (!state.isOpen || operation === undefined || cancellation === undefined) return undefined;
    const { nextAttemptMs } = cancellationRequestOf(cancellation);
    return nextAttemptMs > 0 ? { wakeAt: nextAttemptMs } : { message: { to: receiver(state), input: cancelMessage(state, operation) } };
  },
};

/** Of the start. */
export function requestOf(operation: NexusOperationState): NexusRequestState {
  return must(operation.start, 'request');
}

export function cancellationRequestOf(cancellation: NexusCancellation): NexusRequestState {
  return must(cancellation.request, 'request');
}

export function isBackingOff(operation: NexusOperationState): boolean {
  return !operation.started && requestOf(operation).nextAttemptMs > 0;
}

/** The request to start it is under way, or about to be. */
export function isStarting(operation: NexusOperationState): boolean {
  return !operation.started && !operation.closing && requestOf(operation).nextAttemptMs === 0;
}

/** The cancellation that the handler has to be told: only of an operation that has started, because before that it has no name. */
export function cancellationDue({ started, closing, cancellation }: NexusOperationState): NexusCancellation | undefined {
  return started && !closing && cancellation?.outcome === NexusOperationCancellationState.UNSPECIFIED ? cancellation : undefined;
}

/** Which timeout ends the operation first. Of two at the same moment the one that says more about how far it came. */
export function firstTimeout(operation: NexusOperationState): { readonly type: TimeoutType; readonly at: number } | undefined {
  const { started, scheduledTimeMs, startedTimeMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, scheduleToCloseTimeoutMs } = operation;
  const timeouts = [
    started
      ? { type: TimeoutType.START_TO_CLOSE, from: startedTimeMs, timeoutMs: startToCloseTimeoutMs }
      : { type: TimeoutType.SCHEDULE_TO_START, from: scheduledTimeMs, timeoutMs: scheduleToStartTimeoutMs },
    { type: TimeoutType.SCHEDULE_TO_CLOSE, from: scheduledTimeMs, timeoutMs: scheduleToCloseTimeoutMs },
  ];
  let first: { type: TimeoutType; at: number } | undefined;
  for (const { type, from, timeoutMs } of timeouts) {
    const at = after(from, timeoutMs);
    if (timeoutMs > 0 && (first === undefined || at < first.at)) first = { type, at };
  }
  return first;
}

function receiver({ run }: WorkflowState) {
  return { kind: NEXUS_KIND, namespace: run.namespaceId, key: run.workflowId };
}

function startMessage(state: WorkflowState, operation: NexusOperationState): StartOperationMessage {
  const scheduled = NexusOperationScheduledEventAttributes.decode(operation.scheduled);
  return {
    type: 'start-operation',
    ...common(state, operation, scheduled),
    requestId: operation.requestId,
    input: scheduled.input,
    expiresAtMs: firstTimeout(operation)?.at ?? 0,
    closesAtMs: operation.scheduleToCloseTimeoutMs > 0 ? after(operation.scheduledTimeMs, operation.scheduleToCloseTimeoutMs) : 0,
    startToCloseTimeoutMs: operation.startToCloseTimeoutMs,
  };
}

function cancelMessage(state: WorkflowState, operation: NexusOperationState): CancelOperationMessage {
  const scheduled = NexusOperationScheduledEventAttributes.decode(operation.scheduled);
  return { type: 'cancel-operation', ...common(state, operation, scheduled), operationToken: operation.operationToken };
}

function common({ run }: WorkflowState, operation: NexusOperationState, { nexusHeader, endpointId }: NexusOperationScheduledEventAttributes) {
  const { scheduledEventId, endpoint, service } = operation;
  const { namespace, namespaceId, workflowId, runId } = run;
  return { namespace, namespaceId, workflowId, runId, scheduledEventId, endpoint, endpointId, service, operation: operation.operation, header: nexusHeader };
}
