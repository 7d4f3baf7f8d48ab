/**
 * Values and failures as Nexus carries them over HTTP: a value as content with its type, a failure as JSON, links and states in headers.
 */
import { NexusFailure, NexusLink, Payload, type Init } from '../../protocol/index.js';
import { isObject, parseJson, type Json } from '../../protocol/json/index.js';

export type Headers = readonly (readonly [name: string, value: string])[];

const NOTHING = new Uint8Array(0);
const PAYLOAD_TYPE = 'application/x-temporal-payload';

export interface Content {
  readonly type: string | undefined;
  readonly body: Uint8Array;
}

/** Well known encodings travel as what they are; every other payload travels whole. */
export function contentOf(payload: Payload | undefined): Content {
  if (payload === undefined) return { type: undefined, body: NOTHING };
  const text = (name: string): string => Buffer.from(payload.metadata[name] ?? NOTHING).toString('latin1');
  const names = Object.keys(payload.metadata).sort().join();
  const [encoding, messageType] = [text('encoding'), text('messageType')];
  if (names === 'encoding') {
    if (encoding === 'json/plain') return { type: 'application/json', body: payload.data };
    if (encoding === 'binary/plain') return { type: 'application/octet-stream', body: payload.data };
    if (encoding === 'binary/null') return { type: undefined, body: NOTHING };
  }
  if (names === 'encoding,messageType' && /^[\w.]+$/.test(messageType)) {
    if (encoding === 'json/protobuf') return { type: `application/json; format=protobuf; message-type="${messageType}"`, body: payload.data };
    if (encoding === 'binary/protobuf') return { type: `application/x-protobuf; message-type="${messageType}"`, body: payload.data };
  }
  return { type: PAYLOAD_TYPE, body: Payload.encode(payload) };
}

/** The other way round. */
export function payloadOf({ type = '', body }: Content): Payload {
  const [media = '', ...parameters] = type.split(';').map((part) => part.trim());
  const messageType = parameters.find((parameter) => parameter.startsWith('message-type='))?.slice('message-type='.length).replaceAll('"', '');
  const of = (encoding: string): Payload => Payload.create({ metadata: { encoding: Buffer.from(encoding), ...(messageType !== undefined && { messageType: Buffer.from(messageType) }) }, data: body });
  switch (media.toLowerCase()) {
    case '':
      return body.byteLength === 0 ? of('binary/null') : of('binary/plain');
    case 'application/json':
      return of(messageType === undefined ? 'json/plain' : 'json/protobuf');
    case 'application/x-protobuf':
      return of('binary/protobuf');
    case PAYLOAD_TYPE:
      return Payload.decode(body);
    default:
      return of('binary/plain');
  }
}

export function linkHeader({ url, type }: NexusLink): string {
  return `<${url}>; type="${type}"`;
}

/** Those that can be read, of a header that may hold many. */
export function readLinkHeader(text = ''): NexusLink[] {
  return [...text.matchAll(/<([^>]*)>\s*;\s*type="([^"]*)"/g)].map(([, url = '', type = '']) => NexusLink.create({ url, type }));
}

/** Nexus's failure in JSON; what is none of it becomes its message. */
export function readFailure(body: Uint8Array): NexusFailure {
  const text = Buffer.from(body).toString();
  try {
    return NexusFailure.create(toFailure(parseJson(text)));
  } catch {
    return NexusFailure.create({ message: text.slice(0, 1000) });
  }
}

const DEEPEST = 50;

function toFailure(json: Json, depth = 0): Init<NexusFailure> {
  if (!isObject(json) || depth > DEEPEST) return { message: JSON.stringify(json).slice(0, 1000) };
  const { message, stackTrace, metadata, details, cause } = json;
  return {
    message: typeof message === 'string' ? message : '',
    stackTrace: typeof stackTrace === 'string' ? stackTrace : '',
    metadata: new Map(isObject(metadata) ? Object.entries(metadata).map(([name, value]) => [name, String(value)]) : []),
    details: details === undefined || details === null ? NOTHING : Buffer.from(JSON.stringify(details)),
    ...(cause !== undefined && cause !== null && { cause: toFailure(cause, depth + 1) }),
  };
}

/** What a status that is no success means. Others with 4xx are taken for a bad request, others with 5xx for a passing trouble. */
export const HANDLER_ERRORS: ReadonlyMap<number, string> = new Map([
  [400, 'BAD_REQUEST'],
  [401, 'UNAUTHENTICATED'],
  [403, 'UNAUTHORIZED'],
  [404, 'NOT_FOUND'],
  [408, 'REQUEST_TIMEOUT'],
  [409, 'CONFLICT'],
  [429, 'RESOURCE_EXHAUSTED'],
  [500, 'INTERNAL'],
  [501, 'NOT_IMPLEMENTED'],
  [503, 'UNAVAILABLE'],
  [520, 'UPSTREAM_TIMEOUT'],
]);
