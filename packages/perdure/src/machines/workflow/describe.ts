/** What readers see of a run: Describe, lists, queries, whoever ships history. Plain data; nothing is changed. */
import { EMPTY, EventType, PendingActivityState, PendingWorkflowTaskState, TaskQueueKind } from '../../protocol/index.js';
import type {
  ActivityState,
  DescribeWorkflowExecutionResponse,
  Encoded,
  Init,
  PendingActivityInfo,
  PendingChildExecutionInfo,
  PendingWorkflowTaskInfo,
  RequestIdInfo,
  RunState,
  SearchAttributes,
  ScheduleWatch,
  WorkflowExecutionInfo,
  WorkflowExecutionStatus,
} from '../../protocol/index.js';
import { legacyVersionText, versionText } from '../deployment-version.js';
import { optionsOf } from './activities/activity-settings.js';
import { callbackInfos } from './runs/callbacks.js';
import { DEFAULT_LIMITS } from './limits.js';
import { pendingOperations } from './nexus/pending-operations.js';
import type { WorkflowLimits } from './limits.js';
import { shownStatus, withPauseInfo } from './runs/pause.js';
import { resetPoints, searchAttributes } from './reset/reset-points.js';
import { after } from './state.js';
import type { WorkflowState } from './state.js';
import { deploymentOf, versioningInfo } from './runs/worker-versions.js';
import { pinnedVersion } from './runs/version-binding.js';
import { withReportedProblems } from './tasks/task-problems.js';
import { transientSuffix } from './tasks/workflow-task-events.js';

export function describe(state: WorkflowState): Init<DescribeWorkflowExecutionResponse> {
  const { run } = state;
  return {
    executionConfig: {
      taskQueue: { name: run.taskQueue, kind: TaskQueueKind.NORMAL },
      workflowExecutionTimeout: run.executionTimeoutMs || undefined,
      workflowRunTimeout: run.runTimeoutMs || undefined,
      defaultWorkflowTaskTimeout: run.taskTimeoutMs,
      userMetadata: run.userMetadata,
    },
    workflowExecutionInfo: executionInfo(state),
    pendingActivities: [...state.activities.values()].filter((activity) => !activity.closing).map(pendingActivity),
    pendingChildren: pendingChildren(state),
    pendingNexusOperations: pendingOperations(state),
    pendingWorkflowTask: pendingWorkflowTask(state),
    callbacks: callbackInfos(state),
    workflowExtendedInfo: {
      executionExpirationTime: moment(run.executionExpiresAtMs),
      runExpirationTime: moment(run.runExpiresAtMs),
      cancelRequested: run.cancelRequested,
      originalStartTime: run.originalStartTimeMs || run.startTimeMs,
      lastResetTime: moment(run.lastResetTimeMs),
      resetRunId: run.resetRunId,
      requestIdInfos: requestIdInfos(run),
      pauseInfo: run.pause && { identity: run.pause.identity, reason: run.pause.reason, pausedTime: run.pause.timeMs },
    },
  };
}

/** Those that were set, and those that the server adds. */
export function shownSearchAttributes(state: WorkflowState): Encoded<SearchAttributes> | undefined {
  return withReportedProblems(state, withPauseInfo(state, searchAttributes(state.run)));
}

/** The row that lists show. */
export function executionInfo(state: WorkflowState): Init<WorkflowExecutionInfo> {
  const { run } = state;
  const execution = { workflowId: run.workflowId, runId: run.runId };
  return {
    execution,
    type: { name: run.workflowType },
    startTime: run.startTimeMs,
    executionTime: run.executionTimeMs,
    closeTime: moment(run.closeTimeMs),
    executionDuration: run.closeTimeMs > 0 ? Math.max(0, run.closeTimeMs - run.executionTimeMs) : undefined,
    status: shownStatus(run),
    historyLength: run.lastEventId,
    mostRecentWorkerVersionStamp: run.workerVersion,
    historySizeBytes: run.historySizeBytes,
    stateTransitionCount: run.transitions,
    taskQueue: run.taskQueue,
    memo: run.memo ?? EMPTY,
    searchAttributes: shownSearchAttributes(state) ?? EMPTY,
    autoResetPoints: resetPoints(run),
    parentNamespaceId: run.parentNamespaceId,
    parentExecution: run.parent,
    rootExecution: run.root ?? execution,
    firstRunId: run.firstExecutionRunId,
    priority: run.priority,
    versioningInfo: versioningInfo(run),
    workerDeploymentName: deploymentOf(run),
    externalPayloadCount: run.externalPayloadCount,
    externalPayloadSizeBytes: run.externalPayloadSizeBytes,
  };
}

/** The requests that this run answers for: its own start, the starts that were attached to it, and its updates. */
function requestIdInfos({ createRequestId, attachedRequests, updateRequests }: RunState): Map<string, Init<RequestIdInfo>> {
  const infos = new Map<string, Init<RequestIdInfo>>();
  if (createRequestId !== '') infos.set(createRequestId, { eventType: EventType.WORKFLOW_EXECUTION_STARTED, eventId: 1 });
  for (const { requestId, eventId } of attachedRequests) {
    infos.set(requestId, { eventType: EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED, eventId, buffered: eventId === 0 });
  }
  for (const { requestId, eventId, eventType } of updateRequests) infos.set(requestId, { eventType, eventId, buffered: eventId === 0 });
  return infos;
}

