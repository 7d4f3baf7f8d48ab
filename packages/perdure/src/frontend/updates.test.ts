/** Updates over RPC: who waits hears the stage that was asked for, on time, and finds the update again after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Acceptance,
  Code,
  CommandType,
  Failure,
  Link,
  MultiOperationExecutionFailure,
  Payloads,
  Rejection,
  RpcError,
  UpdateRequest,
  UpdateResponse,
  UpdateWorkflowExecutionLifecycleStage as Stages,
  WorkflowExecutionAlreadyStartedFailure,
  WorkflowIdConflictPolicy,
  WorkflowService,
  pack,
  type Command,
  type ExecuteMultiOperationResponse,
  type Init,
  type Message,
  type Outcome,
  type PollWorkflowTaskQueueResponse,
  type StartWorkflowExecutionRequest,
  type UpdateWorkflowExecutionRequest,
  type UpdateWorkflowExecutionResponse,
} from '../protocol/index.js';
import { completeWorkflow, eventsOf, NAMESPACE, payloads, Stage, startRequest, startTimer, typeName } from '../server/testing/stage.js';
import type { CallOptions } from '../transport/transport.js';

const refusedWith = (code: Code, message?: RegExp) => (error: unknown) =>
  error instanceof RpcError && error.code === code && (message === undefined || message.test(error.message));

const updateRequest = (updateId: string, request: Init<UpdateWorkflowExecutionRequest> = {}): Init<UpdateWorkflowExecutionRequest> => ({
  namespace: NAMESPACE,
  workflowExecution: { workflowId: 'w' },
  waitPolicy: { lifecycleStage: Stages.COMPLETED },
  request: { meta: { updateId, identity: 'client' }, input: { name: 'set', args: payloads(updateId) } },
  ...request,
});

const update = (stage: Stage, updateId: string, request: Init<UpdateWorkflowExecutionRequest> = {}, options?: CallOptions): Promise<UpdateWorkflowExecutionResponse> =>
  stage.call(WorkflowService.UpdateWorkflowExecution, updateRequest(updateId, request), options);

const ACCEPTED = { waitPolicy: { lifecycleStage: Stages.ACCEPTED } };

const poll = (stage: Stage, updateId: string, lifecycleStage: Stages = Stages.COMPLETED) =>
  stage.call(WorkflowService.PollWorkflowExecutionUpdate, { namespace: NAMESPACE, updateRef: { workflowExecution: { workflowId: 'w' }, updateId }, waitPolicy: { lifecycleStage } });

function withStart(stage: Stage, updateId: string, start: Init<StartWorkflowExecutionRequest> = {}, request: Init<UpdateWorkflowExecutionRequest> = {}): Promise<ExecuteMultiOperationResponse> {
  const startWorkflow = startRequest('w', { workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, requestId: `start for ${updateId}`, ...start });
  return stage.call(WorkflowService.ExecuteMultiOperation, { namespace: NAMESPACE, operations: [{ startWorkflow }, { updateWorkflow: updateRequest(updateId, request) }] });
}

function acceptance(request: Message): Message {
  const acceptedRequest = UpdateRequest.decode(request.body?.value ?? new Uint8Array());
  const body = pack(Acceptance, { acceptedRequestMessageId: request.id, acceptedRequestSequencingEventId: request.eventId, acceptedRequest });
  return { id: `${request.id}/accept`, protocolInstanceId: request.protocolInstanceId, body };
}

function rejection(request: Message): Message {
  const body = pack(Rejection, { rejectedRequestMessageId: request.id, failure: Failure.encode({ message: 'no' }) });
  return { id: `${request.id}/reject`, protocolInstanceId: request.protocolInstanceId, body };
}

function response(updateId: string): Message {
  const body = pack(UpdateResponse, { meta: { updateId }, outcome: { success: payloads(`done ${updateId}`) } });
  return { id: `${updateId}/complete`, protocolInstanceId: updateId, body };
}

const inOrder = (messages: readonly Message[]): Init<Command>[] =>
  messages.map(({ id }) => ({ commandType: CommandType.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId: id } }));

/** Answers a task with messages, each at its place among the commands. */
const answer = (stage: Stage, task: PollWorkflowTaskQueueResponse, messages: readonly Message[], more: readonly Init<Command>[] = []) =>
  stage.complete(task, [...inOrder(messages), ...more], { messages: [...messages] });

const reject = (stage: Stage, task: PollWorkflowTaskQueueResponse) =>
  stage.complete(task, [], { messages: task.messages.map(rejection), capabilities: { discardSpeculativeWorkflowTaskWithEvents: true } });

const result = (outcome: Outcome | undefined): string => {
  if (outcome?.failure !== undefined) return `failure: ${Failure.decode(outcome.failure).message}`;
  return outcome?.success === undefined ? 'none' : Buffer.from(Payloads.decode(outcome.success).payloads[0]?.data ?? []).toString();
};

