/**
 * The events that end what an earlier event of the same history began. Whoever writes histories and whoever reads them must agree on which
 * these are.
 */
import type { HistoryEvent } from './generated/index.js';

/** The attributes of the event if it is the end of an activity. */
export function activityEnd(event: HistoryEvent): { readonly scheduledEventId: number; startedEventId: number } | undefined {
  return (
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes
  );
}

/** The attributes of the event if it is the end of a child that had started. */
export function childEnd(
  event: HistoryEvent,
): { readonly initiatedEventId: number; startedEventId: number; readonly workflowExecution?: { readonly workflowId: string } | undefined } | undefined {
  return (
    event.childWorkflowExecutionCompletedEventAttributes ??
    event.childWorkflowExecutionFailedEventAttributes ??
    event.childWorkflowExecutionCanceledEventAttributes ??
    event.childWorkflowExecutionTimedOutEventAttributes ??
    event.childWorkflowExecutionTerminatedEventAttributes
  );
}

/** The attributes of the event if it is the end of a Nexus operation. */
export function operationEnd(event: HistoryEvent): { readonly scheduledEventId: number } | undefined {
  return (
    event.nexusOperationCompletedEventAttributes ??
    event.nexusOperationFailedEventAttributes ??
    event.nexusOperationCanceledEventAttributes ??
    event.nexusOperationTimedOutEventAttributes
  );
}
