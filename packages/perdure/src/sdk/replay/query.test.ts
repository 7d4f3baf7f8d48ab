/** Queries: answered from the state at hand, on runs that are kept and on runs that must be replayed, without leaving a trace. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryResultType, WorkflowQuery } from '../../protocol/index.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { HistoryBuilder, valuesOf } from './history-builder.js';
import { fetchFrom, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';
import type { TaskOutcome } from './executor.js';

function answerOf(outcome: TaskOutcome): unknown {
  assert.ok(outcome.kind === 'query', `got ${JSON.stringify(outcome)}`);
  assert.ok(outcome.answer.ok, `got ${JSON.stringify(outcome)}`);
  return defaultPayloadConverter.fromPayload(outcome.answer.result.payloads[0]!);
}

const approved = (): HistoryBuilder =>
  new HistoryBuilder('approval').taskStarted().taskCompleted().timerStarted('1').signal('approve', 'ann').taskStarted();

test('a direct query is answered by a kept run without history, and the run goes on', async () => {
  await using t = await testExecutor();
  const history = approved();
  await t.executor.handle(history.task(), noFetch);
  history.taskCompleted().timerCanceled('1').timerStarted('2');
  assert.equal(answerOf(await t.executor.handle(history.queryTask({ queryType: 'status' }), noFetch)), 'approved');
  history.timerFired('2').taskStarted();
  assert.deepEqual(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), { inTime: true, approvedBy: 'ann' });
});

for (const withHistory of [true, false]) {
  test(`a direct query replays a run that is not kept, ${withHistory ? 'from its history' : 'fetching it'}; the run can go on from there`, async () => {
    await using t = await testExecutor();
    const history = approved().taskCompleted().timerCanceled('1').timerStarted('2');
    const answer = await t.executor.handle(history.queryTask({ queryType: 'status' }, withHistory), withHistory ? noFetch : fetchFrom(history));
    assert.equal(answerOf(answer), 'approved');
    history.timerFired('2').taskStarted();
    assert.deepEqual(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), { inTime: true, approvedBy: 'ann' });
  });
}

test('a query of a closed run sees its last state', async () => {
  await using t = await testExecutor();
  const history = approved().taskCompleted().timerCanceled('1').timerStarted('2').timerFired('2').taskStarted().taskCompleted().completed();
  assert.equal(answerOf(await t.executor.handle(history.queryTask({ queryType: 'status' }, true), noFetch)), 'approved');
});

test('attached queries are answered after the task, beside its commands', async () => {
  await using t = await testExecutor();
  const query = (queryType: string) => WorkflowQuery.create({ queryType });
  const task = approved().task(1, { queries: new Map([['q1', query('status')], ['q2', query('nope')]]) });
  const outcome = await t.executor.handle(task, noFetch);
  assert.ok(outcome.kind === 'completed');
  assert.deepEqual(shortly(outcome), ['cancel timer 1', 'timer 2 1000']);
  assert.deepEqual(valuesOf(outcome.queryResults.get('q1')?.answer), ['approved']);
  assert.equal(outcome.queryResults.get('q2')?.resultType, QueryResultType.FAILED);
  assert.match(outcome.queryResults.get('q2')?.errorMessage ?? '', /nope.*status/);
});

test('built-in queries say where the workflow waits and what it can be asked', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('approval').taskStarted().taskCompleted().timerStarted('1');
  const stack = answerOf(await t.executor.handle(history.queryTask({ queryType: '__stack_trace' }, true), noFetch));
  assert.match(String(stack), /at approval \(.*test-workflows\.[jt]s:\d+:\d+\)/);
  const metadata = answerOf(await t.executor.handle(history.queryTask({ queryType: '__temporal_workflow_metadata' }), noFetch));
  const { definition } = metadata as { definition: { type: string; signalDefinitions: { name: string }[] } };
  assert.deepEqual([definition.type, definition.signalDefinitions.map(({ name }) => name)], ['approval', ['approve']]);
});

test('a query handler that wants to do something is refused, and does nothing', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('mutatingQuery').taskStarted();
  await t.executor.handle(history.task(), noFetch);
  history.taskCompleted().timerStarted('1');
  const answer = await t.executor.handle(history.queryTask({ queryType: 'status' }), noFetch);
  assert.ok(answer.kind === 'query' && !answer.answer.ok);
  assert.match(answer.answer.message, /must only read.*schedule activity/);
  history.timerFired('1').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), ['complete undefined']);
});
