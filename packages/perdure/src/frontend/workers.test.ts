/** Operators see which workers live, by what these say; nobody else has to remember. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError, WorkerHeartbeat, WorkerStatus, WorkflowService, type Init } from '../protocol/index.js';
import { VirtualClock } from '../ports/index.js';
import { NAMESPACE, QUEUE, Stage } from '../server/testing/stage.js';
import { parseWorkerQuery } from './worker-query.js';
import { WorkerRegistry } from './worker-registry.js';

const worker = (key: string, heartbeat: Init<WorkerHeartbeat> = {}): WorkerHeartbeat =>
  WorkerHeartbeat.create({
    workerInstanceKey: key,
    workerIdentity: `identity ${key}`,
    taskQueue: QUEUE,
    status: WorkerStatus.RUNNING,
    sdkName: 'typescript',
    startTime: Date.UTC(2030, 0, 1),
    hostInfo: { hostName: 'host', processId: '1' },
    ...heartbeat,
  });

const keys = (workers: readonly { readonly workerInstanceKey: string }[]): string[] => workers.map(({ workerInstanceKey }) => workerInstanceKey);
const ANY = () => true;

test('workers are listed by what they last said, in pages, counted and described', async () => {
  await using stage = await Stage.open();
  const record = (workerHeartbeat: WorkerHeartbeat[]) => stage.call(WorkflowService.RecordWorkerHeartbeat, { namespace: NAMESPACE, workerHeartbeat });
  await record([worker('b'), worker('a', { status: WorkerStatus.SHUTTING_DOWN }), worker('c')]);
  await record([worker('b', { sdkVersion: '2' })]);
  const first = await stage.call(WorkflowService.ListWorkers, { namespace: NAMESPACE, pageSize: 2 });
  assert.deepEqual(keys(first.workers), ['a', 'b']);
  assert.equal(first.workers[1]?.sdkVersion, '2');
  assert.equal(first.workersInfo[0]?.workerHeartbeat?.status, WorkerStatus.SHUTTING_DOWN);
  const second = await stage.call(WorkflowService.ListWorkers, { namespace: NAMESPACE, pageSize: 2, nextPageToken: first.nextPageToken });
  assert.deepEqual([keys(second.workers), second.nextPageToken.byteLength], [['c'], 0]);
  assert.equal((await stage.call(WorkflowService.CountWorkers, { namespace: NAMESPACE, query: 'Status = "Running"' })).count, 2);
  const described = await stage.call(WorkflowService.DescribeWorker, { namespace: NAMESPACE, workerInstanceKey: 'a' });
  assert.equal(described.workerInfo?.workerHeartbeat?.workerIdentity, 'identity a');
  await assert.rejects(stage.call(WorkflowService.DescribeWorker, { namespace: NAMESPACE, workerInstanceKey: 'x' }), (error) => error instanceof RpcError && error.code === Code.NOT_FOUND);
});

test('a worker that says goodbye is not listed any more', async () => {
  await using stage = await Stage.open();
  await stage.call(WorkflowService.RecordWorkerHeartbeat, { namespace: NAMESPACE, workerHeartbeat: [worker('a'), worker('b'), worker('c')] });
  await stage.call(WorkflowService.ShutdownWorker, { namespace: NAMESPACE, workerInstanceKey: 'a' });
  await stage.call(WorkflowService.ShutdownWorker, { namespace: NAMESPACE, workerInstanceKey: 'b', workerHeartbeat: worker('b', { status: WorkerStatus.SHUTDOWN }) });
  assert.deepEqual(keys((await stage.call(WorkflowService.ListWorkers, { namespace: NAMESPACE })).workers), ['c']);
});

test('a worker that is silent for five minutes is forgotten, also after the clock of the machine was set', async () => {
  const clock = new VirtualClock();
  const registry = new WorkerRegistry(clock);
  registry.record('n', [worker('early')]);
  await clock.advance(200_000);
  registry.record('n', [worker('late')]);
  await clock.advance(100_000);
  assert.deepEqual(keys(registry.list('n', ANY, 10).workers), ['late']);
  registry.record('n', [worker('late')]);
  await clock.advance(299_999);
  assert.equal(registry.count('n', ANY), 1);
  await clock.advance(1);
  assert.equal(registry.count('n', ANY), 0);
});

test('the registry is bounded: in workers, and in what one may say', () => {
  const registry = new WorkerRegistry(new VirtualClock());
  registry.record('n', [worker('large', { workerIdentity: 'x'.repeat(20_000) })]);
  assert.equal(registry.find('n', 'large'), undefined);
  registry.record('n', Array.from({ length: 20_010 }, (_, index) => worker(`${index}`)));
  assert.equal(registry.count('n', ANY), 20_000);
  assert.equal(registry.find('n', '9'), undefined, 'the one that is silent for longest goes first');
  assert.ok(registry.find('n', '10'));
  assert.equal(registry.count('other', ANY), 0, 'namespaces do not see each other');
});

test('queries select by every field, with AND, OR and parentheses', () => {
  const one = worker('1', { deploymentVersion: { deploymentName: 'd', buildId: 'b' } });
  const two = worker('2', { taskQueue: 'other', startTime: Date.UTC(2031, 0, 1), status: WorkerStatus.SHUTTING_DOWN });
  const selected = (query: string): string[] => keys([one, two].filter(parseWorkerQuery(query)));
  for (const [query, expected] of [
    ['', ['1', '2']],
    [`TaskQueue = "${QUEUE}"`, ['1']],
    [`TaskQueue != '${QUEUE}'`, ['2']],
    ['WorkerIdentity STARTS_WITH "identity" AND Status = "ShuttingDown"', ['2']],
    ['WorkerIdentity NOT STARTS_WITH "identity 1"', ['2']],
    ['BuildId = "b" or TaskQueue = "other"', ['1', '2']],
    ['HostName = "host" AND (BuildId = "b" AND TaskQueue = "other")', []],
    ['BuildId IS NULL', ['2']],
    ['DeploymentName IS NOT NULL', ['1']],
    ['StartTime > "2030-06-01T00:00:00Z"', ['2']],
    ['StartTime BETWEEN "2029-01-01T00:00:00Z" AND "2030-02-01T00:00:00Z" AND SdkName = "typescript"', ['1']],
    ['HeartbeatTime > "2000-01-01T00:00:00Z"', []],
  ] as const) {
    assert.deepEqual(selected(query), expected, query);
  }
});

test('a query that cannot be read is refused with what is wrong', () => {
  for (const [query, says] of [
    ['Nope = "x"', /no field "Nope"/],
    ['TaskQueue', /ends in the middle/],
    ['TaskQueue = x', /in quotes/],
    ['TaskQueue > "x"', /compares by/],
    ['StartTime > "soon"', /not a time/],
    ['(TaskQueue = "x"', /ends in the middle|closing parenthesis/],
    ['TaskQueue = "x" TaskQueue = "y"', /AND or OR/],
    ['TaskQueue = "x" ;', /cannot be read/],
    [`${'('.repeat(60)}TaskQueue = "x"`, /nests/],
  ] as const) {
    assert.throws(() => parseWorkerQuery(query), (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message), query);
  }
});
