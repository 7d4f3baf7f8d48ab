/**
 * Deterministic chance for workflow code.
 *
 * One stream per run, seeded from an id that the history holds, so that a replay draws the same numbers. The algorithm is part of what
 * histories depend on: it must never change. (It is small-fast-counting, 32 bit, behind a multiply-and-rotate hash of the seed text.)
 */
export class SeededRandom {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  constructor(seed: string) {
    this.#a = hash(seed, 0x9e3779b9);
    this.#b = hash(seed, 0x85ebca6b);
    this.#c = hash(seed, 0xc2b2ae35);
    for (let round = 0; round < 15; round++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** In [0, 1), with 53 random bits, like `Math.random`. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  fillBytes(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 4) {
      const word = this.uint32();
      for (let offset = 0; offset < 4 && index + offset < bytes.length; offset++) bytes[index + offset] = (word >>> (offset * 8)) & 0xff;
    }
  }

  uuid4(): string {
    const a = this.uint32();
    const b = (this.uint32() & 0xffff0fff) | 0x4000;
    const c = (this.uint32() & 0x3fffffff) | 0x80000000;
    const d = this.uint32();
    const text = hex(a) + hex(b >>> 0) + hex(c >>> 0) + hex(d);
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function hash(text: string, salt: number): number {
  let state = salt | 0;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0xcc9e2d51);
    state = (state << 13) | (state >>> 19);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  return state ^ (state >>> 13);
}
