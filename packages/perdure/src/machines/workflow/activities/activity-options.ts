/**
 * Changing the options of pending activities: task queue, timeouts, retry policy, priority; all of them or some (a field mask), or back
 * to what the workflow asked for. (What options may be: `activity-settings.ts`.)
 *
 * Deadlines count with the new timeouts at once, also for an attempt that a worker holds; a backoff is computed anew.
 */
import { RpcError } from '../../../protocol/index.js';
import type { ActivityOptionsUpdated, ActivitySettings, ActivityState } from '../../../protocol/index.js';
import { changeActivity } from './activities.js';
import type { ActivityOptionsReply, UpdateActivityOptionsInput } from './activity-operations-inputs.js';
import { select } from './activity-operations.js';
import { mergeSettings, newBackoffEnd, optionsOf } from './activity-settings.js';
import { changeSettings, reschedule, settingsOf } from './attempt.js';
import type { Draft } from '../draft.js';
import { invalid } from '../refusals.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

export function updateActivityOptions(draft: Draft, { selection, change }: UpdateActivityOptionsInput): ActivityOptionsReply | RpcError {
  const selected = select(draft.state, selection);
  if (selected instanceof RpcError) return selected;
  const changes: { activity: ActivityState; settings: ActivitySettings }[] = [];
  for (const activity of selected) {
    const bounds = { activityId: activity.activityId, runTimeoutMs: draft.state.run.runTimeoutMs, limits: draft.limits };
    const before = settingsOf(activity);
    const settings = change.kind === 'restore' ? (activity.originalSettings ?? before) : mergeSettings(before, change.options, change.paths, bounds);
    if (typeof settings === 'string') return invalid(settings);
    changes.push({ activity, settings });
  }
  for (const { activity, settings } of changes) {
    const attemptAtMs = newBackoffEnd(activity, settings);
    draft.emitPrivate({ activityOptionsUpdated: { scheduledEventId: activity.scheduledEventId, settings, attemptAtMs } });
  }
  return { kind: 'activity-options', options: optionsOf(must(selected[0], 'activity')) };
}

export function applyActivityOptionsUpdated(state: WorkflowState, updated: ActivityOptionsUpdated, applying: Applying): void {
  changeActivity(state, updated.scheduledEventId, applying, (activity) => {
    changeSettings(activity, must(updated.settings, 'settings'));
    if (updated.attemptAtMs > 0) reschedule(activity, updated.attemptAtMs, applying.now);
  });
}
