/** What a reset tells the machines that take part in it. See `reset.ts`. */
import type { PostResetOperation } from '../../../protocol/index.js';
import type { ForkedRun } from './history-fork.js';
import type { ReappliedEvent, ReapplyKinds } from './reset-reapply.js';

/** What all steps of one reset share. */
export interface ResetRequest {
  /** The same id again is answered with the run that the first one made. Never empty. */
  readonly requestId: string;
  readonly reason: string;
  /** The run whose history is copied. */
  readonly baseRunId: string;
  readonly operations: readonly PostResetOperation[];
  /** Of the client. */
  readonly identity: string;
}

/**
 * ResetWorkflowExecution. Send it to the workflow id (no `machine` in the key): whichever run is current is ended. The reply is that of a
 * start: the new run.
 */
export interface ResetInput extends ResetRequest {
  readonly type: 'reset';
  readonly fork: ForkedRun;
  readonly reapply: readonly ReappliedEvent[];
  /** What of the current run is to be reapplied that is written in this very step; `undefined` if the run is not one of the base's chain. */
  readonly ownKinds: ReapplyKinds | undefined;
}

/** Internal: a run begins with copied history. Comes only as `successor.input`. */
export interface ContinueForkInput extends ResetRequest {
  readonly type: 'continue-fork';
  readonly fork: ForkedRun;
  readonly reapply: readonly ReappliedEvent[];
  /** The base is not the run that was current: it has to be told. */
  readonly tellBase: boolean;
}

/** Internal: the new run tells its base, where that was not the current run. */
export interface ResetByInput {
  readonly type: 'reset-by';
  readonly runId: string;
}

/** DeleteWorkflowExecution. */
export interface DeleteInput {
  readonly type: 'delete';
}
