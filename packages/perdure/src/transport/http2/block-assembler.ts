/** Puts header blocks together: HEADERS, and CONTINUATION frames that follow it with nothing in between. */
import type { WireHeaders } from '../grpc-status.js';
import { ConnectionError, ErrorCode, FLAG_END_HEADERS, FLAG_END_STREAM, FrameType, withoutPadding, withoutPriority } from './frames.js';
import { HeaderDecoder, HpackError } from './hpack-decoder.js';

export interface DecodedBlock {
  /** `undefined`: larger than allowed. */
  readonly headers: WireHeaders | undefined;
  readonly endsStream: boolean;
}

export class BlockAssembler {
  readonly #decoder: HeaderDecoder;
  #open: { readonly streamId: number; readonly endsStream: boolean; bytes: Buffer } | undefined;

  constructor(private readonly maxBytes: number) {
    this.#decoder = new HeaderDecoder(maxBytes);
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** @throws ConnectionError if anything else comes than what must */
  push(type: FrameType, flags: number, streamId: number, payload: Buffer): DecodedBlock | undefined {
    const open = this.#open;
    if (open === undefined && type === FrameType.HEADERS) {
      this.#open = { streamId, endsStream: (flags & FLAG_END_STREAM) !== 0, bytes: withoutPriority(flags, withoutPadding(flags, payload)) };
    } else if (open === undefined) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a header block continues that has not begun');
    else if (type !== FrameType.CONTINUATION || streamId !== open.streamId) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a header block is interrupted');
    else this.#continue(open, flags, payload);
    return (flags & FLAG_END_HEADERS) === 0 ? undefined : this.#end();
  }

  #continue(open: { bytes: Buffer }, flags: number, payload: Buffer): void {
    if (payload.length === 0 && (flags & FLAG_END_HEADERS) === 0) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block continues with nothing');
    if (open.bytes.length + payload.length > this.maxBytes) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too large');
    open.bytes = Buffer.concat([open.bytes, payload]);
  }

  #end(): DecodedBlock {
    const { bytes, endsStream } = this.#open as { bytes: Buffer; endsStream: boolean };
    this.#open = undefined;
    try {
      return { headers: this.#decoder.decode(bytes), endsStream };
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message);
    }
  }
}
