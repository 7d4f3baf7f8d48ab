/**
 * The run that follows a run: same workflow id, same chain (first execution run id), a run id of its own, in the same commit.
 *
 * Retry is decided here; continue-as-new has its own file. The successor is told everything by the attributes of its Started event.
 */
import { ContinueAsNewInitiator, RetryState, WorkflowExecutionStartedEventAttributes } from '../../protocol/index.js';
import type { Encoded, Failure } from '../../protocol/index.js';
import type { Draft } from './draft.js';
import type { CreateInput } from './inputs.js';
import { decideRetry } from './retry-policy.js';

/** Decides whether another run follows this one that failed or timed out, and if so arranges it. */
export function retryRun(draft: Draft, failure: Encoded<Failure>): { readonly retryState: RetryState; readonly runId: string } {
  const { run } = draft.state;
  const decision = decideRetry({
    policy: run.retryPolicy,
    attempt: run.attempt,
    failure,
    cancelRequested: false,
    now: draft.now,
    expiresAt: run.executionExpiresAtMs,
    requestedDelayUncapped: false,
  });
  if (decision.state !== RetryState.IN_PROGRESS) return { retryState: decision.state, runId: '' };
  const started = WorkflowExecutionStartedEventAttributes.decode(run.startedAttributes);
  const runId = succeed(draft, {
    ...started,
    attempt: run.attempt + 1,
    initiator: ContinueAsNewInitiator.RETRY,
    continuedFailure: failure,
    firstWorkflowTaskBackoff: decision.delayMs,
  });
  return { retryState: decision.state, runId };
}

/** Arranges that a run with these attributes starts in the same commit. Returns its run id. */
export function succeed(draft: Draft, attributes: WorkflowExecutionStartedEventAttributes): string {
  const { run } = draft.state;
  const runId = draft.moment.newId();
  const input: CreateInput = {
    type: 'create',
    namespace: run.namespace,
    requestId: draft.moment.newId(),
    attributes: {
      ...attributes,
      originalExecutionRunId: '',
      continuedExecutionRunId: run.runId,
      firstExecutionRunId: run.firstExecutionRunId,
      eagerExecutionAccepted: false,
    },
    userMetadata: run.userMetadata,
    links: [],
  };
  draft.successor = { machine: runId, input, answers: false };
  return runId;
}
