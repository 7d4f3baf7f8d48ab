/**
 * The runs that are kept between their tasks, the least recently used one going first.
 *
 * A run that waits for a local activity is kept beyond the maximum: dropping it would drop the activity, which would begin anew with
 * each task and never come to its end. There is a limit for these as well.
 *
 * A run in which thousands of activities are pending counts as several, so that a thousand such runs do not fill the heap. The run used last
 * stays, however heavy it is.
 */
import type { ReplayedRun } from './replayed-run.js';

/** Runs that are kept beyond the maximum because local activities of theirs run. */
const MOST_WAITING_RUNS = 1_000;

/** What the cache must know of a run. */
export interface CachedRun {
  readonly runId: string;
  /** How many runs of the usual size it counts as: at least 1. */
  readonly weight: number;
  readonly awaitsLocalActivities: boolean;
  dispose(): void;
}

export class RunCache<Run extends CachedRun = ReplayedRun> {
  readonly #maximum: number;
  /** In the order of use: a Map keeps insertion order. */
  readonly #runs = new Map<string, Kept<Run>>();
  #weight = 0;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Takes a run out. Whoever takes it puts it back if it is still good: a run that failed halfway must not be found again. */
  take(runId: string): Run | undefined {
    const kept = this.#runs.get(runId);
    if (kept === undefined) return undefined;
    this.#runs.delete(runId);
    this.#weight -= kept.weight;
    return kept.run;
  }

  get(runId: string): Run | undefined {
    return this.#runs.get(runId)?.run;
  }

  put(run: Run): void {
    this.take(run.runId);
    const { weight } = run;
    this.#runs.set(run.runId, { run, weight });
    this.#weight += weight;
    for (const [runId, kept] of this.#runs) {
      if (this.#weight <= this.#maximum || (kept.run === run && weight > 1)) break;
      if (kept.run.awaitsLocalActivities && this.#runs.size <= this.#maximum + MOST_WAITING_RUNS) continue;
      this.delete(runId);
    }
  }

  delete(runId: string): void {
    this.take(runId)?.dispose();
  }

  clear(): void {
    for (const runId of this.#runs.keys()) this.delete(runId);
  }
}

/** The weight is that of the moment when it was put there: what is taken off again must be what was added. */
interface Kept<Run> {
  readonly run: Run;
  readonly weight: number;
}
