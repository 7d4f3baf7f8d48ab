/**
 * Everything the world owes a run, derived from its state alone: hand out its tasks, wake it at its deadlines, deliver its messages.
 *
 * A closed run owes nothing but messages (`messages.ts`), and nothing is owed for what is `closing` (its last event waits in the buffer).
 */
import type { ActivityState, TimerState, WorkflowTaskState } from '../../protocol/index.js';
import type { Debt, DebtKey } from '../machine.js';
import { DELETION, deletionDebt, isHidden } from './reset/deletion-debt.js';
import { inheritPriority, taskPriority } from './runs/priority.js';
import { isMessageKey, messageDebt, messageKeys } from './messages/messages.js';
import { after } from './state.js';
import type { WorkflowState } from './state.js';

export const WORKFLOW_TASK = 'workflow-task';
/** The wait before the first workflow task: start delay, cron, retry. */
export const FIRST_TASK_BACKOFF = 'first-task-backoff';
export const RUN_TIMEOUT = 'run-timeout';
const ACTIVITY = 'activity:';
const TIMER = 'timer:';

export function activityKey(scheduledEventId: number): DebtKey {
  return `${ACTIVITY}${scheduledEventId}`;
}

export function timerKey(timerId: string): DebtKey {
  return `${TIMER}${timerId}`;
}

export function activityOf(state: WorkflowState, key: DebtKey): ActivityState | undefined {
  return key.startsWith(ACTIVITY) ? state.activities.get(Number(key.slice(ACTIVITY.length))) : undefined;
}

export function timerOf(state: WorkflowState, key: DebtKey): TimerState | undefined {
  return key.startsWith(TIMER) ? state.timers.get(key.slice(TIMER.length)) : undefined;
}

export function* debtKeys(state: WorkflowState): Iterable<DebtKey> {
  if (isHidden(state)) yield DELETION;
  if (state.run.forking) return;
  yield* messageKeys(state);
  if (!state.isOpen) return;
  if (state.workflowTask !== undefined) yield WORKFLOW_TASK;
  if (state.run.firstTaskAtMs > 0) yield FIRST_TASK_BACKOFF;
  if (state.run.runExpiresAtMs > 0) yield RUN_TIMEOUT;
  for (const activity of state.activities.values()) if (!activity.closing) yield activityKey(activity.scheduledEventId);
  for (const timer of state.timers.values()) if (!timer.closing) yield timerKey(timer.timerId);
}

export function debt(state: WorkflowState, key: DebtKey): Debt | undefined {
  if (key === DELETION) return deletionDebt(state);
  if (state.run.forking) return undefined;
  if (isMessageKey(key)) return messageDebt(state, key);
  if (!state.isOpen) return undefined;
  switch (key) {
    case WORKFLOW_TASK:
      return state.workflowTask && workflowTaskDebt(state, state.workflowTask);
    case FIRST_TASK_BACKOFF:
      return state.run.firstTaskAtMs > 0 && state.run.pause === undefined ? { wakeAt: state.run.firstTaskAtMs } : undefined;
    case RUN_TIMEOUT:
      return state.run.runExpiresAtMs > 0 ? { wakeAt: state.run.runExpiresAtMs } : undefined;
    default: {
      const activity = activityOf(state, key);
      if (activity) return activity.closing ? undefined : activityDebt(state, activity);
      const timer = timerOf(state, key);
      return timer && !timer.closing ? { wakeAt: timer.firesAtMs } : undefined;
    }
  }
}

/** Brings the deadline of one key up to date. */
export function refreshDeadline(state: WorkflowState, key: DebtKey): void {
  const order = activityOf(state, key)?.scheduledEventId ?? timerOf(state, key)?.startedEventId ?? 0;
  state.deadlines.set(key, debt(state, key)?.wakeAt, order);
}

function workflowTaskDebt(state: WorkflowState, task: WorkflowTaskState): Debt {
  const wake = task.expiresAtMs > 0 ? { wakeAt: task.expiresAtMs } : {};
  if (task.startedEventId > 0 || state.run.pause !== undefined) return wake;
  const sticky = task.sticky && state.sticky !== undefined;
  const name = sticky && state.sticky ? state.sticky.name : state.run.taskQueue;
  const queue = { namespace: state.run.namespaceId, name, type: 'workflow' } as const;
  return { ...wake, dispatch: { queue, since: task.scheduledTimeMs, sticky, priority: taskPriority(state.run.priority) } };
}

function activityDebt(state: WorkflowState, activity: ActivityState): Debt {
  const wakeAt = firstActivityDeadline(activity)?.at;
  const wake = wakeAt === undefined ? {} : { wakeAt };
  if (activity.started || !activity.ready || activity.paused || state.run.pause !== undefined) return wake;
  const queue = { namespace: state.run.namespaceId, name: activity.taskQueue, type: 'activity' } as const;
  return { ...wake, dispatch: { queue, since: activity.attemptScheduledTimeMs, sticky: false, priority: taskPriority(inheritPriority(activity.priority, state.run.priority)) } };
}

export type ActivityDeadline = 'retry' | 'schedule-to-start' | 'schedule-to-close' | 'start-to-close' | 'heartbeat';

/** The deadline of an activity that comes first. Ties go to the first in this list: it is what happened to the attempt itself. */
export function firstActivityDeadline(activity: ActivityState): { kind: ActivityDeadline; at: number } | undefined {
  if (activity.paused) return undefined;
  let kind: ActivityDeadline = 'retry';
  let at = Infinity;
  const consider = (candidate: ActivityDeadline, from: number, timeoutMs: number): void => {
    const candidateAt = after(from, timeoutMs);
    if (candidateAt < at) {
      kind = candidate;
      at = candidateAt;
    }
  };
  if (activity.started) {
    if (activity.startToCloseTimeoutMs > 0) consider('start-to-close', activity.startedTimeMs, activity.startToCloseTimeoutMs);
    if (activity.heartbeatTimeoutMs > 0) {
      consider('heartbeat', Math.max(activity.startedTimeMs, activity.lastHeartbeatTimeMs), activity.heartbeatTimeoutMs);
    }
  } else if (!activity.ready) {
    consider('retry', activity.attemptScheduledTimeMs, 0);
  } else if (activity.scheduleToStartTimeoutMs > 0) {
    consider('schedule-to-start', activity.attemptScheduledTimeMs, activity.scheduleToStartTimeoutMs);
  }
  if (activity.scheduleToCloseTimeoutMs > 0) consider('schedule-to-close', activity.scheduledTimeMs, activity.scheduleToCloseTimeoutMs);
  return at === Infinity ? undefined : { kind, at };
}
