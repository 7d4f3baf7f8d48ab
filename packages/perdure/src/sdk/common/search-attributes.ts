/**
 * Search attributes: indexed values by name, untyped (`{ CustomerId: ['c-1'] }`) or typed by declared keys.
 *
 * They are always JSON, whatever the data converter does, and never pass through payload codecs, because the server reads them. The
 * metadata key `type` names the index type.
 */
import { ValueError } from './errors.js';
import { define, JsonPayloadConverter, type Payload } from './payload-converter.js';
import { decodeText, encodeText } from './text.js';

export type SearchAttributeValue = string[] | number[] | boolean[] | Date[];
/** Values by attribute name; an empty array removes the attribute. */
export type SearchAttributes = Record<string, SearchAttributeValue | Readonly<SearchAttributeValue> | undefined>;

export const SearchAttributeType = {
  TEXT: 'TEXT',
  KEYWORD: 'KEYWORD',
  INT: 'INT',
  DOUBLE: 'DOUBLE',
  BOOL: 'BOOL',
  DATETIME: 'DATETIME',
  KEYWORD_LIST: 'KEYWORD_LIST',
} as const;
export type SearchAttributeType = (typeof SearchAttributeType)[keyof typeof SearchAttributeType];

interface ValueOfType {
  TEXT: string;
  KEYWORD: string;
  INT: number;
  DOUBLE: number;
  BOOL: boolean;
  DATETIME: Date;
  KEYWORD_LIST: string[];
}

/** The names of the types on the wire. */
const METADATA_TYPE: Readonly<Record<SearchAttributeType, string>> = {
  TEXT: 'Text',
  KEYWORD: 'Keyword',
  INT: 'Int',
  DOUBLE: 'Double',
  BOOL: 'Bool',
  DATETIME: 'Datetime',
  KEYWORD_LIST: 'KeywordList',
};

export interface SearchAttributeKey<T extends SearchAttributeType> {
  readonly name: string;
  readonly type: T;
}

/** @example const customerId = defineSearchAttributeKey('CustomerId', 'KEYWORD'); */
export function defineSearchAttributeKey<T extends SearchAttributeType>(name: string, type: T): SearchAttributeKey<T> {
  return { name, type };
}

export type SearchAttributePair = {
  [T in SearchAttributeType]: { readonly key: SearchAttributeKey<T>; readonly value: ValueOfType[T] };
}[SearchAttributeType];

/** Like a pair; `null` removes the attribute. */
export type SearchAttributeUpdatePair = {
  [T in SearchAttributeType]: { readonly key: SearchAttributeKey<T>; readonly value: ValueOfType[T] | null };
}[SearchAttributeType];

/** A set of typed search attributes, at most one per name. */
export class TypedSearchAttributes {
  readonly #pairs = new Map<string, SearchAttributePair>();

