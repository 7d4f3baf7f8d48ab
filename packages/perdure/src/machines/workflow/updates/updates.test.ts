/** Updates: what becomes of each answer of a worker, what the history shows, and what survives failures, restarts and the end of the run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, Outcome, RpcError, SuggestContinueAsNewReason, TerminateWorkflowExecutionRequest, UpdateRequest, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { UpdateWorkflowExecutionRequest } from '../../../protocol/index.js';
import { viewUpdate } from '../index.js';
import type { UpdateNotice, WorkflowTaskReply } from '../index.js';
import { E, STICKY, command, payloads, startedWorkflow } from '../testing/test-run.js';
import type { TestWorkflow } from '../testing/test-run.js';
import { CAN_DISCARD, acceptance, idsOf, messageOf, protocolMessage, rejection, response, stage, told, update, updateInput } from '../testing/updates.js';
import { Draft } from '../draft.js';
import { DEFAULT_LIMITS } from '../limits.js';
import { reapplicableUpdate, reapplyUpdate } from './update-reapply.js';

/** A run that waits for a timer; its history has five events. */
function idle(limits = {}, completion = {}): TestWorkflow {
  const workflow = startedWorkflow({}, limits);
  workflow.step([command.timer('t', 3_600_000)], completion);
  return workflow;
}

const BEFORE = [E.WORKFLOW_EXECUTION_STARTED, E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_COMPLETED, E.TIMER_STARTED];
const TASK = [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_COMPLETED];
const after = (workflow: TestWorkflow): string[] => workflow.run.eventNames().slice(BEFORE.length);

function accept(workflow: TestWorkflow, task: WorkflowTaskReply, updateId: string) {
  const accepted = acceptance(messageOf(task, updateId));
  return workflow.complete(task, [protocolMessage(accepted)], { messages: [accepted] });
}

function terminate(workflow: TestWorkflow): void {
  workflow.expect('done', { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({ reason: 'enough' }) });
}

test('an update travels on a speculative task; accepted and completed, everything is written as the worker saw it', () => {
  const workflow = idle();
  assert.equal(stage(update(workflow, 'a')), 'ADMITTED');
  assert.deepEqual(after(workflow), [], 'an admitted update is not in the history');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(after(workflow), [], 'nor is the task');
  assert.deepEqual([task.historyTo, task.startedEventId, task.previousStartedEventId], [5, 7, 3]);
  assert.ok(task.transientSuffix);
  const request = messageOf(task, 'a');
  assert.deepEqual([request.id, request.eventId, request.body?.typeUrl], ['a/request', 6, 'type.googleapis.com/temporal.api.update.v1.Request']);
  const [accepted, answer] = [acceptance(request), response('a')];
  const done = workflow.complete(task, [protocolMessage(accepted), command.marker('between'), protocolMessage(answer)], { messages: [accepted, answer] });
  assert.equal(done.resetHistoryEventId, 0);
  assert.deepEqual(after(workflow), [...TASK, E.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, E.MARKER_RECORDED, E.WORKFLOW_EXECUTION_UPDATE_COMPLETED]);
  const event = workflow.run.event(9).workflowExecutionUpdateAcceptedEventAttributes;
  assert.deepEqual([event?.protocolInstanceId, event?.acceptedRequestMessageId, event?.acceptedRequestSequencingEventId, event?.acceptedRequest?.input?.name], ['a', 'a/request', 6, 'set']);
  assert.equal(workflow.run.event(11).workflowExecutionUpdateCompletedEventAttributes?.acceptedEventId, 9);
  assert.deepEqual(told(workflow.run, 'a'), ['completed'], 'who waits hears the latest of one commit');
  const again = update(workflow, 'a');
  assert.deepEqual([stage(again), again.completedEventId], ['COMPLETED', 11]);
  assert.equal(workflow.run.live.workflowTask, undefined);
});

test('a rejected update leaves no trace, and the worker is told how far to go back', () => {
  const workflow = idle();
  const before = workflow.run.live.run.historySizeBytes;
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  const done = workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))], ...CAN_DISCARD });
  assert.equal(done.resetHistoryEventId, 3);
  assert.deepEqual(after(workflow), []);
  assert.equal(workflow.run.live.run.historySizeBytes, before);
  assert.equal(workflow.run.live.workflowTask, undefined);
  assert.deepEqual(told(workflow.run, 'a'), ['failed']);
  assert.equal(stage(viewUpdate(workflow.run.live, 'a')), 'unknown');
  assert.equal(stage(update(workflow, 'a')), 'ADMITTED', 'the same id may be asked again');
});

