/**
 * A connection to a server, shared by any number of clients and workers.
 *
 * It holds the transport and adds what concerns every request: metadata, the API key, retries, and the deadline, abort signal and metadata
 * that the caller set for a scope (`withDeadline` and the like), which travel by async context.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Code, OperatorService, RpcError, TestService, WorkflowService, type Init, type Method } from '../../protocol/index.js';
import { Health } from '../../protocol/generated/services.js';
import type { HttpConnectProxyConfig, KeepAlive, ProxyConfig, TlsOptions } from '../../transport/grpc-client.js';
import type { Transport } from '../../transport/transport.js';
import { DefaultLogger, msToNumber, type Duration, type Logger } from '../common/index.js';
import type { WorkerMocks } from '../worker/mocks.js';
import { systemChance, systemTime, type Chance, type WorkerTime } from '../common/worker-time.js';
import { ServiceError } from './errors.js';
import { LazyTransport } from './lazy-transport.js';
import { configuredConnection, type AnyConnectionPlugin } from './plugins.js';
import { PayloadLimits, type PayloadLimitsConfig } from './payload-limits.js';
import { rawService, type RawService } from './raw-service.js';
import { callWithRetries, retryEnvironment, type RetryEnvironment, type RetryOptions } from './retry.js';

/** Request metadata; keys in lower case. */
export type Metadata = Readonly<Record<string, string>>;

export type TLSConfig = TlsOptions;
export type { HttpConnectProxyConfig, ProxyConfig };

export interface ConnectionOptions {
  /** `host:port`; port 7233 if left out. Default `localhost:7233`. */
  address?: string;
  /** `true` or a configuration to encrypt. Default: not encrypted; encrypted if `apiKey` is given. */
  tls?: TLSConfig | boolean | null;
  /** The HTTP proxy through which the server is reached. Default: none, whatever the environment says. */
  proxy?: ProxyConfig;
  /** Sent with every request. */
  metadata?: Metadata;
  /** Sent as `authorization: Bearer <key>`; a function is asked for each request. */
  apiKey?: string | (() => string);
  /** How long `connect` tries. Default 10 seconds. */
  connectTimeout?: Duration;
  /** Finds out that the server is gone while nothing else would. `false`: never. Default: asks every 30 seconds, and waits 15 for the answer. */
  keepAlive?: KeepAliveOptions | false;
  /** From what sizes on data is logged before it is sent. */
  payloadLimits?: PayloadLimitsConfig;
  /** Default: warnings on standard error. */
  logger?: Logger;
  /** Applied in order. Clients and workers on this connection have them too. */
  plugins?: readonly AnyConnectionPlugin[];
}

export interface KeepAliveOptions {
  /** How often. Default 30 seconds. */
  interval?: Duration;
  /** How long an answer may take before the connection counts as lost. Default 15 seconds. */
  timeout?: Duration;
}

/** What a client or worker needs of a connection. */
export interface ConnectionLike {
  readonly transport: Transport;
  /** Where workers on this connection get time from. Default: the machine's clock. Test environments skip time with it. */
  readonly time?: WorkerTime | undefined;
  /** Where ids of requests and jitter come from. Default: the operating system. */
  readonly chance?: Chance | undefined;
  /** What takes the place of activities and child workflows in workers on this connection. Default: nothing. Test environments have it. */
  readonly mocks?: WorkerMocks | undefined;
  /** For the clients and workers on this connection. */
  readonly plugins?: readonly AnyConnectionPlugin[] | undefined;
}

/** For one request, beside what the scope sets. */
export interface RequestOptions {
  /** Limit of each attempt. */
  readonly attemptTimeoutMs?: number;
  readonly retry?: RetryOptions;
}

/** What retries wait by, and where ids come from. */
type Ports = Pick<ConnectionLike, 'time' | 'chance'>;

interface CallContext {
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  readonly metadata?: Metadata;
}

