import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Replayer, TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { subscription } from './workflows.js';

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

test('a new run takes the new ways', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath: pathOf('./workflows.js'), activities });
  assert.deepEqual(await env.run(subscription, { args: ['ada'] }), ['hello ada', 'shipped to ada, insured', 'charged ada in 3 parts']);
});

test('a run that the first version began is finished by the third: what it has passed stays as it was', async () => {
  await using env = await TestEnvironment.create();
  const old = await env.worker({ workflowsPath: pathOf('./first-version.js'), activities });
  const handle = await env.start(subscription, { args: ['ada'], workflowId: 'old' });
  await env.sleep('10 days');
  await old[Symbol.asyncDispose]();

  await env.worker({ workflowsPath: pathOf('./workflows.js'), activities });
  // It had passed the greeting; shipping and charging are still before it.
  assert.deepEqual(await handle.result(), ['shipped to ada, insured', 'charged ada in 3 parts']);
});

test('histories of finished runs of the first version replay on the third', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath: pathOf('./first-version.js'), activities });
  const handle = await env.start(subscription, { args: ['ada'], workflowId: 'old' });
  assert.deepEqual(await handle.result(), ['shipped to ada', 'charged ada']);

  await using replayer = await Replayer.create({ workflowsPath: pathOf('./workflows.js') });
  const report = await replayer.replay({ workflowId: 'old', history: await handle.fetchHistory() });
  assert.equal(report.outcome, 'replayed');
});
