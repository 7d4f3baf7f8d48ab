import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import { activitiesWith } from './activities.js';
import { often, seldom } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

/** A service whose job is done at the n-th question. */
function doneAt(question: number) {
  let asked = 0;
  return { resultOf: async () => (++asked < question ? undefined : `done after ${asked}`) };
}

test('seldom: an attempt every ten minutes, and one activity in the history', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities: activitiesWith(doneAt(7)) });
  const before = env.currentTime().getTime();
  const handle = await env.start(seldom, { args: ['job'] });
  assert.equal(await handle.result(), 'done after 7');
  assert.equal(env.currentTime().getTime() - before, 60 * 60_000);
  const { events = [] } = await handle.fetchHistory();
  assert.equal(events.filter((event) => event.activityTaskScheduledEventAttributes).length, 1);
});

test('often: a question every five seconds within one attempt', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities: activitiesWith(doneAt(100)) });
  const before = env.currentTime().getTime();
  assert.equal(await env.run(often, { args: ['job'] }), 'done after 100');
  assert.equal(env.currentTime().getTime() - before, 99 * 5_000);
});
