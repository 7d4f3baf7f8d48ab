/** History in, commands out: what workflow code asks for and what it hears, through the executor and a real bundle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { ApplicationFailure } from '../common/index.js';
import { HistoryBuilder } from './history-builder.js';
import { commandsOf, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

test('a workflow that does nothing completes in its first task', async () => {
  await using t = await testExecutor();
  const outcome = await t.executor.handle(new HistoryBuilder('noop').taskStarted().task(), noFetch);
  assert.deepEqual(shortly(outcome), ['complete "done"']);
  assert.equal(t.executor.cachedRuns, 0, 'a closed run is not kept');
});

test('an activity is scheduled with its options, and its result reaches the workflow', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('oneActivity', ['bob']).taskStarted();
  const first = await t.executor.handle(history.task(), noFetch);
  const [command] = commandsOf(first);
  assert.deepEqual(shortly(first), ['schedule greet 1']);
  assert.equal(command?.scheduleActivityTaskCommandAttributes?.startToCloseTimeout, 60_000);
  assert.equal(command?.scheduleActivityTaskCommandAttributes?.retryPolicy?.maximumAttempts, 3);
  assert.equal(command?.scheduleActivityTaskCommandAttributes?.taskQueue?.name, 'orders');
  history.taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'hello bob').taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), 'hello bob');
});

test('a failed activity is an ActivityFailure around the original failure', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('describeFailure').taskStarted();
  history.taskCompleted().activityScheduled('1', 'charge');
  history.activityFailed('1', { message: 'no money', source: 'x', applicationFailureInfo: { type: 'Declined', nonRetryable: true } }).taskStarted();
  const outcome = await t.executor.handle(history.task(), noFetch);
  assert.deepEqual(resultOf(outcome), ['ActivityFailure', 'charge', '1', 'MAXIMUM_ATTEMPTS_REACHED', 'ApplicationFailure', 'Declined', 'no money', []]);
});

test('an ActivityFailure that passes fails the workflow, with the cause inside', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('letFailurePass').taskStarted();
  history.taskCompleted().activityScheduled('1', 'charge');
  history.activityFailed('1', { message: 'no money', source: 'x', applicationFailureInfo: { type: 'Declined' } }).taskStarted();
  const outcome = await t.executor.handle(history.task(), noFetch);
  const [command] = commandsOf(outcome);
  const failure = Failure.decode(command?.failWorkflowExecutionCommandAttributes?.failure ?? new Uint8Array(0));
  assert.equal(failure.activityFailureInfo?.activityType?.name, 'charge');
  assert.equal(failure.cause?.applicationFailureInfo?.type, 'Declined');
});

test('an ApplicationFailure fails the workflow; any other error fails the task and names the line', async () => {
  await using t = await testExecutor();
  const failed = await t.executor.handle(new HistoryBuilder('failWith', ['Declined']).taskStarted().task(), noFetch);
  assert.deepEqual(shortly(failed), ['fail workflow execution']);
  const history = new HistoryBuilder('brokenCode').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  const broken = await t.executor.handle(history.task(), noFetch);
  assert.equal(broken.kind, 'failed');
  assert.ok(broken.kind === 'failed');
  assert.equal(broken.cause, WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE);
  assert.match(broken.failure.stackTrace ?? '', /at brokenCode \(.*test-workflows\.[jt]s:\d+:\d+\)/);
  assert.equal(t.executor.cachedRuns, 0, 'a run whose task failed is not kept');
});

test('an unknown workflow type fails the task and lists the known ones', async () => {
  await using t = await testExecutor();
  const outcome = await t.executor.handle(new HistoryBuilder('nope').taskStarted().task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /no function 'nope'.*oneActivity/);
});

test('workflow time is that of the task, and a sleep takes the time that history says', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('sleeps').taskStarted(1_000_000);
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 3600000']);
  history.taskCompleted().timerStarted('1').timerFired('1').taskStarted(4_600_500);
  assert.equal(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), 3_600_500);
});

test('workflow time never goes back, even if the clock of the server did', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('sleeps').taskStarted(9_000_000).taskCompleted().timerStarted('1').timerFired('1').taskStarted(1_000_000);
  assert.equal(resultOf(await t.executor.handle(history.task(), noFetch)), 0);
});

test('a condition with timeout is true when a signal makes it so, and takes its timer back', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('approval').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 86400000']);
  history.taskCompleted().timerStarted('1').signal('approve', 'ann').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), ['cancel timer 1', 'timer 2 1000']);
  history.taskCompleted().timerCanceled('1').timerStarted('2').timerFired('2').taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), { inTime: true, approvedBy: 'ann' });
});

test('a condition with timeout is false when the time is over', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('approval').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 2 1000']);
  history.taskCompleted().timerStarted('2').timerFired('2').taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.task(), noFetch)), { inTime: false });
});

test('a signal that came with the start is seen by the handler the workflow sets first thing', async () => {
  await using t = await testExecutor();
  const outcome = await t.executor.handle(new HistoryBuilder('approval').signal('approve', 'ann').taskStarted().task(), noFetch);
  assert.deepEqual(shortly(outcome), ['timer 2 1000'], 'the timer of the condition is never sent: it was over at once');
});

test('signals wait for their handler, in order; a default handler takes the rest', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('lateHandler').taskStarted();
  history.taskCompleted().timerStarted('1').signal('approve', 'ann').signal('other', 1, 2).signal('approve', 'bob').timerFired('1').taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.task(), noFetch)), ['ann', 'bob', 'other:1,2']);
});

test('setTimeout is a durable timer; one that is cleared at once leaves nothing behind', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('timeouts').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 2 1000']);
  history.taskCompleted().timerStarted('2').timerFired('2').taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), ['fired']);
});

test('continue-as-new carries type, queue and arguments', async () => {
  await using t = await testExecutor();
  const [command] = commandsOf(await t.executor.handle(new HistoryBuilder('again', [4]).taskStarted().task(), noFetch));
  const attributes = command?.continueAsNewWorkflowExecutionCommandAttributes;
  assert.equal(attributes?.workflowType?.name, 'again');
  assert.equal(attributes?.taskQueue?.name, 'orders');
});

test('logs are written once: not while history is repeated', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('logs').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  await t.executor.handle(history.task(), noFetch);
  assert.deepEqual(t.logged.map(({ message, meta }) => [message, meta?.['sdkComponent']]), [['after', 'workflow'], ['Workflow completed', 'worker']]);
  assert.equal(t.logged[0]?.meta?.['workflowType'], 'logs');
});

test('a run says when it begins and how it ends, a failure with its error', async () => {
  await using t = await testExecutor();
  await t.executor.handle(new HistoryBuilder('failWith', ['ApplicationFailure']).taskStarted().task(), noFetch);
  assert.deepEqual(t.logged.map(({ level, message }) => `${level} ${message}`), ['DEBUG Workflow started', 'WARN Workflow failed']);
  assert.ok(t.logged[1]?.meta?.['error'] instanceof ApplicationFailure);
});

test('a workflow that ends while a signal handler runs says so in the log, with the remedy', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('handlerCutOff').signal('approve', 'ann').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['schedule greet 1', 'complete "early"']);
  const warnings = t.logged.filter(({ level }) => level === 'WARN').map(({ message }) => message);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /\(approve\).*allHandlersFinished/);
});

for (const [name, remedy] of [
  ['fetch', /activity/],
  ['WeakRef', /ordinary reference/],
  ['setInterval', /sleep/],
  ['process', /argument of the workflow/],
] as const) {
  test(`calling ${name} fails the task with the line and the remedy, even if the code hides the error`, async () => {
    await using t = await testExecutor();
    const outcome = await t.executor.handle(new HistoryBuilder('forbiddenCall', [name]).taskStarted().task(), noFetch);
    assert.ok(outcome.kind === 'failed', `got ${JSON.stringify(outcome)}`);
    assert.equal(outcome.cause, WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE);
    assert.match(outcome.failure.message ?? '', remedy);
    assert.match(outcome.failure.stackTrace ?? '', /forbiddenCall.*test-workflows\.[jt]s:\d+/);
  });
}
