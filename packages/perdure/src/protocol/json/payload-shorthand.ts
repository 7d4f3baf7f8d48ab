/**
 * Payload shorthand: a payload that holds JSON is written as the value that it holds.
 *
 * `{"a": 1}` stands for a payload of the encoding `json/plain`, `null` for `binary/null`, and an object with `_protoMessageType` for
 * `json/protobuf`. Everything else is written in full, as an object of `metadata` and `data` in base 64. Both forms may be mixed.
 */
import { isObject, jsonText, parseJson, type Json, type JsonObject } from './value.js';

const MESSAGE_TYPE = '_protoMessageType';
const NAMES = new Set(['metadata', 'data', 'externalPayloads']);

/** The parts of a payload that decide whether it can be written as a value. */
export interface PlainPayload {
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  readonly data: Uint8Array;
}

/**
 * Is this object a payload in full?
 *
 * @param tolerant take one that has no data as well: tools that write histories in full leave out what is empty
 */
export function isFullPayload(json: Json, tolerant: boolean): boolean {
  const names = isObject(json) ? Object.keys(json) : [];
  if (!isObject(json) || names.length === 0 || !names.every((name) => NAMES.has(name))) return false;
  if (tolerant) return true;
  const { metadata, data } = json;
  if (!isObject(metadata) || Object.keys(metadata).length === 0 || !Object.values(metadata).every(isBase64)) return false;
  return data === undefined ? metadata['encoding'] === base64('binary/null') : isBase64(data) && data !== '';
}

/** The payload in full that a plain value stands for. */
export function fullPayload(json: Json): JsonObject {
  if (json === null) return { metadata: { encoding: base64('binary/null') } };
  if (isObject(json) && typeof json[MESSAGE_TYPE] === 'string') {
    const { [MESSAGE_TYPE]: messageType, ...value } = json;
    return { metadata: { encoding: base64('json/protobuf'), messageType: base64(messageType) }, data: base64(jsonText(value)) };
  }
  return { metadata: { encoding: base64('json/plain') }, data: base64(jsonText(json)) };
}

/** The JSON text of the value that the payload holds; `undefined` if it must be written in full. */
export function shorthandText({ metadata, data }: PlainPayload): string | undefined {
  const encoding = Buffer.from(metadata.get('encoding') ?? []).toString('latin1');
  if (encoding === 'binary/null') return metadata.size === 1 && data.byteLength === 0 ? 'null' : undefined;
  const messageType = encoding === 'json/protobuf' ? textOf(metadata.get('messageType')) : undefined;
  if (encoding === 'json/plain' ? metadata.size !== 1 : !messageType || metadata.size !== 2) return undefined;
  const text = textOf(data);
  try {
    // The text itself is written: what its numbers are rounded to does not matter.
    if (messageType === undefined) return isUnambiguous(JSON.parse(text ?? '') as Json) ? text : undefined;
    const value = parseJson(text ?? '');
    return isObject(value) && !(MESSAGE_TYPE in value) ? jsonText({ [MESSAGE_TYPE]: messageType, ...value }) : undefined;
  } catch {
    return undefined;
  }
}

/** Read again, it is this payload and no other. */
function isUnambiguous(value: Json): boolean {
  return value !== null && !isFullPayload(value, true) && !(isObject(value) && typeof value[MESSAGE_TYPE] === 'string');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function isBase64(json: Json | undefined): json is string {
  return typeof json === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(json);
}
