/** What the client sends for each method, and what it makes of the answers: the contract with every server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  EventType,
  Failure,
  History,
  HistoryEventFilterType,
  Memo,
  NamespaceNotFoundFailure,
  NotFoundFailure,
  Payloads,
  QueryFailedFailure,
  RpcError,
  WorkflowExecutionAlreadyStartedFailure,
  WorkflowService,
  type HistoryEvent,
  type Init,
} from '../../protocol/index.js';
import {
  ApplicationFailure,
  CancelledFailure,
  decodeText,
  defaultDataConverter,
  defineQuery,
  defineSignal,
  encodeErrorToFailure,
  encodeToBytes,
  NamespaceNotFoundError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Payload,
  type PayloadCodec,
} from '../common/index.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import { QueryNotRegisteredError, QueryRejectedError, ServiceError, WorkflowContinuedAsNewError, WorkflowFailedError } from './errors.js';
import { ScriptedTransport } from './scripted-transport.js';

const { StartWorkflowExecution, SignalWithStartWorkflowExecution, GetWorkflowExecutionHistory, SignalWorkflowExecution } = WorkflowService;
const { QueryWorkflow, DescribeWorkflowExecution, RequestCancelWorkflowExecution, TerminateWorkflowExecution } = WorkflowService;

async function order(id: number, note: string): Promise<string> {
  return `${id} ${note}`;
}

function setUp(options: { payloadCodecs?: PayloadCodec[] } = {}) {
  const transport = new ScriptedTransport().onSequence(StartWorkflowExecution, { runId: 'run-1', started: true });
  const client = new Client({ connection: Connection.from(transport), identity: 'tester', dataConverter: options });
  return { transport, client, handle: client.workflow.getHandle<typeof order>('order-1', 'run-1') };
}

const values = (...items: unknown[]) => encodeToBytes(defaultDataConverter, ...items);
const page = (events: Init<HistoryEvent>[], nextPageToken = '') => ({ history: History.encode({ events }), nextPageToken: Buffer.from(nextPageToken) });
const texts = (bytes: Uint8Array | undefined) => Payloads.decode(bytes ?? new Uint8Array()).payloads.map((payload) => decodeText(payload.data));

test('start sends every option once, with a request id', async () => {
  const { transport, client } = setUp();
  const handle = await client.workflow.start(order, {
    args: [7, 'now'],
    workflowId: 'order-7',
    taskQueue: 'orders',
    workflowRunTimeout: '1 hour',
    workflowTaskTimeout: '5s',
    startDelay: 250,
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    retry: { maximumAttempts: 3, initialInterval: '2s' },
    memo: { customer: 'Ada' },
    searchAttributes: { CustomerId: ['c-1'] },
    staticSummary: 'order of Ada',
  });
  const [sent] = transport.requests(StartWorkflowExecution);
  assert.ok(sent);
  assert.equal(sent.namespace, 'default');
  assert.equal(sent.workflowId, 'order-7');
  assert.equal(sent.workflowType?.name, 'order');
  assert.equal(sent.taskQueue?.name, 'orders');
  assert.deepEqual(texts(sent.input), ['7', '"now"']);
  assert.equal(sent.workflowRunTimeout, 3_600_000);
  assert.equal(sent.workflowExecutionTimeout, undefined);
  assert.equal(sent.workflowTaskTimeout, 5000);
  assert.equal(sent.workflowStartDelay, 250);
  assert.equal(sent.workflowIdReusePolicy, 3);
  assert.equal(sent.workflowIdConflictPolicy, 2);
  assert.equal(sent.retryPolicy?.maximumAttempts, 3);
  assert.equal(sent.retryPolicy?.initialInterval, 2000);
  assert.equal(sent.identity, 'tester');
  assert.match(sent.requestId, /^[0-9a-f-]{36}$/);
  assert.equal(decodeText(Memo.decode(sent.memo!).fields.get('customer')!.data), '"Ada"');
  assert.equal(handle.workflowId, 'order-7');
  assert.equal(handle.firstExecutionRunId, 'run-1');
});

test('a start whose answer was lost is repeated with the same request id', async () => {
  const { transport, client } = setUp();
  transport.onSequence(StartWorkflowExecution, new RpcError(Code.UNAVAILABLE, 'connection lost'), { runId: 'run-1' });
  await client.workflow.start('order', { workflowId: 'order-7', taskQueue: 'orders' });
  const ids = transport.requests(StartWorkflowExecution).map((sent) => sent.requestId);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
});

test('bad options are refused before anything is sent', async () => {
  const { transport, client } = setUp();
  await assert.rejects(client.workflow.start('order', { workflowId: '', taskQueue: 'orders' }), /workflowId/);
  await assert.rejects(client.workflow.start('order', { workflowId: 'a', taskQueue: 'orders', retry: { maximumAttempts: 0.5 } }), /maximumAttempts/);
  await assert.rejects(client.workflow.start('order', { workflowId: 'a', taskQueue: 'orders', args: [10n] }), { name: 'PayloadConverterError' });
  await assert.rejects(client.workflow.start(async () => {}, { workflowId: 'a', taskQueue: 'orders' }), /named/);
  assert.equal(transport.calls.length, 0);
});

test('a taken workflow id, an unknown namespace and any other refusal are different errors', async () => {
  const { transport, client } = setUp();
  const start = () => client.workflow.start('order', { workflowId: 'order-7', taskQueue: 'orders' });
  transport.onSequence(
    StartWorkflowExecution,
    RpcError.with(Code.ALREADY_EXISTS, 'taken', WorkflowExecutionAlreadyStartedFailure, { runId: 'run-0' }),
    RpcError.with(Code.NOT_FOUND, 'no namespace', NamespaceNotFoundFailure, { namespace: 'default' }),
    new RpcError(Code.PERMISSION_DENIED, 'not you'),
  );
  await assert.rejects(start(), (error) => error instanceof WorkflowExecutionAlreadyStartedError && error.workflowId === 'order-7' && error.workflowType === 'order');
  await assert.rejects(start(), NamespaceNotFoundError);
  await assert.rejects(start(), (error) => error instanceof ServiceError && error.code === Code.PERMISSION_DENIED && /not you/.test(error.message));
});

test('signalWithStart sends start and signal as one request', async () => {
  const { transport, client } = setUp();
  transport.onSequence(SignalWithStartWorkflowExecution, { runId: 'run-5' });
  const add = defineSignal<[string, number]>('add');
  const handle = await client.workflow.signalWithStart(order, {
    args: [1, 'x'],
    workflowId: 'order-1',
    taskQueue: 'orders',
    signal: add,
    signalArgs: ['book', 2],
  });
  const [sent] = transport.requests(SignalWithStartWorkflowExecution);
  assert.equal(sent?.signalName, 'add');
  assert.deepEqual(texts(sent?.signalInput), ['"book"', '2']);
  assert.deepEqual(texts(sent?.input), ['1', '"x"']);
  assert.equal(handle.signaledRunId, 'run-5');
});

test('result polls with the token it was given until the close event, and decodes the value', async () => {
  const { transport, handle } = setUp();
  const result = await values({ shipped: true });
  transport.onSequence(
    GetWorkflowExecutionHistory,
    page([], 'go on'),
    new RpcError(Code.UNAVAILABLE, 'server restarts'),
    page([{ eventId: 9, eventType: EventType.WORKFLOW_EXECUTION_COMPLETED, workflowExecutionCompletedEventAttributes: { result } }]),
  );
  assert.deepEqual(await handle.result(), { shipped: true });
  const sent = transport.requests(GetWorkflowExecutionHistory);
  assert.deepEqual(sent.map((request) => Buffer.from(request.nextPageToken).toString()), ['', 'go on', 'go on']);
  for (const request of sent) {
    assert.equal(request.waitNewEvent, true);
    assert.equal(request.historyEventFilterType, HistoryEventFilterType.CLOSE_EVENT);
    assert.deepEqual(request.execution, { workflowId: 'order-1', runId: 'run-1' });
  }
});

test('result follows the runs that follow, unless told not to', async () => {
  const { transport, client } = setUp();
  const result = await values('done');
  const byRun: Record<string, Init<HistoryEvent>> = {
    'run-1': { workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'run-2' } },
    'run-2': { workflowExecutionFailedEventAttributes: { newExecutionRunId: 'run-3' } },
    'run-3': { workflowExecutionTimedOutEventAttributes: { newExecutionRunId: 'run-4' } },
    'run-4': { workflowExecutionCompletedEventAttributes: { newExecutionRunId: 'run-5' } },
    'run-5': { workflowExecutionCompletedEventAttributes: { result } },
  };
  transport.on(GetWorkflowExecutionHistory, (request) => page([byRun[request.execution?.runId ?? '']!]));
  assert.equal(await client.workflow.getHandle('order-1', 'run-1').result(), 'done');
  assert.equal(transport.requests(GetWorkflowExecutionHistory).length, 5);
  const single = client.workflow.getHandle('order-1', 'run-1', { followRuns: false });
  await assert.rejects(single.result(), (error) => error instanceof WorkflowContinuedAsNewError && error.newExecutionRunId === 'run-2');
});

test('each way of not completing is a WorkflowFailedError with a typed cause', async () => {
  const { transport, handle } = setUp();
  const failure = Failure.encode(
    await encodeErrorToFailure(defaultDataConverter, ApplicationFailure.nonRetryable('declined', 'CardDeclined', { code: 51 })),
  );
  const details = await values('because');
  const close = async (event: Init<HistoryEvent>): Promise<WorkflowFailedError> => {
    transport.onSequence(GetWorkflowExecutionHistory, page([event]));
    const error = await handle.result().then(
      () => assert.fail('resolved'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof WorkflowFailedError);
    return error;
  };
  const failed = await close({ workflowExecutionFailedEventAttributes: { failure, retryState: 5 } });
  assert.ok(failed.cause instanceof ApplicationFailure);
  assert.equal(failed.cause.type, 'CardDeclined');
  assert.deepEqual(failed.cause.details, [{ code: 51 }]);
  assert.equal(failed.retryState, 'RETRY_POLICY_NOT_SET');
  const cancelled = await close({ workflowExecutionCanceledEventAttributes: { details } });
  assert.ok(cancelled.cause instanceof CancelledFailure);
  assert.deepEqual(cancelled.cause.details, ['because']);
  const terminated = await close({ workflowExecutionTerminatedEventAttributes: { reason: 'wrong order' } });
  assert.ok(terminated.cause instanceof TerminatedFailure);
  assert.equal(terminated.message, 'wrong order');
  const timedOut = await close({ workflowExecutionTimedOutEventAttributes: { retryState: 3 } });
  assert.ok(timedOut.cause instanceof TimeoutFailure);
});

test('result refuses what no server should send', async () => {
  const { transport, handle } = setUp();
  const completed = { workflowExecutionCompletedEventAttributes: {} };
  transport.onSequence(GetWorkflowExecutionHistory, page([completed, completed]));
  await assert.rejects(handle.result(), /got 2 events/);
  transport.onSequence(GetWorkflowExecutionHistory, page([{ eventType: EventType.TIMER_FIRED, timerFiredEventAttributes: {} }]));
  await assert.rejects(handle.result(), /TIMER_FIRED/);
  transport.onSequence(GetWorkflowExecutionHistory, page([{ workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'run-1' } }]));
  await assert.rejects(handle.result(), /followed by itself/);
});

test('signal, cancel and terminate name the execution, with request ids where the protocol has them', async () => {
  const { transport, client } = setUp();
  transport.onSequence(SignalWorkflowExecution, {}).onSequence(RequestCancelWorkflowExecution, {}).onSequence(TerminateWorkflowExecution, {});
  const handle = client.workflow.getHandle('order-1', undefined, { firstExecutionRunId: 'run-0' });
  await handle.signal(defineSignal<[number]>('approve'), 3);
  await handle.signal('plain');
  await handle.cancel();
  await handle.terminate('enough');
  const [approve, plain] = transport.requests(SignalWorkflowExecution);
  assert.equal(approve?.signalName, 'approve');
  assert.deepEqual(texts(approve?.input), ['3']);
  assert.equal(plain?.input, undefined);
  assert.notEqual(approve?.requestId, plain?.requestId);
  const [cancel] = transport.requests(RequestCancelWorkflowExecution);
  assert.equal(cancel?.firstExecutionRunId, 'run-0');
  assert.ok(cancel?.requestId);
  const [terminate] = transport.requests(TerminateWorkflowExecution);
  assert.equal(terminate?.reason, 'enough');
  assert.equal(terminate?.firstExecutionRunId, 'run-0');
  assert.deepEqual(terminate?.workflowExecution, { workflowId: 'order-1', runId: '' });
});

test('a request about an execution that is not there is a WorkflowNotFoundError', async () => {
  const { transport, handle } = setUp();
  const gone = RpcError.with(Code.NOT_FOUND, 'workflow execution already completed', NotFoundFailure, {});
  transport.onSequence(SignalWorkflowExecution, gone).onSequence(GetWorkflowExecutionHistory, gone).onSequence(QueryWorkflow, gone);
  const isIt = (error: unknown) => error instanceof WorkflowNotFoundError && error.workflowId === 'order-1' && error.runId === 'run-1';
  await assert.rejects(handle.signal('approve'), isIt);
  await assert.rejects(handle.result(), isIt);
  await assert.rejects(handle.query('status'), isIt);
  await assert.rejects(handle.fetchHistory(), isIt);
});

test('query decodes the answer, and tells rejection and failure apart', async () => {
  const { transport, handle } = setUp();
  const failure = Failure.encode(await encodeErrorToFailure(defaultDataConverter, new TypeError('no such order')));
  transport.onSequence(
    QueryWorkflow,
    { queryResult: await values({ step: 2 }) },
    { queryRejected: { status: 2 } },
    RpcError.with(Code.INVALID_ARGUMENT, 'handler failed', QueryFailedFailure, { failure }),
  );
  assert.deepEqual(await handle.query(defineQuery<{ step: number }, [string]>('status'), 'all'), { step: 2 });
  const [sent] = transport.requests(QueryWorkflow);
  assert.equal(sent?.query?.queryType, 'status');
  assert.deepEqual(texts(sent?.query?.queryArgs), ['"all"']);
  await assert.rejects(handle.query('status'), (error) => error instanceof QueryRejectedError && error.status === 2);
  await assert.rejects(handle.query('status'), (error) => {
    return error instanceof QueryNotRegisteredError && error.cause instanceof ApplicationFailure && error.cause.type === 'TypeError';
  });
});

test('describe gives dates, status by name, memo and search attributes', async () => {
  const { transport, handle } = setUp();
  const { client } = setUp();
  const sent = new ScriptedTransport().onSequence(StartWorkflowExecution, { runId: 'r' });
  await new Client({ connection: Connection.from(sent) }).workflow.start('order', {
    workflowId: 'w',
    taskQueue: 'q',
    memo: { note: 'hi' },
    searchAttributes: { Amount: [12] },
    staticSummary: 'one line',
  });
  const [start] = sent.requests(StartWorkflowExecution);
  transport.onSequence(DescribeWorkflowExecution, {
    executionConfig: { userMetadata: start?.userMetadata },
    workflowExecutionInfo: {
      execution: { workflowId: 'order-1', runId: 'run-1' },
      type: { name: 'order' },
      startTime: 1_700_000_000_000,
      status: 4,
      historyLength: 11,
      taskQueue: 'orders',
      memo: start?.memo,
      searchAttributes: start?.searchAttributes,
    },
    pendingActivities: [{ activityId: '5', attempt: 2 }],
  });
  const description = await handle.describe();
  assert.deepEqual(description.status, { code: 4, name: 'CANCELLED' });
  assert.equal(description.type, 'order');
  assert.equal(description.runId, 'run-1');
  assert.equal(description.startTime.getTime(), 1_700_000_000_000);
  assert.equal(description.closeTime, undefined);
  assert.deepEqual(description.memo, { note: 'hi' });
  assert.deepEqual(description.searchAttributes, { Amount: [12] });
  assert.equal(description.raw.pendingActivities[0]?.attempt, 2);
  assert.equal(await description.staticSummary(), 'one line');
  assert.equal(await description.staticDetails(), undefined);
  assert.ok(client);
});

test('fetchHistory puts the pages together, raw ones too', async () => {
  const { transport, handle } = setUp();
  transport.onSequence(
    GetWorkflowExecutionHistory,
    page([{ eventId: 1 }, { eventId: 2 }], 'p2'),
    { rawHistory: [{ data: History.encode({ events: [{ eventId: 3 }] }) }], nextPageToken: Buffer.from('p3') },
    page([{ eventId: 4 }]),
  );
  const history = await handle.fetchHistory();
  assert.deepEqual(history.events.map((event) => event.eventId), [1, 2, 3, 4]);
});

test('list goes through the pages; count decodes groups', async () => {
  const { transport, client } = setUp();
  transport.onSequence(
    WorkflowService.ListWorkflowExecutions,
    { executions: [{ execution: { workflowId: 'a' } }], nextPageToken: Buffer.from('2') },
    { executions: [{ execution: { workflowId: 'b' } }] },
  );
  const ids: string[] = [];
  for await (const execution of client.workflow.list({ query: "WorkflowType = 'order'" })) ids.push(execution.workflowId);
  assert.deepEqual(ids, ['a', 'b']);
  const [payload] = Payloads.decode((await values('Running'))!).payloads;
  transport.onSequence(WorkflowService.CountWorkflowExecutions, { count: 3, groups: [{ count: 3, groupValues: [payload!] }] });
  assert.deepEqual(await client.workflow.count(), { count: 3, groups: [{ count: 3, groupValues: [['Running']] }] });
});

test('a method that the server does not have yet says so', async () => {
  const { client } = setUp();
  await assert.rejects(client.workflow.count(), (error) => error instanceof ServiceError && error.code === Code.UNIMPLEMENTED);
});

/** Turns every byte around; would show any payload that went past it. */
const inverting: PayloadCodec = {
  encode: async (payloads) => payloads.map(inverted),
  decode: async (payloads) => payloads.map(inverted),
};
function inverted(payload: Payload): Payload {
  return { metadata: payload.metadata, data: payload.data.map((byte) => byte ^ 0xff) };
}

test('payload codecs see everything that is sent and received', async () => {
  const { transport, client } = setUp({ payloadCodecs: [inverting] });
  const converter = { ...defaultDataConverter, payloadCodecs: [inverting] };
  await client.workflow.start(order, { args: [7, 'now'], workflowId: 'o', taskQueue: 'q', memo: { secret: 'x' } });
  const [sent] = transport.requests(StartWorkflowExecution);
  assert.ok(!texts(sent?.input).includes('7'));
  assert.notEqual(decodeText(Memo.decode(sent!.memo!).fields.get('secret')!.data), '"x"');
  const failure = Failure.encode(await encodeErrorToFailure(converter, ApplicationFailure.create({ message: 'm', details: ['secret'] })));
  transport.onSequence(GetWorkflowExecutionHistory, page([{ workflowExecutionFailedEventAttributes: { failure } }]));
  await assert.rejects(client.workflow.getHandle('o').result(), (error) => {
    assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
    assert.deepEqual(error.cause.details, ['secret']);
    return true;
  });
});
