/** What a test environment costs: `node build/bench/testing.js`. One line per measurement; the first of each shows a cold start as well. */
import path from 'node:path';
import { simulate, TestEnvironment } from 'perdure/testing';
import type { orderSaga } from '../examples/order-saga/workflows.js';
import { orderSimulation, type Shop } from '../test/simulation/order-saga.js';
import { root } from './processes.js';

const workflowsPath = path.join(root, 'packages/perdure/dist/testing/test-workflows.js');
const activities = { notify: async () => {} };

async function time(run: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await run();
  return performance.now() - before;
}

async function measure(name: string, rounds: number, run: () => Promise<number>): Promise<void> {
  const first = await run();
  const rest: number[] = [];
  for (let round = 0; round < rounds; round++) rest.push(await run());
  rest.sort((one, other) => one - other);
  console.log(`${name} | first ${first.toFixed(1)} ms | median of ${rounds} ${rest[Math.floor(rounds / 2)]?.toFixed(1)} ms`);
}

await measure('create an environment', 20, async () => {
  let env: TestEnvironment | undefined;
  const ms = await time(async () => (env = await TestEnvironment.create()));
  await env?.teardown();
  return ms;
});

await measure('environment, worker, 24 hours of sleep, teardown', 20, () =>
  time(async () => {
    await using env = await TestEnvironment.create();
    await env.worker({ workflowsPath, activities });
    await env.run('nap', { args: [24 * 3_600_000] });
  }),
);

async function yearOf(workflow: string, args: unknown[]): Promise<number> {
  await using env = await TestEnvironment.create({ startTime: '2031-01-01T00:00:00Z' });
  await env.worker({ workflowsPath, activities });
  return await time(async () => {
    const handle = await env.start(workflow, { args, cronSchedule: '0 9 * * *' });
    await env.sleep('365 days');
    await handle.terminate();
  });
}

await measure('a year of daily cron', 5, () => yearOf('together', [0]));

await measure('a year of daily cron, with an activity each day', 5, () => yearOf('tick', []));

await measure('100 environments side by side, a day each', 3, () =>
  time(() =>
    Promise.all(
      Array.from({ length: 100 }, async () => {
        await using env = await TestEnvironment.create();
        await env.worker({ workflowsPath, activities });
        await env.run('nap', { args: [24 * 3_600_000] });
      }),
    ),
  ),
);

const SEEDS = 1_000;
const simulatedMs = await time(() => simulate<typeof orderSaga, Shop>('orderSaga', { ...orderSimulation, seeds: SEEDS }));
console.log(`simulate the order saga, ${SEEDS} seeds | ${(simulatedMs / 1_000).toFixed(1)} s | ${((SEEDS * 1_000) / simulatedMs).toFixed(0)} seeds/s`);
