/**
 * The notice that a child owes its parent: how it ended. Owed by the run that ends the child's chain (no retry, continue-as-new or cron
 * follows, and it is not the base of a reset), from its close until the parent has answered.
 *
 * A leaf: the debts of a run are needed by everything that writes events. What the parent does with it is in `child-close.ts`.
 */
import { HistoryEvent, WorkflowExecutionStatus } from '../../../protocol/index.js';
import type { Debt, DebtKey } from '../../machine.js';
import { WORKFLOW_KIND } from '../inputs.js';
import type { ChildClosedInput } from './message-inputs.js';
import type { Correspondence } from './messages.js';
import type { Applying, WorkflowState } from '../state.js';

const NOTICE = 'message:close-notice:';

/** The key names the addressee: a notice that has to go to another run of the parent is another message. */
export function noticeKey({ run }: WorkflowState): DebtKey {
  return `${NOTICE}${run.parent?.runId ?? ''}`;
}

export const closeNotice: Correspondence = {
  owes: (state) => state.run.closeNotice.byteLength > 0,
  *keys(state) {
    yield noticeKey(state);
  },
  debt(state, key): Debt | undefined {
    const { run } = state;
    const { parent, workflowId, runId, firstExecutionRunId } = run;
    if (run.closeNotice.byteLength === 0 || parent === undefined || key !== noticeKey(state)) return undefined;
    const input: ChildClosedInput = {
      type: 'child-closed',
      initiatedEventId: run.parentInitiatedEventId,
      workflowId,
      runId,
      firstExecutionRunId,
      event: HistoryEvent.decode(run.closeNotice),
    };
    return { message: { to: { kind: WORKFLOW_KIND, namespace: run.parentNamespaceId, key: parent.workflowId, machine: parent.runId }, input } };
  },
};

/** Part of every close. */
export function oweCloseNotice(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const { run } = state;
  const goesOn = run.status === WorkflowExecutionStatus.CONTINUED_AS_NEW || run.successorRunId !== '' || run.resetRunId !== '';
  if (run.parent === undefined || goesOn) return;
  run.closeNotice = HistoryEvent.encode(event);
  applying.touch(noticeKey(state));
}

/** The parent has answered, or its place is taken by the run that a reset made of it. */
export function applyCloseNoticeDelivered(state: WorkflowState, movedToRunId: string, applying: Applying): void {
  applying.touch(noticeKey(state));
  const { run } = state;
  if (movedToRunId === '' || run.parent === undefined) run.closeNotice = new Uint8Array(0);
  else run.parent = { workflowId: run.parent.workflowId, runId: movedToRunId };
  applying.touch(noticeKey(state));
}
