/**
 * Updates across a reset: what the workflow had accepted behind the point of the reset is asked again in the new run.
 *
 * The new run gets WorkflowExecutionUpdateAdmitted for each, which holds the request from then on, and the update waits for a workflow task
 * like any other. Called by the reset, which schedules a workflow task for all that it brings.
 */
import { EventType, UpdateAdmittedEventOrigin } from '../../../protocol/index.js';
import type { HistoryEvent, UpdateRequest } from '../../../protocol/index.js';
import type { Draft } from '../draft.js';
import { viewUpdate } from './updates.js';

/** The request in this event, if the event is of an update that must be asked again. An update that was admitted by an event is asked for that event. */
export function reapplicableUpdate(event: HistoryEvent): UpdateRequest | undefined {
  return event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest ?? event.workflowExecutionUpdateAdmittedEventAttributes?.request;
}

/** Asks again. Returns whether it did: not if the run knows the update already, or if it is closed. */
export function reapplyUpdate(draft: Draft, request: UpdateRequest): boolean {
  const updateId = request.meta?.updateId ?? '';
  if (!draft.state.isOpen || updateId === '' || viewUpdate(draft.state, updateId) !== undefined) return false;
  draft.emit(EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED, {
    workflowExecutionUpdateAdmittedEventAttributes: { request, origin: UpdateAdmittedEventOrigin.REAPPLY },
  });
  return true;
}