test('a worker that cannot take events twice gets the task written', () => {
  const workflow = idle();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  const done = workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))] });
  assert.equal(done.resetHistoryEventId, 0);
  assert.deepEqual(after(workflow), TASK);
});

test('whatever else happens makes the speculative task a normal one', () => {
  const workflow = idle();
  update(workflow, 'a');
  workflow.signal('s');
  assert.deepEqual(after(workflow), [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_EXECUTION_SIGNALED]);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.historyTo, task.startedEventId, messageOf(task, 'a').eventId], [8, 8, 7]);
  workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))], ...CAN_DISCARD });
  assert.deepEqual(after(workflow).slice(2), [E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_COMPLETED]);
});

test('a signal while a worker holds the speculative task is written behind it', () => {
  const workflow = idle();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  workflow.signal('s');
  const done = workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))], ...CAN_DISCARD });
  assert.equal(done.resetHistoryEventId, 0);
  assert.deepEqual(after(workflow), [...TASK, E.WORKFLOW_EXECUTION_SIGNALED, E.WORKFLOW_TASK_SCHEDULED]);
});

test('an update that comes while a worker holds a task waits for the next, inline if the worker wants that', () => {
  const workflow = startedWorkflow();
  const first = workflow.pollWorkflowTask();
  update(workflow, 'a');
  const { newWorkflowTask: task } = workflow.complete(first, [command.timer('t', 3_600_000)], { ...STICKY, returnNewWorkflowTask: true });
  assert.deepEqual(idsOf(task), ['a']);
  assert.ok(task);
  assert.deepEqual([task.historyFrom, task.historyTo, task.startedEventId, task.sticky], [4, 5, 7, true]);
  update(workflow, 'b');
  const next = workflow.complete(task, [], { messages: [rejection(messageOf(task, 'a'))], ...STICKY, ...CAN_DISCARD, returnNewWorkflowTask: true });
  assert.equal(next.resetHistoryEventId, 3);
  assert.deepEqual(idsOf(next.newWorkflowTask), ['b']);
  assert.equal(next.newWorkflowTask?.startedEventId, 7, 'ids of a dropped task are used again');
  assert.notEqual(next.newWorkflowTask?.token.stamp, task.token.stamp);
});

test('the first task of a run takes updates along, also when it is delayed', () => {
  const workflow = startedWorkflow({ workflowStartDelay: 60_000 });
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.startedEventId, ...idsOf(task)], [3, 'a']);
});

test('a task that fails or times out is written, and its updates are sent again', () => {
  const workflow = idle();
  update(workflow, 'a');
  workflow.failTask(workflow.pollWorkflowTask());
  assert.deepEqual(after(workflow), [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_FAILED]);
  const second = workflow.pollWorkflowTask();
  assert.deepEqual([second.attempt, ...idsOf(second)], [2, 'a']);
  accept(workflow, second, 'a');
  assert.deepEqual(after(workflow).slice(3), [...TASK, E.WORKFLOW_EXECUTION_UPDATE_ACCEPTED]);

  const other = idle();
  update(other, 'a');
  other.pollWorkflowTask();
  other.pass(10_000);
  assert.deepEqual(after(other), [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_TIMED_OUT]);
  assert.deepEqual(idsOf(other.pollWorkflowTask()), ['a']);
});

test('a task that fails three times gives up its updates, and takes no new ones', () => {
  const workflow = idle();
  update(workflow, 'a');
  for (let attempt = 1; attempt <= 2; attempt++) workflow.failTask(workflow.pollWorkflowTask());
  assert.deepEqual(told(workflow.run, 'a'), ['aborted: Unable to perform workflow execution update due to Workflow Task in failed state.']);
  assert.equal(workflow.refused(updateInput('b')).code, Code.FAILED_PRECONDITION);
  assert.deepEqual(idsOf(workflow.pollWorkflowTask()), []);
});

test('nobody on the sticky queue: the update moves to the normal queue and the history shows nothing', () => {
  const workflow = idle({}, STICKY);
  update(workflow, 'a');
  assert.equal(workflow.run.owed.get('workflow-task')?.dispatch?.queue.name, 'sticky');
  workflow.pass(10_000);
  assert.equal(workflow.run.owed.get('workflow-task')?.dispatch?.queue.name, 'orders');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual([task.historyFrom, ...idsOf(task)], [1, 'a']);
  assert.deepEqual(after(workflow), []);
});

test('a worker that says nothing about an update does not know updates: it is rejected', () => {
  const workflow = idle();
  update(workflow, 'a');
  const done = workflow.step([], CAN_DISCARD);
  assert.equal(done.resetHistoryEventId, 3);
  assert.deepEqual(told(workflow.run, 'a'), ['failed']);
});

