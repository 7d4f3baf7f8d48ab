/**
 * The engine, its workers and clients under everything that goes wrong, in virtual time. `npm run simulate` plays more seeds, and repeats
 * one that failed.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { playEngine, STORIES, workflowSource } from './engine-run.js';
import { FAULT_NAMES, Tally } from './tally.js';

const SEEDS = Number(process.env['PERDURE_SIMULATION_SEEDS'] ?? 300);
const source = workflowSource(path.join(path.dirname(fileURLToPath(import.meta.url)), 'workflows.js'));

test(`${SEEDS} seeds of mixed stories keep every promise`, async (t) => {
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await playEngine(seed, { source: await source });
    assert.deepEqual(run.problems, [], `seed ${seed}: look at it with npm run simulate -- --seed ${seed}`);
    tally.add(run);
  }
  t.diagnostic(String(tally));
  if (SEEDS < 300) return;
  assert.equal(tally.faults.size, FAULT_NAMES, `each kind of fault has struck: ${tally}`);
  assert.equal(tally.stories.size, STORIES.length, `each story was played: ${tally}`);
  assert.ok(tally.overtaken > 0, 'the network reorders');
});

test('the same seed gives the same run, byte for byte', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const [once, twice] = [await playEngine(seed, { source: await source }), await playEngine(seed, { source: await source })];
    assert.deepEqual(once, twice, `seed ${seed}`);
    const repeated = await playEngine(seed, { source: await source, faults: once.faults });
    assert.equal(repeated.fingerprint, once.fingerprint, `seed ${seed}, repeated by its plan`);
  }
});
