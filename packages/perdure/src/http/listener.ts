/**
 * An HTTP/1.1 listener: the sockets under the API's door and the metrics' door.
 *
 * It bounds what clients can hold: connections, header sizes, how long a request may take to arrive, how long a connection may be idle or
 * stalled. What a request means is the business of the {@link Site} that it is given to.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.js';

/** Answers a request: now or later, and exactly once. */
export type Site = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly site: Site;
  /** Encrypts connections, with a certificate chain and key in PEM. Default: plain text. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer; readonly clientCa?: string | Buffer };
  readonly limits?: Partial<HttpLimits>;
  /** Told of errors of the listening socket. */
  readonly onError?: (error: unknown) => void;
}

export interface HttpListener {
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** Takes no more requests; those under way get `graceMs` milliseconds to finish, then they are cut off. */
  close(graceMs: number): Promise<void>;
}

/** How often Node looks for requests that are late. */
const CHECK_MS = 5_000;

/** @throws the socket's error, for example EADDRINUSE */
export async function openHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const server = makeServer(options);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      server.on('error', (error) => options.onError?.(error));
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    port,
    address: `${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: (graceMs) => (closed ??= close(server, graceMs)),
  };
}

function makeServer({ site, tls, limits: given }: HttpListenerOptions): Server {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const bounds = {
    maxHeaderSize: limits.httpHeaderBytes,
    requestTimeout: limits.httpRequestTimeoutMs,
    headersTimeout: limits.httpRequestTimeoutMs,
    keepAliveTimeout: limits.httpIdleMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, limits.httpRequestTimeoutMs),
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    // A client may vanish at any moment; what has to happen then hangs on the response's 'close'.
    request.on('error', () => {});
    response.on('error', () => {});
    // A connection that is kept alive would hold up the end until its time is over.
    response.on('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    site(request, response);
  };
  const server: Server = tls === undefined ? createServer(bounds, serve) : createTlsServer({ ...bounds, ...secured(tls) }, serve);
  server.maxConnections = limits.httpConnections;
  server.timeout = limits.httpStalledMs;
  return server;
}

function secured({ cert, key, clientCa }: NonNullable<HttpListenerOptions['tls']>): object {
  return { cert, key, ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }) };
}

async function close(server: Server, graceMs: number): Promise<void> {
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  await stopped;
  clearTimeout(cutOff);
}
