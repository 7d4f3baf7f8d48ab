/**
 * What a run that closes does to its children: terminates them, asks them to cancel, or leaves them (parent close policy).
 *
 * Every close counts, also the one by which a run continues as new or is retried; only a reset keeps the children, for the run that
 * follows. A closed run remembers those children that have not been told yet, and owes each a message. The message names the first run
 * of the child, so that it reaches the child after it has continued as new, and never another workflow that has its id by then.
 */
import { ParentClosePolicy, RequestCancelWorkflowExecutionRequest, TerminateWorkflowExecutionRequest } from '../../../protocol/index.js';
import type { ChildState } from '../../../protocol/index.js';
import type { Debt, DebtKey } from '../../machine.js';
import { childAddress } from './child-messages.js';
import type { Draft } from '../draft.js';
import type { RequestCancelInput, TerminateInput } from '../inputs.js';
import type { ExternalSender } from './message-inputs.js';
import type { Correspondence } from './messages.js';
import { senderOf } from './sender.js';
import { SERVER_IDENTITY } from '../state.js';
import type { Applying, WorkflowState } from '../state.js';

const CLOSE = 'message:close-child:';

export const parentClose: Correspondence = {
  owes: (state) => !state.isOpen && state.children.size > 0,
  *keys(state) {
    for (const initiatedEventId of state.children.keys()) yield `${CLOSE}${initiatedEventId}`;
  },
  debt(state, key): Debt | undefined {
    const child = state.isOpen ? undefined : state.children.get(Number(key.slice(CLOSE.length)));
    return child && { message: { to: childAddress(child), input: closeInput(state, child) } };
  },
};

function closeInput(state: WorkflowState, child: ChildState): TerminateInput | RequestCancelInput {
  // The first run says whose child it is, also where a reset has put another run in the place of the one that started it.
  const from: ExternalSender = { ...senderOf(state, 0), childWorkflowOnly: false };
  const common = { firstExecutionRunId: child.runId, identity: SERVER_IDENTITY };
  return child.parentClosePolicy === ParentClosePolicy.REQUEST_CANCEL
    ? { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create(common), from }
    : { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({ ...common, reason: 'by parent close policy' }), from };
}

/** Whatever the child said, it was told: a refusal means that it is closed or gone. */
export function takeParentCloseAnswer(draft: Draft, key: DebtKey): void {
  const initiatedEventId = Number(key.slice(CLOSE.length));
  if (!draft.state.isOpen && draft.state.children.has(initiatedEventId)) draft.emitPrivate({ parentClosePolicyApplied: { initiatedEventId } });
}

export function applyParentClosePolicyApplied(state: WorkflowState, initiatedEventId: number, applying: Applying): void {
  state.children.delete(initiatedEventId);
  applying.touch(`${CLOSE}${initiatedEventId}`);
}

/** Part of every close: forgets the children that need not be told. */
export function applyParentClose(state: WorkflowState, applying: Applying): void {
  const isReset = state.run.resetRunId !== '';
  for (const [initiatedEventId, child] of state.children) {
    const isTold = child.runId !== '' && !child.closing && child.parentClosePolicy !== ParentClosePolicy.ABANDON && !isReset;
    if (isTold) applying.touch(`${CLOSE}${initiatedEventId}`);
    else state.children.delete(initiatedEventId);
  }
}
