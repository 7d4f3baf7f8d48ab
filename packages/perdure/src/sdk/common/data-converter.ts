/**
 * The whole way of user data: values to payloads, payloads through the codecs, payloads to wire bytes, and back.
 *
 * For clients and workers. Workflow code uses only the synchronous converters; its payloads pass the codecs outside.
 */
import type { Encoded, Failure, Payloads } from '../../protocol/index.js';
import type { ExternalStorage } from './external-storage.js';
import { defaultFailureConverter, type FailureConverter } from './failure-converter.js';
import type { ProtoFailure } from './failure.js';
import { payloadMapFromBytes, payloadMapToBytes, payloadsFromBytes, payloadsToBytes, type PayloadMapMessage } from './payload-bytes.js';
import { decodePayloadsWithCodecs, encodePayloadsWithCodecs, type PayloadCodec } from './payload-codec.js';
import {
  externalPayloadsOf,
  arrayFromPayloads,
  defaultPayloadConverter,
  fromPayloadsAtIndex,
  mapFromPayloads,
  mapToPayloads,
  toPayloads,
  type Payload,
  type PayloadConverter,
} from './payload-converter.js';
import { argsToPayloads, type TypeInfo } from './type-info.js';

/** How a client or worker is told to convert data. */
export interface DataConverter {
  /**
   * Path of a module that exports `payloadConverter`. A path, not an object, because workflow code needs its own copy inside its realm.
   * Default: {@link defaultPayloadConverter}.
   */
  payloadConverterPath?: string;
  /** Path of a module that exports `failureConverter`. */
  failureConverterPath?: string;
  /** Applied in this order to what is sent, in the opposite order to what is received. */
  payloadCodecs?: PayloadCodec[];
  /** Keeps large payloads elsewhere, after the codecs have encoded them. Default: all are sent to the server. */
  externalStorage?: ExternalStorage;
}

/** A data converter with its modules loaded. External storage is the last of its codecs. */
export interface LoadedDataConverter {
  readonly payloadConverter: PayloadConverter;
  readonly failureConverter: FailureConverter;
  readonly payloadCodecs: readonly PayloadCodec[];
}

export const defaultDataConverter: LoadedDataConverter = {
  payloadConverter: defaultPayloadConverter,
  failureConverter: defaultFailureConverter,
  payloadCodecs: [],
};

/** Values to payloads, through the codecs; undefined for no values, which the wire writes as an absent field. */
export async function encodeToPayloads(converter: LoadedDataConverter, ...values: unknown[]): Promise<Payload[] | undefined> {
  const payloads = toPayloads(converter.payloadConverter, ...values);
  return payloads && encodePayloadsWithCodecs(converter.payloadCodecs, payloads);
}

/** Arguments, each by the hint at its place, to the bytes of a request's field. */
export async function encodeArgumentsToBytes(
  converter: LoadedDataConverter,
  values: readonly unknown[],
  types: readonly TypeInfo[] | undefined,
): Promise<Encoded<Payloads> | undefined> {
  if (types === undefined || values.length === 0) return encodeToBytes(converter, ...values);
  return payloadsToBytes(await encodePayloadsWithCodecs(converter.payloadCodecs, argsToPayloads(converter.payloadConverter, values, types)));
}

/** Payloads, through the codecs, to values. */
export async function decodeArrayFromPayloads(
  converter: LoadedDataConverter,
  payloads: readonly Payload[] | undefined | null,
  types?: readonly TypeInfo[],
): Promise<unknown[]> {
  return arrayFromPayloads(converter.payloadConverter, payloads && (await decodePayloadsWithCodecs(converter.payloadCodecs, payloads)), undefined, types);
}

/** The value at `index`; undefined when there are fewer. */
export async function decodeFromPayloadsAtIndex<T>(
  converter: LoadedDataConverter,
  index: number,
  payloads: readonly Payload[] | undefined | null,
  type?: TypeInfo,
): Promise<T> {
  const decoded = payloads && (await decodePayloadsWithCodecs(converter.payloadCodecs, payloads));
  return fromPayloadsAtIndex(converter.payloadConverter, index, decoded, undefined, type) as T;
}

/** Like {@link encodeToPayloads}, to the bytes of a request's field. */
export async function encodeToBytes(converter: LoadedDataConverter, ...values: unknown[]): Promise<Encoded<Payloads> | undefined> {
  const payloads = await encodeToPayloads(converter, ...values);
  return payloads && payloadsToBytes(payloads);
}

/** Like {@link decodeArrayFromPayloads}, from the bytes of a field; an absent field holds no values. */
export function decodeArrayFromBytes(converter: LoadedDataConverter, bytes: Encoded<Payloads> | undefined, types?: readonly TypeInfo[]): Promise<unknown[]> {
  return decodeArrayFromPayloads(converter, bytes && payloadsFromBytes(bytes), types);
}

