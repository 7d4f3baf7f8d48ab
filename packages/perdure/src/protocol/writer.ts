/**
 * Writes the protobuf wire format back to front.
 *
 * A nested message is preceded by its length. Written backwards, the content stands first and its length is known when its turn comes:
 * one pass, no size computation, no copying of nested messages. Generated code therefore writes the last field first, and list
 * elements from the end, so that the bytes read forwards are in the usual order.
 */

const FIRST_CAPACITY = 16 * 1024;
/** A scratch buffer that grew beyond this is given back after use. */
const KEPT_CAPACITY = 1024 * 1024;

export class Writer {
  #bytes: Buffer;
  /** Index of the first byte written so far. */
  #pos: number;

  constructor(capacity = FIRST_CAPACITY) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#pos = capacity;
  }

  /** How many bytes are written. A nested message takes a mark before it starts and gives it to {@link nested}. */
  mark(): number {
    return this.#bytes.length - this.#pos;
  }

  /** Ends a nested message: everything written since the mark, with its length and tag in front. */
  nested(mark: number, tag: number): void {
    this.varint(this.mark() - mark);
    this.varint(tag);
  }

  /** Copies out what was written, `headroom` unwritten bytes in front of it, and makes the writer empty again. */
  finish(headroom = 0): Buffer {
    const length = this.mark();
    const result = Buffer.allocUnsafe(headroom + length);
    this.#bytes.copy(result, headroom, this.#pos);
    this.reset();
    return result;
  }

  reset(): void {
    if (this.#bytes.length > KEPT_CAPACITY) this.#bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
    this.#pos = this.#bytes.length;
  }

  varint(value: number): void {
    if (value < 128 && value >= 0) {
      if (this.#pos === 0) this.#reserve(1);
      this.#bytes[--this.#pos] = value;
      return;
    }
    this.#longVarint(value);
  }

  #longVarint(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not an integer that protobuf can carry here: ${value}`);
    if (this.#pos < 10) this.#reserve(10);
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      this.#pos -= 10;
      for (let i = 0; i < 10; i++) {
        this.#bytes[this.#pos + i] = Number(rest & 0x7fn) | (i < 9 ? 0x80 : 0);
        rest >>= 7n;
      }
      return;
    }
    let length = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
    let at = (this.#pos -= length);
    for (let rest = value; ; rest = Math.floor(rest / 128)) {
      if (rest < 128) {
        this.#bytes[at] = rest;
        return;
      }
      this.#bytes[at++] = (rest % 128) | 0x80;
    }
  }

  bool(value: boolean): void {
    this.varint(value ? 1 : 0);
  }

  fixed32(value: number): void {
    if (this.#pos < 4) this.#reserve(4);
    this.#pos -= 4;
    this.#bytes.writeUInt32LE(value >>> 0, this.#pos);
  }

  fixed64(value: number): void {
    if (this.#pos < 8) this.#reserve(8);
    this.#pos -= 8;
    this.#bytes.writeBigInt64LE(BigInt(value), this.#pos);
  }

  float(value: number): void {
    if (this.#pos < 4) this.#reserve(4);
    this.#pos -= 4;
    this.#bytes.writeFloatLE(value, this.#pos);
  }

  double(value: number): void {
    if (this.#pos < 8) this.#reserve(8);
    this.#pos -= 8;
    this.#bytes.writeDoubleLE(value, this.#pos);
  }

  /** The text and its length in front. */
  string(text: string): void {
    const { length } = text;
    if (length < 32) {
      if (this.#pos < length) this.#reserve(length);
      const at = this.#pos - length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        this.#bytes[at + i] = code;
      }
      if (i === length) {
        this.#pos = at;
        this.varint(length);
        return;
      }
    }
    const byteLength = Buffer.byteLength(text);
    if (this.#pos < byteLength) this.#reserve(byteLength);
    this.#pos -= byteLength;
    this.#bytes.utf8Write(text, this.#pos);
    this.varint(byteLength);
  }

  /** The bytes and their length in front. */
  bytes(value: Uint8Array): void {
    this.raw(value);
    this.varint(value.byteLength);
  }

  /** The bytes alone: already encoded fields, spliced in as they are. */
  raw(value: Uint8Array): void {
    const { byteLength } = value;
    if (this.#pos < byteLength) this.#reserve(byteLength);
    this.#pos -= byteLength;
    this.#bytes.set(value, this.#pos);
  }

  #reserve(length: number): void {
    const used = this.mark();
    let capacity = this.#bytes.length * 2;
    while (capacity - used < length) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#bytes.copy(grown, capacity - used, this.#pos);
    this.#bytes = grown;
    this.#pos = capacity - used;
  }
}
