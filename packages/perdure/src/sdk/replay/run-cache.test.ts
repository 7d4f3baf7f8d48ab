/** The cache of runs: what leaves first, and that heavy runs count as several, so that their number does not fill the heap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunCache, type CachedRun } from './run-cache.js';

class FakeRun implements CachedRun {
  disposed = false;

  constructor(
    readonly runId: string,
    public weight = 1,
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

test('a heavy run counts as several, and stays while it is the latest', () => {
  const [a, b, heavy, huge] = [new FakeRun('a'), new FakeRun('b'), new FakeRun('heavy', 3), new FakeRun('huge', 100)];
  const cache = filled(4, a, b, heavy);
  assert.deepEqual([a.disposed, b.disposed, heavy.disposed], [true, false, false]);
  cache.put(huge);
  assert.deepEqual([b.disposed, heavy.disposed, huge.disposed], [true, true, false]);
  assert.equal(cache.size, 1);
});

test('a run that changes its weight while it is out is counted right', () => {
  const [a, b, c] = [new FakeRun('a', 3), new FakeRun('b'), new FakeRun('c')];
  const cache = filled(4, a, b);
  const taken = cache.take('a') as FakeRun;
  taken.weight = 1;
  cache.put(taken);
  cache.put(c);
  cache.put(new FakeRun('d'));
  assert.equal(cache.size, 4);
  assert.ok(!a.disposed && !b.disposed && !c.disposed);
});

test('a run that waits for a local activity stays beyond the maximum', () => {
  const [waiting, b, c] = [new FakeRun('waiting', 1, true), new FakeRun('b'), new FakeRun('c')];
  filled(1, waiting, b, c);
  assert.deepEqual([waiting.disposed, b.disposed], [false, true]);
});
