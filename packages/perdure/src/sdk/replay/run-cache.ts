/**
 * The runs that are kept between their tasks, the least recently used one going first.
 *
 * Two limits: a number of runs, and bytes, by an estimate of each run. How many bytes is the budget's to say, and it may change at any
 * time: when the heap fills up, the cache is told to shrink. The run used last stays, however heavy it is, unless the heap is nearly full.
 *
 * A run that waits for a local activity is kept beyond the number: dropping it would drop the activity, which would begin anew with
 * each task and never come to its end. There is a limit for these as well.
 */
import type { ReplayedRun } from './replayed-run.js';

/** Runs that are kept beyond the maximum because local activities of theirs run. */
const MOST_WAITING_RUNS = 1_000;

/** What the cache must know of a run. */
export interface CachedRun {
  readonly runId: string;
  /** An estimate of the memory that it holds. */
  readonly bytes: number;
  readonly awaitsLocalActivities: boolean;
  dispose(): void;
}

/** A cache, as its budget sees it. */
export interface BudgetedCache {
  /** What its runs hold, by their estimates. */
  readonly bytes: number;
  /** Lets runs go until the budget allows what is left. */
  shrink(): void;
}

/** How many bytes caches may hold. All caches of a process share the heap, so they share one. */
export interface CacheBudget {
  /** The cache counts from now on, until `leave`. */
  join(cache: BudgetedCache): { allowedBytes(): number; leave(): void };
}

const NO_LIMIT: CacheBudget = { join: () => ({ allowedBytes: () => Infinity, leave: () => {} }) };

/** Who counts how the cache is doing. */
export interface CacheMetrics {
  /** A task came whose run should be in memory. */
  cacheAsked(workflowType: string, hit: boolean): void;
  /** A run made room for another. */
  cacheEvicted(): void;
}

export class RunCache<Run extends CachedRun = ReplayedRun> implements BudgetedCache {
  readonly #maximum: number;
  readonly #share: ReturnType<CacheBudget['join']>;
  /** In the order of use: a Map keeps insertion order. */
  readonly #runs = new Map<string, Kept<Run>>();
  #bytes = 0;
  readonly #metrics: Pick<CacheMetrics, 'cacheEvicted'> | undefined;

  constructor(maximum: number, budget: CacheBudget = NO_LIMIT, metrics?: Pick<CacheMetrics, 'cacheEvicted'>) {
    this.#maximum = maximum;
    this.#metrics = metrics;
    this.#share = budget.join(this);
  }

  get size(): number {
    return this.#runs.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a run out. Whoever takes it puts it back if it is still good: a run that failed halfway must not be found again. */
  take(runId: string): Run | undefined {
    const kept = this.#runs.get(runId);
    if (kept === undefined) return undefined;
    this.#runs.delete(runId);
    this.#bytes -= kept.bytes;
    return kept.run;
  }

  get(runId: string): Run | undefined {
    return this.#runs.get(runId)?.run;
  }

  put(run: Run): void {
    this.take(run.runId);
    const { bytes } = run;
    this.#runs.set(run.runId, { run, bytes });
    this.#bytes += bytes;
    const allowed = this.#share.allowedBytes();
    if (this.#runs.size > this.#maximum || this.#bytes > allowed) this.#letGo(allowed, run);
  }

  shrink(): void {
    this.#letGo(this.#share.allowedBytes(), undefined);
  }

  delete(runId: string): void {
    this.take(runId)?.dispose();
  }

  /** Drops all runs. The cache is not used afterwards. */
  close(): void {
    for (const runId of this.#runs.keys()) this.delete(runId);
    this.#share.leave();
  }

  #letGo(allowed: number, latest: Run | undefined): void {
    for (const [runId, { run }] of this.#runs) {
      if (this.#runs.size <= this.#maximum && this.#bytes <= allowed) return;
      // Without a cache none stays that does not wait; with one the latest does.
      if (run === latest && this.#runs.size <= this.#maximum) return;
      if (run.awaitsLocalActivities && this.#runs.size <= this.#maximum + MOST_WAITING_RUNS) continue;
      this.delete(runId);
      this.#metrics?.cacheEvicted();
    }
  }
}

/** The estimate is that of the moment when it was put there: what is taken off again must be what was added. */
interface Kept<Run> {
  readonly run: Run;
  readonly bytes: number;
}
