/**
 * The wire format to protobuf's JSON, by the shapes of `schema.ts`.
 *
 * Writes what other servers of the API write: names in camel case and in the order of the `.proto` file, full enum names, 64-bit numbers
 * and times as text, what is not set left out, and payloads as the plain values that they hold (or in full, on request). Text is written
 * straight from the bytes, without objects in between; plain payloads are copied as they are, so that no digit of theirs is lost.
 */
import { DecodeError, Reader } from '../reader.js';
import { shorthandText } from './payload-shorthand.js';
import { FieldType, Schema, type Field, type MessageShape } from './schema.js';
import { ANY, DURATION, durationText, FIELD_MASK, fieldMaskText, isWrapper, isWrittenAsValue, PAYLOAD, PAYLOADS, TIMESTAMP, timestampText, type SecondsAndNanos } from './well-known.js';

export interface ToJsonOptions {
  /** Write payloads as the values that they hold, where that loses nothing. Default: true. */
  readonly payloadShorthand?: boolean;
}

const MAX_DEPTH = 100;

/**
 * @param typeName full name, for example `temporal.api.history.v1.History`
 * @returns JSON text on one line
 * @throws DecodeError the bytes are no such message
 */
export function binaryToJson(typeName: string, bytes: Uint8Array, options: ToJsonOptions = {}): string {
  return new Decoder(Schema.load(), options.payloadShorthand ?? true).message(`.${typeName}`, bytes, 0);
}

/** What came for one field, in order: numbers decoded, everything else as bytes. */
type Values = (number | Uint8Array)[];

class Decoder {
  constructor(
    readonly schema: Schema,
    readonly shorthand: boolean,
  ) {}

  message(type: string, bytes: Uint8Array, depth: number): string {
    if (depth > MAX_DEPTH) throw new DecodeError(`messages are nested deeper than ${MAX_DEPTH}`);
    const shape = this.schema.message(type);
    if (shape === undefined) throw new DecodeError(`the message type ${type.slice(1)} is not known`);
    const values = readValues(shape, bytes);
    return this.#wellKnown(type, values, depth) ?? `{${this.#members(shape, values, depth).join(',')}}`;
  }

