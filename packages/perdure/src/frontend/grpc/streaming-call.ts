/**
 * A streaming call, as the health and reflection services need it: raw messages in, raw messages out.
 *
 * No RPC of the engine streams. This is the plain, correct version, not a fast one: the client may send as much as the handler has read.
 */
import { Code, RpcError } from '../../protocol/errors.js';
import { toRpcError, type OnHandlerError } from '../../transport/dispatch.js';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../transport/grpc-framing.js';
import type { ServerStream } from '../../transport/http2/server.js';
import type { StreamObserver } from '../../transport/http2/stream.js';
import { OK_TRAILERS, REPLY_HEADERS, sendError, trailersOf } from './replies.js';

/** Yields the replies. It is ended with `return` when the client went away, which also aborts the signal. */
export type StreamingHandler = (requests: AsyncIterable<Buffer>, signal: AbortSignal) => AsyncIterable<Uint8Array>;

interface StreamingSettings {
  readonly maxRequestBytes: number;
  readonly onError: OnHandlerError | undefined;
}

export class StreamingCall implements StreamObserver {
  readonly #stream: ServerStream;
  readonly #gone = new AbortController();
  readonly #path: string;
  readonly #settings: StreamingSettings;
  /** What has arrived and was not read yet. */
  #arrived: Buffer[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: ServerStream, path: string, handler: StreamingHandler, settings: StreamingSettings) {
    this.#stream = stream;
    this.#path = path;
    this.#settings = settings;
    stream.readByHand();
    void this.#serve(handler);
  }

  onHeaders(): void {}

  onData(bytes: Buffer): void {
    this.#arrived.push(bytes);
    this.#wake?.();
  }

  onEnd(): void {
    this.#ended = true;
    this.#wake?.();
  }

  onClosed(): void {
    this.#gone.abort(new RpcError(Code.CANCELLED, 'the caller went away'));
    this.onEnd();
  }

  async #serve(handler: StreamingHandler): Promise<void> {
    const stream = this.#stream;
    let begun = false;
    let status: RpcError | undefined;
    try {
      for await (const reply of handler(this.#messages(), this.#gone.signal)) {
        if (stream.isGone) return;
        if (!begun) stream.respond(REPLY_HEADERS);
        begun = true;
        const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + reply.length);
        frame.set(reply, FRAME_HEADER_BYTES);
        stream.write(writeFrameHeader(frame));
      }
    } catch (error) {
      if (this.#gone.signal.aborted) return;
      status = toRpcError(error, this.#path, this.#settings.onError);
    }
    if (!begun && status !== undefined) return sendError(stream, status);
    if (!begun) stream.respond(REPLY_HEADERS);
    stream.write(Buffer.alloc(0), status === undefined ? OK_TRAILERS : trailersOf(stream, status));
  }

  async *#messages(): AsyncGenerator<Buffer> {
    const { maxRequestBytes } = this.#settings;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      while (rest.length >= FRAME_HEADER_BYTES) {
        if (rest[0] !== 0) throw new RpcError(Code.UNIMPLEMENTED, 'grpc: compressed messages are not supported on this stream');
        const length = rest.readUInt32BE(1);
        if (length > maxRequestBytes) throw new RpcError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${length} vs. ${maxRequestBytes})`);
        const end = FRAME_HEADER_BYTES + length;
        if (rest.length < end) break;
        yield rest.subarray(FRAME_HEADER_BYTES, end);
        rest = rest.subarray(end);
      }
      while (this.#arrived.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#arrived.length === 0) break;
      const more = Buffer.concat(this.#arrived);
      this.#arrived = [];
      this.#stream.acknowledge(more.length);
      rest = Buffer.concat([rest, more]);
    }
    if (rest.length > 0) throw new RpcError(Code.INTERNAL, 'grpc: the request ended inside a message');
  }
}
