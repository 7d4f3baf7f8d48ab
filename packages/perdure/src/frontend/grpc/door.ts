/**
 * The gRPC door: the server's socket for clients and workers of every language.
 *
 * It speaks gRPC over HTTP/2, in plain text or TLS, and hands each unary call to the router's handler. It knows nothing of the engine.
 * Bounded: request size, bytes of unfinished requests, streams per connection, connections. Dead peers are found by ping, so that what
 * they hold is given back.
 */
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { toRpcError, unimplemented, type OnHandlerError } from '../../transport/dispatch.js';
import type { KeepAlive } from '../../transport/grpc-client.js';
import { Router } from '../../transport/transport.js';
import { HEALTH_WATCH_PATH, HealthService } from './health.js';
import { DEFAULT_LIMITS, type GrpcDoorLimits } from './limits.js';
import { reflection, REFLECTION_PATHS } from './reflection.js';
import { sendError, sendHttpStatus } from './replies.js';
import { serveStreaming, type StreamingHandler } from './streaming-call.js';
import { RequestBudget, serveUnary, type UnaryCallSettings } from './unary-call.js';

export interface GrpcDoorTls {
  /** The server's certificate chain and key, PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Authorities for client certificates, PEM. If given, clients must present one. */
  readonly clientCa?: string | Buffer;
}

export interface GrpcDoorOptions {
  readonly router: Router;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: GrpcDoorTls;
  /** Told of every failure that is a defect of a handler; the caller gets INTERNAL. */
  readonly onError?: OnHandlerError;
  readonly limits?: Partial<GrpcDoorLimits>;
  /** How dead peers are found. Default: a ping every 60 s, answered within 20 s. */
  readonly keepAlive?: KeepAlive;
  /** What `CallContext.deadline` is counted from, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Asked by health checks. Default: the server is always ready. */
  readonly isReady?: () => boolean;
  /** Called when closing begins and no new calls come in: the place to let waiting polls answer. */
  readonly onClosing?: () => void;
}

export interface GrpcDoor {
  /** `host:port`, as a client takes it. */
  readonly address: string;
  readonly port: number;
  /** Takes no more calls; those under way get `graceMs` milliseconds to finish, then they are cut off. */
  close(graceMs: number): Promise<void>;
}

const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;
/** In megabytes, as Node counts. Its default of 10 refuses streams once a few thousand polls wait on a connection. */
const MAX_SESSION_MEMORY = 1024;
/**
 * How fast clients may cancel streams on one connection before it is ended, per connection: a burst and a rate per second. Node versions
 * without these options (20 among them) end it after a burst of 1000 and then 33 in a second.
 */
const STREAM_RESETS = { streamResetBurst: 20_000, streamResetRate: 2000 };
const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 60_000, timeoutMs: 20_000 };

/**
 * Opens the door.
 * @throws the socket's error, for example EADDRINUSE
 * @example const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 7233 });
 */
export async function openGrpcDoor(options: GrpcDoorOptions): Promise<GrpcDoor> {
  const door = new Door(options);
  await door.listen(options.host, options.port);
  return door;
}

class Door implements GrpcDoor {
  readonly #options: GrpcDoorOptions;
  readonly #server: Http2Server | Http2SecureServer;
  /** With their sockets: a destroyed session waits until everything is written, which a silent peer delays for ever. */
  readonly #sessions = new Map<ServerHttp2Session, Socket | undefined>();
  /** Those too that have not finished their TLS handshake. */
  readonly #sockets = new Set<Socket>();
  readonly #settings: UnaryCallSettings;
  /** What the door serves by itself, beside the router's methods. */
  readonly #builtIn = new Router();
  readonly #streaming = new Map<string, StreamingHandler>();
  readonly #health: HealthService;
  readonly #pings: NodeJS.Timeout;
  /** The socket of the session that is about to be announced. */
  #arriving: Socket | undefined;
  #port = 0;
  #closed: Promise<void> | undefined;

