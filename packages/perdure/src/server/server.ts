/**
 * An engine with doors: gRPC for clients and workers in other processes, of any language, and on request the HTTP API and the metrics.
 */
import { openGrpcDoor, type GrpcDoor, type GrpcDoorTls } from '../frontend/grpc/door.js';
import type { HttpDoors, HttpDoorsOptions } from './http-doors.js';
import { consoleLogger } from './console-logger.js';
import type { Router } from '../transport/transport.js';
import { openEngine, type Engine, type EngineOptions } from './engine.js';

export interface ServerOptions extends EngineOptions {
  /** The address to listen on. Default: `127.0.0.1`, which only this machine reaches. */
  readonly ip?: string;
  /** Default: 7233. 0: any free port. */
  readonly port?: number;
  /** Encrypts connections. Default: plain text. */
  readonly tls?: GrpcDoorTls;
  /** The port of the HTTP JSON API, on the same address. 0: any free port. Default: none. */
  readonly httpPort?: number;
  /** The port of `/metrics`, on the same address, always in plain text. 0: any free port. Default: none. */
  readonly metricsPort?: number;
  /** Origins of web pages that may call the HTTP API, for example `https://console.example.com`; `*` allows all. Default: none. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Names under which the HTTP API may be called while it listens only to its own machine, besides `localhost` and addresses: web pages can
   * point names of their own at it. Default: none.
   */
  readonly allowedHosts?: readonly string[];
  /** What is served: the engine's RPCs, watched or with others beside them. Default: the engine's router. */
  readonly routerOf?: (engine: Engine) => Router;
  /** Called when no new calls come in any more and those under way are to end. */
  readonly onClosing?: () => void;
}

export interface Server extends AsyncDisposable {
  readonly engine: Engine;
  /** `ip:port`, as clients take it. */
  readonly address: string;
  readonly port: number;
  /** `ip:port` of the HTTP API; `undefined` if it is not served. */
  readonly httpAddress: string | undefined;
  /** `ip:port` of the metrics; `undefined` if they are not served. */
  readonly metricsAddress: string | undefined;
  /** Takes no more calls, lets those under way finish, and closes the engine. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_IP = '127.0.0.1';
const DEFAULT_PORT = 7233;
/** Calls under way at the end are short: their waits are ended. What hangs on a dead connection is cut off after this. */
const CLOSE_GRACE_MS = 5_000;

/**
 * Opens an engine and listens.
 *
 * @throws whatever `openEngine` throws, and the socket's error (for example `EADDRINUSE`). Nothing is left open then.
 * @example
 * ```ts
 * const server = await startServer({ filename: '.perdure/dev.db', port: 7233 });
 * ```
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { ip = DEFAULT_IP, port = DEFAULT_PORT, tls, routerOf = ({ router }) => router, onClosing, httpPort, metricsPort, allowedOrigins, allowedHosts, ...engineOptions } = options;
  const logger = options.logger ?? consoleLogger();
  const engine = await openEngine({ ...engineOptions, logger });
  let opened: GrpcDoor | undefined;
  try {
    const router = routerOf(engine);
    const door = await openGrpcDoor({
      router,
      host: ip,
      port,
      ...(options.limits !== undefined && { limits: options.limits }),
      ...(tls !== undefined && { tls }),
      ...(options.clock !== undefined && { now: () => options.clock?.now() ?? 0 }),
      onError: (error, path) => logger.error('A connection or a call failed because of a bug in the server.', { path, error }),
      isReady: () => engine.unreadyBecause() === undefined,
      onClosing: () => {
        onClosing?.();
        engine.endWaits();
      },
    });
    opened = door;
    const http = await openHttpDoors({ engine, router, logger, host: ip, limits: options.limits, clock: options.clock, tls, allowedOrigins, allowedHosts, apiPort: httpPort, metricsPort });
    return new RunningServer(engine, door, http);
  } catch (error) {
    await opened?.close(0);
    await engine.close();
    throw error;
  }
}

/** Loads what HTTP needs only if a port is asked for: most servers start without. */
async function openHttpDoors(options: HttpDoorsOptions): Promise<HttpDoors> {
  if (options.apiPort === undefined && options.metricsPort === undefined) return { api: undefined, metrics: undefined, close: async () => {} };
  return (await import('./http-doors.js')).openHttpDoors(options);
}

class RunningServer implements Server {
  readonly #door: GrpcDoor;
  #closed: Promise<void> | undefined;

  constructor(
    readonly engine: Engine,
    door: GrpcDoor,
    readonly http: HttpDoors,
  ) {
    this.#door = door;
  }

  get httpAddress(): string | undefined {
    return this.http.api?.address;
  }

  get metricsAddress(): string | undefined {
    return this.http.metrics?.address;
  }

  get address(): string {
    return this.#door.address;
  }

  get port(): number {
    return this.#door.port;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#closeDoors().finally(() => this.engine.close()));
  }

  async #closeDoors(): Promise<void> {
    // The gRPC door ends the waits: the others need no grace for long polls.
    await Promise.all([this.#door.close(CLOSE_GRACE_MS), this.http.close(CLOSE_GRACE_MS)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
