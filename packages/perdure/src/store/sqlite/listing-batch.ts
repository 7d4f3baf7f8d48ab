/**
 * The listings of one commit as one value, as they lie in the table `fresh` until they are indexed. Only what this process or the one
 * before it wrote is ever read: the form may change with the version of the schema, and with nothing else.
 *
 * Of each machine: its number, the length of what lists hand out (`NO_LISTING`: it has none any more), its attributes, and what lists hand
 * out. Every run has the same dozen attributes, so a name is written where it comes first, and is a number from then on. Numbers are little
 * endian; this is on the way of every commit, and text (JSON) takes five times as long.
 */
import type { Listing, ListedValue } from '../../machines/listing.js';

/** By number of the machine. `null`: the machine has no listing any more. */
export type ListingBatch<Item extends { readonly listing: Listing } = { readonly listing: Listing }> = ReadonlyMap<number, Item | null>;

const NO_LISTING = -1;
/** Of a name that is not known yet. Later names than so many are written out each time. */
const NEW_NAME = 255;
const [NUMBER, KEYWORD, TEXT, KEYWORD_LIST] = [0, 1, 2, 3];
/** What a number, a length or a mark takes at most; before anything is written there is room for all of what surrounds a value. */
const ROOM = 64;
const BYTES_PER_CHARACTER = 3;
/** Larger ones are not kept for the next commit. */
const MOST_KEPT_BYTES = 1024 * 1024;

class BatchWriter {
  static #kept = Buffer.allocUnsafe(64 * 1024);
  #bytes = BatchWriter.#kept;
  #at = 0;
  readonly #names = new Map<string, number>();

  /** Where the next byte goes. */
  get at(): number {
    return this.#at;
  }

  entry(machine: number, shownBytes: number, attributes: number): void {
    this.#reserve(0);
    this.#double(machine);
    this.#int(shownBytes);
    this.#int(attributes);
  }

  attribute(name: string, value: ListedValue): void {
    this.#name(name);
    if (typeof value === 'number') {
      this.#mark(NUMBER);
      this.#double(value);
    } else if (typeof value === 'string') {
      this.#mark(KEYWORD);
      this.#string(value);
    } else if ('text' in value) {
      this.#mark(TEXT);
      this.#string(value.text);
    } else {
      this.#mark(KEYWORD_LIST);
      this.#int(value.length);
      for (const item of value) this.#string(item);
    }
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  /** A copy: what was written into is used again. */
  finish(): Buffer {
    if (this.#bytes.byteLength <= MOST_KEPT_BYTES) BatchWriter.#kept = this.#bytes;
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  #name(name: string): void {
    const known = this.#names.get(name);
    if (known !== undefined) {
      this.#reserve(0);
      return this.#mark(known);
    }
    if (this.#names.size < NEW_NAME) this.#names.set(name, this.#names.size);
    this.#reserve(0);
    this.#mark(NEW_NAME);
    this.#string(name);
  }

  #string(text: string): void {
    this.#reserve(text.length * BYTES_PER_CHARACTER);
    const length = this.#bytes.write(text, this.#at + 4);
    this.#int(length);
    this.#at += length;
  }

  #mark(mark: number): void {
    this.#bytes[this.#at++] = mark;
  }

  #int(value: number): void {
    this.#at = this.#bytes.writeInt32LE(value, this.#at);
  }

  #double(value: number): void {
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  #reserve(more: number): void {
    const needed = this.#at + more + ROOM;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** @returns the bytes, and the batch again with bytes that lie in them: those of the caller may change */
export function encodeListingBatch<Item extends { readonly listing: Listing }>(batch: ListingBatch<Item>): { readonly bytes: Uint8Array; readonly batch: Map<number, Item | null> } {
  const writer = new BatchWriter();
  const starts: number[] = [];
  for (const [machine, item] of batch) {
    if (item === null) writer.entry(machine, NO_LISTING, 0);
    else {
      const { shown, attributes } = item.listing;
      writer.entry(machine, shown.byteLength, attributes.size);
      for (const [name, value] of attributes) writer.attribute(name, value);
      starts.push(writer.at);
      writer.raw(shown);
    }
  }
  const bytes = writer.finish();
  const items = new Map<number, Item | null>();
  let index = 0;
  for (const [machine, item] of batch) {
    if (item === null) items.set(machine, null);
    else {
      const { shown, attributes } = item.listing;
      const start = starts[index++] ?? 0;
      items.set(machine, { ...item, listing: { shown: bytes.subarray(start, start + shown.byteLength), attributes } });
    }
  }
  return { bytes, batch: items };
}

export function decodeListingBatch(encoded: Uint8Array): ListingBatch {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const names: string[] = [];
  let at = 0;
  const mark = (): number => bytes.readUInt8((at += 1) - 1);
  const int = (): number => bytes.readInt32LE((at += 4) - 4);
  const double = (): number => bytes.readDoubleLE((at += 8) - 8);
  const string = (): string => {
    const length = int();
    return bytes.toString('utf8', at, (at += length));
  };
  const name = (): string => {
    const known = mark();
    if (known !== NEW_NAME) return names[known] ?? '';
    const text = string();
    if (names.length < NEW_NAME) names.push(text);
    return text;
  };
  const value = (): ListedValue => {
    const kind = mark();
    if (kind === NUMBER) return double();
    if (kind === KEYWORD) return string();
    return kind === TEXT ? { text: string() } : Array.from({ length: int() }, string);
  };
  const batch = new Map<number, { readonly listing: Listing } | null>();
  while (at < bytes.byteLength) {
    const [machine, shownBytes, count] = [double(), int(), int()];
    if (shownBytes === NO_LISTING) batch.set(machine, null);
    else {
      const attributes = new Map<string, ListedValue>();
      for (let left = count; left > 0; left--) attributes.set(name(), value());
      batch.set(machine, { listing: { shown: bytes.subarray(at, (at += shownBytes)), attributes } });
    }
  }
  return batch;
}