  #members(shape: MessageShape, values: ReadonlyMap<Field, Values>, depth: number): string[] {
    const members: string[] = [];
    for (const field of shape.ordered) {
      const given = values.get(field);
      if (given === undefined) continue;
      const text = this.#field(field, given, depth);
      if (text !== undefined) members.push(`"${field.jsonName}":${text}`);
    }
    return members;
  }

  #field(field: Field, given: Values, depth: number): string | undefined {
    const entry = this.schema.mapEntry(field);
    if (entry !== undefined) return this.#map(entry, given, depth);
    if (field.repeated) return `[${given.map((value) => this.#value(field, value, depth)).join(',')}]`;
    const value = lastOf(field, given);
    return !field.hasPresence && isDefault(value) ? undefined : this.#value(field, value, depth);
  }

  #map(entry: MessageShape, given: Values, depth: number): string {
    const keyField = entry.byNumber.get(1);
    const valueField = entry.byNumber.get(2);
    if (keyField === undefined || valueField === undefined) return '{}';
    const members = new Map<string, string>();
    for (const bytes of given) {
      const values = readValues(entry, bytesOf(bytes));
      const key = this.#value(keyField, values.get(keyField)?.at(-1) ?? zeroOf(keyField), depth);
      const value = values.get(valueField);
      members.set(key.startsWith('"') ? key : `"${key}"`, this.#value(valueField, value === undefined ? zeroOf(valueField) : lastOf(valueField, value), depth));
    }
    return `{${[...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}:${value}`).join(',')}}`;
  }

  #value(field: Field, value: number | Uint8Array, depth: number): string {
    switch (field.type) {
      case FieldType.MESSAGE:
        return this.message(field.typeName, bytesOf(value), depth + 1);
      case FieldType.STRING:
        return JSON.stringify(textOf(value));
      case FieldType.BYTES:
        return `"${base64(bytesOf(value))}"`;
      case FieldType.BOOL:
        return value === 0 ? 'false' : 'true';
      case FieldType.ENUM: {
        const name = this.schema.enum(field.typeName)?.names.get(numberOf(value));
        return name === undefined ? String(value) : `"${name}"`;
      }
      case FieldType.INT64:
      case FieldType.UINT64:
        return `"${numberOf(value)}"`;
      case FieldType.DOUBLE:
        return numberText(numberOf(value), String);
      case FieldType.FLOAT:
        return numberText(numberOf(value), shortestFloat);
      default:
        return String(value);
    }
  }

  #wellKnown(type: string, values: ReadonlyMap<Field, Values>, depth: number): string | undefined {
    switch (type) {
      case TIMESTAMP:
        return `"${timestampText(secondsAndNanos(values))}"`;
      case DURATION:
        return `"${durationText(secondsAndNanos(values))}"`;
      case FIELD_MASK:
        return JSON.stringify(fieldMaskText(byNumber(values, 1).map((path) => textOf(path))));
      case ANY:
        return this.#any(values, depth);
      case PAYLOADS:
        return this.shorthand ? this.#payloads(byNumber(values, 1)) : undefined;
      case PAYLOAD:
        return this.shorthand ? this.#payload(values) : undefined;
      default: {
        if (!isWrapper(type)) return undefined;
        const field = this.schema.message(type)?.byNumber.get(1);
        return field && this.#value(field, byNumber(values, 1).at(-1) ?? zeroOf(field), depth);
      }
    }
  }

  /** As a list, if each of them can be written as a value. */
  #payloads(given: Values): string | undefined {
    const shape = this.schema.message(PAYLOAD);
    if (shape === undefined) return undefined;
    const texts = given.map((bytes) => this.#payload(readValues(shape, bytesOf(bytes))));
    return texts.includes(undefined) ? undefined : `[${texts.join(',')}]`;
  }

  #payload(values: ReadonlyMap<Field, Values>): string | undefined {
    const entry = this.schema.message(`${PAYLOAD}.MetadataEntry`);
    if (entry === undefined || [...values.keys()].some((field) => field.number > 2)) return undefined;
    const metadata = byNumber(values, 1).map((bytes): [string, Uint8Array] => {
      const pair = readValues(entry, bytesOf(bytes));
      return [textOf(byNumber(pair, 1).at(-1) ?? EMPTY), bytesOf(byNumber(pair, 2).at(-1) ?? EMPTY)];
    });
    return shorthandText({ metadata: new Map(metadata), data: bytesOf(byNumber(values, 2).at(-1) ?? EMPTY) });
  }

  /** A packed message of a type that is not known stays bytes. */
  #any(values: ReadonlyMap<Field, Values>, depth: number): string {
    const url = textOf(byNumber(values, 1).at(-1) ?? EMPTY);
    const content = bytesOf(byNumber(values, 2).at(-1) ?? EMPTY);
    if (url === '' && content.byteLength === 0) return '{}';
    const type = `.${url.slice(url.lastIndexOf('/') + 1)}`;
    const named = `{"@type":${JSON.stringify(url)}`;
    if (this.schema.message(type) === undefined) return `${named},"value":"${base64(content)}"}`;
    const text = this.message(type, content, depth + 1);
    if (isWrittenAsValue(type) || !text.startsWith('{')) return `${named},"value":${text}}`;
    return text === '{}' ? `${named}}` : `${named},${text.slice(1)}`;
  }
}

const EMPTY = new Uint8Array();

function readValues(shape: MessageShape, bytes: Uint8Array): Map<Field, Values> {
  const values = new Map<Field, Values>();
  const reader = new Reader(bytes);
  while (reader.pos < reader.end) {
    const tag = reader.uint32();
    const field = shape.byNumber.get(tag >>> 3);
    if (field === undefined) {
      reader.skip(tag);
      continue;
    }
    const list = values.get(field) ?? [];
    if (list.length === 0) values.set(field, list);
    if ((tag & 7) === 2 && isPackable(field)) {
      const end = reader.enter();
      while (reader.pos < end) list.push(readNumber(reader, field));
      reader.leave(end);
    } else list.push((tag & 7) === 2 ? reader.bytes() : readNumber(reader, field));
  }
  if (reader.pos !== reader.end) throw new DecodeError(`${shape.name.slice(1)}: a field runs past the end`);
  return values;
}

const isPackable = ({ type }: Field): boolean => type !== FieldType.MESSAGE && type !== FieldType.STRING && type !== FieldType.BYTES;

function readNumber(reader: Reader, { type }: Field): number {
  switch (type) {
    case FieldType.DOUBLE:
      return reader.double();
    case FieldType.FLOAT:
      return reader.float();
    case FieldType.INT64:
      return reader.int64();
    case FieldType.UINT64:
      return reader.uint64();
    case FieldType.UINT32:
      return reader.uint32();
    case FieldType.INT32:
    case FieldType.ENUM:
      return reader.int32();
    case FieldType.BOOL:
      return reader.bool() ? 1 : 0;
    default:
      throw new DecodeError(`a field has the wire type of a number, and the type ${type}`);
  }
}

/** Of a scalar the last one counts; messages that come in pieces are merged, which their bytes in a row are. */
function lastOf(field: Field, given: Values): number | Uint8Array {
  return field.type === FieldType.MESSAGE && given.length > 1 ? Buffer.concat(given.map(bytesOf)) : (given.at(-1) ?? zeroOf(field));
}

const zeroOf = (field: Field): number | Uint8Array => (isPackable(field) ? 0 : EMPTY);
const isDefault = (value: number | Uint8Array): boolean => (typeof value === 'number' ? Object.is(value, 0) : value.byteLength === 0);

function byNumber(values: ReadonlyMap<Field, Values>, number: number): Values {
  for (const [field, list] of values) if (field.number === number) return list;
  return [];
}

function bytesOf(value: number | Uint8Array): Uint8Array {
  if (typeof value === 'number') throw new DecodeError('a field has the wire type of a number');
  return value;
}

/** Broken UTF-8 becomes replacement characters. */
function textOf(value: number | Uint8Array): string {
  const bytes = bytesOf(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice(0, bytes.byteLength);
}

function numberOf(value: number | Uint8Array): number {
  if (typeof value !== 'number') throw new DecodeError('a field has the wire type of bytes');
  return value;
}

function secondsAndNanos(values: ReadonlyMap<Field, Values>): SecondsAndNanos {
  return { seconds: numberOf(byNumber(values, 1).at(-1) ?? 0), nanos: numberOf(byNumber(values, 2).at(-1) ?? 0) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function numberText(value: number, write: (value: number) => string): string {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? write(value) : `"${value}"`;
}

/** The fewest digits that read back as the same 32 bits. */
function shortestFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}
