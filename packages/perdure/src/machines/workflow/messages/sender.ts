/** A run as others see it when it writes to them. */
import type { Sender } from './message-inputs.js';
import type { WorkflowState } from '../state.js';

/** @param initiatedEventId the event that says what is written; 0 if none does */
export function senderOf({ run }: WorkflowState, initiatedEventId: number): Sender {
  const originalRunId = run.originalExecutionRunId === run.runId ? undefined : run.originalExecutionRunId;
  return { namespaceId: run.namespaceId, workflowId: run.workflowId, runId: run.runId, initiatedEventId, originalRunId };
}
