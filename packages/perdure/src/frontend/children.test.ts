/** Children through the RPCs: what a hand-made worker and a client see of them, restarts and resets included. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CancelExternalWorkflowExecutionFailedCause,
  Code,
  CommandType,
  EventType,
  NamespaceNotFoundFailure,
  OperatorService,
  RpcError,
  SignalExternalWorkflowExecutionFailedCause,
  StartChildWorkflowExecutionFailedCause,
  WorkflowExecutionStatus,
  WorkflowService,
  type Command,
  type HistoryEvent,
  type Init,
  type PollWorkflowTaskQueueResponse,
} from '../protocol/index.js';
import { silentLogger, VirtualClock } from '../ports/index.js';
import { openEngine } from '../server/engine.js';
import { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreOperation } from '../store/simulated/simulated-store.js';
import { completeWorkflow, eventsOf, NAMESPACE, QUEUE, Stage, startRequest } from '../server/testing/stage.js';

const { DescribeWorkflowExecution, PollWorkflowTaskQueue, RegisterNamespace, ResetWorkflowExecution, RespondWorkflowTaskCompleted, TerminateWorkflowExecution } =
  WorkflowService;

const child = (workflowId: string, attributes: Init<Command>['startChildWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
  startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: 'child' }, ...attributes },
});

const describe = (stage: Stage, workflowId: string) => stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } });
const statusOf = async (stage: Stage, workflowId: string) => (await describe(stage, workflowId)).workflowExecutionInfo?.status;
const find = (events: readonly HistoryEvent[], type: EventType): HistoryEvent | undefined => events.find(({ eventType }) => eventType === type);

/** A parent whose child is running; nobody holds a task of the child. */
async function family(stage: Stage): Promise<void> {
  await stage.start('parent');
  await stage.complete(await stage.pollWorkflow(), [child('child')]);
  await stage.clock.settle();
}

/** Polls until the task of this workflow comes, and completes it. Tasks of others are kept for their turn. */
async function step(stage: Stage, workflowId: string, commands: readonly Init<Command>[]): Promise<void> {
  const held = HELD.get(stage) ?? [];
  HELD.set(stage, held);
  for (;;) {
    const index = held.findIndex((task) => task.workflowExecution?.workflowId === workflowId);
    const [task] = index === -1 ? [] : held.splice(index, 1);
    if (task !== undefined) return void (await stage.complete(task, commands));
    held.push(await stage.pollWorkflow());
  }
}

const HELD = new WeakMap<Stage, PollWorkflowTaskQueueResponse[]>();

test('a child and its parent see each other, before and after a restart', async () => {
  await using stage = await Stage.open();
  await family(stage);
  for (const _ of [1, 2]) {
    const [pending] = (await describe(stage, 'parent')).pendingChildren;
    const { workflowExecutionInfo: info } = await describe(stage, 'child');
    assert.equal(pending?.runId, info?.execution?.runId);
    assert.equal(info?.parentExecution?.workflowId, 'parent');
    await stage.restart();
  }
  await step(stage, 'child', [completeWorkflow('result')]);
  assert.deepEqual((await describe(stage, 'parent')).pendingChildren, []);
  await step(stage, 'parent', []);
  assert.ok(find(await stage.events('parent'), EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED));
});

test('a parent that is terminated takes its child along', async () => {
  await using stage = await Stage.open();
  await family(stage);
  await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'parent' } });
  await stage.clock.settle();
  assert.equal(await statusOf(stage, 'child'), WorkflowExecutionStatus.TERMINATED);
});

test('a command that names an unknown namespace refuses the completion and leaves the task with its worker', async () => {
  await using stage = await Stage.open();
  await stage.start('parent');
  const task = await stage.pollWorkflow();
  await assert.rejects(stage.complete(task, [child('child', { namespace: 'orders' })]), (error) => {
    assert.ok(error instanceof RpcError && error.code === Code.NOT_FOUND);
    assert.equal(error.detail(NamespaceNotFoundFailure)?.namespace, 'orders');
    return true;
  });
  await stage.complete(task, [child('child', { namespace: NAMESPACE })]);
  assert.ok(find(await stage.events('parent'), EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED));
});

test('another namespace is out of reach unless the operator allows it', async () => {
  await using stage = await Stage.open();
  await stage.call(RegisterNamespace, { namespace: 'orders', workflowExecutionRetentionPeriod: 86_400_000 });
  await stage.start('parent');
  const task = await stage.pollWorkflow();
  await assert.rejects(stage.complete(task, [child('child', { namespace: 'orders' })]), /cross namespace commands are not allowed/);
});

test('where it is allowed, a child lives in another namespace, and its result comes back', async () => {
  await using stage = await Stage.open({ limits: { crossNamespaceCommands: 1 } });
  await stage.call(RegisterNamespace, { namespace: 'orders', workflowExecutionRetentionPeriod: 86_400_000 });
  await stage.start('parent');
  await step(stage, 'parent', [child('child', { namespace: 'orders' })]);
  const poll = { namespace: 'orders', taskQueue: { name: QUEUE }, identity: 'worker' };
  const task = await stage.call(PollWorkflowTaskQueue, poll);
  const started = eventsOf(task)[0]?.workflowExecutionStartedEventAttributes;
  assert.deepEqual([task.workflowExecution?.workflowId, started?.parentWorkflowNamespace], ['child', NAMESPACE]);
  await assert.rejects(describe(stage, 'child'), 'it is not in this one');
  await stage.call(RespondWorkflowTaskCompleted, { namespace: 'orders', taskToken: task.taskToken, commands: [completeWorkflow('result')], identity: 'worker' });
  await step(stage, 'parent', []);
  const completed = find(await stage.events('parent'), EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED);
  assert.equal(completed?.childWorkflowExecutionCompletedEventAttributes?.namespace, 'orders');
});

