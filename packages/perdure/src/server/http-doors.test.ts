/** A whole server with all its doors: workflows by JSON, metrics that add up, probes that tell the truth, and an orderly end. */
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WorkflowService } from '../protocol/index.js';
import { connectGrpc } from '../transport/grpc-client.js';
import { METRIC_SECTIONS } from './metrics/families.js';
import { startServer, type Server } from './server.js';

const { PollWorkflowTaskQueue, RespondWorkflowTaskCompleted } = WorkflowService;

function open(): Promise<Server> {
  return startServer({ ephemeral: true, port: 0, httpPort: 0, metricsPort: 0 });
}

async function ask(server: Server, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${server.httpAddress}/api/v1${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const json = (await response.json()) as Record<string, unknown>;
  assert.equal(response.status, 200, JSON.stringify(json));
  return json;
}

/** The samples by name and labels, as they are written. */
async function metrics(server: Server): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${server.metricsAddress}/metrics`)).text();
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

test('a workflow is started, seen and signalled by JSON, and served to a gRPC worker', async () => {
  await using server = await open();
  const started = await ask(server, '/namespaces/default/workflows/order%2F1', { workflowType: { name: 'order' }, taskQueue: { name: 'q' }, input: [{ total: 5 }], memo: { fields: { by: 'http' } } });
  assert.equal(started['started'], true);
  await ask(server, '/namespaces/default/workflows/order%2F1/signal/pay', { input: ['now'] });
  const transport = await connectGrpc({ address: server.address });
  const task = await transport.call(PollWorkflowTaskQueue, { namespace: 'default', taskQueue: { name: 'q' } });
  await transport.call(RespondWorkflowTaskCompleted, { namespace: 'default', taskToken: task.taskToken });
  await transport.close();
  const { history } = (await ask(server, '/namespaces/default/workflows/order%2F1/history')) as { history: { events: Record<string, Record<string, unknown>>[] } };
  assert.deepEqual(history.events.map(({ eventType }) => String(eventType)), [
    'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED', 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED', 'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED', 'EVENT_TYPE_WORKFLOW_TASK_STARTED', 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED',
  ]);
  assert.deepEqual(history.events[0]?.['workflowExecutionStartedEventAttributes']?.['input'], [{ total: 5 }]);
  assert.deepEqual(history.events[2]?.['workflowExecutionSignaledEventAttributes']?.['input'], ['now']);
  const listed = (await ask(server, `/namespaces/default/workflows?query=${encodeURIComponent("WorkflowId = 'order/1'")}`)) as { executions: { memo: unknown; status: string }[] };
  assert.deepEqual(listed.executions.map(({ memo, status }) => [memo, status]), [[{ fields: { by: 'http' } }, 'WORKFLOW_EXECUTION_STATUS_RUNNING']]);
  await ask(server, '/namespaces/default/workflows/order%2F1/terminate', { reason: 'done' });
  const { workflowExecutionInfo } = await ask(server, '/namespaces/default/workflows/order%2F1');
  assert.equal((workflowExecutionInfo as Record<string, unknown>)['status'], 'WORKFLOW_EXECUTION_STATUS_TERMINATED');
});

test('the metrics say what happened, and every family of the reference is there', async () => {
  await using server = await open();
  const transport = await connectGrpc({ address: server.address });
  const ended = assert.rejects(transport.call(PollWorkflowTaskQueue, { namespace: 'default', taskQueue: { name: 'polled' } }));
  while ((await metrics(server)).get('perdure_polls_waiting{type="workflow",kind="normal"}') !== 1) await new Promise((resolve) => setImmediate(resolve));
  for (let index = 0; index < 3; index++) await ask(server, `/namespaces/default/workflows/w${index}`, { workflowType: { name: 't' }, taskQueue: { name: 'waiting' } });
  await fetch(`http://${server.httpAddress}/api/v1/namespaces/nope/workflows/w`);
  const values = await metrics(server);
  assert.equal(values.get('perdure_requests_total{method="StartWorkflowExecution",code="OK"}'), 3);
  assert.equal(values.get('perdure_requests_total{method="DescribeWorkflowExecution",code="NOT_FOUND"}'), 1);
  assert.equal(values.get('perdure_request_duration_seconds_count{method="StartWorkflowExecution"}'), 3);
  assert.equal(values.get('perdure_requests_in_flight{method="PollWorkflowTaskQueue"}'), 1);
  assert.equal(values.get('perdure_polls_waiting{type="workflow",kind="normal"}'), 1);
  assert.equal(values.get('perdure_tasks_ready{type="workflow",kind="normal"}'), 3);
  assert.equal(values.get('perdure_tasks_ready{type="activity",kind="sticky"}'), 0);
  assert.ok((values.get('perdure_commit_records_sum') ?? 0) >= 3);
  assert.equal(values.get('perdure_commit_duration_seconds_count'), values.get('perdure_commit_records_count'));
  assert.ok((values.get('perdure_journal_bytes_total') ?? 0) > 300);
  assert.ok((values.get('perdure_machines_resident') ?? 0) >= 3);
  assert.ok((values.get('process_resident_memory_bytes') ?? 0) > 1e7);
  const text = await (await fetch(`http://${server.metricsAddress}/metrics`)).text();
  for (const { name, type } of METRIC_SECTIONS.flatMap(({ families }) => families)) assert.ok(text.includes(`# TYPE ${name} ${type}\n`), name);
  assert.equal((await fetch(`http://${server.metricsAddress}/`)).status, 404);
  await transport.close();
  await ended;
});

test('no door waits for a long poll when the server closes', async () => {
  const server = await open();
  await ask(server, '/namespaces/default/workflows/w', { workflowType: { name: 't' }, taskQueue: { name: 'q' } });
  const waiting = ask(server, '/namespaces/default/workflows/w/history?waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT');
  const inFlight = 'perdure_requests_in_flight{method="GetWorkflowExecutionHistory"}';
  while ((await metrics(server)).get(inFlight) !== 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await (await fetch(`http://${server.httpAddress}/readyz`)).text(), 'ok\n');
  const [{ history }] = await Promise.all([waiting, server.close()]);
  assert.deepEqual(history, {});
  assert.equal(server.engine.unreadyBecause(), 'The engine is closing.');
});

test('a port that is taken leaves nothing open', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  const free = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const grpcPort = (free.address() as AddressInfo).port;
  await new Promise((resolve) => free.close(resolve));
  await assert.rejects(startServer({ ephemeral: true, port: grpcPort, httpPort: 0, metricsPort: port }), { code: 'EADDRINUSE', port });
  const refused = await new Promise<string | undefined>((resolve) => connect(grpcPort, '127.0.0.1').once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));
  assert.equal(refused, 'ECONNREFUSED');
  other.close();
});
