/**
 * A connection to a server, shared by any number of clients and workers.
 *
 * It holds the transport and adds what concerns every request: metadata, the API key, retries, and the deadline, abort signal and metadata
 * that the caller set for a scope (`withDeadline` and the like), which travel by async context.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Code, OperatorService, RpcError, WorkflowService, type Init, type Method } from '../../protocol/index.js';
import type { TlsOptions } from '../../transport/grpc-client.js';
import type { Transport } from '../../transport/transport.js';
import { msToNumber, type Duration } from '../common/index.js';
import type { WorkerTime } from '../common/worker-time.js';
import { ServiceError } from './errors.js';
import { LazyTransport } from './lazy-transport.js';
import { rawService, type RawService } from './raw-service.js';
import { callWithRetries, type RetryOptions } from './retry.js';

/** Request metadata; keys in lower case. */
export type Metadata = Readonly<Record<string, string>>;

export type TLSConfig = TlsOptions;

export interface ConnectionOptions {
  /** `host:port`; port 7233 if left out. Default `localhost:7233`. */
  address?: string;
  /** `true` or a configuration to encrypt. Default: not encrypted; encrypted if `apiKey` is given. */
  tls?: TLSConfig | boolean | null;
  /** Sent with every request. */
  metadata?: Metadata;
  /** Sent as `authorization: Bearer <key>`; a function is asked for each request. */
  apiKey?: string | (() => string);
  /** How long `connect` tries. Default 10 seconds. */
  connectTimeout?: Duration;
}

/** What a client or worker needs of a connection. */
export interface ConnectionLike {
  readonly transport: Transport;
  /** Where workers on this connection get time from. Default: the machine's clock. Test environments skip time with it. */
  readonly time?: WorkerTime | undefined;
}

/** For one request, beside what the scope sets. */
export interface RequestOptions {
  /** Limit of each attempt. */
  readonly attemptTimeoutMs?: number;
  readonly retry?: RetryOptions;
}

interface CallContext {
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  readonly metadata?: Metadata;
}

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_PORT = 7233;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

export class Connection implements ConnectionLike {
  readonly #context = new AsyncLocalStorage<CallContext>();
  readonly #connectTimeoutMs: number;
  readonly #target: string;
  #apiKey: (() => string) | undefined;
  #connected: Promise<void> | undefined;

  /** Makes single attempts; workers poll by it. Requests made with it do not see the scopes of `withDeadline` and the like. */
  readonly transport: Transport;
  /** The server's RPCs as methods that take and give protocol messages. */
  readonly workflowService: RawService<typeof WorkflowService>;
  readonly operatorService: RawService<typeof OperatorService>;

  private constructor(transport: Transport | undefined, options: ConnectionOptions, target: string) {
    const { apiKey, metadata } = options;
    if (apiKey !== undefined && metadata !== undefined && Object.keys(metadata).some((key) => key.toLowerCase() === 'authorization')) {
      throw new TypeError("Give either `apiKey` or an 'authorization' entry in `metadata`, not both.");
    }
    if (apiKey !== undefined) this.setApiKey(apiKey);
    this.#target = target;
    this.#connectTimeoutMs = msToNumber(options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS);
    this.transport = transport ?? new LazyTransport(() => this.#openGrpc(lowerCaseKeys(metadata), options.tls ?? apiKey !== undefined));
    const call = <Request, Response>(method: Method<Request, Response>, request: Init<Request>) => this.call(method, request);
    this.workflowService = rawService(WorkflowService, call);
    this.operatorService = rawService(OperatorService, call);
  }

  /**
   * Connects and checks that a server answers.
   *
   * @throws ServiceError if none does within `connectTimeout`, or it refuses.
   * @example const connection = await Connection.connect({ address: 'localhost:7233' });
   */
  static async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = Connection.lazy(options);
    try {
      await connection.ensureConnected();
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** A connection that is opened by its first request. */
  static lazy(options: ConnectionOptions = {}): Connection {
    return new Connection(undefined, options, withPort(options.address ?? DEFAULT_ADDRESS));
  }

  /** A connection over a given transport, such as the one of an engine in this process. */
  static from(transport: Transport): Connection {
    return new Connection(transport, {}, 'the given transport');
  }

  /** Checks once that a server answers; a failed check is made again by the next call. */
  ensureConnected(): Promise<void> {
    this.#connected ??= this.#checkServer().catch((error: unknown) => {
      this.#connected = undefined;
      throw error;
    });
    return this.#connected;
  }

