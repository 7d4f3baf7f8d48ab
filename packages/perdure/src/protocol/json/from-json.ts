/**
 * Protobuf's JSON to the wire format, by the shapes of `schema.ts`.
 *
 * Takes names in camel or snake case, enums as full names (`EVENT_TYPE_TIMER_FIRED`), short ones (`TimerFired`) or numbers, times as text,
 * 64-bit numbers as text or numbers, bytes in base 64, and payloads in full or as the plain value that they hold.
 *
 * Used for histories that tools have written, where what is not known is passed over, and by the HTTP API, where it is refused: a misspelt
 * option that is silently without effect helps nobody.
 */
import { FieldType, Schema, type EnumShape, type Field, type MessageShape } from './schema.js';
import { ANY, DURATION, FIELD_MASK, isWrapper, isWrittenAsValue, parseDuration, parseFieldMask, parseTimestamp, PAYLOAD, PAYLOADS, TIMESTAMP, type SecondsAndNanos } from './well-known.js';
import { fullPayload, isBase64, isFullPayload } from './payload-shorthand.js';
import { ExactNumber, isObject, JsonFormatError, jsonText, type Json, type JsonObject } from './value.js';
import { bits, delimited, doubleBits, floatBits, varintField } from './wire.js';

export interface FromJsonOptions {
  /** Pass over names and packed types that are not known, and take payloads without data as payloads. Default: false. */
  readonly tolerant?: boolean;
  /** Take plain values for payloads. Default: true. */
  readonly payloadShorthand?: boolean;
}

const MAX_DEPTH = 100;

/**
 * @param typeName full name, for example `temporal.api.history.v1.History`
 * @throws JsonFormatError names the field and what is expected there
 */
export function jsonToBinary(typeName: string, json: Json, options: FromJsonOptions = {}): Uint8Array {
  const { tolerant = false, payloadShorthand = true } = options;
  return new Encoder(Schema.load(), tolerant, payloadShorthand).message(`.${typeName}`, json, typeName.slice(typeName.lastIndexOf('.') + 1), 0);
}

class Encoder {
  constructor(
    readonly schema: Schema,
    readonly tolerant: boolean,
    readonly shorthand: boolean,
  ) {}

  message(type: string, json: Json, path: string, depth: number): Buffer {
    if (depth > MAX_DEPTH) throw new JsonFormatError(`${path}: nested deeper than ${MAX_DEPTH} messages.`);
    const special = this.#wellKnown(type, json, path, depth);
    if (special !== undefined) return special;
    const shape = this.schema.message(type);
    if (shape === undefined) throw new JsonFormatError(`${path}: the message type ${type.slice(1)} is not known.`);
    return this.#fields(shape, objectOf(json, path), path, depth);
  }

  #fields(shape: MessageShape, json: JsonObject, path: string, depth: number): Buffer {
    const parts: Uint8Array[] = [];
    const seen = new Set<Field>();
    for (const [name, value] of Object.entries(json)) {
      const field = shape.fields.get(name);
      if (field === undefined) {
        if (this.tolerant) continue;
        throw new JsonFormatError(`${path} has no field ${JSON.stringify(name)}.`);
      }
      if (value === undefined || (value === null && !this.#takesNull(field))) continue;
      const rival = [...seen].find((other) => other === field || (field.oneof !== undefined && other.oneof === field.oneof));
      if (rival !== undefined && !this.tolerant) throw new JsonFormatError(`${path}: ${rival === field ? `${field.jsonName} is given twice` : `only one of ${rival.jsonName} and ${field.jsonName} may be given`}.`);
      seen.add(field);
      this.#field(field, value, `${path}.${name}`, depth, parts);
    }
    return Buffer.concat(parts);
  }

  /** A payload that is null holds null; everywhere else null is the same as absent. */
  #takesNull(field: Field): boolean {
    return this.shorthand && field.typeName === PAYLOAD && !field.repeated;
  }

