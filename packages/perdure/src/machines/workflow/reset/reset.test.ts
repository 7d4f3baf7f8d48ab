/**
 * A reset begins a new run with a part of an old history. What matters: the history stays one that replays, nothing that was sent to the
 * chain is lost or told twice, what is pending goes on, and the new run's journal folds to its state (proved after each transition).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, Failure, Priority, RpcError, WorkflowExecutionStatus, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { HistoryEvent, Init, ResetWorkflowExecutionRequest } from '../../../protocol/index.js';
import { describe } from '../index.js';
import type { StartReply } from '../index.js';
import { command, E, NAMESPACE_ID, startedWorkflow, STICKY, WORKFLOW_ID } from '../testing/test-run.js';
import type { TestRun, TestWorkflow } from '../testing/test-run.js';
import { childCommand, closed, started } from '../testing/family.js';
import { forkOf, resetInput, resetPointsOf } from '../testing/reset.js';
import type { ResetOptions } from '../testing/reset.js';

function reset(workflow: TestWorkflow, finish: number, options?: ResetOptions): StartReply {
  return workflow.expect('started', resetInput(workflow, finish, options));
}

const names = (run: TestRun): string[] => run.eventNames();
const signalsOf = (run: TestRun): string[] => run.events().flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
const failed = (run: TestRun): HistoryEvent => run.event(names(run).lastIndexOf('WORKFLOW_TASK_FAILED') + 1);

test('the current run ends, and another begins with its first events, a failed task, the signals that came later, and a new task', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('t', 60_000)]);
  workflow.signal('before');
  workflow.step();
  workflow.signal('after');
  const base = workflow.run;
  const { runId } = reset(workflow, 9);
  assert.equal(base.live.run.status, WorkflowExecutionStatus.TERMINATED);
  assert.equal(names(base).at(-1), E.WORKFLOW_EXECUTION_TERMINATED);
  assert.equal(workflow.run.runId, runId);
  assert.deepEqual(workflow.run.events().slice(0, 8), base.events().slice(0, 8), 'what was is kept, event by event');
  assert.deepEqual(names(workflow.run).slice(8), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED]);
  const { workflowTaskFailedEventAttributes: attributes } = workflow.run.event(9);
  assert.equal(attributes?.cause, WorkflowTaskFailedCause.RESET_WORKFLOW);
  assert.equal(attributes?.baseRunId, base.runId);
  assert.equal(attributes?.newRunId, runId);
  assert.equal(Failure.decode(attributes?.failure ?? new Uint8Array()).message, 'bad deploy');
  assert.deepEqual(signalsOf(workflow.run), ['before', 'after']);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.attempt, task.previousStartedEventId, task.startedEventId], [1, 3, 12]);
  workflow.complete(task, [command.complete()]);
});

test('a task that was scheduled only is started for the record', () => {
  const workflow = startedWorkflow();
  reset(workflow, 3, { base: (workflow.step(), workflow.run) });
  assert.deepEqual(names(workflow.run), [
    E.WORKFLOW_EXECUTION_STARTED,
    E.WORKFLOW_TASK_SCHEDULED,
    E.WORKFLOW_TASK_STARTED,
    E.WORKFLOW_TASK_FAILED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
});

test('only the end of a workflow task can be reset to', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('t', 60_000)]);
  workflow.signal('s');
  workflow.step([command.marker('m')]);
  const possible = workflow.run.events().map((event) => event.eventId).filter((finish) => finish > 1 && forkOf(workflow, workflow.run, finish) !== undefined);
  // 2 scheduled, 3 started, 4 completed | 5 timer, 6 signal, 7 scheduled, 8 started, 9 completed | 10 marker
  assert.deepEqual(possible, [3, 4, 8, 9]);
  assert.deepEqual(possible, resetPointsOf(workflow.run));
});

test('pending activities begin anew, with all their attempts; the old run gets no answer any more', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('waiting'), command.activity('held'), command.activity('retrying'), command.activity('done')]);
  const held = workflow.pollActivity(6);
  workflow.heartbeat(held);
  workflow.failActivity(workflow.pollActivity(7));
  workflow.signal('s');
  const task = workflow.pollWorkflowTask();
  workflow.completeActivity(workflow.pollActivity(8));
  workflow.complete(task);
  const base = workflow.run;
  workflow.pass(700);
  reset(workflow, names(base).lastIndexOf('WORKFLOW_TASK_COMPLETED') + 1);
  const pending = describe(workflow.run.live).pendingActivities ?? [];
  assert.deepEqual(pending.map(({ activityId, attempt }) => [activityId, attempt]), [['waiting', 1], ['held', 1], ['retrying', 1], ['done', 1]]);
  for (const { scheduledTime, heartbeatDetails, lastFailure } of pending) assert.deepEqual([scheduledTime, heartbeatDetails, lastFailure], [workflow.now, undefined, undefined]);
  for (const scheduledEventId of [5, 6, 7, 8]) workflow.completeActivity(workflow.pollActivity(scheduledEventId));
  assert.equal(names(workflow.run).filter((name) => name === 'ACTIVITY_TASK_COMPLETED').length, 4);
});

test('a timer fires when it was to fire', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('t', 60_000)]);
  const dueAt = workflow.now + 60_000;
  workflow.signal('s');
  workflow.step();
  workflow.pass(40_000);
  reset(workflow, 9);
  workflow.step();
  workflow.pass(19_999);
  assert.ok(!names(workflow.run).includes(E.TIMER_FIRED as string));
  workflow.pass(1);
  assert.equal(workflow.now, dueAt);
  assert.ok(names(workflow.run).includes(E.TIMER_FIRED as string));
});

test('what waited for the end of a workflow task is told to the new run', () => {
  const workflow = startedWorkflow();
  workflow.step([], STICKY);
  workflow.signal('first');
  workflow.pollWorkflowTask();
  workflow.signal('buffered');
  const base = workflow.run;
  reset(workflow, 4);
  assert.deepEqual(names(base).slice(-3), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_EXECUTION_TERMINATED]);
  assert.deepEqual(signalsOf(workflow.run), ['first', 'buffered']);
  assert.equal(workflow.run.live.sticky, undefined);
});

test('a signal whose request id the new run has seen is not told again', () => {
  const workflow = startedWorkflow();
  workflow.step();
  workflow.signal('s', 'once');
  reset(workflow, 4);
  workflow.signal('s', 'once');
  assert.deepEqual(signalsOf(workflow.run), ['s']);
});

test('what is excluded is not told', () => {
  const none: Init<ResetWorkflowExecutionRequest>[] = [{ resetReapplyType: 2 }, { resetReapplyExcludeTypes: [1] }, { resetReapplyType: 3, resetReapplyExcludeTypes: [1] }];
  for (const request of none) {
    const workflow = startedWorkflow();
    workflow.step();
    workflow.signal('s');
    workflow.pollWorkflowTask();
    workflow.signal('buffered');
    reset(workflow, 4, { request });
    assert.deepEqual(signalsOf(workflow.run), []);
  }
});

test('the signals of later runs of the chain are told too; only the current run ends', () => {
  const workflow = startedWorkflow();
  workflow.step();
  workflow.signal('in the first');
  workflow.step([command.continueAsNew()]);
  workflow.pass(2_000);
  workflow.signal('in the second');
  const [first, second] = workflow.runs as [TestRun, TestRun];
  reset(workflow, 4, { base: first, chain: [first, second] });
  assert.deepEqual(signalsOf(workflow.run), ['in the first', 'in the second']);
  assert.equal(first.live.run.status, WorkflowExecutionStatus.CONTINUED_AS_NEW);
  assert.equal(second.live.run.status, WorkflowExecutionStatus.TERMINATED);
  assert.equal(workflow.run.live.run.firstExecutionRunId, first.runId);
  const owed = workflow.run.owed.get('message:reset')?.message;
  assert.deepEqual(owed, { to: { kind: 'workflow', namespace: NAMESPACE_ID, key: WORKFLOW_ID, machine: first.runId }, input: { type: 'reset-by', runId: workflow.run.runId } });
  const newest = workflow.run;
  workflow.send({ type: 'reset-by', runId: newest.runId }, first);
  assert.equal(describe(first.live).workflowExtendedInfo?.resetRunId, newest.runId);
  workflow.send({ type: 'delivered', answers: [{ key: 'message:reset', reply: { kind: 'done' } }] });
  assert.equal(newest.owed.get('message:reset'), undefined);
});

test('a closed run can be reset; the same request id again gives the same run', () => {
  const workflow = startedWorkflow();
  workflow.step([command.complete()]);
  const base = workflow.run;
  const records = base.records.length;
  const first = reset(workflow, 4, { requestId: 'once' });
  assert.equal(base.live.run.status, WorkflowExecutionStatus.COMPLETED);
  assert.equal(base.records.length, records + 1, 'it notes which run it was reset to');
  assert.equal(describe(base.live).workflowExtendedInfo?.resetRunId, first.runId);
  const again = reset(workflow, 4, { base, chain: [], requestId: 'once' });
  assert.equal(again.runId, first.runId);
  assert.equal(workflow.runs.length, 2);
});

test('the new run has its own times, and the random seed of the old one', () => {
  const workflow = startedWorkflow({ workflowExecutionTimeout: 100_000, workflowRunTimeout: 50_000 });
  const startedAt = workflow.now;
  workflow.step([], { binaryChecksum: 'build-1' });
  workflow.signal('s');
  workflow.step([], { binaryChecksum: 'build-2' });
  const base = workflow.run;
  workflow.pass(30_000);
  reset(workflow, 8);
  const { workflowExecutionInfo: info, workflowExtendedInfo: extended } = describe(workflow.run.live);
  assert.deepEqual([info?.startTime, extended?.originalStartTime, extended?.lastResetTime], [workflow.now, startedAt, workflow.now]);
  assert.deepEqual([extended?.runExpirationTime, extended?.executionExpirationTime], [workflow.now + 50_000, workflow.now + 100_000]);
  assert.equal(workflow.run.live.run.originalExecutionRunId, base.runId);
  assert.deepEqual(info?.autoResetPoints?.points?.map(({ binaryChecksum, runId, firstWorkflowTaskCompletedId }) => [binaryChecksum, runId, firstWorkflowTaskCompletedId]), [['build-1', workflow.run.runId, 4]]);
  workflow.step();
  workflow.pass(50_000);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.TIMED_OUT);
});

test('a reset run can be reset, and its base again', () => {
  const workflow = startedWorkflow();
  workflow.step();
  workflow.signal('s');
  const base = workflow.run;
  reset(workflow, 4);
  workflow.step();
  const second = workflow.run;
  reset(workflow, names(second).lastIndexOf('WORKFLOW_TASK_COMPLETED') + 1);
  assert.equal(failed(workflow.run).workflowTaskFailedEventAttributes?.baseRunId, second.runId);
  assert.deepEqual(signalsOf(workflow.run), ['s'], 'once, although both runs hold it');
  reset(workflow, 4, { base, chain: [base] });
  assert.deepEqual(signalsOf(workflow.run), ['s']);
  workflow.step([command.complete()]);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.COMPLETED);
});

test('history of a failing task: the attempts begin again', () => {
  const workflow = startedWorkflow();
  workflow.failTask(workflow.pollWorkflowTask());
  workflow.failTask(workflow.pollWorkflowTask());
  workflow.pollWorkflowTask();
  reset(workflow, 4);
  assert.equal(workflow.pollWorkflowTask().attempt, 1);
  assert.equal(workflow.run.event(4).eventType, EventType.WORKFLOW_TASK_FAILED);
});

test('what became of a child behind the reset point is told again, even where nothing else is', () => {
  const workflow = startedWorkflow();
  workflow.step([childCommand('kid'), childCommand('late')]);
  workflow.send({ type: 'delivered', answers: [{ key: 'message:start-child:5', reply: started('kid-run') }] });
  workflow.step();
  workflow.send({ type: 'delivered', answers: [{ key: 'message:start-child:6', reply: started('late-run') }] });
  workflow.send(closed(5, 'kid', 'kid-run', EventType.WORKFLOW_EXECUTION_COMPLETED, { workflowExecutionCompletedEventAttributes: {} }));
  const base = workflow.run;
  reset(workflow, names(base).lastIndexOf('WORKFLOW_TASK_COMPLETED') + 1, { request: { resetReapplyType: 2 } });
  assert.deepEqual(names(workflow.run).slice(-3), [E.CHILD_WORKFLOW_EXECUTION_STARTED, E.CHILD_WORKFLOW_EXECUTION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.deepEqual([...workflow.run.live.children.values()].map(({ workflowId, runId }) => [workflowId, runId]), [['late', 'late-run']]);
  assert.deepEqual([...base.owed.keys()], [], 'the run that was reset leaves the children alone');
});

test('the operations of the request come behind what is told again, before the first task', () => {
  const workflow = startedWorkflow();
  workflow.step();
  workflow.signal('s');
  const updateMask = { paths: ['priority.priority_key'] };
  const workflowExecutionOptions = { priority: Priority.encode({ priorityKey: 3 }) };
  reset(workflow, 4, { request: { postResetOperations: [{ updateWorkflowOptions: { workflowExecutionOptions, updateMask } }, { signalWorkflow: { signalName: 'repaired' } }] } });
  assert.deepEqual(names(workflow.run).slice(4), [
    E.WORKFLOW_EXECUTION_SIGNALED,
    E.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    E.WORKFLOW_EXECUTION_SIGNALED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  assert.deepEqual(signalsOf(workflow.run), ['s', 'repaired']);
});

test('a reset with an operation that cannot be done changes nothing', () => {
  const workflow = startedWorkflow();
  workflow.step();
  const events = workflow.run.events().length;
  for (const operation of [{}, { signalWorkflow: {} }, { updateWorkflowOptions: { updateMask: { paths: ['nope'] } } }]) {
    assert.throws(() => reset(workflow, 4, { request: { postResetOperations: [operation] } }), RpcError);
  }
  assert.deepEqual([workflow.runs.length, workflow.run.events().length, workflow.run.live.isOpen], [1, events, true]);
});

test('deletion ends an open run, hides it, and waits until it owes nothing to others', () => {
  const workflow = startedWorkflow();
  workflow.step([command.continueAsNew()]);
  const first = workflow.runs[0] as TestRun;
  reset(workflow, 4, { base: first, chain: [first, workflow.run] });
  workflow.expect('done', { type: 'delete' });
  const { run } = workflow;
  assert.equal(run.live.run.status, WorkflowExecutionStatus.TERMINATED);
  assert.equal(workflow.machine.isDeleted?.(run.live), true);
  assert.equal(run.owed.get('deletion'), undefined, 'the base has not been told');
  workflow.send({ type: 'delivered', answers: [{ key: 'message:reset', reply: new RpcError(5, 'gone') }] });
  assert.deepEqual([...run.owed], [['deletion', { deletion: true }]]);
});
