/** A rejected promise that nobody handles fails the task of the run that made it, and of no other, and does not end the worker. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { UnhandledRejectionError } from './failed-task.js';
import { HistoryBuilder } from './history-builder.js';
import { fetchFrom, noFetch, testExecutor } from './test-executor.js';

/** The test runner listens as well, and would take what belongs to the executor for a failure of the test. */
function withoutTheRunnersListeners(context: TestContext): void {
  const listeners = process.listeners('unhandledRejection');
  for (const listener of listeners) process.off('unhandledRejection', listener);
  context.after(() => {
    for (const listener of listeners) process.on('unhandledRejection', listener);
  });
}

test('a promise that is rejected and forgotten fails the task', async (context) => {
  withoutTheRunnersListeners(context);
  await using t = await testExecutor();
  const outcome = await t.executor.handle(new HistoryBuilder('forgetsPromise').taskStarted().task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /nobody looks/);
  assert.match(outcome.failure.stackTrace ?? '', /forgetsPromise.*test-workflows/);
  assert.equal(outcome.failure.applicationFailureInfo?.type, 'UnhandledRejectionError');
  assert.ok(new UnhandledRejectionError('', undefined) instanceof Error);
});

test('it is blamed on its own run when several ran in the same turn', async (context) => {
  withoutTheRunnersListeners(context);
  await using t = await testExecutor();
  const histories = [
    new HistoryBuilder('sleeps', [], 'run-a').taskStarted(),
    new HistoryBuilder('forgetsPromise', [], 'run-guilty').taskStarted(),
    new HistoryBuilder('sleeps', [], 'run-b').taskStarted(),
  ];
  const outcomes = await Promise.all(histories.map((history) => t.executor.handle(history.task(), fetchFrom(history))));
  assert.deepEqual(outcomes.map(({ kind }) => kind), ['completed', 'failed', 'completed']);
});

test('a rejection from elsewhere is left to whoever listens for it', async (context) => {
  withoutTheRunnersListeners(context);
  await using t = await testExecutor();
  const seen: unknown[] = [];
  const listener = (reason: unknown): void => void seen.push(reason);
  process.on('unhandledRejection', listener);
  void Promise.reject(new Error('not of a workflow'));
  const outcome = await t.executor.handle(new HistoryBuilder('noop').taskStarted().task(), noFetch);
  process.off('unhandledRejection', listener);
  assert.equal(outcome.kind, 'completed');
  assert.equal(seen.length, 1);
});
