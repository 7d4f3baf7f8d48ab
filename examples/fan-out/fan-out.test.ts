import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from 'perdure/common';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { fanOut } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

test('every task runs once, over all children', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath });
  const tasks = env.mock.activity(activities.process).returns(undefined);
  assert.deepEqual(await env.run(fanOut, { args: [12, 15] }), { done: 180, failed: 0 });
  assert.deepEqual(tasks.calls.map(({ args }) => args[0]).sort((a, b) => a - b), Array.from({ length: 180 }, (_, index) => index));
});

test('a task that fails for good is counted, and stops nothing', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath });
  env.mock.activity(activities.process).does(async (task) => {
    if (task % 10 === 3) throw ApplicationFailure.nonRetryable('broken');
  });
  assert.deepEqual(await env.run(fanOut, { args: [4, 10] }), { done: 36, failed: 4 });
});
