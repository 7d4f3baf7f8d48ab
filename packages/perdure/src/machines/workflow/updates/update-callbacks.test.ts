/** Completion callbacks of updates: told once the update has an outcome, whichever that is, by the run that gives it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callback, CallbackState, Code, EventType, HistoryEvent, Link, ResetReapplyExcludeType, RpcError, TerminateWorkflowExecutionRequest, UpdateRequest, pack } from '../../../protocol/index.js';
import type { Init } from '../../../protocol/index.js';
import { describe } from '../index.js';
import type { CallbackMessage, CallbackReply, UpdateReply, WorkflowTaskReply } from '../index.js';
import { E, command, payloads, startedWorkflow } from '../testing/test-run.js';
import type { TestRun, TestWorkflow } from '../testing/test-run.js';
import { resetInput } from '../testing/reset.js';
import { acceptance, messageOf, protocolMessage, rejection, response, updateInput } from '../testing/updates.js';

const { STANDBY, SCHEDULED, BACKING_OFF, SUCCEEDED } = CallbackState;
const LINK = Link.encode({ workflowEvent: { namespace: 'other', workflowId: 'caller', runId: 'r' } });
const callback = (url: string) => Callback.encode({ nexus: { url, header: new Map() }, links: [LINK] });

function idle(limits = {}): TestWorkflow {
  const workflow = startedWorkflow({}, limits);
  workflow.step([command.timer('t', 3_600_000)]);
  return workflow;
}

const request = (updateId: string, requestId: string, urls: readonly string[]): Init<UpdateRequest> => ({
  meta: { updateId, identity: 'client' },
  input: { name: 'set', args: payloads(updateId) },
  requestId,
  completionCallbacks: urls.map(callback),
});

const send = (workflow: TestWorkflow, updateId: string, requestId: string, urls: readonly string[]) =>
  workflow.send(updateInput(updateId, { request: request(updateId, requestId, urls) })) as UpdateReply | RpcError;

function accept(workflow: TestWorkflow, task: WorkflowTaskReply, updateId: string): void {
  const accepted = acceptance(messageOf(task, updateId));
  workflow.complete(task, [protocolMessage(accepted)], { messages: [accepted] });
}

/** A workflow task for whatever is to be told, and its completion with these answers. */
function answer(workflow: TestWorkflow, updateId: string): void {
  workflow.signal('go on');
  const said = response(updateId);
  workflow.complete(workflow.pollWorkflowTask(), [protocolMessage(said)], { messages: [said] });
}

const states = (run: TestRun) => (describe(run.live).callbacks ?? []).map(({ state }) => state);
const message = (run: TestRun, index = 0) => run.owed.get(`message:callback:${index}`)?.message?.input as CallbackMessage | undefined;
const outcomeIn = (owed: CallbackMessage | undefined) =>
  HistoryEvent.decode(owed?.closeEvent ?? new Uint8Array()).workflowExecutionUpdateCompletedEventAttributes?.outcome;
const delivered = (workflow: TestWorkflow, reply: CallbackReply, index = 0) =>
  workflow.send({ type: 'delivered', answers: [{ key: `message:callback:${index}`, reply }] });

