/**
 * Nexus through the whole engine: a request reaches one worker of the endpoint's queue, its answer reaches the caller, silence is a passing
 * trouble, and a completion finds its operation, also after a restart and from another namespace.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Callback,
  Code,
  CommandType,
  Failure,
  OperatorService,
  Payloads,
  PendingNexusOperationState,
  type RpcError,
  TaskQueueType,
  WorkflowService,
  type Command,
  type EndpointTarget,
  type HistoryEvent,
  type Init,
  type NexusResponse,
  type PollNexusTaskQueueResponse,
} from '../../protocol/index.js';
import { completeWorkflow, NAMESPACE, payloads, Stage } from '../../server/testing/stage.js';

const OTHER = 'other';
const HANDLERS = 'handlers';

const worker = (namespace = OTHER): Init<EndpointTarget> => ({ worker: { namespace, taskQueue: HANDLERS } });

async function open(target: Init<EndpointTarget> = worker()): Promise<Stage> {
  const stage = await Stage.open({ namespaces: [OTHER] });
  await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'payments', target } });
  return stage;
}

const schedule = (attributes: Init<Command>['scheduleNexusOperationCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
  scheduleNexusOperationCommandAttributes: { endpoint: 'payments', service: 'cards', operation: 'charge', ...attributes },
});

/** Starts a workflow whose first task schedules an operation, event 5. */
async function call(stage: Stage, attributes: Parameters<typeof schedule>[0] = {}, workflowId = 'caller'): Promise<void> {
  const taskQueue = { name: workflowId };
  await stage.start(workflowId, { taskQueue });
  await stage.complete(await stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue }), [schedule(attributes)]);
}

const poll = (stage: Stage, namespace = OTHER): Promise<PollNexusTaskQueueResponse> =>
  stage.call(WorkflowService.PollNexusTaskQueue, { namespace, taskQueue: { name: HANDLERS }, identity: 'handler' });

/** The event of this kind, once the caller has heard. */
async function eventually<T>(stage: Stage, workflowId: string, attributes: (event: HistoryEvent) => T | undefined): Promise<T> {
  for (let turn = 0; turn < 100; turn++) {
    for (const event of await stage.events(workflowId)) {
      const found = attributes(event);
      if (found !== undefined) return found;
    }
    await stage.clock.settle();
  }
  assert.fail(`it did not come: ${(await stage.eventTypes(workflowId)).join()}`);
}

/** The worker is answered before the caller has heard. */
async function respond(stage: Stage, { taskToken }: PollNexusTaskQueueResponse, response: Init<NexusResponse>): Promise<void> {
  await stage.call(WorkflowService.RespondNexusTaskCompleted, { namespace: OTHER, identity: 'handler', taskToken, response });
  await stage.clock.settle();
}

const pending = async (stage: Stage) =>
  (await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'caller' } })).pendingNexusOperations[0];

const lastFailure = async (stage: Stage) => Failure.decode((await pending(stage))?.lastAttemptFailure ?? Failure.encode({}));

const code = (promise: Promise<unknown>): Promise<Code | undefined> => promise.then(() => undefined, (error: unknown) => (error as RpcError).code);

const nexusEvents = async (stage: Stage): Promise<string[]> => (await stage.eventTypes('caller')).filter((type) => type.startsWith('NEXUS'));

