/** Schedules through the whole server: workflow executions that start and end, a server that was down, requests that make no sense. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, RpcError, ScheduleOverlapPolicy, SearchAttributes, WorkflowService, type CreateScheduleRequest, type Init, type ScheduleInfo } from '../protocol/index.js';
import { NAMESPACE, QUEUE, Stage, completeWorkflow } from '../server/testing/stage.js';

const MINUTE = 60_000;
const action = { startWorkflow: { workflowId: 'w', workflowType: { name: 'T' }, taskQueue: { name: QUEUE } } };

async function create(stage: Stage, scheduleId: string, request: Init<CreateScheduleRequest> = {}): Promise<Uint8Array> {
  const schedule = { spec: { interval: [{ interval: MINUTE }] }, action, ...request.schedule };
  const reply = await stage.call(WorkflowService.CreateSchedule, { namespace: NAMESPACE, scheduleId, requestId: `create ${scheduleId}`, ...request, schedule });
  return reply.conflictToken;
}

async function infoOf(stage: Stage, scheduleId = 's'): Promise<ScheduleInfo> {
  const { info } = await stage.call(WorkflowService.DescribeSchedule, { namespace: NAMESPACE, scheduleId });
  assert.ok(info);
  return info;
}

const refusal = (promise: Promise<unknown>): Promise<RpcError> =>
  promise.then(
    () => assert.fail('it is refused'),
    (error: unknown) => {
      assert.ok(error instanceof RpcError);
      return error;
    },
  );

test('the end of an action is heard of, through a chain of runs, and the next one is started', async () => {
  await using stage = await Stage.open();
  await create(stage, 's', { schedule: { policies: { overlapPolicy: ScheduleOverlapPolicy.BUFFER_ONE } } });
  await stage.clock.advance(2 * MINUTE);
  const first = await infoOf(stage);
  assert.deepEqual([first.runningWorkflows.map(({ workflowId }) => workflowId), first.bufferSize], [['w-2030-01-01T00:01:00Z'], 1]);
  const again = { commandType: 10, continueAsNewWorkflowExecutionCommandAttributes: { workflowType: { name: 'T' } } } as const;
  await stage.complete(await stage.pollWorkflow(), [again]);
  assert.equal((await infoOf(stage)).runningWorkflows.length, 1, 'a run that continues as new has not ended');
  await stage.clock.advance(MINUTE / 2);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow('r1')]);
  const second = await infoOf(stage);
  assert.deepEqual(second.runningWorkflows.map(({ workflowId }) => workflowId), ['w-2030-01-01T00:02:00Z']);
  assert.deepEqual(second.recentActions.map(({ startWorkflowStatus }) => startWorkflowStatus), [2, 1]);
  const [started] = await stage.events('w-2030-01-01T00:02:00Z');
  assert.ok(started?.workflowExecutionStartedEventAttributes?.lastCompletionResult);
  assert.deepEqual(started.workflowExecutionStartedEventAttributes.completionCallbacks, [], 'that the schedule listens is not in the history');
});

test('a run that is reset has not ended: the schedule hears how the run that follows it ends', async () => {
  await using stage = await Stage.open();
  await create(stage, 's');
  await stage.clock.advance(MINUTE);
  const workflowId = 'w-2030-01-01T00:01:00Z';
  await stage.complete(await stage.pollWorkflow());
  await stage.call(WorkflowService.ResetWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId }, workflowTaskFinishEventId: 4, requestId: 'reset' });
  assert.equal((await infoOf(stage)).runningWorkflows.length, 1);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const info = await infoOf(stage);
  assert.deepEqual([info.runningWorkflows, info.recentActions[0]?.startWorkflowStatus], [[], 2]);
});

test('a server that was down takes what the catch-up window says, and still hears of what runs', async () => {
  await using stage = await Stage.open();
  await create(stage, 's', { schedule: { policies: { overlapPolicy: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: 2.5 * MINUTE } } });
  await stage.clock.advance(MINUTE);
  assert.equal((await infoOf(stage)).runningWorkflows.length, 1);
  await stage.restart(5 * MINUTE);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const info = await infoOf(stage);
  assert.deepEqual([info.missedCatchupWindow, info.actionCount, info.bufferSize], [2, 2, 2]);
  await stage.restart();
  assert.deepEqual(await infoOf(stage), info);
});

test('a deleted schedule is gone, what it started goes on, and its id is free', async () => {
  await using stage = await Stage.open();
  await create(stage, 's');
  await stage.clock.advance(MINUTE);
  await stage.call(WorkflowService.DeleteSchedule, { namespace: NAMESPACE, scheduleId: 's' });
  assert.equal((await refusal(infoOf(stage))).code, Code.NOT_FOUND);
  assert.equal((await refusal(stage.call(WorkflowService.DeleteSchedule, { namespace: NAMESPACE, scheduleId: 's' }))).code, Code.NOT_FOUND);
  await create(stage, 's', { requestId: 'another' });
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  assert.equal((await stage.eventTypes('w-2030-01-01T00:01:00Z')).at(-1), 'WORKFLOW_EXECUTION_COMPLETED');
  assert.deepEqual([(await infoOf(stage)).actionCount, (await infoOf(stage)).recentActions], [0, []], 'the new one hears nothing of the old one');
});

test('a termination for the sake of the next action', async () => {
  await using stage = await Stage.open();
  await create(stage, 's', { schedule: { policies: { overlapPolicy: ScheduleOverlapPolicy.TERMINATE_OTHER } } });
  await stage.clock.advance(2 * MINUTE);
  const info = await infoOf(stage);
  assert.deepEqual(info.recentActions.map(({ startWorkflowStatus }) => startWorkflowStatus), [5, 1]);
  const last = (await stage.events('w-2030-01-01T00:01:00Z')).at(-1);
  assert.equal(last?.eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
  assert.equal(last.workflowExecutionTerminatedEventAttributes?.identity, 'temporal-scheduler-default-s');
});

test('lists and counts: in pages, without what was deleted', async () => {
  await using stage = await Stage.open();
  for (let n = 0; n < 5; n++) await create(stage, `s${n}`, { schedule: { state: { notes: `note ${n}`, paused: n === 1 } } });
  await stage.call(WorkflowService.DeleteSchedule, { namespace: NAMESPACE, scheduleId: 's3' });
  const seen: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await stage.call(WorkflowService.ListSchedules, { namespace: NAMESPACE, maximumPageSize: 2, nextPageToken });
    seen.push(...page.schedules.map(({ scheduleId, info }) => `${scheduleId} ${info?.notes} ${info?.paused} ${info?.futureActionTimes.length}`));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.byteLength > 0);
  assert.deepEqual(seen.sort(), ['s0 note 0 false 5', 's1 note 1 true 5', 's2 note 2 false 5', 's4 note 4 false 5']);
  assert.equal((await stage.call(WorkflowService.CountSchedules, { namespace: NAMESPACE })).count, 4);
});

test('lists with a query: by id, by what is paused, by a search attribute; a pause is seen at once', async () => {
  await using stage = await Stage.open({ searchAttributes: { Team: 'Keyword' } });
  const team = (name: string): Uint8Array => SearchAttributes.encode({ indexedFields: new Map([['Team', { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(name)) }]]) });
  for (const scheduleId of ['a', 'b', 'c']) await create(stage, scheduleId, { searchAttributes: team(scheduleId === 'c' ? 'red' : 'blue') });
  const found = async (query: string): Promise<string> =>
    (await stage.call(WorkflowService.ListSchedules, { namespace: NAMESPACE, query })).schedules.map(({ scheduleId }) => scheduleId).sort().join('');
  assert.equal(await found("ScheduleId = 'b'"), 'b');
  assert.equal(await found("Team = 'blue'"), 'ab');
  await stage.call(WorkflowService.PatchSchedule, { namespace: NAMESPACE, scheduleId: 'b', patch: { pause: 'x' } });
  assert.equal(await found('TemporalSchedulePaused = true'), 'b');
  assert.equal(await found("Team = 'blue' AND SchedulePaused = false"), 'a');
  assert.equal((await stage.call(WorkflowService.CountSchedules, { namespace: NAMESPACE, query: "Team = 'blue'" })).count, 2);
  assert.equal((await refusal(found('Colour = 1'))).code, Code.INVALID_ARGUMENT);
  await stage.clock.advance(MINUTE);
  assert.equal((await stage.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE, query: "TemporalScheduledById = 'a'" })).executions.length, 1);
});

test('matching times', async () => {
  await using stage = await Stage.open();
  await create(stage, 's');
  const startTime = stage.clock.now();
  const { startTime: times } = await stage.call(WorkflowService.ListScheduleMatchingTimes, { namespace: NAMESPACE, scheduleId: 's', startTime, endTime: startTime + 2 * MINUTE });
  assert.deepEqual(times, [startTime + MINUTE, startTime + 2 * MINUTE], 'after the start, up to the end');
});

test('requests that make no sense are refused, with what is wrong', async () => {
  await using stage = await Stage.open();
  const wrong: readonly (readonly [request: Init<CreateScheduleRequest>, says: RegExp])[] = [
    [{ requestId: '' }, /RequestId is not set/],
    [{ scheduleId: '' }, /ScheduleId is not set/],
    [{ schedule: { action: {} } }, /Only StartWorkflow action/],
    [{ schedule: { action: { startWorkflow: { ...action.startWorkflow, cronSchedule: '* * * * *' } } } }, /must not contain CronSchedule/],
    [{ schedule: { action: { startWorkflow: { ...action.startWorkflow, workflowIdReusePolicy: 3 } } } }, /must not contain WorkflowIDReusePolicy/],
    [{ schedule: { action: { startWorkflow: { ...action.startWorkflow, workflowId: 'x'.repeat(990) } } } }, /exceeds maximum allowed length \(1011\/1000\)/],
    [{ schedule: { spec: { interval: [{ interval: 1 }] } } }, /^Invalid schedule spec: interval is too small$/],
    [{ schedule: { policies: { overlapPolicy: 9 as never } } }, /overlap policy 9 is unknown/],
    [{ schedule: { state: { limitedActions: true, remainingActions: -1 } } }, /RemainingActions must not be negative/],
  ];
  for (const [request, says] of wrong) {
    const error = await refusal(create(stage, 's', request));
    assert.equal(error.code, Code.INVALID_ARGUMENT);
    assert.match(error.message, says);
  }
  await create(stage, 's');
  assert.equal((await refusal(create(stage, 's', { requestId: 'other' }))).code, Code.ALREADY_EXISTS);
  const update = { namespace: NAMESPACE, scheduleId: 's', requestId: 'u', schedule: { spec: {}, action }, conflictToken: new Uint8Array(8) };
  assert.equal((await refusal(stage.call(WorkflowService.UpdateSchedule, update))).code, Code.FAILED_PRECONDITION);
  assert.equal((await refusal(stage.call(WorkflowService.PatchSchedule, { namespace: NAMESPACE, scheduleId: 's' }))).code, Code.INVALID_ARGUMENT);
  assert.equal((await refusal(stage.call(WorkflowService.PatchSchedule, { namespace: NAMESPACE, scheduleId: 'nope', patch: { pause: 'x' } }))).code, Code.NOT_FOUND);
});
