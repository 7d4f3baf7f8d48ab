/** The frames of HTTP/2 (RFC 9113, sections 4 and 6): how they are written, and how they are cut out of what arrives. */

export enum FrameType {
  DATA = 0,
  HEADERS = 1,
  PRIORITY = 2,
  RST_STREAM = 3,
  SETTINGS = 4,
  PUSH_PROMISE = 5,
  PING = 6,
  GOAWAY = 7,
  WINDOW_UPDATE = 8,
  CONTINUATION = 9,
}

export const FLAG_ACK = 0x1;
export const FLAG_END_STREAM = 0x1;
export const FLAG_END_HEADERS = 0x4;
export const FLAG_PADDED = 0x8;
export const FLAG_PRIORITY = 0x20;

export enum Setting {
  HEADER_TABLE_SIZE = 1,
  ENABLE_PUSH = 2,
  MAX_CONCURRENT_STREAMS = 3,
  INITIAL_WINDOW_SIZE = 4,
  MAX_FRAME_SIZE = 5,
  MAX_HEADER_LIST_SIZE = 6,
}

export enum ErrorCode {
  NO_ERROR = 0,
  PROTOCOL_ERROR = 1,
  INTERNAL_ERROR = 2,
  FLOW_CONTROL_ERROR = 3,
  STREAM_CLOSED = 5,
  FRAME_SIZE_ERROR = 6,
  REFUSED_STREAM = 7,
  CANCEL = 8,
  COMPRESSION_ERROR = 9,
  ENHANCE_YOUR_CALM = 11,
  INADEQUATE_SECURITY = 12,
}

/** The peer broke the protocol in a way that the connection does not survive. */
export class ConnectionError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(`HTTP/2: ${message}`);
  }
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const FRAME_HEADER_BYTES = 9;
/** The largest frame that we take. Every endpoint must take as much, and nobody is asked to send more. */
export const MAX_FRAME_BYTES = 16_384;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A frame with room for its payload. */
export function newFrame(type: FrameType, flags: number, streamId: number, payloadBytes: number): Buffer {
  return writeHeader(Buffer.allocUnsafe(FRAME_HEADER_BYTES + payloadBytes), type, flags, streamId, payloadBytes);
}

/** The header of a frame whose payload follows by itself. */
export function frameHeader(type: FrameType, flags: number, streamId: number, payloadBytes: number): Buffer {
  return writeHeader(Buffer.allocUnsafe(FRAME_HEADER_BYTES), type, flags, streamId, payloadBytes);
}

function writeHeader(into: Buffer, type: FrameType, flags: number, streamId: number, payloadBytes: number): Buffer {
  into.writeUIntBE(payloadBytes, 0, 3);
  into[3] = type;
  into[4] = flags;
  into.writeUInt32BE(streamId, 5);
  return into;
}

export function numberFrame(type: FrameType.RST_STREAM | FrameType.WINDOW_UPDATE, streamId: number, value: number): Buffer {
  const frame = newFrame(type, 0, streamId, 4);
  frame.writeUInt32BE(value, FRAME_HEADER_BYTES);
  return frame;
}

export function settingsFrame(settings: readonly (readonly [Setting, number])[]): Buffer {
  const frame = newFrame(FrameType.SETTINGS, 0, 0, settings.length * 6);
  for (const [place, [id, value]] of settings.entries()) {
    frame.writeUInt16BE(id, FRAME_HEADER_BYTES + place * 6);
    frame.writeUInt32BE(value, FRAME_HEADER_BYTES + place * 6 + 2);
  }
  return frame;
}

/** Cuts what arrives into frames. A frame that comes in pieces is put together; whole ones are handed on as they lie. */
export class FrameReader {
  /** What has to come before the first frame. */
  #awaited: Buffer;
  #rest: Buffer | undefined;

  constructor(awaits: Buffer = Buffer.alloc(0)) {
    this.#awaited = awaits;
  }

  /** @throws ConnectionError */
  *read(chunk: Buffer): Generator<Frame, void> {
    let at = this.#readAwaited(chunk);
    if (this.#rest !== undefined) {
      const { frame, used } = this.#complete(this.#rest, chunk);
      if (frame === undefined) return;
      yield frame;
      at = used;
    }
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + payloadBytes(chunk, at);
      if (end > chunk.length) break;
      yield frameAt(chunk, at, end);
      at = end;
    }
    // A copy, so that a few bytes do not keep the chunk.
    if (at < chunk.length) this.#rest = Buffer.from(chunk.subarray(at));
  }

  #readAwaited(chunk: Buffer): number {
    if (this.#awaited.length === 0) return 0;
    const bytes = Math.min(this.#awaited.length, chunk.length);
    if (this.#awaited.compare(chunk, 0, bytes, 0, bytes) !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the peer does not speak HTTP/2');
    this.#awaited = this.#awaited.subarray(bytes);
    return bytes;
  }

  /** Takes as much of the chunk as the frame in `rest` lacks. */
  #complete(rest: Buffer, chunk: Buffer): { readonly frame?: Frame; readonly used: number } {
    let bytes = rest;
    let used = 0;
    const fill = (length: number): boolean => {
      const missing = Math.max(0, length - bytes.length);
      const more = chunk.subarray(used, used + missing);
      if (more.length > 0) bytes = Buffer.concat([bytes, more]);
      used += more.length;
      return bytes.length >= length;
    };
    const isWhole = fill(FRAME_HEADER_BYTES) && fill(FRAME_HEADER_BYTES + payloadBytes(bytes, 0));
    this.#rest = isWhole ? undefined : bytes;
    return isWhole ? { frame: frameAt(bytes, 0, bytes.length), used } : { used };
  }
}

function payloadBytes(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > MAX_FRAME_BYTES) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes is larger than allowed, or this is not HTTP/2`);
  return length;
}

function frameAt(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes[at + 3] as number,
    flags: bytes[at + 4] as number,
    streamId: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
    payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
  };
}

export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & FLAG_PADDED) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'more padding than frame');
  return payload.subarray(1, payload.length - padding);
}

export function withoutPriority(flags: number, payload: Buffer): Buffer {
  if ((flags & FLAG_PRIORITY) === 0) return payload;
  if (payload.length < 5) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'a priority of a wrong length');
  return payload.subarray(5);
}

/** Of a frame that is nothing but a number. */
export function payloadNumber(payload: Buffer): number {
  if (payload.length !== 4) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'a frame of a wrong length');
  return payload.readUInt32BE(0);
}
