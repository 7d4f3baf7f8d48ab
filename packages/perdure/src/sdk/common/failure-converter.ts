/**
 * Errors to failure messages and back.
 *
 * Any thrown thing has a failure: an error that is not a {@link TemporalFailure} becomes an ApplicationFailure whose type is the name of
 * its class. An error that was made from a message gives that very message again, so failures pass unchanged through processes that only hand
 * them on. Called inside the workflow realm and outside; payload codecs are applied elsewhere, outside (`data-converter.ts`).
 */
import type { Failure, Init } from '../../protocol/index.js';
import { msOptionalToNumber } from './duration.js';
import { isError } from './error-brand.js';
import {
  ActivityFailure,
  ApplicationFailure,
  applicationFailureCategories,
  errorTypeOf,
  CancelledFailure,
  ChildWorkflowFailure,
  FAILURE_SOURCE,
  MAX_CAUSE_DEPTH,
  NexusOperationFailure,
  RetryState,
  retryStates,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
  timeoutTypes,
  type ProtoFailure,
} from './failure.js';
import { handlerErrorOf, handlerFailureInfo, isHandlerError, originalFailureOf } from './handler-error.js';
import { payloadsFromBytes, payloadsToBytes } from './payload-bytes.js';
import { arrayFromPayloads, defaultPayloadConverter, toPayloads, type PayloadConverter } from './payload-converter.js';
import { payloadConverterInContext, type SerializationContext } from './serialization-context.js';

export interface FailureConverter {
  /** Never throws for a thrown thing, however odd; may throw if its details cannot be converted. */
  errorToFailure(error: unknown, payloadConverter: PayloadConverter, context?: SerializationContext): ProtoFailure;
  failureToError(failure: ProtoFailure, payloadConverter: PayloadConverter, context?: SerializationContext): Error;
}

export interface DefaultFailureConverterOptions {
  /** True: message and stack travel as a payload, so that payload codecs can encrypt them. Default false. */
  encodeCommonAttributes: boolean;
}

/** The content of that payload; the names are part of the format that all SDKs share. */
export interface DefaultEncodedFailureAttributes {
  message: string;
  stack_trace: string;
}

export class DefaultFailureConverter implements FailureConverter {
  readonly options: DefaultFailureConverterOptions;

  constructor(options?: Partial<DefaultFailureConverterOptions>) {
    this.options = { encodeCommonAttributes: options?.encodeCommonAttributes ?? false };
  }

  errorToFailure(error: unknown, payloadConverter: PayloadConverter, context?: SerializationContext): ProtoFailure {
    return this.#toFailure(error, payloadConverterInContext(payloadConverter, context), 0);
  }

  failureToError(failure: ProtoFailure, payloadConverter: PayloadConverter, context?: SerializationContext): Error {
    return this.#toError(failure, payloadConverterInContext(payloadConverter, context), 0);
  }

  #toFailure(error: unknown, converter: PayloadConverter, depth: number): ProtoFailure {
    const original = error instanceof TemporalFailure ? error.failure : isHandlerError(error) ? originalFailureOf(error, converter) : undefined;
    if (original !== undefined) return original;
    const failure = createFailure(isError(error) ? error.message : describeThrown(error), isError(error) ? cutoffStackTrace(error.stack) : '');
    addInfo(failure, error, converter);
    const cause = isError(error) ? error.cause : undefined;
    if (cause !== undefined && cause !== null && depth < MAX_CAUSE_DEPTH) failure.cause = this.#toFailure(cause, converter, depth + 1);
    if (!this.options.encodeCommonAttributes) return failure;
    const attributes: DefaultEncodedFailureAttributes = { message: failure.message, stack_trace: failure.stackTrace };
    const payload = converter.toPayload(attributes);
    failure.encodedAttributes = { metadata: { ...payload.metadata }, data: payload.data, externalPayloads: [] };
    failure.message = 'Encoded failure';
    failure.stackTrace = '';
    return failure;
  }

  #toError(wire: ProtoFailure, converter: PayloadConverter, depth: number): Error {
    const failure = withDecodedAttributes(wire, converter);
    const cause = failure.cause && depth < MAX_CAUSE_DEPTH ? this.#toError(failure.cause, converter, depth + 1) : undefined;
    const error = failure.nexusHandlerFailureInfo ? handlerErrorOf(failure, wire, cause) : createError(failure, converter, cause);
    error.stack = failure.stackTrace;
    if (error instanceof TemporalFailure) error.failure = wire;
    return error;
  }
}

