/**
 * Speculative workflow tasks: those that exist only to take updates to a worker.
 *
 * Their Scheduled and Started events travel behind the stored history, like those of transient attempts, under the ids that come next. If
 * the worker rejects every update, the task is dropped, and the history does not show that anything was asked; the worker is told how far
 * to go back. As soon as anything is to be written, the task is written first and is a normal one.
 *
 * Invariant: while a speculative task exists the history does not grow, so the ids that it was given stay right.
 */
import { EventType } from '../../../protocol/index.js';
import type { RespondWorkflowTaskCompletedRequest, SpeculativeTaskScheduled, WorkflowTaskState } from '../../../protocol/index.js';
import { WORKFLOW_TASK } from '../debts.js';
import type { Draft } from '../draft.js';
import { eventTime } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { scheduledAttributes, startToCloseTimeoutMs, writeUnwrittenTask } from './workflow-task-events.js';
import { scheduleWorkflowTask, stickyDeadline, unstarted } from './workflow-task.js';

/** A worker that cannot take the same events twice gets its task written; so does one that would have to be sent many events again. */
const MOST_EVENTS_SENT_AGAIN = 10;

/** Schedules a task for the updates that wait. Where the history shows the next task anyway, a usual one. */
export function scheduleUpdateTask(draft: Draft): void {
  const { state, limits } = draft;
  if (!state.isOpen || state.workflowTask !== undefined || state.run.pause !== undefined) return;
  if (state.run.previousStartedEventId === 0 || state.run.taskAttempt > 1) return scheduleWorkflowTask(draft, true);
  draft.emitPrivate({ speculativeTaskScheduled: { startToCloseTimeoutMs: startToCloseTimeoutMs(state, 1, limits) } });
}

/** Before any event is written (`draft.ts`). A close event ends the task, so it needs no place in the history unless a worker has it. */
export function settleSpeculativeTask(draft: Draft, eventType: EventType): void {
  const task = draft.state.workflowTask;
  if (task === undefined || !task.speculative) return;
  if (task.startedEventId > 0) writeUnwrittenTask(draft, task);
  else if (!CLOSING_EVENTS.has(eventType)) {
    const attributes = scheduledAttributes(draft.state, 1, task.startToCloseTimeoutMs);
    draft.emitEvent(draft.event(EventType.WORKFLOW_TASK_SCHEDULED, attributes, { eventTime: task.scheduledTimeMs }));
  }
}

export const CLOSING_EVENTS: ReadonlySet<EventType> = new Set<EventType>([
  EventType.WORKFLOW_EXECUTION_COMPLETED,
  EventType.WORKFLOW_EXECUTION_FAILED,
  EventType.WORKFLOW_EXECUTION_TIMED_OUT,
  EventType.WORKFLOW_EXECUTION_CANCELED,
  EventType.WORKFLOW_EXECUTION_TERMINATED,
  EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
]);

/** May this completion leave no trace? `answersOnlyReject`: it accepts nothing. */
export function mayDropTask(state: WorkflowState, task: WorkflowTaskState, request: RespondWorkflowTaskCompletedRequest, answersOnlyReject: boolean): boolean {
  if (!task.speculative || !answersOnlyReject || request.commands.length > 0 || request.forceCreateNewWorkflowTask || state.buffer.length > 0) return false;
  // Between the last started task and this one stands WorkflowTaskCompleted; what stands there beside it was shipped with this task.
  const shipped = task.scheduledEventId - state.run.previousStartedEventId - 2;
  return shipped === 0 || (shipped <= MOST_EVENTS_SENT_AGAIN && request.capabilities?.discardSpeculativeWorkflowTaskWithEvents === true);
}

export function applySpeculativeScheduled(state: WorkflowState, scheduled: SpeculativeTaskScheduled, applying: Applying): void {
  const scheduledTimeMs = eventTime(state, applying.now);
  const sticky = state.sticky !== undefined;
  state.workflowTask = {
    ...unstarted(state.nextEventId, 1, scheduled.startToCloseTimeoutMs),
    speculative: true,
    sticky,
    scheduledTimeMs,
    originalScheduledTimeMs: scheduledTimeMs,
    expiresAtMs: sticky ? stickyDeadline(state, applying.now) : 0,
  };
  applying.touch(WORKFLOW_TASK);
}

export function applySpeculativeDropped(state: WorkflowState, applying: Applying): void {
  state.workflowTask = undefined;
  applying.touch(WORKFLOW_TASK);
}