/** A run that waits for a timer. */
async function idle(stage: Stage): Promise<void> {
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 3_600_000)]);
}

test('an update reaches a waiting worker, and its outcome whoever asked', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const waiting = stage.pollWorkflow();
  const asked = update(stage, 'a');
  const task = await waiting;
  assert.deepEqual(eventsOf(task).map(({ eventId }) => eventId), [1, 2, 3, 4, 5, 6, 7], 'the history reaches the Started event of a task that is not stored');
  assert.deepEqual(task.messages.map(({ id, eventId }) => [id, eventId]), [['a/request', 6]]);
  const request = task.messages[0] as Message;
  await answer(stage, task, [acceptance(request), response('a')]);
  const { outcome, stage: reached, updateRef } = await asked;
  assert.deepEqual([result(outcome), reached, updateRef?.updateId, updateRef?.workflowExecution?.workflowId], ['"done a"', Stages.COMPLETED, 'a', 'w']);
  assert.equal(result((await update(stage, 'a')).outcome), '"done a"', 'the same id again gets the same outcome');
  assert.equal(result((await poll(stage, 'a')).outcome), '"done a"');
});

test('who waits for the acceptance is not kept until the end; a poll waits on', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const asked = update(stage, 'a', ACCEPTED);
  const task = await stage.pollWorkflow();
  await answer(stage, task, [acceptance(task.messages[0] as Message)]);
  const accepted = await asked;
  assert.deepEqual([accepted.stage, accepted.outcome], [Stages.ACCEPTED, undefined]);
  const polled = poll(stage, 'a');
  await stage.signal('w', 'go');
  await answer(stage, await stage.pollWorkflow(), [response('a')]);
  assert.equal(result((await polled).outcome), '"done a"');
});

test('a rejected update: the failure is its outcome, the history shows nothing, a poll does not find it', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const asked = update(stage, 'a', ACCEPTED);
  const completed = await reject(stage, await stage.pollWorkflow());
  assert.equal(completed.resetHistoryEventId, 3);
  const { outcome, stage: reached } = await asked;
  assert.deepEqual([result(outcome), reached], ['failure: no', Stages.COMPLETED]);
  assert.equal((await stage.events('w')).length, 5);
  await assert.rejects(poll(stage, 'a'), refusedWith(Code.NOT_FOUND, /update "a" not found/));
});

test('a wait that expires answers the stage that is reached, and asking again goes on', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const first = update(stage, 'a');
  await stage.clock.settle();
  await stage.clock.advance(20_000);
  assert.deepEqual([(await first).stage, (await first).outcome], [Stages.ADMITTED, undefined]);
  const short = update(stage, 'a', ACCEPTED, { timeoutMs: 5_000 });
  await stage.clock.settle();
  await stage.clock.advance(4_000);
  assert.equal((await short).stage, Stages.ADMITTED, 'before the caller gives up');
  assert.equal((await poll(stage, 'a', Stages.UNSPECIFIED)).stage, Stages.ADMITTED, 'without a wait policy a poll does not wait');
  const again = update(stage, 'a');
  const task = await stage.pollWorkflow();
  assert.deepEqual(task.messages.map(({ protocolInstanceId }) => protocolInstanceId), ['a'], 'it was sent once');
  await answer(stage, task, [acceptance(task.messages[0] as Message), response('a')]);
  assert.equal(result((await again).outcome), '"done a"');
});

test('callers with the same id share one update', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const [one, two, three] = [update(stage, 'a'), update(stage, 'a', ACCEPTED), update(stage, '')];
  await stage.clock.settle();
  const task = await stage.pollWorkflow();
  assert.equal(task.messages.length, 2, 'and one without an id gets an id of its own');
  await reject(stage, task);
  for (const asked of [one, two, three]) assert.equal(result((await asked).outcome), 'failure: no');
  assert.match((await three).updateRef?.updateId ?? '', /^[0-9a-f-]{36}$/);
});

test('the server is restarted while an update is admitted, sent, and accepted: nothing is lost', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const waiting = update(stage, 'a').catch(() => {});
  await stage.clock.settle();
  await stage.restart();
  await waiting;
  assert.equal((await poll(stage, 'a', Stages.UNSPECIFIED)).stage, Stages.ADMITTED);
  const task = await stage.pollWorkflow();
  assert.equal(task.messages.length, 1);
  await stage.restart();
  const accepted = update(stage, 'a', ACCEPTED);
  await answer(stage, task, [acceptance(task.messages[0] as Message)]);
  assert.equal((await accepted).stage, Stages.ACCEPTED, 'a worker may answer a task that it took before the restart');
  await stage.restart();
  const done = update(stage, 'a');
  await stage.signal('w', 'go');
  const next = await stage.pollWorkflow();
  assert.deepEqual(next.messages, []);
  await answer(stage, next, [response('a')]);
  assert.equal(result((await done).outcome), '"done a"');
  await stage.restart();
  assert.equal(result((await update(stage, 'a')).outcome), '"done a"');
  assert.equal((await stage.events('w')).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes !== undefined).length, 1);
});

