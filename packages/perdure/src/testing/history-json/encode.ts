/**
 * Protobuf's JSON to the wire format, by the shapes of `schema.ts`.
 *
 * Takes what the tools of the field write: names in camel or snake case, enums as full names (`EVENT_TYPE_TIMER_FIRED`), short ones
 * (`TimerFired`) or numbers, times as text, 64-bit numbers as text, bytes in base 64, and payloads either in full or as the plain JSON
 * value that they hold. Names that are not known are passed over: a newer tool may write them.
 */
import { FieldType, Schema, type EnumShape, type Field } from './schema.js';

/** The text is not the JSON of such a message. Its message says where. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError';
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;
const MAX_DEPTH = 100;

const PAYLOAD = '.temporal.api.common.v1.Payload';
const PAYLOADS = '.temporal.api.common.v1.Payloads';

/** @param typeName full name, for example `temporal.api.history.v1.History` @throws HistoryFormatError */
export function jsonToBinary(typeName: string, json: unknown): Uint8Array {
  return new Encoder(Schema.load()).message(`.${typeName}`, json as Json, typeName, 0);
}

class Encoder {
  constructor(readonly schema: Schema) {}

  message(type: string, json: Json, path: string, depth: number): Buffer {
    if (depth > MAX_DEPTH) throw new HistoryFormatError(`${path}: nested too deeply.`);
    const special = this.#wellKnown(type, json, path, depth);
    if (special !== undefined) return special;
    const shape = this.schema.message(type);
    if (shape === undefined) throw new HistoryFormatError(`${path}: the message type ${type.slice(1)} is not known.`);
    if (!isObject(json)) throw new HistoryFormatError(`${path}: an object is expected, not ${describe(json)}.`);
    const parts: Uint8Array[] = [];
    for (const [name, value] of Object.entries(json)) {
      const field = shape.fields.get(name);
      if (field === undefined || value === undefined || (value === null && field.typeName !== PAYLOAD)) continue;
      this.#field(field, value, `${path}.${name}`, depth, parts);
    }
    return Buffer.concat(parts);
  }

  #field(field: Field, json: Json, path: string, depth: number, parts: Uint8Array[]): void {
    const entry = field.repeated && field.type === FieldType.MESSAGE ? this.schema.message(field.typeName) : undefined;
    if (entry?.isMapEntry === true) {
      if (!isObject(json)) throw new HistoryFormatError(`${path}: an object is expected, not ${describe(json)}.`);
      for (const [key, value] of Object.entries(json)) {
        const given = entry.fields.get('key')?.type === FieldType.STRING ? key : Number(key);
        const bytes: Uint8Array[] = [];
        this.#value(entry.fields.get('key')!, given, path, depth, bytes);
        if (value !== undefined) this.#value(entry.fields.get('value')!, value, `${path}[${key}]`, depth, bytes);
        parts.push(...delimited(field.number, Buffer.concat(bytes)));
      }
    } else if (field.repeated) {
      if (!Array.isArray(json)) throw new HistoryFormatError(`${path}: a list is expected, not ${describe(json)}.`);
      json.forEach((value: Json, index) => this.#value(field, value, `${path}[${index}]`, depth, parts));
    } else this.#value(field, json, path, depth, parts);
  }

  #value(field: Field, json: Json, path: string, depth: number, parts: Uint8Array[]): void {
    switch (field.type) {
      case FieldType.MESSAGE:
        return void parts.push(...delimited(field.number, this.message(field.typeName, json, path, depth + 1)));
      case FieldType.STRING:
        return void parts.push(...delimited(field.number, Buffer.from(textOf(json, path))));
      case FieldType.BYTES:
        return void parts.push(...delimited(field.number, Buffer.from(textOf(json, path), 'base64')));
      case FieldType.ENUM:
        return void parts.push(varint((field.number << 3) | VARINT), varint(this.#enumNumber(field, json, path)));
      case FieldType.BOOL:
        return void parts.push(varint((field.number << 3) | VARINT), varint(json === true || json === 'true' ? 1 : 0));
      case FieldType.DOUBLE:
      case FieldType.FLOAT:
      case FieldType.FIXED64:
      case FieldType.SFIXED64:
      case FieldType.FIXED32:
      case FieldType.SFIXED32:
        return void parts.push(...fixed(field, numberOf(json, path)));
      default: {
        const value = integerOf(json, path);
        const zigzag = field.type === FieldType.SINT32 || field.type === FieldType.SINT64;
        return void parts.push(varint((field.number << 3) | VARINT), varint(zigzag ? (value << 1n) ^ (value >> 63n) : value));
      }
    }
  }

  #enumNumber(field: Field, json: Json, path: string): number {
    if (typeof json === 'number') return json;
    const shape = this.schema.enum(field.typeName);
    const number = shape && typeof json === 'string' ? numberNamed(shape, json) : undefined;
    if (number === undefined) throw new HistoryFormatError(`${path}: ${describe(json)} is no ${field.typeName.slice(1)}.`);
    return number;
  }

