/** Runs whose workflow tasks fail again and again are found by a search attribute, until one completes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SearchAttributes } from '../../../protocol/index.js';
import { describe } from '../index.js';
import { startedWorkflow } from '../testing/test-run.js';
import type { TestWorkflow } from '../testing/test-run.js';
import { told, update } from '../testing/updates.js';

function reported(workflow: TestWorkflow): unknown {
  const attributes = describe(workflow.run.live).workflowExecutionInfo?.searchAttributes;
  const { data } = SearchAttributes.decode(attributes as Uint8Array).indexedFields.get('TemporalReportedProblems') ?? {};
  return data && JSON.parse(Buffer.from(data).toString());
}

test('the fifth failure in a row is reported, whatever happens between, and forgotten with the next completion', () => {
  const workflow = startedWorkflow();
  for (let n = 1; n <= 5; n++) {
    assert.equal(reported(workflow), undefined);
    workflow.failTask(workflow.pollWorkflowTask());
    if (n === 2) workflow.signal('makes the next one a first attempt');
  }
  assert.deepEqual(reported(workflow), ['category=WorkflowTaskFailed', 'cause=WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure']);
  workflow.step();
  assert.equal(reported(workflow), undefined);
});

test('tasks that time out are reported as such', () => {
  const workflow = startedWorkflow();
  for (let n = 1; n <= 5; n++) {
    workflow.pollWorkflowTask();
    workflow.pass((workflow.nextWake() ?? 0) - workflow.now);
  }
  assert.deepEqual(reported(workflow), ['category=WorkflowTaskTimedOut', 'cause=WorkflowTaskTimedOutCauseStartToClose']);
});

test('whoever waits for an update is told after two tasks that timed out, and not after many', () => {
  const workflow = startedWorkflow();
  update(workflow, 'a');
  for (let n = 1; n <= 2; n++) {
    assert.deepEqual(told(workflow.run, 'a'), []);
    assert.equal(workflow.pollWorkflowTask().messages.length, 1, 'each attempt takes it along');
    workflow.pass((workflow.nextWake() ?? 0) - workflow.now);
  }
  assert.equal(told(workflow.run, 'a').length, 1);
  assert.equal(workflow.pollWorkflowTask().messages.length, 0);
});
