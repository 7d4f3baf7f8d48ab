/**
 * Endpoints whose handlers are another server, reached over HTTP: requests, answers and completions are those of Nexus over HTTP, and
 * nothing is called that the operator does not allow.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { silentLogger } from '../ports/index.js';
import { CommandType, Failure, History, OperatorService, WorkflowService, type HistoryEvent } from '../protocol/index.js';
import { startServer, type Server } from './server.js';

interface Asked {
  readonly path: string;
  readonly callback: string | null;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A server outside that notes what it is asked, and answers as it is told. */
async function outside(answer: (asked: Asked) => Answer) {
  const calls: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://here');
      const asked = { path: url.pathname, callback: url.searchParams.get('callback'), headers: request.headers, body: Buffer.concat(chunks).toString() };
      calls.push(asked);
      const { status, headers = {}, body = '' } = answer(asked);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { calls, url: `http://127.0.0.1:${port}/nexus`, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

async function serve(url: string, allowed = ['http://127.0.0.1:*']): Promise<Server> {
  const server = await startServer({ ephemeral: true, port: 0, httpPort: 0, callbackAddresses: allowed, logger: silentLogger });
  await server.engine.transport.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'away', target: { external: { url } } } });
  return server;
}

/** Starts a workflow that calls the operation, and gives the event of the history that the test is about, once it is there. */
async function callOperation<T>(server: Server, attributes: (event: HistoryEvent) => T | undefined, workflowId = 'caller'): Promise<T> {
  const { transport } = server.engine;
  await transport.call(WorkflowService.StartWorkflowExecution, { namespace: 'default', workflowId, workflowType: { name: 'w' }, taskQueue: { name: 'q' }, requestId: workflowId });
  const { taskToken } = await transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: 'default', taskQueue: { name: 'q' } });
  const input = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"amount":7}') };
  const scheduleNexusOperationCommandAttributes = { endpoint: 'away', service: 'card service', operation: 'charge', input, nexusHeader: new Map([['key', 'value']]) };
  await transport.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken, commands: [{ commandType: CommandType.SCHEDULE_NEXUS_OPERATION, scheduleNexusOperationCommandAttributes }] });
  return waitFor(server, attributes, workflowId);
}

async function waitFor<T>(server: Server, attributes: (event: HistoryEvent) => T | undefined, workflowId = 'caller'): Promise<T> {
  let nextPageToken: Uint8Array = new Uint8Array(0);
  for (;;) {
    const page = await server.engine.transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: 'default', execution: { workflowId }, waitNewEvent: true, nextPageToken });
    for (const event of page.history === undefined ? [] : History.decode(page.history).events) {
      const found = attributes(event);
      if (found !== undefined) return found;
    }
    nextPageToken = page.nextPageToken;
    assert.ok(nextPageToken.byteLength > 0, 'the run has not ended');
  }
}

test('a value travels as content of its type, both ways', async () => {
  await using there = await outside(() => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '"charged"' }));
  await using server = await serve(there.url);
  const completed = await callOperation(server, (event) => event.nexusOperationCompletedEventAttributes);
  const [asked] = there.calls;
  assert.deepEqual([asked?.path, asked?.body, asked?.headers['content-type'], asked?.headers['key']], ['/nexus/card%20service/charge', '{"amount":7}', 'application/json', 'value']);
  assert.equal(asked?.headers['nexus-request-id'], completed.requestId);
  assert.match(String(asked?.headers['nexus-link']), /workflows\/caller\/.*type="temporal\.api\.common\.v1\.Link\.WorkflowEvent"/);
  assert.deepEqual([Buffer.from(completed.result?.metadata['encoding'] ?? []).toString(), Buffer.from(completed.result?.data ?? []).toString()], ['json/plain', '"charged"']);
});

test('an operation that goes on is completed by a call to this server, once', async () => {
  await using there = await outside(() => ({ status: 201, headers: { 'content-type': 'application/json' }, body: '{"token":"t-1","state":"running"}' }));
  await using server = await serve(there.url);
  const started = await callOperation(server, (event) => event.nexusOperationStartedEventAttributes);
  assert.equal(started.operationToken, 't-1');
  const { callback = '', headers } = there.calls[0] ?? {};
  assert.equal(callback, `http://${server.httpAddress}/nexus/callback`);
  const token = String(headers?.['nexus-callback-temporal-callback-token']);
  const complete = (given: Record<string, string>, body = '"late"') => fetch(callback ?? '', { method: 'POST', headers: { 'content-type': 'application/json', ...given }, body });
  assert.equal((await complete({ 'nexus-operation-state': 'succeeded' })).status, 400, 'without a token');
  assert.equal((await complete({ 'temporal-callback-token': token })).status, 400, 'without a state');
  const good = { 'temporal-callback-token': token, 'nexus-operation-state': 'failed', 'nexus-operation-token': 't-1' };
  assert.equal((await complete(good, '{"message":"no cover"}')).status, 200);
  const failed = await waitFor(server, (event) => event.nexusOperationFailedEventAttributes);
  assert.equal(Failure.decode(failed.failure ?? Failure.encode({})).cause?.message, 'no cover');
  assert.equal((await complete(good)).status, 404, 'a second completion');
});

