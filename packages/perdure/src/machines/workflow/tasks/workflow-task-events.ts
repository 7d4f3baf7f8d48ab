/**
 * The Scheduled and Started events of workflow tasks: what stands in them, and those that the history does not show.
 *
 * Transient and speculative tasks are *unwritten*: their two events are made from the state, with the ids and times that they were given,
 * whenever a worker is sent history (the suffix), and once more when they are written. Both must be the same, so everything that is in
 * them is in the state and does not change while a worker holds the task.
 */
import { EventType, History, SuggestContinueAsNewReason, TaskQueueKind } from '../../../protocol/index.js';
import type { HistoryEvent, WorkflowTaskStartedEventAttributes, WorkflowTaskState } from '../../../protocol/index.js';
import type { Draft, EventAttributes } from '../draft.js';
import type { WorkflowLimits } from '../limits.js';
import type { WorkflowState } from '../state.js';
import { countAcceptedUpdates } from '../updates/updates.js';

/** The history does not show this task, unless something comes of it. */
export function isUnwritten(task: WorkflowTaskState): boolean {
  return task.transient || task.speculative;
}

/** Writes the events of a started attempt that the history does not show, as the worker saw them. */
export function writeUnwrittenTask(draft: Draft, task: WorkflowTaskState): void {
  for (const event of transientEvents(draft.state, task, draft.limits)) draft.emitEvent(event);
}

/**
 * The events of an attempt that the history does not hold, encoded like a history batch. Whoever ships history to a worker while that
 * attempt is started appends them, so that the history reaches the started event id. Of an attempt that waits there is only Scheduled.
 */
export function transientSuffix(state: WorkflowState, limits: WorkflowLimits): Uint8Array | undefined {
  const task = state.workflowTask;
  if (task === undefined || !isUnwritten(task) || task.scheduledEventId !== state.nextEventId) return undefined;
  const [scheduled, started] = transientEvents(state, task, limits);
  return History.encode({ events: task.startedEventId > 0 ? [scheduled, started] : [scheduled] });
}

export function scheduledAttributes(state: WorkflowState, attempt: number, startToCloseTimeout: number): EventAttributes {
  return { workflowTaskScheduledEventAttributes: { taskQueue: taskQueue(state), startToCloseTimeout, attempt } };
}

function taskQueue({ sticky, run }: WorkflowState): { name: string; kind: TaskQueueKind; normalName: string } {
  return sticky === undefined
    ? { name: run.taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' }
    : { name: sticky.name, kind: TaskQueueKind.STICKY, normalName: run.taskQueue };
}

function transientEvents(state: WorkflowState, task: WorkflowTaskState, limits: WorkflowLimits): readonly [scheduled: HistoryEvent, started: HistoryEvent] {
  const header = { version: 0, workerMayIgnore: false, links: [], eventGroupMarkers: [] };
  const queue = task.sticky ? taskQueue(state) : { name: state.run.taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' };
  return [
    {
      ...header,
      eventId: task.scheduledEventId,
      taskId: task.scheduledEventId,
      eventTime: task.scheduledTimeMs,
      eventType: EventType.WORKFLOW_TASK_SCHEDULED,
      workflowTaskScheduledEventAttributes: { taskQueue: queue, startToCloseTimeout: task.startToCloseTimeoutMs, attempt: task.attempt },
    },
    {
      ...header,
      eventId: task.startedEventId,
      taskId: task.startedEventId,
      eventTime: task.startedTimeMs,
      eventType: EventType.WORKFLOW_TASK_STARTED,
      workflowTaskStartedEventAttributes: startedAttributes(task, countAcceptedUpdates(state), limits),
    },
  ];
}

export function startedAttributes(
  task: Pick<WorkflowTaskState, 'scheduledEventId' | 'startedEventId' | 'identity' | 'requestId' | 'historySizeBytes' | 'workerVersion' | 'targetVersionChanged'>,
  updateCount: number,
  limits: WorkflowLimits,
): WorkflowTaskStartedEventAttributes {
  const reasons: SuggestContinueAsNewReason[] = [];
  if (task.historySizeBytes >= limits.suggestContinueAsNewSizeBytes) reasons.push(SuggestContinueAsNewReason.HISTORY_SIZE_TOO_LARGE);
  if (task.startedEventId > limits.suggestContinueAsNewEvents) reasons.push(SuggestContinueAsNewReason.TOO_MANY_HISTORY_EVENTS);
  if (updateCount >= limits.updatesPerRun * 0.9) reasons.push(SuggestContinueAsNewReason.TOO_MANY_UPDATES);
  return {
    scheduledEventId: task.scheduledEventId,
    identity: task.identity,
    requestId: task.requestId,
    suggestContinueAsNew: reasons.length > 0,
    historySizeBytes: task.historySizeBytes,
    workerVersion: task.workerVersion,
    buildIdRedirectCounter: 0,
    suggestContinueAsNewReasons: reasons,
    targetWorkerDeploymentVersionChanged: task.targetVersionChanged,
  };
}

/** Attempts that keep failing get longer and longer: a worker that stays silent thereby backs off. */
export function startToCloseTimeoutMs({ run }: WorkflowState, attempt: number, limits: WorkflowLimits): number {
  if (attempt < limits.workflowTaskBackoffFromAttempt) return run.taskTimeoutMs;
  const exponent = Math.min(attempt - limits.workflowTaskBackoffFromAttempt, 30);
  return run.taskTimeoutMs + Math.min(limits.workflowTaskBackoffInitialMs * 2 ** exponent, limits.workflowTaskBackoffMaximumMs);
}
