/**
 * Machines that rest outside memory, forgotten without being loaded: a hundred thousand closed runs must not come back to life to be told
 * that they are over.
 *
 * Only a machine that is closed and owes nothing may go like this, and its row says so: it is closed and never wakes. Machines that are in
 * memory, or owe something, are left to be told. While rows are read and removed, nothing can load these machines, so none can come
 * to life from a row that is about to go; and they are read again behind that barrier, because before it one may have changed.
 */
import type { ListedMachine, Store } from '../store/store.js';
import type { Deletions } from './deletions.js';
import type { Residents } from './residents.js';

export interface Forgotten {
  /** Machines that were found. */
  readonly found: number;
  /** Those that are still there. */
  readonly left: readonly ListedMachine[];
}

export interface ForgettingOptions {
  readonly store: Store;
  readonly residents: Residents;
  readonly deletions: Deletions;
}

export class Forgetting {
  readonly #options: ForgettingOptions;

  constructor(options: ForgettingOptions) {
    this.#options = options;
  }

  /** @param read reads their rows from the store; called twice */
  async forget(read: () => Promise<readonly ListedMachine[]>): Promise<Forgotten> {
    const { store, residents, deletions } = this.#options;
    const found = await read();
    const barrier = residents.keepOut(found.filter(rests));
    if (barrier.machines.size === 0) {
      barrier.lift();
      return { found: found.length, left: found };
    }
    try {
      const resting = new Set((await read()).filter((row) => rests(row) && barrier.machines.has(row.machine)).map(({ machine }) => machine));
      await store.delete([...resting]);
      return { found: found.length, left: found.filter(({ machine }) => !resting.has(machine)) };
    } finally {
      barrier.lift();
      deletions.reclaim();
    }
  }
}

/** See `row-wake.ts`: such a row is exact. */
function rests({ open, wakeAt }: ListedMachine): boolean {
  return !open && wakeAt === undefined;
}
