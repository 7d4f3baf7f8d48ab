/**
 * A fixed number of places for tasks.
 *
 * A poller takes a slot before it polls, so a task that arrives always has a place; the task gives it back when it is done. Eager
 * activities take one without waiting. Waiters are served in order. There are never more waiters than pollers, so the queue is bounded.
 */
export class Slots {
  #used = 0;
  #closed = false;
  readonly #waiters: ((taken: boolean) => void)[] = [];

  constructor(readonly limit: number) {}

  /** Slots taken: by running tasks and by open polls. */
  get used(): number {
    return this.#used;
  }

  tryTake(): boolean {
    if (this.#used >= this.limit || this.#closed) return false;
    this.#used += 1;
    return true;
  }

  /** Waits for a slot; false when the slots were closed meanwhile. */
  take(): Promise<boolean> | boolean {
    if (this.#closed) return false;
    if (this.tryTake()) return true;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  release(): void {
    const next = this.#waiters.shift();
    // The slot goes straight to the next waiter: `used` does not change.
    if (next !== undefined) next(true);
    else this.#used -= 1;
  }

  /** Gives out no further slot and sends all waiters away. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter(false);
  }
}
