/** What client methods throw, beside the errors and failures of `common`. */
import { Code, RpcError } from '../../protocol/index.js';
import { isError, type RetryState } from '../common/index.js';
import { brandedErrorClass } from '../common/error-brand.js';

/** A request failed for a reason that no more special error names; `cause` is the {@link RpcError}. */
export class ServiceError extends Error {
  /** The gRPC status code, if the failure has one. */
  readonly code: Code | undefined;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = options?.cause instanceof RpcError ? options.cause.code : undefined;
  }
}
brandedErrorClass(ServiceError, 'ServiceError');

/** The execution did not complete: it failed, was cancelled or terminated, or timed out; `cause` says which. */
export class WorkflowFailedError extends Error {
  override readonly cause: Error | undefined;

  constructor(
    message: string,
    cause: Error | undefined,
    readonly retryState: RetryState,
  ) {
    super(message);
    this.cause = cause;
  }
}
brandedErrorClass(WorkflowFailedError, 'WorkflowFailedError');

/** The run continued as new, and the result of this run alone was asked for (`followRuns: false`). */
export class WorkflowContinuedAsNewError extends Error {
  constructor(
    message: string,
    readonly newExecutionRunId: string,
  ) {
    super(message);
  }
}
brandedErrorClass(WorkflowContinuedAsNewError, 'WorkflowContinuedAsNewError');

/** The query was refused because of the execution's status and the query reject condition. */
export class QueryRejectedError extends Error {
  constructor(
    /** The status, as its number in the protocol. */
    readonly status: number,
  ) {
    super('Query rejected: the status of the workflow execution does not satisfy the query reject condition.');
  }
}
brandedErrorClass(QueryRejectedError, 'QueryRejectedError');

/** The update was rejected, or its handler failed; `cause` says how. */
export class WorkflowUpdateFailedError extends Error {
  override readonly cause: Error | undefined;

  constructor(message: string, cause: Error | undefined) {
    super(message);
    this.cause = cause;
  }
}
brandedErrorClass(WorkflowUpdateFailedError, 'WorkflowUpdateFailedError');

/** The request ran out of time or was cancelled. The update itself may go on: ask again with the same update id. */
export class WorkflowUpdateRPCTimeoutOrCancelledError extends Error {}
brandedErrorClass(WorkflowUpdateRPCTimeoutOrCancelledError, 'WorkflowUpdateRPCTimeoutOrCancelledError');

/** The workflow has no handler for the query, or its handler threw; `cause` says what, if the worker told. */
export class QueryNotRegisteredError extends Error {
  constructor(
    message: string,
    readonly code: Code,
    cause?: Error,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
brandedErrorClass(QueryNotRegisteredError, 'QueryNotRegisteredError');

/** No such activity is running: it has ended, timed out, or the token or id is wrong. */
export class ActivityNotFoundError extends Error {}
brandedErrorClass(ActivityNotFoundError, 'ActivityNotFoundError');

/** The activity could not be completed, failed or heartbeated. */
export class ActivityCompletionError extends Error {}
brandedErrorClass(ActivityCompletionError, 'ActivityCompletionError');

/** A heartbeat was answered: the activity should stop, its cancellation was requested. */
export class ActivityCancelledError extends Error {}
brandedErrorClass(ActivityCancelledError, 'ActivityCancelledError');

/** A heartbeat was answered: the activity was paused. */
export class ActivityPausedError extends Error {}
brandedErrorClass(ActivityPausedError, 'ActivityPausedError');

/** A heartbeat was answered: the activity was reset. */
export class ActivityResetError extends Error {}
brandedErrorClass(ActivityResetError, 'ActivityResetError');

/** The activity did not complete: it failed, was cancelled or terminated, or timed out; `cause` says which. */
export class ActivityExecutionFailedError extends Error {
  override readonly cause: Error | undefined;

  constructor(
    message: string,
    cause: Error | undefined,
    readonly activityId: string,
    readonly runId?: string,
  ) {
    super(message);
    this.cause = cause;
  }
}
brandedErrorClass(ActivityExecutionFailedError, 'ActivityExecutionFailedError');

/** The id has an activity, and the policies do not allow another one. */
export class ActivityExecutionAlreadyStartedError extends Error {
  constructor(
    message: string,
    readonly activityId: string,
    /** Of the activity that has the id. */
    readonly runId: string,
  ) {
    super(message);
  }
}
brandedErrorClass(ActivityExecutionAlreadyStartedError, 'ActivityExecutionAlreadyStartedError');

/** True for a failed request, also when it is wrapped in a {@link ServiceError}. */
export function isGrpcServiceError(error: unknown): error is RpcError | ServiceError {
  return codeOf(error) !== undefined;
}

/** {@link isGrpcServiceError}, under its former name. */
export const isServerErrorResponse = isGrpcServiceError;

/** True if a request failed because its deadline passed. */
export function isGrpcDeadlineError(error: unknown): boolean {
  return codeOf(error) === Code.DEADLINE_EXCEEDED;
}

/** True if a request was cancelled by its abort signal, or because the connection was closed. */
export function isGrpcCancelledError(error: unknown): boolean {
  return codeOf(error) === Code.CANCELLED;
}

function codeOf(error: unknown): Code | undefined {
  if (error instanceof RpcError) return error.code;
  if (error instanceof ServiceError) return error.code;
  return isError(error) && error.cause instanceof RpcError ? error.cause.code : undefined;
}
