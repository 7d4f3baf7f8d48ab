/** Who waits for the next durable change of a machine: history long polls, and callers that wait for a result. Bounded. */
import { resourceExhausted } from '../matching/resource-exhausted.js';

export class Changes {
  readonly #limit: number;
  readonly #waiters = new Map<string, Set<() => void>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves at the next change, when the signal is aborted, and when the host closes. */
  next(machine: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    if (this.#size >= this.#limit) {
      return Promise.reject(resourceExhausted('CONCURRENT_LIMIT', `${this.#limit} requests wait for changes, which is the limit. Send the request again later.`));
    }
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(machine) ?? new Set();
      this.#waiters.set(machine, waiters);
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        if (!waiters.delete(wake)) return;
        this.#size -= 1;
        if (waiters.size === 0 && this.#waiters.get(machine) === waiters) this.#waiters.delete(machine);
        resolve();
      };
      waiters.add(wake);
      this.#size += 1;
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  notify(machine: string): void {
    if (this.#size === 0) return;
    const waiters = this.#waiters.get(machine);
    if (waiters !== undefined) for (const wake of [...waiters]) wake();
  }

  close(): void {
    for (const machine of [...this.#waiters.keys()]) this.notify(machine);
  }
}
