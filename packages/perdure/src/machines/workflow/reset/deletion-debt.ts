/**
 * The debt of a run that is to be forgotten: paid as soon as it owes nothing to others, so that a parent still hears how its child ended.
 * What a reset left behind that never came to its decision is forgotten at once.
 *
 * A leaf, because `debts.ts` and `draft.ts` need it; the decision is in `deletion.ts`.
 */
import type { Debt } from '../../machine.js';
import { owesMessages } from '../messages/messages.js';
import type { WorkflowState } from '../state.js';

export const DELETION = 'deletion';

/** A run whose history is being copied is in the hands of the reset; one that was loaded like this was given up by it. */
export function isHidden({ run }: WorkflowState): boolean {
  return run.deletionRequested || run.forking;
}

export function deletionDebt(state: WorkflowState): Debt | undefined {
  if (state.run.forking) return { deletion: true };
  return state.run.deletionRequested && !state.isOpen && !owesMessages(state) ? { deletion: true } : undefined;
}
