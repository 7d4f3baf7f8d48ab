/**
 * The gRPC transport of clients and workers: one HTTP/2 connection that all calls share, made when the first call needs it and made
 * again when it is lost.
 *
 * Attempts to connect back off from 100 ms to 2 s. A call made meanwhile waits for the next attempt and shares its outcome, so a caller
 * that retries in a loop is slowed down and a server that comes back is found quickly. Calls beyond the peer's limit of concurrent
 * streams wait in order; the queue is bounded.
 */
import type { Codec, Init } from '../protocol/codec.js';
import { Code, RpcError } from '../protocol/errors.js';
import type { Method } from '../protocol/method.js';
import { cancelled, connectionClosed } from './call-ending.js';
import { GrpcCall, type CallObserver } from './grpc-call.js';
import { FRAME_HEADER_BYTES, writeFrameHeader } from './grpc-framing.js';
import { GrpcSession, type KeepAlive, type SessionOptions, type TlsOptions } from './grpc-session.js';
import { proxyOf, type ProxyConfig } from './http-proxy.js';
import type { CallOptions, Transport } from './transport.js';

export type { KeepAlive, TlsOptions } from './grpc-session.js';
export type { HttpConnectProxyConfig, ProxyConfig } from './http-proxy.js';

type Metadata = Readonly<Record<string, string>>;

export interface GrpcClientOptions {
  /** `host:port`, for example `127.0.0.1:7233` or `[::1]:7233`. */
  readonly address: string;
  /** Encrypt. Default: no. `true`: with the authorities that Node trusts. */
  readonly tls?: boolean | TlsOptions;
  /** Default: the server is reached directly. */
  readonly proxy?: ProxyConfig;
  /** Sent with every call; keys in lower case. A function is asked anew for each call, so that a token may change. */
  readonly metadata?: Metadata | (() => Metadata);
  /** Default: a ping every 30 s, answered within 15 s. */
  readonly keepAlive?: KeepAlive;
  /** Largest reply, in bytes. Default: 128 MiB. */
  readonly maxReceiveBytes?: number;
  /** How long one attempt to connect may take, in milliseconds. Default: 10 s. */
  readonly connectTimeoutMs?: number;
}

const NO_METADATA: Metadata = {};
const MAX_WAITING_CALLS = 10_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;
const BACKOFF_FACTOR = 1.6;

/**
 * A transport to a Perdure or Temporal server. It connects when the first call is made: that call fails with UNAVAILABLE if nobody
 * listens there.
 *
 * @throws TypeError if the address or the proxy's is not `host:port`, or the metadata cannot be sent
 * @example const transport = await connectGrpc({ address: '127.0.0.1:7233' });
 */
