/** The clock of the machine we run on. The only place in the engine that touches `Date`, `performance` and Node's timers. */
import type { Clock, Timer } from './clock.js';

/**
 * Node's timers count elapsed time and overflow above 2^31 ms. A timer for a date therefore sleeps at most this long
 * before it looks at the wall clock again: so late, at worst, does it notice that the clock was set forward.
 */
const LONGEST_SLEEP_MS = 60_000;
/** For delays there is nothing to notice; they only have to stay below Node's limit. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

class Sleep implements Timer {
  readonly #remainingMs: () => number;
  readonly #longestMs: number;
  readonly #run: () => void;
  #timeout: NodeJS.Timeout | undefined;

  constructor(remainingMs: () => number, longestMs: number, run: () => void) {
    this.#remainingMs = remainingMs;
    this.#longestMs = longestMs;
    this.#run = run;
    this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #arm(): void {
    // Rounded up, or Node would cut the fraction off and we would wake too early, only to sleep again.
    const sleepMs = Math.min(Math.max(0, Math.ceil(this.#remainingMs())), this.#longestMs);
    this.#timeout = setTimeout(() => (this.#remainingMs() > 0 ? this.#arm() : this.#run()), sleepMs);
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (atMs, run) => new Sleep(() => atMs - Date.now(), LONGEST_SLEEP_MS, run),
  setDelay(delayMs, run) {
    const deadline = performance.now() + delayMs;
    return new Sleep(() => deadline - performance.now(), LONGEST_TIMEOUT_MS, run);
  },
  defer(run) {
    setImmediate(run);
  },
};
