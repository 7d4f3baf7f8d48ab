/**
 * Hints of types: how a value that user code handles travels, where its type alone does not say.
 *
 * Two independent means. A transfer type converter stands before the payload converter when a value is sent, and behind it when one is
 * received: a class to plain data and back. A converter hint goes to the payload converter as it is: the message type of protocol buffers.
 * Definitions, options of calls, and functions of workflows and activities carry them; both sides must name the same. Runs in workflow code
 * as well.
 */
import { ValueError } from './errors.js';
import { RawValue, type Payload, type PayloadConverter } from './payload-converter.js';
import type { SerializationContext } from './serialization-context.js';

/** How values of type `T` travel; `D` is what the payload converter handles in their place. */
export interface TypeInfo<T = unknown, D = T> {
  /** Default: the value goes to the payload converter as it is. */
  transferTypeConverter?: TransferTypeConverter<T, D>;
  /** For the payload converter. A converter that does not know it refuses the value. */
  payloadConverterHint?: ConverterHint<D>;
}

/** Between what user code handles and what the payload converter does. Must give the same for the same value, since workflow code is replayed. */
export interface TransferTypeConverter<T, D = unknown> {
  fromTransferType(value: D): T;
  toTransferType(value: T): D;
}

declare const valueType: unique symbol;

/** What a payload converter has to know of a value. Extend it with what yours needs. */
export interface ConverterHint<T = unknown> {
  /** Names the kind of converter, for its `validateConverterHint`. */
  converter: string;
  /** Never set: it carries the type. */
  [valueType]?: T;
}

/** Of arguments, by their places, and of a result. */
export interface PayloadTypeInfo {
  inputTypes?: readonly TypeInfo[];
  outputType?: TypeInfo;
}

// Carried in the value, not by identity: workflow code has its own copy of this module.
const rawValueBrand: unique symbol = Symbol.for('perdure.rawValueTypeInfo');

/** For values that are {@link RawValue}: the payload converter is left out, payload codecs are not. */
export const rawValueTypeInfo: TypeInfo<RawValue> = rawValueType();

function rawValueType(): TypeInfo<RawValue> & { readonly [rawValueBrand]: true } {
  return { [rawValueBrand]: true };
}

function isRawValueTypeInfo(type: object): boolean {
  return rawValueBrand in type;
}

/** @throws PayloadConverterError or ValueError if the value does not fit. */
export function toPayloadWithTypeInfo<T, D = T>(
  converter: PayloadConverter,
  value: T,
  context: SerializationContext | undefined,
  typeInfo: TypeInfo<T, D> | undefined,
): Payload {
  if (typeInfo === undefined) return converter.toPayload(value, context);
  if (isRawValueTypeInfo(typeInfo)) {
    if (value instanceof RawValue) return value.payload;
    throw new ValueError('A value whose type is `rawValueTypeInfo` must be a RawValue.');
  }
  const { transferTypeConverter, payloadConverterHint } = typeInfo;
  if (transferTypeConverter === undefined) return converter.toPayload<unknown>(value, context, payloadConverterHint);
  return converter.toPayload(transferTypeConverter.toTransferType(value), context, payloadConverterHint);
}

/** Undoes {@link toPayloadWithTypeInfo}. */
export function fromPayloadWithTypeInfo<T, D = T>(
  converter: PayloadConverter,
  payload: Payload,
  context: SerializationContext | undefined,
  typeInfo: TypeInfo<T, D> | undefined,
): T {
  if (typeInfo === undefined) return converter.fromPayload<T>(payload, context);
  if (isRawValueTypeInfo(typeInfo)) return RawValue.fromPayload(payload) as T;
  const { transferTypeConverter, payloadConverterHint } = typeInfo;
  const transferred = converter.fromPayload<D>(payload, context, payloadConverterHint);
  return transferTypeConverter === undefined ? (transferred as unknown as T) : transferTypeConverter.fromTransferType(transferred);
}

/** Arguments to payloads. */
export function argsToPayloads(converter: PayloadConverter, values: readonly unknown[], types: readonly TypeInfo[] | undefined): Payload[] {
  return types === undefined
    ? values.map((value) => converter.toPayload(value))
    : values.map((value, index) => toPayloadWithTypeInfo(converter, value, undefined, types[index]));
}
