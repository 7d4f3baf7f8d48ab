/**
 * How a status travels in HTTP/2 headers: `grpc-status`, `grpc-message` (percent-encoded), `grpc-status-details-bin` (base64), and what
 * stands for a status when a proxy or a broken connection answers instead of a gRPC server. Client and server share it, so that an
 * error comes out as it went in.
 */
import { Code, RpcError } from '../protocol/errors.js';
import { ErrorCode } from './http2/frames.js';

/** Names in lower case; of a name that came more than once the values are joined by a comma. */
export type WireHeaders = Readonly<Record<string, string | undefined>>;

/** Receivers commonly refuse header blocks above 8 KiB to 64 KiB; a message alone must never break the reply. */
const MAX_MESSAGE_LENGTH = 4096;

const PLAIN_MESSAGE = /^[\x20-\x24\x26-\x7e]*$/;

/** Percent-encodes everything but printable ASCII, and the percent sign itself. */
function encodeMessage(message: string): string {
  if (PLAIN_MESSAGE.test(message)) return message;
  let text = '';
  for (const byte of Buffer.from(message)) {
    text += byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** Never fails: what is not a valid escape stays as it is. */
function decodeMessage(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return Buffer.from(text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString();
  }
}

/**
 * The trailers of an error. Details that do not fit `maxBytes`, the largest header block that the peer takes, are left out: the code and
 * the message must arrive in any case.
 */
export function errorTrailers(error: RpcError, maxBytes: number): Record<string, string> {
  const message = error.message.length > MAX_MESSAGE_LENGTH ? `${error.message.slice(0, MAX_MESSAGE_LENGTH)}…` : error.message;
  const trailers: Record<string, string> = { 'grpc-status': String(error.code), 'grpc-message': encodeMessage(message) };
  if (error.details.length > 0) {
    const details = Buffer.from(error.toStatus()).toString('base64').replace(/=+$/, '');
    if (details.length + (trailers['grpc-message'] as string).length + 512 <= maxBytes) trailers['grpc-status-details-bin'] = details;
  }
  return trailers;
}

/** The error that the headers carry, `undefined` for status OK, or what their absence means. */
export function errorFromTrailers(headers: WireHeaders): RpcError | undefined {
  const status = headers['grpc-status'];
  if (status === '0') return undefined;
  if (status === undefined) return new RpcError(Code.UNKNOWN, 'grpc: the server sent no status');
  const code = toCode(Number(status));
  const message = decodeMessage(String(headers['grpc-message'] ?? ''));
  const details = headers['grpc-status-details-bin'];
  if (typeof details === 'string') {
    try {
      return new RpcError(code, message, RpcError.fromStatus(Buffer.from(details, 'base64')).details);
    } catch {
      // Details that cannot be read do not hide the error they belong to.
    }
  }
  return new RpcError(code, message);
}

function toCode(value: number): Code {
  return Number.isInteger(value) && value > 0 && value <= Code.UNAUTHENTICATED ? (value as Code) : Code.UNKNOWN;
}

/** What an HTTP status other than 200 means, for example from a proxy. */
export function errorFromHttpStatus(status: number): RpcError {
  const code =
    status === 400 ? Code.INTERNAL
    : status === 401 ? Code.UNAUTHENTICATED
    : status === 403 ? Code.PERMISSION_DENIED
    : status === 404 ? Code.UNIMPLEMENTED
    : status === 429 || (status >= 502 && status <= 504) ? Code.UNAVAILABLE
    : Code.UNKNOWN;
  return new RpcError(code, `the server answered HTTP status ${status} instead of a gRPC reply`);
}

/** What it means that the peer reset the stream without a status. */
export function errorFromReset(code: ErrorCode): RpcError {
  switch (code) {
    case ErrorCode.CANCEL:
      return new RpcError(Code.CANCELLED, 'the server cancelled the call');
    case ErrorCode.REFUSED_STREAM:
      return new RpcError(Code.UNAVAILABLE, 'the server refused the call');
    case ErrorCode.ENHANCE_YOUR_CALM:
      return new RpcError(Code.RESOURCE_EXHAUSTED, 'the server refused the call: it receives too much');
    case ErrorCode.INADEQUATE_SECURITY:
      return new RpcError(Code.PERMISSION_DENIED, 'the server refused the call: the connection is not secure enough');
    default:
      return new RpcError(Code.INTERNAL, `the call ended without a status (HTTP/2 code ${code})`);
  }
}
