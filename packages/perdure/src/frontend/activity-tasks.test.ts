/** Activities through the RPCs of a worker: what an attempt receives, how it ends, and that only the living attempt may end it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Failure, PollActivityTaskQueueResponse, RpcError, WorkflowService, CommandType } from '../protocol/index.js';
import { NAMESPACE, payloads, scheduleActivity, Stage } from '../server/testing/stage.js';

const refusedWith = (code: Code, message?: RegExp) => (error: unknown) =>
  error instanceof RpcError && error.code === code && (message === undefined || message.test(error.message));
const byId = { namespace: NAMESPACE, workflowId: 'w', activityId: 'a' };
const failure = Failure.encode({ message: 'card declined', applicationFailureInfo: { type: 'Declined' } });

/** A workflow `w` with a started activity `a`. */
async function withActivity(stage: Stage): Promise<PollActivityTaskQueueResponse> {
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
  return stage.pollActivity();
}

test('an attempt has everything a worker insists on', async () => {
  await using stage = await Stage.open();
  const task = await withActivity(stage);
  assert.equal(task.activityId, 'a');
  assert.equal(task.activityType?.name, 'charge');
  assert.equal(task.workflowType?.name, 'order');
  assert.equal(task.workflowNamespace, NAMESPACE);
  assert.equal(task.workflowExecution?.workflowId, 'w');
  assert.equal(task.attempt, 1);
  assert.deepEqual(Buffer.from(task.input ?? []), Buffer.from(payloads('a')));
  const present = [task.scheduledTime, task.currentAttemptScheduledTime, task.startedTime, task.startToCloseTimeout, task.scheduleToCloseTimeout, task.heartbeatTimeout];
  assert.ok(present.every((value) => value !== undefined));
  assert.equal(task.startToCloseTimeout, 10_000);
});

test('a poll that expires answers without a single byte', async () => {
  await using stage = await Stage.open();
  const poll = stage.pollActivity();
  await stage.clock.settle();
  await stage.clock.advance(60_000);
  assert.equal(PollActivityTaskQueueResponse.encode(await poll).byteLength, 0);
});

test('an attempt completes once', async () => {
  await using stage = await Stage.open();
  const { taskToken } = await withActivity(stage);
  await stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken, result: payloads('ok') });
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(stage.call(WorkflowService.RecordActivityTaskHeartbeat, { taskToken }), refusedWith(Code.NOT_FOUND));
  assert.ok((await stage.eventTypes('w')).includes('ACTIVITY_TASK_COMPLETED'));
});

test('a failed attempt is retried with its heartbeat, and the late answer of the old one is refused', async () => {
  await using stage = await Stage.open();
  const first = await withActivity(stage);
  const { cancelRequested } = await stage.call(WorkflowService.RecordActivityTaskHeartbeat, { taskToken: first.taskToken, details: payloads('half') });
  assert.equal(cancelRequested, false);
  await stage.call(WorkflowService.RespondActivityTaskFailed, { taskToken: first.taskToken, failure });
  const poll = stage.pollActivity();
  await stage.clock.settle();
  await stage.clock.advance(1_000);
  const second = await poll;
  assert.equal(second.attempt, 2);
  assert.deepEqual(Buffer.from(second.heartbeatDetails ?? []), Buffer.from(payloads('half')));
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken: first.taskToken }), refusedWith(Code.NOT_FOUND));
  await stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken: second.taskToken, result: payloads('ok') });
});

test('an attempt without heartbeats is given up and handed out again', async () => {
  await using stage = await Stage.open();
  const first = await withActivity(stage);
  const poll = stage.pollActivity();
  await stage.clock.settle();
  await stage.clock.advance(6_001);
  assert.equal((await poll).attempt, 2);
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken: first.taskToken }), refusedWith(Code.NOT_FOUND));
});

test('activities are answered by their ids, without a token', async () => {
  await using stage = await Stage.open();
  await withActivity(stage);
  await stage.restart();
  await stage.call(WorkflowService.RecordActivityTaskHeartbeatById, { ...byId, details: payloads('half') });
  await stage.call(WorkflowService.RespondActivityTaskCompletedById, { ...byId, result: payloads('ok') });
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskFailedById, { ...byId, failure }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCanceledById, { ...byId, workflowId: 'x' }), refusedWith(Code.NOT_FOUND));
});

test('who fails an activity by its id may give a message and nothing else', async () => {
  await using stage = await Stage.open();
  await withActivity(stage);
  await stage.call(WorkflowService.RespondActivityTaskFailedById, { ...byId, failure: Failure.encode({ message: 'no kind' }) });
  const { pendingActivities } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: byId.workflowId } });
  const [pending] = pendingActivities;
  assert.equal(pending?.attempt, 2);
  assert.equal(Failure.decode(pending.lastFailure ?? new Uint8Array(0)).message, 'no kind');
});

test('a cancelled activity hears of it by its heartbeat and may end as cancelled, others may not', async () => {
  await using stage = await Stage.open();
  const { taskToken } = await withActivity(stage);
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCanceled, { taskToken }), refusedWith(Code.INVALID_ARGUMENT));
  await stage.signal('w', 'stop');
  await stage.complete(await stage.pollWorkflow(), [
    { commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK, requestCancelActivityTaskCommandAttributes: { scheduledEventId: 5 } },
  ]);
  assert.equal((await stage.call(WorkflowService.RecordActivityTaskHeartbeat, { taskToken })).cancelRequested, true);
  await stage.call(WorkflowService.RespondActivityTaskCanceled, { taskToken, details: payloads('undone') });
  assert.ok((await stage.eventTypes('w')).includes('ACTIVITY_TASK_CANCELED'));
});

test('data that is too large fails the attempt and not the call', async () => {
  await using stage = await Stage.open();
  const { taskToken } = await withActivity(stage);
  const large = payloads('x'.repeat(2 * 1024 * 1024));
  await stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken, result: large });
  const events = await stage.events('w');
  const failed = events.find((event) => event.activityTaskFailedEventAttributes !== undefined)?.activityTaskFailedEventAttributes;
  assert.match(Failure.decode(failed?.failure ?? new Uint8Array(0)).message, /size limit/);
});

test('bad requests say what is missing', async () => {
  await using stage = await Stage.open();
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken: Buffer.from('x') }), refusedWith(Code.INVALID_ARGUMENT, /Task token/));
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompletedById, { ...byId, activityId: '' }), refusedWith(Code.INVALID_ARGUMENT, /ActivityId/));
  // Without a workflow the id means an activity of its own.
  await assert.rejects(stage.call(WorkflowService.RespondActivityTaskCompletedById, { ...byId, workflowId: '' }), refusedWith(Code.NOT_FOUND, /activity not found/));
  await assert.rejects(stage.call(WorkflowService.PollActivityTaskQueue, { namespace: NAMESPACE, taskQueue: { name: '' } }), refusedWith(Code.INVALID_ARGUMENT, /TaskQueue/));
});
