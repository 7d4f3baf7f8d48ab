/**
 * The values of search attributes, checked before they get into a history.
 *
 * A value is JSON text of its attribute's type; a scalar may come as a list of one. `null`, no data and the empty list mean "unset".
 * Each value that passes names its type in its metadata: typed clients read it there.
 */
import { IndexedValueType, SearchAttributes } from '../../protocol/index.js';
import type { Encoded, Payload } from '../../protocol/index.js';
import { lookUp, typeName } from './names.js';
import type { SearchAttributeTypes } from './names.js';

export interface SearchAttributeLimits {
  readonly searchAttributesSizeBytes: number;
  readonly searchAttributeValueSizeBytes: number;
  readonly searchAttributeKeys: number;
}

export type Validated =
  | { readonly kind: 'valid'; readonly searchAttributes: Encoded<SearchAttributes> | undefined }
  | { readonly kind: 'invalid'; readonly message: string; /** It is only too large. */ readonly tooLarge: boolean };

/**
 * @param namespace its name, for messages
 * @param unset what to do with values that mean "unset": leave them out (a start), or keep them (they delete what was there)
 */
export function validateSearchAttributes(
  encoded: Encoded<SearchAttributes>,
  custom: SearchAttributeTypes,
  limits: SearchAttributeLimits,
  namespace: string,
  unset: 'drop' | 'keep',
): Validated {
  const invalid = (message: string, tooLarge = false): Validated => ({ kind: 'invalid', message, tooLarge });
  const { indexedFields } = SearchAttributes.decode(encoded);
  if (indexedFields.size > limits.searchAttributeKeys) {
    return invalid(`number of search attributes ${indexedFields.size} exceeds limit ${limits.searchAttributeKeys}`);
  }
  const typed = new Map<string, Payload>();
  let totalBytes = 0;
  for (const [name, payload] of indexedFields) {
    const attribute = lookUp(name, custom);
    if (attribute.kind === 'not-settable') return invalid(`${name} attribute can't be set in SearchAttributes`);
    if (attribute.kind === 'unknown') return invalid(`Namespace ${namespace} has no mapping defined for search attribute ${name}`);
    const value = valueOf(payload);
    const isUnset = value === null || (Array.isArray(value) && value.length === 0);
    if (isUnset ? unset === 'drop' : false) continue;
    if (!isUnset && !fits(value, attribute.type)) {
      return invalid(`invalid value for search attribute ${name} of type ${typeName(attribute.type) ?? ''}: ${shown(payload)}`);
    }
    const bytes = payload.data.byteLength;
    if (bytes > limits.searchAttributeValueSizeBytes) {
      return invalid(`search attribute ${name} value size ${bytes} exceeds size limit ${limits.searchAttributeValueSizeBytes}`, true);
    }
    totalBytes += Buffer.byteLength(name) + bytes;
    typed.set(name, withType(payload, attribute.type));
  }
  if (totalBytes > limits.searchAttributesSizeBytes) {
    return invalid(`total size of search attributes ${totalBytes} exceeds size limit ${limits.searchAttributesSizeBytes}`, true);
  }
  return { kind: 'valid', searchAttributes: typed.size === 0 ? undefined : SearchAttributes.encode({ indexedFields: typed }) };
}

/** `undefined`: not JSON. */
function valueOf({ metadata, data }: Payload): unknown {
  if (data.byteLength === 0) return null;
  const encoding = metadata['encoding'];
  if (encoding !== undefined && Buffer.from(encoding).toString('latin1') !== 'json/plain') return undefined;
  try {
    return JSON.parse(Buffer.from(data).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const MOMENT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function fits(value: unknown, type: IndexedValueType): boolean {
  if (type === IndexedValueType.KEYWORD_LIST) return Array.isArray(value) && value.every((item) => typeof item === 'string');
  const one: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  switch (type) {
    case IndexedValueType.TEXT:
    case IndexedValueType.KEYWORD:
      return typeof one === 'string';
    case IndexedValueType.INT:
      return typeof one === 'number' && Number.isInteger(one);
    case IndexedValueType.DOUBLE:
      return typeof one === 'number';
    case IndexedValueType.BOOL:
      return typeof one === 'boolean';
    case IndexedValueType.DATETIME:
      return typeof one === 'string' && MOMENT.test(one);
    default:
      return false;
  }
}

/** A type that the sender wrote stays. */
function withType(payload: Payload, type: IndexedValueType): Payload {
  if (payload.metadata['type'] !== undefined) return payload;
  return { ...payload, metadata: { ...payload.metadata, type: Buffer.from(typeName(type) ?? '') } };
}

/** The beginning of the value, as it was sent. */
function shown({ data }: Payload): string {
  const text = Buffer.from(data.subarray(0, 200)).toString('utf8');
  return data.byteLength > 200 ? `${text}…` : text;
}
