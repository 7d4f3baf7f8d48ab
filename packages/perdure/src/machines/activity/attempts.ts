/**
 * The attempts of an activity without a workflow: handed out, heartbeating, ended, timed out, retried. The rules are those of every activity
 * (`workflow/activities/attempt-rules.ts`); here is what comes of them where there is no history.
 *
 * A reset that was asked for while a worker held an attempt takes effect when that attempt is over: then attempts begin anew at once, however
 * it ended, unless it completed.
 */
import { ActivityExecutionStatus, Failure, RetryState, TimeoutType } from '../../protocol/index.js';
import type { ActivityReset, Encoded, Payloads, RpcError } from '../../protocol/index.js';
import type { Poller } from '../machine.js';
import { TIMEOUT_OF, attemptTask, finalTimeout, isMeant, retryDecision } from '../workflow/activities/attempt-rules.js';
import { boundFailure, serverFailure, timeoutFailure } from '../workflow/failures.js';
import type {
  ActivityAddress,
  ActivityTaskReply,
  CancelActivityInput,
  CompleteActivityInput,
  DoneReply,
  FailActivityInput,
  HeartbeatActivityInput,
  HeartbeatReply,
} from '../workflow/inputs.js';
import { invalid, notOwed } from '../workflow/refusals.js';
import { after, must } from '../workflow/state.js';
import { firstDeadline } from './debts.js';
import type { Draft } from './draft.js';
import { cancelled, close } from './ending.js';
import { noSuchExecution } from './refusals.js';
import type { StandaloneState } from './state.js';

/** What the events of attempts name where there is no history: nothing. */
const NO_EVENT = 0;
const DONE: DoneReply = { kind: 'done' };

/** Hands the ready attempt to a poller. The same poll that asks again gets the same answer. */
export function dispatchAttempt(draft: Draft, { identity, requestId }: Poller): ActivityTaskReply | RpcError {
  const { state } = draft;
  const { activity } = state;
  if (!state.isOpen) return notOwed();
  if (activity.started) return activity.requestId === requestId ? taskReply(state) : notOwed();
  if (!activity.ready || activity.paused) return notOwed();
  draft.emit({ attemptStarted: { scheduledEventId: NO_EVENT, identity, requestId } });
  return taskReply(state);
}

/** Workers know by the empty workflow that there is none. */
function taskReply({ scheduled, activity, data }: StandaloneState): ActivityTaskReply {
  const { attempt, stamp, priority } = activity;
  return {
    kind: 'activity-task',
    token: { scheduledEventId: NO_EVENT, attempt, stamp },
    task: {
      ...attemptTask(activity),
      workflowNamespace: scheduled.namespace,
      workflowExecution: { workflowId: '', runId: '' },
      activityRunId: scheduled.runId,
      scheduledTime: data.scheduledMs,
      priority,
    },
  };
}

// ── what workers say ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function completeActivity(draft: Draft, { activity: address, identity, result }: CompleteActivityInput): DoneReply | RpcError {
  const { state, limits } = draft;
  if (!state.isOpen || !isMeant(state.activity, address)) return stale(state);
  if ((result?.byteLength ?? 0) > limits.blobSizeBytes) return failAttempt(draft, { identity, failure: serverFailure('Complete result exceeds size limit.', true) });
  return close(draft, { status: ActivityExecutionStatus.COMPLETED, result, identity, endsAttempt: true });
}

export function failActivity(draft: Draft, { activity: address, identity, failure, lastHeartbeatDetails }: FailActivityInput): DoneReply | RpcError {
  if (!isUnderWay(draft.state, address)) return stale(draft.state);
  const { blobSizeBytes } = draft.limits;
  const heartbeatDetails = (lastHeartbeatDetails?.byteLength ?? 0) > blobSizeBytes ? undefined : lastHeartbeatDetails;
  const bounded = boundFailure(failure ?? Failure.encode({ message: 'activity task failed without failure details' }), blobSizeBytes, true);
  return failAttempt(draft, { identity, failure: must(bounded, 'failure'), heartbeatDetails });
}

export function cancelActivity(draft: Draft, { activity: address, identity, details }: CancelActivityInput): DoneReply | RpcError {
  const { state, limits } = draft;
  if (!isUnderWay(state, address)) return stale(state);
  if (!state.isCancelRequested) return invalid('unable to mark activity as canceled without activity being request canceled first');
  if ((details?.byteLength ?? 0) > limits.blobSizeBytes) return failAttempt(draft, { identity, failure: serverFailure('Cancel details exceed size limit.', true) });
  return cancelled(draft, details);
}