test('a heartbeat keeps its updates, and the same worker is not sent them twice', () => {
  const workflow = startedWorkflow();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(idsOf(task), ['a']);
  const beat = { ...STICKY, forceCreateNewWorkflowTask: true, returnNewWorkflowTask: true };
  const { newWorkflowTask: second } = workflow.complete(task, [], beat);
  assert.ok(second);
  assert.deepEqual(idsOf(second), []);
  const accepted = acceptance(messageOf(task, 'a'));
  workflow.complete(second, [protocolMessage(accepted)], { messages: [accepted], ...STICKY });
  assert.deepEqual(told(workflow.run, 'a'), ['accepted']);
});

test('an accepted update survives the loss of its worker, and is completed later', () => {
  const workflow = idle({}, STICKY);
  update(workflow, 'a');
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  assert.equal(stage(update(workflow, 'a')), 'ACCEPTED');
  workflow.signal('s');
  workflow.pass(20_000);
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(idsOf(task), [], 'an accepted update is in the history and not sent again');
  const answer = response('a');
  workflow.complete(task, [protocolMessage(answer)], { messages: [answer] });
  assert.deepEqual(told(workflow.run, 'a'), ['accepted', 'completed']);
});

test('messages that do not fit fail the task, and abort what it carried', () => {
  const cases: readonly (readonly [RegExp, (task: WorkflowTaskReply) => Parameters<TestWorkflow['completionInput']>])[] = [
    [/absent message ID nope/, (task) => [task, [protocolMessage({ id: 'nope' })]]],
    [/received \*update.Response message while in state Sent/, (task) => [task, [], { messages: [response('a')] }]],
    [/received \*update.Acceptance message while in state ProvisionallyAccepted/, (task) => {
      const accepted = acceptance(messageOf(task, 'a'));
      return [task, [], { messages: [accepted, { ...accepted, id: 'twice' }] }];
    }],
    [/unsupported protocol type foo/, (task) => [task, [], { messages: [{ id: 'x', protocolInstanceId: 'a', body: { typeUrl: 'type.googleapis.com/foo.Bar' } }] }]],
    [/update z wasn't found/, (task) => [task, [], { messages: [response('z')] }]],
  ];
  for (const [message, completion] of cases) {
    const workflow = idle();
    update(workflow, 'a');
    const task = workflow.pollWorkflowTask();
    const error = workflow.refused(workflow.completionInput(...completion(task)));
    assert.match(error.message, message);
    assert.equal(error.code, Code.INVALID_ARGUMENT);
    assert.deepEqual(after(workflow), [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_FAILED]);
    assert.equal(workflow.run.event(8).workflowTaskFailedEventAttributes?.cause, WorkflowTaskFailedCause.BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE);
    assert.deepEqual(told(workflow.run, 'a'), ['aborted: Unable to perform workflow execution update due to unexpected workflow task failure.']);
    assert.deepEqual(idsOf(workflow.pollWorkflowTask()), []);
  }
});

test('messages without commands are taken behind the commands, and before a command that closes the run', () => {
  const workflow = idle();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  workflow.complete(task, [command.marker('m'), command.complete()], { messages: [acceptance(messageOf(task, 'a')), response('a')] });
  assert.deepEqual(after(workflow).slice(3), [
    E.MARKER_RECORDED, E.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, E.WORKFLOW_EXECUTION_UPDATE_COMPLETED, E.WORKFLOW_EXECUTION_COMPLETED,
  ]);
});

test('an update does not keep a run from closing: it is aborted', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  update(workflow, 'a');
  workflow.complete(task, [command.complete()]);
  assert.deepEqual(told(workflow.run, 'a'), ['aborted: workflow update was aborted by closing workflow']);
  assert.equal(workflow.refused(updateInput('a')).message, 'workflow execution already completed');
});

test('an update that meets continue-as-new may be tried again: it reaches the next run', () => {
  const workflow = startedWorkflow();
  const task = workflow.pollWorkflowTask();
  update(workflow, 'a');
  workflow.complete(task, [command.continueAsNew()]);
  const notice = workflow.runs[0]?.notices[0] as UpdateNotice;
  assert.ok(notice.result.type === 'aborted');
  assert.equal(notice.result.error.code, Code.RESOURCE_EXHAUSTED);
  assert.equal(stage(update(workflow, 'a')), 'ADMITTED');
});

