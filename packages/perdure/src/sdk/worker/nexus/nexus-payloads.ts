/** Input and output of operations: through payload codecs, payload converter, and what the operation's definition says. */
import type { TypeInfo } from 'nexus-rpc';
import { HandlerError } from 'nexus-rpc/lib/common/handler-error.js';
import type { Payload } from '../../../protocol/index.js';
import { ApplicationFailure, decodePayloadsWithCodecs, encodePayloadsWithCodecs, type LoadedDataConverter } from '../../common/index.js';
import type { Payload as PlainPayload } from '../../common/payload-converter.js';
import { fromTransferType, toTransferType } from '../../common/transfer-type.js';

/** Converters and codecs throw a non-retryable ApplicationFailure of this type for input that is well formed and not allowed. */
const VALIDATION_ERROR = 'PayloadValidationError';

/** @throws HandlerError whose type says whose fault it is: a codec's, which may do better next time, or the caller's. */
export async function decodeInput({ payloadCodecs, payloadConverter }: LoadedDataConverter, payload: Payload | undefined, type: TypeInfo<unknown, unknown> | undefined): Promise<unknown> {
  if (payload === undefined) return undefined;
  let decoded: PlainPayload | undefined;
  try {
    [decoded] = await decodePayloadsWithCodecs(payloadCodecs, [payload]);
  } catch (error) {
    throw refusal(error, new HandlerError('INTERNAL', 'Payload codec failed to decode Nexus operation input', { cause: error }));
  }
  try {
    return decoded === undefined ? undefined : fromTransferType(payloadConverter.fromPayload(decoded), type);
  } catch (error) {
    throw refusal(error, new HandlerError('BAD_REQUEST', 'Payload converter failed to decode Nexus operation input', { cause: error }));
  }
}

export async function encodeOutput({ payloadCodecs, payloadConverter }: LoadedDataConverter, value: unknown, type: TypeInfo<unknown, unknown> | undefined): Promise<PlainPayload> {
  const payload = payloadConverter.toPayload(toTransferType(value, type));
  const [encoded] = await encodePayloadsWithCodecs(payloadCodecs, [payload]);
  return encoded ?? payload;
}

/** What converters and codecs throw on purpose counts more than what we would say. */
function refusal(error: unknown, otherwise: HandlerError): unknown {
  if (error instanceof ApplicationFailure && error.nonRetryable && error.type === VALIDATION_ERROR) return new HandlerError('BAD_REQUEST', 'Invalid operation input', { cause: error });
  return error instanceof ApplicationFailure || error instanceof HandlerError ? error : otherwise;
}
