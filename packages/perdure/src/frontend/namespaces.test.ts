/** What connections and workers ask first, and namespaces through their RPCs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, NamespaceAlreadyExistsFailure, NamespaceNotFoundFailure, NamespaceState, RpcError, WorkflowService } from '../protocol/index.js';
import { NAMESPACE, Stage, startRequest } from '../server/testing/stage.js';

const { RegisterNamespace, DescribeNamespace, ListNamespaces, UpdateNamespace, DeprecateNamespace } = WorkflowService;
const DAY_MS = 86_400_000;
const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;

test('a connection learns what works', async () => {
  await using stage = await Stage.open();
  const { serverVersion, capabilities } = await stage.call(WorkflowService.GetSystemInfo, {});
  assert.match(serverVersion, /^1\.\d+\.\d+$/);
  assert.equal(capabilities?.sdkMetadata, true);
  assert.equal(capabilities?.supportsSchedules, true);
  const { clusterId } = await stage.call(WorkflowService.GetClusterInfo, {});
  await stage.restart();
  assert.equal((await stage.call(WorkflowService.GetClusterInfo, {})).clusterId, clusterId);
});

test('the default namespace is there from the start, with what workers look at', async () => {
  await using stage = await Stage.open();
  const { namespaceInfo, config } = await stage.call(DescribeNamespace, { namespace: NAMESPACE });
  assert.equal(namespaceInfo?.state, NamespaceState.REGISTERED);
  assert.equal(config?.workflowExecutionRetentionTtl, 72 * 3_600_000);
  assert.equal(namespaceInfo?.limits?.blobSizeLimitError, 2 * 1024 * 1024);
  assert.equal(namespaceInfo?.capabilities?.workerPollCompleteOnShutdown, true);
  await stage.restart();
  assert.equal((await stage.call(DescribeNamespace, { id: namespaceInfo?.id })).namespaceInfo?.name, NAMESPACE, 'its id never changes');
});

test('an unknown namespace says so, until it is registered', async () => {
  await using stage = await Stage.open();
  await assert.rejects(stage.call(DescribeNamespace, { namespace: 'orders' }), (error) => {
    assert.ok(error instanceof RpcError && error.code === Code.NOT_FOUND);
    assert.equal(error.detail(NamespaceNotFoundFailure)?.namespace, 'orders');
    return true;
  });
  await stage.call(RegisterNamespace, { namespace: 'orders', workflowExecutionRetentionPeriod: DAY_MS, description: 'all orders' });
  assert.equal((await stage.call(DescribeNamespace, { namespace: 'orders' })).namespaceInfo?.description, 'all orders');
  await stage.call(WorkflowService.StartWorkflowExecution, { ...startRequest('w'), namespace: 'orders' });
  await assert.rejects(stage.signal('w', 'x'), refusedWith(Code.NOT_FOUND), 'namespaces do not see each other');
});

test('registering is refused twice, without a name, and with too short a retention', async () => {
  await using stage = await Stage.open();
  const register = (request: object) => stage.call(RegisterNamespace, { namespace: 'orders', workflowExecutionRetentionPeriod: DAY_MS, ...request });
  await Promise.allSettled([register({}), register({})]).then((results) => assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']));
  await assert.rejects(register({}), (error) => error instanceof RpcError && error.code === Code.ALREADY_EXISTS && error.detail(NamespaceAlreadyExistsFailure) !== undefined);
  await assert.rejects(register({ namespace: '' }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(register({ namespace: 'a', workflowExecutionRetentionPeriod: 1_000 }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(register({ namespace: 'a', workflowExecutionRetentionPeriod: undefined }), refusedWith(Code.INVALID_ARGUMENT));
});

test('namespaces are listed in pages', async () => {
  await using stage = await Stage.open();
  for (const namespace of ['b', 'a']) await stage.call(RegisterNamespace, { namespace, workflowExecutionRetentionPeriod: DAY_MS });
  const first = await stage.call(ListNamespaces, { pageSize: 2 });
  const second = await stage.call(ListNamespaces, { pageSize: 2, nextPageToken: first.nextPageToken });
  assert.deepEqual([...first.namespaces, ...second.namespaces].map(({ namespaceInfo }) => namespaceInfo?.name), ['a', 'b', 'default']);
  assert.equal(second.nextPageToken.byteLength, 0);
});

test('an update merges data and stays after a restart; a deprecated namespace starts nothing', async () => {
  await using stage = await Stage.open();
  await stage.call(RegisterNamespace, { namespace: 'orders', workflowExecutionRetentionPeriod: DAY_MS, data: new Map([['a', '1']]) });
  await stage.call(UpdateNamespace, { namespace: 'orders', updateInfo: { data: new Map([['b', '2']]) }, config: { workflowExecutionRetentionTtl: 2 * DAY_MS } });
  await stage.call(DeprecateNamespace, { namespace: 'orders' });
  await stage.restart();
  const { namespaceInfo, config } = await stage.call(DescribeNamespace, { namespace: 'orders' });
  assert.deepEqual([...(namespaceInfo?.data ?? [])], [['a', '1'], ['b', '2']]);
  assert.equal(config?.workflowExecutionRetentionTtl, 2 * DAY_MS);
  assert.equal(namespaceInfo?.state, NamespaceState.DEPRECATED);
  await assert.rejects(stage.call(WorkflowService.StartWorkflowExecution, { ...startRequest('w'), namespace: 'orders' }), refusedWith(Code.FAILED_PRECONDITION));
  await assert.rejects(stage.call(UpdateNamespace, { namespace: 'nowhere' }), refusedWith(Code.NOT_FOUND));
});

test('a method that does not exist yet names itself', async () => {
  await using stage = await Stage.open();
  await assert.rejects(stage.call(WorkflowService.CreateWorkflowRule, { namespace: NAMESPACE }), (error) => error instanceof RpcError && error.code === Code.UNIMPLEMENTED && /CreateWorkflowRule/.test(error.message));
});