/** What a query, a history read or a long poll must know about a run. */
export interface RunView {
  readonly workflowId: string;
  readonly runId: string;
  readonly firstExecutionRunId: string;
  readonly createRequestId: string;
  /** The schedule that is told how the chain of runs ends. */
  readonly scheduleWatch: ScheduleWatch | undefined;
  /** Request id of the reset that made this run; empty if none did. */
  readonly resetRequestId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly status: WorkflowExecutionStatus;
  readonly isOpen: boolean;
  /** Open, and making no steps. */
  readonly isPaused: boolean;
  readonly lastEventId: number;
  /** 0 while the run is open. */
  readonly closeEventId: number;
  /** The run that follows this one (retry, continue-as-new); empty if none. */
  readonly successorRunId: string;
  /** Started event id of the last completed workflow task; 0 before the first. Direct queries are possible from then on. */
  readonly previousStartedEventId: number;
  /** The sticky queue, if a worker has the run in its cache. */
  readonly stickyQueue: string | undefined;
  /** The version of a worker deployment to which it is pinned, `deployment:build`. */
  readonly pinnedVersion: string | undefined;
  readonly workflowTask: { readonly started: boolean; readonly attempt: number } | undefined;
  /** True while the first workflow task is delayed. */
  readonly isBackingOff: boolean;
}

export function runView(state: WorkflowState): RunView {
  const { run, workflowTask } = state;
  const pinned = pinnedVersion(run);
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    firstExecutionRunId: run.firstExecutionRunId,
    createRequestId: run.createRequestId,
    scheduleWatch: run.scheduleWatch,
    resetRequestId: run.resetRequestId,
    workflowType: run.workflowType,
    taskQueue: run.taskQueue,
    status: run.status,
    isOpen: state.isOpen,
    isPaused: state.isOpen && run.pause !== undefined,
    lastEventId: run.lastEventId,
    closeEventId: run.closeEventId,
    successorRunId: run.successorRunId,
    previousStartedEventId: run.previousStartedEventId,
    stickyQueue: state.sticky?.name,
    pinnedVersion: pinned && versionText(pinned),
    workflowTask: workflowTask && { started: workflowTask.startedEventId > 0, attempt: workflowTask.attempt },
    isBackingOff: run.firstTaskAtMs > 0,
  };
}

/**
 * The events of a started attempt that are not in the stored history. A worker that reads the history of a run while it holds such an
 * attempt gets them behind the last stored event; other readers do not.
 */
export function historySuffix(state: WorkflowState, limits: WorkflowLimits = DEFAULT_LIMITS): Uint8Array | undefined {
  return transientSuffix(state, limits);
}

function pendingChildren(state: WorkflowState): Init<PendingChildExecutionInfo>[] {
  if (!state.isOpen) return [];
  return [...state.children.values()]
    .filter((child) => !child.closing)
    .map(({ workflowId, runId, workflowType, initiatedEventId, parentClosePolicy }) => ({
      workflowId,
      runId,
      workflowTypeName: workflowType,
      initiatedId: initiatedEventId,
      parentClosePolicy,
    }));
}

function pendingWorkflowTask({ workflowTask: task }: WorkflowState): Init<PendingWorkflowTaskInfo> | undefined {
  if (task === undefined) return undefined;
  return {
    state: task.startedEventId > 0 ? PendingWorkflowTaskState.STARTED : PendingWorkflowTaskState.SCHEDULED,
    scheduledTime: task.scheduledTimeMs,
    originalScheduledTime: task.originalScheduledTimeMs,
    startedTime: moment(task.startedTimeMs),
    attempt: task.attempt,
  };
}

function pendingActivity(activity: ActivityState): Init<PendingActivityInfo> {
  const backingOff = !activity.started && !activity.ready && !activity.paused;
  return {
    activityId: activity.activityId,
    activityType: { name: activity.activityType },
    state: activityState(activity),
    heartbeatDetails: activity.heartbeatDetails,
    lastHeartbeatTime: moment(activity.lastHeartbeatTimeMs),
    lastStartedTime: activity.started ? activity.startedTimeMs : undefined,
    attempt: activity.attempt,
    maximumAttempts: activity.retryPolicy?.maximumAttempts ?? 0,
    scheduledTime: activity.attemptScheduledTimeMs,
    expirationTime: activity.scheduleToCloseTimeoutMs > 0 ? after(activity.scheduledTimeMs, activity.scheduleToCloseTimeoutMs) : undefined,
    lastFailure: activity.lastFailure,
    lastWorkerIdentity: activity.identity,
    lastDeploymentVersion: activity.workerDeploymentVersion,
    lastWorkerDeploymentVersion: activity.workerDeploymentVersion && legacyVersionText(activity.workerDeploymentVersion),
    lastAttemptCompleteTime: moment(activity.lastAttemptCompleteTimeMs),
    nextAttemptScheduleTime: backingOff ? activity.attemptScheduledTimeMs : undefined,
    currentRetryInterval:
      backingOff && activity.lastAttemptCompleteTimeMs > 0 ? activity.attemptScheduledTimeMs - activity.lastAttemptCompleteTimeMs : undefined,
    paused: activity.paused,
    pauseInfo: activity.paused
      ? { pauseTime: activity.pausedAtMs, manual: { identity: activity.pauseIdentity, reason: activity.pauseReason } }
      : undefined,
    priority: activity.priority,
    activityOptions: { ...optionsOf(activity), taskQueue: { name: activity.taskQueue, normalName: activity.taskQueue } },
  };
}

function activityState(activity: ActivityState): PendingActivityState {
  if (activity.cancelRequestedEventId > 0) return PendingActivityState.CANCEL_REQUESTED;
  if (activity.paused) return activity.started ? PendingActivityState.PAUSE_REQUESTED : PendingActivityState.PAUSED;
  return activity.started ? PendingActivityState.STARTED : PendingActivityState.SCHEDULED;
}

function moment(timeMs: number): number | undefined {
  return timeMs > 0 ? timeMs : undefined;
}
