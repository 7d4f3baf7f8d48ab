/**
 * The run that follows a run: same workflow id, same chain (first execution run id), a run id of its own, in the same commit.
 *
 * Retry is decided here; continue-as-new and cron have their own files. The successor is told everything by the attributes of its Started event.
 */
import { ContinueAsNewInitiator, RetryState, WorkflowExecutionStartedEventAttributes } from '../../../protocol/index.js';
import type { Encoded, Failure } from '../../../protocol/index.js';
import { handedOnCallbacks } from './callbacks.js';
import type { Draft } from '../draft.js';
import type { CreateInput } from '../inputs.js';
import { inheritableResetPoints } from '../reset/reset-points.js';
import { decideRetry } from '../activities/retry-policy.js';

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
    firstWorkflowTaskBackoff: Math.max(decision.delayMs, restOfMinimumRun(draft)),
  });
  return { retryState: decision.state, runId };
}

/** Runs that end at once must not follow each other without a pause, or a mistake is an endless loop. */
export function restOfMinimumRun({ now, limits, state }: Draft): number {
  return Math.max(0, limits.continueAsNewMinimumRunMs - Math.max(0, now - state.run.executionTimeMs));
}

/** Arranges that a run with these attributes starts in the same commit. Returns its run id. */
export function succeed(draft: Draft, attributes: WorkflowExecutionStartedEventAttributes): string {
  const { state } = draft;
  const { run } = state;
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
      // Nobody asked for this run.
      identity: '',
      // As they are now: both may have changed since the start.
      completionCallbacks: handedOnCallbacks(state),
      versioningOverride: run.versioningOverride,
      priority: run.priority,
      prevAutoResetPoints: inheritableResetPoints(run),
    },
    userMetadata: run.userMetadata,
    links: [],
    scheduleWatch: run.scheduleWatch,
  };
  draft.successor = { machine: runId, input, answers: false };
  return runId;
}
