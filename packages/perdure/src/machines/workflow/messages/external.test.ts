/** Signals and cancel requests to other runs, as the run sees it that sends them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CancelExternalWorkflowExecutionFailedCause,
  Code,
  NamespaceNotFoundFailure,
  RpcError,
  SignalExternalWorkflowExecutionFailedCause,
  StartChildWorkflowExecutionFailedCause,
  WorkflowTaskFailedCause,
  type Command,
  type Init,
} from '../../../protocol/index.js';
import { createWorkflowMachine, WORKFLOW_KIND } from '../index.js';
import { command, E, payloads, startedWorkflow } from '../testing/test-run.js';
import { answer, cancelCommand, childCommand, owedKeys, owedMessage, signalCommand } from '../testing/family.js';

const SIGNAL = 'message:signal:5';
const CANCEL = 'message:cancel:6';
const TARGET_RUN = '22222222-2222-4222-8222-222222222222';

function sending() {
  const workflow = startedWorkflow();
  workflow.step([
    signalCommand('target', { input: payloads('input'), control: 'c', childWorkflowOnly: true }),
    cancelCommand('target', { runId: TARGET_RUN, reason: 'why', control: 'c' }),
  ]);
  return workflow;
}

test('they are messages until they are answered', () => {
  const workflow = sending();
  const { runId } = workflow.run;
  const signal = owedMessage(workflow.run, SIGNAL);
  assert.deepEqual(signal.to, { kind: 'workflow', namespace: 'namespace-id', key: 'target' });
  assert.ok(signal.input.type === 'signal');
  assert.deepEqual(signal.input.from, { namespaceId: 'namespace-id', workflowId: 'order-1', runId, initiatedEventId: 5, originalRunId: undefined, childWorkflowOnly: true });
  assert.deepEqual([signal.input.request.signalName, signal.input.request.requestId, signal.input.request.identity], ['go', `${runId}:5`, 'history-service']);
  assert.deepEqual(Buffer.from(signal.input.request.input ?? []), Buffer.from(payloads('input')));
  const cancel = owedMessage(workflow.run, CANCEL);
  assert.deepEqual(cancel.to, { kind: 'workflow', namespace: 'namespace-id', key: 'target', machine: TARGET_RUN });
  assert.ok(cancel.input.type === 'request-cancel' && cancel.input.request.reason === 'why' && cancel.input.from?.childWorkflowOnly === false);

  answer(workflow, SIGNAL, { kind: 'done' });
  answer(workflow, CANCEL, { kind: 'done' });
  assert.deepEqual(workflow.run.eventNames().slice(6), [E.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED, E.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED]);
  const attributes = workflow.run.event(7).externalWorkflowExecutionSignaledEventAttributes;
  assert.deepEqual([attributes?.initiatedEventId, attributes?.namespace, attributes?.control, attributes?.workflowExecution?.workflowId], [5, 'default', 'c', 'target']);
  assert.deepEqual(owedKeys(workflow.run), []);
  answer(workflow, SIGNAL, { kind: 'done' });
  assert.equal(workflow.run.lastEventId, 9, 'a second answer changes nothing');
});

test('a refusal is an event with its cause', () => {
  const { EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND, SIGNAL_COUNT_LIMIT_EXCEEDED } = SignalExternalWorkflowExecutionFailedCause;
  for (const [code, cause] of [[Code.NOT_FOUND, EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND], [Code.INVALID_ARGUMENT, SIGNAL_COUNT_LIMIT_EXCEEDED]] as const) {
    const workflow = sending();
    answer(workflow, SIGNAL, new RpcError(code, 'no'));
    answer(workflow, CANCEL, new RpcError(Code.NOT_FOUND, 'no'));
    const signal = workflow.run.event(7).signalExternalWorkflowExecutionFailedEventAttributes;
    assert.deepEqual([signal?.cause, signal?.initiatedEventId, signal?.control], [cause, 5, 'c']);
    const cancel = workflow.run.event(9).requestCancelExternalWorkflowExecutionFailedEventAttributes;
    assert.deepEqual([cancel?.cause, cancel?.initiatedEventId, cancel?.control], [CancelExternalWorkflowExecutionFailedCause.EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND, 6, '']);
    assert.deepEqual(owedKeys(workflow.run), []);
  }
});

test('what a namespace that was deleted is sent gets NAMESPACE_NOT_FOUND as an answer, and its cause', () => {
  const gone = createWorkflowMachine({}, (namespaceId) => namespaceId !== 'gone');
  const moment = { now: 1, newId: () => TARGET_RUN };
  const self = { kind: WORKFLOW_KIND, namespace: 'gone', key: 'target', machine: TARGET_RUN };
  const workflow = sending();
  for (const [key, failed] of [[SIGNAL, 7], [CANCEL, 9]] as const) {
    const { reply, record } = gone.transition(undefined, owedMessage(workflow.run, key).input, moment, self);
    assert.equal(record, undefined);
    assert.ok(reply instanceof RpcError && reply.detail(NamespaceNotFoundFailure) !== undefined);
    answer(workflow, key, reply);
    const event = workflow.run.event(failed);
    const cause = (event.signalExternalWorkflowExecutionFailedEventAttributes ?? event.requestCancelExternalWorkflowExecutionFailedEventAttributes)?.cause;
    assert.equal(cause, SignalExternalWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND);
  }
  assert.equal(CancelExternalWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND, SignalExternalWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND);

  const parent = startedWorkflow();
  parent.step([childCommand('child')]);
  const { input } = owedMessage(parent.run, 'message:start-child:5');
  const { reply, successor } = gone.transition(undefined, input, moment, { ...self, key: 'child' });
  assert.equal(successor, undefined, 'nothing begins');
  answer(parent, 'message:start-child:5', reply);
  assert.equal(parent.run.event(6).startChildWorkflowExecutionFailedEventAttributes?.cause, StartChildWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND);
});

test('answers wait while a worker holds a task', () => {
  const workflow = startedWorkflow();
  const next = workflow.step([signalCommand('target'), cancelCommand('target')], { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true }).newWorkflowTask;
  assert.ok(next);
  const before = workflow.run.lastEventId;
  for (const key of [SIGNAL, CANCEL, SIGNAL, CANCEL]) answer(workflow, key, { kind: 'done' });
  assert.equal(workflow.run.lastEventId, before);
  assert.deepEqual(owedKeys(workflow.run), []);
  workflow.complete(next, []);
  assert.deepEqual(workflow.run.eventNames().slice(before), [
    E.WORKFLOW_TASK_COMPLETED,
    E.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
    E.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
});

test('a run may close at once: what was not sent is not sent', () => {
  const workflow = startedWorkflow();
  workflow.step([signalCommand('target'), cancelCommand('target'), command.complete()]);
  assert.deepEqual(owedKeys(workflow.run), []);
  assert.ok(!workflow.machine.isOpen(workflow.run.live));
});

test('bad commands fail the task with their cause', () => {
  const { BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES: signal, BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES: cancel } = WorkflowTaskFailedCause;
  const bad: readonly (readonly [number, Init<Command>[]])[] = [
    [signal, [signalCommand('')]],
    [signal, [signalCommand('a', { signalName: '' })]],
    [signal, [signalCommand('a', { execution: { workflowId: 'a', runId: 'not a uuid' } })]],
    [signal, [signalCommand('a', { namespace: 'elsewhere' })]],
    [signal, [{ commandType: signalCommand('a').commandType }]],
    [cancel, [cancelCommand('')]],
    [cancel, [cancelCommand('a', { runId: 'not a uuid' })]],
    [cancel, [cancelCommand('a', { namespace: 'elsewhere' })]],
    [cancel, [childCommand('a'), cancelCommand('a')]],
    [cancel, [{ commandType: cancelCommand('a').commandType }]],
  ];
  for (const [cause, commands] of bad) {
    const workflow = startedWorkflow();
    workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), commands));
    assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, cause);
    assert.deepEqual(owedKeys(workflow.run), []);
  }
});

test('so many may be under way and no more', () => {
  for (const [limits, commands, cause] of [
    [{ pendingSignals: 1 }, [signalCommand('a'), signalCommand('b')], WorkflowTaskFailedCause.PENDING_SIGNALS_LIMIT_EXCEEDED],
    [{ pendingCancelRequests: 1 }, [cancelCommand('a'), cancelCommand('b')], WorkflowTaskFailedCause.PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED],
  ] as const) {
    const workflow = startedWorkflow({}, limits);
    workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), commands));
    assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, cause);
  }
});

test('an input that is too large ends the run', () => {
  const workflow = startedWorkflow({}, { blobSizeBytes: 100 });
  workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [signalCommand('a', { input: payloads('x'.repeat(200)) })]));
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_TERMINATED);
});
