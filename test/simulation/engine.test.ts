/**
 * The engine, its workers and clients under everything that goes wrong, in virtual time. `npm run simulate` plays more seeds, and repeats
 * one that failed.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { playEngine, STORIES, workflowSource } from './engine-run.js';

const SEEDS = Number(process.env['PERDURE_SIMULATION_SEEDS'] ?? 300);
const source = workflowSource(path.join(path.dirname(fileURLToPath(import.meta.url)), 'workflows.js'));

test(`${SEEDS} seeds of mixed stories keep every promise`, async () => {
  const faults = new Set<string>();
  const stories = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await playEngine(seed, { source: await source });
    assert.deepEqual(run.problems, [], `seed ${seed}: look at it with npm run simulate -- --seed ${seed}`);
    for (const { kind } of run.faults) faults.add(kind);
    for (const story of run.stories) stories.add(story.replace(/-\d+$/, ''));
  }
  if (SEEDS < 300) return;
  assert.equal(faults.size, 14, `each kind of fault has struck: ${[...faults].sort().join(', ')}`);
  assert.equal(stories.size, STORIES.length, `each story was played: ${[...stories].sort().join(', ')}`);
});

test('the same seed gives the same run, byte for byte', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const [once, twice] = [await playEngine(seed, { source: await source }), await playEngine(seed, { source: await source })];
    assert.deepEqual(once, twice, `seed ${seed}`);
    const repeated = await playEngine(seed, { source: await source, faults: once.faults });
    assert.equal(repeated.fingerprint, once.fingerprint, `seed ${seed}, repeated by its plan`);
  }
});
