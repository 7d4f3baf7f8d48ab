/**
 * Which web pages may call the server.
 *
 * A browser sends simple requests anywhere, also to a server on the user's own machine, and only keeps the answer from the page. Starting
 * a workflow needs no answer. So requests from pages of other origins are refused, unless the operator allows their origin; programs that
 * are no browsers send no origin and are not concerned.
 *
 * A page can also give its own name the address of the user's machine, and is then of the same origin. So a server that only its machine
 * reaches answers to names that can mean nothing else.
 */
import { isIP } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';

export type OriginVerdict = 'none' | 'allowed' | 'refused';

/** @param allowed for example `https://console.example.com`; `*` allows every page */
export function checkOrigin({ headers }: IncomingMessage, allowed: readonly string[]): OriginVerdict {
  const { origin } = headers;
  if (origin === undefined) return headers['sec-fetch-site'] === 'cross-site' ? 'refused' : 'none';
  if (allowed.includes('*') || allowed.includes(origin)) return 'allowed';
  return hostOf(origin) === headers.host ? 'none' : 'refused';
}

/** Names that no stranger can point anywhere. */
const LOCAL_NAME = /^(.+\.)?localhost$|^host\.docker\.internal$/;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** @param listening the address that the server listens on @param allowed further names, for example `perdure.internal` */
export function isOwnName({ headers }: IncomingMessage, listening: string, allowed: readonly string[]): boolean {
  if (!LOOPBACK.test(listening)) return true;
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === '' || isIP(name) !== 0 || LOCAL_NAME.test(name) || allowed.includes(name);
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}

/** Tells the browser that its page may read the answer. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
  response.setHeader('vary', 'origin');
}

/** Answers the question that a browser asks before a request that is not simple. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  allowOrigin(request, response);
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'content-type',
    'access-control-max-age': '600',
  });
  response.end();
}
