/** What readers see of an activity without a workflow. Nothing is loaded for it but its state. */
import { ActivityExecutionStatus, PendingActivityState, RetryState } from '../../protocol/index.js';
import type { ActivityExecutionInfo, ActivityExecutionOutcome, Init } from '../../protocol/index.js';
import { optionsOf } from '../workflow/activities/activity-settings.js';
import type { StandaloneState } from './state.js';

/** What only some readers want: it may be large. */
export interface DescribedParts {
  readonly includeHeartbeatDetails: boolean;
  readonly includeLastFailure: boolean;
}

export function describeActivity(state: StandaloneState, include: DescribedParts, now: number): Init<ActivityExecutionInfo> {
  const { activity, data, scheduled } = state;
  const { closed } = data;
  const some = (ms: number): number | undefined => (ms > 0 ? ms : undefined);
  const isWaiting = state.isOpen && !activity.started && !activity.paused && activity.attemptScheduledTimeMs > now;
  const isBackingOff = isWaiting && activity.attempt > 1 && activity.lastAttemptCompleteTimeMs > 0;
  const hasDeadline = activity.scheduleToCloseTimeoutMs > 0;
  return {
    activityId: scheduled.activityId,
    runId: scheduled.runId,
    activityType: { name: scheduled.activityType },
    status: state.status,
    runState: runState(state),
    ...optionsOf(activity),
    taskQueue: activity.taskQueue,
    attempt: activity.attempt,
    scheduleTime: data.scheduledMs,
    executionTime: state.firstAttemptMs,
    startDelay: some(data.startDelayMs),
    expirationTime: hasDeadline ? activity.scheduledTimeMs + activity.scheduleToCloseTimeoutMs : undefined,
    closeTime: closed?.closedMs,
    executionDuration: closed && closed.closedMs - data.scheduledMs,
    lastStartedTime: some(activity.startedTimeMs),
    lastWorkerIdentity: activity.identity,
    lastAttemptCompleteTime: some(activity.lastAttemptCompleteTimeMs),
    nextAttemptScheduleTime: isWaiting ? activity.attemptScheduledTimeMs : undefined,
    currentRetryInterval: isBackingOff ? activity.attemptScheduledTimeMs - activity.lastAttemptCompleteTimeMs : undefined,
    lastHeartbeatTime: some(activity.lastHeartbeatTimeMs),
    totalHeartbeatCount: data.heartbeats,
    heartbeatDetails: include.includeHeartbeatDetails ? activity.heartbeatDetails : undefined,
    lastFailure: include.includeLastFailure ? activity.lastFailure : undefined,
    stateTransitionCount: data.transitions,
    stateSizeBytes: state.sizeBytes,
    header: scheduled.header,
    searchAttributes: scheduled.searchAttributes ?? new Uint8Array(0),
    userMetadata: scheduled.userMetadata,
    links: scheduled.links,
    canceledReason: data.cancelRequested?.reason ?? '',
  };
}

/** `undefined` while it runs. */
export function outcomeOf({ data: { closed } }: StandaloneState): Init<ActivityExecutionOutcome> | undefined {
  if (closed === undefined) return undefined;
  const { result, failure, retryState, status } = closed;
  if (status === ActivityExecutionStatus.COMPLETED) return { result: result ?? new Uint8Array(0) };
  return { failure, retryState: RETRY_STATES.find((state) => state === retryState) ?? RetryState.UNSPECIFIED };
}

const RETRY_STATES: readonly RetryState[] = Object.values(RetryState);

function runState(state: StandaloneState): PendingActivityState {
  const { started, paused } = state.activity;
  if (!state.isOpen) return PendingActivityState.UNSPECIFIED;
  if (state.isCancelRequested) return PendingActivityState.CANCEL_REQUESTED;
  if (started) return paused ? PendingActivityState.PAUSE_REQUESTED : PendingActivityState.STARTED;
  return paused ? PendingActivityState.PAUSED : PendingActivityState.SCHEDULED;
}
