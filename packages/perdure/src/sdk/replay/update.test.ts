/** Updates: validated before anything is written, begun at once, ordered with signals, and the same in every replay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acceptance, Command, EventType, Failure, Message, Rejection, UpdateRequest, UpdateResponse, type Init } from '../../protocol/index.js';
import type { TaskOutcome } from './executor.js';
import { HistoryBuilder, updateMessage, valuesOf } from './history-builder.js';
import { commandsOf, fetchFrom, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

const TYPE = 'type.googleapis.com/temporal.api.update.v1.';

function messagesOf(outcome: TaskOutcome): readonly Init<Message>[] {
  assert.ok(outcome.kind === 'completed');
  return outcome.messages;
}

/** `accept u1`, `reject u2: why`, `complete u1: 3`. */
function answers(outcome: TaskOutcome): string[] {
  return messagesOf(outcome).map(({ protocolInstanceId, body }) => {
    const value = body!.value!;
    if (body!.typeUrl === `${TYPE}Acceptance`) return `accept ${protocolInstanceId}`;
    if (body!.typeUrl === `${TYPE}Rejection`) return `reject ${protocolInstanceId}: ${Failure.decode(Rejection.decode(value).failure!).message}`;
    const { outcome: ended } = UpdateResponse.decode(value);
    return `complete ${protocolInstanceId}: ${ended?.failure ? Failure.decode(ended.failure).message : valuesOf(ended?.success).join()}`;
  });
}

/** The next task, with updates beside it. */
function task(history: HistoryBuilder, updates: [id: string, name: string, ...args: unknown[]][], whole = false) {
  history.taskStarted();
  const messages = updates.map(([id, name, ...args]) => updateMessage(id, name, args, history.events.length - 1));
  return whole ? history.task(1, { messages }) : history.stickyTask({ messages });
}

/** Writes what came of a task, as the server would. */
function written(history: HistoryBuilder, outcome: TaskOutcome): HistoryBuilder {
  return history.taskCompleted().commands(commandsOf(outcome), messagesOf(outcome));
}

