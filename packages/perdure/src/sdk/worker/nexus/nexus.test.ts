/**
 * Nexus handlers in a worker, against a scripted server: what a handler gets, and what each outcome becomes on the wire, for servers of both
 * kinds. Whole operations against the engine are in `testing/nexus.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandlerError, HandlerStartOperationResult, operation, OperationError, service, serviceHandler, type OperationHandler, type StartOperationContext } from 'nexus-rpc';
import {
  Code,
  Callback,
  EventType,
  Failure,
  Link,
  Payload,
  type PollNexusTaskQueueResponse,
  RpcError,
  ShutdownWorkerResponse,
  StartActivityExecutionResponse,
  StartWorkflowExecutionResponse,
  TaskQueueType,
  WorkflowService,
  type Init,
  type NexusRequest,
  type NexusResponse,
  type RespondNexusTaskFailedRequest,
} from '../../../protocol/index.js';
import { ApplicationFailure, defaultPayloadConverter } from '../../common/index.js';
import { getClient, log, operationInfo, startWorkflow, TemporalOperationHandler, TemporalOperationResult, WorkflowRunOperationHandler } from '../../nexus/index.js';
import type { NexusInterceptors } from '../../nexus/interceptors.js';
import { describeNamespace } from '../namespace.js';
import { composeParts } from '../create.js';
import { FakeServer, settle, silentLogger, TaskFeed } from '../testing-server.js';
import type { WorkerOptions } from '../worker-options.js';
import { Worker } from '../worker.js';

const bank = service('bank', { charge: operation<string, string>(), refund: operation<string, string>({ name: 'give-back' }) });

type Charge = Parameters<typeof serviceHandler<typeof bank.operations>>[1]['charge'];

const bankWith = (charge: Charge) => serviceHandler(bank, { charge, refund: async () => 'refunded' });

interface Answer {
  readonly response?: NexusResponse | undefined;
  readonly failure?: Failure | undefined;
  readonly error?: RespondNexusTaskFailedRequest['error'];
}

interface Stage extends AsyncDisposable {
  readonly server: FakeServer;
  readonly worker: Worker;
  readonly lines: string[];
  /** Hands a request to the worker and gives what it answers. */
  ask(request: Init<NexusRequest>): Promise<Answer>;
  give(request: Init<NexusRequest>): void;
}

const valueOf = (response: NexusResponse | undefined): unknown => defaultPayloadConverter.fromPayload(response?.startOperation?.syncSuccess?.payload ?? Payload.create({}));

/** Not set with the header, a request waits for ever. */
const start = (request: Init<NexusRequest['startOperation'] & object> = {}, extra: Init<NexusRequest> = {}): Init<NexusRequest> => ({
  endpoint: 'bank-endpoint',
  capabilities: { temporalFailureResponses: true },
  startOperation: { service: 'bank', operation: 'charge', requestId: 'request-1', payload: defaultPayloadConverter.toPayload('order-1'), ...request },
  ...extra,
});

async function open(charge: Charge, options: Partial<WorkerOptions> = {}): Promise<Stage> {
  const server = new FakeServer();
  const feed = new TaskFeed<Init<PollNexusTaskQueueResponse>>();
  server.router.add(WorkflowService.PollNexusTaskQueue, (_request, { signal }) => feed.take(signal));
  const answers = new Map<string, (answer: Answer) => void>();
  server.on(WorkflowService.RespondNexusTaskCompleted, ({ taskToken, response }) => (answers.get(Uint8Array.from(taskToken).toString())?.({ response }), {}));
  server.on(WorkflowService.RespondNexusTaskFailed, ({ taskToken, failure, error }) => (answers.get(Uint8Array.from(taskToken).toString())?.({ failure: failure && Failure.decode(failure), error }), {}));
  const logger = silentLogger();
  const connection = { transport: server.transport };
  const namespace = await describeNamespace(server.transport, 'default', logger);
  const worker = new Worker(composeParts({ connection, taskQueue: 'money', nexusServices: [bankWith(charge)], ...options }, { connection, namespace, logger }));
  const running = worker.run();
  let token = 0;
  const give = (request: Init<NexusRequest>): void => feed.give({ taskToken: Uint8Array.of((token += 1)), request });
  return {
    server,
    worker,
    lines: logger.lines,
    give,
    ask(request) {
      give(request);
      return new Promise((resolve) => answers.set(Uint8Array.of(token).toString(), resolve));
    },
    async [Symbol.asyncDispose]() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    },
  };
}

