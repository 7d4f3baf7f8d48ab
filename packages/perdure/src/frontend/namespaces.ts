/** Namespaces: register, describe, list, update, deprecate. */
import type { Namespace } from '../machines/namespace/inputs.js';
import {
  ArchivalState,
  NamespaceState,
  WorkflowService,
  type DescribeNamespaceResponse,
  type Init,
  type RegisterNamespaceRequest,
  type UpdateNamespaceRequest,
} from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { invalidArgument, namespaceNotFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { CLUSTER_NAME, NAMESPACE_CAPABILITIES } from './system.js';
import { ADVERTISED_LIMITS, checkDuration, checkLength, required } from './validation.js';

/** Shorter retention would delete what clients have not read yet. */
const MIN_RETENTION_MS = 3_600_000;
const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;

export function addNamespaceHandlers(router: Router, { namespaces }: Rooms): void {
  router.add(WorkflowService.RegisterNamespace, async (request) => {
    required('Namespace', request.namespace);
    checkRegistration(request);
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
    return describe(id === '' ? namespaces.get(namespace) : namespaces.getById(id));
  });

  router.add(WorkflowService.ListNamespaces, (request) => {
    const size = Math.min(request.pageSize > 0 ? request.pageSize : DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
    // The token is the last name of the page before: names may come and go between two pages.
    const after = Buffer.from(request.nextPageToken).toString('utf8');
    const rest = namespaces.list().filter((namespace) => namespace.name > after);
    const page = rest.slice(0, size);
    const last = page.at(-1);
    return {
      namespaces: page.map(describe),
      nextPageToken: last !== undefined && rest.length > page.length ? Buffer.from(last.name) : new Uint8Array(0),
    };
  });

  router.add(WorkflowService.UpdateNamespace, async (request) => {
    namespaces.get(request.namespace);
    checkUpdate(request);
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
    if (namespaces.find(namespace) === undefined && namespace !== '') throw namespaceNotFound(namespace);
    namespaces.get(namespace);
    await namespaces.update(namespace, {}, NamespaceState.DEPRECATED);
    return {};
  });
}

function checkRegistration(request: RegisterNamespaceRequest): void {
  checkRetention(request.workflowExecutionRetentionPeriod ?? 0);
  checkLength('Description', request.description);
  checkLength('OwnerEmail', request.ownerEmail);
  if (request.isGlobalNamespace) throw invalidArgument('Global namespaces are not supported: there is one cluster. Leave is_global_namespace unset.');
}

function checkUpdate(request: UpdateNamespaceRequest): void {
  if (request.config?.workflowExecutionRetentionTtl !== undefined) checkRetention(request.config.workflowExecutionRetentionTtl);
  if (request.promoteNamespace) throw invalidArgument('Global namespaces are not supported: there is one cluster.');
  if (request.updateInfo?.state === NamespaceState.DELETED) throw invalidArgument('A namespace is deleted with DeleteNamespace, not by an update of its state.');
}

function checkRetention(retentionMs: number): void {
  checkDuration('WorkflowExecutionRetentionPeriod', retentionMs);
  if (retentionMs < MIN_RETENTION_MS) {
    throw invalidArgument('A minimum WorkflowExecutionRetentionPeriod of 1 hour must be set on the request.');
  }
}

function describe(namespace: Namespace): Init<DescribeNamespaceResponse> {
  return {
    namespaceInfo: {
      name: namespace.name,
      id: namespace.id,
      state: namespace.state,
      description: namespace.description,
      ownerEmail: namespace.ownerEmail,
      data: namespace.data,
      capabilities: NAMESPACE_CAPABILITIES,
      limits: ADVERTISED_LIMITS,
    },
    config: {
      workflowExecutionRetentionTtl: namespace.retentionMs,
      historyArchivalState: ArchivalState.DISABLED,
      visibilityArchivalState: ArchivalState.DISABLED,
      badBinaries: {},
    },
    replicationConfig: { activeClusterName: CLUSTER_NAME, clusters: [{ clusterName: CLUSTER_NAME }] },
    isGlobalNamespace: false,
  };
}
