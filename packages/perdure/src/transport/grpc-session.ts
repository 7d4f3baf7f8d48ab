/**
 * One HTTP/2 connection of the client, from its preface to its end.
 *
 * A session counts as connected once the server's SETTINGS frame is there: from then on its limit of concurrent streams is known and
 * the peer certainly speaks HTTP/2. It ends by GOAWAY (calls under way may finish, new ones go to the next session), by a ping that is
 * not answered in time, or with its socket. The socket keeps the process alive only while calls are under way.
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { Code, RpcError } from '../protocol/errors.js';
import { onAbort } from './call-ending.js';
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
  readonly keepAlive: KeepAlive;
  readonly connectTimeoutMs: number;
  /** Aborted when no connection is wanted any more. */
  readonly closing: AbortSignal;
}

/** Called when a session takes no more calls, and again when it has ended. */
type OnSessionChange = (session: GrpcSession) => void;

/** Stream ids are odd numbers up to 2^31: a session must be replaced before they run out. */
const MAX_STREAMS_PER_SESSION = 1_000_000_000;
const CLOSE_TIMEOUT_MS = 1000;
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 32 * 1024 * 1024;
/** In megabytes, as Node counts. The default of 10 is less than one large reply. */
const MAX_SESSION_MEMORY = 1024;

export class GrpcSession {
  readonly #session: ClientHttp2Session;
  readonly #socket: Duplex | undefined;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #resets = new ResetPacer();
  #active = 0;
  #opened = 0;
  #retired = false;

  private constructor(session: ClientHttp2Session, socket: Duplex | undefined, keepAlive: KeepAlive, private readonly onChange: OnSessionChange) {
    this.#session = session;
    this.#socket = socket;
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on('goaway', () => this.#retire());
    // A session that drains after GOAWAY is still pinged: its calls must learn that the peer is gone.
    session.on('close', () => {
      clearInterval(this.#keepAlive);
      this.#resets.stop();
      this.#retire();
    });
    this.#keepAlive = setInterval(() => this.#ping(keepAlive.timeoutMs), keepAlive.intervalMs).unref();
    session.unref();
  }

  /**
   * @throws RpcError UNAVAILABLE that names the address and the reason
   */
  static connect(options: SessionOptions, onChange: OnSessionChange): Promise<GrpcSession> {
    const { address, tls } = options;
    return new Promise((resolve, reject) => {
      const session = connect(`${tls === undefined ? 'http' : 'https'}://${address}`, {
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
        maxSessionMemory: MAX_SESSION_MEMORY,
        ...(tls && tlsOptions(tls)),
      });
      let socket: Duplex | undefined;
      session.once('connect', (_, connected) => (socket = connected));
      const fail = (reason: string): void => {
        clearTimeout(timer);
        stopListening();
        reject(new RpcError(Code.UNAVAILABLE, `no connection to ${address}: ${reason}`));
        session.destroy();
      };
      const timer = setTimeout(() => fail(`no answer within ${options.connectTimeoutMs} ms`), options.connectTimeoutMs);
      const stopListening = onAbort(options.closing, () => fail('it is not wanted any more'));
      // Stays for the life of the session: whatever ends it is reported by its streams and by 'close'.
      session.on('error', (error) => fail(describe(error)));
      session.once('close', () => fail('the server closed the connection'));
      session.once('remoteSettings', () => {
        clearTimeout(timer);
        stopListening();
        if (!session.destroyed && !session.closed) resolve(new GrpcSession(session, socket, options.keepAlive, onChange));
      });
    });
  }

  /** Whether a call may start here now. */
  get hasRoom(): boolean {
    return this.usable && this.#active < (this.#session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  get usable(): boolean {
    return !this.#retired && !this.lost && !this.#session.closed;
  }

  /** Whether the connection is gone, and with it every call that was under way. */
  get lost(): boolean {
    return this.#session.destroyed;
  }

  /** Opens a stream. The caller owes a {@link release} when it has closed. Throws if the session ended in this very moment. */
  open(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const stream = this.#session.request(headers);
    if (this.#active++ === 0) this.#session.ref();
    if (++this.#opened >= MAX_STREAMS_PER_SESSION) {
      this.#session.close();
      this.#retire();
    }
    return stream;
  }

  /**
   * Tells the server to stop working on a stream. With more resets than a server bears this session is used up: it takes no new calls,
   * and ends, freeing on the server what still waits to be reset, as soon as no other call needs it.
   */
  reset(stream: ClientHttp2Stream): void {
    this.#resets.reset(stream);
    if (this.#resets.waiting === 0) return;
    if (!this.#retired) this.#retire();
    this.#endIfUsedUp();
  }

  release(): void {
    this.#active -= 1;
    if (this.#session.destroyed) return;
    if (this.#active === 0) this.#session.unref();
    this.#endIfUsedUp();
  }

  #endIfUsedUp(): void {
    if (this.#resets.waiting > 0 && this.#active <= this.#resets.waiting) this.#cutOff();
  }

  /** Node waits until everything is written before it closes the socket of a destroyed session: a silent peer would hold it for ever. */
  #cutOff(): void {
    const socket = this.#socket;
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    if (socket === undefined || socket.destroyed) return;
    const forced = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(forced));
  }

  /** Ends the connection at once; its streams are cancelled. */
  destroy(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#session.destroyed) return resolve();
      this.#session.once('close', resolve);
      this.#cutOff();
    });
  }

  #ping(timeoutMs: number): void {
    if (this.#session.destroyed) return;
    const lost = setTimeout(() => this.#cutOff(), timeoutMs).unref();
    if (!this.#session.ping(() => clearTimeout(lost))) clearTimeout(lost);
  }

  #retire(): void {
    this.#retired = true;
    this.onChange(this);
  }
}

function tlsOptions(tls: TlsOptions) {
  const text = (pem: Uint8Array | string): string | Buffer => (typeof pem === 'string' ? pem : Buffer.from(pem));
  return {
    ...(tls.serverRootCACertificate !== undefined && { ca: text(tls.serverRootCACertificate) }),
    ...(tls.clientCertPair !== undefined && { cert: text(tls.clientCertPair.crt), key: text(tls.clientCertPair.key) }),
    ...(tls.serverNameOverride !== undefined && { servername: tls.serverNameOverride }),
  };
}

/** A host with several addresses fails with an AggregateError, whose own message is empty. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
  return error.message;
}
