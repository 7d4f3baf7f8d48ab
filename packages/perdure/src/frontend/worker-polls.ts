/**
 * The long polls of each worker, so that `ShutdownWorker` can end them.
 *
 * A worker that shuts down would otherwise wait for its polls to expire, up to a minute. Ended polls answer empty. A poll that arrives
 * after the goodbye (it was on its way) is answered empty at once, so the keys of workers that left are remembered for a while.
 */

/** A key is a few dozen bytes; beyond this many the oldest is forgotten, and its late polls merely expire. */
const REMEMBERED_WORKERS = 2_000;

interface WorkerPoll {
  /** Aborted when the caller went away or the worker shut down. */
  readonly signal: AbortSignal;
  /** Must be called when the poll is over. */
  end(): void;
}

export class WorkerPolls {
  readonly #waiting = new Map<string, Set<AbortController>>();
  readonly #gone = new Set<string>();

  /** Registers a poll. Without a key (older workers) it ends only with its caller. */
  begin(workerInstanceKey: string, caller: AbortSignal): WorkerPoll {
    if (workerInstanceKey === '') return { signal: caller, end: () => {} };
    if (this.#gone.has(workerInstanceKey)) return { signal: AbortSignal.abort(), end: () => {} };
    const controller = new AbortController();
    const onCallerGone = (): void => controller.abort();
    if (caller.aborted) controller.abort();
    else caller.addEventListener('abort', onCallerGone, { once: true });
    const ofWorker = this.#waiting.get(workerInstanceKey) ?? new Set();
    this.#waiting.set(workerInstanceKey, ofWorker.add(controller));
    return {
      signal: controller.signal,
      end: () => {
        caller.removeEventListener('abort', onCallerGone);
        ofWorker.delete(controller);
        if (ofWorker.size === 0) this.#waiting.delete(workerInstanceKey);
      },
    };
  }

  /** The worker says goodbye: ends its polls, now and for the time to come. */
  shutDown(workerInstanceKey: string): void {
    if (workerInstanceKey === '') return;
    this.#gone.add(workerInstanceKey);
    if (this.#gone.size > REMEMBERED_WORKERS) for (const oldest of this.#gone) if (this.#gone.delete(oldest)) break;
    for (const controller of this.#waiting.get(workerInstanceKey) ?? []) controller.abort();
  }
}
