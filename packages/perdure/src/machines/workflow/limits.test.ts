/** The limits of a run hold: each is reached here on purpose, with what is told and what becomes of the run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Priority, WorkflowTaskFailedCause } from '../../protocol/index.js';
import { E, STICKY, command, startedWorkflow } from './testing/test-run.js';

test('a run that holds too much at once is terminated, with what to do about it', () => {
  const workflow = startedWorkflow({}, { stateSizeBytes: 10_000 });
  workflow.step(['a', 'b', 'c'].map((id) => command.timer(id, 60_000)));
  assert.ok(workflow.run.live.isOpen);
  workflow.signal('more');
  const many = Array.from({ length: 40 }, (_, index) => command.timer(`t${index}`, 60_000));
  workflow.step(many);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_TERMINATED);
  const { reason } = workflow.run.events().at(-1)?.workflowExecutionTerminatedEventAttributes ?? {};
  assert.match(reason ?? '', /what is pending in the workflow takes \d+ bytes: the limit is 10000/);
});

test('continue-as-new is suggested beyond the number of events and beyond the bytes', () => {
  for (const limits of [{ suggestContinueAsNewEvents: 6 }, { suggestContinueAsNewSizeBytes: 500 }]) {
    const workflow = startedWorkflow({}, limits);
    const suggestions = [0, 1, 2, 3].map((round) => {
      const task = workflow.pollWorkflowTask();
      const { suggestContinueAsNew } = workflow.run.event(task.startedEventId).workflowTaskStartedEventAttributes ?? {};
      workflow.complete(task, [command.timer(`t${round}`, 10)]);
      workflow.pass(10);
      return suggestContinueAsNew;
    });
    assert.equal(suggestions[0], false);
    assert.equal(suggestions.at(-1), true, JSON.stringify(limits));
  }
});

test('events that wait are bounded in bytes too: the workflow task that holds them up fails', () => {
  const workflow = startedWorkflow({}, { bufferedSizeBytes: 400 });
  workflow.pollWorkflowTask();
  for (let count = 0; count < 20; count++) workflow.signal(`signal number ${count}`);
  const failed = workflow.run.events().find((event) => event.workflowTaskFailedEventAttributes !== undefined);
  assert.equal(failed?.workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.FORCE_CLOSE_COMMAND);
  assert.ok(workflow.run.live.run.bufferSizeBytes <= 400);
});

test('pending timers are bounded; a cancelled one makes room', () => {
  const workflow = startedWorkflow({}, { pendingTimers: 2 });
  workflow.step([command.timer('a', 60_000), command.timer('b', 60_000)]);
  workflow.signal('go on');
  const task = workflow.pollWorkflowTask();
  const refusal = workflow.refused(workflow.completionInput(task, [command.timer('c', 60_000)]));
  assert.equal(refusal.code, Code.INVALID_ARGUMENT);
  assert.match(refusal.message, /BadStartTimerAttributes: .*2 timers.*limit/);
  workflow.step([command.cancelTimer('a'), command.timer('c', 60_000)]);
});

test('a fairness key is bounded in a command', () => {
  const workflow = startedWorkflow({}, { fairnessKeyLengthBytes: 3 });
  const task = workflow.pollWorkflowTask();
  const schedule = command.activity('a');
  const priority = Priority.encode({ fairnessKey: 'long' });
  const attributes = { ...schedule.scheduleActivityTaskCommandAttributes, priority };
  assert.match(workflow.refused(workflow.completionInput(task, [{ ...schedule, scheduleActivityTaskCommandAttributes: attributes }])).message, /fairness key/);
});

test('the workflow task timeout has a default and a cap', () => {
  assert.equal(startedWorkflow({}, { defaultWorkflowTaskTimeoutMs: 7_000 }).run.live.run.taskTimeoutMs, 7_000);
  assert.equal(startedWorkflow({ workflowTaskTimeout: 3_600_000 }, { maximumWorkflowTaskTimeoutMs: 9_000 }).run.live.run.taskTimeoutMs, 9_000);
});

test('a workflow task that fails again and again is given more and more time, up to a bound', () => {
  const workflow = startedWorkflow({}, { defaultWorkflowTaskTimeoutMs: 1_000, workflowTaskBackoffFromAttempt: 2, workflowTaskBackoffInitialMs: 100, workflowTaskBackoffMaximumMs: 300 });
  const timeouts = [1, 2, 3, 4, 5].map(() => {
    const task = workflow.pollWorkflowTask();
    const timeout = (workflow.nextWake() ?? 0) - workflow.now;
    workflow.failTask(task);
    return timeout;
  });
  assert.deepEqual(timeouts, [1_000, 1_100, 1_200, 1_300, 1_300]);
});

test('empty workflow tasks keep local activities alive for so long, and no longer', () => {
  const workflow = startedWorkflow({}, { workflowTaskHeartbeatMs: 20_000 });
  const request = { ...STICKY, forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
  let task = workflow.pollWorkflowTask();
  for (let beats = 0; beats < 2; beats++) {
    workflow.pass(8_000);
    const { newWorkflowTask } = workflow.complete(task, [], request);
    assert.ok(newWorkflowTask);
    task = newWorkflowTask;
  }
  workflow.pass(8_000);
  assert.equal(workflow.refused(workflow.completionInput(task, [], request)).code, Code.NOT_FOUND);
  assert.ok(workflow.run.eventNames().includes(E.WORKFLOW_TASK_TIMED_OUT));
});
