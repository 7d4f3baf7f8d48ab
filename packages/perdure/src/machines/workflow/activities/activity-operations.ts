/**
 * What operators do with pending activities: pause, unpause, reset. (Their options: `activity-options.ts`.) None of it is in the history.
 *
 * A paused activity owes nothing: no attempt is handed out and no deadline counts, not even of an attempt that a worker holds, which may
 * still end by itself and learns of the pause with its next heartbeat. Unpaused, a waiting attempt begins at once, and the deadlines of
 * the activity count again from where they count always.
 *
 * Reset makes the attempts count from 1 again. A waiting attempt begins at once; an attempt that a worker holds stays valid (its token
 * does), learns of the reset with its next heartbeat, and if it fails the next one backs off as after a first attempt.
 */
import { Code, RpcError } from '../../../protocol/index.js';
import type { ActivityPaused, ActivityReset, ActivitySettings, ActivityState, ActivityUnpaused } from '../../../protocol/index.js';
import { heldBytes } from './activities.js';
import type { ActivitySelection, Jitter, PauseActivityInput, ResetActivityInput, UnpauseActivityInput } from './activity-operations-inputs.js';
import { activityKey } from '../debts.js';
import type { Draft } from '../draft.js';
import type { DoneReply } from '../inputs.js';
import { alreadyCompleted, notFound } from '../refusals.js';
import { after, keep, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function pauseActivity(draft: Draft, { selection, identity, reason, requestId }: PauseActivityInput): DoneReply | RpcError {
  const selected = select(draft.state, selection);
  if (selected instanceof RpcError) return selected;
  if (selected.some((activity) => activity.paused && activity.pauseRequestId !== requestId)) {
    return new RpcError(Code.FAILED_PRECONDITION, 'activity is already paused');
  }
  for (const { scheduledEventId, paused } of selected) {
    if (!paused) draft.emitPrivate({ activityPaused: { scheduledEventId, identity, reason, requestId } });
  }
  return { kind: 'done' };
}

export function unpauseActivity(draft: Draft, input: UnpauseActivityInput): DoneReply | RpcError {
  const selected = select(draft.state, input.selection);
  if (selected instanceof RpcError) return selected;
  const { resetAttempts, resetHeartbeat, jitter } = input;
  for (const [index, { scheduledEventId, paused, started }] of selected.entries()) {
    if (!paused) continue;
    const attemptAtMs = started ? 0 : jittered(draft.now, jitter, index);
    draft.emitPrivate({ activityUnpaused: { scheduledEventId, attemptAtMs, resetAttempts, resetHeartbeat } });
  }
  return { kind: 'done' };
}

export function resetActivity(draft: Draft, input: ResetActivityInput): DoneReply | RpcError {
  const selected = select(draft.state, input.selection);
  if (selected instanceof RpcError) return selected;
  const { resetHeartbeat, keepPaused, restoreOriginalOptions, jitter, requestId = '' } = input;
  for (const [index, { scheduledEventId, paused, started, resetRequestId }] of selected.entries()) {
    if (requestId !== '' && resetRequestId === requestId) continue;
    const rests = started || (paused && keepPaused);
    const attemptAtMs = rests ? 0 : jittered(draft.now, jitter, index);
    draft.emitPrivate({ activityReset: { scheduledEventId, attemptAtMs, resetHeartbeat, keepPaused, restoreOriginalOptions, requestId } });
  }
  return { kind: 'done' };
}

/** The pending activities that are meant. What has ended and only waits for its event is not pending any more. */
export function select(state: WorkflowState, selection: ActivitySelection): ActivityState[] | RpcError {
  if (!state.isOpen) return alreadyCompleted();
  const selected: ActivityState[] = [];
  if (selection.by === 'id') {
    const scheduledEventId = state.activityIds.get(selection.id);
    const activity = scheduledEventId === undefined ? undefined : state.activities.get(scheduledEventId);
    if (activity !== undefined && !activity.closing) selected.push(activity);
  } else {
    for (const activity of state.activities.values()) {
      if (!activity.closing && (selection.by === 'all' || activity.activityType === selection.type)) selected.push(activity);
    }
  }
  return selected.length > 0 ? selected : notFound("Can't find pending activity with such ID. Invalid activityID or activity already completed");
}

/** Steps of the golden ratio fill the time evenly, however many there are. */
function jittered(now: number, { withinMs, seed }: Jitter, index: number): number {
  return after(now, Math.floor(withinMs * ((seed + index * 0.618_033_988_749_895) % 1)));
}

// ── private events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyActivityPaused(state: WorkflowState, { scheduledEventId, identity, reason, requestId }: ActivityPaused, applying: Applying): void {
  const activity = must(state.activities.get(scheduledEventId), 'activity');
  if (!activity.paused) state.pausedActivities++;
  activity.paused = true;
  activity.pausedAtMs = applying.now;
  activity.pauseIdentity = identity;
  activity.pauseReason = reason;
  activity.pauseRequestId = requestId;
  applying.touch(activityKey(scheduledEventId));
}

