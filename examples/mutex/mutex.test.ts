import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { holder, maintenance } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

test('five workflows on one machine: each has its turn, none overlap', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const handles = await Promise.all(Array.from({ length: 5 }, () => env.start(maintenance, { args: ['press'] })));
  const spans = (await Promise.all(handles.map((handle) => handle.result()))).sort((a, b) => a.from - b.from);
  for (const [index, span] of spans.entries()) assert.ok(index === 0 || span.from >= (spans[index - 1]?.to ?? 0));
  assert.equal(spans.length, 5);
});

test('the lock of a holder that was terminated is given on after its time', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const first = await env.start(maintenance, { args: ['press'] });
  await env.sleep('1 minute');
  assert.equal(await env.client.workflow.getHandle('lock/press').query(holder), first.workflowId);
  await first.terminate();
  const before = env.currentTime().getTime();
  const { from } = await env.run(maintenance, { args: ['press'] });
  assert.ok(from - before <= 60 * 60_000);
});

test('who is cancelled while waiting leaves the row, and the keeper ends when nobody is left', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const first = await env.start(maintenance, { args: ['press'] });
  await env.sleep('1 minute');
  const second = await env.start(maintenance, { args: ['press'] });
  await env.sleep('1 minute');
  await second.cancel();
  await assert.rejects(second.result());
  await first.result();
  await env.client.workflow.getHandle('lock/press').result();
});
