/**
 * Update-with-start: one request that makes sure that a run exists and sends it an update.
 *
 * Where no run is open, the start begins one, with the update admitted in the same commit (`start.ts`). This file decides about a run that
 * exists: whether the update goes to it, or the start goes on by its own rules (and may be refused, and the update with it).
 */
import { WorkflowIdConflictPolicy } from '../../../protocol/index.js';
import type { RpcError, UpdateWorkflowExecutionRequest } from '../../../protocol/index.js';
import type { Draft } from '../draft.js';
import type { StartInput, StartReply } from '../inputs.js';
import { takeUpdate, updateIdOf, viewUpdate } from './updates.js';

/**
 * The answer, if the existing run takes (or took) the update. An update that the run knows is found again, even if the run is closed, so
 * that a repeated request gets the same answer; only TERMINATE_EXISTING insists on a new run.
 */
export function updateExisting(draft: Draft, { request }: StartInput, update: UpdateWorkflowExecutionRequest): StartReply | undefined {
  const { state } = draft;
  const { run } = state;
  const isSameStart = request.requestId !== '' && request.requestId === run.createRequestId;
  const policy = request.workflowIdConflictPolicy;
  if (policy === WorkflowIdConflictPolicy.TERMINATE_EXISTING && !isSameStart) return undefined;
  const usesExisting = state.isOpen && policy === WorkflowIdConflictPolicy.USE_EXISTING;
  if (!isSameStart && !usesExisting && viewUpdate(state, updateIdOf(update)) === undefined) return undefined;
  const taken = takeUpdate(draft, update);
  return { kind: 'started', runId: run.runId, firstExecutionRunId: run.firstExecutionRunId, started: false, status: run.status, update: taken };
}

/** Part of creating a run. */
export function withUpdate(draft: Draft, reply: StartReply, update: UpdateWorkflowExecutionRequest | undefined): StartReply {
  if (update === undefined) return reply;
  const taken: StartReply['update'] | RpcError = takeUpdate(draft, update);
  return { ...reply, update: taken };
}
