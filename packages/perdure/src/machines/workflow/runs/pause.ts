/**
 * Pause and unpause of a run: WorkflowExecutionPaused, WorkflowExecutionUnpaused.
 *
 * A paused run is open and takes everything in (signals, ends of activities, timers that fire, cancel requests), and makes no step: no
 * workflow task is scheduled, no task and no activity is handed out. A workflow task that a worker holds may end; one that waits for a
 * worker goes on waiting. (To write it as failed, as Temporal's server does, makes a history that SDKs cannot replay: their workflow task
 * cannot fail before it has started.) The pause holds at once, even while its event waits in the buffer. Reads show it as a status of its
 * own, and as the search attribute `TemporalPauseInfo`.
 */
import { Code, EventType, RpcError, SearchAttributes, WorkflowExecutionStatus } from '../../../protocol/index.js';
import type { Encoded, HistoryEvent, PauseWorkflowExecutionRequest, RunState, UnpauseWorkflowExecutionRequest } from '../../../protocol/index.js';
import { arrive } from '../buffer.js';
import { FIRST_TASK_BACKOFF, WORKFLOW_TASK, activityKey } from '../debts.js';
import type { Draft } from '../draft.js';
import { alreadyCompleted } from '../refusals.js';
import { must } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import type { DoneReply } from '../inputs.js';
import { scheduleWorkflowTask } from '../tasks/workflow-task.js';

/** PauseWorkflowExecution. */
export interface PauseInput {
  readonly type: 'pause';
  readonly request: PauseWorkflowExecutionRequest;
}

/** UnpauseWorkflowExecution. */
export interface UnpauseInput {
  readonly type: 'unpause';
  readonly request: UnpauseWorkflowExecutionRequest;
}

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The same request again changes nothing. */
export function pause(draft: Draft, { request: { identity, reason, requestId } }: PauseInput): DoneReply | RpcError {
  const { state } = draft;
  if (!state.isOpen) return alreadyCompleted();
  const { pause: before } = state.run;
  if (before !== undefined) {
    if (requestId !== '' && before.requestId === requestId) return { kind: 'done' };
    return new RpcError(Code.FAILED_PRECONDITION, 'workflow is already paused.');
  }
  arrive(draft, EventType.WORKFLOW_EXECUTION_PAUSED, { workflowExecutionPausedEventAttributes: { identity, reason, requestId } }, MAY_IGNORE);
  return { kind: 'done' };
}

export function unpause(draft: Draft, { request: { identity, reason, requestId } }: UnpauseInput): DoneReply | RpcError {
  const { state } = draft;
  if (!state.isOpen) return alreadyCompleted();
  if (state.run.pause === undefined) return new RpcError(Code.FAILED_PRECONDITION, 'workflow is not paused.');
  arrive(draft, EventType.WORKFLOW_EXECUTION_UNPAUSED, { workflowExecutionUnpausedEventAttributes: { identity, reason, requestId } }, MAY_IGNORE);
  scheduleWorkflowTask(draft);
  return { kind: 'done' };
}

/** A worker with local activities asks for another task at once: there is none while the run is paused. */
export function pausedForTasks(): RpcError {
  return new RpcError(Code.FAILED_PRECONDITION, 'Workflow is paused and force create new workflow task is not allowed.');
}

/** It says nothing to workflow code: workers that do not know the event pass over it. */
const MAY_IGNORE = { workerMayIgnore: true } as const;

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Also for an event that is only buffered: the pause holds from its decision on. */
export function applyPaused(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { identity, reason, requestId } = must(event.workflowExecutionPausedEventAttributes, 'attributes');
  const { run } = state;
  run.pause = { identity, reason, requestId, timeMs: event.eventTime ?? 0 };
  touchWhatWaits(state, applying);
}

export function applyUnpaused(state: WorkflowState, applying: Applying): void {
  state.run.pause = undefined;
  touchWhatWaits(state, applying);
}

function touchWhatWaits(state: WorkflowState, applying: Applying): void {
  applying.touch(WORKFLOW_TASK);
  applying.touch(FIRST_TASK_BACKOFF);
  for (const { scheduledEventId, closing } of state.activities.values()) if (!closing) applying.touch(activityKey(scheduledEventId));
}

// ── views ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The search attributes of a run, and what list queries find paused runs, and runs with paused activities, by. */
export function withPauseInfo(state: WorkflowState, attributes: Encoded<SearchAttributes> | undefined): Encoded<SearchAttributes> | undefined {
  const { pause: paused, workflowId } = state.run;
  if (paused === undefined && state.pausedActivities === 0) return attributes;
  const words = paused === undefined ? [] : [`Workflow:${workflowId}`, `Reason:${paused.reason}`];
  if (state.pausedActivities > 0) {
    const types = new Set([...state.activities.values()].flatMap((activity) => (activity.paused ? activity.activityType : [])));
    for (const type of types) words.push(`property:activityType=${type}`);
  }
  const metadata = { encoding: Buffer.from('json/plain'), type: Buffer.from('KeywordList') };
  const added = SearchAttributes.encode({ indexedFields: new Map([['TemporalPauseInfo', { metadata, data: Buffer.from(JSON.stringify(words)) }]]) });
  // Messages that follow each other add up: the fields of both.
  return attributes === undefined ? added : Buffer.concat([attributes, added]);
}

/** The status that readers see. */
export function shownStatus({ status, pause: paused }: Pick<RunState, 'status' | 'pause'>): WorkflowExecutionStatus {
  return paused !== undefined && status === WorkflowExecutionStatus.RUNNING ? WorkflowExecutionStatus.PAUSED : status;
}
