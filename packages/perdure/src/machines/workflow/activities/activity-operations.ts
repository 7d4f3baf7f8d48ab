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
import type { ActivityPaused, ActivityReset, ActivityState, ActivityUnpaused } from '../../../protocol/index.js';
import { changeActivity } from './activities.js';
import type { ActivitySelection, Jitter, PauseActivityInput, ResetActivityInput, UnpauseActivityInput } from './activity-operations-inputs.js';
import { beginPause, endPause, forgetHeartbeats, reschedule, startOver } from './attempt.js';
import type { Draft } from '../draft.js';
import type { DoneReply } from '../inputs.js';
import { alreadyCompleted, notFound } from '../refusals.js';
import { after } from '../state.js';
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

/** When the attempt of the activity with this place among many begins: steps of the golden ratio fill the time evenly. */
export function jittered(now: number, { withinMs, seed }: Jitter, index: number): number {
  return after(now, Math.floor(withinMs * ((seed + index * 0.618_033_988_749_895) % 1)));
}

// ── private events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyActivityPaused(state: WorkflowState, paused: ActivityPaused, applying: Applying): void {
  changeActivity(state, paused.scheduledEventId, applying, (activity) => beginPause(activity, paused, applying.now));
}

export function applyActivityUnpaused(state: WorkflowState, unpaused: ActivityUnpaused, applying: Applying): void {
  changeActivity(state, unpaused.scheduledEventId, applying, (activity) => {
    endPause(activity);
    if (unpaused.resetAttempts) activity.attempt = 1;
    if (unpaused.resetHeartbeat) forgetHeartbeats(activity);
    if (unpaused.attemptAtMs > 0) reschedule(activity, unpaused.attemptAtMs, applying.now);
  });
}

export function applyActivityReset(state: WorkflowState, reset: ActivityReset, applying: Applying): void {
  changeActivity(state, reset.scheduledEventId, applying, (activity) => startOver(activity, reset, applying.now));
}
