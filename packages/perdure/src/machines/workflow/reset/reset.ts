/**
 * Reset: a new run of the same workflow id that begins with a part of the history of an earlier one, the base.
 *
 * One commit ends the current run (which may be the base, a later run of its chain, or another one altogether) and begins the new one:
 * the copied events, the workflow task at their end failed with RESET_WORKFLOW, what came to the chain later told again (`reapply`), and a
 * new workflow task. A worker that replays sees a workflow task that failed, and decides anew.
 *
 * What is pending at the reset point stays pending. Activities begin at attempt 1, now: how far their attempts were is not in the history.
 * Timers keep the moment at which they were to fire. Children stay: the run that was ended by a reset (`resetRunId`) neither applies a
 * parent close policy nor tells its parent, and who reports to it is sent on to the new run. The random seed
 * (`originalExecutionRunId`) is the base's.
 */
import { EventType, Failure, RetryState, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { HistoryEvent, ResetBy, RpcError, RunReset } from '../../../protocol/index.js';
import { activityKey, debtKeys } from '../debts.js';
import type { Draft } from '../draft.js';
import type { DoneReply, StartReply } from '../inputs.js';
import type { ContinueForkInput, ResetByInput, ResetInput } from './reset-inputs.js';
import { RESET_NOTICE } from '../messages/reset-notice.js';
import { operationsProblem, performOperations } from './reset-operations.js';
import { reapply, wants } from './reset-reapply.js';
import type { ReappliedEvent } from './reset-reapply.js';
import { runExpiry } from '../runs/start.js';
import { SERVER_IDENTITY, after, must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { forgetTaskProblems } from '../tasks/task-problems.js';
import { terminateRun } from '../runs/terminate.js';
import { leftUpdates, oweLeftUpdates, settleForkedCallbacks } from '../updates/update-callbacks.js';
import { scheduleWorkflowTask, startWorkflowTask } from '../tasks/workflow-task.js';

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Who ends the run that was current. Clients know this name. */
const RESETTER_IDENTITY = 'history-resetter';
/** Stands in the Started event of a task that no worker has seen. */
const NO_REQUEST_ID = 'emptyUuid';

/** Decided by the run that is current. */
export function reset(draft: Draft, input: ResetInput): StartReply | RpcError {
  const { state } = draft;
  if (state.run.resetRequestId === input.requestId) return resetReply(state);
  const problem = operationsProblem(state, input.operations);
  if (problem !== undefined) return problem;
  const isBase = state.run.runId === input.baseRunId;
  const before = draft.written.length;
  if (isBase || (state.isOpen && isOfChain(state, input))) {
    draft.emitPrivate({ resetBy: { runId: input.fork.runId, leftUpdateIds: leftUpdates(state, input.fork.state, input.reapply, isBase) } });
  }
  if (state.isOpen) terminateRun(draft, { reason: input.reason, identity: RESETTER_IDENTITY });
  const late = ownEvents(draft.written.slice(before), input, isBase);
  const next: ContinueForkInput = { ...input, type: 'continue-fork', reapply: [...input.reapply, ...late], tellBase: !isBase };
  draft.successor = { machine: input.fork.runId, input: next, answers: true };
  return resetReply(state);
}

/** Another chain with the same workflow id is merely terminated: the new run does not go on with it, so its parent and its callbacks hear of the end. */
function isOfChain({ run }: WorkflowState, { fork }: ResetInput): boolean {
  return run.firstExecutionRunId === fork.state.run.firstExecutionRunId;
}

/** What waited in the buffer of the current run, and got its place in the history just now. */
function ownEvents(written: readonly HistoryEvent[], { ownKinds }: ResetInput, isBase: boolean): ReappliedEvent[] {
  if (ownKinds === undefined) return [];
  return written.flatMap((event) => (wants(ownKinds, event.eventType, isBase) ? [{ event, isBase }] : []));
}

/** Decided by the new run, on the state that the copied events add up to. */
export function continueFork(draft: Draft, input: ContinueForkInput): StartReply {
  const { state } = draft;
  const { requestId, reason, baseRunId, fork, tellBase } = input;
  draft.emitPrivate({ runReset: { requestId, baseRunId, tellBase } });
  failForkedTask(draft, reason, baseRunId, fork.runId);
  failStartedActivities(draft, reason);
  for (const event of input.reapply) reapply(draft, event);
  performOperations(draft, input.operations, input.identity);
  scheduleWorkflowTask(draft);
  return resetReply(state);
}

function failForkedTask(draft: Draft, reason: string, baseRunId: string, newRunId: string): void {
  const { state } = draft;
  if (must(state.workflowTask, 'workflow task').startedEventId === 0) startWorkflowTask(draft, SERVER_IDENTITY, NO_REQUEST_ID);
  const { scheduledEventId, startedEventId } = must(state.workflowTask, 'workflow task');
  draft.emit(EventType.WORKFLOW_TASK_FAILED, {
    workflowTaskFailedEventAttributes: {
      scheduledEventId,
      startedEventId,
      cause: WorkflowTaskFailedCause.RESET_WORKFLOW,
      failure: Failure.encode({ message: reason, resetWorkflowFailureInfo: {} }),
      identity: SERVER_IDENTITY,
      baseRunId,
      newRunId,
      forkEventVersion: 0,
      binaryChecksum: '',
    },
  });
}

/**
 * An activity whose Started event is in the copied history, without its end: it cannot begin again under the same events. This server
 * writes both at once, so it only happens to histories of others.
 */
function failStartedActivities(draft: Draft, reason: string): void {
  for (const { scheduledEventId, startedEventId, identity } of [...draft.state.activities.values()]) {
    if (startedEventId === 0) continue;
    draft.emit(EventType.ACTIVITY_TASK_FAILED, {
      activityTaskFailedEventAttributes: {
        scheduledEventId,
        startedEventId,
        failure: Failure.encode({ message: reason, resetWorkflowFailureInfo: {} }),
        identity,
        retryState: RetryState.NON_RETRYABLE_FAILURE,
      },
    });
  }
}

/** The base was not the run that was current: it hears of the reset from the run that was made. */
export function noteReset(draft: Draft, { runId }: ResetByInput): DoneReply {
  if (draft.state.run.resetRunId !== runId) draft.emitPrivate({ resetBy: { runId, leftUpdateIds: [] } });
  return { kind: 'done' };
}

/** The base has answered, or does not exist any more. */
export function baseAnswered(draft: Draft): void {
  if (draft.state.run.untoldBaseRunId !== '') draft.emitPrivate({ baseTold: {} });
}

function resetReply({ run }: WorkflowState): StartReply {
  return { kind: 'started', runId: run.runId, firstExecutionRunId: run.firstExecutionRunId, started: true, status: run.status };
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function applyHistoryForked({ run }: WorkflowState): void {
  run.forking = true;
}

/** What the copied events do not say: nothing that belonged to the base's workers and attempts holds for this run. */
export function applyRunReset(state: WorkflowState, { requestId, baseRunId, tellBase }: RunReset, applying: Applying): void {
  const { run } = state;
  const { now } = applying;
  run.forking = false;
  run.originalStartTimeMs = run.startTimeMs;
  run.lastResetTimeMs = now;
  run.startTimeMs = now;
  run.executionTimeMs = now;
  run.executionExpiresAtMs = run.executionTimeoutMs > 0 ? after(now, run.executionTimeoutMs) : 0;
  run.runExpiresAtMs = runExpiry(run.executionExpiresAtMs, run.runTimeoutMs, now);
  run.resetRequestId = requestId;
  run.untoldBaseRunId = tellBase ? baseRunId : '';
  run.closeAttempted = false;
  run.heartbeatChainSinceMs = 0;
  forgetTaskProblems(state);
  settleForkedCallbacks(state);
  state.sticky = undefined;
  for (const activity of state.activities.values()) {
    activity.originalScheduledTimeMs ||= activity.scheduledTimeMs;
    activity.scheduledTimeMs = now;
    activity.attemptScheduledTimeMs = now;
    applying.touch(activityKey(activity.scheduledEventId));
  }
  for (const child of state.children.values()) child.inherited = true;
  // Nothing of this run was owed before.
  for (const key of debtKeys(state)) applying.touch(key);
}

export function applyResetBy(state: WorkflowState, { runId, leftUpdateIds }: ResetBy, applying: Applying): void {
  state.run.resetRunId = runId;
  oweLeftUpdates(state, leftUpdateIds, applying);
}

export function applyBaseTold(state: WorkflowState, applying: Applying): void {
  state.run.untoldBaseRunId = '';
  applying.touch(RESET_NOTICE);
}
