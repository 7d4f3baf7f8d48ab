/**
 * What workflows and activities end with when they do not succeed: one error class per kind of failure.
 *
 * Failures cross process and language borders as messages; `failure-converter.ts` translates. What user code sees is always one of these
 * classes, with the original failure as `cause` where one wraps another (an {@link ActivityFailure} around an {@link ApplicationFailure}).
 */
import type {
  ApplicationErrorCategory as WireCategory,
  Failure as WireFailure,
  RetryState as WireRetryState,
  TimeoutType as WireTimeoutType,
} from '../../protocol/index.js';
import type { Duration } from './duration.js';
import { enumNames } from './enum-names.js';
import { brandedErrorClass, isError } from './error-brand.js';

export const FAILURE_SOURCE = 'TypeScriptSDK';

/** The failure as a message. */
export type ProtoFailure = WireFailure;

/** Which timeout ran out. */
export const TimeoutType = {
  START_TO_CLOSE: 'START_TO_CLOSE',
  SCHEDULE_TO_START: 'SCHEDULE_TO_START',
  SCHEDULE_TO_CLOSE: 'SCHEDULE_TO_CLOSE',
  HEARTBEAT: 'HEARTBEAT',
} as const;
export type TimeoutType = (typeof TimeoutType)[keyof typeof TimeoutType];
export const timeoutTypes = enumNames<typeof WireTimeoutType, TimeoutType>('timeout type', {
  START_TO_CLOSE: 1,
  SCHEDULE_TO_START: 2,
  SCHEDULE_TO_CLOSE: 3,
  HEARTBEAT: 4,
});

/** Why there was no further attempt. */
export const RetryState = {
  IN_PROGRESS: 'IN_PROGRESS',
  NON_RETRYABLE_FAILURE: 'NON_RETRYABLE_FAILURE',
  TIMEOUT: 'TIMEOUT',
  MAXIMUM_ATTEMPTS_REACHED: 'MAXIMUM_ATTEMPTS_REACHED',
  RETRY_POLICY_NOT_SET: 'RETRY_POLICY_NOT_SET',
  INTERNAL_SERVER_ERROR: 'INTERNAL_SERVER_ERROR',
  CANCEL_REQUESTED: 'CANCEL_REQUESTED',
} as const;
export type RetryState = (typeof RetryState)[keyof typeof RetryState];
export const retryStates = enumNames<typeof WireRetryState, RetryState>('retry state', {
  IN_PROGRESS: 1,
  NON_RETRYABLE_FAILURE: 2,
  TIMEOUT: 3,
  MAXIMUM_ATTEMPTS_REACHED: 4,
  RETRY_POLICY_NOT_SET: 5,
  INTERNAL_SERVER_ERROR: 6,
  CANCEL_REQUESTED: 7,
});

/** `BENIGN`: expected in normal operation; logged at debug level and not counted as an error. */
export const ApplicationFailureCategory = { BENIGN: 'BENIGN' } as const;
export type ApplicationFailureCategory = (typeof ApplicationFailureCategory)[keyof typeof ApplicationFailureCategory];
export const applicationFailureCategories = enumNames<typeof WireCategory, ApplicationFailureCategory>('application failure category', { BENIGN: 1 });

/** One run of a workflow, or its latest run when `runId` is absent. */
export interface WorkflowExecution {
  readonly workflowId?: string;
  readonly runId?: string;
}

/** The parent of all failures. */
export class TemporalFailure extends Error {
  override readonly cause?: Error;
  /** The message this error was made from, when it came from the server. Sent on unchanged if the error is thrown again. */
  failure?: ProtoFailure;

  constructor(message?: string | null, cause?: Error) {
    super(message ?? undefined);
    if (cause !== undefined) this.cause = cause;
  }
}
brandedErrorClass(TemporalFailure, 'TemporalFailure');

/** The server itself failed the execution. */
export class ServerFailure extends TemporalFailure {
  constructor(
    message: string | undefined,
    readonly nonRetryable: boolean,
    cause?: Error,
  ) {
    super(message, cause);
  }
}
brandedErrorClass(ServerFailure, 'ServerFailure');

export interface ApplicationFailureOptions {
  message?: string;
  /** Name of the kind of error; `nonRetryableErrorTypes` of a retry policy matches it. */
  type?: string | null;
  /** True: never retried, whatever the retry policy says. Default false. */
  nonRetryable?: boolean | null;
  /** Data for whoever handles the failure. */
  details?: unknown[] | null;
  /** Overrides the retry policy's next interval. */
  nextRetryDelay?: Duration | null;
  cause?: Error;
  category?: ApplicationFailureCategory | null;
}

/**
 * A failure that user code decided on.
 *
 * Thrown in an activity it fails that attempt; thrown in a workflow it fails the execution. Any other error thrown in an activity is
 * converted to a retryable one with `type` = the error's name; any other error thrown in a workflow fails only the workflow task, which
 * is tried again, so that a bug can be fixed and the execution goes on.
 *
 * @example throw ApplicationFailure.nonRetryable('Card declined', 'CardDeclined', { cardId });
 */
export class ApplicationFailure extends TemporalFailure {
  constructor(
    message?: string | null,
    readonly type?: string | null,
    readonly nonRetryable?: boolean | null,
    readonly details?: unknown[] | null,
    cause?: Error,
    readonly nextRetryDelay?: Duration | null,
    readonly category?: ApplicationFailureCategory | null,
  ) {
    super(message, cause);
  }

