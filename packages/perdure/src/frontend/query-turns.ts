/**
 * One direct query at a time for each run that no worker has in its cache.
 *
 * A worker without a cache (Temporal's SDKs with `maxCachedWorkflows: 0`) replays the run for each query and drops it afterwards, and
 * with it every further query for that run that it had already taken: those would never be answered.
 */
export interface Turn {
  /** Resolves when it is this one's turn. */
  readonly come: Promise<true>;
  /** Ends the turn, or the wait for it. Idempotent. */
  leave(): void;
}

interface Waiting {
  readonly begin: () => void;
}

export class QueryTurns {
  /** By run, in order; the first one has its turn. */
  readonly #queues = new Map<string, Set<Waiting>>();

  enter(runId: string): Turn {
    const queue = this.#queues.get(runId) ?? new Set<Waiting>();
    this.#queues.set(runId, queue);
    let begin: () => void = () => {};
    const come = new Promise<true>((resolve) => (begin = () => resolve(true)));
    const waiting: Waiting = { begin };
    if (queue.size === 0) begin();
    queue.add(waiting);
    return { come, leave: () => this.#leave(runId, queue, waiting) };
  }

  #leave(runId: string, queue: Set<Waiting>, waiting: Waiting): void {
    if (!queue.delete(waiting)) return;
    for (const next of queue) return next.begin();
    this.#queues.delete(runId);
  }
}