test('the outcome is told while the run goes on, and the close of the run tells nothing more', () => {
  const workflow = idle();
  send(workflow, 'a', 'request-1', ['http://a', 'http://b']);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(states(workflow.run), [], 'an update that may be rejected registers nothing');
  accept(workflow, task, 'a');
  assert.deepEqual(states(workflow.run), [STANDBY, STANDBY]);
  const accepted = workflow.run.events().find(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
  assert.equal(accepted?.links.length, 2, 'the event links to who will be called');
  assert.deepEqual((describe(workflow.run.live).callbacks ?? [])[0]?.trigger, { updateWorkflowExecutionCompleted: { updateId: 'a' } });
  const known = describe(workflow.run.live).workflowExtendedInfo?.requestIdInfos;
  assert.equal(known?.get('request-1')?.eventId, accepted?.eventId);
  answer(workflow, 'a');
  assert.deepEqual(states(workflow.run), [SCHEDULED, SCHEDULED]);
  assert.ok(outcomeIn(message(workflow.run))?.success);
  assert.equal(message(workflow.run)?.ofAcceptedUpdate, true);
  delivered(workflow, { kind: 'not-taken', message: 'busy', retryable: true });
  delivered(workflow, { kind: 'taken' }, 1);
  assert.deepEqual(states(workflow.run), [BACKING_OFF, SUCCEEDED]);
  workflow.signal('the end');
  workflow.step([command.complete()]);
  assert.equal(workflow.machine.isOpen(workflow.run.live), true, 'the first one is still owed');
  workflow.pass(1000);
  delivered(workflow, { kind: 'taken' });
  assert.deepEqual(states(workflow.run), [SUCCEEDED, SUCCEEDED]);
  assert.equal(workflow.machine.isOpen(workflow.run.live), false);
});

test('a rejected update calls nobody: whoever asked has the answer', () => {
  const workflow = idle();
  send(workflow, 'a', 'request-1', ['http://a']);
  const task = workflow.pollWorkflowTask();
  const rejected = rejection(messageOf(task, 'a'));
  workflow.complete(task, [], { messages: [rejected] });
  assert.deepEqual(states(workflow.run), []);
});

test('an update that its run did not complete has failed; callbacks of the chain and of updates are told apart', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://chain')] });
  workflow.step([command.timer('t', 3_600_000)]);
  send(workflow, 'a', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  workflow.expect('done', { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) });
  assert.equal(HistoryEvent.decode(message(workflow.run)?.closeEvent ?? new Uint8Array()).eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
  assert.ok(outcomeIn(message(workflow.run, 1))?.failure);
  delivered(workflow, { kind: 'taken' }, 1);
  assert.ok(message(workflow.run), 'the other one is still owed, with its event');
});

test('a run that continues as new tells of its updates itself', () => {
  const workflow = startedWorkflow({ completionCallbacks: [callback('http://chain')] });
  workflow.step([command.timer('t', 3_600_000)]);
  send(workflow, 'a', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  workflow.signal('go on');
  workflow.step([command.continueAsNew()]);
  const [first, second] = workflow.runs;
  assert.deepEqual([states(first as TestRun), states(second as TestRun)], [[STANDBY, SCHEDULED], [STANDBY]]);
});

test('a later request for the update adds its callbacks, once; not when it is completed', () => {
  const workflow = idle({ callbacksPerRun: 2 });
  send(workflow, 'a', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  for (let times = 0; times < 2; times++) assert.ok(!(send(workflow, 'a', 'request-2', ['http://b']) instanceof RpcError));
  assert.deepEqual(states(workflow.run), [STANDBY, STANDBY]);
  const options = workflow.run.events().filter(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED);
  assert.deepEqual(options.map((event) => event.workflowExecutionOptionsUpdatedEventAttributes?.workflowUpdateOptions[0]?.attachedRequestId), ['request-2']);
  const tooMany = send(workflow, 'a', 'request-3', ['http://c']);
  assert.ok(tooMany instanceof RpcError && tooMany.code === Code.FAILED_PRECONDITION);
  answer(workflow, 'a');
  assert.equal(message(workflow.run, 1)?.ofAcceptedUpdate, false);
  assert.ok(!(send(workflow, 'a', 'request-4', ['http://d']) instanceof RpcError));
  assert.deepEqual(states(workflow.run), [SCHEDULED, SCHEDULED]);
});

test('what a later request adds before the update is accepted counts once it is, in order, and against the limit', () => {
  const workflow = idle({ callbacksPerRun: 4 });
  send(workflow, 'a', 'request-1', ['http://a']);
  assert.ok(!(send(workflow, 'a', 'request-1', ['http://a']) instanceof RpcError), 'the same request again');
  for (let times = 0; times < 2; times++) assert.ok(!(send(workflow, 'a', 'request-2', ['http://b', 'http://c']) instanceof RpcError));
  const task = workflow.pollWorkflowTask();
  assert.ok(!(send(workflow, 'a', 'request-3', ['http://d']) instanceof RpcError), 'a worker has it already');
  const tooMany = send(workflow, 'a', 'request-4', ['http://e']);
  assert.ok(tooMany instanceof RpcError && tooMany.code === Code.FAILED_PRECONDITION);
  assert.deepEqual(states(workflow.run), []);
  const [accepted, done] = [acceptance(messageOf(task, 'a')), response('a')];
  workflow.complete(task, [protocolMessage(accepted), protocolMessage(done)], { messages: [accepted, done] });
  assert.deepEqual(workflow.run.eventNames().slice(-4), [
    E.WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    E.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    E.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    E.WORKFLOW_EXECUTION_UPDATE_COMPLETED,
  ]);
  assert.deepEqual(states(workflow.run), [SCHEDULED, SCHEDULED, SCHEDULED, SCHEDULED]);
  assert.deepEqual([0, 1, 3].map((index) => message(workflow.run, index)?.ofAcceptedUpdate), [true, false, false]);
});

test('a rejection takes with it what later requests had added', () => {
  const workflow = idle();
  send(workflow, 'a', 'request-1', []);
  send(workflow, 'a', 'request-2', ['http://b']);
  const task = workflow.pollWorkflowTask();
  workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))] });
  send(workflow, 'a', 'request-3', ['http://c']);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  assert.deepEqual(states(workflow.run), [STANDBY]);
});

