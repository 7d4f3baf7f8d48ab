/** Histories against code: what fits passes, what differs is named, and the caller's history stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../protocol/index.js';
import { HistoryBuilder } from '../replay/history-builder.js';
import { bundleWorkflowCode } from '../sandbox/bundle.js';
import { DeterminismViolationError } from '../workflow/errors.js';
import { ReplayError } from './replay.js';
import { Worker } from './worker.js';

const workflowBundle = await bundleWorkflowCode({ workflowsPath: new URL('../replay/test-workflows.js', import.meta.url).href });
const good = new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'hi').taskStarted().taskCompleted().completed();
const other = new HistoryBuilder('oneActivity', ['bob']).taskStarted().taskCompleted().timerStarted('1');
const broken = new HistoryBuilder('brokenCode').taskStarted().taskCompleted().timerStarted('1').timerFired('1').taskStarted().taskCompleted().completed();

test('each history has its result', async () => {
  const histories = [good, other, broken].map(({ events }, index) => ({ workflowId: `w${index}`, history: { events } }));
  const before = History.encode({ events: good.events });
  const results = [];
  for await (const result of Worker.runReplayHistories({ workflowBundle }, histories)) results.push(result);
  assert.deepEqual(results.map(({ workflowId, runId }) => [workflowId, runId]), [0, 1, 2].map((index) => [`w${index}`, good.runId]));
  const [fits, differs, breaks] = results;
  assert.equal(fits?.error, undefined);
  assert.ok(differs?.error instanceof DeterminismViolationError);
  assert.match(differs.error.message, /event 5, TimerStarted.*schedule activity 'greet'/);
  assert.ok(breaks?.error instanceof ReplayError);
  assert.deepEqual(History.encode({ events: good.events }), before);
});

test('one history: nothing, or the error', async () => {
  await Worker.runReplayHistory({ workflowBundle }, History.encode({ events: good.events }));
  await assert.rejects(Worker.runReplayHistory({ workflowBundle }, { events: other.events }, 'w'), DeterminismViolationError);
  await assert.rejects(Worker.runReplayHistory({ workflowBundle }, { events: [] }), /does not begin with WorkflowExecutionStarted/);
});

test('the last task counts too: what the code did is compared with the events that follow', async () => {
  const closedOtherwise = new HistoryBuilder('noop').taskStarted().taskCompleted().timerStarted('1');
  await assert.rejects(Worker.runReplayHistory({ workflowBundle }, { events: closedOtherwise.events }), /TimerStarted.*complete the workflow/);
});
