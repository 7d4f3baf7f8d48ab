/**
 * Values to payloads and back.
 *
 * A payload is bytes with metadata that says how to read them; the metadata key `encoding` names the converter. Converters are
 * synchronous and pure, because they also run inside workflow code. Anything that needs time or a key (encryption, compression) is a
 * {@link PayloadCodec}, which runs outside.
 */
import { ExternalStorageNotConfiguredError, PayloadConverterError } from './errors.js';
import type { SerializationContext } from './serialization-context.js';
import { decodeText, encodeText } from './text.js';
import { fromPayloadWithTypeInfo, type ConverterHint, type TypeInfo } from './type-info.js';

/** User data as it travels: bytes, and what they are. */
export interface Payload {
  /** Says how to read `data`, above all under the key `encoding`. */
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly data: Uint8Array;
}

/**
 * A payload whose data is stored elsewhere. Not part of {@link Payload}, so that codecs can pass payloads to and from the classes of
 * `@temporalio/proto`, where the size is a `Long`.
 */
export interface ReferencePayload extends Payload {
  /** The size of what is stored elsewhere, so that servers can count it. */
  readonly externalPayloads: readonly { readonly sizeBytes: number }[];
}

/** Of a payload that is no reference: none. */
export function externalPayloadsOf(payload: Payload): ReferencePayload['externalPayloads'] {
  return ((payload as Partial<ReferencePayload>).externalPayloads ?? []).map(({ sizeBytes }) => ({ sizeBytes: Number(sizeBytes) }));
}

export const METADATA_ENCODING_KEY = 'encoding';
/** Names the message type of the `…/protobuf` encodings. */
export const METADATA_MESSAGE_TYPE_KEY = 'messageType';

/** The encodings that all SDKs know. */
export const encodingTypes = {
  METADATA_ENCODING_NULL: 'binary/null',
  METADATA_ENCODING_RAW: 'binary/plain',
  METADATA_ENCODING_JSON: 'json/plain',
  METADATA_ENCODING_PROTOBUF_JSON: 'json/protobuf',
  METADATA_ENCODING_PROTOBUF: 'binary/protobuf',
} as const;

export type EncodingType = (typeof encodingTypes)[keyof typeof encodingTypes];

/** {@link encodingTypes} as they stand in the metadata of payloads. Made when asked for: see `text.ts`. */
export const encodingKeys: Readonly<Record<keyof typeof encodingTypes, Uint8Array>> = {
  get METADATA_ENCODING_NULL() {
    return encodeText(encodingTypes.METADATA_ENCODING_NULL);
  },
  get METADATA_ENCODING_RAW() {
    return encodeText(encodingTypes.METADATA_ENCODING_RAW);
  },
  get METADATA_ENCODING_JSON() {
    return encodeText(encodingTypes.METADATA_ENCODING_JSON);
  },
  get METADATA_ENCODING_PROTOBUF_JSON() {
    return encodeText(encodingTypes.METADATA_ENCODING_PROTOBUF_JSON);
  },
  get METADATA_ENCODING_PROTOBUF() {
    return encodeText(encodingTypes.METADATA_ENCODING_PROTOBUF);
  },
};

export interface PayloadConverter {
  /**
   * @param context whose payload it is.
   * @param hint what the definition or the call says of the value's type; see `TypeInfo`.
   * @throws PayloadConverterError if the value has no form as a payload.
   */
  toPayload<T>(value: T, context?: SerializationContext, hint?: ConverterHint<T>): Payload;
  /** @throws PayloadConverterError if the payload is not readable. */
  fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T;
  /** Whether this converter knows what to do with the hint. */
  validateConverterHint?: (hint: ConverterHint) => boolean;
}

/** One part of a {@link CompositePayloadConverter}: knows one encoding. */
export interface PayloadConverterWithEncoding {
  readonly encodingType: string;
  /** `undefined` if this converter does not handle such a value: the next one is asked. */
  toPayload<T>(value: T, context?: SerializationContext, hint?: ConverterHint<T>): Payload | undefined;
  fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T;
  /** Whether this converter knows what to do with the hint. Without it, values with hints pass it by. */
  validateConverterHint?: (hint: ConverterHint) => boolean;
}

/** Asks its parts in order when writing, and by the `encoding` of the payload when reading. */
export class CompositePayloadConverter implements PayloadConverter {
  readonly converters: readonly PayloadConverterWithEncoding[];
  readonly converterByEncoding: ReadonlyMap<string, PayloadConverterWithEncoding>;

