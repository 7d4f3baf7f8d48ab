/**
 * The workflow task: the one slot through which a run makes progress.
 *
 * none → scheduled → started → completed | failed | timed out. There is at most one. Attempt 1 is written to the history as it goes.
 * Attempts after a failure are *transient*: the history does not grow while a worker fails again and again. Their Scheduled and Started
 * events travel to the worker behind the stored history (the suffix), and are written only if that attempt completes, with the same ids
 * and times. A transient task is only possible while nothing new has happened since the failure: new events make attempt 1 again.
 *
 * Debts: while scheduled, a dispatch (and on a sticky queue a deadline); while started, a deadline. Completion has its own file.
 */
import { EventType, History, TaskQueueKind, TimeoutType, WorkflowTaskFailedCause } from '../../protocol/index.js';
import type {
  Encoded,
  Failure,
  HistoryEvent,
  TransientTaskFailed,
  TransientTaskScheduled,
  TransientTaskStarted,
  WorkerVersionStamp,
  WorkflowTaskStartedEventAttributes,
  WorkflowTaskState,
 RpcError} from '../../protocol/index.js';
import { SuggestContinueAsNewReason } from '../../protocol/index.js';
import type { Poller } from '../machine.js';
import { flushBuffer, isHeld } from './buffer.js';
import { FIRST_TASK_BACKOFF, WORKFLOW_TASK } from './debts.js';
import type { Draft } from './draft.js';
import type { WorkflowTaskReply, WorkflowTaskTokenParts } from './inputs.js';
import type { WorkflowLimits } from './limits.js';
import { notOwed } from './refusals.js';
import { SERVER_IDENTITY, after, eventTime, must } from './state.js';
import type { Applying, WorkflowState } from './state.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Schedules a workflow task, unless there is one, the run is closed, or its first task is still to come (`endBackoff` ends that wait). */
export function scheduleWorkflowTask(draft: Draft, endBackoff = false): void {
  const { state, limits } = draft;
  if (!state.isOpen || state.workflowTask !== undefined) return;
  if (state.run.firstTaskAtMs > 0 && !endBackoff) return;
  const attempt = state.run.taskAttempt;
  const startToCloseTimeout = startToCloseTimeoutMs(state, attempt, limits);
  if (attempt > 1) draft.emitPrivate({ transientTaskScheduled: { attempt, startToCloseTimeoutMs: startToCloseTimeout } });
  else emitScheduled(draft, attempt, startToCloseTimeout);
}

/** Hands the scheduled task to a poller. The same poll that asks again gets the same answer. */
export function dispatchWorkflowTask(draft: Draft, poller: Poller): WorkflowTaskReply | RpcError {
  const task = draft.state.workflowTask;
  if (task === undefined) return notOwed();
  if (task.startedEventId > 0 && task.requestId !== poller.requestId) return notOwed();
  if (task.startedEventId === 0) startWorkflowTask(draft, poller.identity, poller.requestId);
  return workflowTaskReply(draft.state, draft.limits, poller.sticky ? 'sticky' : 'normal');
}

export function startWorkflowTask(draft: Draft, identity: string, requestId: string): void {
  const { state, limits } = draft;
  const task = must(state.workflowTask, 'workflow task');
  if (task.transient && task.scheduledEventId === state.nextEventId) {
    draft.emitPrivate({ transientTaskStarted: { identity, requestId } });
    return;
  }
  // Something happened since the failure: this is a first attempt again.
  if (task.transient) emitScheduled(draft, 1, startToCloseTimeoutMs(state, 1, limits));
  const scheduledEventId = must(state.workflowTask, 'workflow task').scheduledEventId;
  const started = { scheduledEventId, startedEventId: state.nextEventId, identity, requestId, historySizeBytes: state.run.historySizeBytes };
  draft.emit(EventType.WORKFLOW_TASK_STARTED, { workflowTaskStartedEventAttributes: startedAttributes(started, limits) });
}

