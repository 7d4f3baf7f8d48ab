/** Replay: kept runs and fresh ones answer the same; runs do not see each other; code that changed is found out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, WorkerVersionStamp, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { HistoryBuilder, RUN_ID } from './history-builder.js';
import { commandsOf, fetchFrom, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

test('two runs in turns have their own clock, chance, module state and globals, and see the same again in a replay', async () => {
  await using t = await testExecutor();
  const histories = ['aaaa', 'bbbb'].map((runId) => new HistoryBuilder('isolation', [], runId));
  for (let round = 1; round <= 3; round++) {
    for (const [index, history] of histories.entries()) {
      history.taskStarted(1_000_000 * (index + 1) + round);
      await t.executor.handle(history.stickyTask(), noFetch);
      history.taskCompleted().timerStarted(String(round)).timerFired(String(round));
    }
  }
  const results: unknown[][][] = [];
  for (const [index, history] of histories.entries()) {
    history.taskStarted(1_000_000 * (index + 1) + 9);
    const live = resultOf(await t.executor.handle(history.stickyTask(), noFetch));
    const replayed = resultOf(await t.executor.handle(history.task(), noFetch));
    assert.deepEqual(live, replayed);
    results.push(live as unknown[][]);
  }
  for (const [index, rounds] of results.entries()) {
    const letter = 'ab'[index]!;
    for (const [round, [now, constructed, , , count, leak]] of rounds.entries()) {
      const time = 1_000_000 * (index + 1) + round + 1;
      assert.deepEqual([now, constructed, count, leak], [time, time, round + 1, letter.repeat(round + 1)]);
    }
  }
  const randoms = results.flat().map(([, , random]) => random);
  assert.equal(new Set(randoms).size, 6, 'each run draws its own numbers');
});

test('a partial history without its run is completed by fetching, page by page', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'hi').taskStarted();
  const outcome = await t.executor.handle(history.stickyTask(), fetchFrom(history, 2));
  assert.equal(resultOf(outcome), 'hi');
});

test('the further pages of a task are fetched', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'hi').taskStarted();
  const whole = history.task();
  const first = new HistoryBuilder('oneActivity', ['bob']).taskStarted();
  const task = first.task(1, { startedEventId: whole.startedEventId, nextPageToken: Buffer.from('3') });
  assert.equal(resultOf(await t.executor.handle(task, fetchFrom(history, 3))), 'hi');
});

test('the least recently used run goes when there are too many', async () => {
  await using t = await testExecutor(2);
  for (const runId of ['a', 'b', 'c']) await t.executor.handle(new HistoryBuilder('sleeps', [], runId).taskStarted().task(), noFetch);
  assert.equal(t.executor.cachedRuns, 2);
});

test('an answer that the server refused is given anew: the run is rebuilt with the events that came in between', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('approval').taskStarted();
  await t.executor.handle(history.task(), noFetch);
  history.taskFailed().signal('approve', 'ann').taskStarted();
  const outcome = await t.executor.handle(history.task(), noFetch);
  assert.deepEqual(shortly(outcome), ['timer 2 1000'], 'the signal is there before the code runs: the events belong to one task');
});

test('a run is not continued from a task that did not complete, even if the server sends a partial history', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('approval').taskStarted();
  await t.executor.handle(history.task(), noFetch);
  history.taskFailed().taskStarted();
  const outcome = await t.executor.handle(history.task(4), fetchFrom(history));
  assert.deepEqual(shortly(outcome), ['timer 1 86400000']);
});

test('the same task twice gives the same answer', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted();
  const first = await t.executor.handle(history.task(), noFetch);
  assert.deepEqual(await t.executor.handle(history.task(), noFetch), first);
  history.taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'hi').taskStarted();
  await t.executor.handle(history.stickyTask(), noFetch);
  assert.equal(resultOf(await t.executor.handle(history.stickyTask(), fetchFrom(history))), 'hi');
});

test('a hole in the history is refused', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted();
  history.events.splice(1, 1);
  await assert.rejects(t.executor.handle(history.task(1, { startedEventId: 3 }), noFetch), /not contiguous: event 3 follows event 1/);
});

test('code that does something else than history holds is reported: expected, actual, line', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  const outcome = await t.executor.handle(history.task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.equal(outcome.cause, WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR);
  assert.match(outcome.failure.message ?? '', /event 5, TimerStarted \(timer '1'\), but the code went on to schedule activity 'greet' \(id '1'\) at oneActivity \(.*test-workflows\.[jt]s:\d+/);
  assert.deepEqual(outcome.nondeterminism?.expected, { eventId: 5, description: "TimerStarted (timer '1')" });
});

for (const [what, history, message] of [
  ['another activity type', new HistoryBuilder('oneActivity', ['x']).taskStarted().taskCompleted().activityScheduled('1', 'charge').taskStarted(), /activity 'charge'.*activity 'greet'/],
  ['a command too many in history', new HistoryBuilder('oneActivity', ['x']).taskStarted().taskCompleted().activityScheduled('1', 'greet').timerStarted('1').taskStarted(), /event 6, TimerStarted.*did nothing of the kind/],
  ['a command too few in history', new HistoryBuilder('oneActivity', ['x']).taskStarted().taskCompleted().signal('s').taskStarted(), /no further command.*schedule activity 'greet'/],
  ['a result of something never asked for', new HistoryBuilder('sleeps').taskStarted().taskCompleted().timerStarted('1').add(11, { activityTaskStartedEventAttributes: { scheduledEventId: 2 } }).taskStarted(), /nothing the code did/],
] as const) {
  test(`nondeterminism: ${what}`, async () => {
    await using t = await testExecutor();
    const outcome = await t.executor.handle(history.task(), noFetch);
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.cause, WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR);
    assert.match(outcome.failure.message ?? '', message);
  });
}

test('patched: new in live execution, with a marker; old in a replay without it; new in a replay with it', async () => {
  await using t = await testExecutor();
  const live = await t.executor.handle(new HistoryBuilder('patches').taskStarted().task(), noFetch);
  assert.deepEqual(shortly(live), ['record marker', 'upsert workflow search attributes', 'timer 1 1000']);
  const [marker, upsert] = live.kind === 'completed' ? live.commands : [];
  t.executor.evict(RUN_ID);
  const old = new HistoryBuilder('patches').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  assert.equal(resultOf(await t.executor.handle(old.task(), noFetch)), 'old');
  for (const withUpsert of [true, false]) {
    const fresh = new HistoryBuilder('patches').taskStarted().taskCompleted();
    const { markerName, details } = marker?.recordMarkerCommandAttributes ?? {};
    fresh.add(25, { markerRecordedEventAttributes: { markerName, details } });
    const { searchAttributes } = upsert?.upsertWorkflowSearchAttributesCommandAttributes ?? {};
    if (withUpsert) fresh.add(40, { upsertWorkflowSearchAttributesEventAttributes: { searchAttributes } });
    fresh.timerStarted('1').timerFired('1').taskStarted();
    t.executor.evict(RUN_ID);
    assert.equal(resultOf(await t.executor.handle(fresh.task(), noFetch)), 'new');
  }
});

test('a child is started, and its result comes back', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('parent').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['start child workflow execution']);
  history.taskCompleted().add(29, { startChildWorkflowExecutionInitiatedEventAttributes: { workflowId: 'child-1', workflowType: { name: 'oneActivity' } } });
  history.add(31, { childWorkflowExecutionStartedEventAttributes: { initiatedEventId: 5, workflowExecution: { workflowId: 'child-1', runId: 'r' } } });
  history.add(32, { childWorkflowExecutionCompletedEventAttributes: { initiatedEventId: 5, startedEventId: 6 } }).taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), ['complete undefined']);
});

test('a child whose start is refused fails with the reason, not as one that runs already', async () => {
  for (const [cause, name, message] of [
    [1, 'WorkflowExecutionAlreadyStartedError', /already started/],
    [2, 'NamespaceNotFound', /namespace does not exist/],
    [3, 'InvalidVersioningOverride', /versioning override/],
  ] as const) {
    await using t = await testExecutor();
    const history = new HistoryBuilder('parent').taskStarted();
    await t.executor.handle(history.task(), noFetch);
    history.taskCompleted().add(29, { startChildWorkflowExecutionInitiatedEventAttributes: { workflowId: 'child-1', workflowType: { name: 'oneActivity' } } });
    history.add(30, { startChildWorkflowExecutionFailedEventAttributes: { initiatedEventId: 5, workflowId: 'child-1', cause } }).taskStarted();
    const outcome = await t.executor.handle(history.stickyTask(), noFetch);
    const failure = commandsOf(outcome)[0]?.failWorkflowExecutionCommandAttributes?.failure;
    const { cause: reason, ...outer } = failure === undefined ? Failure.create({}) : Failure.decode(failure);
    const { applicationFailureInfo: info, message: text } = reason ?? outer;
    assert.equal(info?.type, name);
    assert.match(text, message);
    assert.equal(outer.childWorkflowExecutionFailureInfo === undefined, cause === 1);
  }
});

test('setTimeout calls back as many microtasks after its timer as in the official SDK: the order of what is done in one task depends on it', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('timeoutAmongChains').taskStarted();
  assert.equal(commandsOf(await t.executor.handle(history.task(), noFetch)).length, 5);
  history.taskCompleted();
  for (const timer of ['1', '2', '3', '4', '5']) history.timerStarted(timer);
  for (const timer of ['1', '2', '3', '4', '5']) history.timerFired(timer);
  history.taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.task(), noFetch)), ['chain of 1', 'timeout', 'chain of 2', 'chain of 3', 'chain of 4']);
});

test('a workflow is told which code processes its task: in a replay, which code did', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('buildIds').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 1000']);
  history.taskCompleted();
  history.events.at(-1)!.workflowTaskCompletedEventAttributes!.workerVersion = WorkerVersionStamp.create({ buildId: 'old' });
  history.timerStarted('1').timerFired('1').taskStarted();
  t.executor.evict(RUN_ID);
  assert.deepEqual(resultOf(await t.executor.handle(history.task(), noFetch)), ['old', null]);
});
