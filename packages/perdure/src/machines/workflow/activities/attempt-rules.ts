/**
 * The rules of an activity's attempts that know nothing of whose activity it is: which deadline comes first, whether another attempt
 * follows, how it ended if none does, what a worker gets. Shared by `machines/workflow` and `machines/activity`. Pure.
 */
import { RetryState, TimeoutType } from '../../../protocol/index.js';
import type { ActivityState, Encoded, Failure, Init, PollActivityTaskQueueResponse } from '../../../protocol/index.js';
import { timeoutFailure } from '../failures.js';
import type { ActivityAddress } from '../inputs.js';
import { after } from '../state.js';
import { decideRetry } from './retry-policy.js';
import type { RetryDecision } from './retry-policy.js';

export type ActivityDeadline = 'retry' | 'schedule-to-start' | 'schedule-to-close' | 'start-to-close' | 'heartbeat';

/** What has timed out at a deadline. At `retry` nothing has: the backoff is over. */
export const TIMEOUT_OF: Readonly<Record<Exclude<ActivityDeadline, 'retry'>, TimeoutType>> = {
  'start-to-close': TimeoutType.START_TO_CLOSE,
  heartbeat: TimeoutType.HEARTBEAT,
  'schedule-to-start': TimeoutType.SCHEDULE_TO_START,
  'schedule-to-close': TimeoutType.SCHEDULE_TO_CLOSE,
};

/**
 * The deadline of an activity that comes first. Ties go to the first that is considered. An attempt begins after it was scheduled, though
 * within one millisecond that does not show (always so where it starts eagerly): a whole that is as short as an attempt ends before it.
 */
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
  const considerWhole = (): void => {
    if (activity.scheduleToCloseTimeoutMs > 0) consider('schedule-to-close', activity.scheduledTimeMs, activity.scheduleToCloseTimeoutMs);
  };
  if (activity.started) {
    considerWhole();
    if (activity.startToCloseTimeoutMs > 0) consider('start-to-close', activity.startedTimeMs, activity.startToCloseTimeoutMs);
    if (activity.heartbeatTimeoutMs > 0) {
      consider('heartbeat', Math.max(activity.startedTimeMs, activity.lastHeartbeatTimeMs), activity.heartbeatTimeoutMs);
    }
  } else if (!activity.ready) {
    consider('retry', activity.attemptScheduledTimeMs, 0);
  } else if (activity.scheduleToStartTimeoutMs > 0) {
    consider('schedule-to-start', activity.attemptScheduledTimeMs, activity.scheduleToStartTimeoutMs);
  }
  if (!activity.started) considerWhole();
  return at === Infinity ? undefined : { kind, at };
}

/** Whether this address means the attempt that is under way. By its id an activity is meant whatever its attempts do. */
export function isMeant(activity: ActivityState, address: ActivityAddress): boolean {
  // The stamp names the start; the attempt's number may have been reset since.
  return address.by === 'id' || (activity.started && activity.stamp === address.stamp);
}

/** Whether another attempt follows one that failed or timed out like this. */
export function retryDecision(now: number, activity: ActivityState, failure: Encoded<Failure>): RetryDecision {
  return decideRetry({
    policy: activity.retryPolicy,
    attempt: activity.attempt,
    failure,
    cancelRequested: activity.cancelRequestedEventId > 0,
    now,
    expiresAt: activity.scheduleToCloseTimeoutMs > 0 ? after(activity.scheduledTimeMs, activity.scheduleToCloseTimeoutMs) : 0,
    requestedDelayUncapped: true,
  });
}

/** How an activity has failed of which no further attempt follows after this timeout. */
export function finalTimeout({ heartbeatDetails, lastFailure }: ActivityState, timeoutType: TimeoutType, state: RetryState): Encoded<Failure> {
  const noTimeLeft = state === RetryState.TIMEOUT && timeoutType !== TimeoutType.SCHEDULE_TO_START;
  return timeoutFailure(noTimeLeft ? TimeoutType.SCHEDULE_TO_CLOSE : timeoutType, {
    ...(noTimeLeft ? { message: NO_TIME_LEFT } : {}),
    lastHeartbeatDetails: heartbeatDetails,
    cause: lastFailure,
  });
}

const NO_TIME_LEFT = 'Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying';

/** What a worker is told of the attempt that it begins, whoever the activity belongs to. */
export function attemptTask(activity: ActivityState): Init<PollActivityTaskQueueResponse> {
  return {
    activityType: { name: activity.activityType },
    activityId: activity.activityId,
    header: activity.header,
    input: activity.input,
    heartbeatDetails: activity.heartbeatDetails,
    currentAttemptScheduledTime: activity.attemptScheduledTimeMs,
    startedTime: activity.startedTimeMs,
    attempt: activity.attempt,
    scheduleToCloseTimeout: activity.scheduleToCloseTimeoutMs,
    startToCloseTimeout: activity.startToCloseTimeoutMs,
    heartbeatTimeout: activity.heartbeatTimeoutMs,
    retryPolicy: activity.retryPolicy,
  };
}
