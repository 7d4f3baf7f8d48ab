/**
 * The attempts of an activity: handed out, heartbeating, failing, timing out, retried. None of it is in the history: only the end is, and
 * then Started (with the time at which the last attempt really began) and the closing event are written together.
 *
 * waiting (backing off) → ready → started → ended, or back to waiting. An attempt is handed out at most once: its number and stamp are in
 * the token, and whatever comes with another one is refused as NOT_FOUND. Debts: while ready, a dispatch; always, the next deadline.
 */
import { EventType, RetryState } from '../../../protocol/index.js';
import type {
  ActivityState,
  AttemptFailed,
  AttemptHeartbeat,
  AttemptReady,
  AttemptStarted,
  Encoded,
  Failure,
  Payloads,
  RpcError,
  TimeoutType,
  WorkerVersionStamp,
} from '../../../protocol/index.js';
import { parseVersion } from '../../deployment-version.js';
import type { Poller } from '../../machine.js';
import { changeActivity } from './activities.js';
import { beginAttempt, endAttempt, noteHeartbeat } from './attempt.js';
import { TIMEOUT_OF, attemptTask, finalTimeout, firstActivityDeadline, isMeant, retryDecision } from './attempt-rules.js';
import { arrive } from '../buffer.js';
import type { Draft } from '../draft.js';
import { boundFailure, serverFailure, timeoutFailure } from '../failures.js';
import type {
  ActivityAddress,
  ActivityTaskReply,
  CancelActivityInput,
  CompleteActivityInput,
  DoneReply,
  FailActivityInput,
  HeartbeatActivityInput,
  HeartbeatReply,
} from '../inputs.js';
import { inheritPriority } from '../runs/priority.js';
import { movesRun } from '../runs/versioning.js';
import { invalid, noSuchActivity, notOwed, staleActivity } from '../refusals.js';
import { after, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';

// ── handing out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Hands the ready attempt to a poller. The same poll that asks again gets the same answer. */
export function dispatchActivity(draft: Draft, activity: ActivityState, poller: Poller): ActivityTaskReply | RpcError {
  if (activity.closing) return notOwed();
  if (activity.started) return activity.requestId === poller.requestId ? activityTaskReply(draft.state, activity) : notOwed();
  if (!activity.ready || activity.paused) return notOwed();
  if (draft.state.run.versionTransition !== undefined || movesRun(draft, poller)) {
    scheduleWorkflowTask(draft);
    return notOwed();
  }
  return startAttempt(draft, activity, poller.identity, poller.requestId, poller.version);
}

/** Starts activities for the worker that scheduled them, without a queue between. */
export function startEagerly(draft: Draft, activities: readonly ActivityState[], identity: string): ActivityTaskReply[] {
  // While the run is paused nothing begins; once it goes on they are handed out by their queue.
  if (draft.state.run.pause !== undefined) return [];
  return activities
    .filter((activity) => draft.state.activities.get(activity.scheduledEventId) === activity && mayStartEagerly(activity))
    .map((activity) => startAttempt(draft, activity, identity, draft.moment.newId()));
}

/** One that was cancelled by a later command of the same list is over. */
function mayStartEagerly({ started, paused, cancelRequestedEventId }: ActivityState): boolean {
  return !started && !paused && cancelRequestedEventId === 0;
}

function startAttempt(draft: Draft, activity: ActivityState, identity: string, requestId: string, version?: string): ActivityTaskReply {
  const deploymentVersion = version === undefined ? undefined : parseVersion(version);
  draft.emitPrivate({ attemptStarted: { scheduledEventId: activity.scheduledEventId, identity, requestId, deploymentVersion } });
  return activityTaskReply(draft.state, activity);
}

function activityTaskReply({ run }: WorkflowState, activity: ActivityState): ActivityTaskReply {
  const { scheduledEventId, attempt, stamp } = activity;
  return {
    kind: 'activity-task',
    token: { scheduledEventId, attempt, stamp },
    task: {
      ...attemptTask(activity),
      workflowNamespace: run.namespace,
      workflowType: { name: run.workflowType },
      workflowExecution: { workflowId: run.workflowId, runId: run.runId },
      scheduledTime: activity.originalScheduledTimeMs || activity.scheduledTimeMs,
      priority: inheritPriority(activity.priority, run.priority),
    },
  };
}

// ── what workers say ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function completeActivity(draft: Draft, { activity: address, identity, result, workerVersion }: CompleteActivityInput): DoneReply | RpcError {
  const activity = find(draft.state, address);
  if (activity === undefined) return notFoundBy(address);
  if ((result?.byteLength ?? 0) > draft.limits.blobSizeBytes) {
    return failAttempt(draft, activity, { identity, failure: serverFailure('Complete result exceeds size limit.', true), workerVersion });
  }
  const startedEventId = writeStarted(draft, activity, identity, workerVersion);
  arrive(draft, EventType.ACTIVITY_TASK_COMPLETED, {
    activityTaskCompletedEventAttributes: { result, scheduledEventId: activity.scheduledEventId, startedEventId, identity },
  });
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

export function failActivity(draft: Draft, input: FailActivityInput): DoneReply | RpcError {
  const activity = find(draft.state, input.activity);
  if (activity === undefined) return notFoundBy(input.activity);
  // An attempt that nobody began cannot fail.
  if (!activity.started) return staleActivity();
  const failure = input.failure ?? serverFailure('the worker reported a failure without saying which', false);
  const { blobSizeBytes } = draft.limits;
  const heartbeatDetails = (input.lastHeartbeatDetails?.byteLength ?? 0) > blobSizeBytes ? undefined : input.lastHeartbeatDetails;
  const { identity, workerVersion } = input;
  return failAttempt(draft, activity, { identity, failure: must(boundFailure(failure, blobSizeBytes, true), 'failure'), heartbeatDetails, workerVersion });
}

export function cancelActivity(draft: Draft, { activity: address, identity, details, workerVersion }: CancelActivityInput): DoneReply | RpcError {
  const activity = find(draft.state, address);
  if (activity === undefined) return notFoundBy(address);
  if (!activity.started) return staleActivity();
  const { scheduledEventId, cancelRequestedEventId } = activity;
  if (cancelRequestedEventId === 0) return invalid('unable to mark activity as canceled without activity being request canceled first');
  if ((details?.byteLength ?? 0) > draft.limits.blobSizeBytes) {
    return failAttempt(draft, activity, { identity, failure: serverFailure('Cancel details exceed size limit.', true), workerVersion });
  }
  const startedEventId = writeStarted(draft, activity, identity, workerVersion);
  arrive(draft, EventType.ACTIVITY_TASK_CANCELED, {
    activityTaskCanceledEventAttributes: {
      details,
      latestCancelRequestedEventId: cancelRequestedEventId,
      scheduledEventId,
      startedEventId,
      identity,
    },
  });
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

export function heartbeatActivity(draft: Draft, { activity: address, identity, details }: HeartbeatActivityInput): HeartbeatReply | RpcError {
  const activity = find(draft.state, address);
  if (activity === undefined) return notFoundBy(address);
  if (!activity.started) return staleActivity();
  if ((details?.byteLength ?? 0) > draft.limits.blobSizeBytes) {
    failAttempt(draft, activity, { identity, failure: serverFailure('Heartbeat details exceed size limit.', true) });
    return { kind: 'heartbeat', cancelRequested: true, activityPaused: false, activityReset: false };
  }
  draft.emitPrivate({ attemptHeartbeat: { scheduledEventId: activity.scheduledEventId, details } });
  return {
    kind: 'heartbeat',
    cancelRequested: activity.cancelRequestedEventId > 0,
    activityPaused: activity.paused,
    activityReset: activity.resetRequested,
  };
}

/** The activity that is meant, if its attempt is still the current one. */
function find(state: WorkflowState, address: ActivityAddress): ActivityState | undefined {
  const scheduledEventId = address.by === 'token' ? address.scheduledEventId : state.activityIds.get(address.activityId);
  const activity = scheduledEventId === undefined ? undefined : state.activities.get(scheduledEventId);
  if (activity === undefined || activity.closing) return undefined;
  return isMeant(activity, address) ? activity : undefined;
}

function notFoundBy(address: ActivityAddress): RpcError {
  return address.by === 'id' ? noSuchActivity(address.activityId) : staleActivity();
}

interface FailedByWorker {
  readonly identity: string;
  readonly failure: Encoded<Failure>;
  readonly heartbeatDetails?: Encoded<Payloads> | undefined;
  readonly workerVersion?: WorkerVersionStamp | undefined;
}

function failAttempt(draft: Draft, activity: ActivityState, failed: FailedByWorker): DoneReply {
  const { identity, failure, heartbeatDetails, workerVersion } = failed;
  const retry = retryDecision(draft.now, activity, failure);
  if (retry.state === RetryState.IN_PROGRESS) {
    writeAttemptFailed(draft, activity, failure, retry.delayMs, heartbeatDetails);
    return { kind: 'done' };
  }
  const startedEventId = writeStarted(draft, activity, identity, workerVersion);
  arrive(draft, EventType.ACTIVITY_TASK_FAILED, {
    activityTaskFailedEventAttributes: {
      failure,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      identity,
      retryState: retry.state,
    },
  });
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

// ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A deadline of the activity may have come. */
export function wakeActivity(draft: Draft, activity: ActivityState): void {
  if (activity.closing) return;
  const due = firstActivityDeadline(activity);
  if (due === undefined || due.at > draft.now) return;
  if (due.kind === 'retry') draft.emitPrivate({ attemptReady: { scheduledEventId: activity.scheduledEventId } });
  else timeOut(draft, activity, TIMEOUT_OF[due.kind]);
}

function timeOut(draft: Draft, activity: ActivityState, timeoutType: TimeoutType): void {
  const failure = timeoutFailure(timeoutType);
  const retry = retryDecision(draft.now, activity, failure);
  if (retry.state === RetryState.IN_PROGRESS) {
    writeAttemptFailed(draft, activity, failure, retry.delayMs, undefined);
    return;
  }
  const failedLike = finalTimeout(activity, timeoutType, retry.state);
  const startedEventId = activity.started ? writeStarted(draft, activity, activity.identity) : 0;
  arrive(draft, EventType.ACTIVITY_TASK_TIMED_OUT, {
    activityTaskTimedOutEventAttributes: {
      failure: failedLike,
      scheduledEventId: activity.scheduledEventId,
      startedEventId,
      retryState: retry.state,
    },
  });
  scheduleWorkflowTask(draft);
}

function writeAttemptFailed(
  draft: Draft,
  { scheduledEventId }: ActivityState,
  failure: Encoded<Failure>,
  delayMs: number,
  heartbeatDetails: Encoded<Payloads> | undefined,
): void {
  const retryAtMs = after(draft.now, delayMs);
  const kept = boundFailure(failure, draft.limits.activityFailureSizeBytes);
  draft.emitPrivate({ attemptFailed: { scheduledEventId, failure: kept, retryAtMs, heartbeatDetails } });
}

/** An activity that is ended by its id may never have been handed out: the history needs its Started event all the same. */
function writeStarted(draft: Draft, activity: ActivityState, identity: string, workerVersion?: WorkerVersionStamp): number {
  const { scheduledEventId, started, attempt, lastFailure } = activity;
  return arrive(
    draft,
    EventType.ACTIVITY_TASK_STARTED,
    {
      activityTaskStartedEventAttributes: {
        scheduledEventId,
        identity: started ? activity.identity : identity,
        requestId: started ? activity.requestId : '',
        attempt,
        lastFailure,
        workerVersion,
        buildIdRedirectCounter: 0,
      },
    },
    started ? { eventTime: activity.startedTimeMs } : undefined,
  );
}

// ── private events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyAttemptStarted(state: WorkflowState, started: AttemptStarted, applying: Applying): void {
  changeActivity(state, started.scheduledEventId, applying, (activity) => beginAttempt(activity, started, applying.now));
}

export function applyAttemptHeartbeat(state: WorkflowState, { scheduledEventId, details }: AttemptHeartbeat, applying: Applying): void {
  changeActivity(state, scheduledEventId, applying, (activity) => noteHeartbeat(activity, details, applying.now));
}

export function applyAttemptFailed(state: WorkflowState, failed: AttemptFailed, applying: Applying): void {
  changeActivity(state, failed.scheduledEventId, applying, (activity) => endAttempt(activity, failed, applying.now));
}

export function applyAttemptReady(state: WorkflowState, { scheduledEventId }: AttemptReady, applying: Applying): void {
  changeActivity(state, scheduledEventId, applying, (activity) => (activity.ready = true));
}