export function heartbeatActivity(draft: Draft, { activity: address, identity, details }: HeartbeatActivityInput): HeartbeatReply | RpcError {
  const { state, limits } = draft;
  if (!isUnderWay(state, address)) return stale(state);
  if ((details?.byteLength ?? 0) > limits.blobSizeBytes) {
    failAttempt(draft, { identity, failure: serverFailure('Heartbeat details exceed size limit.', true) });
    return { kind: 'heartbeat', cancelRequested: true, activityPaused: false, activityReset: false };
  }
  draft.emit({ attemptHeartbeat: { scheduledEventId: NO_EVENT, details } });
  const { paused, resetRequested } = state.activity;
  return { kind: 'heartbeat', cancelRequested: state.isCancelRequested, activityPaused: paused, activityReset: resetRequested };
}

function isUnderWay({ isOpen, activity }: StandaloneState, address: ActivityAddress): boolean {
  return isOpen && activity.started && isMeant(activity, address);
}

/** Workers forget an attempt of which they hear this. */
function stale({ scheduled }: StandaloneState): RpcError {
  return noSuchExecution(scheduled.activityId);
}

interface FailedByWorker {
  readonly identity: string;
  readonly failure: Encoded<Failure>;
  readonly heartbeatDetails?: Encoded<Payloads> | undefined;
}

function failAttempt(draft: Draft, { identity, failure, heartbeatDetails }: FailedByWorker): DoneReply {
  const { state, now } = draft;
  if (beginAnew(draft, failure, heartbeatDetails)) return DONE;
  const retry = retryDecision(now, state.activity, failure);
  if (retry.state === RetryState.IN_PROGRESS) {
    writeAttemptFailed(draft, failure, after(now, retry.delayMs), heartbeatDetails);
    return DONE;
  }
  if (heartbeatDetails !== undefined) draft.emit({ attemptHeartbeat: { scheduledEventId: NO_EVENT, details: heartbeatDetails } });
  return close(draft, { status: ActivityExecutionStatus.FAILED, failure, retryState: retry.state, identity, endsAttempt: true });
}

function writeAttemptFailed(draft: Draft, failure: Encoded<Failure>, retryAtMs: number, heartbeatDetails: Encoded<Payloads> | undefined): void {
  const kept = boundFailure(failure, draft.limits.activityFailureSizeBytes);
  draft.emit({ attemptFailed: { scheduledEventId: NO_EVENT, failure: kept, retryAtMs, heartbeatDetails } });
}

/** The attempt is over: does the reset that waits for that. False: none waits. */
function beginAnew(draft: Draft, failure: Encoded<Failure>, heartbeatDetails?: Encoded<Payloads>): boolean {
  const { state, now } = draft;
  const asked: ActivityReset | undefined = state.data.resetRequested;
  if (asked === undefined) return false;
  writeAttemptFailed(draft, failure, now, heartbeatDetails);
  draft.emit({ reset: { ...asked, attemptAtMs: now } });
  return true;
}

// ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A deadline may have come. */
export function wakeActivity(draft: Draft): void {
  const { state, now } = draft;
  const due = state.isOpen ? firstDeadline(state.activity) : undefined;
  if (due === undefined || due.at > now) return;
  if (due.kind === 'retry') draft.emit({ attemptReady: { scheduledEventId: NO_EVENT } });
  else timeOut(draft, TIMEOUT_OF[due.kind]);
}

function timeOut(draft: Draft, timeoutType: TimeoutType): void {
  const { state, now } = draft;
  const { activity } = state;
  const failure = timeoutFailure(timeoutType);
  const endsAttempt = timeoutType === TimeoutType.START_TO_CLOSE || timeoutType === TimeoutType.HEARTBEAT;
  if (endsAttempt && beginAnew(draft, failure)) return;
  const retry = retryDecision(now, activity, failure);
  if (retry.state === RetryState.IN_PROGRESS) return writeAttemptFailed(draft, failure, after(now, retry.delayMs), undefined);
  const { heartbeatDetails: lastHeartbeatDetails, lastFailure: cause } = activity;
  // Time is up for the whole: not the same as too little left for another attempt.
  const isWhole = timeoutType === TimeoutType.SCHEDULE_TO_CLOSE;
  const failedLike = isWhole ? timeoutFailure(timeoutType, { lastHeartbeatDetails, cause }) : finalTimeout(activity, timeoutType, retry.state);
  close(draft, { status: ActivityExecutionStatus.TIMED_OUT, failure: failedLike, retryState: retry.state, endsAttempt });
}
