import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { createDailyReport } from './schedule.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

test('a report each morning, also over the night when the clocks change', async () => {
  await using env = await TestEnvironment.create({ startTime: '2031-03-28T12:00:00Z' });
  await env.worker({ workflowsPath, activities });
  const sent = env.mock.activity(activities.send).returns(undefined);
  await createDailyReport(env.client, env.taskQueue, 'ada');
  await createDailyReport(env.client, env.taskQueue, 'ada'); // a deployment that creates it again changes nothing

  await env.sleep('3 days');
  assert.deepEqual(
    sent.calls.map(({ args }) => args[1].slice(0, 10)),
    ['2031-03-28', '2031-03-29', '2031-03-30'],
  );
  await env.client.schedule.getHandle('daily-report').delete();
});
