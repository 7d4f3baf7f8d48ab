/** Namespaces, search attributes, and what a server says of itself: what clients and workers ask when they connect. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Code, IndexedValueType, NamespaceState, OperatorService, RpcError, WorkflowService } from '#perdure/protocol/index';
import { eventually, type Scenario } from '../scenario.js';

const DAY_MS = 24 * 3_600_000;

async function codeOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => Code.OK,
    (error: unknown) => (error instanceof RpcError ? error.code : assert.fail(String(error))),
  );
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a namespace is registered, described, listed, changed and deprecated',
    covers: ['rpc:RegisterNamespace', 'rpc:DescribeNamespace', 'rpc:ListNamespaces', 'rpc:UpdateNamespace', 'rpc:DeprecateNamespace'],
    run: async (stage) => {
      const namespace = `scenario-${randomUUID()}`;
      const register = () => stage.call(WorkflowService.RegisterNamespace, { namespace, description: 'first', workflowExecutionRetentionPeriod: 3 * DAY_MS });
      await register();
      assert.equal(await codeOf(register()), Code.ALREADY_EXISTS);
      const describe = () => stage.call(WorkflowService.DescribeNamespace, { namespace });
      // A server may need a moment until all of it knows.
      const described = await eventually(() => describe().catch(() => undefined), 'the namespace');
      assert.equal(described.namespaceInfo?.description, 'first');
      assert.equal(described.namespaceInfo?.state, NamespaceState.REGISTERED);
      assert.equal(described.config?.workflowExecutionRetentionTtl, 3 * DAY_MS);
      assert.equal((await stage.call(WorkflowService.DescribeNamespace, { id: described.namespaceInfo?.id ?? '' })).namespaceInfo?.name, namespace);
      const { namespaces } = await stage.call(WorkflowService.ListNamespaces, { pageSize: 1000 });
      assert.ok(namespaces.some((found) => found.namespaceInfo?.name === namespace));
      await stage.call(WorkflowService.UpdateNamespace, { namespace, updateInfo: { description: 'second' } });
      await eventually(async () => (await describe()).namespaceInfo?.description === 'second', 'the change');
      await stage.call(WorkflowService.DeprecateNamespace, { namespace });
      await eventually(async () => (await describe()).namespaceInfo?.state === NamespaceState.DEPRECATED, 'the state');
    },
  },
  {
    name: 'an unknown namespace is refused',
    covers: ['rpc:DescribeNamespace'],
    run: async (stage) => {
      assert.equal(await codeOf(stage.call(WorkflowService.DescribeNamespace, { namespace: stage.id('nowhere') })), Code.NOT_FOUND);
    },
  },
  {
    name: 'a server says who it is and what it can',
    covers: ['rpc:GetSystemInfo', 'rpc:GetClusterInfo'],
    run: async (stage) => {
      const { serverVersion, capabilities } = await stage.call(WorkflowService.GetSystemInfo, {});
      assert.match(serverVersion, /^\d+\.\d+\.\d+/);
      for (const needed of ['signalAndQueryHeader', 'internalErrorDifferentiation', 'encodedFailureAttributes', 'upsertMemo', 'eagerWorkflowStart', 'sdkMetadata'] as const) {
        assert.equal(capabilities?.[needed], true, needed);
      }
      const cluster = await stage.call(WorkflowService.GetClusterInfo, {});
      assert.notEqual(cluster.clusterId, '');
      assert.ok(cluster.supportedClients.has('temporal-typescript'));
    },
  },
  {
    name: 'a search attribute is added, listed and removed',
    covers: ['rpc:AddSearchAttributes', 'rpc:ListSearchAttributes', 'rpc:RemoveSearchAttributes'],
    run: async (stage) => {
      const { namespace } = stage;
      const name = `Scenario${randomUUID().replaceAll('-', '')}`;
      const list = async () => (await stage.call(OperatorService.ListSearchAttributes, { namespace })).customAttributes;
      await stage.call(OperatorService.AddSearchAttributes, { namespace, searchAttributes: new Map([[name, IndexedValueType.BOOL]]) });
      await eventually(async () => (await list()).get(name) === IndexedValueType.BOOL, 'the attribute');
      assert.equal((await list()).get('ScenarioInt'), IndexedValueType.INT);
      await stage.call(OperatorService.RemoveSearchAttributes, { namespace, searchAttributes: [name] });
      await eventually(async () => !(await list()).has(name), 'its end');
    },
  },
  {
    name: 'the search attributes as old clients ask for them',
    covers: ['rpc:GetSearchAttributes'],
    run: async (stage) => {
      const { keys } = await stage.call(WorkflowService.GetSearchAttributes, {});
      assert.equal(keys.get('WorkflowId'), IndexedValueType.KEYWORD);
    },
  },
];
