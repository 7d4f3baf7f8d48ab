/**
 * Nexus over HTTP, as this server takes it:
 *
 * - `POST /nexus/callback` (also below `/namespaces/{namespace}`): an operation that a workflow here waits for has ended. The token among
 *   the headers says which; who has it may end the operation, so nothing else is asked for.
 * - `POST /nexus/endpoints/{id}/services/{service}/{operation}` and
 *   `POST /namespaces/{namespace}/task-queues/{queue}/nexus-services/{service}/{operation}`: workers here are asked to run an operation; with
 *   `/cancel` behind it, to cancel one.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CALLBACK_TOKEN_HEADER } from '../frontend/nexus/callback-token.js';
import type { OperationCompletion } from '../frontend/nexus/completions.js';
import { contentOf, HANDLER_ERRORS, linkHeader, payloadOf, readFailure, readLinkHeader } from '../frontend/nexus/http-content.js';
import type { NexusDoor, NexusTarget } from '../frontend/nexus/nexus-door.js';
import { fromOperationError } from '../frontend/nexus/nexus-failures.js';
import { readLinks, writeLinks } from '../frontend/nexus/nexus-links.js';
import type { Site } from '../http/listener.js';
import type { NexusReply } from '../machines/workflow/index.js';
import { Code, Failure, RpcError, type Init, type NexusRequest } from '../protocol/index.js';
import { nexusFailure } from './failure-json.js';

export const NEXUS_CALLBACK_PATH = '/nexus/callback';
const CALLBACK = /^(\/namespaces\/[^/]+)?\/nexus\/callback\/?$/;
const BY_ENDPOINT = /^\/nexus\/endpoints\/([^/]+)\/services\/([^/]+)\/([^/]+)(\/cancel)?\/?$/;
const BY_QUEUE = /^\/namespaces\/([^/]+)\/task-queues\/([^/]+)\/nexus-services\/([^/]+)\/([^/]+)(\/cancel)?\/?$/;
const PATHS = [CALLBACK, BY_ENDPOINT, BY_QUEUE] as const;
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;
const CALLBACK_PREFIX = 'nexus-callback-';
/** Said by HTTP, or to this server. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'request-timeout', 'authorization']);

type Door = Pick<NexusDoor, 'ask' | 'complete'>;

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** @param others who answers everything else */
export function nexusSite(door: Door, others: Site): Site {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '/';
    if (request.method !== 'POST' || !PATHS.some((known) => known.test(path))) return others(request, response);
    // Browsers say where a page came from. No page has a reason to speak Nexus, and one of a stranger must not.
    if (request.headers.origin !== undefined) return answer(response, refusal(new RpcError(Code.PERMISSION_DENIED, 'web pages may not call this path')));
    serve(door, request, new URL(request.url ?? '/', 'http://here')).then(
      (given) => answer(response, given),
      (error: unknown) => answer(response, refusal(error)),
    );
  };
}

async function serve(door: Door, request: IncomingMessage, url: URL): Promise<Answer> {
  if (CALLBACK.test(url.pathname)) return complete(door, request);
  const [, endpointId, ...ofEndpoint] = BY_ENDPOINT.exec(url.pathname) ?? [];
  if (endpointId !== undefined) return ask(door, request, url, { endpointId: decoded(endpointId) }, ofEndpoint);
  const [, namespace = '', taskQueue = '', ...ofQueue] = BY_QUEUE.exec(url.pathname) ?? [];
  return ask(door, request, url, { namespace: decoded(namespace), taskQueue: decoded(taskQueue) }, ofQueue);
}

// ── completions ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function complete(door: Door, request: IncomingMessage): Promise<Answer> {
  const body = await bodyOf(request);
  await door.complete(header(request, CALLBACK_TOKEN_HEADER), {
    operationToken: header(request, 'nexus-operation-token') || header(request, 'nexus-operation-id'),
    links: readLinks(readLinkHeader(header(request, 'nexus-link'))),
    outcome: outcomeOf(header(request, 'nexus-operation-state'), header(request, 'content-type'), body),
  });
  return { status: 200 };
}

function outcomeOf(state: string, type: string, body: Uint8Array): OperationCompletion['outcome'] {
  switch (state) {
    case 'succeeded':
      return { kind: 'succeeded', result: payloadOf({ type, body }) };
    case 'failed':
    case 'canceled':
      return { kind: state, failure: fromOperationError(state, readFailure(body)) };
    default:
      throw new RpcError(Code.INVALID_ARGUMENT, 'the header nexus-operation-state must be succeeded, failed or canceled');
  }
}

// ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function ask(door: Door, request: IncomingMessage, url: URL, target: NexusTarget, [service = '', operation = '', cancel]: readonly (string | undefined)[]): Promise<Answer> {
  const body = await bodyOf(request);
  const of = { service: decoded(service), operation: decoded(operation) };
  const passedOn = Object.keys(request.headers).filter((name) => !NOT_PASSED_ON.has(name) && !name.startsWith(CALLBACK_PREFIX));
  const common = { scheduledTime: Date.now(), header: new Map(passedOn.map((name) => [name, header(request, name)])) };
  const operationToken = header(request, 'nexus-operation-token') || url.searchParams.get('token') || '';
  const asked: Init<NexusRequest> =
    cancel === undefined
      ? { ...common, capabilities: { temporalFailureResponses: true }, startOperation: { ...of, ...startOf(request, url, body) } }
      : { ...common, cancelOperation: { ...of, operationToken, operationId: operationToken } };
  return written(await door.ask(target, asked, millisecondsOf(header(request, 'request-timeout'))));
}

function startOf(request: IncomingMessage, url: URL, body: Uint8Array): NonNullable<Init<NexusRequest>['startOperation']> {
  const callbackHeaders = Object.keys(request.headers).filter((name) => name.startsWith(CALLBACK_PREFIX));
  return {
    requestId: header(request, 'nexus-request-id') || randomUUID(),
    callback: url.searchParams.get('callback') ?? '',
    callbackHeader: new Map(callbackHeaders.map((name) => [name.slice(CALLBACK_PREFIX.length), header(request, name)])),
    payload: payloadOf({ type: header(request, 'content-type'), body }),
    links: readLinkHeader(header(request, 'nexus-link')),
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** For example `1.5s`; without one the server's own limit holds. */
function millisecondsOf(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text.trim()) ?? [];
  return number === undefined ? Infinity : Math.max(1, Number(number) * (UNITS[unit] ?? 1));
}

function written(reply: NexusReply): Answer {
  switch (reply.kind) {
    case 'cancel-taken':
      return { status: 202 };
    case 'operation-started':
      return { status: 201, headers: { 'content-type': 'application/json', ...linksOf(reply) }, body: JSON.stringify({ token: reply.operationToken, id: reply.operationToken, state: 'running' }) };
    case 'operation-ended': {
      if (reply.outcome.kind !== 'succeeded') {
        return { status: 424, headers: { 'content-type': 'application/json', 'nexus-operation-state': reply.outcome.kind }, body: nexusFailure(Failure.decode(reply.outcome.failure)) };
      }
      const { type, body } = contentOf(reply.outcome.result);
      return { status: 200, headers: { ...(type !== undefined && { 'content-type': type }), ...linksOf(reply) }, body };
    }
    case 'handler-failed': {
      const failure = Failure.decode(reply.failure);
      const type = failure.nexusHandlerFailureInfo?.type ?? '';
      const status = [...HANDLER_ERRORS].find(([, name]) => name === type)?.[0] ?? 500;
      return { status, headers: { 'content-type': 'application/json', 'nexus-request-retryable': String(reply.retryable) }, body: nexusFailure(failure) };
    }
  }
}

function linksOf({ links }: { readonly links: Parameters<typeof writeLinks>[0] }): Record<string, string> {
  const text = writeLinks(links).map(linkHeader).join(', ');
  return text === '' ? {} : { 'nexus-link': text };
}

// ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function header(request: IncomingMessage, name: string): string {
  return [request.headers[name] ?? ''].flat().join(', ');
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RpcError(Code.INVALID_ARGUMENT, 'the path has a percent sign that does not begin an encoded character');
  }
}

function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= LARGEST_BODY_BYTES) chunks.push(chunk);
      else reject(new RpcError(Code.INVALID_ARGUMENT, `the body has at most ${LARGEST_BODY_BYTES} bytes`));
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => reject(new RpcError(Code.CANCELLED, 'the caller went away')));
  });
}

const STATUS: ReadonlyMap<Code, number> = new Map([
  [Code.INVALID_ARGUMENT, 400],
  [Code.FAILED_PRECONDITION, 400],
  [Code.NOT_FOUND, 404],
  [Code.PERMISSION_DENIED, 403],
  [Code.RESOURCE_EXHAUSTED, 429],
  [Code.UNAVAILABLE, 503],
]);

function refusal(error: unknown): Answer {
  const status = (error instanceof RpcError && STATUS.get(error.code)) || 500;
  const message = error instanceof RpcError ? error.message : (HANDLER_ERRORS.get(status) ?? 'INTERNAL');
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}

function answer(response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.end(body);
}