test('a handler gets what the request says, and its value is the answer', async () => {
  let seen: StartOperationContext | undefined;
  let info: unknown;
  await using stage = await open(async (context, input) => {
    seen = context;
    info = operationInfo();
    log.info('charging');
    assert.equal(getClient(), stage.worker.client);
    return `paid ${input}`;
  });
  const link = { url: 'temporal:///namespaces/n/workflows/w/r/history?referenceType=EventReference&eventID=5&eventType=NexusOperationScheduled', type: 'temporal.api.common.v1.Link.WorkflowEvent' };
  const header = new Map([['Request-Timeout', '30s'], ['X-Trace', 'abc']]);
  const { response } = await stage.ask(start({ callback: 'http://back', callbackHeader: new Map([['Token', 't']]), links: [link] }, { header }));
  assert.equal(valueOf(response), 'paid order-1');
  assert.deepEqual(info, { namespace: 'default', taskQueue: 'money', endpoint: 'bank-endpoint' });
  const { service: name, operation: what, requestId, callbackUrl, callbackHeaders, inboundLinks, headers, requestDeadline } = seen!;
  assert.deepEqual({ name, what, requestId, callbackUrl, callbackHeaders: { ...callbackHeaders } }, { name: 'bank', what: 'charge', requestId: 'request-1', callbackUrl: 'http://back', callbackHeaders: { token: 't' } });
  assert.deepEqual(inboundLinks.map(({ url }) => url.href), [link.url]);
  assert.deepEqual([headers['x-trace'], headers['X-TRACE'], 'X-Trace' in headers, headers['none']], ['abc', 'abc', true, undefined]);
  assert.ok(requestDeadline instanceof Date);
  assert.ok(stage.lines.includes('INFO charging'));
});

test('the poll names the queue, and the worker tells of its Nexus polls', async () => {
  const server = new FakeServer();
  const polled: string[] = [];
  server.router.add(WorkflowService.PollNexusTaskQueue, ({ taskQueue, namespace }, { signal }) => {
    polled.push(`${namespace}/${taskQueue?.name}`);
    return new TaskFeed<Init<PollNexusTaskQueueResponse>>().take(signal);
  });
  const logger = silentLogger();
  const connection = { transport: server.transport };
  const parts = composeParts({ connection, taskQueue: 'money', nexusServices: [bankWith(async () => '')], maxConcurrentNexusTaskPolls: 3 }, { connection, namespace: await describeNamespace(server.transport, 'default', logger), logger });
  const worker = new Worker(parts);
  server.on(WorkflowService.ShutdownWorker, () => ShutdownWorkerResponse.create());
  const running = worker.run();
  await settle();
  assert.deepEqual(polled, ['default/money', 'default/money', 'default/money']);
  const { nexusPollerState, hasOutstandingNexusPoll, numInFlightNexusOperations } = worker.getStatus();
  assert.deepEqual([nexusPollerState, hasOutstandingNexusPoll, numInFlightNexusOperations], ['POLLING', true, 0]);
  worker.shutdown();
  await running;
  assert.deepEqual((await server.next(WorkflowService.ShutdownWorker)).taskQueueTypes, [TaskQueueType.NEXUS]);
});

test('a failed operation is an answer, in both ways of saying it', async () => {
  const fails = async (): Promise<string> => {
    throw new OperationError('failed', 'no funds', { cause: new Error('balance 0') });
  };
  await using stage = await open(fails);
  const told = (await stage.ask(start())).response!.startOperation!;
  const { message, cause, applicationFailureInfo } = Failure.decode(told.failure!);
  assert.deepEqual([message, applicationFailureInfo?.type, applicationFailureInfo?.nonRetryable, cause?.message], ['no funds', 'OperationError', true, 'balance 0']);

  const old = (await stage.ask(start({}, { capabilities: undefined }))).response!.startOperation!;
  assert.equal(old.operationError?.operationState, 'failed');
  assert.equal(old.operationError?.failure?.message, 'no funds');
  assert.deepEqual(old.operationError?.failure?.metadata, new Map([['type', 'temporal.api.failure.v1.Failure']]));
  const details = JSON.parse(Buffer.from(old.operationError?.failure?.details ?? []).toString()) as { message?: string; applicationFailureInfo: { type: string }; cause: { message: string } };
  assert.deepEqual([details.message, details.applicationFailureInfo.type, details.cause.message], [undefined, 'OperationError', 'balance 0']);
});