  #field(field: Field, json: Json, path: string, depth: number, parts: Uint8Array[]): void {
    const entry = this.schema.mapEntry(field);
    if (entry !== undefined) return this.#map(field, entry, objectOf(json, path), path, depth, parts);
    if (!field.repeated) return this.#value(field, json, path, depth, parts);
    if (!Array.isArray(json)) throw new JsonFormatError(`${path}: a list is expected, not ${describe(json)}.`);
    json.forEach((value: Json, index) => this.#value(field, value, `${path}[${index}]`, depth, parts));
  }

  #map(field: Field, entry: MessageShape, json: JsonObject, path: string, depth: number, parts: Uint8Array[]): void {
    const keyField = entry.byNumber.get(1);
    const valueField = entry.byNumber.get(2);
    if (keyField === undefined || valueField === undefined) return;
    for (const [key, value] of Object.entries(json)) {
      if (value === undefined) continue;
      const bytes: Uint8Array[] = [];
      this.#value(keyField, key, path, depth, bytes);
      this.#value(valueField, value, `${path}[${JSON.stringify(key)}]`, depth, bytes);
      parts.push(...delimited(field.number, Buffer.concat(bytes)));
    }
  }

  #value(field: Field, json: Json, path: string, depth: number, parts: Uint8Array[]): void {
    const { number } = field;
    switch (field.type) {
      case FieldType.MESSAGE:
        return void parts.push(...delimited(number, this.message(field.typeName, json, path, depth + 1)));
      case FieldType.STRING:
        return void parts.push(...delimited(number, Buffer.from(textOf(json, path))));
      case FieldType.BYTES:
        return void parts.push(...delimited(number, bytesOf(json, path)));
      case FieldType.ENUM:
        return void parts.push(...varintField(number, this.#enumNumber(field, json, path)));
      case FieldType.BOOL:
        return void parts.push(...varintField(number, booleanOf(json, path) ? 1 : 0));
      case FieldType.DOUBLE:
        return void parts.push(...bits(number, doubleBits(numberOf(json, path))));
      case FieldType.FLOAT:
        return void parts.push(...bits(number, floatBits(numberOf(json, path))));
      case FieldType.INT64:
      case FieldType.UINT64:
        return void parts.push(...varintField(number, integerOf(json, 64, field.type === FieldType.UINT64, path)));
      case FieldType.INT32:
      case FieldType.UINT32:
        return void parts.push(...varintField(number, integerOf(json, 32, field.type === FieldType.UINT32, path)));
      default:
        throw new JsonFormatError(`${path}: fields of the type ${field.type} are not known.`);
    }
  }

  #enumNumber(field: Field, json: Json, path: string): number {
    if (typeof json === 'number' && Number.isInteger(json)) return json;
    const shape = this.schema.enum(field.typeName);
    const number = shape && typeof json === 'string' ? numberNamed(shape, json) : undefined;
    if (number === undefined) throw new JsonFormatError(`${path}: ${describe(json)} is no ${field.typeName.slice(1)}.`);
    return number;
  }

  /** Messages that JSON writes in a way of its own. */
  #wellKnown(type: string, json: Json, path: string, depth: number): Buffer | undefined {
    switch (type) {
      case TIMESTAMP:
        return typeof json === 'string' ? secondsAndNanos(parseTimestamp(json, path)) : this.#refuse(`${path}: a time as text is expected, not ${describe(json)}.`);
      case DURATION:
        return typeof json === 'string' ? secondsAndNanos(parseDuration(json, path)) : this.#refuse(`${path}: a duration as text is expected, not ${describe(json)}.`);
      case FIELD_MASK:
        return typeof json === 'string' ? Buffer.concat(parseFieldMask(json).flatMap((name) => delimited(1, Buffer.from(name)))) : undefined;
      case ANY:
        return this.#any(objectOf(json, path), path, depth);
      case PAYLOADS:
        return this.shorthand && Array.isArray(json) ? this.message(type, { payloads: json }, path, depth) : undefined;
      case PAYLOAD:
        return this.shorthand && !isFullPayload(json, this.tolerant) ? this.message(type, fullPayload(json), path, depth) : undefined;
      default:
        return isWrapper(type) ? this.#wrapped(type, json, path, depth) : undefined;
    }
  }

  /** Other writers of protobuf put the fields of such a message into an object. */
  #refuse(message: string): undefined {
    if (!this.tolerant) throw new JsonFormatError(message);
    return undefined;
  }

  #wrapped(type: string, json: Json, path: string, depth: number): Buffer | undefined {
    const field = this.schema.message(type)?.byNumber.get(1);
    if (field === undefined || isObject(json)) return undefined;
    const parts: Uint8Array[] = [];
    this.#value(field, json, path, depth, parts);
    return Buffer.concat(parts);
  }

  #any(json: JsonObject, path: string, depth: number): Buffer | undefined {
    const { '@type': url, ...content } = json;
    if (url === undefined && (this.tolerant || Object.keys(json).length === 0)) return undefined;
    if (typeof url !== 'string') throw new JsonFormatError(`${path}: "@type" must name the type of the message.`);
    const type = `.${url.slice(url.lastIndexOf('/') + 1)}`;
    if (this.schema.message(type) === undefined) {
      if (this.tolerant) return Buffer.concat(delimited(1, Buffer.from(url)));
      throw new JsonFormatError(`${path}: the message type ${type.slice(1)} is not known.`);
    }
    const value = this.message(type, isWrittenAsValue(type) ? (content['value'] ?? null) : content, path, depth + 1);
    return Buffer.concat([...delimited(1, Buffer.from(url)), ...delimited(2, value)]);
  }
}

