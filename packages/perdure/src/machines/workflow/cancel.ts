/**
 * Cancel requests: WorkflowExecutionCancelRequested, once. What it means is up to the workflow.
 *
 * A second request, and one for a run that is closed, succeed without effect. A run whose first task is still delayed gets it now.
 */
import type { RpcError } from '../../protocol/index.js';
import { EventType } from '../../protocol/index.js';
import { arrive } from './buffer.js';
import type { Draft } from './draft.js';
import { senderProblem } from './messages/external.js';
import type { DoneReply, RequestCancelInput } from './inputs.js';
import { chainProblem } from './runs/terminate.js';
import { scheduleWorkflowTask } from './tasks/workflow-task.js';

export function requestCancel(draft: Draft, { request, from }: RequestCancelInput): DoneReply | RpcError {
  const { state } = draft;
  const problem = senderProblem(state, from) ?? chainProblem(state, request.firstExecutionRunId);
  if (problem !== undefined) return problem;
  if (!state.isOpen || state.run.cancelRequested) return { kind: 'done' };
  arrive(
    draft,
    EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED,
    {
      workflowExecutionCancelRequestedEventAttributes: {
        cause: request.reason,
        externalInitiatedEventId: from?.initiatedEventId ?? 0,
        externalWorkflowExecution: from && { workflowId: from.workflowId, runId: from.runId },
        identity: request.identity,
      },
    },
    request.links.length > 0 ? { links: request.links } : undefined,
  );
  scheduleWorkflowTask(draft, true);
  return { kind: 'done' };
}
