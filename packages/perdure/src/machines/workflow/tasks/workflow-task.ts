/**
 * The workflow task: the one slot through which a run makes progress.
 *
 * none → scheduled → started → completed | failed | timed out. There is at most one. Attempt 1 is written to the history as it goes.
 * Attempts after a failure are *transient*: the history does not grow while a worker fails again and again. Their Scheduled and Started
 * events travel to the worker behind the stored history (the suffix), and are written only if that attempt completes, with the same ids
 * and times. A transient task is only possible while nothing new has happened since the failure: new events make attempt 1 again.
 *
 * Speculative tasks (`speculative-task.ts`) exist to deliver updates, and travel the same way until something comes of them.
 *
 * Debts: while scheduled, a dispatch (and on a sticky queue a deadline); while started, a deadline. Completion has its own file.
 */
import { EventType, TaskQueueKind, TimeoutType, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type {
  Encoded,
  Failure,
  HistoryEvent,
  TransientTaskFailed,
  TransientTaskScheduled,
  TransientTaskStarted,
  WorkerVersionStamp,
  WorkflowTaskState,
 RpcError} from '../../../protocol/index.js';
import type { Poller } from '../../machine.js';
import { flushBuffer, isHeld } from '../buffer.js';
import { FIRST_TASK_BACKOFF, WORKFLOW_TASK } from '../debts.js';
import type { Draft } from '../draft.js';
import type { WorkflowTaskReply, WorkflowTaskTokenParts } from '../inputs.js';
import type { WorkflowLimits } from '../limits.js';
import { notOwed } from '../refusals.js';
import { addResetPoint } from '../reset/reset-points.js';
import { SERVER_IDENTITY, after, eventTime, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { routeWorkflowTask } from '../runs/versioning.js';
import { clearSticky } from './sticky.js';
import { forgetTaskProblems, noteTaskProblem } from './task-problems.js';
import { FAILING_ATTEMPT, abortWaitingUpdates, countAcceptedUpdates, markUpdatesSent, markUpdatesUnsent, updateRequestMessages } from '../updates/updates.js';
import { isUnwritten, scheduledAttributes, startToCloseTimeoutMs, startedAttributes, transientSuffix } from './workflow-task-events.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Schedules a workflow task, unless there is one, the run is closed, or its first task is still to come (`endBackoff` ends that wait). */
export function scheduleWorkflowTask(draft: Draft, endBackoff = false): void {
  const { state, limits } = draft;
  if (!state.isOpen || state.workflowTask !== undefined) return;
  if (state.run.pause !== undefined || (state.run.firstTaskAtMs > 0 && !endBackoff)) return;
  const attempt = state.run.taskAttempt;
  const startToCloseTimeout = startToCloseTimeoutMs(state, attempt, limits);
  if (attempt >= FAILING_ATTEMPT) abortWaitingUpdates(draft);
  if (attempt > 1) draft.emitPrivate({ transientTaskScheduled: { attempt, startToCloseTimeoutMs: startToCloseTimeout } });
  else emitScheduled(draft, attempt, startToCloseTimeout);
}

/** Hands the scheduled task to a poller. The same poll that asks again gets the same answer. */
export function dispatchWorkflowTask(draft: Draft, poller: Poller): WorkflowTaskReply | RpcError {
  const task = draft.state.workflowTask;
  if (task === undefined || (draft.state.run.pause !== undefined && task.startedEventId === 0)) return notOwed();
  if (task.startedEventId > 0 && task.requestId !== poller.requestId) return notOwed();
  if (task.startedEventId === 0) startWorkflowTask(draft, poller.identity, poller.requestId, poller.worker, routeWorkflowTask(draft, poller));
  return workflowTaskReply(draft.state, draft.limits, poller.sticky ? 'sticky' : 'normal');
}

export function startWorkflowTask(draft: Draft, identity: string, requestId: string, workerVersion?: WorkerVersionStamp, targetVersionChanged = false): void {
  const { state, limits } = draft;
  const task = must(state.workflowTask, 'workflow task');
  if (isUnwritten(task) && task.scheduledEventId === state.nextEventId) {
    draft.emitPrivate({ transientTaskStarted: { identity, requestId, workerVersion, targetVersionChanged } });
    return;
  }
  // Something happened since the failure: this is a first attempt again.
  if (task.transient) emitScheduled(draft, 1, startToCloseTimeoutMs(state, 1, limits));
  const scheduledEventId = must(state.workflowTask, 'workflow task').scheduledEventId;
  const { historySizeBytes } = state.run;
  const started = { scheduledEventId, startedEventId: state.nextEventId, identity, requestId, historySizeBytes, workerVersion, targetVersionChanged };
  draft.emit(EventType.WORKFLOW_TASK_STARTED, { workflowTaskStartedEventAttributes: startedAttributes(started, countAcceptedUpdates(state), limits) });
}

export interface TaskFailure {
  readonly cause: WorkflowTaskFailedCause;
  readonly failure?: Encoded<Failure> | undefined;
  readonly identity: string;
  readonly binaryChecksum?: string | undefined;
}

/** Ends the started task as failed and writes what waited for its end. The caller schedules the next one, or closes the run. */
export function failStartedTask(draft: Draft, failed: TaskFailure): void {
  const task = must(draft.state.workflowTask, 'workflow task');
  if (task.transient) {
    draft.emitPrivate({ transientTaskFailed: { closeAttempted: failed.cause === WorkflowTaskFailedCause.UNHANDLED_COMMAND } });
  } else {
    draft.emit(EventType.WORKFLOW_TASK_FAILED, {
      workflowTaskFailedEventAttributes: {
        scheduledEventId: task.scheduledEventId,
        startedEventId: task.startedEventId,
        cause: failed.cause,
        failure: failed.failure,
        identity: failed.identity,
        baseRunId: '',
        newRunId: '',
        forkEventVersion: 0,
        binaryChecksum: failed.binaryChecksum ?? '',
        workerVersion: undefined,
      },
    });
  }
  flushBuffer(draft);
}

/** Whatever a server-made close must do first: a worker that holds a task has lost it, and nothing that arrived is dropped. */
export function abandonStartedTask(draft: Draft): void {
  if (isHeld(draft.state)) failStartedTask(draft, { cause: WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND, identity: SERVER_IDENTITY });
}

/** The deadline of the task has come: schedule-to-start on a sticky queue, else start-to-close. */
export function timeOutWorkflowTask(draft: Draft): void {
  const task = draft.state.workflowTask;
  if (task === undefined || task.expiresAtMs === 0 || task.expiresAtMs > draft.now) return;
  const started = task.startedEventId > 0;
  // Nobody came to the sticky queue: nothing has happened that the history should show.
  if (task.speculative && !started) return clearSticky(draft);
  if (task.transient) {
    draft.emitPrivate({ transientTaskFailed: { closeAttempted: false } });
  } else {
    draft.emit(EventType.WORKFLOW_TASK_TIMED_OUT, {
      workflowTaskTimedOutEventAttributes: {
        scheduledEventId: task.scheduledEventId,
        startedEventId: task.startedEventId,
        timeoutType: started ? TimeoutType.START_TO_CLOSE : TimeoutType.SCHEDULE_TO_START,
      },
    });
  }
  flushBuffer(draft);
  scheduleWorkflowTask(draft);
}

/** The first workflow task was delayed, and its time has come. */
export function endFirstTaskBackoff(draft: Draft): void {
  const { firstTaskAtMs } = draft.state.run;
  if (firstTaskAtMs > 0 && firstTaskAtMs <= draft.now) scheduleWorkflowTask(draft, true);
}

/** Is this the task that a worker holds? */
export function isStarted(state: WorkflowState, token: WorkflowTaskTokenParts): boolean {
  const task = state.workflowTask;
  return (
    state.isOpen &&
    task !== undefined &&
    task.startedEventId > 0 &&
    task.startedEventId === token.startedEventId &&
    task.scheduledEventId === token.scheduledEventId &&
    task.attempt === token.attempt &&
    task.stamp === token.stamp
  );
}

// ── views ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The started task as a worker gets it. `sticky`: the worker may have the run in its cache. `inline`: it has just completed the task
 * before, so it has the history up to there in its hands.
 */
export function workflowTaskReply(state: WorkflowState, limits: WorkflowLimits, way: 'normal' | 'sticky' | 'inline'): WorkflowTaskReply {
  const task = must(state.workflowTask, 'workflow task');
  const { run } = state;
  const known = way === 'inline' || (way === 'sticky' && task.sticky);
  const partial = known && !task.transient && run.previousStartedEventId > 0;
  const unwritten = isUnwritten(task);
  return {
    kind: 'workflow-task',
    token: { scheduledEventId: task.scheduledEventId, startedEventId: task.startedEventId, attempt: task.attempt, stamp: task.stamp },
    workflowId: run.workflowId,
    runId: run.runId,
    workflowType: run.workflowType,
    taskQueue: run.taskQueue,
    attempt: task.attempt,
    previousStartedEventId: run.previousStartedEventId,
    startedEventId: task.startedEventId,
    historyFrom: partial ? run.previousStartedEventId + 1 : 1,
    historyTo: unwritten ? task.scheduledEventId - 1 : task.startedEventId,
    transientSuffix: transientSuffix(state, limits),
    messages: state.updates.size === 0 ? [] : updateRequestMessages(state, task, !partial),
    sticky: partial,
    scheduledTime: task.scheduledTimeMs,
    startedTime: task.startedTimeMs,
  };
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyScheduled(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.workflowTaskScheduledEventAttributes, 'attributes');
  const scheduledTimeMs = event.eventTime ?? 0;
  // An attempt that a worker holds is written only now: it stays the same attempt.
  const stamp = state.workflowTask !== undefined && state.workflowTask.startedEventId > 0 ? state.workflowTask.stamp : 0;
  const sticky = attributes.taskQueue?.kind === TaskQueueKind.STICKY;
  if (state.run.firstTaskAtMs > 0) {
    state.run.firstTaskAtMs = 0;
    applying.touch(FIRST_TASK_BACKOFF);
  }
  state.run.taskAttempt = attributes.attempt;
  state.workflowTask = {
    ...unstarted(event.eventId, attributes.attempt, attributes.startToCloseTimeout ?? 0),
    sticky,
    stamp,
    scheduledTimeMs,
    originalScheduledTimeMs: state.run.heartbeatChainSinceMs || scheduledTimeMs,
    expiresAtMs: sticky ? stickyDeadline(state, applying.now) : 0,
  };
  applying.touch(WORKFLOW_TASK);
}

export function applyTransientScheduled(state: WorkflowState, scheduled: TransientTaskScheduled, applying: Applying): void {
  const scheduledTimeMs = eventTime(state, applying.now);
  state.workflowTask = {
    ...unstarted(state.nextEventId, scheduled.attempt, scheduled.startToCloseTimeoutMs),
    transient: true,
    scheduledTimeMs,
    originalScheduledTimeMs: state.run.heartbeatChainSinceMs || scheduledTimeMs,
  };
  applying.touch(WORKFLOW_TASK);
}

export function applyTaskStarted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.workflowTaskStartedEventAttributes, 'attributes');
  markStarted(state, event.eventId, attributes.identity, attributes.requestId, event.eventTime ?? 0, applying);
  const task = must(state.workflowTask, 'workflow task');
  task.historySizeBytes = attributes.historySizeBytes;
  task.workerVersion = attributes.workerVersion;
  task.targetVersionChanged = attributes.targetWorkerDeploymentVersionChanged;
}

