/**
 * What the door writes to a stream. A client may vanish at any moment: nothing here throws because of it.
 */
import type { RpcError } from '../../protocol/errors.js';
import { errorTrailers } from '../../transport/grpc-status.js';
import type { ServerStream } from '../../transport/http2/server.js';
import type { Block } from '../../transport/http2/stream.js';

const HEADERS = { ':status': '200', 'content-type': 'application/grpc' };
export const REPLY_HEADERS: Block = { key: 'reply', common: HEADERS };
export const GZIP_REPLY_HEADERS: Block = { key: 'gzip reply', common: { ...HEADERS, 'grpc-encoding': 'gzip' } };
export const OK_TRAILERS: Block = { key: 'ok', common: { 'grpc-status': '0' } };
const ERROR_HEADERS = { ...HEADERS, 'grpc-accept-encoding': 'identity,gzip' };

/** Peers commonly take no more, whatever they announce. */
const MAX_HEADER_BYTES = 60 * 1024;

/** Sends a status other than OK, as the only headers of the reply. */
export function sendError(stream: ServerStream, error: RpcError): void {
  stream.replyWithHeaders({ key: 'error', common: ERROR_HEADERS, own: errorTrailers(error, maxTrailerBytes(stream)) });
}

/** The trailers of an error, for a reply that has already begun. */
export function trailersOf(stream: ServerStream, error: RpcError): Block {
  return { key: 'trailers', common: {}, own: errorTrailers(error, maxTrailerBytes(stream)) };
}

/** Answers what is not a gRPC request at all. */
export function sendHttpStatus(stream: ServerStream, status: number): void {
  stream.replyWithHeaders({ key: `status ${status}`, common: { ':status': String(status) } });
}

function maxTrailerBytes(stream: ServerStream): number {
  return Math.min(MAX_HEADER_BYTES, stream.maxHeaderBytes);
}
