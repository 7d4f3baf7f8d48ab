/**
 * Header blocks as they arrive (RFC 7541), one decoder for a connection: what one block puts into the table, later ones name by a number.
 * So every block must be decoded, in order, whether or not anybody still waits for it, and one that is malformed ends the connection.
 */
import type { WireHeaders } from '../grpc-status.js';
import { DEFAULT_TABLE_BYTES, DynamicTable, STATIC_TABLE, type Field } from './hpack-table.js';
import { decodeHuffman } from './huffman.js';

export class HpackError extends Error {}

export class HeaderDecoder {
  readonly #table = new DynamicTable();
  #block: Uint8Array = new Uint8Array();
  #at = 0;

  /** @param maxListBytes how much one block may become: repeating a large entry by its number costs the sender a byte each */
  constructor(private readonly maxListBytes: number) {}

  /** `undefined`: it became too large, and what it says of the table has been heeded all the same. @throws HpackError */
  decode(block: Uint8Array): WireHeaders | undefined {
    this.#block = block;
    this.#at = 0;
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    let listBytes = 0;
    let mayResize = true;
    while (this.#at < block.length) {
      const first = block[this.#at] as number;
      if (first >= 0x20 && first < 0x40) {
        if (!mayResize) throw new HpackError('the size of the table changes in the middle of a header block');
        this.#resize();
        continue;
      }
      mayResize = false;
      const { name, value } = this.#field(first);
      listBytes += name.length + value.length;
      if (listBytes > this.maxListBytes) continue;
      const before = headers[name];
      headers[name] = before === undefined ? value : `${before},${value}`;
    }
    return listBytes > this.maxListBytes ? undefined : headers;
  }

  #field(first: number): Field {
    if (first >= 0x80) return this.#entry(this.#integer(0x7f));
    const remembers = first >= 0x40;
    const index = this.#integer(remembers ? 0x3f : 0x0f);
    const name = index === 0 ? this.#text() : this.#entry(index).name;
    const field = { name, value: this.#text() };
    if (remembers) this.#table.add(field);
    return field;
  }

  #entry(index: number): Field {
    const field = index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1);
    if (field === undefined) throw new HpackError(`there is no header with the index ${index}`);
    return field;
  }

  #resize(): void {
    const bytes = this.#integer(0x1f);
    if (bytes > DEFAULT_TABLE_BYTES) throw new HpackError(`a header table of ${bytes} bytes is larger than allowed`);
    this.#table.resize(bytes);
  }

  /** An integer whose first byte shares its place with flags (section 5.1). */
  #integer(mask: number): number {
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError('an integer is too large');
  }

  #text(): string {
    const coded = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(0x7f);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new HpackError('the header block is cut off');
    this.#at += length;
    const text = coded ? decodeHuffman(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    if (text === undefined) throw new HpackError('malformed Huffman code');
    return text;
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new HpackError('the header block is cut off');
    return byte;
  }
}
