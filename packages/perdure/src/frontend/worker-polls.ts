/**
 * The long polls of each worker, so that `ShutdownWorker` can end them.
 *
 * A worker that shuts down would otherwise wait for its polls to expire, up to a minute. Ended polls answer empty. A poll that arrives
 * after the goodbye (it was on its way) is answered empty at once, so the keys of workers that left are remembered for a while.
 */
import type { EndSignal } from '../matching/matching.js';

/** A key is a few dozen bytes; beyond this many the oldest is forgotten, and its late polls merely expire. */
const REMEMBERED_WORKERS = 2_000;

interface WorkerPoll {
  /** Aborted when the caller went away or the worker shut down. */
  readonly signal: EndSignal;
  /** Must be called when the poll is over. */
  end(): void;
}

export class WorkerPolls {
  readonly #waiting = new Map<string, Set<Ending>>();
  readonly #gone = new Set<string>();

  /** Registers a poll. Without a key (older workers) it ends only with its caller. */
  begin(namespaceId: string, workerInstanceKey: string, caller: AbortSignal): WorkerPoll {
    if (workerInstanceKey === '') return { signal: caller, end: () => {} };
    const worker = workerOf(namespaceId, workerInstanceKey);
    const ending = new Ending();
    if (caller.aborted || this.#gone.has(worker)) {
      ending.abort();
      return { signal: ending, end: () => {} };
    }
    caller.addEventListener('abort', ending.abort);
    const ofWorker = this.#waiting.get(worker) ?? new Set();
    this.#waiting.set(worker, ofWorker.add(ending));
    return {
      signal: ending,
      end: () => {
        caller.removeEventListener('abort', ending.abort);
        ofWorker.delete(ending);
        if (ofWorker.size === 0 && this.#waiting.get(worker) === ofWorker) this.#waiting.delete(worker);
      },
    };
  }

  /** The worker says goodbye: ends its polls, now and for the time to come. */
  shutDown(namespaceId: string, workerInstanceKey: string): void {
    if (workerInstanceKey === '') return;
    const worker = workerOf(namespaceId, workerInstanceKey);
    this.#gone.add(worker);
    if (this.#gone.size > REMEMBERED_WORKERS) for (const oldest of this.#gone) if (this.#gone.delete(oldest)) break;
    for (const ending of this.#waiting.get(worker) ?? []) ending.abort();
  }
}

/** Keys are made by workers: another namespace may know one, and must not end anything with it. */
const workerOf = (namespaceId: string, workerInstanceKey: string): string => `${namespaceId}/${workerInstanceKey}`;

/** The end of one poll, for the one that waits. */
class Ending implements EndSignal {
  aborted = false;
  #listener: (() => void) | undefined;

  readonly abort = (): void => {
    if (this.aborted) return;
    this.aborted = true;
    this.#listener?.();
  };

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}
