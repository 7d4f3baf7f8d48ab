/** What describe shows of the Nexus operations of a run. */
import { NexusOperationCancellationState, PendingNexusOperationState } from '../../../protocol/index.js';
import type { Init, NexusCancellation, NexusOperationCancellationInfo, NexusOperationState, PendingNexusOperationInfo } from '../../../protocol/index.js';
import type { WorkflowState } from '../state.js';
import { cancellationRequestOf, isBackingOff, requestOf } from './nexus-messages.js';

export function pendingOperations({ nexusOperations }: WorkflowState): Init<PendingNexusOperationInfo>[] {
  return [...nexusOperations.values()].filter(({ closing }) => !closing).map(pendingOperation);
}

function pendingOperation(operation: NexusOperationState): Init<PendingNexusOperationInfo> {
  const { endpoint, service, operationToken, scheduledEventId, scheduledTimeMs, started, cancellation } = operation;
  const { attempts, lastAttemptCompleteTimeMs, lastFailure, nextAttemptMs } = requestOf(operation);
  const { STARTED, BACKING_OFF, SCHEDULED } = PendingNexusOperationState;
  return {
    endpoint,
    service,
    operation: operation.operation,
    operationId: operationToken,
    operationToken,
    scheduledEventId,
    scheduledTime: scheduledTimeMs,
    scheduleToCloseTimeout: operation.scheduleToCloseTimeoutMs || undefined,
    scheduleToStartTimeout: operation.scheduleToStartTimeoutMs || undefined,
    startToCloseTimeout: operation.startToCloseTimeoutMs || undefined,
    state: started ? STARTED : isBackingOff(operation) ? BACKING_OFF : SCHEDULED,
    attempt: attempts,
    lastAttemptCompleteTime: lastAttemptCompleteTimeMs || undefined,
    lastAttemptFailure: lastFailure,
    nextAttemptScheduleTime: nextAttemptMs || undefined,
    cancellationInfo: cancellation && cancellationInfo(cancellation),
  };
}

function cancellationInfo(cancellation: NexusCancellation): Init<NexusOperationCancellationInfo> {
  const { attempts, lastAttemptCompleteTimeMs, lastFailure, nextAttemptMs } = cancellationRequestOf(cancellation);
  return {
    requestedTime: cancellation.dueTimeMs || undefined,
    state: cancellationState(cancellation),
    attempt: attempts,
    lastAttemptCompleteTime: lastAttemptCompleteTimeMs || undefined,
    lastAttemptFailure: lastFailure,
    nextAttemptScheduleTime: nextAttemptMs || undefined,
  };
}

/** While the operation has not started, its cancellation has no state. */
function cancellationState({ outcome, dueTimeMs, request }: NexusCancellation): NexusOperationCancellationState {
  const { UNSPECIFIED, SCHEDULED, BACKING_OFF } = NexusOperationCancellationState;
  if (outcome !== UNSPECIFIED || dueTimeMs === 0) return outcome;
  return (request?.nextAttemptMs ?? 0) > 0 ? BACKING_OFF : SCHEDULED;
}