export async function connectGrpc(options: GrpcClientOptions): Promise<Transport> {
  if (!/^(\[[0-9a-fA-F:.%]+\]|[^\s:/[\]@?#]+):[0-9]{1,5}$/.test(options.address)) {
    throw new TypeError(`the address of a server is host:port, for example 127.0.0.1:7233, not ${JSON.stringify(options.address)}`);
  }
  if (typeof options.metadata === 'object') {
    const problem = metadataProblem(options.metadata);
    if (problem !== undefined) throw new TypeError(problem);
  }
  return new GrpcTransport(options);
}

class GrpcTransport implements Transport, CallObserver {
  readonly #options: GrpcClientOptions;
  readonly #session: SessionOptions;
  readonly #baseHeaders: Metadata;
  /** What every call of a method sends, by path. */
  readonly #commonHeaders = new Map<string, Metadata>();
  readonly #sessions = new Set<GrpcSession>();
  readonly #active = new Set<GrpcCall>();
  readonly #waiting = new Set<GrpcCall>();
  #current: GrpcSession | undefined;
  #connecting = false;
  #backoffMs = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: GrpcClientOptions) {
    const { address, tls, proxy, keepAlive = { intervalMs: 30_000, timeoutMs: 15_000 }, connectTimeoutMs = 10_000 } = options;
    const tlsOptions = tls === true ? {} : tls === false ? undefined : tls;
    this.#options = options;
    this.#session = { address, tls: tlsOptions, proxy: proxy && proxyOf(proxy), keepAlive, connectTimeoutMs, closing: this.#closing.signal };
    this.#baseHeaders = {
      ':method': 'POST',
      ':scheme': tlsOptions === undefined ? 'http' : 'https',
      ':authority': tlsOptions?.serverNameOverride ?? address,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'grpc-node-perdure',
      'grpc-accept-encoding': 'gzip',
      ...(typeof options.metadata === 'object' && options.metadata),
    };
  }

  call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options: CallOptions = {}): Promise<Response> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      if (this.#closing.signal.aborted) return reject(connectionClosed());
      if (signal?.aborted === true) return reject(cancelled(signal));
      let own: Metadata;
      let frame: Buffer;
      try {
        own = this.#ownHeaders(options.metadata);
        frame = writeFrameHeader(method.request.encodeWithHeadroom(request, FRAME_HEADER_BYTES));
      } catch (error) {
        return reject(error instanceof RpcError ? error : new RpcError(Code.INVALID_ARGUMENT, `cannot send this ${method.name} request: ${(error as Error).message}`, [], { cause: error }));
      }
      const { address, maxReceiveBytes = 128 * 1024 * 1024 } = this.#options;
      const call = new GrpcCall({ path: method.path, common: this.#common(method.path), own, frame, timeoutMs, signal, maxReceiveBytes, address }, method.response as Codec<unknown>, this, resolve as (response: unknown) => void, reject);
      this.#start(call);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#retryTimer);
    for (const call of [...this.#waiting, ...this.#active]) call.fail(connectionClosed());
    for (const session of this.#sessions) session.destroy();
  }

  onSettled(call: GrpcCall): void {
    this.#waiting.delete(call);
    this.#active.delete(call);
  }

  onReleased(): void {
    if (this.#waiting.size > 0) this.#drain();
  }

  onRefused(call: GrpcCall): boolean {
    if (this.#closing.signal.aborted) return false;
    this.#active.delete(call);
    this.#start(call);
    return true;
  }

  /** HTTP/2 wants the names with a colon first. */
  #common(path: string): Metadata {
    let common = this.#commonHeaders.get(path);
    if (common === undefined) this.#commonHeaders.set(path, (common = { ':path': path, ...this.#baseHeaders }));
    return common;
  }

  #ownHeaders(metadata: Metadata | undefined): Metadata {
    const { metadata: all } = this.#options;
    if (typeof all !== 'function' && metadata === undefined) return NO_METADATA;
    const own = { ...(typeof all === 'function' && all()), ...metadata };
    const problem = metadataProblem(own);
    if (problem !== undefined) throw new RpcError(Code.INVALID_ARGUMENT, problem);
    return own;
  }

  #start(call: GrpcCall): void {
    if (this.#waiting.size === 0 && this.#current?.hasRoom === true && call.start(this.#current)) {
      if (!call.settled) this.#active.add(call);
      return;
    }
    if (this.#waiting.size >= MAX_WAITING_CALLS) {
      return call.fail(new RpcError(Code.RESOURCE_EXHAUSTED, `${MAX_WAITING_CALLS} calls already wait for ${this.#options.address}: try again later`));
    }
    this.#waiting.add(call);
    this.#drain();
  }

  /** Starts what can be started; makes a connection if there is none. */
  #drain(): void {
    for (const call of this.#waiting) {
      if (this.#current === undefined || !this.#current.hasRoom) break;
      if (!call.start(this.#current)) break;
      this.#waiting.delete(call);
      if (!call.settled) this.#active.add(call);
    }
    if (this.#waiting.size > 0 && (this.#current === undefined || !this.#current.usable)) this.#connect();
  }

  #connect(): void {
    if (this.#connecting || this.#closing.signal.aborted) return;
    this.#connecting = true;
    if (this.#backoffMs === 0) return void this.#attempt();
    // Half of it at random, so that a thousand clients of a restarted server do not come back in step.
    this.#retryTimer = setTimeout(() => void this.#attempt(), this.#backoffMs * (0.5 + Math.random() / 2));
  }

  async #attempt(): Promise<void> {
    try {
      const session = await GrpcSession.connect(this.#session, (changed) => this.#onSessionChange(changed));
      this.#connecting = false;
      this.#sessions.add(session);
      if (this.#closing.signal.aborted) return void session.destroy();
      this.#backoffMs = 0;
      this.#current = session;
      this.#drain();
    } catch (error) {
      this.#connecting = false;
      this.#backoffMs = Math.min(MAX_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, this.#backoffMs * BACKOFF_FACTOR));
      for (const call of this.#waiting) call.fail(error as RpcError);
    }
  }

  #onSessionChange(session: GrpcSession): void {
    if (session.lost) this.#sessions.delete(session);
    if (this.#current === session) this.#current = undefined;
    if (this.#waiting.size > 0) this.#drain();
  }
}

const RESERVED_METADATA = new Set(['te', 'content-type', 'host', 'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings']);

/** HTTP/2 takes lower-case tokens and printable ASCII; anything else would end the whole connection. */
function metadataProblem(metadata: Metadata): string | undefined {
  for (const key in metadata) {
    if (!/^[0-9a-z_.-]+$/.test(key) || key.startsWith('grpc-') || RESERVED_METADATA.has(key)) {
      return `metadata key ${JSON.stringify(key)} cannot be sent: use lower-case letters, digits, "-", "_", ".", and no name that HTTP or gRPC uses itself`;
    }
    const value: unknown = metadata[key];
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) return `the value of metadata ${JSON.stringify(key)} cannot be sent: use printable ASCII`;
  }
  return undefined;
}
