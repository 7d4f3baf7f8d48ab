/** A run and its children, as the run sees it. The driver proves fold = state and the debts after every transition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, RpcError, StartChildWorkflowExecutionFailedCause, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import { describe } from '../describe.js';
import { command, E, failure, payloads, startedWorkflow, type TestWorkflow } from '../testing/test-run.js';
import { answer, childCommand, closed, moved, owedKeys, owedMessage, started } from '../testing/family.js';

const START = 'message:start-child:5';

/** A parent whose child, initiated by event 5, has started (event 6). */
function parentOfOne(attributes: Parameters<typeof childCommand>[1] = {}, request: Parameters<typeof startedWorkflow>[0] = {}): TestWorkflow {
  const workflow = startedWorkflow(request);
  workflow.step([childCommand('child-1', attributes)]);
  answer(workflow, START, started('child-run'));
  return workflow;
}

const completed = closed(5, 'child-1', 'child-run', EventType.WORKFLOW_EXECUTION_COMPLETED, {
  workflowExecutionCompletedEventAttributes: { result: payloads('result'), workflowTaskCompletedEventId: 4, newExecutionRunId: '' },
});

test('a child is started by a message that says everything about it, and the workflow is told', () => {
  const workflow = startedWorkflow();
  workflow.step([childCommand('child-1', { input: payloads('input'), workflowRunTimeout: 5_000, memo: Buffer.from([]), control: 'c' })]);
  const { to, input } = owedMessage(workflow.run, START);
  assert.deepEqual(to, { kind: 'workflow', namespace: 'namespace-id', key: 'child-1' });
  assert.ok(input.type === 'start');
  const { workflowType, taskQueue, workflowRunTimeout, workflowTaskTimeout, requestId, identity } = input.request;
  assert.deepEqual(
    { type: workflowType?.name, queue: taskQueue?.name, workflowRunTimeout, workflowTaskTimeout, requestId, identity },
    { type: 'child', queue: 'orders', workflowRunTimeout: 5_000, workflowTaskTimeout: 5_000, requestId: `${workflow.run.runId}:5`, identity: '' },
  );
  const itself = { workflowId: 'order-1', runId: workflow.run.runId };
  assert.deepEqual(input.parent?.root, itself);
  assert.deepEqual([input.parent?.workflowId, input.parent?.runId, input.parent?.initiatedEventId], [itself.workflowId, itself.runId, 5]);

  answer(workflow, START, started('child-run'));
  assert.deepEqual(workflow.run.eventNames().slice(4), [E.START_CHILD_WORKFLOW_EXECUTION_INITIATED, E.CHILD_WORKFLOW_EXECUTION_STARTED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.deepEqual(owedKeys(workflow.run), []);
  const child = { workflowId: 'child-1', runId: 'child-run', workflowTypeName: 'child', initiatedId: 5, parentClosePolicy: 1 };
  assert.deepEqual(describe(workflow.run.live).pendingChildren, [child]);
  answer(workflow, START, started('another-run'));
  assert.equal(workflow.run.lastEventId, 7, 'a second answer changes nothing');
});

test('the answers of a thousand children are one record, and what they held is let go', () => {
  const workflow = startedWorkflow();
  const input = payloads('x'.repeat(1_000));
  workflow.step(Array.from({ length: 1_000 }, (_, n) => childCommand(`child-${n}`, { input })));
  const before = workflow.machine.sizeBytes(workflow.run.live);
  const records = workflow.run.records.length;
  workflow.send({ type: 'delivered', answers: owedKeys(workflow.run).map((key) => ({ key, reply: started(`run of ${key}`) })) });
  assert.equal(workflow.run.records.length, records + 1);
  assert.equal(workflow.run.eventNames().filter((name) => name === E.WORKFLOW_TASK_SCHEDULED).length, 2, 'one workflow task for all');
  assert.ok(workflow.machine.sizeBytes(workflow.run.live) < before - 900_000);
});

test('a start that is refused tells why', () => {
  for (const [code, cause] of [
    [Code.ALREADY_EXISTS, StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_EXISTS],
    [Code.NOT_FOUND, StartChildWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND],
  ] as const) {
    const workflow = startedWorkflow();
    workflow.step([childCommand('child-1', { control: 'c' })]);
    answer(workflow, START, new RpcError(code, 'no'));
    const attributes = workflow.run.event(6).startChildWorkflowExecutionFailedEventAttributes;
    assert.deepEqual([attributes?.cause, attributes?.control, attributes?.initiatedEventId], [cause, 'c', 5]);
    assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);
    assert.deepEqual(describe(workflow.run.live).pendingChildren, []);
  }
});

test('an answer that nobody understands leaves the message owed', () => {
  const workflow = startedWorkflow();
  workflow.step([childCommand('child-1')]);
  answer(workflow, START, { kind: 'nonsense' });
  assert.deepEqual(owedKeys(workflow.run), [START]);
});

test('each end of a child is an event of the parent, once', () => {
  const ends = [
    [completed, E.CHILD_WORKFLOW_EXECUTION_COMPLETED],
    [closed(5, 'child-1', 'child-run', EventType.WORKFLOW_EXECUTION_FAILED, { workflowExecutionFailedEventAttributes: { failure: failure('broken'), retryState: 5 } }), E.CHILD_WORKFLOW_EXECUTION_FAILED],
    [closed(5, 'child-1', 'child-run', EventType.WORKFLOW_EXECUTION_CANCELED, { workflowExecutionCanceledEventAttributes: { details: payloads('why') } }), E.CHILD_WORKFLOW_EXECUTION_CANCELED],
    [closed(5, 'child-1', 'child-run', EventType.WORKFLOW_EXECUTION_TIMED_OUT, { workflowExecutionTimedOutEventAttributes: { retryState: 3 } }), E.CHILD_WORKFLOW_EXECUTION_TIMED_OUT],
    [closed(5, 'child-1', 'child-run', EventType.WORKFLOW_EXECUTION_TERMINATED, { workflowExecutionTerminatedEventAttributes: {} }), E.CHILD_WORKFLOW_EXECUTION_TERMINATED],
  ] as const;
  for (const [notice, name] of ends) {
    const workflow = parentOfOne();
    assert.deepEqual(workflow.send(notice), { kind: 'done' });
    assert.equal(workflow.run.eventNames().at(-1), name);
    assert.equal(workflow.refused(notice).code, Code.NOT_FOUND, 'nobody waits for it any more');
    assert.deepEqual(describe(workflow.run.live).pendingChildren, []);
    workflow.step([command.complete()]);
    assert.deepEqual(owedKeys(workflow.run), [], 'a child that ended is not terminated');
  }
  const workflow = parentOfOne();
  workflow.send(ends[1][0]);
  const event = workflow.run.event(8).childWorkflowExecutionFailedEventAttributes;
  assert.deepEqual([event?.initiatedEventId, event?.startedEventId, event?.retryState, event?.workflowExecution?.runId], [5, 6, 5, 'child-run']);
  assert.deepEqual(Buffer.from(event?.failure ?? []), Buffer.from(failure('broken')));
});

test('the end of a child that was not known to have started: it has started with that', () => {
  const workflow = startedWorkflow();
  workflow.step([childCommand('child-1')]);
  workflow.send(completed);
  assert.deepEqual(workflow.run.eventNames().slice(5), [E.CHILD_WORKFLOW_EXECUTION_STARTED, E.CHILD_WORKFLOW_EXECUTION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.equal(workflow.run.event(7).childWorkflowExecutionCompletedEventAttributes?.startedEventId, 6);
  assert.deepEqual(owedKeys(workflow.run), [], 'it need not be started');
  answer(workflow, START, started('child-run'));
  assert.equal(workflow.run.lastEventId, 8);
});

test('a notice of another child is refused', () => {
  const workflow = parentOfOne();
  assert.equal(workflow.refused({ ...completed, firstExecutionRunId: 'stranger' }).code, Code.NOT_FOUND);
  assert.equal(workflow.refused({ ...completed, workflowId: 'stranger' }).code, Code.NOT_FOUND);
  assert.equal(workflow.refused({ ...completed, initiatedEventId: 17 }).code, Code.NOT_FOUND);
});

test('while a worker holds a task, what children do waits, ends behind starts', () => {
  const workflow = startedWorkflow();
  const next = workflow.step([childCommand('child-1'), childCommand('child-2')], { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true }).newWorkflowTask;
  assert.ok(next);
  const before = workflow.run.lastEventId;
  workflow.send(completed);
  workflow.send(completed);
  answer(workflow, 'message:start-child:6', started('second-run'));
  answer(workflow, 'message:start-child:6', started('second-run'));
  assert.equal(workflow.run.lastEventId, before);
  assert.deepEqual(owedKeys(workflow.run), []);
  assert.deepEqual(describe(workflow.run.live).pendingChildren?.map((child) => [child?.workflowId, child?.runId]), [['child-2', 'second-run']]);
  assert.match(workflow.refused(workflow.completionInput(next, [command.complete()])).message, /UnhandledCommand/);
  assert.deepEqual(workflow.run.eventNames().slice(before), [
    E.WORKFLOW_TASK_FAILED,
    E.CHILD_WORKFLOW_EXECUTION_STARTED,
    E.CHILD_WORKFLOW_EXECUTION_STARTED,
    E.CHILD_WORKFLOW_EXECUTION_COMPLETED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  assert.equal(workflow.run.event(before + 4).childWorkflowExecutionCompletedEventAttributes?.startedEventId, before + 2);
});

test('bad commands fail the task with their cause; so many children and no more', () => {
  const bad = [
    childCommand(''),
    childCommand('x'.repeat(1_001)),
    childCommand('a', { workflowType: { name: '' } }),
    childCommand('a', { workflowRunTimeout: -1 }),
    childCommand('a', { retryPolicy: { maximumAttempts: -1 } }),
    childCommand('a', { cronSchedule: 'every now and then' }),
    childCommand('a', { namespace: 'elsewhere' }),
    { commandType: childCommand('a').commandType },
  ];
  for (const start of bad) {
    const workflow = startedWorkflow();
    workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [childCommand('good'), start]));
    assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.BAD_START_CHILD_EXECUTION_ATTRIBUTES);
    assert.deepEqual(owedKeys(workflow.run), [], 'nothing of the list happens');
  }
  const full = startedWorkflow({}, { pendingChildren: 2 });
  full.step([childCommand('1')], { forceCreateNewWorkflowTask: true });
  const held = full.pollWorkflowTask();
  full.refused(full.completionInput(held, [childCommand('2'), childCommand('3')]));
  const { cause } = full.run.events().at(-1)?.workflowTaskFailedEventAttributes ?? {};
  assert.equal(cause, WorkflowTaskFailedCause.PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED);
});

test('other namespaces: refused unless they are allowed, and then addressed by their id', () => {
  const allowed = startedWorkflow({}, { crossNamespaceCommands: 1 });
  const input = allowed.completionInput(allowed.pollWorkflowTask(), [childCommand('child-1', { namespace: 'elsewhere' })]);
  assert.ok(input.type === 'complete-workflow-task');
  allowed.expect('workflow-task-completed', { ...input, namespaces: new Map([['elsewhere', 'its-id']]) });
  const message = owedMessage(allowed.run, START);
  assert.deepEqual(message.to, { kind: 'workflow', namespace: 'its-id', key: 'child-1' });
  assert.ok(message.input.type === 'start' && message.input.namespace === 'elsewhere' && message.input.parent?.namespace === 'default');
});

test('a run that closes terminates its children, cancels them, or leaves them; those not started are given up', () => {
  for (const close of [command.complete(), command.fail(), command.cancel(), command.continueAsNew()]) {
    const workflow = startedWorkflow();
    workflow.step([childCommand('terminated'), childCommand('cancelled', { parentClosePolicy: 3 }), childCommand('left', { parentClosePolicy: 2 }), childCommand('not-started')]);
    for (const id of [5, 6, 7]) answer(workflow, `message:start-child:${id}`, started(`run-${id}`));
    const parent = workflow.run;
    workflow.step([close]);
    assert.deepEqual(owedKeys(parent), ['message:close-child:5', 'message:close-child:6']);
    const terminate = owedMessage(parent, 'message:close-child:5').input;
    const cancel = owedMessage(parent, 'message:close-child:6').input;
    assert.ok(terminate.type === 'terminate' && cancel.type === 'request-cancel');
    assert.deepEqual([terminate.request.firstExecutionRunId, terminate.request.reason, terminate.from?.workflowId], ['run-5', 'by parent close policy', 'order-1']);
    assert.equal(cancel.request.firstExecutionRunId, 'run-6');
    assert.ok(workflow.machine.isOpen(parent.live), 'it still owes something');
    answer(workflow, 'message:close-child:5', { kind: 'done' }, parent);
    answer(workflow, 'message:close-child:6', new RpcError(Code.NOT_FOUND, 'gone'), parent);
    assert.deepEqual(owedKeys(parent), []);
    assert.ok(!workflow.machine.isOpen(parent.live));
  }
});

test('a parent that was reset sends the notice on to the run that follows', () => {
  const workflow = parentOfOne();
  workflow.send({ type: 'terminate', request: { ...TERMINATE } });
  assert.equal(workflow.refused(completed).code, Code.NOT_FOUND);
  workflow.run.live.run.resetRunId = 'the-new-run';
  workflow.proving = false;
  assert.deepEqual(workflow.send(completed), moved('the-new-run'));
});

const TERMINATE = { namespace: '', workflowExecution: undefined, reason: 'r', details: undefined, identity: '', firstExecutionRunId: '', links: [] };
