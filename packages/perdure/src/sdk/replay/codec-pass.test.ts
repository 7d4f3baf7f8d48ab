/** Payload codecs: workflow code sees plain values, the wire sees encoded ones, everywhere user data goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, Payloads } from '../../protocol/index.js';
import { defaultDataConverter } from '../common/data-converter.js';
import { defaultPayloadConverter, type Payload } from '../common/payload-converter.js';
import type { PayloadCodec } from '../common/payload-codec.js';
import { HistoryBuilder, valuesOf } from './history-builder.js';
import { commandsOf, noFetch, testExecutor } from './test-executor.js';

/** Turns every byte around and says so; refuses to decode what it did not encode. */
const reversing: PayloadCodec = {
  encode: async (payloads) => payloads.map(({ metadata, data }) => ({ metadata: new Map([...metadata, ['reversed', new Uint8Array(1)]]), data: data.toReversed() })),
  decode: async (payloads) =>
    payloads.map(({ metadata, data }) => {
      assert.ok(metadata.has('reversed'), 'decoded what was not encoded');
      return { metadata: new Map([...metadata].filter(([key]) => key !== 'reversed')), data: data.toReversed() };
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

test('without codecs nothing is changed', async () => {
  await using t = await testExecutor();
  const [schedule] = commandsOf(await t.executor.handle(new HistoryBuilder('oneActivity', ['bob']).taskStarted().task(), noFetch));
  assert.deepEqual(valuesOf(schedule?.scheduleActivityTaskCommandAttributes?.input), ['bob']);
});
