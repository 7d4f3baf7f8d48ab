/** Completion callbacks: told once the whole chain has ended, until they are taken or refused for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callback, CallbackState, EventType, HistoryEvent, TerminateWorkflowExecutionRequest, WorkflowIdConflictPolicy } from '../../../protocol/index.js';
import { CALLBACK_KIND, describe, type CallbackMessage, type CallbackReply } from '../index.js';
import { command, startedWorkflow, type TestRun, type TestWorkflow } from '../testing/test-run.js';

const callback = (url: string) => Callback.encode({ nexus: { url, header: new Map() } });
const states = (run: TestRun) => (describe(run.live).callbacks ?? []).map(({ state }) => state);
const { STANDBY, SCHEDULED, BACKING_OFF, FAILED, SUCCEEDED } = CallbackState;

function message(run: TestRun, index = 0): CallbackMessage {
  const owed = run.owed.get(`message:callback:${index}`)?.message;
  assert.ok(owed, 'the callback is owed');
  assert.equal(owed.to.kind, CALLBACK_KIND);
  return owed.input as CallbackMessage;
}

const answer = (workflow: TestWorkflow, reply: CallbackReply, index = 0) =>
  workflow.send({ type: 'delivered', answers: [{ key: `message:callback:${index}`, reply }] });

test('callbacks stand by while the run is open, and are told its end; each until it is taken', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://a'), callback('http://b')] });
  assert.deepEqual(states(workflow.run), [STANDBY, STANDBY]);
  workflow.step([command.complete()]);
  assert.deepEqual(states(workflow.run), [SCHEDULED, SCHEDULED]);
  assert.equal(HistoryEvent.decode(message(workflow.run).closeEvent).eventType, EventType.WORKFLOW_EXECUTION_COMPLETED);
  assert.equal(Callback.decode(message(workflow.run, 1).callback).nexus?.url, 'http://b');
  answer(workflow, { kind: 'taken' }, 1);
  assert.deepEqual(states(workflow.run), [SCHEDULED, SUCCEEDED]);
  answer(workflow, { kind: 'taken' });
  assert.deepEqual([...workflow.run.owed], []);
  assert.equal(workflow.machine.isOpen(workflow.run.live), false, 'nothing will change any more');
});

test('a call that fails is repeated with growing pauses; a refusal for good ends it', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://a')] });
  workflow.step([command.fail()]);
  for (const pause of [1000, 2000, 4000]) {
    answer(workflow, { kind: 'not-taken', message: 'busy', retryable: true });
    assert.deepEqual(states(workflow.run), [BACKING_OFF]);
    assert.equal(workflow.nextWake(), workflow.now + pause);
    answer(workflow, { kind: 'taken' });
    assert.deepEqual(states(workflow.run), [BACKING_OFF], 'a late answer to an earlier call changes nothing');
    workflow.pass(pause);
    assert.deepEqual(states(workflow.run), [SCHEDULED]);
  }
  const [info] = describe(workflow.run.live).callbacks ?? [];
  assert.equal(info?.attempt, 3);
  answer(workflow, { kind: 'not-taken', message: 'never', retryable: false });
  assert.deepEqual(states(workflow.run), [FAILED]);
  assert.equal(workflow.machine.isOpen(workflow.run.live), false);
});

test('the pauses end at an hour', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://a')] });
  workflow.proving = false;
  workflow.step([command.complete()]);
  for (let n = 0; n < 40; n++) {
    answer(workflow, { kind: 'not-taken', message: 'busy', retryable: true });
    workflow.pass((workflow.nextWake() ?? 0) - workflow.now);
  }
  answer(workflow, { kind: 'not-taken', message: 'busy', retryable: true });
  assert.equal((workflow.nextWake() ?? 0) - workflow.now, 3_600_000);
});

test('a run that is followed hands its callbacks on: only the end of the chain is told', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://a')], retryPolicy: { maximumAttempts: 2 } });
  workflow.start({ requestId: 'other', workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: true }, completionCallbacks: [callback('http://b')] });
  workflow.step([command.fail()]);
  const [first] = workflow.runs;
  assert.ok(first);
  assert.deepEqual(states(first), [STANDBY, STANDBY]);
  assert.equal(workflow.machine.isOpen(first.live), false);
  assert.equal(workflow.run.event(1).workflowExecutionStartedEventAttributes?.completionCallbacks.length, 2);
  workflow.pass(2000);
  workflow.step([command.fail()]);
  assert.deepEqual(states(workflow.run), [SCHEDULED, SCHEDULED]);
});

test('a termination is an end, and an attached callback says by which start it came', () => {
  const workflow = startedWorkflow();
  workflow.start({ requestId: 'other', workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: true }, completionCallbacks: [callback('http://b')] });
  workflow.expect('done', { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) });
  assert.equal(message(workflow.run).attachedRequestId, 'other');
  assert.equal(HistoryEvent.decode(message(workflow.run).closeEvent).eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
});
