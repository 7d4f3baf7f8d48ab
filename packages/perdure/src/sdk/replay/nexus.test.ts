/**
 * Nexus operations in workflow code, against histories: what is asked of the server, what the code hears and when, and that a replay of the
 * whole makes the same commands. Histories of runs against a real server are in `test/`; here each order of events has its place.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, EventType, Failure, NexusHandlerErrorRetryBehavior, Payloads, UserMetadata, type Init } from '../../protocol/index.js';
import { loadDataConverter } from '../client/load-data-converter.js';
import { defaultPayloadConverter, type Payload } from '../common/payload-converter.js';
import { HistoryBuilder } from './history-builder.js';
import { commandsOf, noFetch, resultOf, shortly, testExecutor } from './test-executor.js';

const open = (dataConverter = loadDataConverter(undefined)) => testExecutor(10, dataConverter, undefined, './test-nexus-workflows.js');
const payload = (value: unknown): Init<Payload> & Payload => defaultPayloadConverter.toPayload(value);

/** A run whose operation is scheduled as event 5. */
const scheduled = (workflow: string, ...args: unknown[]): HistoryBuilder => new HistoryBuilder(workflow, args).taskStarted().taskCompleted().add(EventType.NEXUS_OPERATION_SCHEDULED, { nexusOperationScheduledEventAttributes: { endpoint: 'bank-endpoint', service: 'bank', operation: 'charge', requestId: 'r' } });
const started = (history: HistoryBuilder): HistoryBuilder => history.add(EventType.NEXUS_OPERATION_STARTED, { nexusOperationStartedEventAttributes: { scheduledEventId: 5, operationToken: 'token-1' } });
const completed = (history: HistoryBuilder, result: unknown): HistoryBuilder => history.add(EventType.NEXUS_OPERATION_COMPLETED, { nexusOperationCompletedEventAttributes: { scheduledEventId: 5, result: payload(result) } });
const failed = (history: HistoryBuilder, cause: Init<Failure>): HistoryBuilder =>
  history.add(EventType.NEXUS_OPERATION_FAILED, {
    nexusOperationFailedEventAttributes: {
      scheduledEventId: 5,
      failure: Failure.encode({ message: 'nexus operation completed unsuccessfully', cause: Failure.create(cause), nexusOperationExecutionFailureInfo: { scheduledEventId: 5, endpoint: 'e', service: 'bank', operation: 'charge', operationToken: '' } }),
    },
  });

test('the command carries names, input, timeouts and summary', async () => {
  await using t = await open();
  const [command] = commandsOf(await t.executor.handle(new HistoryBuilder('charge', ['order-1']).taskStarted().task(), noFetch));
  const { scheduleNexusOperationCommandAttributes: attributes, userMetadata } = Command.create(command!);
  const { input, ...rest } = attributes!;
  assert.deepEqual(rest, { endpoint: 'bank-endpoint', service: 'bank', operation: 'charge', nexusHeader: new Map(), scheduleToCloseTimeout: 60_000, scheduleToStartTimeout: undefined, startToCloseTimeout: 30_000 });
  assert.equal(defaultPayloadConverter.fromPayload(input!), 'order-1');
  assert.equal(defaultPayloadConverter.fromPayload(UserMetadata.decode(userMetadata!).summary!), 'the money');
});

test('an operation that ends within its start has a result and no token', async () => {
  await using t = await open();
  const history = scheduled('started');
  assert.equal(resultOf(await t.executor.handle(completed(history, 'paid').taskStarted().task(), noFetch)), 'bank/charge/undefined paid');
});

test('an operation that goes on has a token, then a result: in one task or in two', async () => {
  await using t = await open();
  assert.equal(resultOf(await t.executor.handle(completed(started(scheduled('started')), 'paid').taskStarted().task(), noFetch)), 'bank/charge/token-1 paid');
  await using other = await open();
  const history = started(scheduled('started')).taskStarted();
  assert.deepEqual(shortly(await other.executor.handle(history.task(), noFetch)), []);
  completed(history.taskCompleted(), 'paid').taskStarted();
  assert.equal(resultOf(await other.executor.handle(history.stickyTask(), noFetch)), 'bank/charge/token-1 paid');
});

test('a result that nobody waits for yet is kept, and a failure is not reported as forgotten', async () => {
  await using t = await open();
  const history = started(scheduled('awaitedLate')).taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 1000']);
  completed(history.taskCompleted().timerStarted('1'), 'paid').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.stickyTask(), noFetch)), []);
  history.taskCompleted().timerFired('1').taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.task(), noFetch)), 'paid');
});

