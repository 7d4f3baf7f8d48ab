/**
 * Slots that the polls of two queues share: new runs, and runs that are cached here.
 *
 * Each open poll holds a slot for a minute, and where slots are few one queue's polls could hold all of them while tasks of the other wait.
 * So a queue with an open poll gets another slot only while the other queue has one open as well; and the queue without any goes first.
 */
import type { Slot, SlotSource } from './slots.js';

interface Waiter {
  readonly isSticky: boolean;
  readonly resolve: (slot: Slot | undefined) => void;
}

export class SharedSlots implements SlotSource {
  readonly #slots: SlotSource;
  /** Polls that are open, or about to be: of the normal queue, and of the sticky one. */
  readonly #open = { normal: 0, sticky: 0 };
  /** There are never more than pollers have loops. */
  readonly #waiters: Waiter[] = [];
  #asking = false;
  #closed = false;

  constructor(slots: SlotSource) {
    this.#slots = slots;
  }

  get kind(): SlotSource['kind'] {
    return this.#slots.kind;
  }

  get limit(): number | undefined {
    return this.#slots.limit;
  }

  get used(): number {
    return this.#slots.used;
  }

  tryTake(isSticky = false): Slot | undefined {
    if (!this.#mayTake(isSticky)) return undefined;
    const slot = this.#slots.tryTake(isSticky);
    return slot && this.#lend(slot, isSticky);
  }

  take(isSticky = false): Promise<Slot | undefined> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(undefined);
      this.#waiters.push({ isSticky, resolve });
      void this.#serve();
    });
  }

  close(): void {
    this.#closed = true;
    this.#slots.close();
    for (const { resolve } of this.#waiters.splice(0)) resolve(undefined);
  }

  #mayTake(isSticky: boolean): boolean {
    const [own, other] = isSticky ? [this.#open.sticky, this.#open.normal] : [this.#open.normal, this.#open.sticky];
    return own === 0 || other > 0;
  }

  #hasNone({ isSticky }: Waiter): boolean {
    return (isSticky ? this.#open.sticky : this.#open.normal) === 0;
  }

  /** Who gets the next slot. */
  #next(): Waiter | undefined {
    return this.#waiters.find((waiter) => this.#hasNone(waiter)) ?? this.#waiters.find(({ isSticky }) => this.#mayTake(isSticky));
  }

  /** One slot is asked for at a time, and given to whoever needs it most when it comes. */
  async #serve(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    for (let waiter = this.#next(); waiter !== undefined && !this.#closed; waiter = this.#next()) {
      const slot = await this.#slots.take(waiter.isSticky);
      if (slot === undefined) break;
      const first = this.#next();
      if (first === undefined) {
        slot.release();
        break;
      }
      this.#waiters.splice(this.#waiters.indexOf(first), 1);
      first.resolve(this.#lend(slot, first.isSticky));
    }
    this.#asking = false;
  }

  #lend(slot: Slot, isSticky: boolean): Slot {
    const queue = isSticky ? 'sticky' : 'normal';
    this.#open[queue] += 1;
    let isOpen = true;
    const pollEnded = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#open[queue] -= 1;
    };
    return {
      use: (taskType) => {
        pollEnded();
        slot.use(taskType);
        void this.#serve();
      },
      release: () => {
        pollEnded();
        slot.release();
        void this.#serve();
      },
    };
  }
}