test('callbacks that come while a worker completes the update are told as well', () => {
  const workflow = idle();
  send(workflow, 'a', 'request-1', []);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  workflow.signal('go on');
  const task = workflow.pollWorkflowTask();
  send(workflow, 'a', 'request-2', ['http://b']);
  assert.equal(describe(workflow.run.live).workflowExtendedInfo?.requestIdInfos?.get('request-2')?.buffered, true);
  const said = response('a');
  workflow.complete(task, [protocolMessage(said)], { messages: [said] });
  assert.equal(workflow.run.eventNames().at(-2), E.WORKFLOW_EXECUTION_OPTIONS_UPDATED, 'behind the completion');
  assert.deepEqual(states(workflow.run), [SCHEDULED]);
  assert.equal(describe(workflow.run.live).workflowExtendedInfo?.requestIdInfos?.get('request-2')?.buffered, false);
});

test('after a reset the new run tells of what is asked there again, and the base of what it completed', () => {
  const workflow = idle();
  send(workflow, 'done', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'done');
  answer(workflow, 'done');
  send(workflow, 'open', 'request-2', ['http://b']);
  accept(workflow, workflow.pollWorkflowTask(), 'open');
  const base = workflow.run;
  const late = base.events().findLast(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED)?.eventId ?? 0;
  workflow.send(resetInput(workflow, late));
  assert.deepEqual([states(base), states(workflow.run)], [[SCHEDULED, STANDBY], [STANDBY]]);
  assert.equal((describe(workflow.run.live).callbacks ?? [])[0]?.trigger?.updateWorkflowExecutionCompleted?.updateId, 'open');
});

test('a reset that leaves updates out tells their callbacks that they failed, once, and those of what the new run has stay', () => {
  const workflow = idle();
  send(workflow, 'kept', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'kept');
  workflow.signal('go on');
  workflow.step([]);
  send(workflow, 'left', 'request-2', ['http://b']);
  accept(workflow, workflow.pollWorkflowTask(), 'left');
  send(workflow, 'left', 'request-3', ['http://c']);
  const base = workflow.run;
  const point = base.events().filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED).at(-2)?.eventId ?? 0;
  workflow.send(resetInput(workflow, point, { request: { resetReapplyExcludeTypes: [ResetReapplyExcludeType.UPDATE] } }));
  assert.deepEqual([states(base), states(workflow.run)], [[STANDBY, SCHEDULED, SCHEDULED], [STANDBY]]);
  assert.ok(outcomeIn(message(base, 1))?.failure);
  assert.equal(workflow.run.live.updates.has('left'), false);
});

test('a reset to an earlier chain of the workflow id lets the current one tell its end, to parent and callbacks', () => {
  const first = startedWorkflow();
  first.step([command.timer('t', 3_600_000)]);
  const base = first.run;
  const point = base.events().find(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED)?.eventId ?? 0;
  first.signal('the end');
  first.step([command.complete()]);
  first.start({ completionCallbacks: [callback('http://chain')] });
  first.step([command.timer('t', 3_600_000)]);
  const other = first.run;
  assert.notEqual(other.live.run.firstExecutionRunId, base.live.run.firstExecutionRunId);
  first.send(resetInput(first, point, { base }));
  assert.notEqual(first.run, other);
  assert.deepEqual([states(other), states(first.run)], [[SCHEDULED], []]);
  assert.equal(describe(other.live).workflowExtendedInfo?.resetRunId, '');
});

test('an update that a reset brought may be rejected there: its callbacks hear why', () => {
  const workflow = idle();
  send(workflow, 'a', 'request-1', ['http://a']);
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  const point = workflow.run.events().find(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED)?.eventId ?? 0;
  workflow.send(resetInput(workflow, point));
  assert.deepEqual(states(workflow.run), [STANDBY]);
  const task = workflow.pollWorkflowTask();
  const told = { id: 'a/request', protocolInstanceId: 'a', body: pack(UpdateRequest, request('a', 'request-1', ['http://a'])) };
  workflow.complete(task, [], { messages: [rejection(told)] });
  assert.deepEqual(states(workflow.run), [SCHEDULED]);
  assert.ok(outcomeIn(message(workflow.run))?.failure);
});