  constructor(options: GrpcDoorOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#options = options;
    this.#settings = {
      maxRequestBytes: limits.requestBytes,
      budget: new RequestBudget(limits.unfinishedRequestBytes),
      onError: options.onError,
      now: options.now ?? Date.now,
    };
    this.#health = new HealthService(options.router, options.isReady ?? (() => true));
    this.#health.register(this.#builtIn);
    this.#streaming.set(HEALTH_WATCH_PATH, this.#health.watch);
    for (const path of REFLECTION_PATHS) this.#streaming.set(path, reflection(options.router, this.#builtIn));
    this.#server = makeServer(limits, options.tls);
    this.#server.maxConnections = limits.connections;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.prependListener(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => (this.#arriving = socket));
    this.#server.on('session', (session) => this.#admit(session));
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers));
    // A connection that breaks or does not speak the protocol ends; its calls are told by their streams.
    this.#server.on('sessionError', () => {});
    const { intervalMs, timeoutMs } = options.keepAlive ?? DEFAULT_KEEP_ALIVE;
    this.#pings = setInterval(() => this.#pingAll(timeoutMs), intervalMs).unref();
  }

  /** Stays known after closing. */
  get port(): number {
    return this.#port;
  }

  get address(): string {
    const { host } = this.#options;
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#port = (this.#server.address() as AddressInfo).port;
        this.#server.on('error', (error) => this.#options.onError?.(error, ''));
        resolve();
      });
    });
  }

  close(graceMs: number): Promise<void> {
    return (this.#closed ??= this.#close(graceMs));
  }

  async #close(graceMs: number): Promise<void> {
    clearInterval(this.#pings);
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const ended = Promise.all([...this.#sessions.keys()].map((session) => new Promise((resolve) => session.once('close', resolve))));
    // Sends GOAWAY; a session ends by itself when its last call has.
    for (const session of this.#sessions.keys()) session.close();
    this.#health.close();
    this.#options.onClosing?.();
    const cutOff = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await ended;
    await stopped;
    clearTimeout(cutOff);
  }

  #admit(session: ServerHttp2Session): void {
    this.#sessions.set(session, this.#arriving);
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on('close', () => this.#sessions.delete(session));
    if (this.#closed !== undefined) session.close();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A reset by the client comes as an error too; what has to happen then hangs on 'close'.
    stream.on('error', () => {});
    if (headers[':method'] !== 'POST') return sendHttpStatus(stream, 405);
    if (!isGrpc(headers['content-type'])) return sendHttpStatus(stream, 415);
    const path = headers[':path'] ?? '';
    const route = this.#options.router.find(path) ?? this.#builtIn.find(path);
    if (route !== undefined) return serveUnary(stream, headers, route, this.#settings);
    const streaming = this.#streaming.get(path);
    if (streaming === undefined) return sendError(stream, unimplemented(this.#options.router, path));
    serveStreaming(stream, path, streaming, this.#settings).catch((error: unknown) => sendError(stream, toRpcError(error, path, this.#options.onError)));
  }

  #pingAll(timeoutMs: number): void {
    for (const [session, socket] of this.#sessions) {
      if (session.destroyed) continue;
      const lost = setTimeout(() => {
        session.destroy();
        socket?.destroy();
      }, timeoutMs).unref();
      if (!session.ping(() => clearTimeout(lost))) clearTimeout(lost);
    }
  }
}

function makeServer(limits: GrpcDoorLimits, tls: GrpcDoorTls | undefined): Http2Server | Http2SecureServer {
  const options = {
    ...STREAM_RESETS,
    maxSessionMemory: MAX_SESSION_MEMORY,
    settings: { maxConcurrentStreams: limits.streamsPerConnection, initialWindowSize: STREAM_WINDOW_BYTES },
  };
  if (tls === undefined) return createServer(options);
  const { clientCa, ...certificate } = tls;
  return createSecureServer({ ...options, ...certificate, ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }) });
}

/** `application/grpc`, alone or with a suffix or parameters. */
function isGrpc(contentType: string | undefined): boolean {
  return contentType === 'application/grpc' || (contentType !== undefined && /^application\/grpc($|[+;])/.test(contentType));
}
