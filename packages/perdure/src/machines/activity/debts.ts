/**
 * What the world owes an activity without a workflow: hand out its attempt, wake it at its first deadline, forget it.
 *
 * While it is paused no attempt is handed out and a wait for a worker does not time out, but time goes on for the whole, and for an attempt
 * that a worker holds: unlike in a workflow, nobody else would notice one that never ends.
 */
import type { ActivityState } from '../../protocol/index.js';
import type { Debt, DebtKey } from '../machine.js';
import { firstActivityDeadline } from '../workflow/activities/attempt-rules.js';
import { taskPriority } from '../workflow/runs/priority.js';
import type { StandaloneState } from './state.js';

export const ATTEMPT: DebtKey = 'attempt';
export const DELETION: DebtKey = 'deletion';

export function debtKeys(state: StandaloneState): readonly DebtKey[] {
  if (state.data.forgotten) return [DELETION];
  return state.isOpen ? [ATTEMPT] : [];
}

export function debt(state: StandaloneState, key: DebtKey): Debt | undefined {
  if (state.data.forgotten) return key === DELETION ? { deletion: true } : undefined;
  if (key !== ATTEMPT || !state.isOpen) return undefined;
  const { activity } = state;
  const wakeAt = firstDeadline(activity)?.at;
  const wake = wakeAt === undefined ? {} : { wakeAt };
  if (activity.started || !activity.ready || activity.paused) return wake;
  const queue = { namespace: state.scheduled.namespaceId, name: activity.taskQueue, type: 'activity' } as const;
  return { ...wake, dispatch: { queue, since: activity.attemptScheduledTimeMs, sticky: false, priority: taskPriority(activity.priority) } };
}

export function firstDeadline(activity: ActivityState): ReturnType<typeof firstActivityDeadline> {
  if (!activity.paused) return firstActivityDeadline(activity);
  const running = { ...activity, paused: false };
  return firstActivityDeadline(activity.started ? running : { ...running, ready: true, scheduleToStartTimeoutMs: 0 });
}
