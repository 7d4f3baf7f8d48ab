/**
 * The message of a run that a reset made to its base: "you were reset to me". Owed only where the base was not the current run, which
 * learns it in the commit of the reset itself.
 */
import type { DebtKey } from '../../machine.js';
import { WORKFLOW_KIND } from '../inputs.js';
import type { Correspondence } from './messages.js';
import type { ResetByInput } from '../reset/reset-inputs.js';

export const RESET_NOTICE: DebtKey = 'message:reset';

export const resetNotice: Correspondence = {
  owes: ({ run }) => run.untoldBaseRunId !== '',
  keys: () => [RESET_NOTICE],
  debt({ run }) {
    if (run.untoldBaseRunId === '') return undefined;
    const input: ResetByInput = { type: 'reset-by', runId: run.runId };
    return { message: { to: { kind: WORKFLOW_KIND, namespace: run.namespaceId, key: run.workflowId, machine: run.untoldBaseRunId }, input } };
  },
};
