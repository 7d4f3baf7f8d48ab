/**
 * Activities that clients start, operations of other services and workers of two builds, under everything that goes wrong. `npm run
 * simulate -- --services` plays more seeds, and repeats one that failed.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { playEngine, workflowSource } from './engine-run.js';
import { SERVICE_STORIES } from './repertoire.js';
import { Tally } from './tally.js';

const SEEDS = Number(process.env['PERDURE_SIMULATION_SEEDS'] ?? 160);
const source = workflowSource(path.join(path.dirname(fileURLToPath(import.meta.url)), 'workflows.js'));

test(`${SEEDS} seeds of activities, operations and versions keep every promise`, async (t) => {
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await playEngine(seed, { source: await source, withServices: true });
    assert.deepEqual(run.problems, [], `seed ${seed}: look at it with npm run simulate -- --services --seed ${seed}`);
    tally.add(run);
  }
  t.diagnostic(String(tally));
  if (SEEDS < 160) return;
  for (const story of SERVICE_STORIES) assert.ok(tally.stories.has(story), `${story} was played: ${tally}`);
});

test('the same seed gives the same run, byte for byte', async () => {
  for (let seed = 4; seed < 8; seed++) {
    const [once, twice] = [await playEngine(seed, { source: await source, withServices: true }), await playEngine(seed, { source: await source, withServices: true })];
    assert.deepEqual(once, twice, `seed ${seed}`);
    const repeated = await playEngine(seed, { source: await source, withServices: true, faults: once.faults });
    assert.equal(repeated.fingerprint, once.fingerprint, `seed ${seed}, repeated by its plan`);
  }
});
