/** Which earlier event an event belongs to. */
import { EventType, type HistoryEvent } from '../../protocol/index.js';

/** An event that this SDK cannot replay. */
class UnsupportedEventError extends Error {
  override readonly name = 'UnsupportedEventError';
}

/** True for the last event that can refer to what it refers to: after it, nothing waits for more. */
export function endsReference(event: HistoryEvent): boolean {
  const { ACTIVITY_TASK_STARTED, CHILD_WORKFLOW_EXECUTION_STARTED, NEXUS_OPERATION_STARTED } = EventType;
  return event.eventType !== ACTIVITY_TASK_STARTED && event.eventType !== CHILD_WORKFLOW_EXECUTION_STARTED && event.eventType !== NEXUS_OPERATION_STARTED;
}

/** The id of the event that began what this event continues; undefined for events that mean nothing to workflow code. */
export function referencedEventId(event: HistoryEvent): number | undefined {
  switch (event.eventType) {
    case EventType.ACTIVITY_TASK_STARTED:
      return event.activityTaskStartedEventAttributes?.scheduledEventId;
    case EventType.ACTIVITY_TASK_COMPLETED:
      return event.activityTaskCompletedEventAttributes?.scheduledEventId;
    case EventType.ACTIVITY_TASK_FAILED:
      return event.activityTaskFailedEventAttributes?.scheduledEventId;
    case EventType.ACTIVITY_TASK_TIMED_OUT:
      return event.activityTaskTimedOutEventAttributes?.scheduledEventId;
    case EventType.ACTIVITY_TASK_CANCELED:
      return event.activityTaskCanceledEventAttributes?.scheduledEventId;
    case EventType.TIMER_FIRED:
      return event.timerFiredEventAttributes?.startedEventId;
    case EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED:
      return event.startChildWorkflowExecutionFailedEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_STARTED:
      return event.childWorkflowExecutionStartedEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED:
      return event.childWorkflowExecutionCompletedEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_FAILED:
      return event.childWorkflowExecutionFailedEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_CANCELED:
      return event.childWorkflowExecutionCanceledEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
      return event.childWorkflowExecutionTimedOutEventAttributes?.initiatedEventId;
    case EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED:
      return event.childWorkflowExecutionTerminatedEventAttributes?.initiatedEventId;
    case EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
      return event.signalExternalWorkflowExecutionFailedEventAttributes?.initiatedEventId;
    case EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
      return event.externalWorkflowExecutionSignaledEventAttributes?.initiatedEventId;
    case EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
      return event.requestCancelExternalWorkflowExecutionFailedEventAttributes?.initiatedEventId;
    case EventType.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      return event.externalWorkflowExecutionCancelRequestedEventAttributes?.initiatedEventId;
    case EventType.NEXUS_OPERATION_STARTED:
      return event.nexusOperationStartedEventAttributes?.scheduledEventId;
    case EventType.NEXUS_OPERATION_COMPLETED:
      return event.nexusOperationCompletedEventAttributes?.scheduledEventId;
    case EventType.NEXUS_OPERATION_FAILED:
      return event.nexusOperationFailedEventAttributes?.scheduledEventId;
    case EventType.NEXUS_OPERATION_CANCELED:
      return event.nexusOperationCanceledEventAttributes?.scheduledEventId;
    case EventType.NEXUS_OPERATION_TIMED_OUT:
      return event.nexusOperationTimedOutEventAttributes?.scheduledEventId;
    // The request, not the operation: it may have ended before the request arrived.
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED:
      return event.nexusOperationCancelRequestCompletedEventAttributes?.requestedEventId;
    case EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
      return event.nexusOperationCancelRequestFailedEventAttributes?.requestedEventId;
    case EventType.WORKFLOW_TASK_SCHEDULED:
    case EventType.WORKFLOW_TASK_STARTED:
    case EventType.WORKFLOW_TASK_FAILED:
    case EventType.WORKFLOW_TASK_TIMED_OUT:
    case EventType.WORKFLOW_EXECUTION_TERMINATED:
    case EventType.WORKFLOW_EXECUTION_TIMED_OUT:
      return undefined;
    default:
      if (event.workerMayIgnore) return undefined;
      throw new UnsupportedEventError(
        `Event ${event.eventId} of the history has type ${event.eventType}, which this version of perdure cannot replay. ` +
          'Use a newer version, or run this workflow with an SDK that supports it.',
      );
  }
}