export function applyActivityUnpaused(state: WorkflowState, unpaused: ActivityUnpaused, applying: Applying): void {
  const activity = must(state.activities.get(unpaused.scheduledEventId), 'activity');
  endPause(state, activity);
  if (unpaused.resetAttempts) activity.attempt = 1;
  if (unpaused.resetHeartbeat) forgetHeartbeats(state, activity);
  if (unpaused.attemptAtMs > 0) reschedule(state, activity, unpaused.attemptAtMs, applying);
  applying.touch(activityKey(unpaused.scheduledEventId));
}

export function applyActivityReset(state: WorkflowState, reset: ActivityReset, applying: Applying): void {
  const activity = must(state.activities.get(reset.scheduledEventId), 'activity');
  activity.attempt = 1;
  if (reset.requestId !== '') activity.resetRequestId = reset.requestId;
  if (!reset.keepPaused) endPause(state, activity);
  if (reset.restoreOriginalOptions && activity.originalSettings !== undefined) useSettings(activity, activity.originalSettings);
  if (activity.started) {
    activity.resetRequested = true;
    activity.heartbeatResetRequested ||= reset.resetHeartbeat;
  } else if (reset.resetHeartbeat) forgetHeartbeats(state, activity);
  if (reset.attemptAtMs > 0) reschedule(state, activity, reset.attemptAtMs, applying);
  applying.touch(activityKey(reset.scheduledEventId));
}

function endPause(state: WorkflowState, activity: ActivityState): void {
  if (activity.paused) state.pausedActivities--;
  activity.paused = false;
  activity.pausedAtMs = 0;
  activity.pauseIdentity = activity.pauseReason = activity.pauseRequestId = '';
}

export function forgetHeartbeats(state: WorkflowState, activity: ActivityState): void {
  const before = heldBytes(activity);
  activity.heartbeatDetails = undefined;
  activity.lastHeartbeatTimeMs = 0;
  state.payloadBytes += heldBytes(activity) - before;
}

/** The waiting attempt begins then, whatever it waited for. */
export function reschedule(state: WorkflowState, activity: ActivityState, attemptAtMs: number, applying: Applying): void {
  const before = heldBytes(activity);
  activity.attemptScheduledTimeMs = attemptAtMs;
  activity.ready = attemptAtMs <= applying.now;
  activity.lastFailure = undefined;
  state.payloadBytes += heldBytes(activity) - before;
}

export function useSettings(activity: ActivityState, settings: ActivitySettings): void {
  activity.taskQueue = settings.taskQueue;
  activity.scheduleToCloseTimeoutMs = settings.scheduleToCloseTimeoutMs;
  activity.scheduleToStartTimeoutMs = settings.scheduleToStartTimeoutMs;
  activity.startToCloseTimeoutMs = settings.startToCloseTimeoutMs;
  activity.heartbeatTimeoutMs = settings.heartbeatTimeoutMs;
  activity.retryPolicy = settings.retryPolicy;
  activity.priority = keep(settings.priority);
}
