/**
 * One piece of upkeep at a time, and a rest after each that is a few times as long as the piece took: whatever there is to remove, requests
 * keep most of the engine's thread. Pieces of several namespaces take turns, in the order in which they asked.
 */
import type { Clock } from '../ports/clock.js';

/** So that removal takes a quarter of the time, as long as there is something to remove. */
const REST_FACTOR = 3;

export class Pace {
  readonly #clock: Clock;
  /** Settles, never rejects, when the piece that asked last is over and has been rested from. */
  #last: Promise<void> = Promise.resolve();
  #rest: { readonly end: () => void } | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with what the piece brings; with `undefined`, and without beginning it, once this is closed. */
  async piece<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    const before = this.#last;
    let rested: () => void = () => {};
    this.#last = new Promise((resolve) => (rested = resolve));
    await before;
    if (this.#closed) return void rested();
    const startedAt = this.#clock.monotonic();
    try {
      return await work();
    } finally {
      void this.#restFor(REST_FACTOR * (this.#clock.monotonic() - startedAt)).then(rested);
    }
  }

  /** Begins nothing more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rest?.end();
    await this.#last;
  }

  /** At least until everything else has had its turn. */
  async #restFor(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    if (ms < 1 || this.#closed) return;
    await new Promise<void>((resolve) => {
      const delay = this.#clock.setDelay(ms, resolve);
      this.#rest = {
        end: () => {
          delay.cancel();
          resolve();
        },
      };
    });
    this.#rest = undefined;
  }
}
