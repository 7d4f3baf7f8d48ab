/**
 * Events that arrive while a worker holds a workflow task.
 *
 * The worker has been shown a history that ends with its WorkflowTaskStarted, and its commands will be written right behind
 * WorkflowTaskCompleted. So whatever happens meanwhile waits here, without an id, and is written behind the commands. What the event
 * ends (an activity, a timer) is marked `closing`: it owes nothing any more, but is pending until its event is in the history.
 *
 * A close command is refused while something waits here (the workflow has not seen it): see `commands.ts`.
 */
import { activityEnd, childEnd, EventType, HistoryEvent, operationEnd } from '../../protocol/index.js';
import type { EventBuffered } from '../../protocol/index.js';
import type { Draft, EventAttributes, EventExtras } from './draft.js';
import { releaseActivityId } from './activities/activities.js';
import { applyChildEventBuffered } from './messages/children.js';
import { activityKey, timerKey } from './debts.js';
import { rememberAttached } from './runs/options.js';
import { applyPaused, applyUnpaused } from './runs/pause.js';
import { applyExternalEventBuffered } from './messages/external.js';
import { applyOperationEventBuffered } from './nexus/nexus-operations.js';
import { must } from './state.js';
import type { Applying, WorkflowState } from './state.js';
import { registerUpdateOptions } from './updates/update-callbacks.js';

/** Writes an event, or buffers it if a workflow task is started. Returns its id, 0 if it is buffered. */
export function arrive(draft: Draft, eventType: EventType, attributes: EventAttributes, extras?: EventExtras): number {
  if (!isHeld(draft.state)) return draft.emit(eventType, attributes, extras);
  const event = draft.event(eventType, attributes, extras);
  draft.emitPrivate({ eventBuffered: { event, sizeBytes: HistoryEvent.encode(event).byteLength } });
  return 0;
}

/** A worker holds a workflow task: history must not grow behind its back. */
export function isHeld(state: WorkflowState): boolean {
  return (state.workflowTask?.startedEventId ?? 0) > 0;
}

/**
 * Writes the buffered events. Returns whether there were any.
 *
 * The ends of activities, children and Nexus operations go behind everything else, and name the Started event that was buffered with them.
 */
export function flushBuffer(draft: Draft): boolean {
  const { buffer } = draft.state;
  if (buffer.length === 0) return false;
  draft.emitPrivate({ bufferFlushed: {} });
  const ends: HistoryEvent[] = [];
  for (const buffered of buffer) {
    const event = must(buffered.event, 'buffered event');
    if (activityEnd(event) === undefined && childEnd(event) === undefined && operationEnd(event) === undefined) draft.emitEvent(event);
    else ends.push(event);
  }
  for (const event of ends) {
    const end = activityEnd(event);
    if (end !== undefined) end.startedEventId = draft.state.activities.get(end.scheduledEventId)?.startedEventId ?? 0;
    const child = childEnd(event);
    if (child !== undefined) child.startedEventId = draft.state.children.get(child.initiatedEventId)?.startedEventId ?? 0;
    draft.emitEvent(event);
  }
  return true;
}

/** How many events of this type wait. The buffer is bounded, so it may be walked. */
export function countBuffered(state: WorkflowState, eventType: EventType): number {
  return state.buffer.reduce((count, buffered) => (buffered.event?.eventType === eventType ? count + 1 : count), 0);
}

/** Takes the firing of a timer out of the buffer: the workflow cancelled the timer before it saw it fire. */
export function dropBufferedFiring(state: WorkflowState, timerId: string): void {
  const kept = state.buffer.filter((buffered) => buffered.event?.timerFiredEventAttributes?.timerId !== timerId);
  state.buffer = kept;
  state.run.bufferSizeBytes = kept.reduce((sum, buffered) => sum + buffered.sizeBytes, 0);
}

export function applyEventBuffered(state: WorkflowState, buffered: EventBuffered, applying: Applying): void {
  // The event came with views into somebody else's buffer: what stays is a copy.
  const event = HistoryEvent.decode(HistoryEvent.encode(must(buffered.event, 'buffered event')));
  state.buffer.push({ event, sizeBytes: buffered.sizeBytes });
  state.run.bufferSizeBytes += buffered.sizeBytes;
  const end = activityEnd(event);
  if (end !== undefined) {
    const activity = state.activities.get(end.scheduledEventId);
    if (activity) {
      activity.closing = true;
      releaseActivityId(state, activity);
    }
    applying.touch(activityKey(end.scheduledEventId));
  } else if (event.timerFiredEventAttributes !== undefined) {
    const { timerId } = event.timerFiredEventAttributes;
    const timer = state.timers.get(timerId);
    if (timer) timer.closing = true;
    applying.touch(timerKey(timerId));
  } else if (event.eventType === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED) {
    state.run.cancelRequested = true;
  } else if (event.eventType === EventType.WORKFLOW_EXECUTION_PAUSED) {
    applyPaused(state, event, applying);
  } else if (event.eventType === EventType.WORKFLOW_EXECUTION_UNPAUSED) {
    applyUnpaused(state, applying);
  } else if (event.workflowExecutionOptionsUpdatedEventAttributes !== undefined) {
    rememberAttached(state, event.workflowExecutionOptionsUpdatedEventAttributes.attachedRequestId, 0);
    registerUpdateOptions(state, event, event.workflowExecutionOptionsUpdatedEventAttributes);
  } else if (event.workflowExecutionSignaledEventAttributes !== undefined) {
    const { requestId } = event.workflowExecutionSignaledEventAttributes;
    if (requestId !== '') state.signalRequestIds.add(requestId);
  } else if (!applyChildEventBuffered(state, event, applying) && !applyOperationEventBuffered(state, event, applying)) {
    applyExternalEventBuffered(state, event, applying);
  }
}

export function applyBufferFlushed(state: WorkflowState): void {
  state.buffer = [];
  state.run.bufferSizeBytes = 0;
  // Something new to tell: the next workflow task is a first attempt.
  state.run.taskAttempt = 1;
}