test('a cancelled operation is one of the cancelled kind', async () => {
  await using stage = await open(async () => {
    throw new OperationError('canceled', 'changed my mind');
  });
  const failure = Failure.decode((await stage.ask(start())).response!.startOperation!.failure!);
  assert.ok(failure.canceledFailureInfo);
  assert.equal((await stage.ask(start({}, { capabilities: undefined }))).response!.startOperation!.operationError?.operationState, 'canceled');
});

test('what is thrown becomes a handler error whose type says whether to try again', async () => {
  const request = (code: Code): Error => new RpcError(code, 'refused');
  const cases: [thrown: unknown, type: string, retryBehavior: number][] = [
    [new HandlerError('NOT_FOUND', 'no such account'), 'NOT_FOUND', 0],
    [new HandlerError('INTERNAL', 'final', { retryableOverride: false }), 'INTERNAL', 2],
    [new HandlerError('BAD_REQUEST', 'again', { retryableOverride: true }), 'BAD_REQUEST', 1],
    [new Error('plain'), 'INTERNAL', 0],
    ['text', 'INTERNAL', 0],
    [ApplicationFailure.nonRetryable('never'), 'INTERNAL', 2],
    [ApplicationFailure.retryable('later'), 'INTERNAL', 0],
    [request(Code.INVALID_ARGUMENT), 'BAD_REQUEST', 0],
    [request(Code.UNAVAILABLE), 'UNAVAILABLE', 0],
    [request(Code.ALREADY_EXISTS), 'INTERNAL', 2],
    [request(Code.PERMISSION_DENIED), 'INTERNAL', 0],
    [request(Code.DEADLINE_EXCEEDED), 'UPSTREAM_TIMEOUT', 0],
  ];
  let thrown: unknown;
  await using stage = await open(() => Promise.reject(thrown));
  for (const [error, type, retryBehavior] of cases) {
    thrown = error;
    assert.deepEqual((await stage.ask(start())).failure?.nexusHandlerFailureInfo, { type, retryBehavior }, String(error));
  }
  const { error } = await stage.ask(start({}, { capabilities: undefined }));
  assert.deepEqual([error?.errorType, error?.retryBehavior, error?.failure?.message], ['UPSTREAM_TIMEOUT', 0, 'Handler error: UPSTREAM_TIMEOUT']);
});