/** Like {@link decodeFromPayloadsAtIndex}, from the bytes of a field. */
export function decodeFromBytesAtIndex<T>(converter: LoadedDataConverter, index: number, bytes: Encoded<Payloads> | undefined, type?: TypeInfo): Promise<T> {
  return decodeFromPayloadsAtIndex<T>(converter, index, bytes && payloadsFromBytes(bytes), type);
}

/** Values by name to the bytes of a memo or header. */
export async function encodeMapToBytes<Message extends PayloadMapMessage>(
  converter: LoadedDataConverter,
  values: Readonly<Record<string, unknown>>,
): Promise<Encoded<Message>> {
  const payloads = mapToPayloads(converter.payloadConverter, values);
  const encoded = await encodePayloadsWithCodecs(converter.payloadCodecs, [...payloads.values()]);
  return payloadMapToBytes<Message>(zip(payloads.keys(), encoded));
}

/** The bytes of a memo or header to values by name; an absent field holds none. */
export async function decodeMapFromBytes(
  converter: LoadedDataConverter,
  bytes: Encoded<PayloadMapMessage> | undefined,
): Promise<Record<string, unknown>> {
  if (bytes === undefined) return {};
  const payloads = payloadMapFromBytes(bytes);
  const decoded = await decodePayloadsWithCodecs(converter.payloadCodecs, [...payloads.values()]);
  return mapFromPayloads(converter.payloadConverter, zip(payloads.keys(), decoded));
}

/** An error to a failure message with its payloads encoded. */
export async function encodeErrorToFailure(converter: LoadedDataConverter, error: unknown): Promise<ProtoFailure> {
  return encodeFailure(converter.payloadCodecs, converter.failureConverter.errorToFailure(error, converter.payloadConverter));
}

/** A failure message to an error; undefined stays undefined. */
export async function decodeOptionalFailureToOptionalError(
  converter: LoadedDataConverter,
  failure: ProtoFailure | undefined,
): Promise<Error | undefined> {
  if (failure === undefined) return undefined;
  return converter.failureConverter.failureToError(await decodeFailure(converter.payloadCodecs, failure), converter.payloadConverter);
}

/** The same failure with all its payloads, also those of its causes, through the codecs. */
export function encodeFailure(codecs: readonly PayloadCodec[], failure: ProtoFailure): Promise<ProtoFailure> {
  return mapFailurePayloads(codecs, failure, encodePayloadsWithCodecs);
}

/** Undoes {@link encodeFailure}. */
export function decodeFailure(codecs: readonly PayloadCodec[], failure: ProtoFailure): Promise<ProtoFailure> {
  return mapFailurePayloads(codecs, failure, decodePayloadsWithCodecs);
}

type Through = (codecs: readonly PayloadCodec[], payloads: readonly Payload[]) => Promise<Payload[]>;

async function mapFailurePayloads(codecs: readonly PayloadCodec[], failure: ProtoFailure, through: Through): Promise<ProtoFailure> {
  if (codecs.length === 0) return failure;
  const mapped = async (bytes: Encoded<Payloads> | undefined) => bytes && payloadsToBytes(await through(codecs, payloadsFromBytes(bytes)));
  const result: Failure = { ...failure };
  if (failure.applicationFailureInfo) {
    result.applicationFailureInfo = { ...failure.applicationFailureInfo, details: await mapped(failure.applicationFailureInfo.details) };
  }
  if (failure.canceledFailureInfo) {
    result.canceledFailureInfo = { ...failure.canceledFailureInfo, details: await mapped(failure.canceledFailureInfo.details) };
  }
  if (failure.timeoutFailureInfo) {
    const lastHeartbeatDetails = await mapped(failure.timeoutFailureInfo.lastHeartbeatDetails);
    result.timeoutFailureInfo = { ...failure.timeoutFailureInfo, lastHeartbeatDetails };
  }
  if (failure.resetWorkflowFailureInfo) {
    result.resetWorkflowFailureInfo = { lastHeartbeatDetails: await mapped(failure.resetWorkflowFailureInfo.lastHeartbeatDetails) };
  }
  if (failure.encodedAttributes) {
    const [payload] = await through(codecs, [failure.encodedAttributes]);
    if (payload) result.encodedAttributes = { metadata: { ...payload.metadata }, data: payload.data, externalPayloads: [...externalPayloadsOf(payload)] };
  }
  if (failure.cause) result.cause = await mapFailurePayloads(codecs, failure.cause, through);
  return result;
}

function zip(keys: Iterable<string>, payloads: readonly Payload[]): Map<string, Payload> {
  const zipped = new Map<string, Payload>();
  let index = 0;
  for (const key of keys) zipped.set(key, payloads[index++]!);
  return zipped;
}
