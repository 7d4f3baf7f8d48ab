/** Local activities: their results are markers, in the order in which they came; replays take them from there; long ones renew the task. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { HistoryBuilder, updateMessage, valuesOf } from './history-builder.js';
import { commandsOf, ManualLocalActivities, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

async function stage(workflow: string, args: unknown[] = [], maxCachedRuns = 10) {
  const local = new ManualLocalActivities();
  const t = await testExecutor(maxCachedRuns, undefined, local);
  const history = new HistoryBuilder(workflow, args).taskStarted();
  return { local, history, executor: t.executor, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

/** Replays the history so far on an executor of its own, which must run nothing. */
async function replayed(history: HistoryBuilder) {
  const local = new ManualLocalActivities();
  await using t = await testExecutor(0, undefined, local);
  const outcome = await t.executor.handle(history.task(), noFetch);
  assert.deepEqual(local.started, [], 'a replay runs nothing');
  assert.equal(await t.executor.replay('order-1', history.events), undefined);
  return outcome;
}

function markerData(command: ReturnType<typeof commandsOf>[number]): Record<string, unknown> {
  return valuesOf(command.recordMarkerCommandAttributes!.details!.get('data'))[0] as Record<string, unknown>;
}

test('the task waits for the result, and its marker is what all SDKs write', async () => {
  await using s = await stage('localThenTimer');
  const answer = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  assert.deepEqual(s.local.started.map(({ activityType, activityId, workflowId, attempt }) => [activityType, activityId, workflowId, attempt]), [['greet', '1', 'order-1', 1]]);
  s.local.complete('1', 'hello');
  const outcome = await answer;
  assert.deepEqual(shortly(outcome), ['record marker', 'timer 1 1000']);
  const [marker] = commandsOf(outcome);
  assert.equal(marker!.recordMarkerCommandAttributes!.markerName, 'core_local_activity');
  assert.deepEqual(valuesOf(marker!.recordMarkerCommandAttributes!.details!.get('result')), ['hello']);
  const startedMs = s.history.events.at(-1)!.eventTime!;
  assert.deepEqual(markerData(marker!), {
    seq: 1,
    attempt: 1,
    activity_id: '1',
    activity_type: 'greet',
    complete_time: { seconds: startedMs / 1000, nanos: 251_000_000 },
    backoff: null,
    original_schedule_time: { seconds: 1, nanos: 0 },
  });
});

test('results are told one by one, at the time at which they came; a replay sees the same', async () => {
  await using s = await stage('twoLocals');
  const answer = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(2);
  s.local.complete('2', 'second');
  s.local.complete('1', 'first');
  const outcome = await answer;
  assert.deepEqual(commandsOf(outcome).slice(0, 2).map((command) => markerData(command)['seq']), [2, 1]);
  s.history.taskCompleted().commands(commandsOf(outcome)).timerFired('1').taskStarted();
  const live = await s.executor.handle(s.history.stickyTask(), noFetch);
  assert.deepEqual(resultOf(live), [['first', 251], ['second', 251]]);
  assert.deepEqual(await replayed(s.history), live);
});

test('a long one renews the task with what there is, goes on, and ends in a later task', async () => {
  await using s = await stage('localThenTimer');
  const first = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  await s.local.renew();
  const renewed = await first;
  assert.ok(renewed.kind === 'completed' && renewed.forceNewTask === true && renewed.commands.length === 0);
  s.history.taskCompleted().taskStarted();
  const second = s.executor.handle(s.history.stickyTask(), noFetch);
  s.local.complete('1', 'late');
  const outcome = await second;
  assert.equal(s.local.started.length, 1);
  assert.ok(outcome.kind === 'completed' && outcome.forceNewTask === undefined);
  assert.deepEqual(shortly(outcome), ['record marker', 'timer 1 1000']);
  s.history.taskCompleted().commands(commandsOf(outcome)).timerFired('1').taskStarted();
  assert.equal(resultOf(await replayed(s.history)), 'late');
});

test('without a cache a run that waits is kept all the same, and found by a task with the whole history', async () => {
  await using s = await stage('localThenTimer', [], 0);
  const first = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  await s.local.renew();
  await first;
  assert.equal(s.executor.cachedRuns, 1);
  s.local.complete('1', 'between two tasks');
  s.history.taskCompleted().taskStarted();
  assert.deepEqual(shortly(await s.executor.handle(s.history.task(), noFetch)), ['record marker', 'timer 1 1000']);
  assert.equal(s.executor.cachedRuns, 0);
  assert.equal(s.local.started.length, 1);
});

test('a worker that died while one ran runs it again', async () => {
  await using s = await stage('localThenTimer');
  s.history.taskCompleted().taskStarted();
  const answer = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  s.local.complete('1', 'again');
  assert.deepEqual(shortly(await answer), ['record marker', 'timer 1 1000']);
});

test('a run that is dropped stops what it runs', async () => {
  await using s = await stage('localThenTimer');
  const answer = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  await s.local.renew();
  await answer;
  s.executor.evict(s.history.runId);
  assert.deepEqual(s.local.stopped, ['abandon 1']);
});