test('what is under way to a namespace while that is deleted comes back with NAMESPACE_NOT_FOUND', async () => {
  const clock = new VirtualClock();
  const disk = new SimulatedDisk();
  let delayMs = 0;
  const faults = (operation: StoreOperation) => (operation === 'load' && delayMs > 0 ? ({ kind: 'slow', delayMs } as const) : undefined);
  const open = () => openEngine({ store: new SimulatedStore({ clock, disk, faults }), clock, logger: silentLogger, namespaces: ['orders'], limits: { crossNamespaceCommands: 1 } });
  const poll = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' };
  const before = await open();
  await before.transport.call(WorkflowService.StartWorkflowExecution, startRequest('parent'));
  const { taskToken } = await before.transport.call(PollWorkflowTaskQueue, poll);
  await before.close();

  await using engine = await open();
  const { transport } = engine;
  const other = { namespace: 'orders', workflowId: 'other' };
  const signal = { namespace: 'orders', execution: other, signalName: 's' };
  const commands = [
    child('child', { namespace: 'orders' }),
    { commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, signalExternalWorkflowExecutionCommandAttributes: signal },
    { commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, requestCancelExternalWorkflowExecutionCommandAttributes: other },
  ];
  // The commands are checked, and then the run has to be read.
  delayMs = 1_000;
  const completed = transport.call(RespondWorkflowTaskCompleted, { namespace: NAMESPACE, taskToken, commands, identity: 'worker' });
  await clock.settle();
  delayMs = 0;
  await transport.call(OperatorService.DeleteNamespace, { namespace: 'orders' });
  await clock.advance(1_000);
  await completed;
  await clock.settle();
  const events = eventsOf(await transport.call(PollWorkflowTaskQueue, poll));
  const causes = [
    find(events, EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED)?.startChildWorkflowExecutionFailedEventAttributes?.cause,
    find(events, EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED)?.signalExternalWorkflowExecutionFailedEventAttributes?.cause,
    find(events, EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED)?.requestCancelExternalWorkflowExecutionFailedEventAttributes?.cause,
  ];
  assert.deepEqual(causes, [
    StartChildWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND,
    SignalExternalWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND,
    CancelExternalWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND,
  ]);
});

test('a child reports to the run that a reset made of its parent', async () => {
  await using stage = await Stage.open();
  await family(stage);
  await step(stage, 'parent', []);
  const before = await stage.events('parent');
  assert.ok(find(before, EventType.CHILD_WORKFLOW_EXECUTION_STARTED));
  const runId = before[0]?.workflowExecutionStartedEventAttributes?.originalExecutionRunId ?? '';
  const last = before.findLast(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED);
  const reset = await stage.call(ResetWorkflowExecution, {
    namespace: NAMESPACE,
    workflowExecution: { workflowId: 'parent', runId },
    workflowTaskFinishEventId: last?.eventId ?? 0,
    requestId: 'reset',
  });
  await stage.clock.settle();
  assert.equal(await statusOf(stage, 'child'), WorkflowExecutionStatus.RUNNING, 'no parent close policy applies');
  await step(stage, 'child', [completeWorkflow('result')]);
  await stage.clock.settle();
  const { pendingChildren } = await describe(stage, 'parent');
  assert.deepEqual(pendingChildren, []);
  await step(stage, 'parent', [completeWorkflow()]);
  const after = await stage.events('parent', reset.runId);
  assert.equal(find(after, EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED)?.childWorkflowExecutionCompletedEventAttributes?.workflowExecution?.workflowId, 'child');
});

test('a reset to before the parent knew that its child has started finds that child again', async () => {
  await using stage = await Stage.open();
  await stage.start('parent');
  const inline = { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
  const { workflowTask } = await stage.complete(await stage.pollWorkflow(), [child('child')], inline);
  assert.ok(workflowTask);
  await stage.complete(workflowTask);
  const before = await stage.events('parent');
  const started = find(before, EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
  const point = before.findLast(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED)?.eventId ?? 0;
  assert.ok(started !== undefined && started.eventId > point);
  const { runId } = await stage.call(ResetWorkflowExecution, {
    namespace: NAMESPACE,
    workflowExecution: { workflowId: 'parent' },
    workflowTaskFinishEventId: point,
    requestId: 'reset',
  });
  await stage.clock.settle();
  const again = find(await stage.events('parent', runId), EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
  const runOf = (event: HistoryEvent | undefined) => event?.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.runId;
  assert.equal(runOf(again), runOf(started));
  await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'parent' } });
  await stage.clock.settle();
  assert.equal(await statusOf(stage, 'child'), WorkflowExecutionStatus.TERMINATED, 'it is the child of the new run');
});

test('the same start request of a client and of a parent are told apart', async () => {
  await using stage = await Stage.open();
  await stage.start('child');
  await stage.start('parent', startRequest('parent'));
  await step(stage, 'parent', [child('child')]);
  await stage.clock.settle();
  assert.ok(find(await stage.events('parent'), EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED));
});
