/** What a run can be told about updates, what it answers, and what those who wait for an update hear later. */
import type { Outcome, RpcError, UpdateWorkflowExecutionLifecycleStage, UpdateWorkflowExecutionRequest } from '../../../protocol/index.js';

/** UpdateWorkflowExecution. The update id must be filled in by the sender if the client left it empty. */
export interface UpdateInput {
  readonly type: 'update';
  readonly request: UpdateWorkflowExecutionRequest;
}

/** Where an update stands. Answers `update`, and is what readers see. */
export interface UpdateReply {
  readonly kind: 'update';
  readonly runId: string;
  readonly updateId: string;
  /** Tells this admission of the update id from earlier ones that were rejected. 0 once it is completed. */
  readonly admission: number;
  readonly stage: UpdateWorkflowExecutionLifecycleStage;
  /** The event that holds the outcome, if it is completed; 0 otherwise. */
  readonly completedEventId: number;
  /** The event that accepted it; 0 if it is not accepted, or completed. */
  readonly acceptedEventId: number;
  /** The outcome, where no event holds it: the run closed before the update completed. */
  readonly outcome?: Outcome | undefined;
}

/**
 * What happened to an admitted update, for those who wait for it. In memory only: whoever waits asks again after a crash, and then
 * finds the update in the state, or (if it was rejected) not at all.
 */
export interface UpdateNotice {
  readonly kind: 'update';
  readonly updateId: string;
  readonly admission: number;
  readonly result:
    | { readonly type: 'accepted'; readonly eventId: number }
    | { readonly type: 'completed'; readonly outcome: Outcome; readonly eventId: number }
    | { readonly type: 'aborted'; readonly error: RpcError };
}

