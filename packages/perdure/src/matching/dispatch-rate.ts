/**
 * How many tasks may be handed out in a second. Without a limit it costs nothing.
 *
 * A second's worth may go out at once after a rest, then tasks go out evenly: in any stretch of time at most that time's worth and a second's.
 * On the monotonic clock: a clock that is set must neither stop a queue nor open it.
 */
export class DispatchRate {
  #perSecond: number | undefined;
  /** When the rest is over that the tasks handed out so far make necessary; in the past after a rest. */
  #paidUntil = Number.NEGATIVE_INFINITY;

  /** The limit; undefined if there is none. */
  get perSecond(): number | undefined {
    return this.#perSecond;
  }

  /** From now on. 0: nothing is handed out. Undefined: there is no limit. */
  set(perSecond: number | undefined, monotonic: number): void {
    if (perSecond === this.#perSecond) return;
    this.#perSecond = perSecond === undefined ? undefined : Math.max(0, perSecond);
    // What a slower rate made necessary is not waited for at a faster one, beyond what that one asks for itself.
    if (this.#perSecond) this.#paidUntil = Math.min(this.#paidUntil, monotonic + Math.max(1000, 1000 / this.#perSecond));
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