test('what the definition says of input and output happens on the way out and in', async () => {
  await using t = await open();
  const history = new HistoryBuilder('double', [21]).taskStarted();
  const [command] = commandsOf(await t.executor.handle(history.task(), noFetch));
  const { operation, input } = Command.create(command!).scheduleNexusOperationCommandAttributes!;
  assert.deepEqual([operation, defaultPayloadConverter.fromPayload(input!)], ['double-it', 21]);
  history.taskCompleted().add(EventType.NEXUS_OPERATION_SCHEDULED, { nexusOperationScheduledEventAttributes: { service: 'bank', operation: 'double-it' } });
  assert.equal(resultOf(await t.executor.handle(completed(history, 42).taskStarted().stickyTask(), noFetch)), 'true 42');
});

test('a handler error comes out as one, of a known type or not', async () => {
  const { RETRYABLE, UNSPECIFIED } = NexusHandlerErrorRetryBehavior;
  for (const [type, retryBehavior, expected] of [
    ['NOT_FOUND', UNSPECIFIED, 'charge: NOT_FOUND NOT_FOUND false no such account'],
    ['BAD_REQUEST', RETRYABLE, 'charge: BAD_REQUEST BAD_REQUEST true no such account'],
    ['FROM_THE_FUTURE', UNSPECIFIED, 'charge: UNKNOWN FROM_THE_FUTURE true no such account'],
  ] as const) {
    await using t = await open();
    const history = failed(scheduled('refused'), { message: 'no such account', nexusHandlerFailureInfo: { type, retryBehavior } });
    assert.equal(resultOf(await t.executor.handle(history.taskStarted().task(), noFetch)), expected);
  }
});

test('a workflow that lets the failure pass fails with the very failure, handler error included', async () => {
  await using t = await open();
  const history = failed(scheduled('passesOn'), { message: 'no such account', source: 'GoSDK', nexusHandlerFailureInfo: { type: 'NOT_FOUND' } });
  const [command] = commandsOf(await t.executor.handle(history.taskStarted().task(), noFetch));
  const { cause, nexusOperationExecutionFailureInfo: info } = Failure.decode(Command.create(command!).failWorkflowExecutionCommandAttributes!.failure!);
  assert.deepEqual([info?.operation, cause?.source, cause?.nexusHandlerFailureInfo?.type], ['charge', 'GoSDK', 'NOT_FOUND']);
});

test('cancelled before it was sent: nothing is sent', async () => {
  await using t = await open();
  const outcome = await t.executor.handle(new HistoryBuilder('cancelled', ['WAIT_CANCELLATION_COMPLETED', 'before']).taskStarted().task(), noFetch);
  assert.deepEqual(shortly(outcome), ['complete "true Nexus Operation cancelled before scheduled"']);
});

const cancelledWhileRunning = (type: string): HistoryBuilder => started(scheduled('cancelled', type, 'after')).taskStarted();
const cancelRequested = (history: HistoryBuilder): HistoryBuilder => history.taskCompleted().add(EventType.NEXUS_OPERATION_CANCEL_REQUESTED, { nexusOperationCancelRequestedEventAttributes: { scheduledEventId: 5 } });
const requestArrived = (history: HistoryBuilder): HistoryBuilder =>
  history.add(EventType.NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED, { nexusOperationCancelRequestCompletedEventAttributes: { requestedEventId: 10, scheduledEventId: 5 } });
const ended = (history: HistoryBuilder): HistoryBuilder =>
  history.add(EventType.NEXUS_OPERATION_CANCELED, {
    nexusOperationCanceledEventAttributes: { scheduledEventId: 5, failure: Failure.encode({ message: 'it stopped', cause: Failure.create({ canceledFailureInfo: {} }), nexusOperationExecutionFailureInfo: { scheduledEventId: 5 } }) },
  });

test('ABANDON does not ask and TRY_CANCEL does; both go on at once, and what comes later is passed over', async () => {
  await using t = await open();
  assert.deepEqual(shortly(await t.executor.handle(cancelledWhileRunning('ABANDON').task(), noFetch)), ['complete "true Nexus operation cancelled after starting"']);
  await using other = await open();
  const history = cancelledWhileRunning('TRY_CANCEL');
  assert.deepEqual(shortly(await other.executor.handle(history.task(), noFetch)), ['request cancel nexus operation', 'complete "true Nexus operation cancelled after starting"']);
});

