/** SIGNAL_EXTERNAL_WORKFLOW_EXECUTION and REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, checked. What follows is in `external.ts`. */
import { EventType, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Command } from '../../../protocol/index.js';
import { commandExtras, idProblem, targetNamespace } from '../tasks/command-plan.js';
import type { CommandFault, CommandPlan } from '../tasks/command-plan.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function runIdProblem(runId: string): string | undefined {
  return runId === '' || UUID.test(runId) ? undefined : `the run id "${runId.slice(0, 100)}" is not a UUID`;
}

export function planSignalExternal(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES;
  const attributes = command.signalExternalWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return { cause, message: 'the attributes are not set' };
  const { execution, signalName, input, control, childWorkflowOnly, header, namespace } = attributes;
  const { limits } = plan;
  if (execution === undefined) return { cause, message: 'the workflow execution is not set' };
  const target = targetNamespace(plan, namespace);
  if (typeof target === 'string') return { cause, message: target };
  const problem =
    idProblem('the workflow id', execution.workflowId, limits) ?? runIdProblem(execution.runId) ?? idProblem('the signal name', signalName, limits);
  if (problem !== undefined) return { cause, message: problem };
  if (plan.pendingSignals >= limits.pendingSignals) {
    const message = `the number of pending signals to external workflows, ${plan.pendingSignals}, has reached the per-workflow limit of ${limits.pendingSignals}`;
    return { cause: WorkflowTaskFailedCause.PENDING_SIGNALS_LIMIT_EXCEEDED, message };
  }
  if ((input?.byteLength ?? 0) > limits.blobSizeBytes) {
    return { cause, message: `the input of the signal is larger than ${limits.blobSizeBytes} bytes`, terminates: true };
  }
  plan.pendingSignals += 1;
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
      {
        signalExternalWorkflowExecutionInitiatedEventAttributes: {
          workflowTaskCompletedEventId: completedEventId,
          namespace,
          namespaceId: target.id,
          workflowExecution: execution,
          signalName,
          input,
          control,
          childWorkflowOnly,
          header,
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}

export function planRequestCancelExternal(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES;
  const attributes = command.requestCancelExternalWorkflowExecutionCommandAttributes;
  if (attributes === undefined) return { cause, message: 'the attributes are not set' };
  const { workflowId, runId, control, childWorkflowOnly, reason, namespace } = attributes;
  const { limits } = plan;
  const target = targetNamespace(plan, namespace);
  if (typeof target === 'string') return { cause, message: target };
  const problem = idProblem('the workflow id', workflowId, limits) ?? runIdProblem(runId);
  if (problem !== undefined) return { cause, message: problem };
  if (plan.initiatedChildren.has(workflowId)) {
    return { cause, message: `Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=${workflowId}` };
  }
  if (plan.pendingCancelRequests >= limits.pendingCancelRequests) {
    const message = `the number of pending requests to cancel external workflows, ${plan.pendingCancelRequests}, has reached the per-workflow limit of ${limits.pendingCancelRequests}`;
    return { cause: WorkflowTaskFailedCause.PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED, message };
  }
  plan.pendingCancelRequests += 1;
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
      {
        requestCancelExternalWorkflowExecutionInitiatedEventAttributes: {
          workflowTaskCompletedEventId: completedEventId,
          namespace,
          namespaceId: target.id,
          workflowExecution: { workflowId, runId },
          control,
          childWorkflowOnly,
          reason,
        },
      },
      commandExtras(command),
    );
  });
  return undefined;
}
