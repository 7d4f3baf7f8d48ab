/** The request of a Nexus task, as nexus-rpc hands it to a handler. */
import type { Link, OperationContext } from 'nexus-rpc';
import { HandlerError } from 'nexus-rpc/lib/common/handler-error.js';
import type { NexusLink, NexusRequest, StartOperationRequest } from '../../../protocol/index.js';

/** What the context of a start has beyond that of any request. */
export interface StartParts {
  readonly requestId: string;
  readonly callbackUrl?: string;
  readonly callbackHeaders: Record<string, string>;
  readonly inboundLinks: Link[];
  readonly outboundLinks: Link[];
}

/** @throws HandlerError for a request that is neither a start nor a cancellation. */
export function operationContext(request: NexusRequest | undefined, abortSignal: AbortSignal, deadlineMs: number | undefined): OperationContext {
  const subject = request?.startOperation ?? request?.cancelOperation;
  if (request === undefined || subject === undefined) throw new HandlerError('NOT_IMPLEMENTED', 'The request is neither a start nor a cancellation of an operation.');
  return {
    service: subject.service,
    operation: subject.operation,
    headers: requestHeaders(request.header),
    abortSignal,
    ...(deadlineMs !== undefined && { requestDeadline: new Date(deadlineMs) }),
  };
}

/** @throws HandlerError for a request without id, or with a link that is none. */
export function startParts({ requestId, callback, callbackHeader, links }: StartOperationRequest): StartParts {
  if (requestId === '') throw new HandlerError('BAD_REQUEST', 'The request has no request id.');
  return {
    requestId,
    ...(callback !== '' && { callbackUrl: callback }),
    callbackHeaders: lowerCased(callbackHeader),
    inboundLinks: links.map(linkOf),
    outboundLinks: [],
  };
}

export function wireLinks(links: readonly Link[]): NexusLink[] {
  return links.map(({ url, type }) => ({ url: url.href, type }));
}

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** How long the caller's server waits for the answer; undefined if it does not say. Less than nothing is nothing. */
export function requestTimeoutMs(header: ReadonlyMap<string, string>): number | undefined {
  for (const [name, value] of header) {
    if (name.toLowerCase() !== 'request-timeout') continue;
    const [, sign, parts] = DURATION.exec(value.trim()) ?? [];
    if (parts === undefined) return undefined;
    let totalMs = 0;
    for (const [, number, unit = ''] of parts.matchAll(/([\d.]+)([^\d.]+)/g)) totalMs += Number(number) * (UNIT_MS[unit] ?? 0);
    return sign === '-' ? 0 : totalMs;
  }
  return undefined;
}

/** Names of headers are the same in upper and lower case. */
function requestHeaders(header: ReadonlyMap<string, string>): Record<string, string> {
  return new Proxy(lowerCased(header), {
    get: (headers, name) => (typeof name === 'string' ? headers[name.toLowerCase()] : undefined),
    has: (headers, name) => typeof name === 'string' && Object.hasOwn(headers, name.toLowerCase()),
  });
}

function lowerCased(header: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of header) headers[name.toLowerCase()] = value;
  return headers;
}

function linkOf({ url, type }: NexusLink): Link {
  if (type === '' || !URL.canParse(url)) throw new HandlerError('BAD_REQUEST', `The request has a link that is none: '${url}' of type '${type}'.`);
  return { url: new URL(url), type };
}
