/**
 * Reads the protobuf wire format from one buffer.
 *
 * Nothing is copied: strings are decoded on the spot, and byte fields are views into the buffer that was given. Whoever keeps such a
 * view for longer than the request must copy it, or it keeps the whole buffer alive.
 *
 * Every malformed input ends in a {@link DecodeError}; no input reads past the end or recurses without bound.
 */

/** The bytes are not a message of the expected type. A server answers INVALID_ARGUMENT, a client INTERNAL. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const MAX_DEPTH = 100;

export class Reader {
  readonly #bytes: Buffer;
  pos = 0;
  readonly end: number;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength;
  }

  /** An unsigned varint of up to 32 bits; higher bits are cut off, as protobuf prescribes. */
  uint32(): number {
    const byte = this.#bytes[this.pos];
    if (byte !== undefined && byte < 128) {
      this.pos++;
      return byte;
    }
    return this.#varint('low');
  }

  int32(): number {
    return this.uint32() | 0;
  }

  /** An unsigned 64-bit varint. @throws DecodeError beyond 2^53, which no field of the protocol needs. */
  uint64(): number {
    return this.#varint('unsigned');
  }

  /** A signed 64-bit varint. @throws DecodeError beyond ±2^53. */
  int64(): number {
    return this.#varint('signed');
  }

  bool(): boolean {
    return this.#varint('low') !== 0;
  }

  #varint(part: 'low' | 'signed' | 'unsigned'): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.pos++];
      if (byte === undefined) throw new DecodeError('message ends inside a varint');
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 128) return part === 'low' ? low >>> 0 : this.#combine(low >>> 0, high >>> 0, part === 'signed');
    }
    throw new DecodeError('varint is longer than ten bytes');
  }

  #combine(low: number, high: number, signed: boolean): number {
    if (high < 0x20_0000) return high * 0x1_0000_0000 + low;
    if (signed && high >= 0xffe0_0000) return (high - 0x1_0000_0000) * 0x1_0000_0000 + low;
    throw new DecodeError('64-bit number beyond 2^53');
  }

  fixed32(): number {
    const at = this.#advance(4);
    return this.#bytes.readUInt32LE(at);
  }

  fixed64(): number {
    const at = this.#advance(8);
    return this.#combine(this.#bytes.readUInt32LE(at), this.#bytes.readUInt32LE(at + 4), true);
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#advance(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  string(): string {
    const length = this.uint32();
    const at = this.#advance(length);
    if (length < 32) {
      let text = '';
      for (let i = at; i < at + length; i++) {
        const byte = this.#bytes[i] as number;
        if (byte > 127) return this.#bytes.utf8Slice(at, at + length);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.#bytes.utf8Slice(at, at + length);
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.uint32();
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads the length of a nested message and returns where it ends. Pair with {@link leave}. */
  enter(): number {
    const length = this.uint32();
    if (length > this.end - this.pos) throw new DecodeError('message ends inside a nested message');
    if (++this.#depth > MAX_DEPTH) throw new DecodeError(`messages are nested deeper than ${MAX_DEPTH}`);
    return this.pos + length;
  }

  leave(end: number): void {
    this.#depth--;
    if (this.pos !== end) throw new DecodeError('a field runs past the end of its message');
  }

  /** Skips the field whose tag was just read. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        while ((this.#bytes[this.pos++] ?? 0) > 127) if (this.pos > this.end) break;
        if (this.pos > this.end) throw new DecodeError('message ends inside a varint');
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.uint32());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw new DecodeError(`field ${tag >>> 3} has the unknown wire type ${tag & 7}`);
    }
  }

  #advance(length: number): number {
    const at = this.pos;
    if (length > this.end - at) throw new DecodeError('message ends inside a field');
    this.pos = at + length;
    return at;
  }
}

declare global {
  interface Buffer {
    /** Node's own decoder without the argument checks of `toString`. */
    utf8Slice(start: number, end: number): string;
    utf8Write(text: string, offset: number): number;
  }
}