  constructor(...converters: PayloadConverterWithEncoding[]) {
    if (converters.length === 0) throw new PayloadConverterError('A composite payload converter needs at least one converter.');
    this.converters = converters;
    this.converterByEncoding = new Map(converters.map((converter) => [converter.encodingType, converter]));
  }

  toPayload<T>(value: T, context?: SerializationContext, hint?: ConverterHint<T>): Payload {
    if (value instanceof RawValue) return value.payload;
    for (const converter of this.converters) {
      if (hint !== undefined && !understands(converter, hint)) continue;
      const payload = converter.toPayload(value, context, hint);
      if (payload !== undefined) return payload;
    }
    if (hint !== undefined) throw new PayloadConverterError(`No payload converter takes a value with the hint '${hint.converter}'. Add one whose validateConverterHint accepts it.`);
    throw new PayloadConverterError(
      `A ${typeof value} cannot be converted to a payload by ${this.converters.map((converter) => converter.encodingType).join(', ')}. ` +
        'Pass plain data (what JSON can hold, Uint8Array or undefined), or configure a payload converter for this type.',
    );
  }

  fromPayload<T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T {
    const encoding = encodingOf(payload);
    if (encoding === encodingTypes.METADATA_ENCODING_PROTOBUF_JSON && isReferencePayload(payload)) throw new ExternalStorageNotConfiguredError();
    const converter = this.converterByEncoding.get(encoding);
    if (converter === undefined) {
      throw new PayloadConverterError(
        `No payload converter for encoding '${encoding}'. Known: ${[...this.converterByEncoding.keys()].join(', ')}. ` +
          'Use the data converter and the payload codecs that the sender used.',
      );
    }
    if (hint !== undefined && !understands(converter, hint)) {
      throw new PayloadConverterError(`The payload converter for encoding '${encoding}' does not know the hint '${hint.converter}'. Sender and receiver must name the same type.`);
    }
    return converter.fromPayload<T>(payload, context, hint);
  }
}

function understands(converter: PayloadConverterWithEncoding, hint: ConverterHint): boolean {
  return converter.validateConverterHint?.(hint) === true;
}

/** Handles `undefined`. */
export class UndefinedPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_NULL;

  toPayload(value: unknown): Payload | undefined {
    return value === undefined ? { metadata: metadataFor(this.encodingType), data: new Uint8Array(0) } : undefined;
  }

  fromPayload<T>(_payload: Payload): T {
    return undefined as T;
  }
}

/** Handles `Uint8Array` (and `Buffer`): the bytes as they are. */
export class BinaryPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_RAW;

  toPayload(value: unknown): Payload | undefined {
    return isBytes(value) ? { metadata: metadataFor(this.encodingType), data: value } : undefined;
  }

  fromPayload<T>(payload: Payload): T {
    // A plain Uint8Array of the reader's own realm, whatever the transport handed over.
    return new Uint8Array(payload.data) as T;
  }
}

/** Handles what `JSON.stringify` handles. */
export class JsonPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_JSON;

  toPayload(value: unknown): Payload | undefined {
    if (value === undefined) return undefined;
    let json: string | undefined;
    try {
      json = JSON.stringify(value);
    } catch (error) {
      throw new PayloadConverterError(
        `A value cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}. ` +
          'Pass plain data without cycles; write bigint values as text.',
        error,
      );
    }
    // Functions and symbols: not data.
    return json === undefined ? undefined : { metadata: metadataFor(this.encodingType), data: encodeText(json) };
  }

  fromPayload<T>(payload: Payload): T {
    const text = decodeText(payload.data);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new PayloadConverterError(`A payload with encoding 'json/plain' does not hold JSON (${payload.data.byteLength} bytes).`, error);
    }
  }
}

export class DefaultPayloadConverter extends CompositePayloadConverter {
  constructor() {
    super(new UndefinedPayloadConverter(), new BinaryPayloadConverter(), new JsonPayloadConverter());
  }
}

const rawPayload = Symbol.for('perdure.rawPayload');

/** A payload that passes through conversion untouched, for workflows and handlers that accept anything. */
export class RawValue<T = unknown> {
  readonly [rawPayload]: Payload;
  declare readonly valueType?: T;

  constructor(value: T, payloadConverter: PayloadConverter = defaultPayloadConverter, context?: SerializationContext) {
    this[rawPayload] = payloadConverter.toPayload(value, context);
  }

