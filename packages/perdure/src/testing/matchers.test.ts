/** The matchers say yes and no at the right times, and show the history when they are not met. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '../sdk/common/index.js';
import { assertWorkflow, TestEnvironment, workflowMatchers } from './index.js';
import * as activities from './test-activities.js';
import { approval, approve, order, parcel, parent, pays } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

test('what happened is matched, by node:test assertions', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const handle = await env.start(order, { args: ['o-1'] });
  await handle.result();
  await assertWorkflow(handle).toHaveCompleted();
  await assertWorkflow(handle).toHaveCompleted('receipt of o-1: 10 parcel of o-1');
  await assertWorkflow(handle).not.toHaveCompleted('something else');
  await assertWorkflow(handle).not.toHaveFailed();
  await assertWorkflow(handle).toHaveCalledActivity(activities.charge);
  await assertWorkflow(handle).toHaveCalledActivity('charge', 'o-1', 10);
  await assertWorkflow(handle).not.toHaveCalledActivity('charge', 'o-1', 11);
  await assertWorkflow(handle).not.toHaveCalledActivity('copyRows');
  await assert.rejects(assertWorkflow(handle).toHaveCompleted('other'), /should have completed with "other"\. Its history:\n +1 {2}\+0ms/);
  await assert.rejects(assertWorkflow(handle).not.toHaveCompleted(), /should not have completed/);
});

test('failures, children and signals are matched, in the form that expect takes', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  env.mock.activity(activities.charge).throws(ApplicationFailure.nonRetryable('no money'));
  const failed = await env.start(pays, { args: ['o-1'] });
  await failed.result().catch(() => {});
  assert.equal((await workflowMatchers.toHaveFailed(failed, 'no money')).pass, true);
  assert.equal((await workflowMatchers.toHaveFailed(failed, /^no m/)).pass, true);
  assert.equal((await workflowMatchers.toHaveFailed(failed, 'no time')).pass, false);
  assert.equal((await workflowMatchers.toHaveCompleted(failed)).pass, false);
  const family = await env.start(parent, { args: ['o-2'] });
  await family.result();
  assert.equal((await workflowMatchers.toHaveStartedChildWorkflow(family, parcel, 'o-2')).pass, true);
  assert.equal((await workflowMatchers.toHaveStartedChildWorkflow(family, parcel, 'o-3')).pass, false);
  const signaled = await env.start(approval, { args: ['o-4'] });
  assert.equal((await workflowMatchers.toHaveReceivedSignal(signaled, approve)).pass, false);
  await signaled.signal(approve, 'Ada');
  assert.equal((await workflowMatchers.toHaveReceivedSignal(await signaled.fetchHistory(), approve)).pass, true);
});