/** Writes messages and stacks in clear. */
export const defaultFailureConverter: FailureConverter = new DefaultFailureConverter();

/** Converts with the default converters. */
export function errorToFailure(
  error: unknown,
  payloadConverter: PayloadConverter = defaultPayloadConverter,
  failureConverter: FailureConverter = defaultFailureConverter,
): ProtoFailure {
  return failureConverter.errorToFailure(error, payloadConverter);
}

/** Converts with the default converters. */
export function failureToError(
  failure: ProtoFailure,
  payloadConverter: PayloadConverter = defaultPayloadConverter,
  failureConverter: FailureConverter = defaultFailureConverter,
): Error {
  return failureConverter.failureToError(failure, payloadConverter);
}

// Frames of the runtime and of this package below the user's own say nothing about the failure.
const OWN_FRAME = /\(?node:|[\\/](?:perdure[\\/])?dist[\\/]sdk[\\/](?:worker|replay|sandbox|activity|client|common)[\\/]/;

/** The stack without the frames below the last one of the user's. */
export function cutoffStackTrace(stack: string | undefined): string {
  if (typeof stack !== 'string') return '';
  const lines = stack.split('\n');
  let end = lines.length;
  while (end > 0 && isOwnFrame(lines[end - 1]!)) end--;
  // Nothing of the user's at all: then all of it is news.
  return lines.slice(0, end).some(isFrame) ? lines.slice(0, end).join('\n') : stack;
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

function isOwnFrame(line: string): boolean {
  return isFrame(line) && OWN_FRAME.test(line);
}

function createFailure(message: string, stackTrace: string): ProtoFailure {
  return { message, source: FAILURE_SOURCE, stackTrace, cause: undefined, encodedAttributes: undefined };
}

const NOT_AN_ERROR = ' [A value that is not an Error was thrown. Throw Error objects: only they have a stack trace.]';
const MAX_SHOWN_LENGTH = 10_000;

function describeThrown(thrown: unknown): string {
  let shown: string | undefined;
  try {
    shown = typeof thrown === 'object' && thrown !== null ? JSON.stringify(thrown) : String(thrown);
  } catch {
    // A cycle, a throwing getter, an object without prototype: the kind must do.
  }
  return (shown ?? `a thrown ${typeof thrown}`).slice(0, MAX_SHOWN_LENGTH) + NOT_AN_ERROR;
}

/** Fills the part of the message that says what kind of failure it is. */
function addInfo(failure: Failure, error: unknown, converter: PayloadConverter): void {
  const details = (values: readonly unknown[] | undefined | null) => {
    const payloads = values ? toPayloads(converter, ...values) : undefined;
    return payloads && payloadsToBytes(payloads);
  };
  if (error instanceof ActivityFailure) {
    failure.activityFailureInfo = {
      scheduledEventId: 0,
      startedEventId: 0,
      identity: error.identity ?? '',
      activityType: { name: error.activityType },
      activityId: error.activityId ?? '',
      retryState: retryStates.encode(error.retryState),
    };
  } else if (error instanceof ChildWorkflowFailure) {
    failure.childWorkflowExecutionFailureInfo = {
      namespace: error.namespace ?? '',
      workflowExecution: { workflowId: error.execution.workflowId ?? '', runId: error.execution.runId ?? '' },
      workflowType: { name: error.workflowType },
      initiatedEventId: 0,
      startedEventId: 0,
      retryState: retryStates.encode(error.retryState),
    };
  } else if (error instanceof NexusOperationFailure) {
    failure.nexusOperationExecutionFailureInfo = {
      scheduledEventId: error.scheduledEventId ?? 0,
      endpoint: error.endpoint,
      service: error.service,
      operation: error.operation,
      operationId: '',
      operationToken: error.operationToken ?? '',
    };
  } else if (isHandlerError(error)) {
    failure.nexusHandlerFailureInfo = handlerFailureInfo(error);
  } else if (error instanceof CancelledFailure) {
    failure.canceledFailureInfo = { details: error.details.length > 0 ? details(error.details) : undefined, identity: '' };
  } else if (error instanceof TimeoutFailure) {
    failure.timeoutFailureInfo = {
      timeoutType: timeoutTypes.encode(error.timeoutType),
      lastHeartbeatDetails: error.lastHeartbeatDetails === undefined ? undefined : details([error.lastHeartbeatDetails]),
    };
  } else if (error instanceof TerminatedFailure) {
    failure.terminatedFailureInfo = { identity: '' };
  } else if (error instanceof ServerFailure) {
    failure.serverFailureInfo = { nonRetryable: error.nonRetryable };
  } else if (error instanceof ApplicationFailure) {
    failure.applicationFailureInfo = {
      type: error.type ?? '',
      nonRetryable: error.nonRetryable ?? false,
      details: error.details && error.details.length > 0 ? details(error.details) : undefined,
      nextRetryDelay: msOptionalToNumber(error.nextRetryDelay),
      category: applicationFailureCategories.encode(error.category),
    };
  } else {
    failure.applicationFailureInfo = {
      type: isError(error) ? errorTypeOf(error) : 'Error',
      nonRetryable: false,
      details: undefined,
      nextRetryDelay: undefined,
      category: 0,
    };
  }
}

function createError(failure: ProtoFailure, converter: PayloadConverter, cause: Error | undefined): TemporalFailure {
  const details = (bytes: Uint8Array | undefined) => arrayFromPayloads(converter, bytes && payloadsFromBytes(bytes));
  const { message } = failure;
  if (failure.applicationFailureInfo) {
    const info = failure.applicationFailureInfo;
    const category = applicationFailureCategories.decode(info.category);
    return new ApplicationFailure(message, info.type || undefined, info.nonRetryable, details(info.details), cause, info.nextRetryDelay, category);
  }
  if (failure.activityFailureInfo) {
    const info = failure.activityFailureInfo;
    const retryState = retryStates.decode(info.retryState) ?? RetryState.NON_RETRYABLE_FAILURE;
    return new ActivityFailure(message, info.activityType?.name ?? '', info.activityId || undefined, retryState, info.identity || undefined, cause);
  }
  if (failure.childWorkflowExecutionFailureInfo) {
    const info = failure.childWorkflowExecutionFailureInfo;
    const retryState = retryStates.decode(info.retryState) ?? RetryState.NON_RETRYABLE_FAILURE;
    return new ChildWorkflowFailure(info.namespace || undefined, info.workflowExecution ?? {}, info.workflowType?.name ?? '', retryState, cause);
  }
  if (failure.canceledFailureInfo) return new CancelledFailure(message, details(failure.canceledFailureInfo.details), cause);
  if (failure.timeoutFailureInfo) {
    const [lastHeartbeatDetails] = details(failure.timeoutFailureInfo.lastHeartbeatDetails);
    const timeoutType = timeoutTypes.decode(failure.timeoutFailureInfo.timeoutType) ?? TimeoutType.START_TO_CLOSE;
    return withCause(new TimeoutFailure(message, lastHeartbeatDetails, timeoutType), cause);
  }
  if (failure.terminatedFailureInfo) return new TerminatedFailure(message, cause);
  if (failure.serverFailureInfo) return new ServerFailure(message, failure.serverFailureInfo.nonRetryable, cause);
  if (failure.resetWorkflowFailureInfo) {
    return new ApplicationFailure(message, 'ResetWorkflow', false, details(failure.resetWorkflowFailureInfo.lastHeartbeatDetails), cause);
  }
  if (failure.nexusOperationExecutionFailureInfo) {
    const info = failure.nexusOperationExecutionFailureInfo;
    const token = info.operationToken || info.operationId || undefined;
    return new NexusOperationFailure(message, info.scheduledEventId || undefined, info.endpoint, info.service, info.operation, token, cause);
  }
  return new TemporalFailure(message, cause);
}

/** A timeout's constructor takes no cause, but the message may carry one (the last failed attempt). */
function withCause<Failed extends TemporalFailure>(error: Failed, cause: Error | undefined): Failed {
  return cause === undefined ? error : Object.assign(error, { cause });
}

function withDecodedAttributes(failure: ProtoFailure, converter: PayloadConverter): ProtoFailure {
  if (failure.encodedAttributes === undefined) return failure;
  const attributes: Init<DefaultEncodedFailureAttributes> | undefined = converter.fromPayload(failure.encodedAttributes);
  return {
    ...failure,
    message: attributes?.message ?? failure.message,
    stackTrace: attributes?.stack_trace ?? failure.stackTrace,
  };
}
