/**
 * The workflow execution: the machine behind every run. See `transition.ts` for how an input is decided, `state.ts` for what a run is.
 */
import type { Machine } from '../machine.js';
import { isHidden } from './reset/deletion-debt.js';
import { debt, debtKeys } from './debts.js';
import { fold } from './fold.js';
import { WORKFLOW_KIND } from './inputs.js';
import type { WorkflowInput, WorkflowReply } from './inputs.js';
import { DEFAULT_LIMITS } from './limits.js';
import { listing } from './listing.js';
import type { WorkflowLimits } from './limits.js';
import { owesMessages } from './messages/messages.js';
import { namespaceGone } from './refusals.js';
import { restore, sizeBytes, snapshot } from './snapshot.js';
import type { WorkflowState } from './state.js';
import { transition } from './transition.js';

export type WorkflowMachine = Machine<WorkflowState, WorkflowInput, WorkflowReply>;

/** The limits that decisions in a namespace keep to, by the namespace's id. Must be quick: it is asked at every decision. */
export type LimitsOf = (namespaceId: string) => WorkflowLimits;

/** Whether a namespace takes starts and messages, by its id. Not so one that was deleted. Must be quick, as above. */
export type Serves = (namespaceId: string) => boolean;

/**
 * The machine with its limits.
 * @param limits those that differ from the defaults, or all of them for each namespace
 * @param serves default: every namespace takes what comes
 */
export function createWorkflowMachine(limits: Partial<WorkflowLimits> | LimitsOf = {}, serves: Serves = () => true): WorkflowMachine {
  const limitsOf = typeof limits === 'function' ? limits : everywhere({ ...DEFAULT_LIMITS, ...limits });
  return {
    kind: WORKFLOW_KIND,
    transition: (state, input, at, self) =>
      ARRIVES.has(input.type) && !serves(self.namespace)
        ? { state, reply: namespaceGone(self.namespace), touched: [] }
        : transition(state, input, at, self, limitsOf(self.namespace)),
    fold,
    snapshot,
    restore,
    debtKeys,
    debt,
    nextWake: (state) => state.deadlines.earliest,
    isOpen: (state) => state.isOpen || owesMessages(state) || state.run.deletionRequested,
    isDeleted: isHidden,
    listing,
    sizeBytes,
  };
}

/** What other runs and schedules send, also after the namespace they send it to was deleted. */
const ARRIVES: ReadonlySet<string> = new Set<WorkflowInput['type']>(['start', 'signal', 'request-cancel']);

const everywhere = (limits: WorkflowLimits): LimitsOf => () => limits;

export { CALLBACK_KIND, type CallbackMessage, type CallbackReply } from './runs/callbacks.js';
export * from './describe.js';
export { HistoryFork, type ForkedRun } from './reset/history-fork.js';
export * from './inputs.js';
export type * from './messages/message-inputs.js';
export * from './updates/update-inputs.js';
export { viewUpdate } from './updates/updates.js';
export * from './nexus/nexus-inputs.js';
export { DEFAULT_LIMITS, WORKFLOW_LIMITS, type WorkflowLimits } from './limits.js';
export type { DeleteInput, ResetInput } from './reset/reset-inputs.js';
export { ReapplyCollector, reapplyKinds } from './reset/reset-reapply.js';
export type { WorkflowState } from './state.js';
export type { OptionsReply, UpdateOptionsInput } from './runs/options.js';
export { overriddenVersion } from './runs/version-binding.js';
export type { PauseInput, UnpauseInput } from './runs/pause.js';