  /** @throws ValueError if a name occurs twice, or a value does not fit its key's type. */
  constructor(pairs: readonly SearchAttributePair[] = []) {
    for (const pair of pairs) {
      if (this.#pairs.has(pair.key.name)) throw new ValueError(`Search attribute '${pair.key.name}' is given twice.`);
      this.#pairs.set(pair.key.name, checked(pair));
    }
  }

  /** The value; undefined if absent, or present with another type. */
  get<T extends SearchAttributeType>(key: SearchAttributeKey<T>): ValueOfType[T] | undefined {
    const pair = this.#pairs.get(key.name);
    return pair?.key.type === key.type ? (pair.value as ValueOfType[T]) : undefined;
  }

  getAll(): SearchAttributePair[] {
    return [...this.#pairs.values()];
  }

  copy(): TypedSearchAttributes {
    return new TypedSearchAttributes(this.getAll());
  }

  /** A copy with some attributes set or removed. */
  updateCopy(updates: readonly SearchAttributeUpdatePair[]): TypedSearchAttributes {
    const copy = this.copy();
    for (const update of updates) {
      if (update.value === null) copy.#pairs.delete(update.key.name);
      else copy.#pairs.set(update.key.name, checked(update as SearchAttributePair));
    }
    return copy;
  }

  toJSON(): SearchAttributePair[] {
    return this.getAll();
  }
}

/** Both forms as payloads; typed ones win. undefined when there are none. */
export function encodeSearchAttributes(
  untyped: SearchAttributes | undefined,
  typed?: readonly SearchAttributePair[] | TypedSearchAttributes,
): Map<string, Payload> | undefined {
  if (untyped === undefined && typed === undefined) return undefined;
  const payloads = new Map<string, Payload>();
  for (const [name, value] of Object.entries(untyped ?? {})) payloads.set(name, untypedToPayload(name, value));
  const pairs = typed instanceof TypedSearchAttributes ? typed.getAll() : (typed ?? []);
  for (const pair of pairs) payloads.set(pair.key.name, typedToPayload(pair));
  return payloads;
}

/** Updates of typed attributes as payloads; a removed one is JSON null. */
export function encodeSearchAttributeUpdates(updates: readonly SearchAttributeUpdatePair[]): Map<string, Payload> {
  return new Map(updates.map((update) => [update.key.name, typedToPayload(update)]));
}

/**
 * Current attributes after some were set: an empty list or null removes one. What is set without a type keeps that of the attribute
 * before. A guess must not be written down here: the next run begins with these payloads.
 */
export function updatedSearchAttributes(current: ReadonlyMap<string, Payload>, updates: ReadonlyMap<string, Payload>): Map<string, Payload> {
  const updated = new Map(current);
  for (const [name, payload] of updates) {
    const value = json.fromPayload<unknown>(payload);
    if (value === null || (Array.isArray(value) && value.length === 0)) {
      updated.delete(name);
      continue;
    }
    const before = current.get(name);
    const type = typeOf(payload) ?? (before && typeOf(before));
    updated.set(name, type === undefined ? payload : withType(payload, type));
  }
  return updated;
}

/** One value as it is listed: an array, whatever was stored. */
export function decodeSearchAttributeValue(payload: Payload): SearchAttributeValue | undefined {
  const value = json.fromPayload<unknown>(payload);
  if (value === null || value === undefined) return undefined;
  const values = Array.isArray(value) ? value : [value];
  const isDate = typeOf(payload) === SearchAttributeType.DATETIME;
  return (isDate ? values.map((item) => new Date(item)) : values) as SearchAttributeValue;
}

/** The untyped form: every value an array, dates as `Date`. */
export function decodeSearchAttributes(payloads: ReadonlyMap<string, Payload> | undefined): SearchAttributes {
  const attributes: SearchAttributes = {};
  for (const [name, payload] of payloads ?? []) {
    const value = decodeSearchAttributeValue(payload);
    if (value !== undefined) define<SearchAttributes[string]>(attributes, name, value);
  }
  return attributes;
}

/** The typed form. Workflow code that has just set an untyped attribute sees the type that its value suggests; servers name all types. */
export function decodeTypedSearchAttributes(payloads: ReadonlyMap<string, Payload> | undefined): TypedSearchAttributes {
  const pairs: SearchAttributePair[] = [];
  for (const [name, payload] of payloads ?? []) {
    let value = json.fromPayload<unknown>(payload);
    const type = typeOf(payload) ?? suggestedType(value);
    if (type === undefined) continue;
    // Servers may give a single value as a list of one.
    if (type !== SearchAttributeType.KEYWORD_LIST && Array.isArray(value)) [value] = value;
    if (type === SearchAttributeType.KEYWORD_LIST && typeof value === 'string') value = [value];
    if (type === SearchAttributeType.DATETIME && typeof value === 'string') value = new Date(value);
    if (isValidValueForType(type, value)) pairs.push({ key: { name, type }, value } as SearchAttributePair);
  }
  return new TypedSearchAttributes(pairs);
}

/** Whether a value may be stored under a type. */
export function isValidValueForType<T extends SearchAttributeType>(type: T, value: unknown): value is ValueOfType[T] {
  switch (type) {
    case 'TEXT':
    case 'KEYWORD':
      return typeof value === 'string';
    case 'INT':
      return Number.isInteger(value);
    case 'DOUBLE':
      return typeof value === 'number';
    case 'BOOL':
      return typeof value === 'boolean';
    case 'DATETIME':
      return isDate(value);
    case 'KEYWORD_LIST':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    default:
      return false;
  }
}

const json = new JsonPayloadConverter();

function checked(pair: SearchAttributePair): SearchAttributePair {
  if (!isValidValueForType(pair.key.type, pair.value)) {
    throw new ValueError(`Search attribute '${pair.key.name}' is of type ${pair.key.type}; a value of type ${typeof pair.value} does not fit.`);
  }
  return pair;
}

function untypedToPayload(name: string, value: SearchAttributes[string]): Payload {
  if (value !== undefined && !Array.isArray(value)) {
    throw new ValueError(`Search attribute '${name}' must be an array, for example ['value'].`);
  }
  const values: readonly unknown[] = value ?? [];
  const first = typeof values[0];
  if (values.some((item) => (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean' && !isDate(item)) || typeof item !== first)) {
    throw new ValueError(`Search attribute '${name}' must hold strings, numbers, booleans or dates, all of one type.`);
  }
  return written(values);
}

function typedToPayload(pair: SearchAttributeUpdatePair): Payload {
  if (pair.value !== null) checked(pair as SearchAttributePair);
  return withType(written(pair.value), pair.key.type);
}

function withType({ metadata, data }: Payload, type: SearchAttributeType): Payload {
  return { metadata: { ...metadata, type: encodeText(METADATA_TYPE[type]) }, data };
}

/** Which type the server may have for the value. */
function suggestedType(value: unknown): SearchAttributeType | undefined {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const [first] = values;
  if (typeof first === 'string' && values.length > 1) return SearchAttributeType.KEYWORD_LIST;
  if (values.length !== 1) return undefined;
  if (typeof first === 'string') return ISO_TIME.test(first) ? SearchAttributeType.DATETIME : SearchAttributeType.TEXT;
  if (typeof first === 'boolean') return SearchAttributeType.BOOL;
  if (typeof first === 'number') return Number.isInteger(first) ? SearchAttributeType.INT : SearchAttributeType.DOUBLE;
  return undefined;
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/;

function written(value: unknown): Payload {
  const payload = json.toPayload(value);
  if (payload === undefined) throw new ValueError('A search attribute value has no JSON form.');
  return payload;
}

function typeOf(payload: Payload): SearchAttributeType | undefined {
  const bytes = payload.metadata['type'];
  if (bytes === undefined) return undefined;
  const name = decodeText(bytes);
  return (Object.keys(METADATA_TYPE) as SearchAttributeType[]).find((type) => METADATA_TYPE[type] === name || type === name);
}

function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN((value as Date).getTime());
}