test('one worker of the queue gets the request, and the caller its answer', async () => {
  await using stage = await open();
  const polls = [poll(stage), poll(stage)];
  await call(stage, { nexusHeader: new Map([['Key', 'value']]), scheduleToCloseTimeout: 4_000 });
  const task = await Promise.race(polls);
  const { header, startOperation, endpoint } = task.request ?? {};
  assert.deepEqual([header?.get('key'), header?.get('request-timeout'), header?.get('operation-timeout')], ['value', '4000ms', '4000ms']);
  assert.deepEqual([endpoint, startOperation?.service, startOperation?.operation, startOperation?.callback], ['payments', 'cards', 'charge', 'temporal://system']);
  assert.match(startOperation?.links[0]?.url ?? '', /workflows\/caller\/.*eventID=5&eventType=NexusOperationScheduled/);
  await respond(stage, task, { startOperation: { syncSuccess: { payload: { data: Buffer.from('7') } } } });
  assert.deepEqual(await nexusEvents(stage), ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_COMPLETED']);
  assert.equal(await code(respond(stage, task, { startOperation: { syncSuccess: {} } })), Code.NOT_FOUND, 'an answer counts once');
});

test('without a worker the request is made again; a worker that comes then gets it at once', async () => {
  await using stage = await open();
  await call(stage);
  await stage.clock.advance(10_000);
  const failure = await lastFailure(stage);
  assert.deepEqual([failure.message, failure.nexusHandlerFailureInfo?.type, (await pending(stage))?.state], ['upstream timeout', 'UPSTREAM_TIMEOUT', PendingNexusOperationState.BACKING_OFF]);
  const waiting = poll(stage);
  await stage.clock.advance(1_000);
  const task = await waiting;
  assert.ok(task.taskToken.byteLength > 0);
  await respond(stage, task, { startOperation: { asyncSuccess: { operationToken: 'token' } } });
  assert.equal((await pending(stage))?.state, PendingNexusOperationState.STARTED);
});

test('a worker that never answers loses its task, and another one gets the next request', async () => {
  await using stage = await open();
  const silent = poll(stage);
  await call(stage);
  const first = await silent;
  await stage.clock.advance(10_000);
  assert.equal(await code(respond(stage, first, { startOperation: { syncSuccess: {} } })), Code.NOT_FOUND, 'too late');
  const next = poll(stage);
  await stage.clock.advance(1_000);
  const second = await next;
  assert.equal(second.request?.startOperation?.requestId, first.request?.startOperation?.requestId);
  await respond(stage, second, { startOperation: { syncSuccess: {} } });
  assert.deepEqual(await nexusEvents(stage), ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_COMPLETED']);
});

test('a token is good only where it came from', async () => {
  await using stage = await open();
  const waiting = poll(stage);
  await call(stage);
  const { taskToken } = await waiting;
  const from = (namespace: string, token = taskToken) => stage.call(WorkflowService.RespondNexusTaskCompleted, { namespace, taskToken: token, response: { startOperation: { syncSuccess: {} } } });
  assert.equal(await code(from(NAMESPACE)), Code.INVALID_ARGUMENT);
  assert.equal(await code(from(OTHER, new Uint8Array(0))), Code.INVALID_ARGUMENT);
  assert.equal(await code(from(OTHER, Buffer.from('zz'))), Code.INVALID_ARGUMENT);
  assert.equal(await code(stage.call(WorkflowService.RespondNexusTaskFailed, { namespace: OTHER, taskToken })), Code.INVALID_ARGUMENT);
  assert.equal(await code(stage.call(WorkflowService.RespondNexusTaskFailed, { namespace: OTHER, taskToken, failure: Failure.encode({ applicationFailureInfo: {} }) })), Code.INVALID_ARGUMENT);
  assert.equal(await code(from(OTHER)), undefined, 'and it is good still');
});

test('failures come in a newer and in an older form, and mean the same', async () => {
  await using stage = await open();
  const details = Buffer.from(JSON.stringify({ source: 'TypeScriptSDK', applicationFailureInfo: { type: 'NoCover', nonRetryable: true } }));
  for (const [answer, message] of [
    [{ failure: Failure.encode({ message: 'bad', nexusHandlerFailureInfo: { type: 'BAD_REQUEST' } }) }, 'bad'],
    [{ error: { errorType: 'BAD_REQUEST', failure: { message: 'bad', metadata: new Map([['type', 'temporal.api.failure.v1.Failure']]), details } } }, 'bad'],
  ] as const) {
    const waiting = poll(stage);
    await call(stage, {}, message + String('error' in answer));
    const { taskToken } = await waiting;
    await stage.call(WorkflowService.RespondNexusTaskFailed, { namespace: OTHER, taskToken, ...answer });
    await stage.clock.settle();
    const failed = await eventually(stage, message + String('error' in answer), (event) => event.nexusOperationFailedEventAttributes);
    const cause = Failure.decode(failed.failure ?? Failure.encode({})).cause;
    assert.equal(cause?.nexusHandlerFailureInfo?.type, 'BAD_REQUEST');
    const said = 'error' in answer ? cause?.cause : cause;
    assert.equal(said?.message, message);
    if ('error' in answer) assert.deepEqual([said?.source, said?.applicationFailureInfo?.type], ['TypeScriptSDK', 'NoCover']);
  }
});

test('an endpoint that is deleted, or leads to a namespace that is gone, fails the operation for good', async () => {
  await using stage = await open();
  const { endpoints } = await stage.call(OperatorService.ListNexusEndpoints, {});
  await call(stage);
  await stage.call(OperatorService.DeleteNexusEndpoint, { id: endpoints[0]?.id ?? '', version: 1 });
  await stage.clock.advance(11_000);
  const failed = (await stage.events('caller')).find((event) => event.nexusOperationFailedEventAttributes)?.nexusOperationFailedEventAttributes;
  assert.match(Failure.decode(failed?.failure ?? Failure.encode({})).cause?.message ?? '', /endpoint not found/);

  await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'payments', target: worker() } });
  await stage.call(OperatorService.DeleteNamespace, { namespace: OTHER });
  await call(stage, {}, 'second');
  await eventually(stage, 'second', (event) => event.nexusOperationFailedEventAttributes);
});