test('a handler outside fails an operation, or refuses the request', async () => {
  await using there = await outside(({ headers }): Answer =>
    headers['key'] === 'value' && there.calls.length === 1
      ? { status: 424, headers: { 'nexus-operation-state': 'canceled', 'content-type': 'application/json' }, body: '{"message":"stopped"}' }
      : { status: 404, headers: { 'content-type': 'application/json' }, body: '{"message":"no such operation"}' },
  );
  await using server = await serve(there.url);
  const canceled = await callOperation(server, (event) => event.nexusOperationCanceledEventAttributes);
  assert.equal(Failure.decode(canceled.failure ?? Failure.encode({})).cause?.message, 'stopped');
  await server.engine.transport.call(WorkflowService.TerminateWorkflowExecution, { namespace: 'default', workflowExecution: { workflowId: 'caller' } });
  const failed = await callOperation(server, (event) => event.nexusOperationFailedEventAttributes, 'second');
  const { cause } = Failure.decode(failed.failure ?? Failure.encode({}));
  assert.deepEqual([cause?.nexusHandlerFailureInfo?.type, cause?.cause?.message], ['NOT_FOUND', 'no such operation']);
});

test('what the operator does not allow is not called', async () => {
  await using there = await outside(() => ({ status: 200 }));
  await using server = await serve(there.url, []);
  const failed = await callOperation(server, (event) => event.nexusOperationFailedEventAttributes);
  assert.match(Failure.decode(failed.failure ?? Failure.encode({})).cause?.message ?? '', /--callback-address/);
  assert.equal(there.calls.length, 0);
});

test('servers outside ask workers here, by an endpoint or by a task queue', async () => {
  await using server = await startServer({ ephemeral: true, port: 0, httpPort: 0, logger: silentLogger });
  const { transport } = server.engine;
  const { endpoint } = await transport.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'here', target: { worker: { namespace: 'default', taskQueue: 'handlers' } } } });
  const poll = () => transport.call(WorkflowService.PollNexusTaskQueue, { namespace: 'default', taskQueue: { name: 'handlers' }, identity: 'w' });
  const post = (path: string, headers: Record<string, string> = {}, body = '"in"') =>
    fetch(`http://${server.httpAddress}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const respond = (taskToken: Uint8Array, response: object) => transport.call(WorkflowService.RespondNexusTaskCompleted, { namespace: 'default', taskToken, response });
  const byEndpoint = `${endpoint?.urlPrefix}/card%20service/charge`;
  const byQueue = '/namespaces/default/task-queues/handlers/nexus-services/cards/charge';

  const first = post(`${byEndpoint}?callback=http://there`, { 'nexus-request-id': 'r-1', 'nexus-callback-token': 't', key: 'value', 'request-timeout': '2s' });
  const task = await poll();
  const { startOperation, header } = task.request ?? {};
  assert.deepEqual([startOperation?.service, startOperation?.requestId, startOperation?.callback, startOperation?.callbackHeader.get('token'), header?.get('key')], ['card service', 'r-1', 'http://there', 't', 'value']);
  assert.equal(Buffer.from(startOperation?.payload?.data ?? []).toString(), '"in"');
  await respond(task.taskToken, { startOperation: { syncSuccess: { payload: startOperation?.payload } } });
  const answered = await first;
  assert.deepEqual([answered.status, answered.headers.get('content-type'), await answered.text()], [200, 'application/json', '"in"']);

  const second = post(byQueue);
  await respond((await poll()).taskToken, { startOperation: { asyncSuccess: { operationToken: 'o-1' } } });
  assert.deepEqual([(await second).status, ((await (await second).json()) as { token: string }).token], [201, 'o-1']);

  const cancel = post(`${byQueue}/cancel`, { 'nexus-operation-token': 'o-1' });
  const cancelTask = await poll();
  assert.equal(cancelTask.request?.cancelOperation?.operationToken, 'o-1');
  await respond(cancelTask.taskToken, { cancelOperation: {} });
  assert.equal((await cancel).status, 202);

  const refused = post(byQueue);
  await transport.call(WorkflowService.RespondNexusTaskFailed, { namespace: 'default', taskToken: (await poll()).taskToken, failure: Failure.encode({ message: 'no', nexusHandlerFailureInfo: { type: 'NOT_FOUND' } }) });
  assert.deepEqual([(await refused).status, (await refused).headers.get('nexus-request-retryable'), ((await (await refused).json()) as { message: string }).message], [404, 'false', 'no']);

  const failed = post(byQueue);
  await respond((await poll()).taskToken, { startOperation: { failure: Failure.encode({ message: 'no cover', applicationFailureInfo: {} }) } });
  assert.deepEqual([(await failed).status, (await failed).headers.get('nexus-operation-state')], [424, 'failed']);

  assert.equal((await post(byQueue, { 'request-timeout': '20ms' })).status, 520, 'nobody polls');
  assert.equal((await post(byQueue, { origin: 'https://elsewhere.example' })).status, 403, 'a web page');
  assert.equal((await post('/nexus/endpoints/unknown/services/s/o')).status, 404);
  assert.equal((await post('/namespaces/unknown/task-queues/q/nexus-services/s/o')).status, 404);
});