/** `EVENT_TYPE_TIMER_FIRED`, or `TimerFired` of the enum `EventType`. */
function numberNamed({ name, numbers }: EnumShape, given: string): number | undefined {
  return numbers.get(given) ?? numbers.get(`${screaming(name)}_${screaming(given)}`) ?? numbers.get(screaming(given));
}

const screaming = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

function objectOf(json: Json, path: string): JsonObject {
  if (isObject(json)) return json;
  throw new JsonFormatError(`${path}: an object is expected, not ${describe(json)}.`);
}

function textOf(json: Json, path: string): string {
  if (typeof json !== 'string') throw new JsonFormatError(`${path}: text is expected, not ${describe(json)}.`);
  if (/\p{Surrogate}/u.test(json)) throw new JsonFormatError(`${path}: the text holds half of a character, which UTF-8 cannot write.`);
  return json;
}

function bytesOf(json: Json, path: string): Buffer {
  if (isBase64(json)) return Buffer.from(json, 'base64');
  throw new JsonFormatError(`${path}: bytes in base 64 are expected, not ${describe(json)}.`);
}

function booleanOf(json: Json, path: string): boolean {
  if (json === true || json === 'true') return true;
  if (json === false || json === 'false') return false;
  throw new JsonFormatError(`${path}: true or false is expected, not ${describe(json)}.`);
}

const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

function numberOf(json: Json, path: string): number {
  if (typeof json === 'number') return json;
  const text = json instanceof ExactNumber ? json.text : json;
  if (typeof text === 'string' && (NUMBER.test(text) || ['NaN', 'Infinity', '-Infinity'].includes(text))) return Number(text);
  throw new JsonFormatError(`${path}: a number is expected, not ${describe(json)}.`);
}

function integerOf(json: Json, width: 32 | 64, unsigned: boolean, path: string): bigint {
  const text = json instanceof ExactNumber ? json.text : json;
  let value: bigint | undefined;
  if (typeof text === 'string' && /^-?\d{1,20}$/.test(text)) value = BigInt(text);
  else if ((typeof text === 'number' || (typeof text === 'string' && NUMBER.test(text))) && Number.isSafeInteger(Number(text))) value = BigInt(Number(text));
  if (value === undefined) throw new JsonFormatError(`${path}: a whole number is expected, not ${describe(json)}.`);
  if (value === (unsigned ? BigInt.asUintN(width, value) : BigInt.asIntN(width, value))) return value;
  throw new JsonFormatError(`${path}: ${value} does not fit into ${width} bits${unsigned ? ' without a sign' : ''}.`);
}

function describe(json: Json): string {
  const text = jsonText(json);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function secondsAndNanos({ seconds, nanos }: SecondsAndNanos): Buffer {
  return Buffer.concat([...varintField(1, seconds), ...varintField(2, nanos)]);
}

