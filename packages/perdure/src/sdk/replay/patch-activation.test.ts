/** Rolling a patch out to some runs first: the worker's option `patchActivationCallback`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistoryBuilder } from './history-builder.js';
import type { PatchActivationCallback } from './patch-activation.js';
import { noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

const withCallback = (patchActivationCallback: PatchActivationCallback) => testExecutor(10, undefined, undefined, undefined, { patchActivationCallback });
const firstTask = () => new HistoryBuilder('patches').taskStarted().task();

test('a run that the callback refuses goes the old way and records nothing; it is asked once, with the run and the patch', async () => {
  const asked: string[] = [];
  await using t = await withCallback(({ patchId, workflowInfo }) => {
    asked.push(`${workflowInfo.workflowType} ${patchId}`);
    return false;
  });
  const commands = shortly(await t.executor.handle(firstTask(), noFetch));
  assert.ok(!commands.includes('record marker'), commands.join());
  assert.deepEqual(asked, [...new Set(asked)]);
  assert.ok(asked.includes('patches new-way'));
});

test('a run that it accepts does as it would without', async () => {
  await using t = await withCallback(() => true);
  await using plain = await testExecutor();
  assert.deepEqual(shortly(await t.executor.handle(firstTask(), noFetch)), shortly(await plain.executor.handle(firstTask(), noFetch)));
});

test('in a replay nobody is asked', async () => {
  await using t = await withCallback(() => assert.fail('asked'));
  const history = new HistoryBuilder('patches').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.task(), noFetch)), 'old');
});

test('an answer that is neither true nor false fails the task', async () => {
  await using t = await withCallback((() => 'yes') as unknown as PatchActivationCallback);
  const outcome = await t.executor.handle(firstTask(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /true or false/);
});
