/**
 * gRPC's message framing: one byte "compressed", four bytes length, then the message.
 *
 * {@link MessageAssembler} puts a unary message together from the chunks in which it arrives. It looks at the announced length before
 * it keeps anything, and never reserves more than twice what has arrived: a peer that announces much and sends little, or sends in very
 * small pieces, costs no more memory than it has sent.
 */
import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzip } from 'node:zlib';
import { Code, RpcError } from '../protocol/errors.js';

export const FRAME_HEADER_BYTES = 5;
const FIRST_CAPACITY_BYTES = 16 * 1024;
/**
 * What does not grow beyond this is decompressed on the spot, in some ten microseconds. A trip to the thread pool takes ten times as
 * much, and SDKs that compress do so with every request.
 */
const ON_THE_SPOT_BYTES = 64 * 1024;

const gunzipAsync = promisify(gunzip);
const gzipAsync = promisify<Uint8Array, Buffer>(gzip);

/** Fills in the header of a frame whose first five bytes were left free, as `codec.encodeWithHeadroom(message, 5)` does. */
export function writeFrameHeader(frame: Buffer, compressed = false): Buffer {
  frame[0] = compressed ? 1 : 0;
  frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 1);
  return frame;
}

/** The same message as a compressed frame. */
export async function compressFrame(frame: Buffer): Promise<Buffer> {
  const compressed = await gzipAsync(frame.subarray(FRAME_HEADER_BYTES));
  const result = Buffer.allocUnsafe(FRAME_HEADER_BYTES + compressed.length);
  compressed.copy(result, FRAME_HEADER_BYTES);
  return writeFrameHeader(result, true);
}

/**
 * Decompresses a message: a small one at once, a large one beside other work.
 * @throws RpcError (or rejects with it) RESOURCE_EXHAUSTED beyond the limit, INTERNAL if the bytes are not gzip
 */
export function decompress(message: Buffer, limitBytes: number): Buffer | Promise<Buffer> {
  // The end of the message says how large it becomes. It may lie: then the bound ends the attempt.
  if (message.length >= 4 && message.readUInt32LE(message.length - 4) <= ON_THE_SPOT_BYTES) {
    try {
      return gunzipSync(message, { maxOutputLength: Math.min(limitBytes, ON_THE_SPOT_BYTES) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw decompressionError(error, limitBytes);
    }
  }
  return gunzipAsync(message, { maxOutputLength: limitBytes }).catch((error: unknown) => {
    throw decompressionError(error, limitBytes);
  });
}

function decompressionError(error: unknown, limitBytes: number): RpcError {
  if (error instanceof RangeError) {
    return new RpcError(Code.RESOURCE_EXHAUSTED, `grpc: received message after decompression larger than max ${limitBytes}`);
  }
  return new RpcError(Code.INTERNAL, `grpc: failed to decompress the received message: ${(error as Error).message}`);
}

export class MessageAssembler {
  readonly #limitBytes: number;
  #bytes: Buffer | undefined;
  #length = 0;
  /** Whether `#bytes` is ours to write to, or the chunk as it arrived. */
  #owned = false;
  #compressed = false;
  /** Length of the whole frame; 0 while its header is incomplete. */
  #frameLength = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes the next chunk. @throws RpcError when the message is beyond the limit, malformed, or followed by another one */
  push(chunk: Buffer): void {
    if (this.#bytes === undefined) {
      this.#bytes = chunk;
      this.#length = chunk.length;
    } else {
      this.#append(this.#bytes, chunk);
    }
    if (this.#frameLength === 0 && this.#length >= FRAME_HEADER_BYTES) this.#readHeader(this.#bytes);
    if (this.#frameLength !== 0 && this.#length > this.#frameLength) {
      throw new RpcError(Code.UNIMPLEMENTED, 'grpc: a unary call carries exactly one message, another one follows it');
    }
  }

  get bufferedBytes(): number {
    return this.#length;
  }

  get complete(): boolean {
    return this.#frameLength !== 0 && this.#length === this.#frameLength;
  }

  get compressed(): boolean {
    return this.#compressed;
  }

  /** The message without its header; still compressed if `compressed` says so. Only when `complete`. */
  get message(): Buffer {
    return (this.#bytes as Buffer).subarray(FRAME_HEADER_BYTES, this.#frameLength);
  }

  #readHeader(bytes: Buffer): void {
    const flag = bytes[0];
    if (flag !== 0 && flag !== 1) throw new RpcError(Code.INTERNAL, `grpc: the compressed flag of a message is ${flag}, it must be 0 or 1`);
    const length = bytes.readUInt32BE(1);
    if (length > this.#limitBytes) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${length} vs. ${this.#limitBytes})`);
    }
    this.#compressed = flag === 1;
    this.#frameLength = FRAME_HEADER_BYTES + length;
  }

  #append(bytes: Buffer, chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (!this.#owned || needed > bytes.length) {
      const doubled = Math.max(FIRST_CAPACITY_BYTES, needed * 2);
      const capacity = this.#frameLength === 0 ? doubled : Math.max(needed, Math.min(doubled, this.#frameLength));
      const grown = Buffer.allocUnsafe(capacity);
      bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
      this.#owned = true;
    }
    chunk.copy(this.#bytes as Buffer, this.#length);
    this.#length = needed;
  }
}
