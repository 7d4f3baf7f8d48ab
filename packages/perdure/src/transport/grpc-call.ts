/**
 * One unary call of the client, from the moment it is made until its promise settles.
 *
 * It settles exactly once: by the server's reply or status, by the deadline, by the caller's signal, or with the connection. While it
 * waits for a connection it has no stream; deadline and signal count from the start all the same. Whatever settles it early resets its
 * stream, so that the server stops working for it.
 */
import type { Codec } from '../protocol/codec.js';
import { Code, RpcError } from '../protocol/errors.js';
import { cancelled, onAbort } from './call-ending.js';
import { decompress, MessageAssembler } from './grpc-framing.js';
import type { GrpcSession } from './grpc-session.js';
import { ErrorCode } from './http2/frames.js';
import type { Http2Stream, StreamObserver } from './http2/stream.js';
import { errorFromHttpStatus, errorFromReset, errorFromTrailers, type WireHeaders } from './grpc-status.js';
import { formatTimeout, MAX_TIMER_MS } from './grpc-timeout.js';

/** How long the server gets to end a stream whose deadline has passed. */
const DEADLINE_GRACE_MS = 500;

interface CallRequest {
  readonly path: string;
  /** The same for every call of this path. */
  readonly common: Readonly<Record<string, string>>;
  /** Of this call alone. */
  readonly own: Readonly<Record<string, string>>;
  readonly frame: Buffer;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly maxReceiveBytes: number;
  readonly address: string;
}

/** What a call reports to the connection it uses. */
export interface CallObserver {
  /** Its promise has settled, or soon will; it must not be started any more. */
  onSettled(call: GrpcCall): void;
  /** Its stream has closed: there is room for another one. */
  onReleased(call: GrpcCall): void;
  /** The server has not looked at it: it may be sent again. Returns whether it will be. */
  onRefused(call: GrpcCall): boolean;
}

export class GrpcCall implements StreamObserver {
  readonly #request: CallRequest;
  readonly #observer: CallObserver;
  readonly #response: Codec<unknown>;
  readonly #resolve: (response: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  readonly #madeAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #stream: Http2Stream | undefined;
  #session: GrpcSession | undefined;
  #reply: MessageAssembler;
  #encoding: unknown;
  #trailers: WireHeaders | undefined;
  #settled = false;
  /** Refused once already: not sent a third time. */
  #resent = false;

  constructor(request: CallRequest, response: Codec<unknown>, observer: CallObserver, resolve: (response: unknown) => void, reject: (error: RpcError) => void) {
    this.#request = request;
    this.#response = response;
    this.#observer = observer;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#reply = new MessageAssembler(request.maxReceiveBytes);
    const { timeoutMs, signal } = request;
    this.#madeAtMs = timeoutMs === undefined ? 0 : performance.now();
    if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => {
        const state = this.#stream === undefined ? `no connection to ${request.address}` : `no answer from ${request.address}`;
        this.#expire(new RpcError(Code.DEADLINE_EXCEEDED, `${state} within ${timeoutMs} ms`));
      }, timeoutMs);
    }
    if (signal !== undefined) this.#stopListening = onAbort(signal, () => this.fail(cancelled(signal)));
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Sends the call. Returns false if the session ended in this very moment. */
  start(session: GrpcSession): boolean {
    const { path, common, own, timeoutMs, frame } = this.#request;
    const timed = timeoutMs === undefined ? own : { ...own, 'grpc-timeout': formatTimeout(timeoutMs - Math.floor(performance.now() - this.#madeAtMs)) };
    try {
      this.#session = session;
      this.#stream = session.open({ key: path, common, own: timed }, frame, this);
    } catch (error) {
      if (!session.usable) return false;
      this.fail(new RpcError(Code.INTERNAL, `cannot send the call: ${(error as Error).message}`, [], { cause: error }));
    }
    return true;
  }

  onHeaders(received: WireHeaders): void {
    const status = received[':status'];
    if (status === undefined) return void (this.#trailers = received);
    if (status !== '200') return this.fail(errorFromHttpStatus(Number(status)));
    this.#encoding = received['grpc-encoding'];
    if (received['grpc-status'] !== undefined) this.#trailers = received;
  }

  onData(bytes: Buffer): void {
    if (this.#settled) return;
    try {
      this.#reply.push(bytes);
    } catch (error) {
      this.fail(error as RpcError);
    }
  }

  onEnd(): void {}

  onClosed(code: ErrorCode | undefined): void {
    const session = this.#session as GrpcSession;
    session.release(this.#stream as Http2Stream);
    if (!this.#settled) {
      if (this.#trailers !== undefined) this.#finish(this.#trailers);
      else this.#lost(session, code);
    }
    this.#observer.onReleased(this);
  }

  fail(error: RpcError): void {
    if (!this.#settle()) return;
    if (this.#stream !== undefined) this.#session?.reset(this.#stream);
    this.#reject(error);
  }

  /** The server knows the deadline too and ends the stream by itself; it is reset only if that does not happen soon. */
  #expire(error: RpcError): void {
    if (!this.#settle()) return;
    const session = this.#session;
    const stream = this.#stream;
    if (stream !== undefined) setTimeout(() => session?.reset(stream), DEADLINE_GRACE_MS).unref();
    this.#reject(error);
  }

  /** The stream ended without a status. */
  #lost(session: GrpcSession, code: ErrorCode | undefined): void {
    if (code === ErrorCode.REFUSED_STREAM && !this.#resent) {
      this.#resent = true;
      this.#stream = undefined;
      if (this.#observer.onRefused(this)) return;
    }
    if (code !== undefined) return this.fail(errorFromReset(code));
    const reason = session.lostBecause === undefined ? '' : `: ${session.lostBecause.message}`;
    this.fail(new RpcError(Code.UNAVAILABLE, `lost the connection to ${this.#request.address}${reason}`));
  }

  #finish(trailers: WireHeaders): void {
    const error = errorFromTrailers(trailers);
    const reply = this.#reply;
    if (error !== undefined) return this.fail(error);
    if (!reply.complete) return this.fail(new RpcError(Code.INTERNAL, 'grpc: the server sent status OK without a whole message'));
    if (!this.#settle()) return;
    if (!reply.compressed) return this.#deliver(reply.message);
    if (this.#encoding !== 'gzip') return this.#reject(new RpcError(Code.INTERNAL, `grpc: the reply is compressed as ${String(this.#encoding)}, which was not asked for`));
    try {
      const message = decompress(reply.message, this.#request.maxReceiveBytes);
      if (message instanceof Promise) message.then((later) => this.#deliver(later), this.#reject);
      else this.#deliver(message);
    } catch (error) {
      this.#reject(error as RpcError);
    }
  }

  #deliver(message: Buffer): void {
    let response: unknown;
    try {
      response = this.#response.decode(message);
    } catch (error) {
      return this.#reject(new RpcError(Code.INTERNAL, `malformed reply: ${(error as Error).message}`, [], { cause: error }));
    }
    this.#resolve(response);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#observer.onSettled(this);
    return true;
  }
}
