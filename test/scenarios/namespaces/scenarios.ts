/** Namespaces: registered, changed, kept apart, deprecated, deleted. Names are made for each run: they stay on a server that others use. */
import assert from 'node:assert/strict';
import { Code, NamespaceInvalidStateFailure, NamespaceNotFoundFailure, NamespaceState, OperatorService, RpcError, WorkflowService } from '#perdure/protocol/index';
import { eventually, type Scenario, type Stage } from '../scenario.js';

const DAY_MS = 86_400_000;
/** A real server tells the others of a new or changed namespace within some seconds. */
const KNOWN_WITHIN_MS = 30_000;

const { RegisterNamespace, DescribeNamespace, UpdateNamespace, DeprecateNamespace, ListNamespaces, StartWorkflowExecution, DescribeWorkflowExecution } = WorkflowService;

const codeOf = (error: unknown): number => (error instanceof RpcError ? error.code : assert.fail(String(error)));

/** Registers a namespace and waits until starts in it are answered. */
async function register(stage: Stage, name: string, options: object = {}): Promise<string> {
  const namespace = stage.id(name);
  await stage.call(RegisterNamespace, { namespace, workflowExecutionRetentionPeriod: DAY_MS, ...options });
  await eventually(() => stage.call(WorkflowService.CountWorkflowExecutions, { namespace }).then(() => true, () => false), 'the new namespace', KNOWN_WITHIN_MS);
  return namespace;
}

const start = (stage: Stage, namespace: string, name: string) => {
  const id = stage.id(name);
  return stage.call(StartWorkflowExecution, { namespace, workflowId: id, requestId: id, workflowType: { name: 'nothing' }, taskQueue: { name: stage.taskQueue } });
};

