/**
 * Chance, as the engine sees it: identifiers, and numbers for jitter. Everything random comes from a `Random`, so that
 * a simulation with the same seed makes the same choices. Not for secrets.
 */
import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.js';

export interface Random {
  /**
   * A new UUID of version 7, in lower case. Ids from one source sort in the order in which they were made, also within
   * a millisecond and when the clock steps back: machines made one after the other lie side by side in an index.
   */
  uuid(): string;
  /** A number in [0, 1). */
  next(): number;
}

/** The real thing. */
export function systemRandom(clock: Pick<Clock, 'now'>): Random {
  return new UuidRandom(clock, pooledUint32());
}

/** The same numbers and, with the same clock, the same ids for the same seed. */
export function seededRandom(seed: number, clock: Pick<Clock, 'now'>): Random {
  return new UuidRandom(clock, splitMix32(seed));
}

const MAX_COUNTER = 0xfff;
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hexByte = (value: number): string => hex[value & 0xff] as string;
const hexWord = (value: number): string =>
  hexByte(value >>> 24) + hexByte(value >>> 16) + hexByte(value >>> 8) + hexByte(value);

class UuidRandom implements Random {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #uint32: () => number;
  #lastMs = 0;
  #counter = 0;

  constructor(clock: Pick<Clock, 'now'>, uint32: () => number) {
    this.#clock = clock;
    this.#uint32 = uint32;
  }

  next(): number {
    return this.#uint32() / 0x1_0000_0000;
  }

  uuid(): string {
    const ms = this.#tick();
    const time = hexWord(Math.floor(ms / 0x1_0000)) + '-' + hexByte(ms >>> 8) + hexByte(ms);
    const versionAndCounter = hexByte(0x70 | (this.#counter >>> 8)) + hexByte(this.#counter);
    const high = hexWord((this.#uint32() & 0x3fff_ffff) | 0x8000_0000);
    const low = hexWord(this.#uint32());
    return `${time}-${versionAndCounter}-${high.slice(0, 4)}-${high.slice(4)}${low}`;
  }

  /** Advances (time, counter), which must grow from id to id. The counter begins low so that it rarely overflows. */
  #tick(): number {
    const now = Math.floor(this.#clock.now());
    if (now > this.#lastMs) {
      this.#lastMs = now;
      this.#counter = this.#uint32() & 0xff;
    } else if (this.#counter < MAX_COUNTER) {
      this.#counter += 1;
    } else {
      this.#lastMs += 1;
      this.#counter = 0;
    }
    return this.#lastMs;
  }
}

/** Asking the operating system for every number would cost more than the rest of an id. */
function pooledUint32(): () => number {
  const pool = new Uint32Array(512);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++] as number;
  };
}

/** A counter through a mixing function (the finalizer of MurmurHash3): plenty for simulations, and one line of state. */
function splitMix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}
