/** An engine with a gRPC door: what clients and workers in other processes, of any language, connect to. */
import { openGrpcDoor, type GrpcDoor, type GrpcDoorTls } from '../frontend/grpc/door.js';
import { consoleLogger } from './console-logger.js';
import { openEngine, type Engine, type EngineOptions } from './engine.js';

export interface ServerOptions extends EngineOptions {
  /** The address to listen on. Default: `127.0.0.1`, which only this machine reaches. */
  readonly ip?: string;
  /** Default: 7233. 0: any free port. */
  readonly port?: number;
  /** Encrypts connections. Default: plain text. */
  readonly tls?: GrpcDoorTls;
}

export interface Server extends AsyncDisposable {
  readonly engine: Engine;
  /** `ip:port`, as clients take it. */
  readonly address: string;
  readonly port: number;
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
  const { ip = DEFAULT_IP, port = DEFAULT_PORT, tls, ...engineOptions } = options;
  const logger = options.logger ?? consoleLogger();
  const engine = await openEngine({ ...engineOptions, logger });
  try {
    const door = await openGrpcDoor({
      router: engine.router,
      host: ip,
      port,
      ...(options.limits !== undefined && { limits: options.limits }),
      ...(tls !== undefined && { tls }),
      ...(options.clock !== undefined && { now: () => options.clock?.now() ?? 0 }),
      onError: (error, path) => logger.error('A connection or a call failed because of a bug in the server.', { path, error }),
      onClosing: () => engine.endWaits(),
    });
    return new RunningServer(engine, door);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

class RunningServer implements Server {
  readonly #door: GrpcDoor;
  #closed: Promise<void> | undefined;

  constructor(
    readonly engine: Engine,
    door: GrpcDoor,
  ) {
    this.#door = door;
  }

  get address(): string {
    return this.#door.address;
  }

  get port(): number {
    return this.#door.port;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#door.close(CLOSE_GRACE_MS).finally(() => this.engine.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
