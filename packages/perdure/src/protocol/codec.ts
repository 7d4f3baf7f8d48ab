/**
 * What generated message types are made of.
 *
 * Conventions of the generated types, chosen so that the server decodes only what it looks at:
 * - a `google.protobuf.Timestamp` or `Duration` is a `number` of milliseconds (fractions allowed); wrapper types are optional scalars;
 * - a 64-bit integer is a `number`; one beyond 2^53 is refused;
 * - user data and other messages that the server carries without looking (payloads, failures, headers, memo, history, …) are
 *   {@link Encoded}: the bytes as they came, unknown fields included. Decode them with the codec of that name where needed;
 * - a map is a `Map`, but for the metadata of payloads, a plain record, because users' converters and codecs handle it; a oneof is a set of optional fields of which one is set.
 */
import { DecodeError, Reader } from './reader.js';
import { Writer } from './writer.js';

declare const encodedMessage: unique symbol;

/** The wire bytes of a message of type `T`, not decoded. */
export type Encoded<T> = Uint8Array & { readonly [encodedMessage]?: T };

/** What may be given where a message is written: every field optional, unset fields take protobuf's defaults. */
export type Init<T> = T extends string | number | boolean | bigint | Uint8Array
  ? T
  : T extends Map<infer K, infer V>
    ? ReadonlyMap<K, Init<V>>
    : T extends readonly (infer E)[]
      ? readonly Init<E>[]
      : T extends object
        ? { readonly [K in keyof T]?: Init<T[K]> | undefined }
        : T;

/** Sets an own property even when the key is `__proto__`: keys come from the wire. */
export function setEntry<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  else record[key] = value;
}

/** The entries that have a value. */
export function entriesOf<T>(record: Readonly<Record<string, T | undefined>> | undefined): Record<string, T> {
  const entries: Record<string, T> = {};
  if (record === undefined) return entries;
  for (const key of Object.keys(record)) {
    const value = record[key];
    if (value !== undefined) setEntry(entries, key, value);
  }
  return entries;
}

export interface Codec<T> {
  /** For example `temporal.api.common.v1.Payload`. */
  readonly typeName: string;
  encode(message: Init<T>): Encoded<T>;
  /** Like `encode`, with `headroom` bytes in front that the caller fills in. */
  encodeWithHeadroom(message: Init<T>, headroom: number): Buffer;
  /** @throws DecodeError */
  decode(bytes: Uint8Array): T;
  /** The full message: unset fields filled with their defaults. Shares nested byte arrays with its argument. */
  create(message?: Init<T>): T;
  /** Writes the fields, last first; for generated code. */
  write(writer: Writer, message: Init<T>): void;
  /** Reads fields up to `end`; for generated code. */
  read(reader: Reader, end: number): T;
}

const scratch = new Writer();
let scratchInUse = false;

export function codec<T>(
  typeName: string,
  write: (writer: Writer, message: Init<T>) => void,
  read: (reader: Reader, end: number) => T,
  create: (message: Init<T>) => T,
): Codec<T> {
  const encodeWithHeadroom = (message: Init<T>, headroom: number): Buffer => {
    const writer = scratchInUse ? new Writer() : scratch;
    scratchInUse = true;
    try {
      write(writer, message);
      return writer.finish(headroom);
    } catch (error) {
      writer.reset();
      throw error;
    } finally {
      scratchInUse = false;
    }
  };
  return {
    typeName,
    encodeWithHeadroom,
    encode: (message) => encodeWithHeadroom(message, 0),
    decode: (bytes) => {
      const reader = new Reader(bytes);
      const message = read(reader, reader.end);
      if (reader.pos !== reader.end) throw new DecodeError(`${typeName}: a field runs past the end`);
      return message;
    },
    create: (message) => create(message ?? ({} as Init<T>)),
    write,
    read,
  };
}

/** Writes milliseconds as a `Timestamp` or `Duration`, length in front. */
export function writeMillis(writer: Writer, millis: number): void {
  const mark = writer.mark();
  let seconds = Math.trunc(millis / 1000);
  let nanos = Math.round((millis - seconds * 1000) * 1e6);
  if (nanos >= 1e9) {
    seconds += 1;
    nanos = 0;
  }
  if (nanos !== 0) {
    writer.varint(nanos);
    writer.varint(0x10);
  }
  if (seconds !== 0) {
    writer.varint(seconds);
    writer.varint(0x08);
  }
  writer.varint(writer.mark() - mark);
}

export function readMillis(reader: Reader): number {
  const end = reader.enter();
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x08) seconds = reader.int64();
    else if (tag === 0x10) nanos = reader.int32();
    else reader.skip(tag);
  }
  reader.leave(end);
  return seconds * 1000 + nanos / 1e6;
}

export function readNested<T>(reader: Reader, type: Codec<T>): T {
  const end = reader.enter();
  const message = type.read(reader, end);
  reader.leave(end);
  return message;
}

/** The default of every bytes field. */
export const EMPTY: Uint8Array = new Uint8Array(0);
