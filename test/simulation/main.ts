/**
 * `npm run simulate -- --seeds N --seed S`: the engine under faults, for as long as you like, or one seed again. With `--services`: with
 * the stories of activities that clients start, of operations and of versions.
 *
 * A seed that fails is played once more, to see that it fails in the same way, then with fewer faults, and printed with its plan.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Fault } from '#perdure/simulation/faults';
import { shrink } from '#perdure/simulation/shrink';
import { playEngine, workflowSource, type EngineRun } from './engine-run.js';
import { Tally } from './tally.js';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '1000' }, seed: { type: 'string' }, first: { type: 'string', default: '1' }, faults: { type: 'string' }, services: { type: 'boolean', default: false } } });
const withServices = values.services;
const seeds = values.seed === undefined ? Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.first) + index) : [Number(values.seed)];
const source = await workflowSource(path.join(path.dirname(fileURLToPath(import.meta.url)), 'workflows.js'));
const given = values.faults === undefined ? undefined : (JSON.parse(values.faults) as readonly Fault[]);

async function report(seed: number, { problems, faults, fingerprint }: EngineRun): Promise<void> {
  console.log(`Seed ${seed} fails:\n  ${problems.join('\n  ')}`);
  const again = await playEngine(seed, { source, withServices, faults: given });
  if (again.fingerprint !== fingerprint) return console.log('  The same seed gave another run: something reaches around the ports.');
  const stillFails = async (plan: { readonly faults: readonly Fault[] }): Promise<boolean> => (await playEngine(seed, { source, withServices, faults: plan.faults })).problems.length > 0;
  const smallest = await shrink({ faults, deliveries: [] }, { isOptional: () => false, stillFails, mostTries: 150 });
  const last = await playEngine(seed, { source, withServices, faults: smallest.faults });
  console.log(`  With ${smallest.faults.length} of its ${faults.length} faults:\n    ${last.problems.join('\n    ')}`);
  console.log(`  Repeat it: npm run simulate -- ${withServices ? '--services ' : ''}--seed ${seed} --faults '${JSON.stringify(smallest.faults)}'`);
}

const tally = new Tally();
let failures = 0;
const startedAt = performance.now();
for (const [index, seed] of seeds.entries()) {
  const run = await playEngine(seed, { source, withServices, faults: given });
  tally.add(run);
  if (run.problems.length > 0) {
    failures += 1;
    process.exitCode = 1;
    await report(seed, run);
    if (failures >= 5) break;
  }
  if ((index + 1) % 500 === 0) console.log(`${index + 1} seeds, ${failures} failures, ${Math.round((performance.now() - startedAt) / (index + 1))} ms each`);
}
console.log(`${seeds.length} seeds asked for, ${failures} failures.`);
console.log(String(tally));
