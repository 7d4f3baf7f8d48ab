import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ActivityEnvironment, TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { pipeline, progress } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

test('all parts are transformed and loaded; the progress can be read, also afterwards', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const handle = await env.start(pipeline, { args: ['orders'] });
  assert.equal(await handle.result(), 3_000);
  assert.deepEqual(await handle.query(progress), { stage: 'done', transformed: 3, parts: 3 });
});

test('a part whose worker dies is taken up again while the others go on', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const transform = env.mock.activity(activities.transform).diesOnce(400).does(async (part) => part);
  const handle = await env.start(pipeline, { args: ['orders'] });
  await env.sleep('5 seconds');
  assert.deepEqual(await handle.query(progress), { stage: 'transforming', transformed: 2, parts: 3 });
  assert.equal(await handle.result(), 3_000);
  assert.deepEqual(transform.calls.map(({ attempt, heartbeatDetails }) => [attempt, heartbeatDetails]).at(-1), [2, 400]);
});

test('a transformation goes on where the attempt before it was', async () => {
  const env = new ActivityEnvironment({ attempt: 2, heartbeatDetails: 800 });
  assert.equal(await env.run(activities.transform, 'orders/a.csv'), 'orders/a.parquet');
  assert.deepEqual(env.heartbeats, [900, 1_000]);
});
