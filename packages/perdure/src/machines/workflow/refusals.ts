/** The refusals of a run. Clients map the code, and compare some texts: those are quoted where they are. */
import {
  Code,
  NamespaceNotFoundFailure,
  NotFoundFailure,
  ResourceExhaustedCause,
  ResourceExhaustedFailure,
  ResourceExhaustedScope,
  RpcError,
  WorkflowNotReadyFailure,
} from '../../protocol/index.js';

export function noSuchRun(workflowId: string, runId: string | undefined): RpcError {
  const run = runId === undefined || runId === '' ? '' : ` and run id "${runId}"`;
  return notFound(`workflow execution not found for workflow id "${workflowId}"${run}`);
}

/** What a run wrote to is in a namespace that was deleted meanwhile. */
export function namespaceGone(namespaceId: string): RpcError {
  return RpcError.with(Code.NOT_FOUND, `Namespace ${namespaceId} is not found.`, NamespaceNotFoundFailure, { namespace: namespaceId });
}

export function isNamespaceGone(refusal: RpcError): boolean {
  return refusal.detail(NamespaceNotFoundFailure) !== undefined;
}

export function alreadyCompleted(): RpcError {
  return notFound('workflow execution already completed');
}

/** The run is about to be followed by another one, or to close: who tries again finds out. */
export function workflowClosing(): RpcError {
  return busy('workflow operation can not be applied because workflow is closing');
}

export function updateAborted(): RpcError {
  return notFound('workflow update was aborted by closing workflow');
}

export function updatePaused(): RpcError {
  return new RpcError(Code.FAILED_PRECONDITION, 'Workflow is paused. Cannot update the workflow. Unpause it first.');
}

export function updateTaskFailing(): RpcError {
  return notReady('Unable to perform workflow execution update due to Workflow Task in failed state.');
}

export function updateTaskFailed(): RpcError {
  return notReady('Unable to perform workflow execution update due to unexpected workflow task failure.');
}

export function updatesInFlight(limit: number): RpcError {
  return concurrentLimit(`limit on number of concurrent in-flight updates has been reached (${limit})`);
}

export function updatesTooLarge(limitBytes: number): RpcError {
  return concurrentLimit(`limit on the size of the in-flight updates has been reached (${limitBytes} bytes)`);
}

export function updatesTooMany(limit: number): RpcError {
  return new RpcError(
    Code.FAILED_PRECONDITION,
    `The limit on the total number of distinct updates in this workflow has been reached (${limit}). Give duplicate updates the same update id, reject updates that need not be processed, or continue as new.`,
  );
}

/** The token is of an attempt that is over: workers forget it. */
export function staleWorkflowTask(): RpcError {
  return notFound('Workflow task not found.');
}

/** No pending activity of the run has this id. */
export function noSuchActivity(activityId: string): RpcError {
  return notFound(`cannot find pending activity with ActivityID ${activityId}, check workflow execution history for more details`);
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

function notReady(message: string): RpcError {
  return RpcError.with(Code.FAILED_PRECONDITION, message, WorkflowNotReadyFailure, {});
}

function concurrentLimit(message: string): RpcError {
  return RpcError.with(Code.RESOURCE_EXHAUSTED, message, ResourceExhaustedFailure, {
    cause: ResourceExhaustedCause.CONCURRENT_LIMIT,
    scope: ResourceExhaustedScope.NAMESPACE,
  });
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
