/**
 * A streaming call, as the health and reflection services need it: raw messages in, raw messages out.
 *
 * No RPC of the engine streams. This is the plain, correct version with backpressure both ways, not a fast one.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import { Code, RpcError } from '../../protocol/errors.js';
import { toRpcError, type OnHandlerError } from '../../transport/dispatch.js';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../transport/grpc-framing.js';
import { isGone, REPLY_HEADERS, sendError, trailersOf, WITH_TRAILERS } from './replies.js';

/** Yields the replies. It is ended with `return` when the client went away, which also aborts the signal. */
export type StreamingHandler = (requests: AsyncIterable<Buffer>, signal: AbortSignal) => AsyncIterable<Uint8Array>;

interface StreamingSettings {
  readonly maxRequestBytes: number;
  readonly onError: OnHandlerError | undefined;
}

export async function serveStreaming(stream: ServerHttp2Stream, path: string, handler: StreamingHandler, settings: StreamingSettings): Promise<void> {
  const gone = new AbortController();
  stream.on('close', () => gone.abort(new RpcError(Code.CANCELLED, 'the caller went away')));
  let status: RpcError | undefined;
  try {
    for await (const reply of handler(readMessages(stream, settings.maxRequestBytes), gone.signal)) {
      if (isGone(stream)) return;
      if (!stream.headersSent) stream.respond(REPLY_HEADERS, WITH_TRAILERS);
      const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + reply.length);
      frame.set(reply, FRAME_HEADER_BYTES);
      if (!stream.write(writeFrameHeader(frame))) await once(stream, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (gone.signal.aborted) return;
    status = toRpcError(error, path, settings.onError);
  }
  finish(stream, status);
}

function finish(stream: ServerHttp2Stream, status: RpcError | undefined): void {
  if (isGone(stream)) return;
  if (!stream.headersSent) {
    if (status !== undefined) return sendError(stream, status);
    stream.respond(REPLY_HEADERS, WITH_TRAILERS);
  }
  stream.on('wantTrailers', () => {
    stream.sendTrailers(status === undefined ? { 'grpc-status': '0' } : trailersOf(stream, status));
    if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
  });
  stream.end();
  stream.resume();
}

async function* readMessages(stream: ServerHttp2Stream, limitBytes: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_HEADER_BYTES) {
      if (rest[0] !== 0) throw new RpcError(Code.UNIMPLEMENTED, 'grpc: compressed messages are not supported on this stream');
      const length = rest.readUInt32BE(1);
      if (length > limitBytes) throw new RpcError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${length} vs. ${limitBytes})`);
      const end = FRAME_HEADER_BYTES + length;
      if (rest.length < end) break;
      yield rest.subarray(FRAME_HEADER_BYTES, end);
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new RpcError(Code.INTERNAL, 'grpc: the request ended inside a message');
}
