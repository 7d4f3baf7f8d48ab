/**
 * Everything the world owes a run, derived from its state alone: hand out its tasks, wake it at its deadlines, deliver its messages.
 *
 * A closed run owes nothing but messages (`messages.ts`), and nothing is owed for what is `closing` (its last event waits in the buffer).
 */
import type { ActivityState, TimerState, WorkflowTaskState } from '../../protocol/index.js';
import { versionText } from '../deployment-version.js';
import type { Debt, DebtKey } from '../machine.js';
import { firstActivityDeadline } from './activities/attempt-rules.js';
import { DELETION, deletionDebt, isHidden } from './reset/deletion-debt.js';
import { inheritPriority, taskPriority } from './runs/priority.js';
import { beginsRamping, pinnedVersion } from './runs/version-binding.js';
import { isMessageKey, messageDebt, messageKeys } from './messages/messages.js';
import { operationOf } from './nexus/nexus-messages.js';
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
  const order = activityOf(state, key)?.scheduledEventId ?? timerOf(state, key)?.startedEventId ?? operationOf(state, key)?.scheduledEventId ?? 0;
  state.deadlines.set(key, debt(state, key)?.wakeAt, order);
}

function workflowTaskDebt(state: WorkflowState, task: WorkflowTaskState): Debt {
  const wake = task.expiresAtMs > 0 ? { wakeAt: task.expiresAtMs } : {};
  if (task.startedEventId > 0 || state.run.pause !== undefined) return wake;
  const sticky = task.sticky && state.sticky !== undefined;
  const name = sticky && state.sticky ? state.sticky.name : state.run.taskQueue;
  const pinned = pinnedVersion(state.run);
  const version = sticky || pinned === undefined ? undefined : versionText(pinned);
  const queue = { namespace: state.run.namespaceId, name, type: 'workflow', version } as const;
  const cachedBy = sticky && pinned === undefined ? cachingVersion(state) : undefined;
  return { ...wake, dispatch: { queue, since: task.scheduledTimeMs, sticky, priority: taskPriority(state.run.priority), followsQueue: state.run.taskQueue, cachedBy, ...(beginsRamping(state.run) && { toRamping: true }) } };
}

function activityDebt(state: WorkflowState, activity: ActivityState): Debt {
  const wakeAt = firstActivityDeadline(activity)?.at;
  const wake = wakeAt === undefined ? {} : { wakeAt };
  if (activity.started || !activity.ready || activity.paused || state.run.pause !== undefined || state.run.versionTransition !== undefined) return wake;
  const pinned = pinnedVersion(state.run);
  const queue = { namespace: state.run.namespaceId, name: activity.taskQueue, type: 'activity', version: pinned && versionText(pinned) } as const;
  const followsQueue = pinned === undefined ? state.run.taskQueue : undefined;
  return { ...wake, dispatch: { queue, since: activity.attemptScheduledTimeMs, sticky: false, priority: taskPriority(inheritPriority(activity.priority, state.run.priority)), followsQueue } };
}

/** The version of the worker that has the run in its cache; empty: it has none. */
function cachingVersion({ run }: WorkflowState): string {
  return run.deploymentVersion === undefined ? '' : versionText(run.deploymentVersion);
}