  /** Makes a request, with retries. @throws RpcError */
  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: RequestOptions): Promise<Response> {
    return callWithRetries(this.transport, method, request, { ...this.#context.getStore(), ...options });
  }

  /** Requests made by `fn` fail with DEADLINE_EXCEEDED when the deadline, a date or milliseconds since the epoch, passes. */
  withDeadline<R>(deadline: number | Date, fn: () => Promise<R>): Promise<R> {
    if (Number.isNaN(Number(deadline))) throw new TypeError('A deadline is a valid Date or a number of milliseconds since the epoch.');
    return this.#within({ deadline: Number(deadline) }, fn);
  }

  /** Requests made by `fn` are cancelled when the signal is aborted. */
  withAbortSignal<R>(signal: AbortSignal, fn: () => Promise<R>): Promise<R> {
    return this.#within({ signal }, fn);
  }

  /** Requests made by `fn` carry this metadata, on top of what they carry anyway. */
  withMetadata<R>(metadata: Metadata, fn: () => Promise<R>): Promise<R> {
    return this.#within({ metadata: { ...this.#context.getStore()?.metadata, ...lowerCaseKeys(metadata) } }, fn);
  }

  /** Requests made by `fn` use this API key. */
  withApiKey<R>(apiKey: string, fn: () => Promise<R>): Promise<R> {
    return this.withMetadata({ authorization: `Bearer ${apiKey}` }, fn);
  }

  /** The API key of all requests from now on. */
  setApiKey(apiKey: string | (() => string)): void {
    this.#apiKey = typeof apiKey === 'function' ? apiKey : () => apiKey;
  }

  /** Ends the connection; requests under way fail with CANCELLED or UNAVAILABLE. */
  close(): Promise<void> {
    return this.transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #within<R>(context: CallContext, fn: () => Promise<R>): Promise<R> {
    return this.#context.run({ ...this.#context.getStore(), ...context }, fn);
  }

  async #openGrpc(metadata: Metadata, tls: TLSConfig | boolean): Promise<Transport> {
    const { connectGrpc } = await import('../../transport/grpc-client.js');
    // Asked for each request: the key may change.
    const current = () => (this.#apiKey === undefined ? metadata : { ...metadata, authorization: `Bearer ${this.#apiKey()}` });
    return connectGrpc({ address: this.#target, tls, metadata: current });
  }

  async #checkServer(): Promise<void> {
    try {
      await this.withDeadline(Date.now() + this.#connectTimeoutMs, () => this.call(WorkflowService.GetSystemInfo, {}));
    } catch (error) {
      // Servers older than the method are servers too.
      if (error instanceof RpcError && error.code === Code.UNIMPLEMENTED) return;
      const reason = error instanceof Error ? error.message : String(error);
      const unreachable = error instanceof RpcError && (error.code === Code.UNAVAILABLE || error.code === Code.DEADLINE_EXCEEDED);
      const remedy = unreachable ? ". Is a server running there? 'perdure server start-dev' starts one." : '';
      throw new ServiceError(`Cannot connect to ${this.#target}: ${reason}${remedy}`, { cause: error });
    }
  }
}

/** Adds the default port; an IPv6 address needs brackets for its own colons. */
function withPort(address: string): string {
  return /:\d+$/.test(address) && !/^[^[]*:.*:/.test(address) ? address : `${address}:${DEFAULT_PORT}`;
}

function lowerCaseKeys(metadata: Metadata | undefined): Metadata {
  return Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
}
