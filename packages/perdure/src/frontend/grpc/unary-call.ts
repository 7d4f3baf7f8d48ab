/**
 * One unary call as the door serves it: collect the request, run the handler, send the reply or the status.
 *
 * Memory stays bounded while a request arrives: its size is checked against the announced length before it is kept, and what all
 * unfinished requests hold together is limited by the door's {@link RequestBudget}. When the client resets the stream or its connection
 * ends, the handler's signal is aborted at once, so that a long poll gives up its place.
 */
import { Code, RpcError } from '../../protocol/errors.js';
import type { Init } from '../../protocol/codec.js';
import { CallScope, toRpcError, type OnHandlerError } from '../../transport/dispatch.js';
import { compressFrame, decompress, FRAME_HEADER_BYTES, MessageAssembler, writeFrameHeader } from '../../transport/grpc-framing.js';
import { parseTimeout } from '../../transport/grpc-timeout.js';
import type { WireHeaders } from '../../transport/grpc-status.js';
import type { ServerStream } from '../../transport/http2/server.js';
import type { StreamObserver } from '../../transport/http2/stream.js';
import type { Route } from '../../transport/transport.js';
import { GZIP_REPLY_HEADERS, OK_TRAILERS, REPLY_HEADERS, sendError } from './replies.js';

/** Smaller replies fit into what TCP sends before the first acknowledgement: compressed they would come no sooner, and cost a tenth of a millisecond of CPU. */
const MIN_COMPRESSED_BYTES = 14 * 1024;

/** What the calls of one door share. */
export interface UnaryCallSettings {
  readonly maxRequestBytes: number;
  readonly budget: RequestBudget;
  readonly onError: OnHandlerError | undefined;
  readonly now: () => number;
}

/** Limits what unfinished requests may hold together. */
export class RequestBudget {
  #heldBytes = 0;

  constructor(private readonly limitBytes: number) {}

  take(bytes: number): void {
    if (this.#heldBytes + bytes > this.limitBytes) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `the server already holds ${this.#heldBytes} bytes of unfinished requests: try again later`);
    }
    this.#heldBytes += bytes;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

export class UnaryCall implements StreamObserver {
  readonly #stream: ServerStream;
  readonly #headers: WireHeaders;
  readonly #route: Route;
  readonly #settings: UnaryCallSettings;
  readonly #scope: CallScope;
  #request: MessageAssembler | undefined;
  #heldBytes = 0;
  #compressReply = false;
  /** Answered, or nobody waits for an answer any more. */
  #ended = false;

  constructor(stream: ServerStream, headers: WireHeaders, route: Route, settings: UnaryCallSettings) {
    this.#stream = stream;
    this.#headers = headers;
    this.#route = route;
    this.#settings = settings;
    this.#request = new MessageAssembler(settings.maxRequestBytes);
    const timeout = headers['grpc-timeout'];
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(String(timeout));
    this.#scope = new CallScope(() => metadataOf(headers), timeoutMs, settings.now, (error) => this.#fail(error));
    if (timeout !== undefined && timeoutMs === undefined) this.#fail(new RpcError(Code.INTERNAL, `malformed grpc-timeout: ${JSON.stringify(timeout)}`));
  }

  onHeaders(): void {}

  onData(chunk: Buffer): void {
    const request = this.#request;
    if (request === undefined) return;
    try {
      request.push(chunk);
      // A request that came in one piece is about to be handled: only unfinished ones count.
      if (!request.complete) {
        this.#settings.budget.take(request.bufferedBytes - this.#heldBytes);
        this.#heldBytes = request.bufferedBytes;
      }
    } catch (error) {
      this.#fail(error as RpcError);
    }
  }

  onEnd(): void {
    this.#run();
  }

  onClosed(): void {
    if (this.#ended) return;
    this.#end();
    this.#scope.abort(new RpcError(Code.CANCELLED, 'the caller went away'));
  }

  #run(): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#dropRequest();
    if (!request.complete) return this.#fail(new RpcError(Code.INTERNAL, 'grpc: the request ended before its message was complete'));
    if (request.compressed) this.#decompress(request.message);
    else this.#handle(request.message);
  }

  #decompress(message: Buffer): void {
    const encoding = this.#headers['grpc-encoding'];
    if (encoding === undefined || encoding === 'identity') {
      return this.#fail(new RpcError(Code.INTERNAL, 'grpc: the compressed flag of the request is set, but grpc-encoding names no compression'));
    }
    if (encoding !== 'gzip') return this.#fail(new RpcError(Code.UNIMPLEMENTED, `grpc: ${String(encoding)} compression is not supported, use gzip`));
    this.#compressReply = /(^|,)\s*gzip\s*(,|$)/.test(String(this.#headers['grpc-accept-encoding']));
    try {
      const plain = decompress(message, this.#settings.maxRequestBytes);
      if (plain instanceof Promise) plain.then((later) => this.#handle(later), (error: unknown) => this.#failed(error));
      else this.#handle(plain);
    } catch (error) {
      this.#failed(error);
    }
  }

  #handle(message: Buffer): void {
    // Nobody waits for a call that ended while its request was being unpacked.
    if (this.#ended) return;
    try {
      const { method, handler } = this.#route;
      const reply = handler(method.request.decode(message), this.#scope);
      if (reply instanceof Promise) {
        reply.then(
          (value) => this.#reply(value),
          (error: unknown) => this.#failed(error),
        );
      } else this.#reply(reply);
    } catch (error) {
      this.#failed(error);
    }
  }

  #reply(reply: Init<unknown>): void {
    if (this.#ended) return;
    let frame: Buffer;
    try {
      frame = writeFrameHeader(this.#route.method.response.encodeWithHeadroom(reply, FRAME_HEADER_BYTES));
    } catch (error) {
      return this.#failed(error);
    }
    this.#end();
    if (!this.#compressReply || frame.length < MIN_COMPRESSED_BYTES) return this.#stream.reply(REPLY_HEADERS, frame, OK_TRAILERS);
    compressFrame(frame).then(
      (compressed) => this.#stream.reply(GZIP_REPLY_HEADERS, compressed, OK_TRAILERS),
      () => this.#stream.reply(REPLY_HEADERS, frame, OK_TRAILERS),
    );
  }

  /** A defect is reported even when nobody waits for the reply any more. */
  #failed(error: unknown): void {
    this.#fail(toRpcError(error, this.#route.method.path, this.#settings.onError));
  }

  #fail(error: RpcError): void {
    if (this.#ended) return;
    this.#end();
    sendError(this.#stream, error);
  }

  #end(): void {
    this.#ended = true;
    this.#scope.settle();
    this.#dropRequest();
  }

  #dropRequest(): void {
    this.#request = undefined;
    if (this.#heldBytes === 0) return;
    this.#settings.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

/** The caller's own headers: not HTTP's, and not the binary ones. */
function metadataOf(headers: WireHeaders): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = {};
  for (const key in headers) {
    const value = headers[key];
    if (key.startsWith(':') || key.endsWith('-bin') || value === undefined) continue;
    metadata[key] = value;
  }
  return metadata;
}