  /** An ApplicationFailure with the message, the stack, the cause and, as type, the name of the class of `error`. */
  static fromError(error: unknown, overrides?: ApplicationFailureOptions): ApplicationFailure {
    const failure = ApplicationFailure.create({
      message: isError(error) ? error.message : String(error),
      type: isError(error) ? errorTypeOf(error) : 'Error',
      ...(isError(error) && isError(error.cause) ? { cause: error.cause } : {}),
      ...overrides,
    });
    if (isError(error) && error.stack !== undefined) failure.stack = error.stack;
    return failure;
  }

  static create(options: ApplicationFailureOptions): ApplicationFailure {
    const { message, type, nonRetryable = false, details, nextRetryDelay, cause, category } = options;
    return new ApplicationFailure(message, type, nonRetryable, details, cause, nextRetryDelay, category);
  }

  /** Retried as the retry policy says, unless the policy lists `type` as non-retryable. */
  static retryable(message?: string | null, type?: string | null, ...details: unknown[]): ApplicationFailure {
    return new ApplicationFailure(message, type || 'Error', false, details);
  }

  /** Never retried. */
  static nonRetryable(message?: string | null, type?: string | null, ...details: unknown[]): ApplicationFailure {
    return new ApplicationFailure(message, type || 'Error', true, details);
  }
}
brandedErrorClass(ApplicationFailure, 'ApplicationFailure');

/** The work was cancelled: inside an activity or workflow the request, outside of it the outcome. */
export class CancelledFailure extends TemporalFailure {
  constructor(
    message: string | undefined,
    readonly details: unknown[] = [],
    cause?: Error,
  ) {
    super(message, cause);
  }
}
brandedErrorClass(CancelledFailure, 'CancelledFailure');

/** The workflow execution was terminated from outside. */
export class TerminatedFailure extends TemporalFailure {}
brandedErrorClass(TerminatedFailure, 'TerminatedFailure');

/** A timeout ran out. */
export class TimeoutFailure extends TemporalFailure {
  constructor(
    message: string | undefined,
    /** What the activity last reported by its heartbeat. */
    readonly lastHeartbeatDetails: unknown,
    readonly timeoutType: TimeoutType,
  ) {
    super(message);
  }
}
brandedErrorClass(TimeoutFailure, 'TimeoutFailure');

/** An activity failed; `cause` says how. */
export class ActivityFailure extends TemporalFailure {
  constructor(
    message: string | undefined,
    readonly activityType: string,
    readonly activityId: string | undefined,
    readonly retryState: RetryState,
    readonly identity: string | undefined,
    cause?: Error,
  ) {
    super(message, cause);
  }
}
brandedErrorClass(ActivityFailure, 'ActivityFailure');

/** A child workflow failed; `cause` says how. */
export class ChildWorkflowFailure extends TemporalFailure {
  constructor(
    readonly namespace: string | undefined,
    readonly execution: WorkflowExecution,
    readonly workflowType: string,
    readonly retryState: RetryState,
    cause?: Error,
  ) {
    super('Child Workflow execution failed', cause);
  }
}
brandedErrorClass(ChildWorkflowFailure, 'ChildWorkflowFailure');

/** A Nexus operation failed; `cause` says how. */
export class NexusOperationFailure extends TemporalFailure {
  constructor(
    message: string | undefined,
    readonly scheduledEventId: number | undefined,
    readonly endpoint: string,
    readonly service: string,
    readonly operation: string,
    readonly operationToken: string | undefined,
    cause?: Error,
  ) {
    super(message, cause);
  }
}
brandedErrorClass(NexusOperationFailure, 'NexusOperationFailure');

/** A workflow execution with this id exists, and the id policies do not allow another one. */
export class WorkflowExecutionAlreadyStartedError extends TemporalFailure {
  constructor(
    message: string,
    readonly workflowId: string,
    readonly workflowType: string,
  ) {
    super(message);
  }
}
brandedErrorClass(WorkflowExecutionAlreadyStartedError, 'WorkflowExecutionAlreadyStartedError');

/** For payload converters and codecs that understand a payload and refuse it: a failure that is not tried again. `details`: what is wrong. */
export function createPayloadValidationError(details: unknown): ApplicationFailure {
  return ApplicationFailure.create({ message: 'Payload validation failed', type: 'PayloadValidationError', nonRetryable: true, details: details === undefined || details === null ? [] : [details] });
}

/**
 * What retry policies know an error by: the name of its class. Most classes of errors leave `name` as it is, `Error`; a plain Error may
 * have been given a name of its own.
 */
export function errorTypeOf(error: Error): string {
  const className: unknown = (error as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
  return typeof className === 'string' && className !== '' && className !== 'Error' ? className : error.name;
}

/** The thing as an ApplicationFailure: itself if it is one, else a retryable one around it. */
export function ensureApplicationFailure(error: unknown): ApplicationFailure {
  return error instanceof ApplicationFailure ? error : ApplicationFailure.fromError(error);
}

/** The thing as a TemporalFailure: itself if it is one, else an ApplicationFailure around it. */
export function ensureTemporalFailure(error: unknown): TemporalFailure {
  return error instanceof TemporalFailure ? error : ensureApplicationFailure(error);
}

/** The message of the innermost cause of a failure; for other errors their own message, for text the text. */
export function rootCause(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSE_DEPTH && current instanceof TemporalFailure && current.cause !== undefined; depth++) {
    current = current.cause;
  }
  if (isError(current)) return current.message;
  return typeof current === 'string' ? current : undefined;
}

/** Longer chains of causes are cut: they could be cyclic. */
export const MAX_CAUSE_DEPTH = 50;
