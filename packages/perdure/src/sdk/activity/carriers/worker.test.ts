/** Threads and processes under a real worker: what the server gave up does not go on in them, and they keep no worker from stopping. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from '../../../testing/index.js';
import { Runtime, DefaultLogger } from '../../worker/index.js';
import { endless, slow } from './test-offloaded.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

for (const [index, kind] of (['thread', 'process'] as const).entries()) {
  test(`${kind}: one that computes beyond its timeout is ended, so its place is free for the next`, { timeout: 60_000 }, async () => {
    await using env = await TestEnvironment.createLocal();
    const activities = { endlessThread: endless[0], endlessProcess: endless[1], slow: slow[index as 0 | 1] };
    await using _worker = await env.worker({ workflowsPath, activities });
    // All places are taken by functions that never look up: what comes next runs only if they were ended.
    const { ended, next } = await env.run<(kind: string, count: number) => Promise<{ ended: string[]; next: number }>>('outlast', { args: [kind, availableParallelism()] });
    assert.equal(next, 7);
    assert.equal(ended.length, availableParallelism());
    for (const cause of ended) assert.match(cause, /TimeoutFailure/);
  });
}

test('a worker that stops ends the threads of its activities, and stops', { timeout: 60_000 }, async () => {
  await using env = await TestEnvironment.createLocal();
  const worker = await env.worker({ workflowsPath, activities: { endlessThread: endless[0] }, shutdownForceTime: '30 s' });
  const handle = await env.client.workflow.start('forever', { taskQueue: env.taskQueue, workflowId: 'forever' });
  while ((await handle.describe()).raw.pendingActivities.every(({ heartbeatDetails }) => heartbeatDetails === undefined)) await new Promise((resolve) => setTimeout(resolve, 20));
  await worker[Symbol.asyncDispose]();
  const [pending] = (await handle.describe()).raw.pendingActivities;
  assert.equal(pending, undefined, 'the attempt was reported, and it was the only one');
});
