/**
 * What the door writes to a stream. A client may vanish at any moment: nothing here throws because of it.
 */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { RpcError } from '../../protocol/errors.js';
import { errorTrailers } from '../../transport/grpc-status.js';

export const REPLY_HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' };
export const GZIP_REPLY_HEADERS: OutgoingHttpHeaders = { ...REPLY_HEADERS, 'grpc-encoding': 'gzip' };
const OK_TRAILERS: OutgoingHttpHeaders = { 'grpc-status': '0' };
/** Without the date header that Node adds: it costs bytes and nobody reads it. */
export const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const WITHOUT_BODY = { endStream: true, sendDate: false };

/** Node's own header tables end at 64 KiB, whatever a peer announces. */
const MAX_HEADER_BYTES = 60 * 1024;

export function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** Sends the reply's frame and status OK. */
export function sendReply(stream: ServerHttp2Stream, frame: Buffer, headers: OutgoingHttpHeaders): void {
  if (isGone(stream)) return;
  stream.respond(headers, WITH_TRAILERS);
  stream.on('wantTrailers', sendOk);
  stream.end(frame);
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS);
}

/** Sends a status other than OK, as the only headers of the reply. */
export function sendError(stream: ServerHttp2Stream, error: RpcError): void {
  if (isGone(stream)) return;
  stream.respond({ ...REPLY_HEADERS, 'grpc-accept-encoding': 'identity,gzip', ...trailersOf(stream, error) }, WITHOUT_BODY);
  stopReading(stream);
}

/** The trailers of an error, for a reply that has already begun. */
export function trailersOf(stream: ServerHttp2Stream, error: RpcError): OutgoingHttpHeaders {
  const peerLimit = error.details.length === 0 ? undefined : stream.session?.remoteSettings.maxHeaderListSize;
  return errorTrailers(error, Math.min(MAX_HEADER_BYTES, peerLimit ?? MAX_HEADER_BYTES));
}

/** Answers what is not a gRPC request at all. */
export function sendHttpStatus(stream: ServerHttp2Stream, status: number): void {
  if (isGone(stream)) return;
  stream.respond({ ':status': status }, WITHOUT_BODY);
  stopReading(stream);
}

/** The reply is complete: whatever of the request is still to come is thrown away, and the client told not to send it. */
function stopReading(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  stream.resume();
}