  static fromPayload(payload: Payload): RawValue {
    const value: RawValue = Object.create(RawValue.prototype);
    Object.defineProperty(value, rawPayload, { value: payload });
    return value;
  }

  static [Symbol.hasInstance](candidate: unknown): boolean {
    return typeof candidate === 'object' && candidate !== null && rawPayload in candidate;
  }

  get payload(): Payload {
    return this[rawPayload];
  }
}

/** undefined, bytes, JSON. */
export const defaultPayloadConverter: DefaultPayloadConverter = new DefaultPayloadConverter();

/** The `encoding` of a payload. @throws PayloadConverterError if it has none. */
export function encodingOf(payload: Payload): string {
  const encoding = payload.metadata[METADATA_ENCODING_KEY];
  if (encoding === undefined) throw new PayloadConverterError("A payload has no metadata 'encoding', so nothing says how to read it.");
  return knownEncoding(encoding);
}

/** The message type of what stands for a payload that is stored elsewhere: see `external-storage.ts`. */
export const REFERENCE_MESSAGE_TYPE = 'temporal.api.sdk.v1.ExternalStorageReference';

/** Whether this payload stands for one that is stored elsewhere. */
export function isReferencePayload({ metadata }: Payload): boolean {
  const type = metadata[METADATA_MESSAGE_TYPE_KEY];
  if (type?.byteLength !== REFERENCE_MESSAGE_TYPE.length || decodeText(type) !== REFERENCE_MESSAGE_TYPE) return false;
  const encoding = metadata[METADATA_ENCODING_KEY];
  return encoding !== undefined && decodeText(encoding) === encodingTypes.METADATA_ENCODING_PROTOBUF_JSON;
}

/** Converts arguments; undefined for none, which the wire writes as an absent field. */
export function toPayloads(converter: PayloadConverter, ...values: unknown[]): Payload[] | undefined {
  return values.length === 0 ? undefined : values.map((value) => converter.toPayload(value));
}

/** For a value that may be absent: nothing for none. */
export function convertOptionalToPayload(converter: PayloadConverter, value: unknown, context?: SerializationContext): Payload | undefined {
  return value === undefined ? undefined : converter.toPayload(value, context);
}

export function arrayFromPayloads(
  converter: PayloadConverter,
  payloads: readonly Payload[] | undefined | null,
  context?: SerializationContext,
  typeInfo?: readonly TypeInfo[],
): unknown[] {
  return payloads ? payloads.map((payload, index) => fromPayloadWithTypeInfo(converter, payload, context, typeInfo?.[index])) : [];
}

/** The value at `index`; undefined when there are fewer payloads. */
export function fromPayloadsAtIndex<T, D = T>(
  converter: PayloadConverter,
  index: number,
  payloads: readonly Payload[] | undefined | null,
  context?: SerializationContext,
  typeInfo?: TypeInfo<T, D>,
): T {
  const payload = payloads?.[index];
  return payload === undefined ? (undefined as T) : fromPayloadWithTypeInfo(converter, payload, context, typeInfo);
}

export function mapToPayloads(converter: PayloadConverter, values: Readonly<Record<string, unknown>>, context?: SerializationContext): Map<string, Payload> {
  const payloads = new Map<string, Payload>();
  for (const [key, value] of Object.entries(values)) payloads.set(key, converter.toPayload(value, context));
  return payloads;
}

export function mapFromPayloads<T = unknown>(
  converter: PayloadConverter,
  payloads: ReadonlyMap<string, Payload> | undefined | null,
  context?: SerializationContext,
): Record<string, T> {
  const values: Record<string, T> = {};
  for (const [key, payload] of payloads ?? []) define(values, key, converter.fromPayload<T>(payload, context));
  return values;
}

/** Sets an own property even when the key is `__proto__`: keys come from the wire. */
export function define<T>(record: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}

/** True for `Uint8Array` and its subclasses of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

// The same few encodings are written and read all the time: their bytes are made once.
const encodedNames = new Map<string, Uint8Array>();

function metadataFor(encoding: string): Record<string, Uint8Array> {
  let bytes = encodedNames.get(encoding);
  if (bytes === undefined) encodedNames.set(encoding, (bytes = encodeText(encoding)));
  return { [METADATA_ENCODING_KEY]: bytes };
}

function knownEncoding(bytes: Uint8Array): string {
  for (const [name, known] of encodedNames) {
    if (known.byteLength === bytes.byteLength && known.every((byte, index) => byte === bytes[index])) return name;
  }
  return decodeText(bytes);
}