test('failures, timeouts and cancellations reach the workflow in the shape that other SDKs give them', async () => {
  const outcomes = [
    ['failed', Failure.create({ message: 'declined', applicationFailureInfo: { type: 'Declined' } }), ['ApplicationFailure', 'declined', null]],
    ['timed-out', Failure.create({ message: 'Activity timed out', timeoutFailureInfo: { timeoutType: 1 } }), ['ActivityFailure', 'Local Activity timed out', 'TimeoutFailure']],
    ['cancelled', Failure.create({ message: 'Activity cancelled', canceledFailureInfo: {} }), ['ActivityFailure', 'Local Activity cancelled', 'CancelledFailure']],
  ] as const;
  for (const [kind, failure, expected] of outcomes) {
    await using s = await stage('localFailure');
    const answer = s.executor.handle(s.history.task(), noFetch);
    await s.local.count(1);
    s.local.end('1', { kind, failure });
    const outcome = await answer;
    assert.deepEqual(resultOf(outcome), expected);
    s.history.taskCompleted().commands(commandsOf(outcome));
    await using fresh = await testExecutor(0, undefined, new ManualLocalActivities());
    assert.equal(await fresh.executor.replay('order-1', s.history.events), undefined);
  }
});

test('a long backoff becomes a marker and a timer, then the next attempt', async () => {
  await using s = await stage('localFailure');
  const first = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  s.local.end('1', { kind: 'failed', failure: Failure.create({ message: 'busy', applicationFailureInfo: { type: 'Busy' } }) }, 90_000);
  const backoff = await first;
  assert.deepEqual(shortly(backoff), ['record marker', 'timer 1 90000']);
  assert.deepEqual(markerData(commandsOf(backoff)[0]!)['backoff'], { seconds: 90, nanos: 0 });
  s.history.taskCompleted().commands(commandsOf(backoff)).timerFired('1').taskStarted();
  const second = s.executor.handle(s.history.stickyTask(), noFetch);
  await s.local.count(2);
  assert.deepEqual([s.local.started[1]!.attempt, s.local.started[1]!.originalScheduleTimeMs, s.local.started[1]!.activityId], [2, 1_000, '2']);
  s.local.complete('2', 'paid');
  assert.equal(resultOf(await second), 'paid');
});

for (const [type, expected, stopped] of [
  ['TRY_CANCEL', ['ActivityFailure', 'Local Activity cancelled'], ['cancel 1']],
  ['ABANDON', ['ActivityFailure', 'Local Activity cancelled'], ['abandon 1']],
  ['WAIT_CANCELLATION_COMPLETED', 'finished anyway', ['cancel 1']],
] as const) {
  test(`cancelled with ${type}`, async () => {
    await using s = await stage('cancelledLocal', [type]);
    const answer = s.executor.handle(s.history.task(), noFetch);
    await s.local.count(2);
    s.local.complete('2', 'hi');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    s.local.complete('1', 'finished anyway');
    const outcome = await answer;
    assert.deepEqual(s.local.stopped, stopped);
    assert.deepEqual(shortly(outcome), ['record marker', 'record marker', 'timer 1 1000']);
    s.history.taskCompleted().commands(commandsOf(outcome)).timerFired('1').taskStarted();
    const live = await s.executor.handle(s.history.stickyTask(), noFetch);
    assert.deepEqual(resultOf(live), expected);
    assert.deepEqual(await replayed(s.history), live);
  });
}

test('queries do not wait for a local activity: the task is answered and renewed', async () => {
  await using s = await stage('localThenTimer');
  const queries = new Map([['q1', { queryType: '__stack_trace' }]]);
  const outcome = await s.executor.handle(s.history.task(1, { queries }), noFetch);
  assert.ok(outcome.kind === 'completed' && outcome.forceNewTask === true);
  assert.equal(outcome.queryResults.size, 1);
});

test('one in an update handler: acceptance, marker and completion in their order', async () => {
  await using s = await stage('localInUpdate');
  await s.executor.handle(s.history.task(), noFetch);
  s.history.taskCompleted().taskStarted();
  const messages = [updateMessage('u1', 'work', ['x'], s.history.events.length - 1)];
  const answer = s.executor.handle(s.history.stickyTask({ messages }), noFetch);
  await s.local.count(1);
  s.local.complete('1', 'hi x');
  const outcome = await answer;
  assert.deepEqual(shortly(outcome), ['protocol message', 'record marker', 'protocol message', 'complete "done"']);
  assert.ok(outcome.kind === 'completed');
  s.history.taskCompleted().commands(outcome.commands, outcome.messages);
  await using fresh = await testExecutor(0, undefined, new ManualLocalActivities());
  assert.equal(await fresh.executor.replay('order-1', s.history.events), undefined);
});

test('a marker of something else than the code asks for is found out', async () => {
  await using s = await stage('localThenTimer');
  const answer = s.executor.handle(s.history.task(), noFetch);
  await s.local.count(1);
  s.local.complete('1', 'x');
  s.history.taskCompleted().commands(commandsOf(await answer)).timerFired('1').taskStarted();
  const started = s.history.events[0]!.workflowExecutionStartedEventAttributes!;
  started.workflowType = { name: 'localFailure' };
  await using fresh = await testExecutor(0, undefined, new ManualLocalActivities());
  const outcome = await fresh.executor.handle(s.history.task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.equal(outcome.cause, WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR);
  assert.match(outcome.failure.message ?? '', /local activity 'greet', id '1'.*local activity 'charge'/);
});

test('condition with zero leaves the mark that histories of other SDKs have', async () => {
  await using s = await stage('zeroCondition');
  assert.deepEqual(shortly(await s.executor.handle(s.history.task(), noFetch)), ['record marker', 'upsert workflow search attributes', 'timer 1 1']);
});
