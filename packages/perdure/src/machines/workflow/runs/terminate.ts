/**
 * Termination: the run ends at once, and the workflow is not asked.
 *
 * A worker that holds a workflow task loses it (written as failed with FORCE_CLOSE_COMMAND), what waited in the buffer is written, and
 * WorkflowExecutionTerminated is the last event. No retry and no cron follows.
 */
import { EventType } from '../../../protocol/index.js';
import type { Encoded, Link, Payloads , RpcError } from '../../../protocol/index.js';
import type { Draft } from '../draft.js';
import { senderProblem } from '../messages/external.js';
import type { DoneReply, TerminateInput } from '../inputs.js';
import { alreadyCompleted, notFound } from '../refusals.js';
import type { WorkflowState } from '../state.js';
import { abandonStartedTask } from '../tasks/workflow-task.js';

export function terminate(draft: Draft, { request, from }: TerminateInput): DoneReply | RpcError {
  const problem = senderProblem(draft.state, from) ?? chainProblem(draft.state, request.firstExecutionRunId);
  if (problem !== undefined) return problem;
  if (!draft.state.isOpen) return alreadyCompleted();
  terminateRun(draft, request);
  return { kind: 'done' };
}

export interface Termination {
  readonly reason: string;
  readonly identity: string;
  readonly details?: Encoded<Payloads> | undefined;
  readonly links?: readonly Encoded<Link>[];
}

export function terminateRun(draft: Draft, { reason, details, identity, links }: Termination): void {
  abandonStartedTask(draft);
  draft.emit(
    EventType.WORKFLOW_EXECUTION_TERMINATED,
    { workflowExecutionTerminatedEventAttributes: { reason, details, identity } },
    { links },
  );
}

/** The caller may say which chain of runs is meant, so that a later use of the same workflow id is left alone. */
export function chainProblem({ run }: WorkflowState, firstExecutionRunId: string): RpcError | undefined {
  if (firstExecutionRunId === '' || firstExecutionRunId === run.firstExecutionRunId) return undefined;
  return notFound(`the first run of workflow id "${run.workflowId}" is not "${firstExecutionRunId}"`);
}
