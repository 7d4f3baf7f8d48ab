/**
 * How much of the heap runs may hold that workers keep: the budget of the caches of this process.
 *
 * By their own estimates runs may hold a quarter of the heap. Estimates can be wrong (a run may keep what nobody counts), and others need
 * memory too; so what counts in the end is measured: after each full garbage collection, what is left of the heap is what is in use. If
 * that is too much, runs go, the oldest first, until the estimate of what stays fits; when there is room again the budget grows back.
 * A run that is dropped loses nothing: its next task builds it from history. One run that fills the heap within a single task cannot be
 * stopped by this.
 */
import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { BudgetedCache, CacheBudget } from '../replay/run-cache.js';

/** Of the heap's limit: for runs, by their estimates. */
const SHARE_FOR_RUNS = 0.25;
/** Of the heap's limit, in use after a collection: above this, runs go … */
const TIGHT = 0.6;
/** … until, if the estimates hold, this is left. */
const EASED = 0.45;
/** What the budget grows by when the heap is eased again. */
const GROWTH = 1.5;
/** The heap is full of other things: the worker may keep a few runs all the same, for without any it does nothing but replay. */
const LEAST_BYTES = 4 * 2 ** 20;

export interface HeapUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export class HeapBudget implements CacheBudget {
  static #ofProcess: HeapBudget | undefined;

  readonly #caches = new Set<BudgetedCache>();
  readonly #mostBytes: number;
  #allowedBytes: number;
  #observer: PerformanceObserver | undefined;

  constructor(limitBytes: number) {
    this.#mostBytes = this.#allowedBytes = limitBytes * SHARE_FOR_RUNS;
  }

  /** The one that all workers of this process share. */
  static ofProcess(): HeapBudget {
    return (HeapBudget.#ofProcess ??= new HeapBudget(getHeapStatistics().heap_size_limit));
  }

  join(cache: BudgetedCache): ReturnType<CacheBudget['join']> {
    this.#caches.add(cache);
    this.#observe();
    return {
      allowedBytes: () => (this.#caches.size === 1 ? this.#allowedBytes : this.#allowedBytes - this.#held() + cache.bytes),
      leave: () => {
        this.#caches.delete(cache);
        if (this.#caches.size > 0) return;
        this.#observer?.disconnect();
        this.#observer = undefined;
      },
    };
  }

  /** A full garbage collection has ended. */
  collected({ usedBytes, limitBytes }: HeapUse): void {
    const held = this.#held();
    if (usedBytes > TIGHT * limitBytes) {
      this.#allowedBytes = Math.max(LEAST_BYTES, Math.min(this.#allowedBytes, held * ((EASED * limitBytes) / usedBytes)));
      for (const cache of this.#caches) cache.shrink();
    } else if (usedBytes < EASED * limitBytes) this.#allowedBytes = Math.min(this.#mostBytes, this.#allowedBytes * GROWTH);
  }

  #held(): number {
    let bytes = 0;
    for (const cache of this.#caches) bytes += cache.bytes;
    return bytes;
  }

  #observe(): void {
    if (this.#observer !== undefined) return;
    this.#observer = new PerformanceObserver((list) => {
      if (!list.getEntries().some(isFullCollection)) return;
      const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
      this.collected({ usedBytes, limitBytes });
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }
}

/** The platform's types leave out what entries of garbage collections tell of themselves. */
function isFullCollection(entry: PerformanceEntry & { readonly detail?: unknown }): boolean {
  const { detail } = entry;
  return typeof detail === 'object' && detail !== null && 'kind' in detail && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