/** Where a server of one's own listens. */
export const LOCAL_TARGET = 'localhost:7233';
const DEFAULT_PORT = 7233;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** 24 days: longer ones fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Connection implements ConnectionLike {
  readonly #context = new AsyncLocalStorage<CallContext>();
  readonly #connectTimeoutMs: number;
  readonly #target: string;
  readonly #retryEnvironment: RetryEnvironment | undefined;
  readonly #payloadLimits: PayloadLimits;
  #apiKey: (() => string) | undefined;
  #metadata: Metadata;
  #connected: Promise<void> | undefined;

  /** Makes single attempts; workers poll by it. Requests made with it do not see the scopes of `withDeadline` and the like. */
  readonly transport: Transport;
  /** The server's RPCs as methods that take and give protocol messages. */
  readonly workflowService: RawService<typeof WorkflowService>;
  readonly operatorService: RawService<typeof OperatorService>;
  /** Time of a server that was started to be tested with: `perdure server start-dev --test-service`. */
  readonly testService: RawService<typeof TestService>;
  /** The standard health check of gRPC. */
  readonly healthService: RawService<typeof Health>;
  /** Absent: the machine's clock. */
  readonly time: WorkerTime | undefined;
  readonly chance: Chance | undefined;
  readonly plugins: readonly AnyConnectionPlugin[];

  private constructor(transport: Transport | undefined, options: ConnectionOptions, target: string, { time, chance }: Ports = {}) {
    const { apiKey, metadata } = options;
    if (apiKey !== undefined && metadata !== undefined && Object.keys(metadata).some((key) => key.toLowerCase() === 'authorization')) {
      throw new TypeError("Give either `apiKey` or an 'authorization' entry in `metadata`, not both.");
    }
    this.#metadata = lowerCaseKeys(metadata);
    if (apiKey !== undefined) this.setApiKey(apiKey);
    this.#target = target;
    this.time = time;
    this.chance = chance;
    this.plugins = options.plugins ?? [];
    this.#retryEnvironment = time || chance ? retryEnvironment(time ?? systemTime, chance ?? systemChance) : undefined;
    this.#connectTimeoutMs = msToNumber(options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS);
    const keepAlive = keepAliveOf(options.keepAlive);
    this.transport = transport ?? new LazyTransport(() => this.#openGrpc(options.tls ?? apiKey !== undefined, options.proxy, keepAlive));
    const call = <Request, Response>(method: Method<Request, Response>, request: Init<Request>) => this.call(method, request);
    this.workflowService = rawService(WorkflowService, call);
    this.operatorService = rawService(OperatorService, call);
    this.testService = rawService(TestService, call);
    this.healthService = rawService(Health, call);
    const logger = options.logger ?? new DefaultLogger('WARN');
    this.#payloadLimits = new PayloadLimits({ ...options.payloadLimits, ask: (namespace) => this.#limitsOf(namespace), warn: (message) => logger.warn(message) });
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
  static lazy(asked: ConnectionOptions = {}): Connection {
    const options = { ...configuredConnection(asked), plugins: asked.plugins ?? [] };
    return new Connection(undefined, options, withPort(options.address ?? LOCAL_TARGET));
  }

  /** A connection over a given transport, such as the one of an engine in this process. */
  static from(transport: Transport, ports?: Ports): Connection {
    return new Connection(transport, {}, 'the given transport', ports);
  }

  /** @internal For requests: the server knows by it that it has seen one before. */
  newId(): string {
    return (this.chance ?? systemChance).uuid();
  }

  /** Checks once that a server answers; a failed check is made again by the next call. */
  ensureConnected(): Promise<void> {
    this.#connected ??= this.#checkServer().catch((error: unknown) => {
      this.#connected = undefined;
      throw error;
    });
    return this.#connected;
  }

  /** Makes a request, with retries. @throws RpcError, PayloadsTooLargeError */
  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: RequestOptions): Promise<Response> {
    const toCheck = this.#payloadLimits.check(method, request);
    if (toCheck !== undefined) await toCheck;
    return callWithRetries(this.transport, method, request, { ...this.#context.getStore(), ...options }, this.#retryEnvironment);
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

  /** The metadata of all requests from now on, in place of what the connection was made with. */
  setMetadata(metadata: Metadata): void {
    this.#metadata = lowerCaseKeys(metadata);
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

  async #openGrpc(tls: TLSConfig | boolean, proxy: ProxyConfig | undefined, keepAlive: KeepAlive): Promise<Transport> {
    const { connectGrpc } = await import('../../transport/grpc-client.js');
    // Asked for each request: both may change.
    const current = () => (this.#apiKey === undefined ? this.#metadata : { ...this.#metadata, authorization: `Bearer ${this.#apiKey()}` });
    return connectGrpc({ address: this.#target, tls, metadata: current, keepAlive, ...(proxy && { proxy }) });
  }

  async #limitsOf(namespace: string): Promise<{ payloadsBytes: number; memoBytes: number } | undefined> {
    const { namespaceInfo } = await this.call(WorkflowService.DescribeNamespace, { namespace });
    const { blobSizeLimitError, memoSizeLimitError } = namespaceInfo?.limits ?? {};
    return { payloadsBytes: blobSizeLimitError || Infinity, memoBytes: memoSizeLimitError || Infinity };
  }

  async #checkServer(): Promise<void> {
    try {
      await this.withDeadline((this.time ?? systemTime).now() + this.#connectTimeoutMs, () => this.call(WorkflowService.GetSystemInfo, {}));
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

function keepAliveOf(given: KeepAliveOptions | false | undefined): KeepAlive {
  if (given === false) return { intervalMs: LONGEST_TIMER_MS, timeoutMs: LONGEST_TIMER_MS };
  return { intervalMs: msToNumber(given?.interval ?? 30_000), timeoutMs: msToNumber(given?.timeout ?? 15_000) };
}

/** Adds the default port; an IPv6 address needs brackets for its own colons. */
function withPort(address: string): string {
  return /:\d+$/.test(address) && !/^[^[]*:.*:/.test(address) ? address : `${address}:${DEFAULT_PORT}`;
}

function lowerCaseKeys(metadata: Metadata | undefined): Metadata {
  return Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
}
