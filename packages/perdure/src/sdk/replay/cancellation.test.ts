/** Cancelling workflows, scopes, activities and timers: what is asked of the server, and what workflow code hears when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistoryBuilder } from './history-builder.js';
import { noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

const untilCancel = (type: string): HistoryBuilder =>
  new HistoryBuilder('cancellable', [type]).taskStarted().taskCompleted().activityScheduled('1', 'greet').cancelRequested().taskStarted();

test('TRY_CANCEL asks the server and goes on at once; cleanup runs shielded; the workflow ends as cancelled', async () => {
  await using t = await testExecutor();
  const history = untilCancel('TRY_CANCEL');
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['cancel activity scheduled by 5', 'schedule refund 2']);
  history.taskCompleted().activityCancelRequested('1').activityScheduled('2', 'refund');
  history.activityCanceled('1').activityCompleted('2', null).taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), ['cancel workflow execution']);
});

test('ABANDON does not ask, and goes on at once', async () => {
  await using t = await testExecutor();
  assert.deepEqual(shortly(await t.executor.handle(untilCancel('ABANDON').task(), noFetch)), ['schedule refund 2']);
});

test('WAIT_CANCELLATION_COMPLETED asks, and goes on when the activity has ended', async () => {
  await using t = await testExecutor();
  const history = untilCancel('WAIT_CANCELLATION_COMPLETED');
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['cancel activity scheduled by 5']);
  history.taskCompleted().activityCancelRequested('1').activityCanceled('1').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), ['schedule refund 2']);
});

test('WAIT_CANCELLATION_COMPLETED gives the result, if the activity completes all the same', async () => {
  await using t = await testExecutor();
  const history = untilCancel('WAIT_CANCELLATION_COMPLETED');
  await t.executor.handle(history.task(), noFetch);
  history.taskCompleted().activityCancelRequested('1').activityCompleted('1', 'too late').taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), 'too late');
});

test('a result that arrives with the cancel request wins if it came first', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('cancellable', ['TRY_CANCEL']).taskStarted().taskCompleted().activityScheduled('1', 'greet');
  history.activityCompleted('1', 'in time').cancelRequested().taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.task(), noFetch)), 'in time');
});

test('cancelling a scope cancels what was started in it, not the workflow', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('cancelledScope').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['schedule charge 1', 'timer 1 1000']);
  history.taskCompleted().activityScheduled('1', 'charge').timerStarted('1').timerFired('1').taskStarted();
  const outcome = await t.executor.handle(history.stickyTask(), noFetch);
  assert.deepEqual(shortly(outcome), ['cancel activity scheduled by 5', 'complete "cancelled, scope true, workflow false"']);
});

test('what is cancelled before it was sent leaves nothing behind', async () => {
  await using t = await testExecutor();
  const outcome = await t.executor.handle(new HistoryBuilder('cancelledBeforeSent').taskStarted().task(), noFetch);
  assert.deepEqual(shortly(outcome), ['complete "cancelled true"']);
});

test('a scope with timeout cancels its activity when time is over', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('withTimeout').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 10000', 'schedule charge 1']);
  history.taskCompleted().timerStarted('1').activityScheduled('1', 'charge').timerFired('1').taskStarted();
  const outcome = await t.executor.handle(history.stickyTask(), noFetch);
  assert.deepEqual(shortly(outcome), ['cancel activity scheduled by 6', 'complete "timed out"']);
});

test('a scope with timeout takes its timer back when its work is done in time', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('withTimeout').taskStarted();
  history.taskCompleted().timerStarted('1').activityScheduled('1', 'charge').activityCompleted('1', 'paid').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['cancel timer 1', 'complete "paid"']);
});