export function applyTransientStarted(state: WorkflowState, started: TransientTaskStarted, applying: Applying): void {
  markStarted(state, state.nextEventId + 1, started.identity, started.requestId, eventTime(state, applying.now), applying);
  const task = must(state.workflowTask, 'workflow task');
  task.historySizeBytes = state.run.historySizeBytes;
  task.workerVersion = started.workerVersion;
  task.targetVersionChanged = started.targetVersionChanged;
}

export function applyCompleted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { startedEventId, workerVersion } = must(event.workflowTaskCompletedEventAttributes, 'attributes');
  state.run.previousStartedEventId = startedEventId;
  if (workerVersion !== undefined) state.run.workerVersion = workerVersion;
  state.run.taskAttempt = 1;
  state.run.heartbeatChainSinceMs = 0;
  state.run.closeAttempted = false;
  forgetTaskProblems(state);
  addResetPoint(state, event);
  state.workflowTask = undefined;
  applying.touch(WORKFLOW_TASK);
}

export function applyFailed(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { cause } = must(event.workflowTaskFailedEventAttributes, 'attributes');
  markFailed(state, cause === WorkflowTaskFailedCause.UNHANDLED_COMMAND, applying);
  noteTaskProblem(state, { cause });
  if (cause === WorkflowTaskFailedCause.RESET_WORKFLOW) state.run.taskAttempt = 1;
}