test('an accepted update whose run ends has a failure for its outcome, also for those who ask later', () => {
  const workflow = idle();
  update(workflow, 'a');
  accept(workflow, workflow.pollWorkflowTask(), 'a');
  update(workflow, 'b');
  terminate(workflow);
  assert.deepEqual(after(workflow), [...TASK, E.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, E.WORKFLOW_EXECUTION_TERMINATED]);
  assert.deepEqual(told(workflow.run, 'a'), ['accepted', 'failed']);
  assert.deepEqual(told(workflow.run, 'b'), ['aborted: workflow update was aborted by closing workflow']);
  const later = update(workflow, 'a');
  assert.equal(stage(later), 'COMPLETED');
  assert.ok(Outcome.encode(later.outcome ?? {}).byteLength > 0);
});

test('termination while a worker holds a speculative task writes that it lost it', () => {
  const workflow = idle();
  update(workflow, 'a');
  workflow.pollWorkflowTask();
  terminate(workflow);
  assert.deepEqual(after(workflow), [E.WORKFLOW_TASK_SCHEDULED, E.WORKFLOW_TASK_STARTED, E.WORKFLOW_TASK_FAILED, E.WORKFLOW_EXECUTION_TERMINATED]);
});

test('a close that is refused because of a signal aborts what the task carried, and keeps what came meanwhile', () => {
  const workflow = idle();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  update(workflow, 'b');
  workflow.signal('s');
  assert.equal(workflow.refused(workflow.completionInput(task, [command.complete()])).message, 'UnhandledCommand');
  assert.equal(told(workflow.run, 'a').length, 1);
  const next = workflow.pollWorkflowTask();
  assert.deepEqual(idsOf(next), ['b']);
  assert.match(workflow.refused(updateInput('c')).message, /workflow is closing/, 'a stream of updates must not keep the run from closing');
});

test('an update that meets a retry of the run, or its time-out, is aborted: retryable where another run follows', () => {
  const retried = startedWorkflow({ retryPolicy: { maximumAttempts: 2, initialInterval: 1 } });
  const task = retried.pollWorkflowTask();
  update(retried, 'a');
  retried.complete(task, [command.fail()]);
  assert.equal(retried.runs.length, 2);
  assert.match(told(retried.runs[0] ?? retried.run, 'a').join(), /workflow is closing/);
  const timed = startedWorkflow({ workflowRunTimeout: 1000 });
  update(timed, 'a');
  timed.pass(1000);
  assert.deepEqual(told(timed.run, 'a'), ['aborted: workflow update was aborted by closing workflow']);
});

