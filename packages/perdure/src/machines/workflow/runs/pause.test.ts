/** A paused run takes everything in and makes no step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, PauseWorkflowExecutionRequest, SearchAttributes, UnpauseWorkflowExecutionRequest, WorkflowExecutionStatus, TerminateWorkflowExecutionRequest } from '../../../protocol/index.js';
import { describe, runView } from '../index.js';
import { command, E, startedWorkflow, type TestWorkflow } from '../testing/test-run.js';

const pause = (requestId = 'p') => ({ type: 'pause', request: PauseWorkflowExecutionRequest.create({ identity: 'operator', reason: 'look', requestId }) }) as const;
const unpause = () => ({ type: 'unpause', request: UnpauseWorkflowExecutionRequest.create({ identity: 'operator', reason: 'seen' }) }) as const;

function info(workflow: TestWorkflow): { status: number | undefined; attributes: readonly string[]; reason: string | undefined } {
  const { workflowExecutionInfo, workflowExtendedInfo } = describe(workflow.run.live);
  const attributes = workflowExecutionInfo?.searchAttributes;
  return {
    status: workflowExecutionInfo?.status,
    attributes: [...SearchAttributes.decode(attributes ?? new Uint8Array(0)).indexedFields.keys()],
    reason: workflowExtendedInfo?.pauseInfo?.reason,
  };
}

test('a task that waits for a worker goes on waiting, and nobody gets it before the end of the pause', () => {
  const workflow = startedWorkflow();
  workflow.expect('done', pause());
  assert.deepEqual(workflow.run.eventNames().slice(2), [E.WORKFLOW_EXECUTION_PAUSED]);
  assert.equal(workflow.run.event(3).workerMayIgnore, true);
  assert.equal(workflow.run.owed.get('workflow-task')?.dispatch, undefined);
  workflow.refused({ type: 'dispatch', key: 'workflow-task', poller: { identity: 'worker', requestId: 'late', sticky: false } });
  assert.deepEqual(info(workflow), { status: WorkflowExecutionStatus.PAUSED, attributes: ['TemporalPauseInfo'], reason: 'look' });
  assert.deepEqual([runView(workflow.run.live).isPaused, runView(workflow.run.live).isOpen], [true, true]);

  workflow.signal('meanwhile');
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_SIGNALED);
  workflow.expect('done', unpause());
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_UNPAUSED);
  assert.deepEqual(info(workflow), { status: WorkflowExecutionStatus.RUNNING, attributes: [], reason: undefined });
  assert.equal(workflow.pollWorkflowTask().attempt, 1);
});

test('the same pause again is one pause; a second one, and an end without a pause, are refused', () => {
  const workflow = startedWorkflow();
  assert.equal(workflow.refused(unpause()).code, Code.FAILED_PRECONDITION);
  workflow.expect('done', pause());
  workflow.expect('done', pause());
  assert.equal(workflow.run.events().length, 3);
  assert.equal(workflow.refused(pause('other')).code, Code.FAILED_PRECONDITION);
  workflow.expect('done', { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) });
  assert.equal(info(workflow).status, WorkflowExecutionStatus.TERMINATED);
  assert.equal(workflow.refused(pause()).code, Code.NOT_FOUND);
});

test('a task that a worker holds may end, and no other follows; activities are not handed out, timers fire', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  workflow.expect('done', pause());
  assert.equal(info(workflow).status, WorkflowExecutionStatus.PAUSED, 'at once, though the event waits');
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_STARTED);
  const reply = workflow.complete(task, [{ ...command.activity('a'), scheduleActivityTaskCommandAttributes: { ...command.activity('a').scheduleActivityTaskCommandAttributes, requestEagerExecution: true } }, command.timer('t', 1000)], { returnNewWorkflowTask: true });
  assert.deepEqual([reply.newWorkflowTask, reply.activityTasks.length], [undefined, 0]);
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_COMPLETED, E.ACTIVITY_TASK_SCHEDULED, E.TIMER_STARTED, E.WORKFLOW_EXECUTION_PAUSED]);
  assert.ok(![...workflow.run.owed.values()].some(({ dispatch }) => dispatch), 'nothing is handed out');
  workflow.pass(1000);
  assert.equal(workflow.run.eventNames().at(-1), E.TIMER_FIRED);
  workflow.expect('done', unpause());
  workflow.completeActivity(workflow.pollActivity(5));
  workflow.step([command.complete()]);
});

test('pause and unpause while a worker holds a task leave the run as it was', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  workflow.expect('done', pause());
  workflow.expect('done', unpause());
  assert.equal(workflow.refused(workflow.completionInput(task, [command.complete()])).message, 'UnhandledCommand');
  assert.deepEqual(workflow.run.eventNames().slice(3), [E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_PAUSED, E.WORKFLOW_EXECUTION_UNPAUSED, E.WORKFLOW_TASK_SCHEDULED]);
  workflow.step([command.complete()]);
});

test('a task that keeps local activities alive gets no successor while the run is paused', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  workflow.expect('done', pause());
  assert.equal(workflow.refused(workflow.completionInput(task, [], { forceCreateNewWorkflowTask: true })).code, Code.FAILED_PRECONDITION);
  workflow.pass(10_000);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_PAUSED, 'the task has timed out and nothing follows');
  assert.equal(workflow.nextWake(), undefined);
});

test('a delayed start that is paused waits for both', () => {
  const workflow = startedWorkflow({ workflowStartDelay: 1000 });
  workflow.expect('done', pause());
  workflow.pass(5000);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_PAUSED);
  workflow.expect('done', unpause());
  workflow.pass(0);
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);

  const early = startedWorkflow({ workflowStartDelay: 1000 });
  early.expect('done', pause());
  early.expect('done', unpause());
  assert.equal(early.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_UNPAUSED);
  early.pass(1000);
  assert.equal(early.run.eventNames().at(-1), E.WORKFLOW_TASK_SCHEDULED);
});
