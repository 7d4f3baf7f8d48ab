/**
 * The HTTP API: the RPCs of the router by the paths of the public API's annotations, in JSON, and the document that describes them.
 *
 * Routes and descriptors are read when the first request comes: a server whose HTTP port nobody uses does not wait for them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, RpcError } from '../protocol/errors.js';
import type { OnHandlerError } from '../transport/dispatch.js';
import type { Router } from '../transport/transport.js';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.js';
import type { Site } from './listener.js';
import { allowOrigin, answerPreflight, checkOrigin, isOwnName } from './origins.js';
import { formOf, send, sendError } from './replies.js';
import type { ApiCallSettings } from './api-call.js';
import type { HttpRoutes } from './routes.js';

export interface ApiSiteOptions {
  readonly router: Router;
  /** Origins of web pages that may call, for example `https://console.example.com`; `*` allows all. Default: none but the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** The address that the server listens on. */
  readonly host: string;
  /** Names under which a server that only its machine reaches is called, besides `localhost` and addresses. */
  readonly allowedHosts?: readonly string[];
  /** Told of every failure that is a defect of a handler; the caller gets INTERNAL. */
  readonly onError?: OnHandlerError;
  readonly limits?: Partial<HttpLimits>;
  /** What `CallContext.deadline` is counted from, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Named in the API's description. */
  readonly version?: string;
}

interface Loaded {
  readonly routes: HttpRoutes;
  readonly serve: typeof import('./api-call.js').serveApiCall;
  readonly describe: (format: 'openapi' | 'swagger') => string;
}

const DOCUMENTS: Readonly<Record<string, readonly [format: 'openapi' | 'swagger', contentType: string]>> = {
  // JSON is YAML.
  '/openapi.yaml': ['openapi', 'application/vnd.oai.openapi; charset=utf-8'],
  '/openapi.json': ['openapi', 'application/json'],
  '/swagger.json': ['swagger', 'application/json'],
};
const PLAIN = formOf('');

export function apiSite(options: ApiSiteOptions): Site {
  const { router, host, allowedOrigins = [], allowedHosts = [] } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const settings: ApiCallSettings = {
    maxRequestBytes: limits.httpRequestBytes,
    budget: { leftBytes: limits.httpUnfinishedRequestBytes },
    onError: options.onError,
    now: options.now ?? Date.now,
  };
  let loading: Promise<Loaded> | undefined;
  const loaded = (): Promise<Loaded> => (loading ??= load(router, options.version ?? '0'));
  return (request, response) => {
    if (!isOwnName(request, host, allowedHosts)) return sendError(response, new RpcError(Code.PERMISSION_DENIED, 'Host not allowed'), PLAIN);
    const origin = checkOrigin(request, allowedOrigins);
    if (origin === 'refused') return sendError(response, new RpcError(Code.PERMISSION_DENIED, 'Web pages of other origins may not call this server.'), PLAIN);
    if (origin === 'allowed') {
      if (request.method === 'OPTIONS') return answerPreflight(request, response);
      allowOrigin(request, response);
    }
    loaded().then(
      (api) => answer(api, request, response, settings),
      (error: unknown) => sendError(response, new RpcError(Code.INTERNAL, 'The API could not be loaded.', [], { cause: error }), PLAIN),
    );
  };
}

async function load(router: Router, version: string): Promise<Loaded> {
  const [{ HttpRoutes }, { serveApiCall }, { openApi }] = await Promise.all([import('./routes.js'), import('./api-call.js'), import('./openapi.js')]);
  const routes = new HttpRoutes(router);
  const documents = new Map<string, string>();
  const describe = (format: 'openapi' | 'swagger'): string => {
    const known = documents.get(format) ?? JSON.stringify(openApi(routes.bindings, format, version));
    documents.set(format, known);
    return known;
  };
  return { routes, serve: serveApiCall, describe };
}

function answer({ routes, serve, describe }: Loaded, request: IncomingMessage, response: ServerResponse, settings: ApiCallSettings): void {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  const query = new URLSearchParams(end < 0 ? '' : url.slice(end + 1));
  const verb = request.method ?? 'GET';
  const document = DOCUMENTS[path.replace(/^\/api\/v1(?=\/)/, '')];
  if (document !== undefined && verb === 'GET') return send(response, 200, document[1], describe(document[0]));
  const match = routes.match(verb, path);
  switch (match.kind) {
    case 'found':
      return serve(request, response, match.binding, match.values, query, settings);
    case 'verb':
      response.setHeader('allow', match.verbs.join(', '));
      return sendError(response, new RpcError(Code.UNIMPLEMENTED, 'Method Not Allowed'), PLAIN, 405);
    case 'missing':
      return sendError(response, new RpcError(Code.NOT_FOUND, 'Not Found'), PLAIN);
    case 'malformed':
      return sendError(response, new RpcError(Code.INVALID_ARGUMENT, 'The path has a percent sign that does not begin an encoded character.'), PLAIN);
  }
}