test('a workflow behind an operation tells its end to the caller, in another namespace and after a restart', async () => {
  await using stage = await open();
  const waiting = poll(stage);
  await call(stage);
  const task = await waiting;
  const { callback = '', callbackHeader = new Map(), requestId = '' } = task.request?.startOperation ?? {};
  const completionCallbacks = [Callback.encode({ nexus: { url: callback, header: new Map([...callbackHeader, ['Nexus-Operation-Token', 'token']]) } })];
  const start = { namespace: OTHER, workflowId: 'behind', workflowType: { name: 'charging' }, taskQueue: { name: 'behind' }, requestId, completionCallbacks };
  await stage.call(WorkflowService.StartWorkflowExecution, start);
  await respond(stage, task, { startOperation: { asyncSuccess: { operationToken: 'token' } } });
  await stage.restart(60_000);
  assert.equal((await pending(stage))?.operationToken, 'token');
  const behind = await stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: OTHER, taskQueue: { name: 'behind' } });
  await stage.complete(behind, [completeWorkflow('charged')]);
  await stage.clock.settle();
  const completed = (await stage.events('caller')).find((event) => event.nexusOperationCompletedEventAttributes)?.nexusOperationCompletedEventAttributes;
  assert.deepEqual(Buffer.from(completed?.result?.data ?? []), Buffer.from(Payloads.decode(payloads('charged')).payloads[0]?.data ?? []));
  const { callbacks } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: OTHER, execution: { workflowId: 'behind' } });
  assert.deepEqual([callbacks[0]?.attempt, callbacks[0]?.lastAttemptFailure], [1, undefined]);
});

test('a callback with a token of nobody is refused for good, and describe says why', async () => {
  await using stage = await open();
  for (const [workflowId, header, message] of [
    ['none', new Map(), /BAD_REQUEST/],
    ['junk', new Map([['temporal-callback-token', 'junk']]), /BAD_REQUEST/],
  ] as const) {
    const completionCallbacks = [Callback.encode({ nexus: { url: 'temporal://system', header } })];
    await stage.start(workflowId, { completionCallbacks });
    await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
    await stage.clock.settle();
    const { callbacks } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } });
    assert.match(Failure.decode(callbacks[0]?.lastAttemptFailure ?? Failure.encode({})).message, message);
    assert.equal(callbacks[0]?.nextAttemptScheduleTime, undefined);
  }
});