test('an outcome that is too large ends the run; a request as large as is accepted does not', () => {
  const workflow = idle({ blobSizeBytes: 300 });
  const large = { meta: { updateId: 'a', identity: '' }, input: { name: 'set', args: payloads('x'.repeat(250)) } };
  workflow.expect('update', updateInput('a', { request: large }));
  const task = workflow.pollWorkflowTask();
  accept(workflow, task, 'a');
  workflow.signal('s');
  const answer = response('a', 'x'.repeat(400));
  workflow.refused(workflow.completionInput(workflow.pollWorkflowTask(), [protocolMessage(answer)], { messages: [answer] }));
  assert.equal(workflow.run.events().at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
});

test('limits: in flight, their bytes, in total; a known id is always found', () => {
  const workflow = idle({ updatesInFlight: 2, updatesPerRun: 3 });
  update(workflow, 'a');
  update(workflow, 'b');
  const full = workflow.refused(updateInput('c'));
  assert.equal(full.code, Code.RESOURCE_EXHAUSTED);
  assert.equal(stage(update(workflow, 'a')), 'ADMITTED');
  const task = workflow.pollWorkflowTask();
  const messages = [acceptance(messageOf(task, 'a')), response('a'), acceptance(messageOf(task, 'b')), response('b')];
  workflow.complete(task, [], { messages });
  update(workflow, 'c');
  assert.equal(workflow.refused(updateInput('d')).code, Code.FAILED_PRECONDITION);
  assert.equal(stage(update(workflow, 'b')), 'COMPLETED');

  const small = idle({ updatesInFlightSizeBytes: 200 });
  const large = { request: { meta: { updateId: 'x' }, input: { name: 'set', args: payloads('x'.repeat(300)) } } };
  assert.equal(small.refused(updateInput('x', large as UpdateWorkflowExecutionRequest)).code, Code.RESOURCE_EXHAUSTED);
});

test('near the limit in total workflow tasks suggest continue-as-new', () => {
  const workflow = idle({ updatesPerRun: 1 });
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  workflow.complete(task, [], { messages: [acceptance(messageOf(task, 'a')), response('a')] });
  workflow.signal('s');
  workflow.pollWorkflowTask();
  const attributes = workflow.run.events().at(-1)?.workflowTaskStartedEventAttributes;
  assert.deepEqual(attributes?.suggestContinueAsNewReasons, [SuggestContinueAsNewReason.TOO_MANY_UPDATES]);
});

test('a worker may bring an update that the server does not know, with its request', () => {
  const workflow = idle();
  update(workflow, 'a');
  const task = workflow.pollWorkflowTask();
  const accepted = { ...acceptance(messageOf(task, 'a')), protocolInstanceId: 'z' };
  workflow.complete(task, [protocolMessage(accepted)], { messages: [accepted, rejection(messageOf(task, 'a'))] });
  assert.equal(workflow.run.event(9).workflowExecutionUpdateAcceptedEventAttributes?.protocolInstanceId, 'z');
  assert.equal(stage(viewUpdate(workflow.run.live, 'z')), 'ACCEPTED');
});

test('a reset asks again what was accepted behind its point; the history then holds the request once', () => {
  const source = idle();
  update(source, 'a');
  accept(source, source.pollWorkflowTask(), 'a');
  const requests = source.run.events().flatMap((event) => reapplicableUpdate(event) ?? []);
  assert.equal(requests.length, 1);

  const workflow = idle();
  const draft = new Draft(workflow.run.live, { now: workflow.now, newId: () => 'id' }, DEFAULT_LIMITS);
  assert.equal(reapplyUpdate(draft, requests[0] ?? UpdateRequest.create()), true);
  assert.equal(reapplyUpdate(draft, requests[0] ?? UpdateRequest.create()), false, 'a known update is not asked twice');
  const { record } = draft.finish({ kind: 'done' });
  assert.ok(record?.history);
  assert.equal(workflow.run.live.run.lastEventId, 6);
  assert.equal(stage(viewUpdate(workflow.run.live, 'a')), 'ADMITTED');
  workflow.proving = false;
  workflow.signal('s');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(idsOf(task), [], 'the worker finds the request in the event');
  workflow.complete(task, [], { messages: [acceptance({ id: 'a/request', protocolInstanceId: 'a', eventId: 8 })] });
  const accepted = workflow.run.events().at(-1)?.workflowExecutionUpdateAcceptedEventAttributes;
  assert.deepEqual([accepted?.protocolInstanceId, accepted?.acceptedRequest], ['a', undefined]);
});

test('update-with-start: one commit for a new run; an existing one is used, found again, or left alone by its policies', () => {
  const workflow = startedWorkflow();
  workflow.step([command.complete()]);
  const { request } = updateInput('a');
  const start = (extra = {}) => ({ ...workflow.startInput(extra), update: request }) as ReturnType<TestWorkflow['startInput']>;
  const created = workflow.expect('started', start({ requestId: 'r' }));
  assert.equal(created.started, true);
  assert.ok(created.update !== undefined && !(created.update instanceof RpcError));
  assert.equal(stage(created.update), 'ADMITTED');
  assert.equal(workflow.run.records.length, 1, 'the run and its update are in one record');
  assert.equal(workflow.expect('started', start({ requestId: 'r' })).started, false);
  assert.equal(workflow.expect('started', start({ workflowIdConflictPolicy: 1 })).started, false, 'a known update is found under any policy');
  const task = workflow.pollWorkflowTask();
  assert.deepEqual(idsOf(task), ['a']);
  workflow.complete(task, [command.complete()], { messages: [acceptance(messageOf(task, 'a')), response('a')] });
  const again = workflow.expect('started', start({ workflowIdReusePolicy: 3 }));
  assert.deepEqual([again.started, stage(again.update)], [false, 'COMPLETED'], 'also when the run is closed');
  assert.equal(workflow.runs.length, 2);

  const other = { ...workflow.startInput({ workflowIdReusePolicy: 3 }), update: updateInput('b').request } as ReturnType<TestWorkflow['startInput']>;
  assert.equal(workflow.refused(other).code, Code.ALREADY_EXISTS);
  const running = startedWorkflow();
  const b = updateInput('b').request;
  assert.equal(running.refused({ ...running.startInput(), update: b } as never).code, Code.ALREADY_EXISTS);
  const used = running.expect('started', { ...running.startInput({ workflowIdConflictPolicy: 2 }), update: b } as never);
  assert.deepEqual([used.started, stage(used.update)], [false, 'ADMITTED']);
  const replaced = running.expect('started', { ...running.startInput({ workflowIdConflictPolicy: 3 }), update: b } as never);
  assert.deepEqual([replaced.started, running.runs.length], [true, 2]);
  assert.equal(running.runs[0]?.events().at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_TERMINATED);
});
