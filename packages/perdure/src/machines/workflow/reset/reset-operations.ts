/**
 * What a reset does to the new run before its first workflow task, as the request lists it: signals that it gets, options that change.
 *
 * They come behind what is reapplied. A list with a fault is refused before anything is written.
 */
import type { PostResetOperation } from '../../../protocol/index.js';
import { RpcError, WorkflowExecutionOptions } from '../../../protocol/index.js';
import type { Draft } from '../draft.js';
import { mergeOptions, updateOptions } from '../runs/options.js';
import type { UpdateOptionsInput } from '../runs/options.js';
import { invalid } from '../refusals.js';
import { writeSignal } from '../signals.js';
import type { WorkflowState } from '../state.js';

/** What is wrong with an operation, whichever run it is for. */
export function operationsProblem(state: WorkflowState, operations: readonly PostResetOperation[]): RpcError | undefined {
  for (const operation of operations) {
    const problem = operationProblem(state, operation);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function operationProblem(state: WorkflowState, { signalWorkflow, updateWorkflowOptions }: PostResetOperation): RpcError | undefined {
  if (updateWorkflowOptions !== undefined) {
    const merged = mergeOptions(state, optionsInput(updateWorkflowOptions, ''));
    return merged instanceof RpcError ? merged : undefined;
  }
  if (signalWorkflow === undefined) return invalid('unsupported post reset operation: it is neither SignalWorkflow nor UpdateWorkflowOptions');
  return signalWorkflow.signalName === '' ? invalid('the SignalName of a post reset operation is not set') : undefined;
}

export function performOperations(draft: Draft, operations: readonly PostResetOperation[], identity: string): void {
  for (const { signalWorkflow, updateWorkflowOptions } of operations) {
    if (signalWorkflow !== undefined) writeSignal(draft, { ...signalWorkflow, identity, requestId: draft.moment.newId() });
    // Its event names nobody: so does the one that other servers write.
    if (updateWorkflowOptions !== undefined) updateOptions(draft, optionsInput(updateWorkflowOptions, ''));
  }
}

function optionsInput({ workflowExecutionOptions, updateMask }: NonNullable<PostResetOperation['updateWorkflowOptions']>, identity: string): UpdateOptionsInput {
  return { type: 'update-options', options: workflowExecutionOptions ?? WorkflowExecutionOptions.create({}), paths: updateMask?.paths ?? [], identity };
}
