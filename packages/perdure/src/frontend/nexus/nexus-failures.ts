/** Failures of Nexus handlers: what they mean, and the older form in which some workers and all HTTP handlers send them. */
import { Failure, NexusHandlerErrorRetryBehavior, Payloads, type Encoded, type HandlerError, type Init, type NexusFailure } from '../../protocol/index.js';
import { jsonToBinary, parseJson } from '../../protocol/json/index.js';

/** The request cannot be made again as it is. Any other type is taken for a passing trouble. */
const LASTING: ReadonlySet<string> = new Set(['BAD_REQUEST', 'UNAUTHENTICATED', 'UNAUTHORIZED', 'NOT_FOUND', 'CONFLICT', 'NOT_IMPLEMENTED']);

/** Of a failure with the info of a handler. */
export function isRetryable(failure: Failure): boolean {
  const { type = '', retryBehavior = NexusHandlerErrorRetryBehavior.UNSPECIFIED } = failure.nexusHandlerFailureInfo ?? {};
  if (retryBehavior === NexusHandlerErrorRetryBehavior.UNSPECIFIED) return !LASTING.has(type);
  return retryBehavior === NexusHandlerErrorRetryBehavior.RETRYABLE;
}

/** What the server says in the place of a handler. */
export function handlerFailure(type: string, message: string, retryBehavior: NexusHandlerErrorRetryBehavior = NexusHandlerErrorRetryBehavior.UNSPECIFIED): Failure {
  return Failure.create({ message, nexusHandlerFailureInfo: { type, retryBehavior } });
}

export function fromHandlerError({ errorType, failure, retryBehavior }: HandlerError): Failure {
  return Failure.create({ nexusHandlerFailureInfo: { type: errorType, retryBehavior }, cause: failure && fromNexusFailure(failure, isAnnotated(failure) ? NEXUS_FAILURE : {}) });
}

/** The end of an operation that failed or was cancelled. */
export function fromOperationError(state: 'failed' | 'canceled', failure: NexusFailure | undefined): Encoded<Failure> {
  const plain = failure ?? { message: '', metadata: new Map(), details: new Uint8Array(0), stackTrace: '' };
  return Failure.encode(fromNexusFailure(plain, state === 'canceled' ? { canceledFailureInfo: {} } : NEXUS_FAILURE));
}

const FAILURE_TYPE = 'temporal.api.failure.v1.Failure';
const NEXUS_FAILURE: Init<Failure> = { applicationFailureInfo: { type: 'NexusFailure' } };

function isAnnotated({ metadata, details }: NexusFailure): boolean {
  return metadata.size > 0 || details.byteLength > 0;
}

/** @param otherwise what it is if it does not say so itself */
function fromNexusFailure(failure: NexusFailure, otherwise: Init<Failure>): Init<Failure> {
  const { message, stackTrace } = failure;
  const cause = failure.cause && fromNexusFailure(failure.cause, NEXUS_FAILURE);
  const own = failure.metadata.get('type') === FAILURE_TYPE ? readFailure(failure.details) : undefined;
  if (own !== undefined) return { ...own, message, stackTrace: stackTrace || own.stackTrace, cause: own.cause ?? cause };
  const details = isAnnotated(failure) ? keptDetails(failure) : undefined;
  const { applicationFailureInfo, canceledFailureInfo } = otherwise;
  return {
    message,
    stackTrace,
    cause,
    ...(applicationFailureInfo && { applicationFailureInfo: { ...applicationFailureInfo, details } }),
    ...(canceledFailureInfo && { canceledFailureInfo: { ...canceledFailureInfo, details } }),
  };
}

function readFailure(details: Uint8Array): Failure | undefined {
  try {
    return Failure.decode(jsonToBinary(FAILURE_TYPE, parseJson(Buffer.from(details).toString()), { tolerant: true, payloadShorthand: false }));
  } catch {
    return undefined;
  }
}

/** What other languages say beside the message, for whoever knows them. */
function keptDetails({ metadata, details }: NexusFailure): Encoded<Payloads> {
  const said = { ...(metadata.size > 0 && { metadata: Object.fromEntries(metadata) }), ...(details.byteLength > 0 && { details: readJson(details) }) };
  return Payloads.encode({ payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(said)) }] });
}

function readJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
