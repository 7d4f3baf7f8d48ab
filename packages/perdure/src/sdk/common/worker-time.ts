/**
 * Where a worker and its activities get time from, and whom they tell when they are at work.
 *
 * Usually that is the machine's clock and nobody. A test environment puts its own in: it skips time, but never while somebody is at work.
 * A worker finds it on its connection. Not for workflow code: that has the time of its history.
 */
import { randomUUID } from 'node:crypto';

export interface WorkerTime {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some fixed moment. Never goes back. */
  monotonic(): number;
  /** Runs `run` after `delayMs`. */
  setDelay(delayMs: number, run: () => void): { cancel(): void };
  /**
   * Somebody is at work from now on, until the returned function is called: on a workflow task, which takes no time of its own, or on an
   * activity, which takes as long as it takes.
   */
  beginWork(kind: 'task' | 'activity'): () => void;
}

/** Where ids and jitter come from. Usually from the operating system; a simulation puts its own in, so that it can repeat itself. */
export interface Chance {
  /** A new UUID. */
  uuid(): string;
  /** A number in [0, 1). */
  next(): number;
}

const nothing = (): void => {};

/** The machine's clock; it goes on whoever is at work. */
export const systemTime: WorkerTime = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setDelay(delayMs, run) {
    const timeout = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },
  beginWork: () => nothing,
};

export const systemChance: Chance = { uuid: () => randomUUID(), next: () => Math.random() };

/** Resolves after the time, or at once when the signal is aborted. */
export function sleepOn(time: WorkerTime, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = time.setDelay(delayMs, end);
    signal?.addEventListener('abort', end);
  });
}

/** One piece of work that may rest in between, waiting for nothing but time. Ends once; rests may overlap. */
export class Work {
  readonly #time: WorkerTime;
  readonly #kind: 'task' | 'activity';
  #pause: (() => void) | undefined;
  #rests = 0;
  #over = false;

  constructor(time: WorkerTime, kind: 'task' | 'activity') {
    this.#time = time;
    this.#kind = kind;
    this.#pause = time.beginWork(kind);
  }

  /** Nothing happens but the passing of time until the returned function is called. */
  rest(): () => void {
    this.#rests += 1;
    this.#stop();
    let resting = true;
    return () => {
      if (!resting) return;
      resting = false;
      this.#rests -= 1;
      if (this.#rests === 0 && !this.#over) this.#pause = this.#time.beginWork(this.#kind);
    };
  }

  /** Runs `run` after `delayMs` and rests until then: whoever sleeps is not at work. */
  delay(delayMs: number, run: () => void): { cancel(): void } {
    const resume = this.rest();
    const timer = this.#time.setDelay(delayMs, () => {
      resume();
      run();
    });
    return {
      cancel: () => {
        timer.cancel();
        resume();
      },
    };
  }

  end(): void {
    this.#over = true;
    this.#stop();
  }

  #stop(): void {
    this.#pause?.();
    this.#pause = undefined;
  }
}
