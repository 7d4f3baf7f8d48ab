/**
 * Places for tasks: how many of a kind may run at the same time.
 *
 * A poller takes a slot before it polls, so a task that arrives always has a place; whoever processes the task gives it back. Eager
 * activities take one without waiting. Waiters are served in order. There are never more waiters than pollers, so the queue is bounded.
 * This file has the contract and the usual kind, a fixed number; other files of this folder have the others.
 */

/** The right to run one task. Released exactly once, whether it was used or not. */
export interface Slot {
  /** A task takes it. @param taskType the name of the task's workflow or activity, or of a Nexus service with its operation. */
  use(taskType: string, operation?: string): void;
  release(): void;
}

export interface SlotSource {
  /** What workers tell servers in their heartbeats. */
  readonly kind: 'Fixed' | 'ResourceBased' | 'Custom';
  /** How many there can be. Absent: nobody knows. */
  readonly limit: number | undefined;
  /** Slots taken: by running tasks and by open polls. */
  readonly used: number;
  /** A slot if one is free now. @param isSticky it is for a poll of the sticky queue. */
  tryTake(isSticky?: boolean): Slot | undefined;
  /** Waits for a slot; undefined when the slots were closed meanwhile. */
  take(isSticky?: boolean): Slot | undefined | Promise<Slot | undefined>;
  /** Gives out no further slot and sends all waiters away. */
  close(): void;
}

/** A fixed number of places. */
export class FixedSlots implements SlotSource {
  readonly kind = 'Fixed';
  #used = 0;
  #closed = false;
  readonly #waiters: ((slot: Slot | undefined) => void)[] = [];
  /** All slots are alike, so one object stands for each of them: a task costs no allocation. */
  readonly #slot: Slot = { use: () => {}, release: () => this.#release() };

  constructor(readonly limit: number) {}

  get used(): number {
    return this.#used;
  }

  tryTake(): Slot | undefined {
    if (this.#used >= this.limit || this.#closed) return undefined;
    this.#used += 1;
    return this.#slot;
  }

  take(): Slot | undefined | Promise<Slot | undefined> {
    if (this.#closed) return undefined;
    return this.tryTake() ?? new Promise((resolve) => this.#waiters.push(resolve));
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }

  #release(): void {
    const next = this.#waiters.shift();
    // The slot goes straight to the next waiter: `used` does not change.
    if (next !== undefined) next(this.#slot);
    else this.#used -= 1;
  }
}
