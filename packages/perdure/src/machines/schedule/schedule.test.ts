/** Schedules on virtual time: when they act, what the overlap policies make of it, and what is said of what was left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Failure, Payloads, RpcError, ScheduleOverlapPolicy, SearchAttributes, SkipReason, WorkflowExecutionStatus, WorkflowIdReusePolicy } from '../../protocol/index.js';
import { describeSchedule, scheduleMachine, skippedActions } from './index.js';
import { START, TestSchedule, scheduleOf } from './testing.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const EVERY_MINUTE = { interval: [{ interval: MINUTE }] };
const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL } = ScheduleOverlapPolicy;

function created(policy: ScheduleOverlapPolicy = SKIP, spec: Parameters<TestSchedule['create']>[0] = EVERY_MINUTE): TestSchedule {
  const schedule = new TestSchedule();
  schedule.create(spec, { policies: { overlapPolicy: policy } });
  return schedule;
}

const ids = (schedule: TestSchedule): string[] => schedule.starts.map(({ workflowId }) => workflowId);
const reasons = (schedule: TestSchedule): SkipReason[] => skippedActions(schedule.live).map(({ reason }) => reason ?? SkipReason.UNSPECIFIED);
const at = (minute: number): string => `w-2030-01-01T00:0${minute}:00Z`;

test('an action starts a workflow as other servers do: id, attributes, identity, reuse policy', () => {
  const schedule = created();
  schedule.advance(MINUTE - 1);
  assert.equal(schedule.starts.length, 0);
  schedule.advance(1);
  const [start] = schedule.starts;
  assert.ok(start?.searchAttributes);
  assert.equal(start.workflowId, at(1));
  assert.equal(start.identity, 'temporal-scheduler-default-s');
  assert.equal(start.workflowIdReusePolicy, WorkflowIdReusePolicy.REJECT_DUPLICATE);
  const attributes = [...SearchAttributes.decode(start.searchAttributes).indexedFields].map(([name, { data, metadata }]) => [name, JSON.parse(Buffer.from(data).toString()), Buffer.from(metadata['type'] ?? []).toString()]);
  assert.deepEqual(attributes, [['TemporalScheduledStartTime', '2030-01-01T00:01:00Z', 'Datetime'], ['TemporalScheduledById', 's', 'Keyword']]);
  assert.equal(schedule.info.actionCount, 1);
  assert.equal(schedule.info.runningWorkflows?.length, 1);
});

test('SKIP leaves out what comes while an action runs, and says so', () => {
  const schedule = created(SKIP);
  schedule.advance(3 * MINUTE);
  assert.deepEqual(ids(schedule), [at(1)]);
  assert.equal(schedule.info.overlapSkipped, 2);
  assert.deepEqual(skippedActions(schedule.live).map(({ scheduleTime = 0, reason }) => [scheduleTime - START, reason]), [[2 * MINUTE, SkipReason.OVERLAP], [3 * MINUTE, SkipReason.OVERLAP]]);
  schedule.close();
  schedule.advance(MINUTE);
  assert.deepEqual(ids(schedule), [at(1), at(4)]);
});

test('BUFFER_ONE keeps one, BUFFER_ALL keeps all, in order', () => {
  const one = created(BUFFER_ONE);
  const all = created(BUFFER_ALL);
  for (const schedule of [one, all]) {
    schedule.advance(4 * MINUTE);
    schedule.close();
    schedule.close();
  }
  assert.deepEqual(ids(one), [at(1), at(2)]);
  assert.equal(one.info.overlapSkipped, 2);
  assert.deepEqual(ids(all), [at(1), at(2), at(3)]);
  assert.equal(all.info.bufferSize, 1);
});

test('ALLOW_ALL starts at once, and nobody waits for those', () => {
  const schedule = created(ALLOW_ALL);
  schedule.advance(3 * MINUTE);
  assert.deepEqual(ids(schedule), [at(1), at(2), at(3)]);
  assert.deepEqual(schedule.info.runningWorkflows, []);
});

for (const [policy, type] of [[CANCEL_OTHER, 'request-cancel'], [TERMINATE_OTHER, 'terminate']] as const) {
  test(`the overlap policy ${policy} ends the running action once, and the latest firing takes its place`, () => {
    const schedule = created(policy);
    schedule.advance(4 * MINUTE);
    assert.deepEqual(schedule.sent.map(({ input }) => input.type), ['start', type]);
    assert.equal(schedule.info.bufferSize, 1, 'an action that does not end does not fill the buffer');
    schedule.close(policy === CANCEL_OTHER ? WorkflowExecutionStatus.CANCELED : WorkflowExecutionStatus.TERMINATED);
    assert.deepEqual(ids(schedule), [at(1), at(4)]);
    assert.deepEqual(reasons(schedule), [SkipReason.REPLACED, SkipReason.REPLACED]);
  });
}

test('a full buffer drops, and counts what it drops', () => {
  const schedule = created(BUFFER_ALL, { interval: [{ interval: 1000 }] });
  schedule.outage(1_100_000);
  assert.equal(schedule.info.bufferSize, 1000);
  assert.equal(schedule.info.bufferDropped, 99);
  assert.equal(reasons(schedule).at(-1), SkipReason.BUFFER_FULL);
});

test('after an outage, what is older than the catch-up window is missed and the rest is taken', () => {
  const schedule = new TestSchedule();
  schedule.create(EVERY_MINUTE, { policies: { overlapPolicy: ALLOW_ALL, catchupWindow: 3 * MINUTE } });
  schedule.outage(10 * MINUTE + 30_000);
  assert.equal(schedule.info.missedCatchupWindow, 7);
  assert.deepEqual(schedule.starts.map(({ workflowId }) => workflowId.slice(-6)), ['08:00Z', '09:00Z', '10:00Z']);
  assert.deepEqual(skippedActions(schedule.live), [{ scheduleTime: START + 7 * MINUTE, skipTime: schedule.now, reason: SkipReason.CATCHUP_WINDOW, count: 7, message: '' }]);
});

test('an outage of days is caught up in bounded steps', () => {
  const schedule = created(SKIP);
  schedule.outage(5 * DAY);
  assert.equal(schedule.info.overlapSkipped, 5 * 24 * 60 - 1);
  assert.equal(schedule.starts.length, 1);
});

test('a paused schedule takes no action and misses none', () => {
  const schedule = created();
  schedule.patch({ pause: 'later' });
  schedule.advance(10 * MINUTE);
  assert.equal(scheduleMachine.nextWake?.(schedule.live), undefined, 'it is not even woken');
  schedule.patch({ unpause: 'now' });
  assert.deepEqual(ids(schedule), []);
  schedule.advance(MINUTE);
  assert.deepEqual(ids(schedule), ['w-2030-01-01T00:11:00Z']);
  assert.equal(schedule.info.missedCatchupWindow, 0);
  assert.equal(describeSchedule(schedule.live).schedule?.state?.notes, 'now');
});

test('what came in a pause, or when no action was left, is told once it is over', () => {
  const schedule = created();
  schedule.patch({ pause: 'later' });
  schedule.advance(10 * MINUTE);
  schedule.patch({ pause: 'even later' });
  assert.deepEqual(skippedActions(schedule.live), []);
  schedule.patch({ unpause: 'now' });
  assert.deepEqual(skippedActions(schedule.live), [{ scheduleTime: START + 10 * MINUTE, skipTime: schedule.now, reason: SkipReason.PAUSED, count: 10, message: '' }]);
  const update = { type: 'update' as const, conflictToken: new Uint8Array(0) };
  schedule.accept({ ...update, requestId: 'none', schedule: scheduleOf(EVERY_MINUTE, { state: { limitedActions: true } }) });
  schedule.advance(3 * MINUTE);
  schedule.accept({ ...update, requestId: 'more', schedule: scheduleOf(EVERY_MINUTE, { state: { limitedActions: true, remainingActions: 5 } }) });
  const [, exhausted] = skippedActions(schedule.live);
  assert.deepEqual([exhausted?.reason, exhausted?.count], [SkipReason.NO_ACTIONS_LEFT, 3]);
  assert.equal(schedule.starts.length, 0);
  schedule.advance(MINUTE);
  assert.equal(schedule.starts.length, 1);
});

test('remaining actions count down with actions of its own, not with triggers', () => {
  const schedule = new TestSchedule();
  schedule.create(EVERY_MINUTE, { policies: { overlapPolicy: ALLOW_ALL }, state: { limitedActions: true, remainingActions: 2 } });
  schedule.patch({ triggerImmediately: {} });
  assert.equal(schedule.info.futureActionTimes?.length, 2);
  schedule.advance(5 * MINUTE);
  assert.deepEqual(schedule.starts.map(({ workflowId }) => workflowId.slice(-6)), ['00:00Z', '01:00Z', '02:00Z']);
  assert.equal(schedule.live.state.remainingActions, 0);
  schedule.patch({ triggerImmediately: {} });
  assert.equal(schedule.starts.length, 4);
});

test('pause on failure: a failed or timed out action pauses, a cancelled one does not; results and failures are handed on', () => {
  const schedule = new TestSchedule();
  schedule.create(EVERY_MINUTE, { policies: { pauseOnFailure: true } });
  schedule.advance(MINUTE);
  const result = Payloads.encode({ payloads: [{ data: Buffer.from('1') }] });
  schedule.close(WorkflowExecutionStatus.COMPLETED, { workflowExecutionCompletedEventAttributes: { result } });
  schedule.advance(MINUTE);
  assert.deepEqual(schedule.starts[1]?.lastCompletionResult, new Uint8Array(result));
  schedule.close(WorkflowExecutionStatus.CANCELED);
  schedule.advance(MINUTE);
  const failure = Failure.encode({ message: 'boom' });
  schedule.close(WorkflowExecutionStatus.FAILED, { workflowExecutionFailedEventAttributes: { failure } });
  assert.deepEqual([schedule.live.state.paused, schedule.live.state.notes], [true, `paused due to workflow failure: ${at(3)}: boom`]);
  schedule.patch({ unpause: 'go' });
  schedule.advance(MINUTE);
  assert.deepEqual(schedule.starts[3]?.continuedFailure, new Uint8Array(failure));
  assert.deepEqual(schedule.starts[3]?.lastCompletionResult, new Uint8Array(result));
  schedule.close(WorkflowExecutionStatus.TIMED_OUT);
  assert.equal(schedule.live.state.notes, `paused due to workflow timeout: ${at(4)}`);
  assert.deepEqual(schedule.info.recentActions?.map((action) => action.startWorkflowStatus), [2, 4, 3, 7]);
});

test('a backfill takes both ends, keeps to its own policy, goes on in steps, and ignores a pause', () => {
  const schedule = new TestSchedule();
  schedule.create(EVERY_MINUTE, { state: { paused: true } });
  schedule.patch({ backfillRequest: [{ startTime: START - 500 * MINUTE, endTime: START, overlapPolicy: ALLOW_ALL }] });
  schedule.advance(0);
  assert.equal(schedule.starts.length, 501);
  assert.equal(schedule.starts[0]?.workflowId, 'w-2029-12-31T15:40:00Z');
  assert.equal(schedule.starts[0]?.workflowIdReusePolicy, WorkflowIdReusePolicy.ALLOW_DUPLICATE);
  assert.deepEqual(schedule.live.data.backfills, []);
});

test('a backfill with BUFFER_ALL waits while the buffer is full, and ends', () => {
  const schedule = created(BUFFER_ALL, {});
  schedule.accept({ type: 'update', requestId: 'u', conflictToken: new Uint8Array(0), schedule: scheduleOf({ interval: [{ interval: 1000 }] }, { state: { paused: true } }) });
  schedule.patch({ backfillRequest: [{ startTime: START - 899_000, endTime: START, overlapPolicy: BUFFER_ALL }] });
  schedule.advance(0);
  assert.equal(schedule.info.bufferSize, 500);
  for (let runs = 0; schedule.live.isBusy && runs < 2000; runs++) {
    schedule.close();
    schedule.advance(0);
  }
  assert.equal(schedule.starts.length, 900);
  assert.equal(schedule.info.bufferDropped, 0);
});

test('an update replaces all but what happened; a token of before is refused', () => {
  const schedule = created(SKIP);
  const token = schedule.accept({ type: 'patch', requestId: 'p', patch: { backfillRequest: [], pause: 'x', unpause: '' } }).conflictToken;
  const update = { type: 'update' as const, requestId: 'u', conflictToken: token, schedule: scheduleOf({ interval: [{ interval: 10 * MINUTE }] }) };
  schedule.accept(update);
  schedule.accept(update);
  assert.deepEqual(schedule.live.data.conflictToken, 3, 'the same request again changes nothing');
  const { reply } = schedule.tell({ ...update, requestId: 'other' });
  assert.ok(reply instanceof RpcError);
  assert.equal(reply.code, Code.FAILED_PRECONDITION);
  schedule.advance(10 * MINUTE);
  assert.deepEqual(ids(schedule), ['w-2030-01-01T00:10:00Z']);
});

test('the policy is looked up late: an update starts what waits', () => {
  const schedule = created(BUFFER_ALL);
  schedule.advance(3 * MINUTE);
  assert.equal(schedule.starts.length, 1);
  schedule.accept({ type: 'update', requestId: 'u', conflictToken: new Uint8Array(0), schedule: scheduleOf(EVERY_MINUTE, { policies: { overlapPolicy: ALLOW_ALL } }) });
  assert.deepEqual(ids(schedule), [at(1), at(2), at(3)]);
});

test('requests that come twice: creation, patch', () => {
  const schedule = created();
  schedule.create(EVERY_MINUTE);
  const { reply } = schedule.tell({ type: 'create', namespace: 'default', requestId: 'another', schedule: scheduleOf(EVERY_MINUTE) });
  assert.ok(reply instanceof RpcError);
  assert.equal(reply.code, Code.ALREADY_EXISTS);
  schedule.patch({ triggerImmediately: { overlapPolicy: ALLOW_ALL } }, 'same');
  schedule.patch({ triggerImmediately: { overlapPolicy: ALLOW_ALL } }, 'same');
  assert.equal(schedule.starts.length, 1);
});

test('a workflow id that is taken: a firing is left out with its reason, a trigger tries another id', () => {
  const taken = new Set([at(1), 'w-2030-01-01T00:01:30Z']);
  const schedule = created();
  const usual = schedule.answerStart;
  schedule.answerStart = (request) => (taken.has(request.workflowId) ? new RpcError(Code.ALREADY_EXISTS, 'taken') : usual(request));
  schedule.advance(MINUTE + 30_000);
  assert.deepEqual(reasons(schedule), [SkipReason.WORKFLOW_ID_TAKEN]);
  schedule.patch({ triggerImmediately: {} });
  assert.equal(schedule.info.runningWorkflows?.[0]?.workflowId, 'w-2030-01-01T00:01:30Z-2');
});

test('a start that is refused does not stop the schedule', () => {
  const schedule = created(BUFFER_ALL);
  const usual = schedule.answerStart;
  schedule.answerStart = () => new RpcError(Code.INVALID_ARGUMENT, 'no');
  schedule.advance(2 * MINUTE);
  assert.deepEqual(skippedActions(schedule.live).map(({ reason, message }) => [reason, message]), [[SkipReason.START_REFUSED, 'no'], [SkipReason.START_REFUSED, 'no']]);
  schedule.answerStart = usual;
  schedule.advance(MINUTE);
  assert.equal(schedule.info.actionCount, 1);
});

test('the end of an action may be heard before the answer to its start', () => {
  const schedule = created();
  schedule.delivers = false;
  schedule.advance(MINUTE);
  const { incarnation } = schedule.live.data;
  const closed = { type: 'run-closed' as const, incarnation, workflowId: at(1), firstExecutionRunId: 'run-x', event: { eventType: 2, workflowExecutionCompletedEventAttributes: {} } };
  schedule.accept({ ...closed, incarnation: 'of another schedule' } as never);
  assert.equal(schedule.live.isBusy, true);
  schedule.accept(closed as never);
  assert.equal(schedule.live.isBusy, false);
  assert.deepEqual(schedule.info.recentActions?.map((action) => [action.startWorkflowResult?.runId, action.startWorkflowStatus]), [['run-x', 2]]);
});

test('a schedule that can do nothing more is forgotten after seven days; a paused one is not', () => {
  const schedule = created(SKIP, {});
  schedule.advance(7 * DAY - 1);
  assert.ok(schedule.live.isOpen);
  schedule.advance(1);
  assert.ok(!schedule.live.isOpen);
  assert.deepEqual(scheduleMachine.debt(schedule.live, 'deletion'), { deletion: true });
  const paused = new TestSchedule();
  paused.create({}, { state: { paused: true } });
  paused.advance(100 * DAY);
  assert.ok(paused.live.isOpen);
});

test('neither its state nor its journal grows with the number of firings', () => {
  const schedule = created(ALLOW_ALL);
  schedule.advance(100 * MINUTE);
  const early = scheduleMachine.snapshot(schedule.live).byteLength;
  schedule.advance(1100 * MINUTE);
  const late = scheduleMachine.snapshot(schedule.live).byteLength;
  assert.ok(late < early * 1.1 + 100, `${early} bytes became ${late}`);
  assert.ok(schedule.handedOn >= 2, 'it went on as another machine');
  assert.ok(schedule.live.data.records <= 1001);
  assert.equal(schedule.info.actionCount, 1200);
  assert.equal(new Set(ids(schedule)).size, 1200, 'no firing was lost or doubled on the way');
});

test('jitter is the same at every look, within its bound, and never past the next firing', () => {
  const schedule = created(ALLOW_ALL, { ...EVERY_MINUTE, jitter: 90_000 });
  const times = schedule.info.futureActionTimes ?? [];
  assert.deepEqual(schedule.info.futureActionTimes, times);
  const delays = times.map((time, index) => time - START - (index + 1) * MINUTE);
  assert.ok(delays.every((delay) => delay >= 0 && delay < MINUTE), `${delays.join()}`);
  assert.ok(new Set(delays).size > 5, 'it spreads');
  schedule.advance(10 * MINUTE + 59_999);
  assert.deepEqual(schedule.info.recentActions?.map((action) => action.scheduleTime), times);
  assert.deepEqual(ids(schedule)[0], at(1), 'the id has the nominal time');
});
