/**
 * Watches the commit in flight: a store that neither succeeds nor fails must not leave its callers waiting in silence.
 *
 * The commit itself goes on; what becomes of it is not known until it settles, and nobody may be told that it did not take effect.
 */
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';

export class CommitWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #watchMs: number;
  readonly #onStuck: () => void;
  #timer: Timer | undefined;
  #startedAt = 0;
  #stuck = false;

  /** @param onStuck is called whenever the commit in flight has taken another `watchMs` */
  constructor(clock: Clock, logger: Logger, watchMs: number, onStuck: () => void) {
    this.#clock = clock;
    this.#logger = logger;
    this.#watchMs = watchMs;
    this.#onStuck = onStuck;
  }

  /** The commit in flight takes too long. */
  get isStuck(): boolean {
    return this.#stuck;
  }

  begin(): void {
    this.#startedAt = this.#clock.monotonic();
    this.#arm();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#stuck) return;
    this.#stuck = false;
    this.#logger.warn('The commit that took too long has ended.', { seconds: this.#seconds() });
  }

  #arm(): void {
    this.#timer = this.#clock.setDelay(this.#watchMs, () => {
      this.#stuck = true;
      this.#logger.error('A commit takes too long: the store does not answer. Look at the disk or the database. Requests are refused until it does.', { seconds: this.#seconds() });
      this.#onStuck();
      this.#arm();
    });
  }

  #seconds(): number {
    return Math.round((this.#clock.monotonic() - this.#startedAt) / 1000);
  }
}
