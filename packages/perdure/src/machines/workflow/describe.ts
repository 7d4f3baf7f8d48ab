/** What readers see of a run: Describe, lists, queries, whoever ships history. Plain data; nothing is changed. */
import { EMPTY, PendingActivityState, PendingWorkflowTaskState, TaskQueueKind } from '../../protocol/index.js';
import type {
  ActivityState,
  DescribeWorkflowExecutionResponse,
  Init,
  PendingActivityInfo,
  PendingWorkflowTaskInfo,
  WorkflowExecutionInfo,
  WorkflowExecutionStatus,
} from '../../protocol/index.js';
import { DEFAULT_LIMITS } from './limits.js';
import type { WorkflowLimits } from './limits.js';
import { after } from './state.js';
import type { WorkflowState } from './state.js';
import { transientSuffix } from './workflow-task.js';

export function describe(state: WorkflowState): Init<DescribeWorkflowExecutionResponse> {
  const { run } = state;
  return {
    executionConfig: {
      taskQueue: { name: run.taskQueue, kind: TaskQueueKind.NORMAL },
      workflowExecutionTimeout: run.executionTimeoutMs,
      workflowRunTimeout: run.runTimeoutMs,
      defaultWorkflowTaskTimeout: run.taskTimeoutMs,
      userMetadata: run.userMetadata,
    },
    workflowExecutionInfo: executionInfo(state),
    pendingActivities: [...state.activities.values()].filter((activity) => !activity.closing).map(pendingActivity),
    pendingWorkflowTask: pendingWorkflowTask(state),
    workflowExtendedInfo: {
      executionExpirationTime: moment(run.executionExpiresAtMs),
      runExpirationTime: moment(run.runExpiresAtMs),
      cancelRequested: run.cancelRequested,
      originalStartTime: run.startTimeMs,
    },
  };
}

/** The row that lists show. */
export function executionInfo({ run }: WorkflowState): Init<WorkflowExecutionInfo> {
  const execution = { workflowId: run.workflowId, runId: run.runId };
  return {
    execution,
    type: { name: run.workflowType },
    startTime: run.startTimeMs,
    executionTime: run.executionTimeMs,
    closeTime: moment(run.closeTimeMs),
    executionDuration: run.closeTimeMs > 0 ? Math.max(0, run.closeTimeMs - run.executionTimeMs) : undefined,
    status: run.status,
    historyLength: run.lastEventId,
    historySizeBytes: run.historySizeBytes,
    stateTransitionCount: run.transitions,
    taskQueue: run.taskQueue,
    memo: run.memo ?? EMPTY,
    searchAttributes: run.searchAttributes ?? EMPTY,
    parentNamespaceId: run.parentNamespaceId,
    parentExecution: run.parent,
    rootExecution: run.root ?? execution,
    firstRunId: run.firstExecutionRunId,
    priority: run.priority,
  };
}

/** What a query, a history read or a long poll must know about a run. */
export interface RunView {
  readonly workflowId: string;
  readonly runId: string;
  readonly firstExecutionRunId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly status: WorkflowExecutionStatus;
  readonly isOpen: boolean;
  readonly lastEventId: number;
  /** 0 while the run is open. */
  readonly closeEventId: number;
  /** The run that follows this one (retry, continue-as-new); empty if none. */
  readonly successorRunId: string;
  /** Started event id of the last completed workflow task; 0 before the first. Direct queries are possible from then on. */
  readonly previousStartedEventId: number;
  /** The sticky queue, if a worker has the run in its cache. */
  readonly stickyQueue: string | undefined;
  readonly workflowTask: { readonly started: boolean; readonly attempt: number } | undefined;
  /** True while the first workflow task is delayed. */
  readonly isBackingOff: boolean;
}

export function runView(state: WorkflowState): RunView {
  const { run, workflowTask } = state;
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    firstExecutionRunId: run.firstExecutionRunId,
    workflowType: run.workflowType,
    taskQueue: run.taskQueue,
    status: run.status,
    isOpen: state.isOpen,
    lastEventId: run.lastEventId,
    closeEventId: run.closeEventId,
    successorRunId: run.successorRunId,
    previousStartedEventId: run.previousStartedEventId,
    stickyQueue: state.sticky?.name,
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
  const backingOff = !activity.started && !activity.ready;
  return {
    activityId: activity.activityId,
    activityType: { name: activity.activityType },
    state: activityState(activity),
    heartbeatDetails: activity.heartbeatDetails,
    lastHeartbeatTime: moment(activity.lastHeartbeatTimeMs),
    lastStartedTime: moment(activity.startedTimeMs),
    attempt: activity.attempt,
    maximumAttempts: activity.retryPolicy?.maximumAttempts ?? 0,
    scheduledTime: activity.attemptScheduledTimeMs,
    expirationTime: activity.scheduleToCloseTimeoutMs > 0 ? after(activity.scheduledTimeMs, activity.scheduleToCloseTimeoutMs) : undefined,
    lastFailure: activity.lastFailure,
    lastWorkerIdentity: activity.identity,
    lastAttemptCompleteTime: moment(activity.lastAttemptCompleteTimeMs),
    nextAttemptScheduleTime: backingOff ? activity.attemptScheduledTimeMs : undefined,
    currentRetryInterval: backingOff ? activity.attemptScheduledTimeMs - activity.lastAttemptCompleteTimeMs : undefined,
    priority: activity.priority,
    activityOptions: {
      taskQueue: { name: activity.taskQueue, kind: TaskQueueKind.NORMAL },
      scheduleToCloseTimeout: activity.scheduleToCloseTimeoutMs,
      scheduleToStartTimeout: activity.scheduleToStartTimeoutMs,
      startToCloseTimeout: activity.startToCloseTimeoutMs,
      heartbeatTimeout: activity.heartbeatTimeoutMs,
      retryPolicy: activity.retryPolicy,
    },
  };
}

function activityState(activity: ActivityState): PendingActivityState {
  if (activity.cancelRequestedEventId > 0) return PendingActivityState.CANCEL_REQUESTED;
  return activity.started ? PendingActivityState.STARTED : PendingActivityState.SCHEDULED;
}

function moment(timeMs: number): number | undefined {
  return timeMs > 0 ? timeMs : undefined;
}
