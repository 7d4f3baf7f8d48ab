/** What clients say to a run: signal, cancel, terminate; each takes effect once. The driver proves the state after every transition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RequestCancelWorkflowExecutionRequest, RpcError, TerminateWorkflowExecutionRequest, WorkflowExecutionStatus, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { command, E, startedWorkflow } from './testing/test-run.js';

test('a signal with a known request id is accepted once, also after the end', () => {
  const workflow = startedWorkflow();
  workflow.signal('approve', 'same');
  workflow.signal('approve', 'same');
  const task = workflow.pollWorkflowTask();
  workflow.signal('second', 'buffered');
  workflow.signal('second', 'buffered');
  workflow.complete(task);
  assert.equal(workflow.run.eventNames().filter((name) => name === E.WORKFLOW_EXECUTION_SIGNALED).length, 2);
  workflow.step([command.complete()]);
  assert.deepEqual(workflow.signal('approve', 'same'), { kind: 'done', runId: workflow.run.runId });
  const late = workflow.signal('late');
  assert.ok(late instanceof RpcError && late.code === Code.NOT_FOUND);
});

test('a run takes so many signals and no more', () => {
  const workflow = startedWorkflow({}, { signalsPerRun: 2 });
  workflow.signal('1');
  workflow.pollWorkflowTask();
  workflow.signal('2');
  const third = workflow.signal('3');
  assert.ok(third instanceof RpcError && third.code === Code.INVALID_ARGUMENT);
});

test('too many buffered events fail the task that holds them up', () => {
  const workflow = startedWorkflow({}, { bufferedEvents: 3 });
  const task = workflow.pollWorkflowTask();
  for (let i = 0; i < 4; i++) workflow.signal(`${i}`);
  assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);
  assert.equal(workflow.refused(workflow.completionInput(task, [])).code, Code.NOT_FOUND);
});

test('cancellation is requested once, and succeeds on a closed run', () => {
  const workflow = startedWorkflow();
  const request = RequestCancelWorkflowExecutionRequest.create({ reason: 'enough', identity: 'client' });
  workflow.step();
  workflow.expect('done', { type: 'request-cancel', request });
  workflow.expect('done', { type: 'request-cancel', request });
  assert.deepEqual(workflow.run.eventNames().slice(4), [E.WORKFLOW_EXECUTION_CANCEL_REQUESTED, E.WORKFLOW_TASK_SCHEDULED]);
  workflow.step([command.cancel()]);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.CANCELED);
  workflow.expect('done', { type: 'request-cancel', request });
  assert.equal(workflow.refused({ type: 'request-cancel', request: { ...request, firstExecutionRunId: 'other' } }).code, Code.NOT_FOUND);
});

test('termination fails the held task, writes what waited, and is the last event', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a'), command.timer('1', 1000)]);
  workflow.signal('wake');
  workflow.pollWorkflowTask();
  workflow.signal('waits');
  const request = TerminateWorkflowExecutionRequest.create({ reason: 'enough', identity: 'operator' });
  workflow.expect('done', { type: 'terminate', request });
  assert.deepEqual(workflow.run.eventNames().slice(-3), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_EXECUTION_TERMINATED]);
  assert.equal(workflow.run.owed.size, 0);
  assert.equal(workflow.refused({ type: 'terminate', request }).code, Code.NOT_FOUND);
});
