/**
 * The JSON form of protocol buffers (proto3), which all SDKs exchange under `json/protobuf`.
 *
 * Written: names in camel case, 64-bit integers as text, bytes in base64, enums by name. Read: what is written, and the original names of
 * fields; fields that are not known are passed over, so that a newer sender is understood. The well-known types have forms of their own.
 */
import { fromBase64, toBase64 } from '../common/typed-json-converter.js';
import { isBytes } from '../common/index.js';
import { createMessage, isCodeRefused } from './message-object.js';
import { enumOf, messageTypeOf, type MessageField, type MessageType } from './reflection.js';
import { wellKnown } from './well-known-types.js';

const INTEGERS_AS_TEXT = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);
const FLOATS = new Set(['double', 'float']);

export type JsonObject = Record<string, unknown>;

export function messageToJson(type: MessageType, message: object): unknown {
  const special = wellKnown(type.fullName);
  if (special !== undefined) return special.toJson(message as JsonObject);
  const json: JsonObject = {};
  for (const field of type.fieldsArray) {
    // Own members are those that were set: defaults are on the prototype.
    const value: unknown = Object.hasOwn(message, field.name) ? Reflect.get(message, field.name) : undefined;
    if (value === undefined || value === null) continue;
    if (field.map) json[jsonName(field)] = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, valueToJson(field, entry)]));
    else if (field.repeated) json[jsonName(field)] = [...(value as Iterable<unknown>)].map((item) => valueToJson(field, item));
    else json[jsonName(field)] = valueToJson(field, value);
  }
  return json;
}

/** @throws TypeError if the JSON is none of this type. */
export function messageFromJson(type: MessageType, json: unknown): object {
  const plain = plainMessage(type, json);
  try {
    return type.fromObject(plain);
  } catch (error) {
    if (!isCodeRefused(error)) throw error;
    return createMessage(type, plain);
  }
}

function plainMessage(type: MessageType, json: unknown): JsonObject {
  const special = wellKnown(type.fullName);
  if (special !== undefined) return special.fromJson(json);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError(`${type.fullName.slice(1)} is an object, not ${JSON.stringify(json)}`);
  const message: JsonObject = {};
  for (const field of type.fieldsArray) {
    const value = memberNamed(json, jsonName(field), field.name, snakeCase(field.name));
    if (value === undefined || (value === null && field.type !== 'google.protobuf.Value')) continue;
    if (field.map) message[field.name] = Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, valueFromJson(field, entry)]));
    else if (field.repeated) message[field.name] = listOf(field, value).map((item) => valueFromJson(field, item));
    else message[field.name] = valueFromJson(field, value);
  }
  return message;
}

function valueToJson(field: MessageField, value: unknown): unknown {
  const nested = messageTypeOf(field);
  if (nested !== undefined) return messageToJson(nested, value as object);
  if (INTEGERS_AS_TEXT.has(field.type)) return String(value);
  if (FLOATS.has(field.type)) return Number.isFinite(value) ? value : String(value);
  if (field.type === 'bytes') return isBytes(value) ? toBase64(value) : Array.isArray(value) ? toBase64(Uint8Array.from(value as number[])) : value;
  const enumType = enumOf(field);
  if (enumType === undefined || typeof value !== 'number') return value;
  return Object.entries(enumType.values).find(([, number]) => number === value)?.[0] ?? value;
}

function valueFromJson(field: MessageField, value: unknown): unknown {
  const nested = messageTypeOf(field);
  if (nested !== undefined) return plainMessage(nested, value);
  if (FLOATS.has(field.type)) return Number(value);
  if (field.type === 'bytes' && typeof value === 'string') return fromBase64(value);
  const enumType = enumOf(field);
  if (enumType === undefined || typeof value !== 'string') return value;
  // A name that this version does not know: the first one, as for a field that is not there.
  return enumType.values[value] ?? 0;
}

function memberNamed(json: object, ...names: string[]): unknown {
  for (const name of names) if (Object.hasOwn(json, name)) return Reflect.get(json, name);
  return undefined;
}

function listOf(field: MessageField, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`the field ${field.name} is a list, not ${JSON.stringify(value)}`);
  return value;
}

function jsonName({ name, options }: MessageField): string {
  const given = options?.['json_name'];
  return typeof given === 'string' ? given : name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
