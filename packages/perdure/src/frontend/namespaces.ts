/** Namespaces: register, describe, list, update, deprecate. How one is deleted: `operator.ts`. */
import {
  ArchivalState,
  Code,
  NamespaceAlreadyExistsFailure,
  NamespaceState,
  ReplicationState,
  RpcError,
  WorkflowService,
  type DescribeNamespaceResponse,
  type Init,
  type RegisterNamespaceRequest,
  type UpdateNamespaceRequest,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { CAPABILITIES, CLUSTER_NAME, NAMESPACE_CAPABILITIES } from './capabilities.js';
import { invalidArgument } from './refusals.js';
import type { ServedNamespace } from './namespace-registry.js';
import { checkLimitSettings } from './namespace-limits.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { advertisedLimits, checkDuration, checkLength, pageSize, required } from './validation.js';

const DEFAULT_PAGE_SIZE = 100;
/** Temporal's servers keep their own business there, and tools know the name. */
const SYSTEM_NAMES: ReadonlySet<string> = new Set(['temporal-system']);

export function addNamespaceHandlers(router: Router, { namespaces }: Rooms): void {
  router.add(WorkflowService.RegisterNamespace, async (request) => {
    checkRegistration(request, namespaces.serverLimits);
    await namespaces.register(request.namespace, {
      description: request.description,
      ownerEmail: request.ownerEmail,
      data: request.data,
      retentionMs: request.workflowExecutionRetentionPeriod ?? 0,
    });
    return {};
  });

  router.add(WorkflowService.DescribeNamespace, ({ namespace, id }) => {
    if (namespace !== '' && id !== '') throw invalidArgument('Set either the namespace or its id on the request, not both.');
    // One that is being deleted can be looked at, and nothing else.
    return describe(id === '' ? (namespaces.find(namespace) ?? namespaces.get(namespace)) : (namespaces.findById(id) ?? namespaces.getById(id)));
  });

  router.add(WorkflowService.ListNamespaces, (request) => {
    const size = pageSize(request.pageSize, DEFAULT_PAGE_SIZE, namespaces.serverLimits);
    // The token is the last name of the page before: names may come and go between two pages.
    const after = Buffer.from(request.nextPageToken).toString('utf8');
    const withDeleted = request.namespaceFilter?.includeDeleted === true;
    const rest = namespaces.list().filter(({ name, state }) => name > after && (withDeleted || state !== NamespaceState.DELETED));
    const page = rest.slice(0, size);
    const last = page.at(-1);
    return {
      namespaces: page.map(describe),
      nextPageToken: last !== undefined && rest.length > page.length ? Buffer.from(last.name) : new Uint8Array(0),
    };
  });

  router.add(WorkflowService.UpdateNamespace, async (request) => {
    namespaces.get(request.namespace);
    checkUpdate(request, namespaces.serverLimits);
    const info = request.updateInfo;
    const updated = await namespaces.update(
      request.namespace,
      {
        ...(info !== undefined && { description: info.description || undefined, ownerEmail: info.ownerEmail || undefined, data: info.data }),
        ...(request.config?.workflowExecutionRetentionTtl !== undefined && { retentionMs: request.config.workflowExecutionRetentionTtl }),
      },
      info === undefined || info.state === NamespaceState.UNSPECIFIED ? undefined : info.state,
    );
    return describe(updated);
  });

  router.add(WorkflowService.DeprecateNamespace, async ({ namespace }) => {
    namespaces.get(namespace);
    await namespaces.update(namespace, {}, NamespaceState.DEPRECATED);
    return {};
  });
}

function checkRegistration(request: RegisterNamespaceRequest, limits: NamespaceLimits): void {
  required('Namespace', request.namespace, limits);
  checkRetention(request.workflowExecutionRetentionPeriod ?? 0, limits);
  checkLength('Description', request.description, limits);
  checkLength('OwnerEmail', request.ownerEmail, limits);
  checkLimitSettings(request.data);
  if (SYSTEM_NAMES.has(request.namespace)) throw RpcError.with(Code.ALREADY_EXISTS, `Namespace ${request.namespace} is reserved.`, NamespaceAlreadyExistsFailure, {});
  checkClusters(request.activeClusterName, request.clusters);
  if (request.isGlobalNamespace) throw invalidArgument('Global namespaces are not supported: there is one cluster. Leave is_global_namespace unset.');
}

/** There is one cluster, so namespaces are active there. */
function checkClusters(active: string | undefined, clusters: readonly { readonly clusterName: string }[] | undefined): void {
  const unknown = [active ?? '', ...(clusters ?? []).map(({ clusterName }) => clusterName)].find((name) => name !== '' && name !== CLUSTER_NAME);
  if (unknown !== undefined) throw invalidArgument(`Invalid cluster name: ${unknown}. There is one cluster, "${CLUSTER_NAME}".`);
}

function checkUpdate(request: UpdateNamespaceRequest, limits: NamespaceLimits): void {
  if (request.config?.workflowExecutionRetentionTtl !== undefined) checkRetention(request.config.workflowExecutionRetentionTtl, limits);
  if (request.updateInfo !== undefined) checkLimitSettings(request.updateInfo.data);
  checkClusters(request.replicationConfig?.activeClusterName, request.replicationConfig?.clusters);
  if (request.promoteNamespace) throw invalidArgument('Global namespaces are not supported: there is one cluster.');
  if (request.deleteBadBinary !== '') throw invalidArgument(`There is no bad binary ${request.deleteBadBinary}: marking binaries as bad is not supported.`);
  if (request.updateInfo?.state === NamespaceState.DELETED) throw invalidArgument('A namespace is deleted with DeleteNamespace, not by an update of its state.');
}

function checkRetention(retentionMs: number, { minimumRetentionMs }: NamespaceLimits): void {
  checkDuration('WorkflowExecutionRetentionPeriod', retentionMs);
  // Shorter retention would delete what clients have not read yet.
  if (retentionMs < minimumRetentionMs) {
    throw invalidArgument(`A minimum WorkflowExecutionRetentionPeriod of ${minimumRetentionMs / 3_600_000} hours must be set on the request.`);
  }
}

function describe(namespace: ServedNamespace): Init<DescribeNamespaceResponse> {
  return {
    namespaceInfo: {
      name: namespace.name,
      id: namespace.id,
      state: namespace.state,
      description: namespace.description,
      ownerEmail: namespace.ownerEmail,
      data: namespace.data,
      capabilities: NAMESPACE_CAPABILITIES,
      limits: advertisedLimits(namespace.limits),
      supportsSchedules: CAPABILITIES.supportsSchedules,
    },
    config: {
      workflowExecutionRetentionTtl: namespace.retentionMs,
      historyArchivalState: ArchivalState.DISABLED,
      visibilityArchivalState: ArchivalState.DISABLED,
      badBinaries: {},
    },
    replicationConfig: { activeClusterName: CLUSTER_NAME, clusters: [{ clusterName: CLUSTER_NAME }], state: ReplicationState.NORMAL },
    isGlobalNamespace: false,
  };
}
