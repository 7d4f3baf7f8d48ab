/** The histories that SDKs rely on, event by event: workflow tasks, their failures, buffered events, commands. The driver proves the state after every transition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  EventType,
  History,
  Memo,
  RespondWorkflowTaskFailedRequest,
  RpcError,
  TaskQueueKind,
  WorkflowExecutionStatus,
  WorkflowTaskFailedCause,
} from '../../../protocol/index.js';
import { describe, historySuffix } from '../describe.js';
import { byToken, command, E, failure, payloads, startedWorkflow, STICKY, TestWorkflow } from '../testing/test-run.js';

test('one activity on a sticky worker: the history that every SDK knows', () => {
  const workflow = startedWorkflow();
  const first = workflow.pollWorkflowTask();
  assert.deepEqual([first.previousStartedEventId, first.startedEventId, first.historyFrom, first.historyTo, first.attempt], [0, 3, 1, 3, 1]);
  workflow.complete(first, [command.activity('a')], STICKY);

  const activity = workflow.pollActivity(5);
  assert.equal(workflow.run.eventNames().length, 5, 'nothing is written when an attempt starts');
  workflow.now += 100;
  workflow.completeActivity(activity);
  const dispatch = workflow.run.owed.get('workflow-task')?.dispatch;
  assert.deepEqual([dispatch?.queue.name, dispatch?.sticky], ['sticky', true]);

  const second = workflow.pollWorkflowTask();
  assert.deepEqual([second.previousStartedEventId, second.startedEventId, second.historyFrom, second.historyTo, second.taskQueue], [3, 9, 4, 9, 'orders']);
  workflow.complete(second, [command.complete()], STICKY);

  assert.deepEqual(workflow.run.eventNames(), [
    E.WORKFLOW_EXECUTION_STARTED,
    E.WORKFLOW_TASK_SCHEDULED,
    E.WORKFLOW_TASK_STARTED,
    E.WORKFLOW_TASK_COMPLETED,
    E.ACTIVITY_TASK_SCHEDULED,
    E.ACTIVITY_TASK_STARTED,
    E.ACTIVITY_TASK_COMPLETED,
    E.WORKFLOW_TASK_SCHEDULED,
    E.WORKFLOW_TASK_STARTED,
    E.WORKFLOW_TASK_COMPLETED,
    E.WORKFLOW_EXECUTION_COMPLETED,
  ]);
  const start = workflow.run.event(1).workflowExecutionStartedEventAttributes;
  assert.deepEqual([start?.originalExecutionRunId, start?.firstExecutionRunId, start?.attempt], [workflow.run.runId, workflow.run.runId, 1]);
  assert.deepEqual([start?.workflowTaskTimeout, start?.workflowRunTimeout, start?.firstWorkflowTaskBackoff], [10_000, undefined, 0]);
  assert.equal(workflow.run.event(5).activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId, 4);
  assert.equal(workflow.run.event(6).activityTaskStartedEventAttributes?.scheduledEventId, 5);
  const completed = workflow.run.event(7).activityTaskCompletedEventAttributes;
  assert.deepEqual([completed?.scheduledEventId, completed?.startedEventId], [5, 6]);
  const scheduled = workflow.run.event(8).workflowTaskScheduledEventAttributes;
  assert.deepEqual(scheduled?.taskQueue, { name: 'sticky', kind: TaskQueueKind.STICKY, normalName: 'orders' });
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.COMPLETED);
});

test('a close command is refused while the workflow has not seen a signal', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  workflow.signal('approve');
  assert.equal(workflow.run.events().length, 3, 'the signal waits without an id');
  const refusal = workflow.refused(workflow.completionInput(task, [command.complete()], STICKY));
  assert.deepEqual([refusal.code, refusal.message], [Code.INVALID_ARGUMENT, 'UnhandledCommand']);
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.UNHANDLED_COMMAND);

  const next = workflow.pollWorkflowTask();
  assert.deepEqual([next.startedEventId, next.historyFrom, next.attempt, next.sticky], [7, 1, 1, false]);
  const busy = workflow.signal('again');
  assert.ok(busy instanceof RpcError && busy.code === Code.RESOURCE_EXHAUSTED, 'a stream of signals cannot keep a run from closing');
  workflow.complete(next, [command.complete()]);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_COMPLETED);
});

test('buffered events are written behind the commands, then the next task, inline where asked for', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  workflow.signal('approve');
  const reply = workflow.complete(task, [command.timer('1', 1000)], { ...STICKY, returnNewWorkflowTask: true });
  assert.deepEqual(workflow.run.eventNames().slice(3), [
    E.WORKFLOW_TASK_COMPLETED,
    E.TIMER_STARTED,
    E.WORKFLOW_EXECUTION_SIGNALED,
    E.WORKFLOW_TASK_SCHEDULED,
    E.WORKFLOW_TASK_STARTED,
  ]);
  assert.deepEqual([reply.newWorkflowTask?.startedEventId, reply.newWorkflowTask?.historyFrom, reply.newWorkflowTask?.sticky], [8, 4, true]);
});

test('what ends an activity goes behind other buffered events and names its Started event', () => {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a'), command.activity('b')]);
  workflow.signal('wake');
  const task = workflow.pollWorkflowTask();
  const [a, b] = [workflow.pollActivity(5), workflow.pollActivity(6)];
  workflow.completeActivity(a);
  workflow.signal('between');
  workflow.completeActivity(b);
  assert.ok(workflow.completeActivity(a) instanceof RpcError, 'a buffered end is an end');
  workflow.complete(task);
  const written = workflow.run.events().slice(-6);
  assert.deepEqual(workflow.run.eventNames().slice(-6), [
    E.ACTIVITY_TASK_STARTED,
    E.WORKFLOW_EXECUTION_SIGNALED,
    E.ACTIVITY_TASK_STARTED,
    E.ACTIVITY_TASK_COMPLETED,
    E.ACTIVITY_TASK_COMPLETED,
    E.WORKFLOW_TASK_SCHEDULED,
  ]);
  const ends = written.flatMap((event) => event.activityTaskCompletedEventAttributes ?? []);
  const starts = written.filter((event) => event.activityTaskStartedEventAttributes !== undefined);
  assert.deepEqual(ends.map((end) => end.startedEventId), starts.map((start) => start.eventId));
});

test('a worker that fails again and again leaves one failure in the history; its attempts are transient', () => {
  const workflow = startedWorkflow();
  workflow.failTask(workflow.pollWorkflowTask());
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_FAILED]);
  const second = workflow.pollWorkflowTask();
  assert.deepEqual([second.attempt, second.startedEventId, second.historyFrom, second.historyTo], [2, 6, 1, 4]);
  const suffix = History.decode(second.transientSuffix ?? new Uint8Array()).events;
  assert.deepEqual(suffix.map((event) => [event.eventId, event.eventType]), [[5, EventType.WORKFLOW_TASK_SCHEDULED], [6, EventType.WORKFLOW_TASK_STARTED]]);
  workflow.pass(10_000);
  const third = workflow.pollWorkflowTask();
  assert.deepEqual([third.attempt, third.startedEventId], [3, 6]);
  assert.ok(workflow.send(workflow.completionInput(second, [])) instanceof RpcError, 'the attempt that timed out comes too late');
  workflow.pass(9_999);
  assert.equal(workflow.run.events().length, 4);
  workflow.complete(third, [command.complete()]);
  assert.deepEqual(workflow.run.eventNames().slice(4), [
    E.WORKFLOW_TASK_SCHEDULED,
    E.WORKFLOW_TASK_STARTED,
    E.WORKFLOW_TASK_COMPLETED,
    E.WORKFLOW_EXECUTION_COMPLETED,
  ]);
  const thirdEvents = History.decode(third.transientSuffix ?? new Uint8Array()).events;
  assert.deepEqual(workflow.run.events().slice(4, 6), thirdEvents, 'what is written is what the worker saw');
});

test('new events make a first attempt of a transient one, before and after it starts', () => {
  const workflow = startedWorkflow();
  workflow.failTask(workflow.pollWorkflowTask());
  workflow.signal('news');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.attempt, task.startedEventId, task.transientSuffix], [1, 7, undefined]);
  assert.deepEqual(workflow.run.eventNames().slice(4), [E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED]);

  workflow.failTask(task);
  const transient = workflow.pollWorkflowTask();
  assert.equal(transient.attempt, 2);
  workflow.signal('more');
  workflow.failTask(transient);
  assert.deepEqual(workflow.run.eventNames().slice(7), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.equal(workflow.pollWorkflowTask().attempt, 1);
});

test('attempts from the fourth on get longer', () => {
  const workflow = startedWorkflow();
  for (const timeout of [10_000, 10_000, 10_000, 15_000, 20_000, 30_000]) {
    workflow.pollWorkflowTask();
    assert.equal(workflow.run.owed.get('workflow-task')?.wakeAt, workflow.now + timeout);
    workflow.pass(timeout);
  }
});

test('a bad command fails a first attempt with its cause and leaves a later one to time out; nothing of the list happens', () => {
  const workflow = startedWorkflow();
  const commands = [command.timer('1', 10), command.timer('1', 10)];
  const refusal = workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), commands));
  assert.equal(refusal.code, Code.INVALID_ARGUMENT);
  assert.match(refusal.message, /^StartTimerDuplicateId: /);
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_FAILED]);
  const second = workflow.pollWorkflowTask();
  const records = workflow.run.records.length;
  workflow.refused(workflow.completionInput(second, commands));
  assert.equal(workflow.run.records.length, records, 'the second refusal writes nothing');
  workflow.complete(second, [command.timer('1', 10)]);
});

test('commands after a close command and unknown ones are refused, and the task stays', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  assert.equal(workflow.refused(workflow.completionInput(task, [command.complete(), command.timer('1', 1)])).code, Code.INVALID_ARGUMENT);
  assert.equal(workflow.refused(workflow.completionInput(task, [{}])).code, Code.INVALID_ARGUMENT);
  workflow.complete(task, [command.complete()]);
  assert.equal(workflow.refused(workflow.completionInput(task, [command.complete()])).code, Code.NOT_FOUND);
});

test('a command that is too large ends the run', () => {
  const workflow = startedWorkflow({}, { blobSizeBytes: 100 });
  const refusal = workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [command.complete('x'.repeat(200))]));
  assert.match(refusal.message, /^BadCompleteWorkflowExecutionAttributes: /);
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_TERMINATED]);
});

test('a sticky task that nobody takes times out to the normal queue; one without pollers moves at once', () => {
  const workflow = startedWorkflow();
  workflow.step([], STICKY);
  workflow.signal('wake');
  workflow.pass(10_000);
  assert.deepEqual(workflow.run.eventNames().slice(-2), [E.WORKFLOW_TASK_TIMED_OUT, E.WORKFLOW_TASK_SCHEDULED]);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.attempt, task.historyFrom, task.sticky], [1, 1, false]);
  workflow.complete(task, [], STICKY);

  workflow.signal('wake');
  workflow.expect('done', { type: 'sticky-unavailable', key: 'workflow-task' });
  assert.equal(workflow.run.owed.get('workflow-task')?.dispatch?.queue.name, 'orders');
  assert.equal(workflow.pollWorkflowTask().historyFrom, 1);
});

test('a failure on a sticky worker is tried again as a first attempt with the whole history', () => {
  const workflow = startedWorkflow();
  workflow.step([], STICKY);
  workflow.signal('wake');
  workflow.failTask(workflow.pollWorkflowTask());
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.attempt, task.historyFrom, task.sticky], [1, 1, false]);
});

test('the same poll gets the same task, another one nothing', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask({ requestId: 'poll' });
  assert.deepEqual(workflow.pollWorkflowTask({ requestId: 'poll' }), task);
  const poller = { identity: 'other', requestId: 'other', sticky: false };
  assert.equal(workflow.refused({ type: 'dispatch', key: 'workflow-task', poller }).code, Code.NOT_FOUND);
});

test('empty tasks keep local activities alive, for half an hour', () => {
  const workflow = startedWorkflow();
  let task = workflow.pollWorkflowTask();
  for (let i = 0; i < 4; i++) {
    workflow.now += 8 * 60_000;
    const input = workflow.completionInput(task, [], { ...STICKY, forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true });
    const reply = workflow.send(input);
    if (i === 3) assert.ok(reply instanceof RpcError && reply.code === Code.NOT_FOUND);
    else {
      assert.ok(!(reply instanceof RpcError) && reply.kind === 'workflow-task-completed' && reply.newWorkflowTask);
      task = reply.newWorkflowTask;
    }
  }
  assert.deepEqual(workflow.run.eventNames().slice(-2), [E.WORKFLOW_TASK_TIMED_OUT, E.WORKFLOW_TASK_SCHEDULED]);
});

test('timers fire to the millisecond, in the order of their deadlines', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('late', 250), command.timer('soon', 1), command.timer('also', 250)]);
  workflow.pass(1);
  assert.equal(workflow.run.events().at(-2)?.timerFiredEventAttributes?.timerId, 'soon');
  workflow.pass(248);
  assert.equal(workflow.run.live.timers.size, 2);
  workflow.pass(1);
  const fired = workflow.run.events().flatMap((event) => event.timerFiredEventAttributes?.timerId ?? []);
  assert.deepEqual(fired, ['soon', 'late', 'also']);
});

test('cancelling a timer takes back a firing that the workflow has not seen', () => {
  const workflow = startedWorkflow();
  workflow.step([command.timer('1', 10)]);
  workflow.signal('wake');
  const task = workflow.pollWorkflowTask();
  workflow.pass(10);
  workflow.complete(task, [command.cancelTimer('1'), command.complete('x')].slice(0, 1));
  assert.deepEqual(workflow.run.eventNames().slice(-2), [E.WORKFLOW_TASK_COMPLETED, E.TIMER_CANCELED]);
});

test('a clock that steps back: time in the history does not, deadlines count from the clock', () => {
  const workflow = startedWorkflow();
  workflow.now += 60_000;
  const task = workflow.pollWorkflowTask();
  workflow.now -= 3_600_000;
  workflow.complete(task, [command.timer('1', 1000)]);
  const times = workflow.run.events().map((event) => event.eventTime ?? 0);
  assert.deepEqual(times, [...times].sort((a, b) => a - b));
  assert.equal(workflow.nextWake(), workflow.now + 1000);
});

test('memo and search attributes merge; a null value deletes', () => {
  const payload = (text: string): { data: Uint8Array } => ({ data: Buffer.from(text) });
  const workflow = startedWorkflow({ memo: Memo.encode({ fields: new Map([['a', payload('1')], ['b', payload('2')]]) }) });
  const upsertedMemo = Memo.encode({ fields: new Map([['b', payload('')], ['c', payload('3')]]) });
  workflow.step([{ commandType: 16, modifyWorkflowPropertiesCommandAttributes: { upsertedMemo } }]);
  const { memo } = workflow.run.live.run;
  assert.deepEqual([...Memo.decode(memo ?? new Uint8Array()).fields.keys()], ['a', 'c']);
});

test('a history that is too long ends the run', () => {
  const workflow = startedWorkflow({}, { historyEvents: 10 });
  for (let i = 0; i < 10 && workflow.run.live.isOpen; i++) workflow.signal(`${i}`);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_TERMINATED);
});

test('the state keeps copies: a sender may reuse its buffers', () => {
  const workflow = new TestWorkflow();
  const memo = Memo.encode({ fields: new Map([['a', { data: Buffer.from('1') }]]) });
  workflow.start({ memo });
  const input = payloads('input');
  workflow.step([command.activity('a', { input })]);
  const activity = workflow.pollActivity(5);
  const details = payloads('details');
  workflow.send({ type: 'heartbeat-activity', activity: byToken(activity), identity: 'worker', details });
  workflow.failActivity(activity, failure('x'));
  const before = Buffer.from(workflow.machine.snapshot(workflow.run.live));
  for (const bytes of [memo, input, details]) bytes.fill(0);
  assert.ok(before.equals(workflow.machine.snapshot(workflow.run.live)));
});

test('the build of the worker stands in Started and Completed, and is the latest that describe shows', () => {
  const workflow = startedWorkflow();
  const worker = { buildId: 'build-1', useVersioning: false };
  workflow.failTask(workflow.pollWorkflowTask({ worker }));
  const retried = workflow.pollWorkflowTask({ worker: { ...worker, buildId: 'build-2' } });
  workflow.complete(retried, [], { workerVersionStamp: { ...worker, buildId: 'build-2' } });
  const started = workflow.run.events().flatMap((event) => event.workflowTaskStartedEventAttributes?.workerVersion?.buildId ?? []);
  assert.deepEqual(started, ['build-1', 'build-2'], 'an attempt that is written when it completes keeps its worker');
  assert.equal(describe(workflow.run.live).workflowExecutionInfo?.mostRecentWorkerVersionStamp?.buildId, 'build-2');

  workflow.signal('more');
  const next = { forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
  workflow.complete(workflow.pollWorkflowTask(), [], { ...next, workerVersionStamp: worker, deployment: { seriesName: 'orders', buildId: 'build-1' } });
  const [completed, , inline] = workflow.run.events().slice(-3);
  assert.equal(completed?.workflowTaskCompletedEventAttributes?.deployment, undefined, 'said by the deployment version, or not at all');
  assert.equal(inline?.workflowTaskStartedEventAttributes?.workerVersion?.buildId, 'build-1', 'a task that is returned at once has the same worker');
});

test('of an attempt that waits unseen by the history, readers get Scheduled; of one that runs, Started too', () => {
  const workflow = startedWorkflow();
  const suffix = () => History.decode(historySuffix(workflow.run.live) ?? new Uint8Array()).events.map((event) => event.eventId);
  assert.deepEqual(suffix(), []);
  workflow.failTask(workflow.pollWorkflowTask());
  assert.deepEqual(suffix(), [5]);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(suffix(), [5, 6]);
  workflow.failTask(task);
  workflow.signal('news');
  assert.deepEqual(suffix(), [], 'the next attempt is a first one, which the history will hold');
});

test('a worker whose answer does not fit through ends the run; stickiness of a closed run cannot be reset', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  const request = RespondWorkflowTaskFailedRequest.create({ identity: 'worker', cause: WorkflowTaskFailedCause.GRPC_MESSAGE_TOO_LARGE });
  workflow.expect('done', { type: 'fail-workflow-task', token: task.token, request });
  assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND);
  assert.equal(workflow.run.event(5).workflowExecutionTerminatedEventAttributes?.reason, 'GrpcMessageTooLarge');
  assert.equal(workflow.refused({ type: 'reset-sticky' }).code, Code.NOT_FOUND);
});
