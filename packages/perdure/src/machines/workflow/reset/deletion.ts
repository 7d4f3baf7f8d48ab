/**
 * Deletion: a run that is open is terminated, and then forgotten with its history.
 *
 * From the moment of the decision on nobody sees the run: the host treats it as one that does not exist. It stays only to deliver what it
 * still owes (the notice to its parent, the end of its children), and then its debt {@link DELETION} makes the host remove it. Whatever
 * else wants a run to be forgotten (retention) writes the same private event.
 */
import type { DoneReply } from '../inputs.js';
import type { DeleteInput } from './reset-inputs.js';
import { DELETION } from './deletion-debt.js';
import type { Draft } from '../draft.js';
import { SERVER_IDENTITY } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';
import { terminateRun } from '../runs/terminate.js';

export function deleteRun(draft: Draft, _input: DeleteInput): DoneReply {
  if (draft.state.isOpen) terminateRun(draft, { reason: 'Delete workflow execution', identity: SERVER_IDENTITY });
  draft.emitPrivate({ deletionRequested: {} });
  return { kind: 'done' };
}

export function applyDeletionRequested(state: WorkflowState, applying: Applying): void {
  state.run.deletionRequested = true;
  applying.touch(DELETION);
}
