/** The cache of runs: what leaves first, and that bytes count beside the number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunCache, type CachedRun } from './run-cache.js';

class FakeRun implements CachedRun {
  disposed = false;

  constructor(
    readonly runId: string,
    public bytes = 1,
    readonly awaitsLocalActivities = false,
  ) {}

  dispose(): void {
    this.disposed = true;
  }
}

function filled(maximum: number, ...runs: FakeRun[]): RunCache<FakeRun> {
  const cache = new RunCache<FakeRun>(maximum);
  for (const run of runs) cache.put(run);
  return cache;
}

test('the run used longest ago leaves first', () => {
  const [a, b, c] = [new FakeRun('a'), new FakeRun('b'), new FakeRun('c')];
  const cache = filled(2, a, b);
  cache.put(cache.take('a') as FakeRun);
  cache.put(c);
  assert.deepEqual([a.disposed, b.disposed, c.disposed], [false, true, false]);
});

test('bytes count as well; the latest run stays, however heavy it is', () => {
  const [a, b, heavy, huge] = [new FakeRun('a'), new FakeRun('b'), new FakeRun('heavy', 3), new FakeRun('huge', 100)];
  let evicted = 0;
  const cache = new RunCache<FakeRun>(100, { join: () => ({ allowedBytes: () => 4, leave: () => {} }) }, { cacheEvicted: () => (evicted += 1) });
  for (const run of [a, b, heavy]) cache.put(run);
  assert.deepEqual([a.disposed, b.disposed, heavy.disposed], [true, false, false]);
  cache.put(huge);
  assert.deepEqual([b.disposed, heavy.disposed, huge.disposed], [true, true, false]);
  assert.equal(cache.size, 1);
  cache.shrink();
  assert.ok(huge.disposed, 'unless the heap fills up');
  assert.deepEqual([cache.bytes, evicted], [0, 4]);
});

test('a run that changes its size while it is out is counted right', () => {
  const [a, b] = [new FakeRun('a', 3), new FakeRun('b')];
  const cache = filled(4, a, b);
  assert.equal(cache.bytes, 4);
  const taken = cache.take('a') as FakeRun;
  taken.bytes = 1;
  cache.put(taken);
  assert.equal(cache.bytes, 2);
});

test('a run that waits for a local activity stays beyond the maximum', () => {
  const [waiting, b, c] = [new FakeRun('waiting', 1, true), new FakeRun('b'), new FakeRun('c')];
  filled(1, waiting, b, c);
  assert.deepEqual([waiting.disposed, b.disposed], [false, true]);
});