export function applyTransientFailed(state: WorkflowState, failed: TransientTaskFailed, applying: Applying): void {
  markFailed(state, failed.closeAttempted, applying);
  noteTaskProblem(state);
}

export function applyTimedOut(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { timeoutType } = must(event.workflowTaskTimedOutEventAttributes, 'attributes');
  const attempt = must(state.workflowTask, 'workflow task').attempt;
  markFailed(state, false, applying);
  if (timeoutType === TimeoutType.SCHEDULE_TO_START) state.run.taskAttempt = attempt;
  else noteTaskProblem(state, { timeoutType });
}

/** 0: a sticky queue without a timeout is waited for until its poller is known to be gone. */
export function stickyDeadline({ sticky }: WorkflowState, now: number): number {
  return sticky !== undefined && sticky.scheduleToStartTimeoutMs > 0 ? after(now, sticky.scheduleToStartTimeoutMs) : 0;
}

export function unstarted(scheduledEventId: number, attempt: number, startToCloseMs: number): WorkflowTaskState {
  return {
    scheduledEventId,
    startedEventId: 0,
    attempt,
    transient: false,
    speculative: false,
    sticky: false,
    scheduledTimeMs: 0,
    originalScheduledTimeMs: 0,
    startedTimeMs: 0,
    startToCloseTimeoutMs: startToCloseMs,
    expiresAtMs: 0,
    identity: '',
    requestId: '',
    stamp: 0,
    historySizeBytes: 0,
    workerVersion: undefined,
    targetVersionChanged: false,
  };
}

