/**
 * Deterministic chance for workflow code.
 *
 * One stream per run, seeded from the original run id, which the history holds: a replay draws the same numbers. The numbers are those of
 * Temporal's TypeScript SDK, so that a run which one SDK began can go on in the other (generated ids of child workflows are in the
 * history). Therefore nothing here may ever change: the seed is SipHash-1-3 of the id, the generator is Alea (Johannes Baagøe, 2010).
 */
export class SeededRandom {
  readonly #seed: string | readonly number[];
  #stream: Alea | undefined;
  #named: Map<string, SeededRandom> | undefined;

  /** @param seed the id of a run, or bytes. */
  constructor(seed: string | readonly number[]) {
    this.#seed = seed;
  }

  /** Numbers of their own, always the same for a name; to draw them changes no other stream. */
  named(name: string): SeededRandom {
    this.#named ??= new Map();
    let stream = this.#named.get(name);
    if (stream === undefined) this.#named.set(name, (stream = new SeededRandom(namedSeed(this.#bytes(), name))));
    return stream;
  }

  #bytes(): readonly number[] {
    return typeof this.#seed === 'string' ? seedBytes(this.#seed) : this.#seed;
  }

  /** In [0, 1), with 32 random bits. */
  float(): number {
    // Most runs draw nothing: the seed is worked out with the first number.
    this.#stream ??= new Alea(this.#bytes());
    return this.#stream.next();
  }

  uint32(): number {
    return (this.float() * TWO_32) >>> 0;
  }

  fillBytes(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = Math.floor(this.float() * 256);
  }

  uuid4(): string {
    return uuidOf(() => this.uint32());
  }
}

const TWO_32 = 0x1_0000_0000;

/** A UUID of version 4 from four random words of 32 bits. */
export function uuidOf(word: () => number): string {
  const a = word();
  const b = (word() & 0xffff0fff) | 0x4000;
  const c = (word() & 0x3fffffff) | 0x80000000;
  const d = word();
  const text = hex(a) + hex(b >>> 0) + hex(c >>> 0) + hex(d);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

/** Multiply-with-carry on three fractions of 32 bits. */
class Alea {
  #carry = 1;
  readonly #state: [number, number, number];

  constructor(seed: readonly number[]) {
    const mix = mixer();
    const blank = [32];
    this.#state = [mix(blank), mix(blank), mix(blank)];
    for (let index = 0; index < 3; index++) {
      const lowered = (this.#state[index] as number) - mix(seed);
      this.#state[index] = lowered < 0 ? lowered + 1 : lowered;
    }
  }

  next(): number {
    const [first, second, third] = this.#state;
    const product = 2_091_639 * first + this.#carry / TWO_32;
    this.#carry = Math.floor(product);
    const drawn = product - this.#carry;
    this.#state[0] = second;
    this.#state[1] = third;
    this.#state[2] = drawn;
    return drawn;
  }
}

/** A hash that goes on from one call to the next: each call takes in more bytes and gives a fraction of 32 bits. */
function mixer(): (bytes: readonly number[]) => number {
  let state = 0xefc8249d;
  return (bytes) => {
    for (const byte of bytes) {
      state += byte;
      const spread = 0.02519603282416938 * state;
      const whole = spread >>> 0;
      const product = (spread - whole) * whole;
      const low = product >>> 0;
      state = low + (product - low) * TWO_32;
    }
    return (state >>> 0) / TWO_32;
  };
}

const NAMED_PREFIX = 'temporal-workflow-random-stream-v1';

/** Seed and name, each behind its length, so that no two pairs give the same bytes. */
function namedSeed(seed: readonly number[], name: string): number[] {
  const encoder = new TextEncoder();
  const nameBytes = encoder.encode(name);
  return [...encoder.encode(NAMED_PREFIX), ...bigEndian32(seed.length), ...seed, ...bigEndian32(nameBytes.length), ...nameBytes];
}

function bigEndian32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** SipHash-1-3 with a key of zeros over the text and a closing 0xff, as eight bytes, the highest first. */
function seedBytes(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text), 0xff];
  let [v0, v1, v2, v3] = [0x736f6d6570736575n, 0x646f72616e646f6dn, 0x6c7967656e657261n, 0x7465646279746573n];
  const round = (): void => {
    v0 = BigInt.asUintN(64, v0 + v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = BigInt.asUintN(64, v2 + v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = BigInt.asUintN(64, v0 + v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = BigInt.asUintN(64, v2 + v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at <= whole; at += 8) {
    // The last word holds what is left, and the length in its highest byte.
    const word = littleEndian(bytes.slice(at, at + 8)) | (at === whole ? BigInt(bytes.length & 0xff) << 56n : 0n);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let count = 0; count < 3; count++) round();
  const hash = v0 ^ v1 ^ v2 ^ v3;
  return Array.from({ length: 8 }, (_, index) => Number((hash >> BigInt(56 - 8 * index)) & 0xffn));
}

function rotate(word: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, word << bits) | (word >> (64n - bits));
}

function littleEndian(bytes: readonly number[]): bigint {
  let word = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) word = (word << 8n) | BigInt(bytes[index] as number);
  return word;
}
