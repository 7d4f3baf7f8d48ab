/**
 * One HTTP/2 connection of the client, from its preface to its end.
 *
 * A session counts as connected once the server's SETTINGS frame is there: from then on its limit of concurrent streams is known and
 * the peer certainly speaks HTTP/2. It ends by GOAWAY (calls under way may finish, new ones go to the next session), by a ping that is
 * not answered in time, or with its socket. The socket keeps the process alive only while calls are under way.
 */
import net from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { Code, RpcError } from '../protocol/errors.js';
import { onAbort, reasonOf } from './call-ending.js';
import { Http2Client } from './http2/client.js';
import { ErrorCode } from './http2/frames.js';
import { openTunnel, type Proxy } from './http-proxy.js';
import type { Block, Http2Stream, StreamObserver } from './http2/stream.js';
import { ResetPacer } from './reset-pacer.js';

export interface TlsOptions {
  /** Certificates of the authorities to trust, PEM. Default: those that Node trusts. */
  readonly serverRootCACertificate?: Uint8Array | string;
  /** The client's own certificate, PEM. */
  readonly clientCertPair?: { readonly crt: Uint8Array | string; readonly key: Uint8Array | string };
  /** The name that the server's certificate must carry, if it is not the host of the address. */
  readonly serverNameOverride?: string;
}

export interface KeepAlive {
  /** How often to ping, in milliseconds. */
  readonly intervalMs: number;
  /** How long to wait for the answer before the connection counts as lost, in milliseconds. */
  readonly timeoutMs: number;
}

export interface SessionOptions {
  /** `host:port` */
  readonly address: string;
  readonly tls: TlsOptions | undefined;
  /** Undefined: the server is reached directly. */
  readonly proxy: Proxy | undefined;
  readonly keepAlive: KeepAlive;
  readonly connectTimeoutMs: number;
  /** Aborted when no connection is wanted any more. */
  readonly closing: AbortSignal;
}

/** Called when a session takes no more calls, and again when it has ended. */
type OnSessionChange = (session: GrpcSession) => void;

/** Stream ids are odd numbers up to 2^31: a session must be replaced before they run out. */
const MAX_STREAMS_PER_SESSION = 1_000_000_000;

export class GrpcSession {
  readonly #connection: Http2Client;
  readonly #socket: net.Socket;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #resets: ResetPacer;
  #active = 0;
  #opened = 0;
  #retired = false;

  private constructor(connection: Http2Client, socket: net.Socket, keepAlive: KeepAlive, private readonly onChange: OnSessionChange) {
    this.#connection = connection;
    this.#socket = socket;
    this.#resets = new ResetPacer((stream) => connection.reset(stream, ErrorCode.CANCEL));
    // A session that drains after GOAWAY is still pinged: its calls must learn that the peer is gone.
    this.#keepAlive = setInterval(() => this.#ping(keepAlive.timeoutMs), keepAlive.intervalMs).unref();
    socket.unref();
  }

  /**
   * @throws RpcError UNAVAILABLE that names the address and the reason
   */
  static async connect(options: SessionOptions, onChange: OnSessionChange): Promise<GrpcSession> {
    const { proxy, address, connectTimeoutMs: timeoutMs, closing } = options;
    const tunnel = proxy && (await openTunnel(proxy, { address, timeoutMs, closing }));
    return new Promise((resolve, reject) => {
      let session: GrpcSession | undefined;
      const socket = openSocket(options, tunnel, () => {
        const connection = new Http2Client(socket, {
          onReady: () => {
            settle();
            session = new GrpcSession(connection, socket, options.keepAlive, onChange);
            resolve(session);
          },
          onGoAway: () => {
            if (session !== undefined) session.#retire();
          },
          onClosed: (reason) => {
            if (session === undefined) fail(reason === undefined ? 'the server closed the connection' : reasonOf(reason));
            else session.#end();
          },
        });
      });
      const fail = (reason: string): void => {
        settle();
        reject(new RpcError(Code.UNAVAILABLE, `no connection to ${options.address}: ${reason}`));
        socket.destroy();
      };
      const settle = (): void => {
        clearTimeout(timer);
        stopListening();
        socket.off('error', onError).off('close', onClose);
      };
      const onError = (error: Error): void => fail(reasonOf(error));
      const onClose = (): void => fail('the server closed the connection');
      // An error that comes after all is over is nobody's.
      socket.on('error', () => undefined);
      socket.on('error', onError).on('close', onClose);
      const timer = setTimeout(() => fail(`no answer within ${options.connectTimeoutMs} ms`), options.connectTimeoutMs);
      const stopListening = onAbort(options.closing, () => fail('it is not wanted any more'));
    });
  }

