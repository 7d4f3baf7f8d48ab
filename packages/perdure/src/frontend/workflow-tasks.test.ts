/** The life of workflows through the RPCs of a worker: what it receives at each step, and that every step survives a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, PollWorkflowTaskQueueResponse, RpcError, TaskQueueKind, WorkflowService, WorkflowTaskFailedCause } from '../protocol/index.js';
import { completeWorkflow, eventsOf, NAMESPACE, QUEUE, scheduleActivity, Stage, startTimer, STICKY, sticky, payloads } from '../server/testing/stage.js';

const refusedWith = (code: Code, message?: RegExp) => (error: unknown) =>
  error instanceof RpcError && error.code === code && (message === undefined || message.test(error.message));

const ids = (task: { readonly history?: Uint8Array | undefined }): number[] => eventsOf(task).map((event) => event.eventId);

test('a first workflow task has everything a worker insists on', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  const task = await stage.pollWorkflow();
  assert.ok(task.taskToken.byteLength > 0);
  assert.deepEqual(task.workflowExecution, { workflowId: 'w', runId });
  assert.deepEqual(task.workflowType, { name: 'order' });
  assert.deepEqual(task.workflowExecutionTaskQueue, { name: QUEUE, kind: TaskQueueKind.NORMAL, normalName: '' });
  assert.deepEqual([task.previousStartedEventId, task.startedEventId, task.attempt], [0, 3, 1]);
  assert.deepEqual(ids(task), [1, 2, 3]);
  assert.equal(task.scheduledTime, stage.clock.now());
  assert.equal(task.startedTime, stage.clock.now());
  assert.equal(task.nextPageToken.byteLength, 0);
  assert.equal(task.query, undefined);
});

test('a poll that expires answers without a single byte', async () => {
  await using stage = await Stage.open();
  const poll = stage.pollWorkflow();
  await stage.clock.settle();
  await stage.clock.advance(60_000);
  assert.equal(PollWorkflowTaskQueueResponse.encode(await poll).byteLength, 0);
});

test('a poll answers a second before its caller gives up', async () => {
  await using stage = await Stage.open();
  const poll = stage.pollWorkflow(QUEUE, { timeoutMs: 30_000 });
  await stage.clock.settle();
  await stage.clock.advance(29_000);
  assert.equal((await poll).taskToken.byteLength, 0);
});

test('a caller that went away takes no task with it', async () => {
  await using stage = await Stage.open();
  const gone = new AbortController();
  const poll = stage.pollWorkflow(QUEUE, { signal: gone.signal });
  await stage.clock.settle();
  gone.abort();
  await assert.rejects(poll, refusedWith(Code.CANCELLED));
  await stage.start('w');
  assert.equal((await stage.pollWorkflow()).startedEventId, 3);
});

test('bad polls and tokens are refused', async () => {
  await using stage = await Stage.open();
  const poll = (request: object) => stage.call(WorkflowService.PollWorkflowTaskQueue, request);
  await assert.rejects(poll({ taskQueue: { name: QUEUE } }), refusedWith(Code.INVALID_ARGUMENT, /^Namespace not set on request\.$/));
  await assert.rejects(poll({ namespace: 'nowhere', taskQueue: { name: QUEUE } }), refusedWith(Code.NOT_FOUND, /nowhere/));
  await assert.rejects(poll({ namespace: NAMESPACE }), refusedWith(Code.INVALID_ARGUMENT, /TaskQueue/));
  await assert.rejects(stage.complete({ taskToken: Buffer.from('x') }), refusedWith(Code.INVALID_ARGUMENT, /Task token/));
  await assert.rejects(stage.complete({ taskToken: new Uint8Array(0) }), refusedWith(Code.INVALID_ARGUMENT, /Task token/));
  await stage.start('w');
  const task = await stage.pollWorkflow();
  await stage.call(WorkflowService.RegisterNamespace, { namespace: 'other', workflowExecutionRetentionPeriod: 86_400_000 });
  await assert.rejects(stage.complete(task, [], { namespace: 'other' }), refusedWith(Code.INVALID_ARGUMENT, /belongs to the namespace default/));
});

test('a workflow with an activity continues after a restart between any two steps', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.restart();
  const first = await stage.pollWorkflow();
  await stage.restart();
  await stage.complete(first, [scheduleActivity('a'), startTimer('t', 3_600_000)]);
  await stage.restart();
  const activity = await stage.pollActivity();
  assert.equal(activity.activityId, 'a');
  await stage.restart();
  await stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken: activity.taskToken, result: payloads('ok') });
  await stage.restart();
  const second = await stage.pollWorkflow();
  assert.deepEqual(ids(second), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await stage.complete(second);
  await stage.restart();
  await stage.clock.advance(3_600_000);
  const third = await stage.pollWorkflow();
  await stage.restart();
  await stage.complete(third, [completeWorkflow()]);
  await stage.restart();
  assert.deepEqual((await stage.eventTypes('w')).slice(-4), ['WORKFLOW_TASK_SCHEDULED', 'WORKFLOW_TASK_STARTED', 'WORKFLOW_TASK_COMPLETED', 'WORKFLOW_EXECUTION_COMPLETED']);
  assert.deepEqual((await stage.events('w')).map((event) => event.eventId), Array.from({ length: 16 }, (_, index) => index + 1));
});

test('the sticky worker gets only what is new, and a failed task gets all', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [], sticky);
  const next = stage.pollWorkflow(STICKY);
  await stage.clock.settle();
  await stage.signal('w', 'go');
  const task = await next;
  assert.deepEqual(ids(task), [4, 5, 6, 7]);
  assert.equal(task.previousStartedEventId, 3);
  assert.equal(task.workflowExecutionTaskQueue?.name, QUEUE);
  await stage.call(WorkflowService.RespondWorkflowTaskFailed, { taskToken: task.taskToken, cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE });
  assert.equal(ids(await stage.pollWorkflow())[0], 1);
});

test('a retried attempt that history does not show yet ends with its Started event', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const first = await stage.pollWorkflow();
  await stage.call(WorkflowService.RespondWorkflowTaskFailed, { taskToken: first.taskToken, cause: WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE });
  const second = await stage.pollWorkflow();
  assert.deepEqual([second.attempt, second.startedEventId], [2, 6]);
  assert.deepEqual(ids(second), [1, 2, 3, 4, 5, 6]);
  // A worker that lost its cache fetches the same; people see what is stored.
  const fetch = (clientName: string) =>
    stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId: 'w' } }, { metadata: { 'client-name': clientName } });
  assert.deepEqual(ids(await fetch('temporal-typescript')), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(ids(await fetch('temporal-ui')), [1, 2, 3, 4]);
  await stage.restart();
  await stage.complete(second, [completeWorkflow()]);
  assert.equal((await stage.events('w')).length, 8);
});

test('the token of an attempt that timed out is refused, also after a restart', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const late = await stage.pollWorkflow();
  await stage.clock.advance(10_001);
  const current = await stage.pollWorkflow();
  assert.equal(current.attempt, 2);
  await assert.rejects(stage.complete(late, [completeWorkflow()]), refusedWith(Code.NOT_FOUND));
  await stage.restart();
  await assert.rejects(stage.complete(late, [completeWorkflow()]), refusedWith(Code.NOT_FOUND));
  await stage.complete(current, [completeWorkflow()]);
  await assert.rejects(stage.complete(current, [completeWorkflow()]), refusedWith(Code.NOT_FOUND), 'twice');
});

test('a completion that missed a signal is refused with the text that workers compare', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const task = await stage.pollWorkflow();
  await stage.signal('w', 'late');
  await assert.rejects(stage.complete(task, [completeWorkflow()]), refusedWith(Code.INVALID_ARGUMENT, /^UnhandledCommand$/));
  const next = await stage.pollWorkflow();
  assert.deepEqual(ids(next), [1, 2, 3, 4, 5, 6, 7]);
});

test('the next task comes with the completion if the worker asks for it', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const task = await stage.pollWorkflow();
  await stage.signal('w', 'meanwhile');
  const reply = await stage.complete(task, [], { ...sticky, returnNewWorkflowTask: true });
  assert.deepEqual(ids(reply.workflowTask ?? {}), [4, 5, 6, 7]);
  const last = await stage.complete(reply.workflowTask ?? task, [completeWorkflow()], { returnNewWorkflowTask: true });
  assert.equal(last.workflowTask, undefined, 'absent means there is none');
});

test('a heartbeat of local activities gets its next task at once', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const reply = await stage.complete(await stage.pollWorkflow(), [], { ...sticky, returnNewWorkflowTask: true, forceCreateNewWorkflowTask: true });
  assert.deepEqual(ids(reply.workflowTask ?? {}), [4, 5, 6]);
});

test('a worker that says goodbye gets its polls back empty, and its runs go to others', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [], sticky);
  const poll = stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, workerInstanceKey: 'key' });
  const activityPoll = stage.call(WorkflowService.PollActivityTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, workerInstanceKey: 'key' });
  const nexusPoll = stage.call(WorkflowService.PollNexusTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, workerInstanceKey: 'key' });
  const stickyPoll = stage.pollWorkflow(STICKY);
  await stage.clock.settle();
  await stage.call(WorkflowService.ShutdownWorker, { namespace: NAMESPACE, workerInstanceKey: 'key', stickyTaskQueue: STICKY });
  for (const ended of await Promise.all([poll, activityPoll, nexusPoll, stickyPoll])) assert.equal(ended.taskToken.byteLength, 0);
  await stage.signal('w', 'go');
  assert.deepEqual(ids(await stage.pollWorkflow())[0], 1);
});

test('ResetStickyTaskQueue sends the next task to everybody', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [], sticky);
  await stage.call(WorkflowService.ResetStickyTaskQueue, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  await stage.signal('w', 'go');
  assert.equal(ids(await stage.pollWorkflow())[0], 1);
});

test('a history larger than a page is fetched with the token and ends with the Started event', async () => {
  await using stage = await Stage.open();
  await stage.start('w', { input: payloads('x'.repeat(1_900_000)) });
  for (let i = 0; i < 3; i++) {
    const input = payloads('y'.repeat(1_900_000));
    await stage.call(WorkflowService.SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, signalName: 's', input });
  }
  const task = await stage.pollWorkflow();
  const found = ids(task);
  let { nextPageToken } = task;
  assert.ok(nextPageToken.byteLength > 0);
  await stage.restart();
  while (nextPageToken.byteLength > 0) {
    const page = await stage.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: task.workflowExecution, nextPageToken });
    found.push(...ids(page));
    nextPageToken = page.nextPageToken;
  }
  assert.deepEqual(found, [1, 2, 3, 4, 5, 6]);
  assert.equal(task.startedEventId, 6);
});
