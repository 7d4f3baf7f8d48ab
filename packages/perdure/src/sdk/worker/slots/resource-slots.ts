/**
 * Slots for as long as the machine has room: at least a minimum, at most a maximum, and one more only while CPU and memory are below
 * their targets, no faster than the ramp throttle, so that the load of a slot is seen before the next one is given.
 */
import type { WorkerTime } from '../../common/worker-time.js';
import type { ResourceBasedController } from './resource-controller.js';
import type { Slot, SlotSource } from './slots.js';

/** How soon to look again after there was no room. */
const LOOK_AGAIN_MS = 100;

interface ResourceLimits {
  readonly minimumSlots: number;
  readonly maximumSlots: number;
  readonly rampThrottleMs: number;
}

export class ResourceSlots implements SlotSource {
  readonly kind = 'ResourceBased';
  readonly limit: number;
  readonly #limits: ResourceLimits;
  readonly #controller: ResourceBasedController;
  readonly #time: WorkerTime;
  readonly #waiters: ((slot: Slot | undefined) => void)[] = [];
  readonly #slot: Slot = { use: () => {}, release: () => this.#release() };
  #used = 0;
  #grantedAt = -Infinity;
  #closed = false;
  #timer: { cancel(): void } | undefined;

  constructor(limits: ResourceLimits, controller: ResourceBasedController, time: WorkerTime) {
    this.#limits = limits;
    this.#controller = controller;
    this.#time = time;
    this.limit = limits.maximumSlots;
  }

  get used(): number {
    return this.#used;
  }

  tryTake(): Slot | undefined {
    if (this.#closed || this.#used >= this.#limits.maximumSlots) return undefined;
    if (this.#used >= this.#limits.minimumSlots) {
      const now = this.#time.monotonic();
      if (now - this.#grantedAt < this.#limits.rampThrottleMs || !this.#controller.hasRoom(now)) return undefined;
      this.#grantedAt = now;
    }
    this.#used += 1;
    return this.#slot;
  }

  take(): Slot | undefined | Promise<Slot | undefined> {
    if (this.#closed) return undefined;
    const slot = this.#waiters.length === 0 ? this.tryTake() : undefined;
    if (slot !== undefined) return slot;
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#serve();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }

  #release(): void {
    this.#used -= 1;
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const slot = this.tryTake();
      if (slot === undefined) break;
      this.#waiters.shift()?.(slot);
    }
    // At the maximum only a release helps.
    if (this.#closed || this.#waiters.length === 0 || this.#timer !== undefined || this.#used >= this.#limits.maximumSlots) return;
    const throttledMs = this.#grantedAt + this.#limits.rampThrottleMs - this.#time.monotonic();
    this.#timer = this.#time.setDelay(throttledMs > 0 ? throttledMs : LOOK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.#serve();
    });
  }
}