export interface TaskFailure {
  readonly cause: WorkflowTaskFailedCause;
  readonly failure?: Encoded<Failure> | undefined;
  readonly identity: string;
  readonly binaryChecksum?: string | undefined;
  readonly workerVersion?: WorkerVersionStamp | undefined;
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
        workerVersion: failed.workerVersion,
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

/** Writes the events of a transient attempt that completes, as the worker saw them. */
export function writeTransientTask(draft: Draft, task: WorkflowTaskState): void {
  for (const event of transientEvents(draft.state, task, draft.limits)) draft.emitEvent(event);
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
    historyTo: task.transient ? task.scheduledEventId - 1 : task.startedEventId,
    transientSuffix: transientSuffix(state, limits),
    sticky: partial,
    scheduledTime: task.scheduledTimeMs,
    startedTime: task.startedTimeMs,
  };
}

/**
 * The events of a started transient attempt, encoded like a history batch. Whoever ships history to a worker while that attempt is
 * started appends them, so that the history reaches the started event id.
 */
export function transientSuffix(state: WorkflowState, limits: WorkflowLimits): Uint8Array | undefined {
  const task = state.workflowTask;
  if (task === undefined || !task.transient || task.startedEventId === 0) return undefined;
  return History.encode({ events: transientEvents(state, task, limits) });
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyScheduled(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.workflowTaskScheduledEventAttributes, 'attributes');
  const scheduledTimeMs = event.eventTime ?? 0;
  const sticky = attributes.taskQueue?.kind === TaskQueueKind.STICKY;
  if (state.run.firstTaskAtMs > 0) {
    state.run.firstTaskAtMs = 0;
    applying.touch(FIRST_TASK_BACKOFF);
  }
  state.run.taskAttempt = attributes.attempt;
  state.workflowTask = {
    ...unstarted(event.eventId, attributes.attempt, attributes.startToCloseTimeout ?? 0),
    sticky,
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
  must(state.workflowTask, 'workflow task').historySizeBytes = attributes.historySizeBytes;
}

export function applyTransientStarted(state: WorkflowState, started: TransientTaskStarted, applying: Applying): void {
  markStarted(state, state.nextEventId + 1, started.identity, started.requestId, eventTime(state, applying.now), applying);
  must(state.workflowTask, 'workflow task').historySizeBytes = state.run.historySizeBytes;
}

export function applyCompleted(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  state.run.previousStartedEventId = must(event.workflowTaskCompletedEventAttributes, 'attributes').startedEventId;
  state.run.taskAttempt = 1;
  state.run.heartbeatChainSinceMs = 0;
  state.run.closeAttempted = false;
  state.workflowTask = undefined;
  applying.touch(WORKFLOW_TASK);
}

export function applyFailed(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { cause } = must(event.workflowTaskFailedEventAttributes, 'attributes');
  markFailed(state, cause === WorkflowTaskFailedCause.UNHANDLED_COMMAND, applying);
}

export function applyTransientFailed(state: WorkflowState, failed: TransientTaskFailed, applying: Applying): void {
  markFailed(state, failed.closeAttempted, applying);
}

export function applyTimedOut(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { timeoutType } = must(event.workflowTaskTimedOutEventAttributes, 'attributes');
  const attempt = must(state.workflowTask, 'workflow task').attempt;
  markFailed(state, false, applying);
  if (timeoutType === TimeoutType.SCHEDULE_TO_START) state.run.taskAttempt = attempt;
}

/** 0: a sticky queue without a timeout is waited for until its poller is known to be gone. */
function stickyDeadline({ sticky }: WorkflowState, now: number): number {
  return sticky !== undefined && sticky.scheduleToStartTimeoutMs > 0 ? after(now, sticky.scheduleToStartTimeoutMs) : 0;
}

function unstarted(scheduledEventId: number, attempt: number, startToCloseMs: number): WorkflowTaskState {
  return {
    scheduledEventId,
    startedEventId: 0,
    attempt,
    transient: false,
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
  task.stamp = ++state.run.taskStarts;
  applying.touch(WORKFLOW_TASK);
}

/** A failure on a sticky queue may be the worker's cache: the next task goes to any worker, as a first attempt. */
function markFailed(state: WorkflowState, closeAttempted: boolean, applying: Applying): void {
  const task = must(state.workflowTask, 'workflow task');
  state.run.taskAttempt = state.sticky === undefined ? task.attempt + 1 : 1;
  state.run.closeAttempted ||= closeAttempted;
  state.sticky = undefined;
  state.workflowTask = undefined;
  applying.touch(WORKFLOW_TASK);
}

function emitScheduled(draft: Draft, attempt: number, startToCloseTimeout: number): void {
  draft.emit(EventType.WORKFLOW_TASK_SCHEDULED, {
    workflowTaskScheduledEventAttributes: { taskQueue: taskQueue(draft.state), startToCloseTimeout, attempt },
  });
}

function taskQueue({ sticky, run }: WorkflowState): { name: string; kind: TaskQueueKind; normalName: string } {
  return sticky === undefined
    ? { name: run.taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' }
    : { name: sticky.name, kind: TaskQueueKind.STICKY, normalName: run.taskQueue };
}

function transientEvents(state: WorkflowState, task: WorkflowTaskState, limits: WorkflowLimits): HistoryEvent[] {
  const header = { version: 0, workerMayIgnore: false, links: [], eventGroupMarkers: [] };
  const queue = { name: state.run.taskQueue, kind: TaskQueueKind.NORMAL, normalName: '' };
  return [
    {
      ...header,
      eventId: task.scheduledEventId,
      taskId: task.scheduledEventId,
      eventTime: task.scheduledTimeMs,
      eventType: EventType.WORKFLOW_TASK_SCHEDULED,
      workflowTaskScheduledEventAttributes: { taskQueue: queue, startToCloseTimeout: task.startToCloseTimeoutMs, attempt: task.attempt },
    },
    {
      ...header,
      eventId: task.startedEventId,
      taskId: task.startedEventId,
      eventTime: task.startedTimeMs,
      eventType: EventType.WORKFLOW_TASK_STARTED,
      workflowTaskStartedEventAttributes: startedAttributes(task, limits),
    },
  ];
}

function startedAttributes(
  task: Pick<WorkflowTaskState, 'scheduledEventId' | 'startedEventId' | 'identity' | 'requestId' | 'historySizeBytes'>,
  limits: WorkflowLimits,
): WorkflowTaskStartedEventAttributes {
  const reasons: SuggestContinueAsNewReason[] = [];
  if (task.historySizeBytes >= limits.suggestContinueAsNewSizeBytes) reasons.push(SuggestContinueAsNewReason.HISTORY_SIZE_TOO_LARGE);
  if (task.startedEventId > limits.suggestContinueAsNewEvents) reasons.push(SuggestContinueAsNewReason.TOO_MANY_HISTORY_EVENTS);
  return {
    scheduledEventId: task.scheduledEventId,
    identity: task.identity,
    requestId: task.requestId,
    suggestContinueAsNew: reasons.length > 0,
    historySizeBytes: task.historySizeBytes,
    buildIdRedirectCounter: 0,
    suggestContinueAsNewReasons: reasons,
    targetWorkerDeploymentVersionChanged: false,
  };
}

/** Attempts that keep failing get longer and longer: a worker that stays silent thereby backs off. */
function startToCloseTimeoutMs({ run }: WorkflowState, attempt: number, limits: WorkflowLimits): number {
  if (attempt < limits.workflowTaskBackoffFromAttempt) return run.taskTimeoutMs;
  const exponent = Math.min(attempt - limits.workflowTaskBackoffFromAttempt, 30);
  return run.taskTimeoutMs + Math.min(limits.workflowTaskBackoffInitialMs * 2 ** exponent, limits.workflowTaskBackoffMaximumMs);
}
