/** Pause, unpause, reset and other options over the wire: as operators' tools send them, and what they are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Failure, PendingActivityState, RpcError, WorkflowService, type PendingActivityInfo } from '../protocol/index.js';
import { NAMESPACE, Stage, scheduleActivity } from '../server/testing/stage.js';

const execution = { workflowId: 'order' };
const refused = (code: Code, says: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && says.test(error.message);

async function staged(): Promise<Stage> {
  const stage = await Stage.open();
  await stage.start('order');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
  return stage;
}

async function pending(stage: Stage): Promise<PendingActivityInfo | undefined> {
  const { pendingActivities } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution });
  return pendingActivities[0];
}

test('a pause survives a restart of the server; a worker gets the activity once it is unpaused', async () => {
  await using stage = await staged();
  await stage.call(WorkflowService.PauseActivity, { namespace: NAMESPACE, execution, identity: 'operator', id: 'a', reason: 'look', requestId: 'r' });
  await stage.restart();
  const paused = await pending(stage);
  assert.deepEqual([paused?.state, paused?.paused, paused?.pauseInfo?.manual?.reason], [PendingActivityState.PAUSED, true, 'look']);
  const poll = stage.pollActivity();
  await stage.call(WorkflowService.UnpauseActivity, { namespace: NAMESPACE, execution, unpauseAll: true });
  assert.equal((await poll).activityId, 'a');
  assert.equal((await pending(stage))?.state, PendingActivityState.STARTED);
});

test('a worker is told of pause and reset with its heartbeat, and its token stays good', async () => {
  await using stage = await staged();
  const { taskToken } = await stage.pollActivity();
  const heartbeat = () => stage.call(WorkflowService.RecordActivityTaskHeartbeat, { taskToken });
  await stage.call(WorkflowService.PauseActivity, { namespace: NAMESPACE, execution, type: 'charge' });
  assert.deepEqual({ ...(await heartbeat()) }, { cancelRequested: false, activityPaused: true, activityReset: false });
  await stage.call(WorkflowService.ResetActivity, { namespace: NAMESPACE, execution, matchAll: true });
  assert.deepEqual({ ...(await heartbeat()) }, { cancelRequested: false, activityPaused: false, activityReset: true });
  await stage.call(WorkflowService.RespondActivityTaskCompleted, { taskToken });
  assert.equal((await stage.eventTypes('order')).at(-2), 'ACTIVITY_TASK_COMPLETED');
});

test('options are changed by mask and restored', async () => {
  await using stage = await staged();
  const changed = await stage.call(WorkflowService.UpdateActivityOptions, {
    namespace: NAMESPACE,
    execution,
    id: 'a',
    activityOptions: { startToCloseTimeout: 3000, heartbeatTimeout: 1 },
    updateMask: { paths: ['start_to_close_timeout'] },
  });
  assert.deepEqual([changed.activityOptions?.startToCloseTimeout, changed.activityOptions?.heartbeatTimeout], [3000, 3000]);
  assert.equal((await stage.pollActivity()).startToCloseTimeout, 3000);
  const restored = await stage.call(WorkflowService.UpdateActivityOptions, { namespace: NAMESPACE, execution, id: 'a', restoreOriginal: true });
  assert.deepEqual([restored.activityOptions?.startToCloseTimeout, restored.activityOptions?.heartbeatTimeout], [10_000, 5000]);
});

test('requests that say too little or too much are refused', async () => {
  await using stage = await staged();
  const request = { namespace: NAMESPACE, execution };
  await assert.rejects(stage.call(WorkflowService.PauseActivity, request), refused(Code.INVALID_ARGUMENT, /Activity.Id or Activity.Type/));
  await assert.rejects(stage.call(WorkflowService.PauseActivity, { namespace: NAMESPACE, id: 'a' }), refused(Code.INVALID_ARGUMENT, /Execution/));
  await assert.rejects(stage.call(WorkflowService.ResetActivity, { ...request, id: 'x' }), refused(Code.NOT_FOUND, /pending activity/));
  await assert.rejects(stage.call(WorkflowService.UnpauseActivity, { ...request, id: 'a', jitter: -1 }), refused(Code.INVALID_ARGUMENT, /Jitter/));
  const update = { ...request, id: 'a' };
  await assert.rejects(stage.call(WorkflowService.UpdateActivityOptions, update), refused(Code.INVALID_ARGUMENT, /ActivityOptions/));
  await assert.rejects(stage.call(WorkflowService.UpdateActivityOptions, { ...update, activityOptions: {} }), refused(Code.INVALID_ARGUMENT, /UpdateMask/));
  await assert.rejects(
    stage.call(WorkflowService.UpdateActivityOptions, { ...update, restoreOriginal: true, updateMask: { paths: [] } }),
    refused(Code.INVALID_ARGUMENT, /RestoreOriginal/),
  );
});

test('an activity that fails without an application failure is refused; what is too large fails it with a message', async () => {
  await using stage = await staged();
  const { taskToken } = await stage.pollActivity();
  const fail = (failure: Uint8Array) => stage.call(WorkflowService.RespondActivityTaskFailed, { taskToken, failure });
  await assert.rejects(fail(Failure.encode({ message: 'no kind' })), refused(Code.INVALID_ARGUMENT, /ApplicationFailureInfo/));
  const { failures } = await fail(Failure.encode({ message: 'x'.repeat(2 * 1024 * 1024), applicationFailureInfo: { type: 'Large' } }));
  assert.equal(failures.length, 1);
  const failed = (await stage.events('order')).find((event) => event.activityTaskFailedEventAttributes)?.activityTaskFailedEventAttributes;
  assert.equal(Failure.decode(failed?.failure ?? new Uint8Array()).message, 'Failure exceeds size limit.');
});
