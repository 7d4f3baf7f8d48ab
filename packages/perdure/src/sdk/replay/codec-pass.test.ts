/** Payload codecs: workflow code sees plain values, the wire sees encoded ones, everywhere user data goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acceptance, Failure, Payloads, UpdateRequest, UpdateResponse } from '../../protocol/index.js';
import { defaultDataConverter } from '../common/data-converter.js';
import { defaultPayloadConverter, type Payload } from '../common/payload-converter.js';
import type { PayloadCodec } from '../common/payload-codec.js';
import { HistoryBuilder, updateMessage, valuesOf } from './history-builder.js';
import { commandsOf, ManualLocalActivities, noFetch, testExecutor } from './test-executor.js';

/** Turns every byte around and says so; refuses to decode what it did not encode. */
const reversing: PayloadCodec = {
  encode: async (payloads) => payloads.map(({ metadata, data }) => ({ metadata: { ...metadata, reversed: new Uint8Array(1) }, data: data.toReversed() })),
  decode: async (payloads) =>
    payloads.map(({ metadata, data }) => {
      assert.ok('reversed' in metadata, 'decoded what was not encoded');
      return { metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== 'reversed')), data: data.toReversed() };
    }),
};

async function encoded(...values: unknown[]): Promise<Uint8Array> {
  return Payloads.encode({ payloads: await reversing.encode(values.map((value) => defaultPayloadConverter.toPayload(value))) });
}

async function decoded(bytes: Uint8Array | undefined): Promise<unknown[]> {
  const payloads: Payload[] = await reversing.decode([...Payloads.decode(bytes ?? new Uint8Array(0)).payloads]);
  return payloads.map((payload) => defaultPayloadConverter.fromPayload(payload));
}

test('input, activity input and results, failures: decoded before, encoded after', async () => {
  await using t = await testExecutor(10, { ...defaultDataConverter, payloadCodecs: [reversing] });
  const history = new HistoryBuilder('oneActivity').taskStarted();
  history.events[0]!.workflowExecutionStartedEventAttributes!.input = await encoded('bob');
  const [schedule] = commandsOf(await t.executor.handle(history.task(), noFetch));
  assert.deepEqual(await decoded(schedule?.scheduleActivityTaskCommandAttributes?.input), ['bob']);
  assert.notDeepEqual(schedule?.scheduleActivityTaskCommandAttributes?.input, await encoded());
  history.taskCompleted().activityScheduled('1', 'greet').activityCompleted('1', 'x').taskStarted();
  history.events.at(-3)!.activityTaskCompletedEventAttributes!.result = await encoded('hello bob');
  const [complete] = commandsOf(await t.executor.handle(history.stickyTask(), noFetch));
  assert.deepEqual(await decoded(complete?.completeWorkflowExecutionCommandAttributes?.result), ['hello bob']);
});

test('the details of a failure are encoded too', async () => {
  await using t = await testExecutor(10, { ...defaultDataConverter, payloadCodecs: [reversing] });
  const history = new HistoryBuilder('failWith').taskStarted();
  history.events[0]!.workflowExecutionStartedEventAttributes!.input = await encoded('Declined');
  const [fail] = commandsOf(await t.executor.handle(history.task(), noFetch));
  const { applicationFailureInfo } = Failure.decode(fail?.failWorkflowExecutionCommandAttributes?.failure ?? new Uint8Array(0));
  assert.deepEqual(await decoded(applicationFailureInfo?.details), [{ code: 7 }]);
});

test('updates: arguments are decoded, answers encoded, and the request goes back as it came', async () => {
  await using t = await testExecutor(10, { ...defaultDataConverter, payloadCodecs: [reversing] });
  const history = new HistoryBuilder('updatable').taskStarted();
  history.events[0]!.workflowExecutionStartedEventAttributes!.input = await encoded(100);
  const request = UpdateRequest.encode({ meta: { updateId: 'u1' }, input: { name: 'add', args: await encoded(4) } });
  const message = { ...updateMessage('u1', 'add', [], 2), body: { typeUrl: 'type.googleapis.com/temporal.api.update.v1.Request', value: request } };
  const outcome = await t.executor.handle(history.task(1, { messages: [message] }), noFetch);
  assert.ok(outcome.kind === 'completed');
  const [accepted, completed] = outcome.messages.map(({ body }) => body!.value!);
  assert.deepEqual(UpdateRequest.encode(Acceptance.decode(accepted!).acceptedRequest!), request);
  assert.deepEqual(await decoded(UpdateResponse.decode(completed!).outcome?.success), [4]);
  // A replay finds the encoded request in the event.
  history.taskCompleted().commands(outcome.commands, outcome.messages);
  assert.equal(await t.executor.replay('order-1', history.events), undefined);
});

test('local activities: arguments stay in the process, results are encoded in the marker and decoded from it', async () => {
  const local = new ManualLocalActivities();
  await using t = await testExecutor(0, { ...defaultDataConverter, payloadCodecs: [reversing] }, local);
  const history = new HistoryBuilder('localThenTimer').taskStarted();
  const answer = t.executor.handle(history.task(), noFetch);
  await local.count(1);
  assert.deepEqual(Array.from(local.started[0]!.input, (payload) => defaultPayloadConverter.fromPayload(payload)), ['x']);
  local.complete('1', 'hi');
  const commands = commandsOf(await answer);
  assert.deepEqual(await decoded(commands[0]?.recordMarkerCommandAttributes?.details?.get('result')), ['hi']);
  assert.equal((valuesOf(commands[0]?.recordMarkerCommandAttributes?.details?.get('data'))[0] as { seq: number }).seq, 1);
  history.taskCompleted().commands(commands).timerFired('1').taskStarted();
  const [complete] = commandsOf(await t.executor.handle(history.task(), noFetch));
  assert.deepEqual(await decoded(complete?.completeWorkflowExecutionCommandAttributes?.result), ['hi']);
});

test('without codecs nothing is changed', async () => {
  await using t = await testExecutor();
  const [schedule] = commandsOf(await t.executor.handle(new HistoryBuilder('oneActivity', ['bob']).taskStarted().task(), noFetch));
  assert.deepEqual(valuesOf(schedule?.scheduleActivityTaskCommandAttributes?.input), ['bob']);
});