async function begun(workflow = 'updatable', ...args: unknown[]) {
  const t = await testExecutor();
  const history = new HistoryBuilder(workflow, args).taskStarted();
  written(history, await t.executor.handle(history.task(), noFetch));
  return { t, history, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

test('an update is accepted with its request as it came, and completed, by a command and a message each', async () => {
  await using run = await begun('updatable', 100);
  const update = task(run.history, [['u1', 'add', 3]]);
  const outcome = await run.t.executor.handle(update, noFetch);
  assert.deepEqual(answers(outcome), ['accept u1', 'complete u1: 3']);
  assert.deepEqual(shortly(outcome), ['protocol message', 'protocol message']);
  assert.deepEqual(commandsOf(outcome).map((command) => command.protocolMessageCommandAttributes?.messageId), ['u1/request/accept', 'u1/request/complete']);
  const acceptance = Acceptance.decode(messagesOf(outcome)[0]!.body!.value!);
  assert.equal(acceptance.acceptedRequestMessageId, 'u1/request');
  assert.equal(acceptance.acceptedRequestSequencingEventId, update.startedEventId - 1);
  assert.deepEqual(UpdateRequest.encode(acceptance.acceptedRequest!), update.messages[0]!.body!.value);
});

test('a validator that throws rejects, by a message alone; so do one that acts and arguments that nobody takes', async () => {
  await using run = await begun('updatable', 100);
  const outcome = await run.t.executor.handle(task(run.history, [['u1', 'add', -1], ['u2', 'add', 13], ['u3', 'unknown'], ['u4', 'add', 2]]), noFetch);
  assert.deepEqual(answers(outcome), [
    'reject u1: negative in u1',
    'reject u2: An update validator must only read the state of the workflow; it tried to schedule activity.',
    'accept u4',
    'complete u4: 2',
    'reject u3: No registered handler for update: unknown',
  ]);
  assert.equal(commandsOf(outcome).length, 2, 'rejections have no command');
});

test('after a rejected update the server may forget the task: the run goes on where it stood', async () => {
  await using run = await begun('updatable', 5);
  await run.t.executor.handle(task(run.history, [['u1', 'add', -1]]), noFetch);
  run.history.events.splice(-2);
  run.t.executor.forgetLastTask(run.history.runId, 3);
  const outcome = await run.t.executor.handle(task(run.history, [['u2', 'add', 5]]), noFetch);
  assert.deepEqual(answers(outcome), ['accept u2', 'complete u2: 5']);
  assert.deepEqual(resultOf(outcome), ['u2:5']);
});

test('the same after a task that brought events which are known already', async () => {
  await using run = await begun('updatable', 9);
  const { executor } = run.t;
  written(run.history, await executor.handle(task(run.history, [['u1', 'add', 1]]), noFetch));
  await executor.handle(task(run.history, [['u2', 'add', -1]]), noFetch);
  run.history.events.splice(-2);
  executor.forgetLastTask(run.history.runId, 6);
  run.history.signal('approve', 'ann');
  const outcome = await executor.handle(task(run.history, [['u3', 'add', 8]]), noFetch);
  assert.deepEqual(resultOf(outcome), ['u1:1', 'signal:ann', 'u3:8']);
});

test('signals and updates keep their order', async () => {
  await using run = await begun('updatable', 6);
  run.history.signal('approve', 'early');
  const early = updateMessage('u1', 'add', [1], run.history.events.length);
  run.history.signal('approve', 'late').taskStarted();
  const last = updateMessage('u2', 'add', [5], run.history.events.length - 1);
  const outcome = await run.t.executor.handle(run.history.stickyTask({ messages: [early, last] }), noFetch);
  assert.deepEqual(resultOf(outcome), ['signal:early', 'u1:1', 'signal:late', 'u2:5']);
});

test('an update that comes with the start waits for the handler that the first task sets, and no longer', async () => {
  await using t = await testExecutor();
  const history = new HistoryBuilder('updatableSoon');
  const outcome = await t.executor.handle(task(history, [['u1', 'add', 4], ['u2', 'nobody']]), noFetch);
  assert.deepEqual(answers(outcome), ['accept u1', 'complete u1: 1', 'reject u2: No registered handler for update: nobody']);
  assert.deepEqual(resultOf(outcome), [4]);
});

test('a default handler takes what has no handler of its own', async () => {
  await using run = await begun('takesAnyUpdate');
  const outcome = await run.t.executor.handle(task(run.history, [['u1', 'whatever', 1, 'x']]), noFetch);
  assert.deepEqual(resultOf(outcome), ['whatever', 1, 'x']);
});

test('a failure fails the update, any other error the task', async () => {
  await using run = await begun('updatable', 5);
  const failed = await run.t.executor.handle(task(run.history, [['u1', 'work', 'fail']]), noFetch);
  assert.deepEqual(answers(failed), ['accept u1', 'complete u1: cannot']);
  written(run.history, failed);
  const broken = await run.t.executor.handle(task(run.history, [['u2', 'work', 'bug']]), noFetch);
  assert.ok(broken.kind === 'failed');
  assert.match(broken.failure.message ?? '', /a bug/);
});

test('a handler that awaits runs over several tasks; kept, rebuilt and replayed runs answer the same', async () => {
  await using run = await begun('updatable', 1);
  await using rebuilt = await testExecutor(0);
  const { history, t } = run;
  const both = async (updates: [string, string, ...unknown[]][]) => {
    const kept = await t.executor.handle(task(history, updates), noFetch);
    const messages = updates.map(([id, name, ...args]) => updateMessage(id, name, args, history.events.length - 1));
    const again = await rebuilt.executor.handle(history.task(1, { messages }), noFetch);
    assert.deepEqual(commandsOf(again).map(Command.encode), commandsOf(kept).map(Command.encode));
    assert.deepEqual(messagesOf(again).map(Message.encode), messagesOf(kept).map(Message.encode));
    written(history, kept);
    return kept;
  };
  assert.deepEqual(answers(await both([['u1', 'work', 'ann'], ['u2', 'work', 'bob']])), ['accept u1', 'accept u2']);
  history.timerFired('1').timerFired('2');
  assert.deepEqual(shortly(await both([])), ['schedule greet 1', 'schedule greet 2']);
  history.activityCompleted('2', 'hi bob');
  assert.deepEqual(answers(await both([])), ['complete u2: hi bob']);
  const last = await both([['u3', 'add', 1]]);
  assert.deepEqual(resultOf(last), ['worked:u2', 'u3:1'], 'after each await the handler still knows its update');
  assert.match(t.logged.map(({ message }) => message).join(), /handlers of updates were still running \(work u1\)/);
  assert.equal(await rebuilt.executor.replay('order-1', history.events), undefined);
});

test('code that refuses what history accepted is found out', async () => {
  await using run = await begun('updatable', 100);
  written(run.history, await run.t.executor.handle(task(run.history, [['u1', 'add', 3]]), noFetch));
  const accepted = run.history.events.findLast((event) => event.eventType === EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED)!;
  accepted.workflowExecutionUpdateAcceptedEventAttributes!.acceptedRequest!.input!.name = 'gone';
  run.history.taskStarted();
  await using fresh = await testExecutor();
  const outcome = await fresh.executor.handle(run.history.task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /event 8, WorkflowExecutionUpdateAccepted \(update 'gone', id 'u1'\)/);
});

test('an update that a reset carried over comes as an event, and is answered like any other', async () => {
  await using run = await begun('updatable', 4);
  const request = { meta: { updateId: 'u1', identity: 'client' }, input: { name: 'add', args: UpdateRequest.decode(updateMessage('u1', 'add', [4], 0).body!.value!).input!.args } };
  run.history.add(EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED, { workflowExecutionUpdateAdmittedEventAttributes: { request, origin: 1 } });
  const outcome = await run.t.executor.handle(task(run.history, []), noFetch);
  assert.deepEqual(resultOf(outcome), ['u1:4']);
  written(run.history, outcome);
  // The server leaves the request out of the acceptance then: it stands in the other event.
  run.history.events.findLast((event) => event.workflowExecutionUpdateAcceptedEventAttributes)!.workflowExecutionUpdateAcceptedEventAttributes!.acceptedRequest = undefined;
  await using fresh = await testExecutor();
  assert.equal(await fresh.executor.replay('order-1', run.history.events), undefined);
});

test('the metadata query lists updates; a query sees what they did', async () => {
  await using run = await begun('updatable', 100);
  written(run.history, await run.t.executor.handle(task(run.history, [['u1', 'add', 3]]), noFetch));
  const ask = async (queryType: string) => {
    const outcome = await run.t.executor.handle(run.history.queryTask({ queryType }, true), fetchFrom(run.history));
    assert.ok(outcome.kind === 'query' && outcome.answer.ok);
    return JSON.parse(Buffer.from(outcome.answer.result.payloads[0]!.data).toString()) as unknown;
  };
  assert.equal(await ask('status'), '3 u1:3');
  const { definition } = (await ask('__temporal_workflow_metadata')) as { definition: { updateDefinitions: unknown[] } };
  assert.deepEqual(definition.updateDefinitions, [{ name: 'add' }, { name: 'work' }]);
});