function markStarted(
  state: WorkflowState,
  startedEventId: number,
  identity: string,
  requestId: string,
  startedTimeMs: number,
  applying: Applying,
): void {
  const task = must(state.workflowTask, 'workflow task');
  task.startedEventId = startedEventId;
  task.identity = identity;
  task.requestId = requestId;
  task.startedTimeMs = startedTimeMs;
  task.expiresAtMs = after(applying.now, task.startToCloseTimeoutMs);
  if (task.stamp === 0) {
    task.stamp = ++state.run.taskStarts;
    markUpdatesSent(state, task.stamp);
  }
  applying.touch(WORKFLOW_TASK);
}

/** A failure on a sticky queue may be the worker's cache: the next task goes to any worker, as a first attempt. */
function markFailed(state: WorkflowState, closeAttempted: boolean, applying: Applying): void {
  const task = must(state.workflowTask, 'workflow task');
  state.run.taskAttempt = state.sticky === undefined ? task.attempt + 1 : 1;
  state.run.closeAttempted ||= closeAttempted;
  state.sticky = undefined;
  state.workflowTask = undefined;
  markUpdatesUnsent(state);
  applying.touch(WORKFLOW_TASK);
}

function emitScheduled(draft: Draft, attempt: number, startToCloseTimeout: number): void {
  draft.emit(EventType.WORKFLOW_TASK_SCHEDULED, scheduledAttributes(draft.state, attempt, startToCloseTimeout));
}
