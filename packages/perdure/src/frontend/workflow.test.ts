/** The RPCs of clients: start and its repetitions, signals, cancel, terminate, describe. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  EventType,
  Link,
  RpcError,
  WorkflowExecutionAlreadyStartedFailure,
  WorkflowExecutionStatus,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowService,
} from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, payloads, scheduleActivity, Stage, startRequest } from '../server/testing/stage.js';

const { StartWorkflowExecution, SignalWorkflowExecution, RequestCancelWorkflowExecution, TerminateWorkflowExecution, DescribeWorkflowExecution, SignalWithStartWorkflowExecution } =
  WorkflowService;
const refusedWith = (code: Code, message?: RegExp) => (error: unknown) =>
  error instanceof RpcError && error.code === code && (message === undefined || message.test(error.message));
const unknownRun = '0198c7aa-0000-7000-8000-000000000000';

test('a start that is sent twice starts once, also after a restart', async () => {
  await using stage = await Stage.open();
  const first = await stage.call(StartWorkflowExecution, startRequest('w'));
  assert.equal(first.started, true);
  assert.equal(first.status, WorkflowExecutionStatus.RUNNING);
  await stage.restart();
  const again = await stage.call(StartWorkflowExecution, startRequest('w'));
  assert.deepEqual([again.runId, again.started], [first.runId, true]);
});

test('another start of a running id is refused with its run id, or uses it, as the policy says', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  const other = startRequest('w', { requestId: 'other' });
  await assert.rejects(stage.call(StartWorkflowExecution, other), (error) => {
    assert.ok(error instanceof RpcError && error.code === Code.ALREADY_EXISTS);
    assert.equal(error.detail(WorkflowExecutionAlreadyStartedFailure)?.runId, runId);
    return true;
  });
  const used = await stage.call(StartWorkflowExecution, { ...other, workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING });
  assert.deepEqual([used.runId, used.started], [runId, false]);
  const replaced = await stage.call(StartWorkflowExecution, { ...other, requestId: 'third', workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING });
  assert.notEqual(replaced.runId, runId);
  const old = await stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w', runId } });
  assert.equal(old.workflowExecutionInfo?.status, WorkflowExecutionStatus.TERMINATED);
});

test('a closed id may be used again unless the policy forbids it', async () => {
  await using stage = await Stage.open();
  const first = await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const rejecting = startRequest('w', { requestId: '2', workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE });
  await assert.rejects(stage.call(StartWorkflowExecution, rejecting), refusedWith(Code.ALREADY_EXISTS));
  assert.notEqual(await stage.start('w', { requestId: '3' }), first);
});

test('bad starts say which field and why', async () => {
  await using stage = await Stage.open();
  const start = (request: object) => stage.call(StartWorkflowExecution, { ...startRequest('w'), ...request });
  await assert.rejects(start({ workflowId: '' }), refusedWith(Code.INVALID_ARGUMENT, /WorkflowId/));
  await assert.rejects(start({ workflowId: 'x'.repeat(1001) }), refusedWith(Code.INVALID_ARGUMENT, /exceeds length limit/));
  await assert.rejects(start({ workflowType: undefined }), refusedWith(Code.INVALID_ARGUMENT, /WorkflowType/));
  await assert.rejects(start({ taskQueue: undefined }), refusedWith(Code.INVALID_ARGUMENT, /TaskQueue/));
  await assert.rejects(start({ workflowRunTimeout: -1 }), refusedWith(Code.INVALID_ARGUMENT, /WorkflowRunTimeout is negative/));
  await assert.rejects(start({ retryPolicy: { backoffCoefficient: 0.5 } }), refusedWith(Code.INVALID_ARGUMENT, /BackoffCoefficient/));
  await assert.rejects(start({ input: payloads('x'.repeat(2 * 1024 * 1024)) }), refusedWith(Code.INVALID_ARGUMENT, /Input exceeds size limit/));
  await assert.rejects(start({ namespace: 'nowhere' }), refusedWith(Code.NOT_FOUND));
});

test('signals are recorded once each, in order, and refused where nothing runs', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const signal = (signalName: string, requestId: string) =>
    stage.call(SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, signalName, requestId });
  await Promise.all([signal('a', '1'), signal('b', '2'), signal('a', '1')]);
  const names = (await stage.events('w')).flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
  assert.deepEqual(names, ['a', 'b']);
  await assert.rejects(signal('', '3'), refusedWith(Code.INVALID_ARGUMENT, /SignalName/));
  await assert.rejects(stage.signal('unknown', 'a'), refusedWith(Code.NOT_FOUND));
  await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' } });
  await assert.rejects(signal('c', '4'), refusedWith(Code.NOT_FOUND));
});

test('signal-with-start starts once and signals each time', async () => {
  await using stage = await Stage.open();
  const call = (requestId: string) => stage.call(SignalWithStartWorkflowExecution, { ...startRequest('w', { requestId }), signalName: 'hello', signalInput: payloads('x') });
  const first = await call('1');
  assert.equal(first.started, true);
  const second = await call('2');
  assert.deepEqual([second.started, second.runId], [false, first.runId]);
  assert.deepEqual((await stage.eventTypes('w')).slice(0, 3), ['WORKFLOW_EXECUTION_STARTED', 'WORKFLOW_EXECUTION_SIGNALED', 'WORKFLOW_TASK_SCHEDULED']);
  const fail = { ...startRequest('w'), signalName: 's', workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL };
  await assert.rejects(stage.call(SignalWithStartWorkflowExecution, fail), refusedWith(Code.INVALID_ARGUMENT));
});

test('a cancel request is recorded once, and is harmless once the run is closed', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const cancel = (workflowId: string) => stage.call(RequestCancelWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId }, reason: 'enough' });
  await cancel('w');
  await cancel('w');
  const requested = (await stage.events('w')).filter((event) => event.eventType === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED);
  assert.equal(requested.length, 1);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await cancel('w');
  await assert.rejects(cancel('unknown'), refusedWith(Code.NOT_FOUND));
});

test('terminate closes the run for good, and its worker finds out', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  const task = await stage.pollWorkflow();
  const terminate = (execution: { workflowId: string; runId?: string }) =>
    stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: execution, reason: 'enough' });
  await assert.rejects(terminate({ workflowId: 'w', runId: unknownRun }), refusedWith(Code.NOT_FOUND));
  await terminate({ workflowId: 'w', runId });
  await assert.rejects(terminate({ workflowId: 'w' }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(stage.complete(task, []), refusedWith(Code.NOT_FOUND));
  assert.equal((await stage.eventTypes('w')).at(-1), 'WORKFLOW_EXECUTION_TERMINATED');
});

test('describe shows the run and what is pending', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
  const describe = (execution: { workflowId: string; runId?: string }) => stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution });
  await stage.restart();
  const { workflowExecutionInfo: info, pendingActivities, pendingWorkflowTask } = await describe({ workflowId: 'w' });
  assert.equal(info?.execution?.runId, runId);
  assert.equal(info?.type?.name, 'order');
  assert.equal(info?.status, WorkflowExecutionStatus.RUNNING);
  assert.equal(info?.historyLength, 5);
  assert.deepEqual(pendingActivities.map((activity) => activity.activityId), ['a']);
  assert.equal(pendingWorkflowTask, undefined);
  await assert.rejects(describe({ workflowId: 'unknown' }), refusedWith(Code.NOT_FOUND, /unknown/));
  await assert.rejects(describe({ workflowId: 'w', runId: unknownRun }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(describe({ workflowId: 'w', runId: 'no uuid' }), refusedWith(Code.INVALID_ARGUMENT));
});

test('a signal without a request id is linked to all the same; a termination without words says who ended the run', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  const workflowExecution = { workflowId: 'w' };
  const { link } = await stage.call(SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution, signalName: 's' });
  const { workflowEvent } = Link.decode(link ?? new Uint8Array(0));
  assert.deepEqual([workflowEvent?.workflowId, workflowEvent?.runId, workflowEvent?.requestIdRef?.eventType], ['w', runId, EventType.WORKFLOW_EXECUTION_SIGNALED]);
  await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution });
  const closed = (await stage.events('w')).at(-1)?.workflowExecutionTerminatedEventAttributes;
  assert.deepEqual([closed?.reason, closed?.identity], ['terminated by user via frontend', 'frontend-service']);
});