test('WAIT_CANCELLATION_REQUESTED goes on when the handler has been told, or could not be', async () => {
  await using t = await open();
  const history = cancelledWhileRunning('WAIT_CANCELLATION_REQUESTED');
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['request cancel nexus operation']);
  requestArrived(cancelRequested(history)).taskStarted();
  assert.equal(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), 'true Nexus operation cancellation request completed');

  await using other = await open();
  const unreachable = cancelRequested(cancelledWhileRunning('WAIT_CANCELLATION_REQUESTED'));
  unreachable.add(EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED, { nexusOperationCancelRequestFailedEventAttributes: { requestedEventId: 10, scheduledEventId: 5, failure: Failure.encode({ message: 'gone' }) } });
  assert.equal(resultOf(await other.executor.handle(unreachable.taskStarted().task(), noFetch)), 'false Nexus operation cancellation request failed');
});

test('WAIT_CANCELLATION_COMPLETED goes on when the operation has ended, whichever event comes first', async () => {
  for (const finish of [(history: HistoryBuilder) => ended(requestArrived(history)), (history: HistoryBuilder) => requestArrived(ended(history))]) {
    await using t = await open();
    const history = cancelledWhileRunning('WAIT_CANCELLATION_COMPLETED');
    assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['request cancel nexus operation']);
    finish(cancelRequested(history)).taskStarted();
    assert.equal(resultOf(await t.executor.handle(history.stickyTask(), noFetch)), 'true it stopped');
    await using replayed = await open();
    assert.equal(resultOf(await replayed.executor.handle(history.task(), noFetch)), 'true it stopped');
  }
});

test('history that shows another operation is a nondeterminism', async () => {
  await using t = await open();
  const history = new HistoryBuilder('charge', ['order-1']).taskStarted().taskCompleted();
  history.add(EventType.NEXUS_OPERATION_SCHEDULED, { nexusOperationScheduledEventAttributes: { endpoint: 'bank-endpoint', service: 'bank', operation: 'refund' } });
  const outcome = await t.executor.handle(history.taskStarted().task(), noFetch);
  assert.equal(outcome.kind, 'failed');
  assert.match(outcome.kind === 'failed' ? (outcome.failure.message ?? '') : '', /schedule Nexus operation 'charge' of service 'bank'/);
});

test('an endpoint that has another name now is none', async () => {
  await using t = await open();
  const history = new HistoryBuilder('charge', ['order-1']).taskStarted().taskCompleted();
  history.add(EventType.NEXUS_OPERATION_SCHEDULED, { nexusOperationScheduledEventAttributes: { endpoint: 'old-name', service: 'bank', operation: 'charge' } });
  assert.equal(resultOf(await t.executor.handle(completed(history, 'paid').taskStarted().task(), noFetch)), 'paid');
});

test('payload codecs see input and result', async () => {
  const reversed = (payloads: readonly Payload[]): Promise<Payload[]> => Promise.resolve(payloads.map(({ metadata, data }) => ({ metadata, data: Uint8Array.from(data ?? []).reverse() })));
  await using t = await open(loadDataConverter({ payloadCodecs: [{ encode: reversed, decode: reversed }] }));
  const history = new HistoryBuilder('started').taskStarted();
  const [command] = commandsOf(await t.executor.handle(history.task(), noFetch));
  assert.equal(Buffer.from(Command.create(command!).scheduleNexusOperationCommandAttributes!.input!.data).toString(), '"1-redro"');
  history.taskCompleted().add(EventType.NEXUS_OPERATION_SCHEDULED, { nexusOperationScheduledEventAttributes: { service: 'bank', operation: 'charge' } });
  const [result] = await reversed([payload('paid')]);
  history.add(EventType.NEXUS_OPERATION_COMPLETED, { nexusOperationCompletedEventAttributes: { scheduledEventId: 5, result: result! } });
  const [complete] = commandsOf(await t.executor.handle(history.taskStarted().stickyTask(), noFetch));
  const [sent] = Payloads.decode(Command.create(complete!).completeWorkflowExecutionCommandAttributes!.result!).payloads;
  assert.equal(Buffer.from(sent!.data).reverse().toString(), '"bank/charge/undefined paid"');
});

test('a misspelt operation fails the task with the names that there are', async () => {
  await using t = await open();
  const outcome = await t.executor.handle(new HistoryBuilder('unknownOperation').taskStarted().task(), noFetch);
  assert.match(outcome.kind === 'failed' ? (outcome.failure.message ?? '') : '', /no operation 'chrage'\. It has: charge, double/);
});
