/**
 * What the policies of a start say about a workflow id that is taken: use the run, replace it, start another one, or refuse.
 */
import { Code, RpcError, WorkflowExecutionAlreadyStartedFailure, WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '../../../protocol/index.js';
import type { StartInput, StartReply } from '../inputs.js';
import { invalid } from '../refusals.js';
import type { WorkflowState } from '../state.js';

/** Policies that contradict each other. */
export function policyProblem({ request, signal }: StartInput): RpcError | undefined {
  const { workflowIdReusePolicy: reuse, workflowIdConflictPolicy: conflict, onConflictOptions: attach } = request;
  if (reuse === WorkflowIdReusePolicy.TERMINATE_IF_RUNNING && conflict !== WorkflowIdConflictPolicy.UNSPECIFIED) {
    return invalid('WorkflowIdReusePolicy TERMINATE_IF_RUNNING cannot be combined with a WorkflowIdConflictPolicy');
  }
  if (reuse === WorkflowIdReusePolicy.REJECT_DUPLICATE && conflict === WorkflowIdConflictPolicy.TERMINATE_EXISTING) {
    return invalid('WorkflowIdReusePolicy REJECT_DUPLICATE cannot be combined with WorkflowIdConflictPolicy TERMINATE_EXISTING');
  }
  if (signal !== undefined && conflict === WorkflowIdConflictPolicy.FAIL) {
    return invalid('WorkflowIdConflictPolicy FAIL is not possible for signal-with-start');
  }
  if (attach?.attachCompletionCallbacks === true && !attach.attachRequestId) {
    return invalid('attaching request ID is required for attaching completion callbacks');
  }
  return undefined;
}

/** For an open run. */
export function conflictPolicy({ request, signal }: StartInput): WorkflowIdConflictPolicy {
  if (request.workflowIdReusePolicy === WorkflowIdReusePolicy.TERMINATE_IF_RUNNING) return WorkflowIdConflictPolicy.TERMINATE_EXISTING;
  if (request.workflowIdConflictPolicy !== WorkflowIdConflictPolicy.UNSPECIFIED) return request.workflowIdConflictPolicy;
  return signal === undefined ? WorkflowIdConflictPolicy.FAIL : WorkflowIdConflictPolicy.USE_EXISTING;
}

/** For a closed run. */
export function mayReuse(policy: WorkflowIdReusePolicy, status: WorkflowExecutionStatus): boolean {
  switch (policy) {
    case WorkflowIdReusePolicy.REJECT_DUPLICATE:
      return false;
    case WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY:
      return status !== WorkflowExecutionStatus.COMPLETED && status !== WorkflowExecutionStatus.CONTINUED_AS_NEW;
    default:
      return true;
  }
}

/** @param attachedRequestId of a start that left it on the run */
export function existing({ run }: WorkflowState, started: boolean, attachedRequestId?: string): StartReply {
  return { kind: 'started', runId: run.runId, firstExecutionRunId: run.firstExecutionRunId, started, status: run.status, attachedRequestId };
}

/** @param policy the reuse policy of the start, where the run is closed */
export function alreadyStarted({ run, isOpen }: WorkflowState, policy: WorkflowIdReusePolicy): RpcError {
  const what = `WorkflowId: ${run.workflowId}, RunId: ${run.runId}.`;
  const name = policy === WorkflowIdReusePolicy.REJECT_DUPLICATE ? 'reject duplicate workflow Id' : 'allow duplicate workflow Id if last run failed';
  return RpcError.with(
    Code.ALREADY_EXISTS,
    isOpen
      ? `Workflow execution is already running. ${what}`
      : `Workflow execution already finished${policy === WorkflowIdReusePolicy.REJECT_DUPLICATE ? '' : ' successfully'}. ${what} Workflow Id reuse policy: ${name}.`,
    WorkflowExecutionAlreadyStartedFailure,
    { startRequestId: run.createRequestId, runId: run.runId, firstExecutionRunId: run.firstExecutionRunId },
  );
}