  /** Messages that JSON writes in a way of its own. */
  #wellKnown(type: string, json: Json, path: string, depth: number): Buffer | undefined {
    switch (type) {
      case '.google.protobuf.Timestamp':
        return typeof json === 'string' ? timestamp(json, path) : undefined;
      case '.google.protobuf.Duration':
        return typeof json === 'string' ? duration(json, path) : undefined;
      case '.google.protobuf.FieldMask':
        return typeof json === 'string' ? Buffer.concat(json.split(',').flatMap((name) => delimited(1, Buffer.from(name)))) : undefined;
      case '.google.protobuf.Any':
        return this.#any(json, path, depth);
      case PAYLOADS:
        return Array.isArray(json) ? this.message(type, { payloads: json as readonly Json[] }, path, depth) : undefined;
      case PAYLOAD:
        return isPayload(json) ? undefined : this.message(type, payloadOf(json), path, depth);
      default:
        return undefined;
    }
  }

  #any(json: Json, path: string, depth: number): Buffer | undefined {
    if (!isObject(json) || typeof json['@type'] !== 'string') return undefined;
    const { '@type': url, ...content } = json;
    const type = `.${url.slice(url.lastIndexOf('/') + 1)}`;
    if (this.schema.message(type) === undefined) return Buffer.concat(delimited(1, Buffer.from(url)));
    return Buffer.concat([...delimited(1, Buffer.from(url)), ...delimited(2, this.message(type, content, path, depth + 1))]);
  }
}

/** `EVENT_TYPE_TIMER_FIRED`, or `TimerFired` of the enum `EventType`. */
function numberNamed({ name, numbers }: EnumShape, given: string): number | undefined {
  return numbers.get(given) ?? numbers.get(`${screaming(name)}_${screaming(given)}`) ?? numbers.get(screaming(given));
}

const screaming = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

function isObject(json: Json | undefined): json is { readonly [name: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** In full: metadata and data. Otherwise the value that the payload holds. */
function isPayload(json: Json): boolean {
  const names = isObject(json) ? Object.keys(json) : [];
  return names.length > 0 && names.every((name) => name === 'metadata' || name === 'data' || name === 'externalPayloads');
}

function payloadOf(json: Json): Json {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  if (json === null) return { metadata: { encoding: base64('binary/null') } };
  if (isObject(json) && typeof json['_protoMessageType'] === 'string') {
    const { _protoMessageType: messageType, ...value } = json;
    return { metadata: { encoding: base64('json/protobuf'), messageType: base64(messageType as string) }, data: base64(JSON.stringify(value)) };
  }
  return { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(json)) };
}

function textOf(json: Json, path: string): string {
  if (typeof json === 'string') return json;
  throw new HistoryFormatError(`${path}: text is expected, not ${describe(json)}.`);
}

function numberOf(json: Json, path: string): number {
  const number = typeof json === 'string' ? Number(json) : json;
  if (typeof number === 'number') return number;
  throw new HistoryFormatError(`${path}: a number is expected, not ${describe(json)}.`);
}

function integerOf(json: Json, path: string): bigint {
  if ((typeof json === 'number' && Number.isSafeInteger(json)) || (typeof json === 'string' && /^-?\d+$/.test(json))) return BigInt(json);
  throw new HistoryFormatError(`${path}: a whole number is expected, not ${describe(json)}.`);
}

function describe(json: Json): string {
  const text = JSON.stringify(json) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function timestamp(text: string, path: string): Buffer {
  const match = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  const seconds = match && Date.parse(`${match[1]}${match[3]}`) / 1000;
  if (match === null || seconds === null || !Number.isFinite(seconds)) throw new HistoryFormatError(`${path}: ${describe(text)} is no time.`);
  return secondsAndNanos(BigInt(Math.floor(seconds)), Number((match[2] ?? '').padEnd(9, '0').slice(0, 9)));
}

function duration(text: string, path: string): Buffer {
  const match = /^(-?)(\d+)(?:\.(\d+))?s$/.exec(text);
  if (match === null) throw new HistoryFormatError(`${path}: ${describe(text)} is no duration, such as "1.5s".`);
  const sign = match[1] === '-' ? -1 : 1;
  return secondsAndNanos(BigInt(sign) * BigInt(match[2] as string), sign * Number((match[3] ?? '').padEnd(9, '0').slice(0, 9)));
}

function secondsAndNanos(seconds: bigint, nanos: number): Buffer {
  return Buffer.concat([varint((1 << 3) | VARINT), varint(seconds), varint((2 << 3) | VARINT), varint(nanos)]);
}

function delimited(number: number, bytes: Uint8Array): Uint8Array[] {
  return [varint((number << 3) | BYTES), varint(bytes.byteLength), bytes];
}

function fixed({ number, type }: Field, value: number): Uint8Array[] {
  const wide = type === FieldType.DOUBLE || type === FieldType.FIXED64 || type === FieldType.SFIXED64;
  const bytes = Buffer.alloc(wide ? 8 : 4);
  if (type === FieldType.DOUBLE) bytes.writeDoubleLE(value);
  else if (type === FieldType.FLOAT) bytes.writeFloatLE(value);
  else if (wide) bytes.writeBigInt64LE(BigInt(value));
  else bytes.writeInt32LE(value | 0);
  return [varint((number << 3) | (wide ? FIXED_64 : FIXED_32)), bytes];
}

function varint(given: number | bigint): Uint8Array {
  let value = BigInt.asUintN(64, BigInt(given));
  const bytes: number[] = [];
  do {
    bytes.push(Number(value & 0x7fn) | (value > 0x7fn ? 0x80 : 0));
    value >>= 7n;
  } while (value > 0n);
  return Uint8Array.from(bytes);
}
