/**
 * One unary call of the client, from the moment it is made until its promise settles.
 *
 * It settles exactly once: by the server's reply or status, by the deadline, by the caller's signal, or with the connection. While it
 * waits for a connection it has no stream; deadline and signal count from the start all the same. Whatever settles it early resets its
 * stream, so that the server stops working for it.
 */
import { constants, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { Codec } from '../protocol/codec.js';
import { Code, RpcError } from '../protocol/errors.js';
import { cancelled, onAbort } from './call-ending.js';
import { decompress, MessageAssembler } from './grpc-framing.js';
import type { GrpcSession } from './grpc-session.js';
import { errorFromHttpStatus, errorFromReset, errorFromTrailers, type WireHeaders } from './grpc-status.js';
import { formatTimeout, MAX_TIMER_MS } from './grpc-timeout.js';

/** How long the server gets to end a stream whose deadline has passed. */
const DEADLINE_GRACE_MS = 500;

interface CallRequest {
  readonly headers: OutgoingHttpHeaders;
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

export class GrpcCall {
  readonly #request: CallRequest;
  readonly #observer: CallObserver;
  readonly #response: Codec<unknown>;
  readonly #resolve: (response: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  readonly #madeAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  #stream: ClientHttp2Stream | undefined;
  #session: GrpcSession | undefined;
  #settled = false;
  /** Refused once already: not sent a third time. */
  #resent = false;

  constructor(request: CallRequest, response: Codec<unknown>, observer: CallObserver, resolve: (response: unknown) => void, reject: (error: RpcError) => void) {
    this.#request = request;
    this.#response = response;
    this.#observer = observer;
    this.#resolve = resolve;
    this.#reject = reject;
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
    const { headers, timeoutMs, maxReceiveBytes, frame } = this.#request;
    if (timeoutMs !== undefined) headers['grpc-timeout'] = formatTimeout(timeoutMs - Math.floor(performance.now() - this.#madeAtMs));
    let stream: ClientHttp2Stream;
    try {
      stream = session.open(headers);
    } catch (error) {
      if (!session.usable) return false;
      this.fail(new RpcError(Code.INTERNAL, `cannot send the call: ${(error as Error).message}`, [], { cause: error }));
      return true;
    }
    this.#stream = stream;
    this.#session = session;
    const reply = new MessageAssembler(maxReceiveBytes);
    let encoding: unknown;
    let trailers: WireHeaders | undefined;
    let failure: Error | undefined;
    stream.on('response', (received: WireHeaders) => {
      if (received[':status'] !== 200) return this.fail(errorFromHttpStatus(Number(received[':status'])));
      encoding = received['grpc-encoding'];
      if (received['grpc-status'] !== undefined) this.#finish(received, reply, encoding);
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#settled) return;
      try {
        reply.push(chunk);
      } catch (error) {
        this.fail(error as RpcError);
      }
    });
    stream.on('trailers', (received: WireHeaders) => {
      trailers = received;
      // The data comes before the trailers, but may still wait in the stream's buffer; then 'close' finishes the call.
      if (reply.complete || received['grpc-status'] !== '0') this.#finish(received, reply, encoding);
    });
    stream.on('error', (error) => (failure = error));
    stream.on('close', () => {
      session.release();
      if (!this.#settled) {
        if (trailers !== undefined) this.#finish(trailers, reply, encoding);
        else this.#lost(session, stream.rstCode, failure);
      }
      this.#observer.onReleased(this);
    });
    stream.end(frame);
    return true;
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
    if (stream !== undefined) setTimeout(() => stream.closed || session?.reset(stream), DEADLINE_GRACE_MS).unref();
    this.#reject(error);
  }

  /** The stream ended without a status. */
  #lost(session: GrpcSession, rstCode: number, failure: Error | undefined): void {
    if (rstCode === constants.NGHTTP2_REFUSED_STREAM && !this.#resent) {
      this.#resent = true;
      this.#stream = undefined;
      if (this.#observer.onRefused(this)) return;
    }
    if (!session.lost) return this.fail(errorFromReset(rstCode));
    const reason = failure === undefined ? '' : `: ${failure.message}`;
    this.fail(new RpcError(Code.UNAVAILABLE, `lost the connection to ${this.#request.address}${reason}`));
  }

  #finish(trailers: WireHeaders, reply: MessageAssembler, encoding: unknown): void {
    const error = errorFromTrailers(trailers);
    if (error !== undefined) {
      if (!this.#settle()) return;
      // Answered before everything was sent: the rest must not wait for a window that never opens.
      if (this.#stream?.writableFinished === false) this.#stream.close(constants.NGHTTP2_NO_ERROR);
      return this.#reject(error);
    }
    if (!reply.complete) return this.fail(new RpcError(Code.INTERNAL, 'grpc: the server sent status OK without a whole message'));
    if (!this.#settle()) return;
    if (!reply.compressed) return this.#deliver(reply.message);
    if (encoding !== 'gzip') return this.#reject(new RpcError(Code.INTERNAL, `grpc: the reply is compressed as ${String(encoding)}, which was not asked for`));
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
