/**
 * Stickiness: a worker that keeps the run in its cache gets the next tasks on a queue of its own, with only the new events.
 *
 * A completion sets it (or, by saying nothing, clears it); any failure or time-out of a workflow task clears it. If nobody polls the
 * sticky queue, the task is owed on the normal queue.
 */
import type { RpcError, StickyExecutionAttributes, StickyQueue } from '../../../protocol/index.js';
import { WORKFLOW_TASK } from '../debts.js';
import type { Draft } from '../draft.js';
import type { DoneReply } from '../inputs.js';
import { alreadyCompleted } from '../refusals.js';
import type { Applying, WorkflowState } from '../state.js';

export function setSticky(draft: Draft, attributes: StickyExecutionAttributes | undefined): void {
  const name = attributes?.workerTaskQueue?.name ?? '';
  if (name === '') {
    clearSticky(draft);
    return;
  }
  const scheduleToStartTimeoutMs = attributes?.scheduleToStartTimeout ?? 0;
  const { sticky } = draft.state;
  if (sticky?.name === name && sticky.scheduleToStartTimeoutMs === scheduleToStartTimeoutMs) return;
  draft.emitPrivate({ stickySet: { name, scheduleToStartTimeoutMs } });
}

export function clearSticky(draft: Draft): void {
  if (draft.state.sticky !== undefined) draft.emitPrivate({ stickyCleared: {} });
}

/** A client says that the worker's cache is not to be counted on. */
export function resetSticky(draft: Draft): DoneReply | RpcError {
  if (!draft.state.isOpen) return alreadyCompleted();
  clearSticky(draft);
  return { kind: 'done' };
}

/** Nobody polls the sticky queue. Nothing to do unless a task waits there. */
export function leaveStickyQueue(draft: Draft): void {
  const task = draft.state.workflowTask;
  if (task?.sticky && task.startedEventId === 0) clearSticky(draft);
}

export function applyStickySet(state: WorkflowState, sticky: StickyQueue): void {
  state.sticky = sticky;
}

export function applyStickyCleared(state: WorkflowState, applying: Applying): void {
  state.sticky = undefined;
  const task = state.workflowTask;
  if (task?.sticky && task.startedEventId === 0) {
    task.sticky = false;
    task.expiresAtMs = 0;
    applying.touch(WORKFLOW_TASK);
  }
}
