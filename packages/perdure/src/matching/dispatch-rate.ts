/**
 * How many tasks of one queue may be handed out in a second, as its workers ask for it. Without a limit it costs nothing.
 *
 * A second's worth may go out at once after a rest, then tasks go out evenly. On the monotonic clock: a clock that is set must neither
 * stop a queue nor open it.
 */
export class DispatchRate {
  #perSecond: number | undefined;
  /** When the rest is over that the tasks handed out so far make necessary; in the past after a rest. */
  #paidUntil = Number.NEGATIVE_INFINITY;

  /** The latest word counts, whichever worker says it. 0: nothing is handed out. */
  set(perSecond: number): void {
    this.#perSecond = Math.max(0, perSecond);
  }

  /** How long the next task must wait, in milliseconds. 0: it may go. Infinite: until somebody sets another rate. */
  waitMs(monotonic: number): number {
    if (this.#perSecond === undefined) return 0;
    if (this.#perSecond === 0) return Number.POSITIVE_INFINITY;
    const intervalMs = 1000 / this.#perSecond;
    const restMs = Math.max(0, 1000 - intervalMs);
    return Math.max(0, this.#paidUntil - restMs - monotonic);
  }

  /** A task was handed out. */
  count(monotonic: number): void {
    if (this.#perSecond === undefined || this.#perSecond === 0) return;
    this.#paidUntil = Math.max(this.#paidUntil, monotonic) + 1000 / this.#perSecond;
  }
}
