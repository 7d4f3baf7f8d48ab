/**
 * What becomes of an activity's attempts, as changes of its state alone: begun, heartbeating, over, paused, reset, with other options.
 *
 * Shared by the activities of a workflow (`machines/workflow`) and those without one (`machines/activity`): each machine decides, writes an
 * event of its own, and applies it here. Nothing in here decides. Who counts what an activity holds compares `heldBytes` before and after.
 */
import { ActivityState } from '../../../protocol/index.js';
import type { ActivityReset, ActivitySettings, AttemptFailed, AttemptStarted, Encoded, Payloads } from '../../../protocol/index.js';
import { keep } from '../state.js';

/** Before its first attempt. Bytes are not copied. */
export function newActivity(scheduled: Partial<ActivityState>, attemptAtMs: number, now: number): ActivityState {
  return ActivityState.create({ ...scheduled, attempt: 1, attemptScheduledTimeMs: attemptAtMs, ready: attemptAtMs <= now });
}

export function beginAttempt(activity: ActivityState, { identity, requestId, deploymentVersion }: AttemptStarted, now: number): void {
  activity.started = true;
  activity.startedTimeMs = now;
  activity.identity = identity;
  activity.requestId = requestId;
  activity.workerDeploymentVersion = deploymentVersion && { ...deploymentVersion };
  activity.stamp++;
  // The clock may have stepped back since: an old heartbeat must not stretch the deadline of this attempt.
  activity.lastHeartbeatTimeMs = Math.min(activity.lastHeartbeatTimeMs, now);
}

export function noteHeartbeat(activity: ActivityState, details: Encoded<Payloads> | undefined, now: number): void {
  activity.heartbeatDetails = keep(details);
  activity.lastHeartbeatTimeMs = now;
}

/** It failed or timed out, and another one follows. */
export function endAttempt(activity: ActivityState, failed: AttemptFailed, now: number): void {
  activity.attempt++;
  activity.started = false;
  activity.resetRequested = false;
  activity.requestId = '';
  activity.attemptScheduledTimeMs = failed.retryAtMs;
  activity.ready = failed.retryAtMs <= now;
  activity.lastFailure = keep(failed.failure);
  activity.lastAttemptCompleteTimeMs = now;
  if (failed.heartbeatDetails !== undefined) noteHeartbeat(activity, failed.heartbeatDetails, now);
  if (activity.heartbeatResetRequested) {
    activity.heartbeatResetRequested = false;
    forgetHeartbeats(activity);
  }
}

export function beginPause(activity: ActivityState, paused: { readonly identity: string; readonly reason: string; readonly requestId: string }, now: number): void {
  activity.paused = true;
  activity.pausedAtMs = now;
  activity.pauseIdentity = paused.identity;
  activity.pauseReason = paused.reason;
  activity.pauseRequestId = paused.requestId;
}

export function endPause(activity: ActivityState): void {
  activity.paused = false;
  activity.pausedAtMs = 0;
  activity.pauseIdentity = activity.pauseReason = activity.pauseRequestId = '';
}

/** Attempts count from 1 again. */
export function startOver(activity: ActivityState, reset: ActivityReset, now: number): void {
  activity.attempt = 1;
  if (reset.requestId !== '') activity.resetRequestId = reset.requestId;
  if (!reset.keepPaused) endPause(activity);
  if (reset.restoreOriginalOptions && activity.originalSettings !== undefined) useSettings(activity, activity.originalSettings);
  if (activity.started) {
    activity.resetRequested = true;
    activity.heartbeatResetRequested ||= reset.resetHeartbeat;
  } else if (reset.resetHeartbeat) forgetHeartbeats(activity);
  if (reset.attemptAtMs > 0) reschedule(activity, reset.attemptAtMs, now);
}

export function forgetHeartbeats(activity: ActivityState): void {
  activity.heartbeatDetails = undefined;
  activity.lastHeartbeatTimeMs = 0;
}

/** The waiting attempt begins then, whatever it waited for. */
export function reschedule(activity: ActivityState, attemptAtMs: number, now: number): void {
  moveAttempt(activity, attemptAtMs, now);
  activity.lastFailure = undefined;
}

/** The waiting attempt begins then; what it waited for is not forgotten. */
export function moveAttempt(activity: ActivityState, attemptAtMs: number, now: number): void {
  activity.attemptScheduledTimeMs = attemptAtMs;
  activity.ready = attemptAtMs <= now;
}

/** Other options from now on; the first ones are kept. */
export function changeSettings(activity: ActivityState, settings: ActivitySettings): void {
  activity.originalSettings ??= settingsOf(activity);
  useSettings(activity, settings);
}

function useSettings(activity: ActivityState, settings: ActivitySettings): void {
  activity.taskQueue = settings.taskQueue;
  activity.scheduleToCloseTimeoutMs = settings.scheduleToCloseTimeoutMs;
  activity.scheduleToStartTimeoutMs = settings.scheduleToStartTimeoutMs;
  activity.startToCloseTimeoutMs = settings.startToCloseTimeoutMs;
  activity.heartbeatTimeoutMs = settings.heartbeatTimeoutMs;
  activity.retryPolicy = settings.retryPolicy;
  activity.priority = keep(settings.priority);
}

export function settingsOf(activity: ActivityState): ActivitySettings {
  const { taskQueue, scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, heartbeatTimeoutMs, retryPolicy, priority } = activity;
  return { taskQueue, scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs, heartbeatTimeoutMs, retryPolicy, priority };
}

/** Bytes of user data. */
export function heldBytes({ input, header, lastFailure, heartbeatDetails }: ActivityState): number {
  return (input?.byteLength ?? 0) + (header?.byteLength ?? 0) + (lastFailure?.byteLength ?? 0) + (heartbeatDetails?.byteLength ?? 0);
}