test('the run ends: what was admitted is aborted, what was accepted fails', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const accepted = update(stage, 'a');
  const task = await stage.pollWorkflow();
  await stage.clock.settle();
  const late = update(stage, 'b');
  await stage.clock.settle();
  const outcomes = Promise.allSettled([accepted, late]);
  await answer(stage, task, [acceptance(task.messages[0] as Message)], [completeWorkflow()]);
  const [first, second] = await outcomes;
  assert.ok(first.status === 'fulfilled');
  assert.match(result(first.value.outcome), /completed before the Update completed/);
  assert.ok(second.status === 'rejected' && refusedWith(Code.NOT_FOUND, /^workflow update was aborted by closing workflow$/)(second.reason));
  assert.match(result((await poll(stage, 'a')).outcome), /completed before the Update completed/, 'also for who asks later');
  await assert.rejects(update(stage, 'c'), refusedWith(Code.NOT_FOUND, /^workflow execution already completed$/));
});

test('a worker that reads the history while it holds a speculative task sees the task', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  void update(stage, 'a').catch(() => {});
  await stage.pollWorkflow();
  assert.deepEqual((await stage.eventTypes('w')).slice(5), ['WORKFLOW_TASK_SCHEDULED', 'WORKFLOW_TASK_STARTED']);
  const shown = await stage.call(
    WorkflowService.GetWorkflowExecutionHistory,
    { namespace: NAMESPACE, execution: { workflowId: 'w' } },
    { metadata: { 'client-name': 'temporal-ui' } },
  );
  assert.equal(eventsOf(shown).length, 5, 'people do not');
});

test('too many in flight are refused; bad requests say what is missing', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const waiting = Array.from({ length: 10 }, (_, index) => update(stage, `u${index}`).catch(() => {}));
  await stage.clock.settle();
  await assert.rejects(update(stage, 'one more'), refusedWith(Code.RESOURCE_EXHAUSTED, /\(10\)/));
  await reject(stage, await stage.pollWorkflow());
  await Promise.all(waiting);

  const bad: readonly (readonly [Init<UpdateWorkflowExecutionRequest>, Code, RegExp])[] = [
    [{ request: undefined }, Code.INVALID_ARGUMENT, /meta is not set/],
    [{ request: { meta: {} } }, Code.INVALID_ARGUMENT, /input is not set/],
    [{ request: { meta: {}, input: {} } }, Code.INVALID_ARGUMENT, /name is not set/],
    [{ waitPolicy: { lifecycleStage: Stages.ADMITTED } }, Code.PERMISSION_DENIED, /admitted is not supported/],
    [{ workflowExecution: { workflowId: 'nobody' } }, Code.NOT_FOUND, /not found/],
    [{ firstExecutionRunId: '00000000-0000-4000-8000-000000000000' }, Code.NOT_FOUND, /first run/],
  ];
  for (const [request, code, message] of bad) await assert.rejects(update(stage, 'x', request), refusedWith(code, message));
  await assert.rejects(poll(stage, 'x'), refusedWith(Code.NOT_FOUND));
});

test('update-with-start begins a run with its update, and finds both again', async () => {
  await using stage = await Stage.open();
  const asked = withStart(stage, 'a');
  const task = await stage.pollWorkflow();
  assert.deepEqual(task.messages.map(({ protocolInstanceId }) => protocolInstanceId), ['a'], 'the first task takes it along');
  await answer(stage, task, [acceptance(task.messages[0] as Message), response('a')], [completeWorkflow()]);
  const [started, updated] = (await asked).responses;
  assert.deepEqual([started?.startWorkflow?.started, result(updated?.updateWorkflow?.outcome)], [true, '"done a"']);
  assert.equal(updated?.updateWorkflow?.updateRef?.workflowExecution?.runId, started?.startWorkflow?.runId);
  const [again, found] = (await withStart(stage, 'a')).responses;
  assert.deepEqual([again?.startWorkflow?.started, again?.startWorkflow?.runId, result(found?.updateWorkflow?.outcome)], [false, started?.startWorkflow?.runId, '"done a"']);
});

