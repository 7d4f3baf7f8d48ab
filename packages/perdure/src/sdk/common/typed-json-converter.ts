/**
 * JSON that keeps dates, big integers, maps, sets and bytes.
 *
 * The payload is plain JSON (`json/plain`), as any SDK, console and tool reads it: a date is ISO text, a big integer decimal text, a map a
 * list of entries, a set a list, bytes are base64. What they were stands beside it, in the metadata, as paths; who does not know of that
 * gets the text. A value without any of them is exactly what {@link JsonPayloadConverter} writes.
 */
import { PayloadConverterError } from './errors.js';
import { define, encodingTypes, isBytes, JsonPayloadConverter, METADATA_ENCODING_KEY, type Payload, type PayloadConverterWithEncoding } from './payload-converter.js';
import { decodeText, encodeText } from './text.js';

type TypeName = 'date' | 'bigint' | 'map' | 'set' | 'bytes';
/** What stands at the end of a path; the path's parts are keys and indexes as text. */
type TypeAt = readonly [type: TypeName, ...path: string[]];

const TYPES_KEY = 'perdure-json-types';

/**
 * @example
 * // payload-converter.ts: the module that `payloadConverterPath` names
 * export const payloadConverter = new CompositePayloadConverter(new UndefinedPayloadConverter(), new BinaryPayloadConverter(), new TypedJsonPayloadConverter());
 */
export class TypedJsonPayloadConverter implements PayloadConverterWithEncoding {
  readonly encodingType = encodingTypes.METADATA_ENCODING_JSON;
  readonly #plain = new JsonPayloadConverter();

  toPayload(value: unknown): Payload | undefined {
    const types: TypeAt[] = [];
    // An inner holder, so that the value itself has one too.
    const { value: plain } = plainOf({ value }, types);
    const payload = this.#plain.toPayload(plain);
    if (payload === undefined || types.length === 0) return payload;
    return { ...payload, metadata: { ...payload.metadata, [METADATA_ENCODING_KEY]: payload.metadata[METADATA_ENCODING_KEY]!, [TYPES_KEY]: encodeText(JSON.stringify(types)) } };
  }

  fromPayload<T>(payload: Payload): T {
    const holder = { value: this.#plain.fromPayload<unknown>(payload) };
    const types = payload.metadata[TYPES_KEY];
    // The innermost comes last: what holds it is still plain when it is restored, and restored after it.
    if (types !== undefined) for (const type of readTypes(types).reverse()) restore(holder, type);
    return holder.value as T;
  }
}

/** A copy with JSON in place of what JSON does not know. */
function plainOf(holder: { readonly value: unknown }, types: TypeAt[]): { readonly value: unknown } {
  const paths = new Map<object, readonly string[]>([[holder, []]]);
  const replace = function (this: object, key: string, given: unknown): unknown {
    // A date has become text already when it arrives here.
    const original: unknown = Reflect.get(this, key);
    const path = [...(paths.get(this) ?? []), key];
    const typed = typeOf(original);
    const replaced = typed === undefined ? given : typed.plain(original);
    if (typed !== undefined) types.push([typed.name, ...path]);
    if (typeof replaced === 'object' && replaced !== null) paths.set(replaced, path);
    return replaced;
  };
  return { value: transformed(holder, 'value', replace, []) };
}

type Replace = (this: object, key: string, given: unknown) => unknown;

/** What `JSON.stringify` would write for a member, as a value. */
function transformed(holder: object, key: string, replace: Replace, above: readonly object[]): unknown {
  const original: unknown = Reflect.get(holder, key);
  const value = replace.call(holder, key, hasToJson(original) ? original.toJSON(key) : original);
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) throw new PayloadConverterError('A value cannot be written as JSON: it contains itself. Pass plain data without cycles.');
  const within = [...above, value];
  if (Array.isArray(value)) return value.map((_, index) => transformed(value, String(index), replace, within));
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) define(copy, name, transformed(value, name, replace, within));
  return copy;
}

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function';
}

interface Type {
  readonly name: TypeName;
  plain(value: unknown): unknown;
}

/** By their tags: values may come from another realm. A date that is none is `null`, as in JSON. */
function typeOf(value: unknown): Type | undefined {
  if (typeof value === 'bigint') return { name: 'bigint', plain: String };
  if (typeof value !== 'object' || value === null) return undefined;
  switch (Object.prototype.toString.call(value)) {
    case '[object Date]':
      return Number.isNaN((value as Date).getTime()) ? undefined : { name: 'date', plain: (date) => (date as Date).toISOString() };
    case '[object Map]':
      return { name: 'map', plain: (map) => [...(map as Map<unknown, unknown>)] };
    case '[object Set]':
      return { name: 'set', plain: (set) => [...(set as Set<unknown>)] };
    default:
      return isBytes(value) ? { name: 'bytes', plain: (bytes) => toBase64(bytes as Uint8Array) } : undefined;
  }
}

function restore(holder: object, [type, ...path]: TypeAt): void {
  const key = path.pop();
  if (key === undefined) throw malformed();
  let parent: unknown = holder;
  for (const part of path) parent = memberOf(parent, part);
  const plain = memberOf(parent, key);
  define(parent as Record<string, unknown>, key, restored(type, plain));
}

function memberOf(parent: unknown, key: string): unknown {
  // Own members only: the path comes from the wire.
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) throw malformed();
  return Reflect.get(parent, key);
}

function restored(type: TypeName, plain: unknown): unknown {
  try {
    if (type === 'map' && Array.isArray(plain)) return new Map(plain as [unknown, unknown][]);
    if (type === 'set' && Array.isArray(plain)) return new Set(plain);
    if (typeof plain === 'string') {
      if (type === 'date') return new Date(plain);
      if (type === 'bigint') return BigInt(plain);
      if (type === 'bytes') return fromBase64(plain);
    }
  } catch (error) {
    throw malformed(error);
  }
  throw malformed();
}

function readTypes(bytes: Uint8Array): TypeAt[] {
  let types: unknown;
  try {
    types = JSON.parse(decodeText(bytes));
  } catch (error) {
    throw malformed(error);
  }
  if (!Array.isArray(types) || !types.every(isTypeAt)) throw malformed();
  return types;
}

function isTypeAt(value: unknown): value is TypeAt {
  return Array.isArray(value) && value.length > 1 && value.every((part) => typeof part === 'string');
}

function malformed(cause?: unknown): PayloadConverterError {
  return new PayloadConverterError(`The metadata '${TYPES_KEY}' of a payload does not fit its JSON.`, cause);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The realm of workflow code has no `Buffer`, and `btoa` takes no bytes. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += 3) {
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const left = bytes.byteLength - at;
    text += DIGITS[group >> 18]! + DIGITS[(group >> 12) & 63]! + (left > 1 ? DIGITS[(group >> 6) & 63]! : '=') + (left > 2 ? DIGITS[group & 63]! : '=');
  }
  return text;
}

/** Reads both alphabets, with or without padding. @throws RangeError for anything else. */
export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [group, bits, at] = [0, 0, 0];
  for (const digit of digits) {
    const value = digit === '-' ? 62 : digit === '_' ? 63 : DIGITS.indexOf(digit);
    if (value < 0) throw new RangeError('not base64');
    group = ((group << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) bytes[at++] = (group >> (bits -= 8)) & 0xff;
  }
  return bytes;
}
