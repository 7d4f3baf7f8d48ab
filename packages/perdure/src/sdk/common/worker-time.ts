/**
 * Where a worker and its activities get time from, and whom they tell when they are at work.
 *
 * Usually that is the machine's clock and nobody. A test environment puts its own in: it skips time, but never while somebody is at work.
 * A worker finds it on its connection. Not for workflow code: that has the time of its history.
 */

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

  end(): void {
    this.#over = true;
    this.#stop();
  }

  #stop(): void {
    this.#pause?.();
    this.#pause = undefined;
  }
}