test('a request that the worker cannot serve says why', async () => {
  await using stage = await open(async () => '');
  const failure = async (request: Init<NexusRequest>) => (await stage.ask(request)).failure;
  assert.match((await failure(start({ service: 'shop' })))?.message ?? '', /No service handler registered for service name 'shop'.*Registered: bank/);
  assert.equal((await failure(start({ operation: 'nothing' })))?.nexusHandlerFailureInfo?.type, 'NOT_FOUND');
  assert.equal((await failure({ capabilities: { temporalFailureResponses: true } }))?.nexusHandlerFailureInfo?.type, 'NOT_IMPLEMENTED');
  assert.equal((await failure(start({ links: [{ url: 'nonsense', type: 'x' }] })))?.nexusHandlerFailureInfo?.type, 'BAD_REQUEST');
  assert.equal((await failure(start({ payload: { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{') } })))?.nexusHandlerFailureInfo?.type, 'BAD_REQUEST');
});

test('an operation that goes on answers with its token; cancelling it brings the token back', async () => {
  const cancelled: string[] = [];
  const handler: OperationHandler<string, string> = {
    start: async () => HandlerStartOperationResult.async('token-1'),
    cancel: async (_context, token) => void cancelled.push(token),
  };
  await using stage = await open(handler);
  assert.equal((await stage.ask(start())).response?.startOperation?.asyncSuccess?.operationToken, 'token-1');
  const answer = await stage.ask({ cancelOperation: { service: 'bank', operation: 'charge', operationToken: 'token-1' } });
  assert.ok(answer.response?.cancelOperation);
  assert.deepEqual(cancelled, ['token-1']);
});

test('at the deadline the handler is told, and its late answer is dropped', async () => {
  let reason: unknown;
  await using stage = await open(
    (context) =>
      new Promise((resolve) =>
        context.abortSignal.addEventListener('abort', () => {
          reason = context.abortSignal.reason;
          resolve('too late');
        }),
      ),
  );
  stage.give(start({}, { header: new Map([['request-timeout', '0.5ms']]) }));
  while (!stage.lines.some((line) => line.includes('longer than its caller waits'))) await settle();
  assert.equal((reason as Error).message, 'TIMED_OUT');
  assert.equal(stage.server.untaken(WorkflowService.RespondNexusTaskCompleted), 0);
});

test('a worker that shuts down tells its handlers, and their answers still go out', async () => {
  let began: (() => void) | undefined;
  const running = new Promise<void>((resolve) => (began = resolve));
  await using stage = await open((context) => {
    began?.();
    return new Promise((_resolve, reject) => context.abortSignal.addEventListener('abort', () => reject(context.abortSignal.reason as Error)));
  });
  const answered = stage.ask(start());
  await running;
  assert.equal(stage.worker.getStatus().numInFlightNexusOperations, 1);
  stage.worker.shutdown();
  const { failure } = await answered;
  assert.deepEqual([failure?.nexusHandlerFailureInfo?.type, failure?.cause?.message], ['INTERNAL', 'WORKER_SHUTDOWN']);
});

test('a result that the server would not take fails for good', async () => {
  await using stage = await open(async () => 'x'.repeat(3 * 2 ** 20));
  const { failure } = await stage.ask(start());
  assert.match(failure?.message ?? '', /has 3145\d+ bytes, and the namespace takes at most 2097152/);
  assert.equal(failure?.nexusHandlerFailureInfo?.retryBehavior, 2);
});

test('interceptors stand around starts and cancellations, the first outermost, and add to lines', async () => {
  const calls: string[] = [];
  const interceptor = (name: string) => (): NexusInterceptors => ({
    inbound: {
      startOperation: async (input, next) => {
        calls.push(`${name} start ${String(input.input)}`);
        return next({ ...input, input: `${String(input.input)}+${name}` });
      },
      cancelOperation: async (input, next) => {
        calls.push(`${name} cancel ${input.token}`);
        await next(input);
      },
    },
  });
  const handler: OperationHandler<string, string> = { start: async (_context, input) => HandlerStartOperationResult.sync(input), cancel: async () => undefined };
  await using stage = await open(handler, { interceptors: { nexus: [interceptor('a'), interceptor('b')] } });
  const { response } = await stage.ask(start());
  assert.equal(valueOf(response), 'order-1+a+b');
  await stage.ask({ cancelOperation: { service: 'bank', operation: 'charge', operationToken: 't' } });
  assert.deepEqual(calls, ['a start order-1', 'b start order-1+a', 'a cancel t', 'b cancel t']);
});

test('a started workflow carries request id, callback with token, links both ways, and joins one that runs', async () => {
  const link = Link.encode({ workflowEvent: { namespace: 'default', workflowId: 'charge-1', runId: 'run-1', eventRef: { eventId: 1, eventType: EventType.WORKFLOW_EXECUTION_STARTED } } });
  const handler = new WorkflowRunOperationHandler<string, string>((context, input) => startWorkflow(context, 'chargeWorkflow', { workflowId: 'charge-1', args: [input] }));
  await using stage = await open(handler);
  stage.server.on(WorkflowService.StartWorkflowExecution, () => StartWorkflowExecutionResponse.create({ runId: 'run-1', started: true, link }));
  const inbound = { url: 'temporal:///namespaces/n/workflows/w/r/history?referenceType=EventReference&eventID=5&eventType=NexusOperationScheduled', type: 'temporal.api.common.v1.Link.WorkflowEvent' };
  const { response } = await stage.ask(start({ callback: 'http://back', callbackHeader: new Map([['token', 't']]), links: [inbound, { url: 'https://example.com/', type: 'other' }] }));
  const token = Buffer.from('{"t":1,"ns":"default","wid":"charge-1"}').toString('base64url');
  const { operationToken, links } = response!.startOperation!.asyncSuccess!;
  assert.equal(operationToken, token);
  assert.deepEqual(links?.map(({ url }) => url), ['temporal:///namespaces/default/workflows/charge-1/run-1/history?referenceType=EventReference&eventID=1&eventType=WorkflowExecutionStarted']);
  const request = await stage.server.next(WorkflowService.StartWorkflowExecution);
  assert.deepEqual([request.requestId, request.taskQueue?.name, request.onConflictOptions], ['request-1', 'money', { attachRequestId: true, attachCompletionCallbacks: true, attachLinks: true }]);
  assert.deepEqual(request.links.map((bytes) => Link.decode(bytes).workflowEvent?.workflowId), ['w']);
  const { nexus } = Callback.decode(request.completionCallbacks[0]!);
  assert.deepEqual([nexus?.url, nexus?.header], ['http://back', new Map([['token', 't'], ['nexus-operation-token', token]])]);
});

test('an activity backs an operation, and cancelling the operation stops it', async () => {
  interface Activities {
    charge(order: string): Promise<string>;
  }
  const handler = new TemporalOperationHandler<string, string>({
    start: (_context, client, order) => client.typedActivity<Activities>().startActivity('charge', { id: 'charge-1', args: [order], startToCloseTimeout: '1 minute' }),
  });
  await using stage = await open(handler);
  stage.server.on(WorkflowService.StartActivityExecution, () => StartActivityExecutionResponse.create({ runId: 'run-1', started: true })).on(WorkflowService.RequestCancelActivityExecution, () => ({}));
  const { response } = await stage.ask(start({ callback: 'http://back' }));
  const token = Buffer.from('{"t":2,"ns":"default","aid":"charge-1","rid":"run-1"}').toString('base64url');
  assert.equal(response?.startOperation?.asyncSuccess?.operationToken, token);
  const request = await stage.server.next(WorkflowService.StartActivityExecution);
  assert.deepEqual([request.requestId, request.taskQueue?.name, request.activityType?.name], ['request-1', 'money', 'charge']);
  assert.equal(Callback.decode(request.completionCallbacks[0]!).nexus?.header.get('nexus-operation-token'), Buffer.from('{"t":2,"ns":"default","aid":"charge-1"}').toString('base64url'));
  await stage.ask({ cancelOperation: { service: 'bank', operation: 'charge', operationToken: token } });
  const { activityId, runId } = await stage.server.next(WorkflowService.RequestCancelActivityExecution);
  assert.deepEqual([activityId, runId], ['charge-1', 'run-1']);
});

test('one thing backs an operation; what failed to start backs nothing', async () => {
  let refuse = true;
  const handler = new TemporalOperationHandler<string, string>({
    async start(_context, client, input) {
      if (input === 'sync') return TemporalOperationResult.sync('at once');
      await client.startWorkflow('first', { workflowId: 'w-1' }).catch(() => (refuse = false));
      await client.startWorkflow('first', { workflowId: 'w-1' });
      return client.startWorkflow<() => Promise<string>>('second', { workflowId: 'w-2' });
    },
  });
  await using stage = await open(handler);
  stage.server.on(WorkflowService.StartWorkflowExecution, () => {
    if (refuse) throw new RpcError(Code.FAILED_PRECONDITION, 'not now');
    return { runId: 'run-1' };
  });
  const { failure } = await stage.ask(start());
  assert.match(failure?.message ?? '', /Something backs this operation already/);
  const { response } = await stage.ask(start({ payload: defaultPayloadConverter.toPayload('sync') }));
  assert.equal(valueOf(response), 'at once');
  const bad = await stage.ask({ capabilities: { temporalFailureResponses: true }, cancelOperation: { service: 'bank', operation: 'charge', operationToken: '!' } });
  assert.equal(bad.failure?.nexusHandlerFailureInfo?.type, 'BAD_REQUEST');
});

test('options that make no sense are refused', () => {
  const handler = bankWith(async () => '');
  const compose = (options: Partial<WorkerOptions>) => () => composeParts({ taskQueue: 'money', connection: { transport: new FakeServer().transport }, nexusServices: [handler], ...options }, { connection: { transport: new FakeServer().transport }, logger: silentLogger(), namespace: { blobSizeLimitBytes: 1, endsPollsOnShutdown: false } });
  assert.throws(compose({ nexusServices: [handler, handler] }), /two handlers of the service 'bank'/);
  assert.throws(compose({ nexusServices: [] }), /nothing to do/);
  assert.throws(compose({ maxConcurrentNexusTaskExecutions: 0 }), /maxConcurrentNexusTaskExecutions must be an integer of at least 1/);
  assert.throws(compose({ maxConcurrentNexusTaskExecutions: 5, maxConcurrentNexusTaskPolls: 6 }), /maxConcurrentNexusTaskPolls must be at most 5/);
});
