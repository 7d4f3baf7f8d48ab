/** Runs that are kept leave before the heap is full, the oldest first, and may come back when there is room. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunCache, type CachedRun } from '../replay/run-cache.js';
import { HeapBudget } from './heap-budget.js';

const MB = 2 ** 20;
const limitBytes = 1_000 * MB;

class FakeRun implements CachedRun {
  readonly awaitsLocalActivities = false;
  disposed = false;
  constructor(
    readonly runId: string,
    readonly bytes = MB,
  ) {}

  dispose(): void {
    this.disposed = true;
  }
}

function fill(cache: RunCache<FakeRun>, count: number, prefix = ''): void {
  for (let i = 0; i < count; i++) cache.put(new FakeRun(`${prefix}${i}`));
}

test('by their estimates, runs may hold a quarter of the heap', () => {
  const cache = new RunCache<FakeRun>(10_000, new HeapBudget(limitBytes));
  fill(cache, 400);
  assert.equal(cache.size, 250);
  assert.equal(cache.get('149'), undefined);
  assert.ok(cache.get('150'));
});

test('when the heap is nearly full after a collection, runs go until the rest would fit; with room again more may stay', () => {
  const budget = new HeapBudget(limitBytes);
  const cache = new RunCache<FakeRun>(10_000, budget);
  fill(cache, 200);
  budget.collected({ usedBytes: 550 * MB, limitBytes });
  assert.equal(cache.size, 200, 'enough room');
  // The estimates were too low: 200 MB of them, 900 MB in use.
  budget.collected({ usedBytes: 900 * MB, limitBytes });
  assert.equal(cache.size, 100);
  assert.ok(cache.get('199') && cache.get('99') === undefined, 'the oldest went');
  fill(cache, 50, 'new-');
  assert.equal(cache.size, 100);
  for (let i = 0; i < 10; i++) budget.collected({ usedBytes: 300 * MB, limitBytes });
  fill(cache, 400, 'later-');
  assert.equal(cache.size, 250);
});

test('a heap that others fill leaves room for a few runs', () => {
  const budget = new HeapBudget(limitBytes);
  const cache = new RunCache<FakeRun>(10_000, budget);
  fill(cache, 200);
  for (let i = 0; i < 20; i++) budget.collected({ usedBytes: 950 * MB, limitBytes });
  assert.equal(cache.size, 4);
});

test('the caches of all workers of a process share the budget; one that is closed gives its part back', () => {
  const budget = new HeapBudget(limitBytes);
  const [one, other] = [new RunCache<FakeRun>(10_000, budget), new RunCache<FakeRun>(10_000, budget)];
  fill(one, 200);
  fill(other, 200);
  assert.deepEqual([one.size, other.size], [200, 50]);
  one.close();
  fill(other, 400);
  assert.equal(other.size, 250);
  other.close();
});
