/**
 * Answers to Nexus tasks, as messages.
 *
 * There are two ways to say that something failed. Servers that announce it with the request take Temporal's own failures; others take
 * failures of the Nexus protocol, whose details hold Temporal's as JSON.
 */
import type { OperationError } from 'nexus-rpc';
import type { HandlerError } from 'nexus-rpc/lib/common/handler-error.js';
import { Failure, type Encoded, type Init, type NexusFailure, type NexusResponse, type RespondNexusTaskFailedRequest } from '../../../protocol/index.js';
import { ApplicationFailure, CancelledFailure, encodeErrorToFailure, type LoadedDataConverter } from '../../common/index.js';
import { FAILURE_TYPE, handlerFailureInfo } from '../../common/handler-error.js';

/** How the failed answer says it. */
type HandlerFailure = Pick<Init<RespondNexusTaskFailedRequest>, 'failure' | 'error'>;

/** The operation ended within its start, and not well: an answer like any other. @param takesFailures the caller's server takes Temporal's failures. */
export async function failedOperation(converter: LoadedDataConverter, error: OperationError, takesFailures: boolean): Promise<Init<NexusResponse>> {
  const failure = Failure.encode(await encodeErrorToFailure(converter, failureOf(error)));
  if (takesFailures) return { startOperation: { failure } };
  return { startOperation: { operationError: { operationState: error.state, failure: await nexusFailure(failure) } } };
}

/** @param takesFailures the caller's server takes Temporal's failures. */
export async function handlerFailure(converter: LoadedDataConverter, error: HandlerError, takesFailures: boolean): Promise<HandlerFailure> {
  const info = handlerFailureInfo(error);
  const encoded = await encodeErrorToFailure(converter, error);
  // One that came from a service of another kind has lost what it was: servers want to know.
  const said = encoded.nexusHandlerFailureInfo === undefined ? { message: error.message, source: encoded.source, cause: encoded, nexusHandlerFailureInfo: info } : encoded;
  const failure = Failure.encode(said);
  if (takesFailures) return { failure };
  const { type, retryBehavior } = info;
  return { error: { errorType: type, retryBehavior, failure: await nexusFailure(failure) } };
}

function failureOf({ message, state, cause, stack }: OperationError): Error {
  const failure = state === 'canceled' ? new CancelledFailure(message, [], cause) : ApplicationFailure.create({ message, type: 'OperationError', nonRetryable: true, cause });
  if (stack !== undefined) failure.stack = stack;
  return failure;
}

async function nexusFailure(bytes: Encoded<Failure>): Promise<Init<NexusFailure>> {
  const failure = Failure.decode(bytes);
  // Loads the descriptors of all messages, so only where a server is old.
  const { binaryToJson } = await import('../../../protocol/json/index.js');
  const details = binaryToJson(FAILURE_TYPE, Failure.encode({ ...failure, message: '' }), { payloadShorthand: false });
  return { message: failure.message, stackTrace: failure.stackTrace, metadata: new Map([['type', FAILURE_TYPE]]), details: Buffer.from(details) };
}
