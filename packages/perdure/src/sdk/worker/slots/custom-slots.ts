/** Slots by a supplier of the user's. Whatever it throws or never answers, the worker goes on and can be shut down. */
import type { Logger } from '../../common/index.js';
import { sleepOn, type WorkerTime } from '../../common/worker-time.js';
import type { Slot, SlotSource } from './slots.js';
import type { CustomSlotSupplier, SlotPermit, SlotReserveContext } from './tuner.js';

/** A supplier that fails is asked again after this time. */
const ASK_AGAIN_MS = 1_000;

export class CustomSlots<Info extends { readonly type: string }> implements SlotSource {
  readonly kind = 'Custom';
  readonly limit = undefined;
  readonly #supplier: CustomSlotSupplier<Info>;
  readonly #context: SlotReserveContext;
  readonly #infoOf: (taskType: string, isSticky: boolean, operation: string) => Info;
  readonly #logger: Logger;
  readonly #time: WorkerTime;
  readonly #abort = new AbortController();
  #used = 0;

  /** @param context is given to the supplier, with `isSticky` as it is. @param infoOf what is told of the task that uses a slot. */
  constructor(supplier: CustomSlotSupplier<Info>, context: SlotReserveContext, infoOf: (taskType: string, isSticky: boolean, operation: string) => Info, logger: Logger, time: WorkerTime) {
    this.#supplier = supplier;
    this.#context = context;
    this.#infoOf = infoOf;
    this.#logger = logger;
    this.#time = time;
  }

  get used(): number {
    return this.#used;
  }

  tryTake(isSticky = false): Slot | undefined {
    if (this.#abort.signal.aborted) return undefined;
    const permit = this.#safely('tryReserveSlot', () => this.#supplier.tryReserveSlot({ ...this.#context, isSticky }));
    return permit === null || permit === undefined ? undefined : this.#slot(permit, isSticky);
  }

  async take(isSticky = false): Promise<Slot | undefined> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const permit = await this.#reserve(isSticky);
      if (permit !== undefined) return this.#slot(permit.value, isSticky);
      await sleepOn(this.#time, ASK_AGAIN_MS, signal);
    }
    return undefined;
  }

  close(): void {
    this.#abort.abort();
  }

  /** A permit; undefined if the supplier failed or the slots were closed. A supplier that does not heed the signal is not waited for. */
  async #reserve(isSticky: boolean): Promise<{ readonly value: SlotPermit } | undefined> {
    const { signal } = this.#abort;
    // Begun in a turn of its own, so that what it throws at once is a rejection too.
    const reserving = Promise.resolve().then(() => this.#supplier.reserveSlot({ ...this.#context, isSticky }, signal));
    let leave: (() => void) | undefined;
    const closed = new Promise<undefined>((resolve) => signal.addEventListener('abort', (leave = () => resolve(undefined))));
    try {
      const permit = await Promise.race([reserving.then((value) => ({ value })), closed]);
      if (permit === undefined) reserving.then((late) => this.#safely('releaseSlot', () => this.#supplier.releaseSlot({ permit: late }))).catch(() => {});
      return permit;
    } catch (error) {
      if (!signal.aborted && !(error instanceof Error && error.name === 'AbortError')) this.#failed('reserveSlot', error);
      return undefined;
    } finally {
      if (leave !== undefined) signal.removeEventListener('abort', leave);
    }
  }

  #slot(permit: SlotPermit, isSticky: boolean): Slot {
    this.#used += 1;
    let slotInfo: Info | undefined;
    return {
      use: (taskType, operation = '') => {
        const used = (slotInfo = this.#infoOf(taskType, isSticky, operation));
        this.#safely('markSlotUsed', () => this.#supplier.markSlotUsed({ slotInfo: used, permit }));
      },
      release: () => {
        this.#used -= 1;
        this.#safely('releaseSlot', () => this.#supplier.releaseSlot({ ...(slotInfo && { slotInfo }), permit }));
      },
    };
  }

  #safely<Result>(method: keyof CustomSlotSupplier<Info>, call: () => Result): Result | undefined {
    try {
      return call();
    } catch (error) {
      this.#failed(method, error);
      return undefined;
    }
  }

  #failed(method: string, error: unknown): void {
    this.#logger.warn(`${method} of the custom slot supplier for ${this.#context.slotType} tasks failed: ${String(error)}`, { error });
  }
}
