/**
 * Messages without protobufjs's own classes: those it makes by generating code, which workflow code cannot.
 *
 * Such a message has its fields as members and the defaults and `$type` on its prototype, as one of protobufjs does. It lacks the methods.
 */
import { ValueError } from '../common/index.js';
import { enumOf, isMessageType, messageTypeOf, type MessageField, type MessageType } from './reflection.js';

const INTEGERS_OF_64_BITS = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);
const prototypes = new WeakMap<MessageType, object>();

/**
 * A message that workflow code can make, in place of `Type.create`.
 *
 * @throws ValueError if this is no message type of protobufjs, or the type has no such field.
 * @example return createMessage(root.lookupType('shop.v1.Parcel'), { address: 'Main Street 1' });
 */
export function createMessage(type: unknown, fields: Readonly<Record<string, unknown>> = {}): object {
  if (!isMessageType(type)) throw new ValueError('A message type of protobufjs was expected: `root.lookupType(name)`.');
  const message: object = Object.create(prototypeOf(type));
  const known = new Map(type.fieldsArray.map((field) => [field.name, field]));
  for (const [name, value] of Object.entries(fields)) {
    const field = known.get(name);
    if (field === undefined) throw new ValueError(`The message ${type.fullName.slice(1)} has no field '${name}'. It has: ${[...known.keys()].join(', ')}.`);
    if (value !== undefined && value !== null) Reflect.set(message, name, valueOf(field, value));
  }
  return message;
}

function prototypeOf(type: MessageType): object {
  let prototype = prototypes.get(type);
  if (prototype === undefined) {
    prototype = Object.fromEntries(type.fieldsArray.map((field): [string, unknown] => [field.name, defaultOf(field)])) as object;
    Object.defineProperty(prototype, '$type', { value: type });
    prototypes.set(type, prototype);
  }
  return prototype;
}

function valueOf(field: MessageField, value: unknown): unknown {
  if (field.map) return Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, single(field, entry)]));
  return field.repeated ? (value as unknown[]).map((item) => single(field, item)) : single(field, value);
}

function single(field: MessageField, value: unknown): unknown {
  const nested = messageTypeOf(field);
  if (nested !== undefined) return createMessage(nested, value as Record<string, unknown>);
  if (typeof value === 'string') {
    // As text it is exact; as a number it can be calculated with.
    if (INTEGERS_OF_64_BITS.has(field.type)) return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    return enumOf(field)?.values[value] ?? value;
  }
  return value;
}

function defaultOf(field: MessageField): unknown {
  if (field.map) return Object.freeze({});
  if (field.repeated) return Object.freeze([]);
  if (messageTypeOf(field) !== undefined) return null;
  if (enumOf(field) !== undefined) return 0;
  if (field.type === 'string') return '';
  if (field.type === 'bool') return false;
  return field.type === 'bytes' ? new Uint8Array(0) : 0;
}

/** Whether this is the realm's refusal to generate code. */
export function isCodeRefused(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (('name' in error && error.name === 'EvalError') || ('message' in error && /code from text|Code generation/.test(String(error.message))));
}
