/**
 * Header blocks as they are sent (RFC 7541). What many blocks repeat is remembered by the peer and then costs a byte each; what
 * belongs to one call is written out. The encoder never makes the peer forget: once its table is full, the rest is written out as well.
 * So a block stays right until the table grows, and is made once.
 */
import { DEFAULT_TABLE_BYTES, sizeOf, STATIC_TABLE } from './hpack-table.js';

type Pairs = Readonly<Record<string, string>>;

const REMEMBERED = 0x40;
const NEVER_REMEMBER = 0x10;
/** Announces a table of no bytes. */
const NO_TABLE = 0x20;

const staticByField = new Map(STATIC_TABLE.map(({ name, value }, place) => [`${name}\0${value}`, place + 1]));
const staticByName = new Map([...STATIC_TABLE.entries()].reverse().map(([place, { name }]) => [name, place + 1]));

export class HeaderEncoder {
  /** By name and value: how many entries had come before it. */
  readonly #remembered = new Map<string, number>();
  readonly #blocks = new Map<string, { readonly entries: number; readonly bytes: Buffer }>();
  #room = DEFAULT_TABLE_BYTES;
  #owesResize = false;

  /** The peer keeps no table of the usual size: none is used from now on. */
  forget(): void {
    this.#remembered.clear();
    this.#blocks.clear();
    this.#room = 0;
    this.#owesResize = true;
  }

  /**
   * @param key names `common`: the same headers under the same key
   * @param own of this call alone
   */
  encode(key: string, common: Pairs, own: Pairs = {}): Buffer {
    const parts: Buffer[] = [];
    if (this.#owesResize) parts.push(Buffer.from([NO_TABLE]));
    this.#owesResize = false;
    parts.push(this.#common(key, common));
    for (const name in own) parts.push(literal(NEVER_REMEMBER, 0x0f, name, own[name] as string));
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  #common(key: string, common: Pairs): Buffer {
    const known = this.#blocks.get(key);
    if (known?.entries === this.#remembered.size) return known.bytes;
    const parts: Buffer[] = [];
    for (const name in common) parts.push(this.#field(name, common[name] as string));
    const bytes = Buffer.concat(parts);
    // A block that has just told the peer what to remember must not tell it again.
    if (parts.every((part) => (part[0] as number) >> 6 !== 1)) this.#blocks.set(key, { entries: this.#remembered.size, bytes });
    return bytes;
  }

  #field(name: string, value: string): Buffer {
    const field = `${name}\0${value}`;
    const fixed = staticByField.get(field);
    if (fixed !== undefined) return integer(0x80, 0x7f, fixed);
    const before = this.#remembered.get(field);
    if (before !== undefined) return integer(0x80, 0x7f, STATIC_TABLE.length + this.#remembered.size - before);
    const bytes = sizeOf({ name, value });
    if (bytes > this.#room) return literal(0, 0x0f, name, value);
    this.#room -= bytes;
    this.#remembered.set(field, this.#remembered.size);
    return literal(REMEMBERED, 0x3f, name, value);
  }
}

function literal(flags: number, mask: number, name: string, value: string): Buffer {
  const index = staticByName.get(name);
  return Buffer.concat(index === undefined ? [Buffer.from([flags]), text(name), text(value)] : [integer(flags, mask, index), text(value)]);
}

function text(plain: string): Buffer {
  return Buffer.concat([integer(0, 0x7f, plain.length), Buffer.from(plain, 'latin1')]);
}

function integer(flags: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.from([flags | value]);
  const bytes = [flags | mask];
  let rest = value - mask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
