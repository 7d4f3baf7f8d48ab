/** Pause, options, links and priorities over RPC, across a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, Link, Priority, QueryRejectCondition, RpcError, WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowService, type Init } from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, scheduleActivity, Stage, startRequest } from '../server/testing/stage.js';

const { DescribeWorkflowExecution, PauseWorkflowExecution, QueryWorkflow, StartWorkflowExecution, UnpauseWorkflowExecution, UpdateWorkflowExecutionOptions } = WorkflowService;
const w = { namespace: NAMESPACE, workflowId: 'w' };
const refusedWith = (code: Code, says?: RegExp) => (error: unknown) => error instanceof RpcError && error.code === code && (says?.test(error.message) ?? true);
const describe = (stage: Stage) => stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
const priority = (fields: Init<Priority>) => Priority.encode(Priority.create(fields));

test('a paused run stays paused over a restart; no worker gets anything of it; queries are rejected', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
  await stage.call(PauseWorkflowExecution, { ...w, identity: 'operator', reason: 'look', requestId: 'p' });
  await stage.restart();
  const described = await describe(stage);
  assert.equal(described.workflowExecutionInfo?.status, WorkflowExecutionStatus.PAUSED);
  assert.deepEqual([described.workflowExtendedInfo?.pauseInfo?.identity, described.workflowExtendedInfo?.pauseInfo?.reason], ['operator', 'look']);
  const query = await stage.call(QueryWorkflow, { namespace: NAMESPACE, execution: { workflowId: 'w' }, query: { queryType: 'q' }, queryRejectCondition: QueryRejectCondition.NONE });
  assert.equal(query.queryRejected?.status, WorkflowExecutionStatus.PAUSED);

  const poll = stage.pollActivity();
  await stage.clock.advance(60_000);
  assert.equal((await poll).taskToken.byteLength, 0);
  await stage.call(UnpauseWorkflowExecution, { ...w, reason: 'seen' });
  assert.equal((await stage.pollActivity()).activityId, 'a');
  assert.equal((await stage.pollWorkflow()).attempt, 1);
  await assert.rejects(stage.call(UnpauseWorkflowExecution, w), refusedWith(Code.FAILED_PRECONDITION));
  await assert.rejects(stage.call(PauseWorkflowExecution, { ...w, workflowId: 'none' }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(stage.call(PauseWorkflowExecution, { ...w, workflowId: '' }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(stage.call(PauseWorkflowExecution, { ...w, reason: 'x'.repeat(2000) }), refusedWith(Code.INVALID_ARGUMENT));
});

test('options are updated by a mask', async () => {
  await using stage = await Stage.open();
  await stage.start('w', { priority: priority({ priorityKey: 2 }) });
  const update = { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, identity: 'operator' };
  await assert.rejects(stage.call(UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: {} }), refusedWith(Code.INVALID_ARGUMENT, /UpdateMask is required/));
  await assert.rejects(stage.call(UpdateWorkflowExecutionOptions, { ...update, updateMask: {} }), refusedWith(Code.INVALID_ARGUMENT, /WorkflowExecutionOptions is required/));
  await assert.rejects(stage.call(UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: {}, updateMask: { paths: ['nope'] } }), refusedWith(Code.INVALID_ARGUMENT, /nope/));
  const negative = { ...update, workflowExecutionOptions: { priority: priority({ priorityKey: -1 }) }, updateMask: { paths: ['priority'] } };
  await assert.rejects(stage.call(UpdateWorkflowExecutionOptions, negative), refusedWith(Code.INVALID_ARGUMENT, /negative/));
  const { workflowExecutionOptions } = await stage.call(UpdateWorkflowExecutionOptions, { ...update, workflowExecutionOptions: { priority: priority({ fairnessKey: 'tenant' }) }, updateMask: { paths: ['priority.fairness_key'] } });
  assert.deepEqual(Priority.decode(workflowExecutionOptions?.priority ?? new Uint8Array(0)), { priorityKey: 2, fairnessKey: 'tenant', fairnessWeight: 0 });
  await stage.restart();
  assert.equal(Priority.decode((await describe(stage)).workflowExecutionInfo?.priority ?? new Uint8Array(0)).fairnessKey, 'tenant');
});

test('replies link to the event that the request led to', async () => {
  await using stage = await Stage.open();
  const decode = (link: Uint8Array | undefined) => Link.decode(link ?? new Uint8Array(0)).workflowEvent;
  const started = await stage.call(StartWorkflowExecution, startRequest('w'));
  assert.deepEqual(decode(started.link), { namespace: NAMESPACE, workflowId: 'w', runId: started.runId, eventRef: { eventId: 1, eventType: EventType.WORKFLOW_EXECUTION_STARTED } });
  const attach = startRequest('w', { requestId: 'r2', workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: { attachRequestId: true } });
  const attached = await stage.call(StartWorkflowExecution, attach);
  assert.deepEqual(decode(attached.link)?.requestIdRef, { requestId: 'r2', eventType: EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED });
  const signal = { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, signalName: 's', requestId: 'r3' };
  const signaled = await stage.call(WorkflowService.SignalWorkflowExecution, signal);
  assert.deepEqual([decode(signaled.link)?.runId, decode(signaled.link)?.requestIdRef?.requestId], [started.runId, 'r3']);
  const both = await stage.call(WorkflowService.SignalWithStartWorkflowExecution, { ...startRequest('v'), signalName: 's', requestId: 'r4' });
  assert.equal(decode(both.signalLink)?.requestIdRef?.requestId, 'r4');
});

test('a cron schedule runs on, over restarts', async () => {
  await using stage = await Stage.open();
  await stage.start('w', { cronSchedule: '@every 1h' });
  for (let n = 0; n < 3; n++) {
    await stage.restart();
    await stage.clock.advance(3_600_000);
    await stage.complete(await stage.pollWorkflow(), [completeWorkflow(`${n}`)]);
  }
  const [started] = await stage.events('w');
  assert.equal(started?.workflowExecutionStartedEventAttributes?.firstWorkflowTaskBackoff, 3_600_000);
  await assert.rejects(stage.start('bad', { cronSchedule: '1 2 3' }), refusedWith(Code.INVALID_ARGUMENT, /there are 3 fields/));
});

test('a second signal-with-start ends the delay of the first; a signal does not', async () => {
  await using stage = await Stage.open();
  const request = { ...startRequest('w'), signalName: 's', workflowStartDelay: 60_000 };
  await stage.call(WorkflowService.SignalWithStartWorkflowExecution, request);
  await stage.signal('w', 'plain');
  assert.equal((await stage.eventTypes('w')).at(-1), 'WORKFLOW_EXECUTION_SIGNALED');
  await stage.call(WorkflowService.SignalWithStartWorkflowExecution, { ...request, requestId: 'again' });
  assert.equal((await stage.eventTypes('w')).at(-1), 'WORKFLOW_TASK_SCHEDULED');
});
