/**
 * Errors of Nexus handlers, as failures and back.
 *
 * `HandlerError` is a class of the package `nexus-rpc`, not of this one, so it is no `TemporalFailure`; it has a kind of failure of its own all
 * the same. Whoever catches one and throws it on sends the very failure that it was made of: it is kept in `originalFailure`, where that package
 * keeps what came over the wire. Only the file of the class is loaded: most programs never meet one.
 */
import { HandlerError, HandlerErrorType } from 'nexus-rpc/lib/common/handler-error.js';
import type { NexusHandlerErrorRetryBehavior } from '../../protocol/index.js';
import { FAILURE_SOURCE, type ProtoFailure } from './failure.js';
import { payloadsToBytes } from './payload-bytes.js';
import { toPayloads, type PayloadConverter } from './payload-converter.js';

/** What a failure of Temporal's is called in the metadata of a Nexus failure that carries one. */
export const FAILURE_TYPE = 'temporal.api.failure.v1.Failure';

type NexusFailure = NonNullable<HandlerError['originalFailure']>;

const UNSPECIFIED: NexusHandlerErrorRetryBehavior = 0;
const RETRYABLE: NexusHandlerErrorRetryBehavior = 1;
const NON_RETRYABLE: NexusHandlerErrorRetryBehavior = 2;

/** True for handler errors of any realm, and of any copy of the package. */
export function isHandlerError(error: unknown): error is HandlerError {
  return error instanceof HandlerError;
}

/** The error of a failure that has `nexusHandlerFailureInfo`. @param wire the failure as it came. */
export function handlerErrorOf(failure: ProtoFailure, wire: ProtoFailure, cause: Error | undefined): HandlerError {
  const { type = '', retryBehavior = UNSPECIFIED } = failure.nexusHandlerFailureInfo ?? {};
  const retryableOverride = retryableOf(retryBehavior);
  const known = isKnownType(type) ? type : 'UNKNOWN';
  return new HandlerError(known, failure.message, {
    rawErrorType: type,
    originalFailure: { message: wire.message, metadata: { type: FAILURE_TYPE }, details: { ...wire } },
    ...(retryableOverride !== undefined && { retryableOverride }),
    ...(cause && { cause }),
  });
}

/** What says in a failure which handler error it was. */
export function handlerFailureInfo({ rawErrorType, retryableOverride }: HandlerError): NonNullable<ProtoFailure['nexusHandlerFailureInfo']> {
  return { type: rawErrorType, retryBehavior: retryBehaviorOf(retryableOverride) };
}

/** The failure that a handler error was made of, if it was made of one. */
export function originalFailureOf({ originalFailure: original, retryable }: HandlerError, converter: PayloadConverter): ProtoFailure | undefined {
  if (original === undefined) return undefined;
  const { metadata, details } = original;
  // Made by `handlerErrorOf`, or by hand of parts of a failure.
  if (metadata?.['type'] === FAILURE_TYPE && details !== undefined) return { ...emptyFailure(original.message, ''), ...(details as Partial<ProtoFailure>) };
  return foreignFailure(original, retryable, converter);
}

/** Of a handler that knows nothing of Temporal: all that it said, as the details of an application failure. */
function foreignFailure(original: NexusFailure, retryable: boolean, converter: PayloadConverter): ProtoFailure {
  const details = payloadsToBytes(toPayloads(converter, { ...original, message: '' }) ?? []);
  return {
    ...emptyFailure(original.message, original.stackTrace ?? ''),
    source: FAILURE_SOURCE,
    applicationFailureInfo: { type: 'NexusFailure', nonRetryable: !retryable, details, nextRetryDelay: undefined, category: 0 },
  };
}

function emptyFailure(message: string, stackTrace: string): ProtoFailure {
  return { message, source: '', stackTrace, cause: undefined, encodedAttributes: undefined };
}

function retryableOf(behavior: NexusHandlerErrorRetryBehavior): boolean | undefined {
  if (behavior === RETRYABLE) return true;
  return behavior === NON_RETRYABLE ? false : undefined;
}

function retryBehaviorOf(retryable: boolean | undefined): NexusHandlerErrorRetryBehavior {
  if (retryable === undefined) return UNSPECIFIED;
  return retryable ? RETRYABLE : NON_RETRYABLE;
}

function isKnownType(type: string): type is HandlerErrorType {
  return Object.hasOwn(HandlerErrorType, type);
}
