/** The refusals of a run. Clients map the code, and compare some texts: those are quoted where they are. */
import {
  Code,
  NotFoundFailure,
  ResourceExhaustedCause,
  ResourceExhaustedFailure,
  ResourceExhaustedScope,
  RpcError,
} from '../../protocol/index.js';

export function noSuchRun(workflowId: string, runId: string | undefined): RpcError {
  const run = runId === undefined || runId === '' ? '' : ` and run id "${runId}"`;
  return notFound(`workflow execution not found for workflow id "${workflowId}"${run}`);
}

export function alreadyCompleted(): RpcError {
  return notFound('workflow execution already completed');
}

/** The token is of an attempt that is over: workers forget it. */
export function staleWorkflowTask(): RpcError {
  return notFound('Workflow task not found.');
}

export function staleActivity(): RpcError {
  return notFound('invalid activityID or activity already timed out or invoking workflow is completed');
}

/** A task of this debt is not owed any more; the host offers the poller another one. */
export function notOwed(): RpcError {
  return notFound('the task is no longer owed');
}

export function notFound(message: string): RpcError {
  return RpcError.with(Code.NOT_FOUND, message, NotFoundFailure, {});
}

export function invalid(message: string): RpcError {
  return new RpcError(Code.INVALID_ARGUMENT, message);
}

export function busy(message: string): RpcError {
  return RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.BUSY_WORKFLOW,
    scope: ResourceExhaustedScope.NAMESPACE,
  });
}
