/**
 * The workflow execution: the machine behind every run. See `transition.ts` for how an input is decided, `state.ts` for what a run is.
 */
import type { Machine } from '../machine.js';
import { debt, debtKeys } from './debts.js';
import { fold } from './fold.js';
import { WORKFLOW_KIND } from './inputs.js';
import type { WorkflowInput, WorkflowReply } from './inputs.js';
import { DEFAULT_LIMITS } from './limits.js';
import type { WorkflowLimits } from './limits.js';
import { restore, sizeBytes, snapshot } from './snapshot.js';
import type { WorkflowState } from './state.js';
import { transition } from './transition.js';

export type WorkflowMachine = Machine<WorkflowState, WorkflowInput, WorkflowReply>;

/** The machine with its limits. @param limits those that differ from the defaults */
export function createWorkflowMachine(limits: Partial<WorkflowLimits> = {}): WorkflowMachine {
  const effective = { ...DEFAULT_LIMITS, ...limits };
  return {
    kind: WORKFLOW_KIND,
    transition: (state, input, at, self) => transition(state, input, at, self, effective),
    fold,
    snapshot,
    restore,
    debtKeys,
    debt,
    isOpen: (state) => state.isOpen,
    sizeBytes,
  };
}

export * from './describe.js';
export * from './inputs.js';
export { DEFAULT_LIMITS, type WorkflowLimits } from './limits.js';
export type { WorkflowState } from './state.js';