async function refusal(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(() => assert.fail('it is refused'), (thrown: unknown) => thrown);
  return error instanceof RpcError ? error : assert.fail(String(error));
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a namespace is registered once, described by name and by id, and listed',
    covers: ['rpc:RegisterNamespace', 'rpc:DescribeNamespace', 'rpc:ListNamespaces'],
    worker: 'own',
    run: async (stage) => {
      const namespace = await register(stage, 'registered', { description: 'd', ownerEmail: 'o@x', data: new Map([['team', 'a']]) });
      const { namespaceInfo, config, replicationConfig, isGlobalNamespace } = await stage.call(DescribeNamespace, { namespace });
      assert.deepEqual([namespaceInfo?.name, namespaceInfo?.state, namespaceInfo?.description, namespaceInfo?.ownerEmail], [namespace, NamespaceState.REGISTERED, 'd', 'o@x']);
      assert.deepEqual([...(namespaceInfo?.data ?? [])], [['team', 'a']]);
      assert.deepEqual([config?.workflowExecutionRetentionTtl, isGlobalNamespace, replicationConfig?.activeClusterName], [DAY_MS, false, 'active']);
      assert.equal((await stage.call(DescribeNamespace, { id: namespaceInfo?.id })).namespaceInfo?.name, namespace);
      assert.equal((await refusal(stage.call(RegisterNamespace, { namespace, workflowExecutionRetentionPeriod: DAY_MS }))).code, Code.ALREADY_EXISTS);
      const listed: string[] = [];
      let nextPageToken: Uint8Array | undefined;
      do {
        const page = await stage.call(ListNamespaces, { pageSize: 2, ...(nextPageToken && { nextPageToken }) });
        listed.push(...page.namespaces.map((item) => item.namespaceInfo?.name ?? ''));
        nextPageToken = page.nextPageToken;
      } while (nextPageToken.byteLength > 0);
      assert.equal(listed.filter((name) => name === namespace).length, 1);
      for (const workflowExecutionRetentionPeriod of [undefined, 0, -1_000, 59 * 60_000]) {
        const refused = refusal(stage.call(RegisterNamespace, { namespace: stage.id('short'), ...(workflowExecutionRetentionPeriod !== undefined && { workflowExecutionRetentionPeriod }) }));
        assert.equal((await refused).code, Code.INVALID_ARGUMENT);
      }
    },
  },
  {
    name: 'an update replaces what it names, merges data, and does not go back to a state before',
    covers: ['rpc:UpdateNamespace', 'rpc:DeprecateNamespace'],
    worker: 'own',
    run: async (stage) => {
      const namespace = await register(stage, 'updated', { description: 'd', data: new Map([['a', '1'], ['b', '2']]) });
      const updated = await stage.call(UpdateNamespace, { namespace, updateInfo: { data: new Map([['b', ''], ['c', '3']]) }, config: { workflowExecutionRetentionTtl: 2 * DAY_MS } });
      assert.equal(updated.namespaceInfo?.description, 'd');
      assert.deepEqual([...(updated.namespaceInfo?.data ?? [])].sort(), [['a', '1'], ['b', ''], ['c', '3']]);
      assert.equal(updated.config?.workflowExecutionRetentionTtl, 2 * DAY_MS);
      assert.equal((await refusal(stage.call(UpdateNamespace, { namespace, config: { workflowExecutionRetentionTtl: 60_000 } }))).code, Code.INVALID_ARGUMENT);
      await stage.call(DeprecateNamespace, { namespace });
      const back = stage.call(UpdateNamespace, { namespace, updateInfo: { state: NamespaceState.REGISTERED } });
      assert.equal((await refusal(back)).code, Code.INVALID_ARGUMENT);
      const refused = await eventually(
        () => start(stage, namespace, 'late').then(() => undefined, (error: unknown) => (codeOf(error) === Code.FAILED_PRECONDITION ? (error as RpcError) : undefined)),
        'the deprecation',
        KNOWN_WITHIN_MS,
      );
      assert.equal(refused.detail(NamespaceInvalidStateFailure)?.state, NamespaceState.DEPRECATED);
      assert.equal((await stage.call(WorkflowService.CountWorkflowExecutions, { namespace })).count >= 0, true, 'it is served all the same');
    },
  },
  {
    name: 'namespaces do not see each other, and an unknown one is told by a typed detail',
    covers: ['rpc:StartWorkflowExecution', 'rpc:DescribeWorkflowExecution'],
    worker: 'own',
    run: async (stage) => {
      const namespace = await register(stage, 'apart');
      await start(stage, namespace, 'w');
      const execution = { workflowId: stage.id('w') };
      assert.equal((await refusal(stage.call(DescribeWorkflowExecution, { namespace: stage.namespace, execution }))).code, Code.NOT_FOUND);
      await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace, workflowExecution: execution });
      const unknown = await refusal(stage.call(DescribeWorkflowExecution, { namespace: stage.id('nowhere'), execution }));
      assert.equal(unknown.code, Code.NOT_FOUND);
      assert.equal(unknown.detail(NamespaceNotFoundFailure)?.namespace, stage.id('nowhere'));
    },
  },
  {
    name: 'a deleted namespace has another name, its own is free, and what was in it is gone',
    covers: ['rpc:DeleteNamespace', 'rpc:RegisterNamespace'],
    worker: 'own',
    timeoutMs: 120_000,
    run: async (stage) => {
      const namespace = await register(stage, 'deleted');
      for (let n = 0; n < 3; n++) await start(stage, namespace, `w${n}`);
      const { namespaceInfo } = await stage.call(DescribeNamespace, { namespace });
      const { deletedNamespace } = await stage.call(OperatorService.DeleteNamespace, { namespace });
      assert.equal(deletedNamespace, `${namespace}-deleted-${namespaceInfo?.id.slice(0, 5)}`);
      await eventually(
        () => start(stage, namespace, 'late').then(() => false, (error: unknown) => codeOf(error) === Code.NOT_FOUND || codeOf(error) === Code.FAILED_PRECONDITION),
        'the deletion',
        KNOWN_WITHIN_MS,
      );
      await stage.call(RegisterNamespace, { namespace, workflowExecutionRetentionPeriod: DAY_MS });
      const isEmpty = () => stage.call(WorkflowService.ListWorkflowExecutions, { namespace }).then(({ executions }) => executions.length === 0, () => false);
      await eventually(isEmpty, 'the new one, which is empty', KNOWN_WITHIN_MS);
      assert.notEqual((await stage.call(DescribeNamespace, { namespace })).namespaceInfo?.id, namespaceInfo?.id);
      const isGone = () => stage.call(DescribeNamespace, { id: namespaceInfo?.id }).then(() => false, (error: unknown) => codeOf(error) === Code.NOT_FOUND);
      await eventually(isGone, 'the end of the old one', 60_000);
    },
  },
  {
    name: 'a deletion names one namespace that is there',
    covers: ['rpc:DeleteNamespace'],
    worker: 'own',
    run: async (stage) => {
      const { DeleteNamespace } = OperatorService;
      assert.equal((await refusal(stage.call(DeleteNamespace, { namespace: stage.id('nowhere') }))).code, Code.NOT_FOUND);
      assert.equal((await refusal(stage.call(DeleteNamespace, {}))).code, Code.INVALID_ARGUMENT);
      assert.equal((await refusal(stage.call(DeleteNamespace, { namespace: stage.namespace, namespaceId: '00000000-0000-4000-8000-000000000001' }))).code, Code.INVALID_ARGUMENT);
    },
  },
  {
    name: 'a server is a cluster of its own',
    covers: ['rpc:ListClusters', 'rpc:GetClusterInfo', 'rpc:RemoveRemoteCluster'],
    worker: 'own',
    run: async (stage) => {
      const { clusters } = await stage.call(OperatorService.ListClusters, {});
      const { clusterName, clusterId, serverVersion } = await stage.call(WorkflowService.GetClusterInfo, {});
      assert.deepEqual(clusters.map((cluster) => [cluster.clusterName, cluster.clusterId, cluster.isConnectionEnabled]), [[clusterName, clusterId, true]]);
      assert.match(serverVersion, /^1\.\d+\.\d+/);
      assert.equal((await refusal(stage.call(OperatorService.RemoveRemoteCluster, { clusterName: 'nowhere' }))).code, Code.NOT_FOUND);
    },
  },
];
