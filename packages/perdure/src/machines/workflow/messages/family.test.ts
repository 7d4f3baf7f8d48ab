/** A run as a child, and as the receiver of what others write to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RequestCancelWorkflowExecutionRequest, RpcError, SignalWorkflowExecutionRequest, TerminateWorkflowExecutionRequest, WorkflowIdReusePolicy } from '../../../protocol/index.js';
import { command, E, startedWorkflow } from '../testing/test-run.js';
import { answer, childStart, moved, owedKeys, owedMessage, parent, PARENT_RUN_ID, sender, startedChild } from '../testing/family.js';

const NOTICE = `message:close-notice:${PARENT_RUN_ID}`;

test('a child knows its parent and its root, and the runs that follow it know them too', () => {
  const workflow = startedChild();
  workflow.step([command.continueAsNew()]);
  for (const run of workflow.runs) {
    const attributes = run.event(1).workflowExecutionStartedEventAttributes;
    assert.deepEqual(attributes?.parentWorkflowExecution, { workflowId: parent.workflowId, runId: parent.runId });
    assert.deepEqual(attributes?.rootWorkflowExecution, parent.root);
    assert.deepEqual([attributes?.parentInitiatedEventId, attributes?.parentWorkflowNamespace, attributes?.parentWorkflowNamespaceId], [5, 'default', parent.namespaceId]);
  }
});

test('the parent is told by the last run of the chain, until it has answered', () => {
  const workflow = startedChild({ retryPolicy: { maximumAttempts: 2, initialInterval: 1_000 } });
  const [first] = workflow.runs;
  assert.ok(first);
  workflow.step([command.continueAsNew()]);
  assert.deepEqual(owedKeys(first), [], 'it goes on');
  workflow.pass(60_000);
  workflow.step([command.complete('result')]);
  const last = workflow.run;
  const { to, input } = owedMessage(last, NOTICE);
  assert.deepEqual(to, { kind: 'workflow', namespace: parent.namespaceId, key: parent.workflowId, machine: parent.runId });
  assert.ok(input.type === 'child-closed');
  assert.deepEqual([input.initiatedEventId, input.workflowId, input.runId, input.firstExecutionRunId], [5, 'order-1', last.runId, first.runId]);
  assert.ok(input.event.workflowExecutionCompletedEventAttributes?.result);
  assert.ok(workflow.machine.isOpen(last.live), 'the notice survives the close');
  answer(workflow, NOTICE, { kind: 'done' });
  assert.deepEqual(owedKeys(last), []);
  assert.ok(!workflow.machine.isOpen(last.live));
  const records = last.records.length;
  answer(workflow, NOTICE, { kind: 'done' });
  assert.equal(last.records.length, records, 'a second answer changes nothing');
});

test('a retry is not the end', () => {
  const workflow = startedChild({ retryPolicy: { maximumAttempts: 2, initialInterval: 1_000 } });
  workflow.step([command.fail()]);
  assert.deepEqual(owedKeys(workflow.runs[0] ?? workflow.run), []);
  workflow.pass(60_000);
  workflow.step([command.fail()]);
  assert.deepEqual(owedKeys(workflow.run), [NOTICE]);
});

test('a notice follows a parent that was reset, and ends with a parent that is gone', () => {
  const workflow = startedChild();
  workflow.step([command.complete()]);
  answer(workflow, NOTICE, moved('new-parent-run'));
  assert.deepEqual(owedKeys(workflow.run), ['message:close-notice:new-parent-run']);
  answer(workflow, 'message:close-notice:new-parent-run', new RpcError(Code.NOT_FOUND, 'closed'));
  assert.deepEqual(owedKeys(workflow.run), []);
});

test('the start of a child that arrives twice finds the same child, whatever became of it', () => {
  const workflow = startedChild({ workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE });
  const first = workflow.run.runId;
  const again = () => workflow.expect('started', childStart(workflow)).firstExecutionRunId;
  assert.equal(again(), first);
  workflow.step([command.continueAsNew()]);
  assert.equal(again(), first, 'after it has continued as new');
  workflow.pass(60_000);
  workflow.step([command.complete()]);
  assert.equal(again(), first, 'after it has closed');
  assert.equal(workflow.runs.length, 2);
  workflow.expect('started', childStart(workflow, { requestId: 'other' }, { ...parent, initiatedEventId: 17 }));
  assert.equal(workflow.runs.length, 3, 'another start of the same parent is another child');
});

test('a child cannot take the id of a run that is open', () => {
  const workflow = startedWorkflow();
  assert.equal(workflow.refused(childStart(workflow)).code, Code.ALREADY_EXISTS);
});

test('signals and cancel requests of another run say where they come from', () => {
  const workflow = startedWorkflow();
  const request = SignalWorkflowExecutionRequest.create({ signalName: 'go', requestId: 'r', identity: 'history-service' });
  workflow.expect('done', { type: 'signal', request, from: sender() });
  workflow.expect('done', { type: 'signal', request, from: sender() });
  workflow.expect('done', { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({ reason: 'why' }), from: sender() });
  assert.deepEqual(workflow.run.eventNames().slice(2), [E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_EXECUTION_CANCEL_REQUESTED]);
  const external = { workflowId: parent.workflowId, runId: parent.runId };
  assert.deepEqual(workflow.run.event(3).workflowExecutionSignaledEventAttributes?.externalWorkflowExecution, external);
  const cancel = workflow.run.event(4).workflowExecutionCancelRequestedEventAttributes;
  assert.deepEqual([cancel?.cause, cancel?.externalInitiatedEventId, cancel?.externalWorkflowExecution], ['why', 7, external]);
});

test('what is for children only reaches the child of the sender and nobody else; nobody writes to itself', () => {
  const signal = { type: 'signal', request: SignalWorkflowExecutionRequest.create({ signalName: 'go' }) } as const;
  const cancel = { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}) } as const;
  const terminate = { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) } as const;
  for (const input of [signal, cancel, terminate]) {
    startedChild().expect('done', { ...input, from: sender({ childWorkflowOnly: true }) });
    startedChild().expect('done', { ...input, from: sender({ childWorkflowOnly: true, runId: 'after-reset', originalRunId: parent.runId }) });
    const strangers = [sender({ childWorkflowOnly: true, runId: 'another' }), sender({ childWorkflowOnly: true, workflowId: 'another' }), sender({ workflowId: 'order-1' })];
    for (const from of strangers) assert.equal(startedChild().refused({ ...input, from }).code, Code.NOT_FOUND);
    assert.equal(startedWorkflow().refused({ ...input, from: sender({ childWorkflowOnly: true }) }).code, Code.NOT_FOUND, 'it has no parent');
  }
});
