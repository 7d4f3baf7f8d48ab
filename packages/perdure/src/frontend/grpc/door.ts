/**
 * The gRPC door: the server's socket for clients and workers of every language.
 *
 * It speaks gRPC over HTTP/2, in plain text or TLS, and hands each unary call to the router's handler. It knows nothing of the engine.
 * Bounded: request size, bytes of unfinished requests, streams per connection, connections. Dead peers are found by ping, so that what
 * they hold is given back.
 */
import net, { type AddressInfo, type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { unimplemented, type OnHandlerError } from '../../transport/dispatch.js';
import type { KeepAlive } from '../../transport/grpc-client.js';
import type { WireHeaders } from '../../transport/grpc-status.js';
import { Http2Server, type ServerStream } from '../../transport/http2/server.js';
import type { StreamObserver } from '../../transport/http2/stream.js';
import { Router } from '../../transport/transport.js';
import { HEALTH_WATCH_PATH, HealthService } from './health.js';
import { DEFAULT_LIMITS, type GrpcDoorLimits } from './limits.js';
import { reflection, REFLECTION_PATHS } from './reflection.js';
import { sendError, sendHttpStatus } from './replies.js';
import { StreamingCall, type StreamingHandler } from './streaming-call.js';
import { RequestBudget, UnaryCall, type UnaryCallSettings } from './unary-call.js';

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

/** How fast clients may cancel streams on one connection before it is ended. */
const STREAM_RESETS = { resetBurst: 20_000, resetsPerSecond: 2000 };
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
  readonly #limits: GrpcDoorLimits;
  readonly #server: net.Server;
  readonly #sessions = new Set<Http2Server>();
  /** Those too that have not finished their TLS handshake. */
  readonly #sockets = new Set<Socket>();
  readonly #settings: UnaryCallSettings;
  /** What the door serves by itself, beside the router's methods. */
  readonly #builtIn = new Router();
  readonly #streaming = new Map<string, StreamingHandler>();
  readonly #health: HealthService;
  readonly #pings: NodeJS.Timeout;
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
    this.#limits = limits;
    this.#server = makeServer(options.tls, (socket) => this.#admit(socket));
    this.#server.maxConnections = limits.connections;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
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
    // Each says farewell, and ends by itself when its last call has.
    for (const session of this.#sessions) session.close();
    this.#health.close();
    this.#options.onClosing?.();
    const cutOff = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await stopped;
    clearTimeout(cutOff);
  }

  #admit(socket: Socket): void {
    const session: Http2Server = new Http2Server(
      socket,
      {
        onRequest: (stream, headers) => this.#serve(stream, headers),
        onClosed: () => this.#sessions.delete(session),
      },
      { ...STREAM_RESETS, streamsPerConnection: this.#limits.streamsPerConnection },
    );
    this.#sessions.add(session);
    if (this.#closed !== undefined) session.close();
  }

  #serve(stream: ServerStream, headers: WireHeaders): StreamObserver {
    const path = String(headers[':path']);
    const route = this.#options.router.find(path) ?? this.#builtIn.find(path);
    const streaming = route === undefined ? this.#streaming.get(path) : undefined;
    if (headers[':method'] !== 'POST') sendHttpStatus(stream, 405);
    else if (!isGrpc(headers['content-type'])) sendHttpStatus(stream, 415);
    else if (route !== undefined) return new UnaryCall(stream, headers, route, this.#settings);
    else if (streaming !== undefined) return new StreamingCall(stream, path, streaming, this.#settings);
    else sendError(stream, unimplemented(this.#options.router, path));
    return ANSWERED;
  }

  #pingAll(timeoutMs: number): void {
    for (const session of this.#sessions) {
      const lost = setTimeout(() => session.destroy(), timeoutMs).unref();
      session.ping(() => clearTimeout(lost));
    }
  }
}

/** Whatever else comes of a request that has been answered is of no interest. */
const ANSWERED: StreamObserver = { onHeaders() {}, onData() {}, onEnd() {}, onClosed() {} };

function makeServer(secure: GrpcDoorTls | undefined, admit: (socket: Socket) => void): net.Server {
  if (secure === undefined) return net.createServer({ noDelay: true }, admit);
  const { clientCa, ...certificate } = secure;
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return tls.createServer({ ...certificate, ...clients, noDelay: true, ALPNProtocols: ['h2'] }, (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') admit(socket);
    else socket.destroy();
  });
}

/** `application/grpc`, alone or with a suffix or parameters. */
function isGrpc(contentType: WireHeaders[string]): boolean {
  return contentType === 'application/grpc' || (typeof contentType === 'string' && /^application\/grpc($|[+;])/.test(contentType));
}
