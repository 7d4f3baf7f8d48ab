/** The runs that are kept between their tasks, the least recently used one going first. */
import type { ReplayedRun } from './replayed-run.js';

export class RunCache {
  readonly #maximum: number;
  /** In the order of use: a Map keeps insertion order. */
  readonly #runs = new Map<string, ReplayedRun>();

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Takes a run out. Whoever takes it puts it back if it is still good: a run that failed halfway must not be found again. */
  take(runId: string): ReplayedRun | undefined {
    const run = this.#runs.get(runId);
    this.#runs.delete(runId);
    return run;
  }

  put(run: ReplayedRun): void {
    this.#runs.delete(run.runId);
    this.#runs.set(run.runId, run);
    for (const runId of this.#runs.keys()) {
      if (this.#runs.size <= this.#maximum) break;
      this.#runs.delete(runId);
    }
  }

  delete(runId: string): void {
    this.#runs.delete(runId);
  }

  clear(): void {
    this.#runs.clear();
  }
}