  /** Whether a call may start here now. */
  get hasRoom(): boolean {
    return this.usable && this.#active < this.#connection.maxConcurrentStreams;
  }

  get usable(): boolean {
    return !this.#retired && !this.lost;
  }

  /** Whether the connection is gone, and with it every call that was under way. */
  get lost(): boolean {
    return this.#connection.closed;
  }

  /** Why it is gone, if that is known. */
  get lostBecause(): Error | undefined {
    return this.#connection.closedBecause;
  }

  /** Opens a stream. The caller owes a {@link release} when it has closed. Throws if the session ended in this very moment. */
  open(headers: Block, body: Buffer, observer: StreamObserver): Http2Stream {
    const stream = this.#connection.open(headers, body, observer);
    if (this.#active++ === 0) this.#socket.ref();
    if (++this.#opened >= MAX_STREAMS_PER_SESSION) this.#retire();
    return stream;
  }

  /**
   * Tells the server to stop working on a stream. With more resets than a server bears this session is used up: it takes no new calls,
   * and ends, freeing on the server what still waits to be reset, as soon as no other call needs it.
   */
  reset(stream: Http2Stream): void {
    this.#resets.reset(stream);
    if (this.#resets.waiting === 0) return;
    if (!this.#retired) this.#retire();
    this.#endIfDone();
  }

  release(stream: Http2Stream): void {
    this.#active -= 1;
    this.#resets.closed(stream);
    if (this.lost) return;
    if (this.#active === 0) this.#socket.unref();
    this.#endIfDone();
  }

  /** Ends the connection at once; its streams are cancelled. */
  destroy(): void {
    this.#connection.destroy();
  }

  #endIfDone(): void {
    if (this.#retired && this.#active <= this.#resets.waiting) this.destroy();
  }

  #ping(timeoutMs: number): void {
    const lost = setTimeout(() => this.#connection.destroy(new Error(`no answer to a ping within ${timeoutMs} ms`)), timeoutMs).unref();
    this.#connection.ping(() => clearTimeout(lost));
  }

  #retire(): void {
    this.#retired = true;
    this.onChange(this);
  }

  #end(): void {
    clearInterval(this.#keepAlive);
    this.#resets.stop();
    this.#retire();
  }
}

function openSocket({ address, tls: secure }: SessionOptions, tunnel: net.Socket | undefined, onConnected: () => void): net.Socket {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (secure === undefined && tunnel !== undefined) {
    // It was paused until somebody reads.
    queueMicrotask(() => {
      onConnected();
      tunnel.resume();
    });
    return tunnel;
  }
  if (secure === undefined) return net.connect({ host, port, noDelay: true }, onConnected);
  // An IP address is no name that a server could be told, or a certificate asked for.
  const servername = secure.serverNameOverride ?? (net.isIP(host) === 0 ? host : '');
  const socket: TLSSocket = tls.connect({ ...(tunnel === undefined ? { host, port } : { socket: tunnel }), servername, ALPNProtocols: ['h2'], ...tlsOptions(secure) }, () => {
    if (socket.alpnProtocol === 'h2') onConnected();
    else socket.destroy(new Error('the server does not offer HTTP/2'));
  });
  return socket.setNoDelay(true);
}

function tlsOptions({ serverRootCACertificate: authority, clientCertPair: pair }: TlsOptions) {
  const text = (pem: Uint8Array | string): string | Buffer => (typeof pem === 'string' ? pem : Buffer.from(pem));
  return {
    ...(authority !== undefined && { ca: text(authority) }),
    ...(pair !== undefined && { cert: text(pair.crt), key: text(pair.key) }),
  };
}
