/**
 * Machines that owe their own deletion, and what deleted machines leave behind.
 *
 * A machine is removed once everything it decided is durable. Until the store has removed it the machine stays in memory, where nobody
 * finds it, so that no load brings it back meanwhile. The store hides it in one small commit; its journal, which may be long, is reclaimed
 * piece by piece, with other commits in between. A crash at any point loses nothing: a machine that is still there owes its deletion
 * again, and the store knows what is left to reclaim.
 */
import type { Clock } from '../ports/clock.js';
import type { Store } from '../store/store.js';
import type { Resident } from './resident.js';
import type { Residents } from './residents.js';

/** Machines removed in one commit. */
const AT_ONCE = 100;
/** After the store could not reclaim. What is left takes space and nothing else. */
const RECLAIM_PAUSE_MS = 5_000;

export interface DeletionsOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly residents: Residents;
}

export class Deletions {
  readonly #options: DeletionsOptions;
  /** Bounded by what is in memory. */
  readonly #waiting = new Set<Resident>();
  #underWay: Promise<void> | undefined;
  #reclaiming: Promise<void> | undefined;
  #closed = false;

  constructor(options: DeletionsOptions) {
    this.#options = options;
  }

  /** Something about this machine became durable, or it was loaded. */
  consider(resident: Resident): void {
    if (resident.deletionKey === undefined || !resident.isDurable || resident.phase !== 'live' || this.#closed) return;
    this.#waiting.add(resident);
    this.#begin();
  }

  /** Frees what deleted machines left behind, also those that were deleted before the last start. */
  reclaim(): void {
    if (this.#closed) return;
    this.#reclaiming ??= this.#reclaimAll().finally(() => (this.#reclaiming = undefined));
  }

  /** Takes no more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
    await this.#reclaiming;
  }

  #begin(): void {
    if (this.#underWay !== undefined || this.#closed) return;
    this.#underWay = this.#turn()
      .then(() => this.#deleteSome())
      .finally(() => {
        this.#underWay = undefined;
        if (this.#waiting.size > 0) this.#begin();
        else this.reclaim();
      });
  }

  async #deleteSome(): Promise<void> {
    const machines = [...this.#waiting].slice(0, AT_ONCE);
    for (const machine of machines) this.#waiting.delete(machine);
    const present = machines.filter(({ phase }) => phase === 'live');
    let why: 'deleted' | 'undone' = 'deleted';
    try {
      await this.#options.store.delete(present.map(({ id }) => id));
    } catch {
      // Loaded again, with growing pauses, they owe it again.
      why = 'undone';
    }
    for (const resident of present) this.#options.residents.drop(resident, why);
  }

  async #reclaimAll(): Promise<void> {
    try {
      while (!this.#closed && (await this.#options.store.reclaim())) await this.#turn();
    } catch {
      this.#options.clock.setDelay(RECLAIM_PAUSE_MS, () => this.reclaim());
    }
  }

  /** Lets everything else have its turn. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.defer(resolve));
  }
}