test('requests under way are bounded: what is too much waits, and is made then', async () => {
  await using stage = await Stage.open({ namespaces: [OTHER], limits: { nexusRequests: 1 } });
  await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'payments', target: worker() } });
  await call(stage, {}, 'one');
  await call(stage, {}, 'two');
  const first = await poll(stage);
  await respond(stage, first, { startOperation: { syncSuccess: {} } });
  const next = poll(stage);
  await stage.clock.advance(1_000);
  await respond(stage, await next, { startOperation: { syncSuccess: {} } });
  for (const workflowId of ['one', 'two']) assert.ok((await stage.eventTypes(workflowId)).includes('NEXUS_OPERATION_COMPLETED'));
});

test('operators see who polls for Nexus tasks; a worker that says goodbye polls no more', async () => {
  await using stage = await open();
  const waiting = stage.call(WorkflowService.PollNexusTaskQueue, { namespace: OTHER, taskQueue: { name: HANDLERS }, identity: 'handler', workerInstanceKey: 'key' });
  await stage.clock.settle();
  const { pollers } = await stage.call(WorkflowService.DescribeTaskQueue, { namespace: OTHER, taskQueue: { name: HANDLERS }, taskQueueType: TaskQueueType.NEXUS });
  assert.deepEqual(pollers.map(({ identity }) => identity), ['handler']);
  await stage.call(WorkflowService.ShutdownWorker, { namespace: OTHER, workerInstanceKey: 'key' });
  assert.equal((await waiting).taskToken.byteLength, 0);
});

test('endpoints outlive a restart, and pages of them lead through all', async () => {
  await using stage = await open();
  for (const name of ['one', 'two']) await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name, target: { external: { url: 'https://example.com/nexus' } } } });
  await stage.restart();
  const found: string[] = [];
  let nextPageToken: Uint8Array = new Uint8Array(0);
  do {
    const page = await stage.call(OperatorService.ListNexusEndpoints, { pageSize: 2, nextPageToken });
    found.push(...page.endpoints.map(({ spec }) => spec?.name ?? ''));
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.byteLength > 0);
  assert.deepEqual(found.sort(), ['one', 'payments', 'two']);
  await call(stage);
  const task = await poll(stage);
  assert.equal(task.request?.endpoint, 'payments');
});

test('what is wrong with an endpoint is said', async () => {
  await using stage = await open();
  for (const [spec, expected, message] of [
    [undefined, Code.INVALID_ARGUMENT, /name not set.*empty target/],
    [{ name: '1', target: worker() }, Code.INVALID_ARGUMENT, /must match the regex/],
    [{ name: 'a'.repeat(201), target: worker() }, Code.INVALID_ARGUMENT, /length limit of 200/],
    [{ name: 'ab', target: { worker: { taskQueue: 'q' } } }, Code.INVALID_ARGUMENT, /namespace not set/],
    [{ name: 'ab', target: { worker: { namespace: OTHER } } }, Code.INVALID_ARGUMENT, /invalid target task queue/],
    [{ name: 'ab', target: worker('nowhere') }, Code.FAILED_PRECONDITION, /nowhere is not found/],
    [{ name: 'ab', target: { external: {} } }, Code.INVALID_ARGUMENT, /empty target URL/],
    [{ name: 'ab', target: { external: { url: 'ftp://there' } } }, Code.INVALID_ARGUMENT, /expected http or https/],
    [{ name: 'payments', target: worker() }, Code.ALREADY_EXISTS, /already registered/],
  ] as const) {
    const error = await stage.call(OperatorService.CreateNexusEndpoint, { spec }).then(() => undefined, (thrown: unknown) => thrown as RpcError);
    assert.equal(error?.code, expected);
    assert.match(error?.message ?? '', message);
  }
});
