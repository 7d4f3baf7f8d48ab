/** What the HTTP API answers: JSON in one of four forms, and errors as `google.rpc.Status` with the HTTP status of their code. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, type RpcError } from '../protocol/errors.js';
import { binaryToJson } from '../protocol/json/index.js';

const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
};

/** How a client wants its JSON. */
export interface JsonForm {
  readonly payloadShorthand: boolean;
  readonly pretty: boolean;
}

/** By the query (`?pretty`, `?noPayloadShorthand`) or the suffixes of the media type (`application/json+pretty+no-payload-shorthand`). */
export function replyForm(request: IncomingMessage, query: URLSearchParams): JsonForm {
  const accept = request.headers.accept ?? '';
  const form = formOf(/^\s*application\/json/.test(accept) ? accept : (request.headers['content-type'] ?? ''));
  return { pretty: form.pretty || query.has('pretty'), payloadShorthand: form.payloadShorthand && !query.has('noPayloadShorthand') };
}

export function formOf(mediaType: string): JsonForm {
  return { pretty: mediaType.includes('+pretty'), payloadShorthand: !mediaType.includes('+no-payload-shorthand') };
}

export function sendMessage(response: ServerResponse, typeName: string, bytes: Uint8Array, form: JsonForm): void {
  sendJson(response, 200, binaryToJson(typeName, bytes, form), form);
}

/** @param status if the HTTP status says more than the code does */
export function sendError(response: ServerResponse, error: RpcError, form: JsonForm, status: number = HTTP_STATUS[error.code] ?? 500): void {
  sendJson(response, status, binaryToJson('google.rpc.Status', error.toStatus(), form), form);
}

function sendJson(response: ServerResponse, status: number, json: string, form: JsonForm): void {
  const suffix = `${form.pretty ? '+pretty' : ''}${form.payloadShorthand ? '' : '+no-payload-shorthand'}`;
  send(response, status, `application/json${suffix}`, form.pretty ? `${indented(json)}\n` : json);
}

export function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': bytes.byteLength, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  response.end(bytes);
}

/** Lays out JSON text without reading its values: no digit may change. */
function indented(json: string): string {
  const parts: string[] = [];
  let depth = 0;
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[^\s",:[\]{}]+|[,:]|\{\s*\}|\[\s*\]|[[\]{}]/gs)) {
    if (token === '{' || token === '[') {
      depth += 1;
      parts.push(token, line());
    } else if (token === '}' || token === ']') {
      depth -= 1;
      parts.push(line(), token);
    } else if (token === ',') parts.push(token, line());
    else if (token === ':') parts.push(': ');
    else parts.push(token);
  }
  return parts.join('');
}
