/** Which errors fail an execution, and not its workflow task: the worker's option `workflowFailureErrorTypes`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../protocol/index.js';
import { HistoryBuilder } from './history-builder.js';
import type { TaskOutcome } from './executor.js';
import { commandsOf, noFetch, testExecutor } from './test-executor.js';

type ErrorTypes = Readonly<Record<string, readonly string[]>>;
const withTypes = (workflowFailureErrorTypes: ErrorTypes) => testExecutor(10, undefined, undefined, undefined, { workflowFailureErrorTypes });
const brokenTask = () => new HistoryBuilder('brokenCode').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted().task();
const divergedTask = () => new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted().task();

function failureOf(outcome: TaskOutcome): Failure {
  const bytes = commandsOf(outcome).at(-1)?.failWorkflowExecutionCommandAttributes?.failure;
  assert.ok(bytes !== undefined, 'the execution did not fail');
  return Failure.decode(bytes instanceof Uint8Array ? bytes : Failure.encode(bytes));
}

const NAMED: readonly ErrorTypes[] = [{ '*': ['TypeError'] }, { brokenCode: ['TypeError'] }, { '*': ['RangeError'], brokenCode: ['Error'] }];
for (const types of NAMED) {
  test(`an error that is named fails the execution: ${JSON.stringify(types)}`, async () => {
    await using t = await withTypes(types);
    assert.equal(failureOf(await t.executor.handle(brokenTask(), noFetch)).applicationFailureInfo?.type, 'TypeError');
  });
}

test('one that is not named, or named for another workflow, fails the task', async () => {
  await using t = await withTypes({ '*': ['RangeError', 'NondeterminismError'], other: ['TypeError'] });
  assert.equal((await t.executor.handle(brokenTask(), noFetch)).kind, 'failed');
});

test('code that does not fit its history fails the execution if that is named, and else the task', async () => {
  await using named = await withTypes({ oneActivity: ['NondeterminismError'] });
  assert.match(failureOf(await named.executor.handle(divergedTask(), noFetch)).message, /event 5, TimerStarted/);
  await using other = await withTypes({ '*': ['TypeError'] });
  assert.equal((await other.executor.handle(divergedTask(), noFetch)).kind, 'failed');
});

test('what workflow code must not do counts as nondeterminism, even if the code hides the error', async () => {
  const task = () => new HistoryBuilder('forbiddenCall', ['fetch']).taskStarted().task();
  await using named = await withTypes({ '*': ['NondeterminismError'] });
  assert.match(failureOf(await named.executor.handle(task(), noFetch)).message, /fetch cannot be used/);
  await using other = await withTypes({ '*': ['TypeError'] });
  assert.equal((await other.executor.handle(task(), noFetch)).kind, 'failed');
});
