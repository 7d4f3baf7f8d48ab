/** How runs begin, end by time, and follow one another. The driver proves the state after every transition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RequestCancelWorkflowExecutionRequest, RpcError, WorkflowExecutionAlreadyStartedFailure, WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '../../../protocol/index.js';
import { command, E, payloads, startedWorkflow, TestWorkflow } from '../testing/test-run.js';

test('a run times out by its own or by the chain\'s timeout, whichever is earlier', () => {
  const workflow = startedWorkflow({ workflowExecutionTimeout: 5000, workflowRunTimeout: 9000 });
  assert.equal(workflow.run.event(1).workflowExecutionStartedEventAttributes?.workflowRunTimeout, 5000);
  workflow.pollWorkflowTask();
  workflow.pass(5000);
  assert.deepEqual(workflow.run.eventNames().slice(-1), [E.WORKFLOW_EXECUTION_TIMED_OUT]);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.TIMED_OUT);
});

test('a delayed start: signals wait for the delay, a cancel request ends it', () => {
  const workflow = startedWorkflow({ workflowStartDelay: 60_000 });
  workflow.signal('early');
  assert.deepEqual(workflow.run.eventNames(), [E.WORKFLOW_EXECUTION_STARTED, E.WORKFLOW_EXECUTION_SIGNALED]);
  workflow.pass(59_999);
  assert.equal(workflow.run.events().length, 2);
  workflow.pass(1);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);

  const cancelled = startedWorkflow({ workflowStartDelay: 60_000 });
  cancelled.expect('done', { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}) });
  assert.equal(cancelled.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);
  cancelled.pollWorkflowTask();
});

test('starting again: request ids, conflict policies, reuse policies', () => {
  const workflow = startedWorkflow({ requestId: 'first' });
  const { runId } = workflow.run;
  const again = workflow.start({ requestId: 'first' });
  assert.ok(!(again instanceof RpcError) && again.kind === 'started' && again.started && again.runId === runId);

  const conflict = workflow.start();
  assert.ok(conflict instanceof RpcError && conflict.code === Code.ALREADY_EXISTS);
  assert.equal(conflict.detail(WorkflowExecutionAlreadyStartedFailure)?.runId, runId);
  const used = workflow.start({ workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING });
  assert.ok(!(used instanceof RpcError) && used.kind === 'started' && !used.started && used.runId === runId);

  const replaced = workflow.start({ workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING });
  assert.ok(!(replaced instanceof RpcError) && replaced.kind === 'started' && replaced.started && replaced.runId !== runId);
  assert.equal(workflow.runs[0]?.live.run.status, WorkflowExecutionStatus.TERMINATED);

  workflow.step([command.complete()]);
  for (const policy of [WorkflowIdReusePolicy.REJECT_DUPLICATE, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY]) {
    const reply = workflow.start({ workflowIdReusePolicy: policy });
    assert.ok(reply instanceof RpcError && reply.code === Code.ALREADY_EXISTS);
  }
  assert.ok(!(workflow.start() instanceof RpcError));
  assert.equal(workflow.runs.length, 3);
  workflow.step([command.fail()]);
  assert.ok(!(workflow.start({ workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY }) instanceof RpcError));
  const impossible = workflow.start({ workflowIdReusePolicy: WorkflowIdReusePolicy.TERMINATE_IF_RUNNING, workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL });
  assert.ok(impossible instanceof RpcError && impossible.code === Code.INVALID_ARGUMENT);
});

test('signal-with-start starts with the signal, or signals what runs', () => {
  const workflow = new TestWorkflow();
  workflow.start({ requestId: 'r' }, { signalName: 'hello' });
  assert.deepEqual(workflow.run.eventNames(), [E.WORKFLOW_EXECUTION_STARTED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED]);
  workflow.start({ requestId: 'r' }, { signalName: 'hello' });
  assert.equal(workflow.run.events().length, 3);
  const second = workflow.start({}, { signalName: 'again' });
  assert.ok(!(second instanceof RpcError) && second.kind === 'started' && !second.started);
  assert.equal(workflow.run.live.run.signalCount, 2);
});

test('an eager start returns the first task in the same batch', () => {
  const workflow = new TestWorkflow();
  const reply = workflow.start({ requestEagerExecution: true });
  assert.ok(!(reply instanceof RpcError) && reply.kind === 'started' && reply.eagerWorkflowTask);
  assert.equal(workflow.run.records.length, 1);
  workflow.complete(reply.eagerWorkflowTask, [command.complete()]);
});

test('inputs to a workflow id without a run are refused, and create nothing', () => {
  const workflow = new TestWorkflow();
  const reply = workflow.signal('hello');
  assert.ok(reply instanceof RpcError && reply.code === Code.NOT_FOUND);
  assert.equal(workflow.runs.length, 0);
});

test('a failed run with a retry policy is followed by the next attempt, until they are used up', () => {
  const workflow = startedWorkflow({ retryPolicy: { maximumAttempts: 2 } });
  workflow.step([command.fail()]);
  const [first, second] = workflow.runs;
  const failed = first?.events().at(-1)?.workflowExecutionFailedEventAttributes;
  assert.deepEqual([failed?.newExecutionRunId, failed?.retryState], [second?.runId, 1]);
  const start = second?.event(1).workflowExecutionStartedEventAttributes;
  assert.deepEqual([start?.attempt, start?.firstWorkflowTaskBackoff, start?.firstExecutionRunId, start?.continuedExecutionRunId], [2, 1000, first?.runId, first?.runId]);
  assert.equal(start?.originalExecutionRunId, second?.runId);
  workflow.pass(1000);
  workflow.step([command.fail()]);
  assert.equal(workflow.runs.length, 2);
  assert.equal(workflow.run.events().at(-1)?.workflowExecutionFailedEventAttributes?.retryState, 4);
});

test('continue-as-new starts the next run in the same commit', () => {
  const workflow = startedWorkflow({ workflowRunTimeout: 60_000 });
  workflow.step([command.timer('1', 5000)]);
  workflow.pass(5000);
  workflow.step([command.continueAsNew()]);
  const [first, second] = workflow.runs;
  assert.equal(first?.live.run.status, WorkflowExecutionStatus.CONTINUED_AS_NEW);
  assert.equal(first?.live.run.successorRunId, second?.runId);
  const start = second?.event(1).workflowExecutionStartedEventAttributes;
  assert.deepEqual([start?.workflowType?.name, start?.workflowRunTimeout, start?.firstWorkflowTaskBackoff], ['order', 60_000, 0]);
  assert.deepEqual(Buffer.from(start?.input ?? []), Buffer.from(payloads('next')));
  workflow.step([command.complete()]);
});
