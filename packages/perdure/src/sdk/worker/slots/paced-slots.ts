/**
 * Slots of which no more than a number per second are used: `maxActivitiesPerSecond`.
 *
 * A slot is the right to take a task, so each one that is out counts as a task that may start now; one that comes back unused counts for
 * nothing. What was not used is saved up for a tenth of a second only. So in any second at most a tenth more than the rate, and one, starts.
 */
import type { WorkerTime } from '../../common/worker-time.js';
import type { Slot, SlotSource } from './slots.js';

const SAVED_SECONDS = 0.1;

export class PacedSlots implements SlotSource {
  readonly #slots: SlotSource;
  readonly #perMs: number;
  readonly #most: number;
  readonly #time: WorkerTime;
  readonly #waiters: (() => void)[] = [];
  /** Tasks that may start now. */
  #saved: number;
  #countedAt: number;
  /** Slots that are out and not used yet. */
  #held = 0;
  #closed = false;
  #timer: { cancel(): void } | undefined;

  constructor(slots: SlotSource, perSecond: number, time: WorkerTime) {
    this.#slots = slots;
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(1, perSecond * SAVED_SECONDS);
    this.#saved = this.#most;
    this.#time = time;
    this.#countedAt = time.monotonic();
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

  tryTake(isSticky?: boolean): Slot | undefined {
    if (this.#waiters.length > 0 || !this.#tryHold()) return undefined;
    const slot = this.#slots.tryTake(isSticky);
    if (slot !== undefined) return this.#paced(slot);
    this.#giveBack();
    return undefined;
  }

  async take(isSticky?: boolean): Promise<Slot | undefined> {
    if (this.#closed) return undefined;
    if (this.#waiters.length > 0 || !this.#tryHold()) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        this.#look();
      });
      if (this.#closed) return undefined;
    }
    const slot = await this.#slots.take(isSticky);
    if (slot !== undefined) return this.#paced(slot);
    this.#giveBack();
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const waiter of this.#waiters.splice(0)) waiter();
    this.#slots.close();
  }

  #paced(slot: Slot): Slot {
    let isUsed = false;
    return {
      use: (taskType) => {
        isUsed = true;
        this.#held -= 1;
        slot.use(taskType);
        this.#look();
      },
      release: () => {
        slot.release();
        if (!isUsed) this.#giveBack();
      },
    };
  }

  #tryHold(): boolean {
    const now = this.#time.monotonic();
    // What is out counts as saved: otherwise a long poll would make room for a burst.
    this.#saved = Math.max(this.#saved, Math.min(this.#most - this.#held, this.#saved + (now - this.#countedAt) * this.#perMs));
    this.#countedAt = now;
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    this.#held += 1;
    return true;
  }

  #giveBack(): void {
    this.#held -= 1;
    this.#saved += 1;
    this.#look();
  }

  #look(): void {
    while (this.#waiters.length > 0 && this.#tryHold()) this.#waiters.shift()?.();
    // While everything that may start is out, only its use or return makes room.
    if (this.#closed || this.#waiters.length === 0 || this.#timer !== undefined || this.#saved >= this.#most - this.#held) return;
    this.#timer = this.#time.setDelay(Math.max(1, (1 - this.#saved) / this.#perMs), () => {
      this.#timer = undefined;
      this.#look();
    });
  }
}
