/** Cron: who follows whom, when, and with what in hand. Starts at 2023-11-14T22:13:20Z. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ContinueAsNewInitiator, RequestCancelWorkflowExecutionRequest, RpcError, TerminateWorkflowExecutionRequest, WorkflowExecutionStatus, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { WorkflowExecutionStartedEventAttributes } from '../../../protocol/index.js';
import { command, failure, payloads, startedWorkflow, TestWorkflow } from '../testing/test-run.js';

const { CRON_SCHEDULE, RETRY, WORKFLOW } = ContinueAsNewInitiator;

function started(workflow: TestWorkflow): WorkflowExecutionStartedEventAttributes {
  const attributes = workflow.run.event(1).workflowExecutionStartedEventAttributes;
  assert.ok(attributes);
  return attributes;
}

/** Lets the delay of the latest run pass, and completes its task with this command. */
function runOnce(workflow: TestWorkflow, last = command.complete()): void {
  workflow.pass(started(workflow).firstWorkflowTaskBackoff ?? 0);
  workflow.step([last]);
}

test('the first run waits for its time, each run is followed by the next', () => {
  const workflow = startedWorkflow({ cronSchedule: '0 * * * *', input: payloads('input') });
  const first = started(workflow);
  assert.deepEqual([first.firstWorkflowTaskBackoff, first.initiator, first.cronSchedule], [2_800_000, CRON_SCHEDULE, '0 * * * *']);
  runOnce(workflow, command.complete('one'));
  const [one, two] = workflow.runs;
  assert.equal(one?.events().at(-1)?.workflowExecutionCompletedEventAttributes?.newExecutionRunId, two?.runId);
  const next = started(workflow);
  assert.deepEqual(
    [next.firstWorkflowTaskBackoff, next.initiator, next.attempt, next.firstExecutionRunId, next.continuedExecutionRunId],
    [3_600_000, CRON_SCHEDULE, 1, one?.runId, one?.runId],
  );
  assert.deepEqual(Buffer.from(next.lastCompletionResult ?? []), Buffer.from(payloads('one')));
  assert.deepEqual(Buffer.from(next.input ?? []), Buffer.from(payloads('input')));
});

test('a run that takes longer than the period skips what it missed', () => {
  const workflow = startedWorkflow({ cronSchedule: '@every 10s' });
  workflow.pass(10_000);
  const task = workflow.pollWorkflowTask();
  workflow.complete(task, [command.timer('1', 25_000)]);
  workflow.pass(25_000);
  workflow.step([command.complete()]);
  assert.equal(started(workflow).firstWorkflowTaskBackoff, 5_000);
});

test('retries come before the schedule, the result of the last success is kept through failures', () => {
  const workflow = startedWorkflow({ cronSchedule: '@every 1m', retryPolicy: { maximumAttempts: 2 } });
  runOnce(workflow, command.complete('good'));
  runOnce(workflow, command.fail('first'));
  assert.deepEqual([started(workflow).initiator, started(workflow).attempt], [RETRY, 2]);
  runOnce(workflow, command.fail('second'));
  const failed = workflow.runs.at(-2)?.events().at(-1)?.workflowExecutionFailedEventAttributes;
  assert.deepEqual([failed?.retryState, failed?.newExecutionRunId], [4, workflow.run.runId]);
  const next = started(workflow);
  assert.deepEqual([next.initiator, next.attempt], [CRON_SCHEDULE, 1]);
  assert.deepEqual(Buffer.from(next.continuedFailure ?? []), Buffer.from(failure('second')));
  assert.deepEqual(Buffer.from(next.lastCompletionResult ?? []), Buffer.from(payloads('good')));
  runOnce(workflow, command.complete('better'));
  assert.equal(started(workflow).continuedFailure, undefined);
});

test('a run that times out is followed too; the chain\'s timeout ends the schedule', () => {
  const workflow = startedWorkflow({ cronSchedule: '@every 1m', workflowRunTimeout: 10_000, workflowExecutionTimeout: 200_000 });
  workflow.pass(70_000);
  const timedOut = workflow.runs[0]?.events().at(-1)?.workflowExecutionTimedOutEventAttributes;
  assert.deepEqual([timedOut?.retryState, timedOut?.newExecutionRunId], [5, workflow.runs[1]?.runId]);
  assert.equal(started(workflow).firstWorkflowTaskBackoff, 50_000);
  workflow.pass(1_000_000);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.TIMED_OUT);
  assert.equal(workflow.run.live.run.successorRunId, '');
  assert.equal(workflow.run.live.run.closeTimeMs, 1_700_000_000_000 + 200_000, 'counted from the first start');
});

test('cancelled and terminated runs end the schedule; a cancel request does not wait for the time', () => {
  const cancelled = startedWorkflow({ cronSchedule: '@daily' });
  cancelled.expect('done', { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}) });
  cancelled.step([command.cancel()]);
  assert.equal(cancelled.runs.length, 1);
  const terminated = startedWorkflow({ cronSchedule: '@daily' });
  terminated.expect('done', { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) });
  assert.equal(terminated.runs.length, 1);
});

test('continue-as-new keeps the schedule that its command names', () => {
  const continueAsNew = command.continueAsNew();
  const attributes = { ...continueAsNew.continueAsNewWorkflowExecutionCommandAttributes, cronSchedule: '@every 1m' };
  const workflow = startedWorkflow({ cronSchedule: '@every 1m' });
  runOnce(workflow, { ...continueAsNew, continueAsNewWorkflowExecutionCommandAttributes: attributes });
  assert.deepEqual([started(workflow).initiator, started(workflow).cronSchedule], [WORKFLOW, '@every 1m']);
  runOnce(workflow);
  assert.equal(started(workflow).initiator, CRON_SCHEDULE);
  runOnce(workflow, command.continueAsNew());
  runOnce(workflow);
  assert.equal(workflow.run.live.run.status, WorkflowExecutionStatus.COMPLETED, 'none was named');

  const wrong = startedWorkflow();
  const task = wrong.pollWorkflowTask();
  const refused = wrong.refused(wrong.completionInput(task, [{ ...continueAsNew, continueAsNewWorkflowExecutionCommandAttributes: { ...attributes, cronSchedule: '61 * * * *' } }]));
  assert.match(refused.message, /^BadContinueAsNewAttributes: invalid CronSchedule: the minute field has 61/);
  assert.equal(wrong.run.events().at(-1)?.workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.BAD_CONTINUE_AS_NEW_ATTRIBUTES);
});

test('what cannot be is refused, and starts nothing', () => {
  for (const [request, says] of [
    [{ cronSchedule: '* * *' }, /invalid CronSchedule: there are 3 fields/],
    [{ cronSchedule: '0 0 31 2 *' }, /no time can be found/],
    [{ cronSchedule: '* * * * *', workflowStartDelay: 1 }, /may not be used together/],
  ] as const) {
    const workflow = new TestWorkflow();
    const reply = workflow.start(request);
    assert.ok(reply instanceof RpcError && reply.code === Code.INVALID_ARGUMENT && says.test(reply.message));
    assert.equal(workflow.runs.length, 0);
  }
});

test('a run that fails at once is not retried at once', () => {
  const workflow = startedWorkflow({ retryPolicy: { initialInterval: 100 } });
  workflow.now += 300;
  workflow.step([command.fail()]);
  assert.equal(started(workflow).firstWorkflowTaskBackoff, 700);
});
