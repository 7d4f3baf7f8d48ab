/** Who waits for durable changes of a machine: history long polls, and callers that wait for a result or for an update. Bounded. */
import { resourceExhausted } from '../matching/resource-exhausted.js';
import type { Resident } from './resident.js';

/**
 * Whether a change is worth waking for, judged by the machine's latest state. That may be ahead of what is durable, so only what stays
 * true may be asked ("is it closed?"), and whoever was woken reads to be sure.
 */
export type Matters = (state: unknown) => boolean;

interface Watcher {
  readonly wake: () => void;
  readonly matters: Matters | undefined;
}

export class Changes {
  readonly #limit: number;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Calls `wake` after each durable change that matters, until the returned function is called, and when the host closes. */
  watch(machine: string, wake: () => void, matters: Matters | undefined): () => void {
    if (this.#size >= this.#limit) {
      throw resourceExhausted('CONCURRENT_LIMIT', `${this.#limit} requests wait for changes, which is the limit. Send the request again later.`);
    }
    const watcher = { wake, matters };
    const ofMachine = this.#watchers.get(machine) ?? new Set();
    this.#watchers.set(machine, ofMachine.add(watcher));
    this.#size += 1;
    return () => {
      if (!ofMachine.delete(watcher)) return;
      this.#size -= 1;
      if (ofMachine.size === 0 && this.#watchers.get(machine) === ofMachine) this.#watchers.delete(machine);
    };
  }

  notify(resident: Resident): void {
    if (this.#size === 0) return;
    const watchers = this.#watchers.get(resident.id);
    if (watchers === undefined) return;
    const isKnown = resident.phase === 'live';
    for (const { wake, matters } of [...watchers]) if (matters === undefined || !isKnown || matters(resident.state)) wake();
  }

  /** Wakes everybody: nothing will change any more. */
  close(): void {
    for (const watchers of this.#watchers.values()) for (const { wake } of [...watchers]) wake();
  }
}