test('update-with-start on a running workflow: used, refused, or replaced', async () => {
  await using stage = await Stage.open();
  await idle(stage);
  const refused = await withStart(stage, 'a', { workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL }).catch((error: unknown) => error);
  assert.ok(refused instanceof RpcError && refused.code === Code.ALREADY_EXISTS);
  const statuses = refused.detail(MultiOperationExecutionFailure)?.statuses ?? [];
  assert.deepEqual(statuses.map(({ code }) => code), [Code.ALREADY_EXISTS, Code.ABORTED]);
  assert.ok(statuses[0]?.details[0]?.typeUrl.endsWith(WorkflowExecutionAlreadyStartedFailure.typeName));
  assert.ok(statuses[1]?.details[0]?.typeUrl.endsWith('temporal.api.failure.v1.MultiOperationExecutionAborted'));

  const used = withStart(stage, 'a', {}, ACCEPTED);
  const task = await stage.pollWorkflow();
  await answer(stage, task, [acceptance(task.messages[0] as Message)]);
  const [started, updated] = (await used).responses;
  assert.deepEqual([started?.startWorkflow?.started, updated?.updateWorkflow?.stage], [false, Stages.ACCEPTED]);

  const replaced = withStart(stage, 'b', { workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING }, ACCEPTED);
  const first = await stage.pollWorkflow();
  await answer(stage, first, [], [completeWorkflow()]);
  const aborted = await replaced.catch((error: unknown) => error);
  assert.ok(aborted instanceof RpcError && aborted.code === Code.NOT_FOUND);
  assert.deepEqual(aborted.detail(MultiOperationExecutionFailure)?.statuses.map(({ code }) => code), [Code.OK, Code.NOT_FOUND], 'the start was done');
  assert.equal((await stage.eventTypes('w')).at(-1), typeName(2));
});

test('update-with-start takes exactly a start and an update of one workflow', async () => {
  await using stage = await Stage.open();
  const bad = (start: Init<StartWorkflowExecutionRequest>, request: Init<UpdateWorkflowExecutionRequest> = {}) => withStart(stage, 'a', start, request).catch((error: unknown) => error);
  const codes = async (error: Promise<unknown>): Promise<unknown> => {
    const failed = await error;
    return failed instanceof RpcError && failed.detail(MultiOperationExecutionFailure)?.statuses.map(({ code, message }) => `${code} ${message}`);
  };
  assert.deepEqual(await codes(bad({ cronSchedule: '* * * * *' })), ['3 CronSchedule is not allowed.', '10 Operation was aborted.']);
  assert.deepEqual(await codes(bad({ requestEagerExecution: true })), ['3 RequestEagerExecution is not supported.', '10 Operation was aborted.']);
  assert.deepEqual(await codes(bad({ workflowStartDelay: 1 })), ['3 WorkflowStartDelay is not supported.', '10 Operation was aborted.']);
  assert.deepEqual(await codes(bad({}, { workflowExecution: { workflowId: 'v' } })), ['10 Operation was aborted.', '3 WorkflowId is not consistent with previous operation(s).']);
  assert.deepEqual(await codes(bad({}, { workflowExecution: { workflowId: 'w', runId: '00000000-0000-4000-8000-000000000000' } })), ['10 Operation was aborted.', '3 RunId is not allowed.']);
  const shape = (operations: readonly object[]) => stage.call(WorkflowService.ExecuteMultiOperation, { namespace: NAMESPACE, operations });
  const [startWorkflow, updateWorkflow] = [startRequest('w'), updateRequest('a')];
  for (const operations of [[], [{ startWorkflow }], [{ updateWorkflow }, { startWorkflow }], [{ startWorkflow }, { startWorkflow }], [{ startWorkflow }, { updateWorkflow }, { updateWorkflow }]]) {
    await assert.rejects(shape(operations), refusedWith(Code.INVALID_ARGUMENT, /exactly \[Start, Update\]/));
  }
  await assert.rejects(stage.events('w'), refusedWith(Code.NOT_FOUND), 'nothing was started');
});

test('links of an update are bounded, and reach the worker and the history', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 60_000)]);
  const link = Link.encode({ workflowEvent: { namespace: NAMESPACE, workflowId: 'caller', runId: 'r' } });
  const linked = (count: number) => ({ request: { meta: { updateId: 'a' }, input: { name: 'set' }, requestId: 'request', links: Array.from({ length: count }, () => link) }, ...ACCEPTED });
  await assert.rejects(update(stage, 'a', linked(11)), refusedWith(Code.INVALID_ARGUMENT, /Links exceed/));
  const updated = update(stage, 'a', linked(2));
  const task = await stage.pollWorkflow();
  const [request] = task.messages;
  assert.ok(request);
  assert.equal(UpdateRequest.decode(request.body?.value ?? new Uint8Array()).links.length, 2);
  await stage.complete(task, [], { messages: [acceptance(request)] });
  assert.equal(Link.decode((await updated).link ?? new Uint8Array()).workflowEvent?.requestIdRef?.requestId, 'request');
  const accepted = (await stage.events('w')).find((event) => event.workflowExecutionUpdateAcceptedEventAttributes !== undefined);
  assert.equal(accepted?.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.links.length, 2);
});
