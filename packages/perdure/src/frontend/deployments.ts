/** Worker deployments as operators see them: describe, list, create, route, delete. The decisions are the deployment machine's. */
import { conflictToken, deploymentKey, describeDeployment, describeVersion, noDeployment, queueType, summarizeVersion, type DeploymentInput, type DeploymentReply, type DeploymentState } from '../machines/deployment/index.js';
import { parseVersion, versionText } from '../machines/deployment-version.js';
import { EMPTY, WorkflowService, type Init, type ListWorkerDeploymentsResponse_WorkerDeploymentSummary, type WorkerDeploymentVersion } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { busyQueues, isPolled } from './deployment-activity.js';
import { namedBuild, requiredDeploymentName, requiredVersion } from './deployment-validation.js';
import type { ServedNamespace } from './namespace-registry.js';
import { invalidArgument, notFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { statsByPriority, totalStats } from './task-queue-description.js';
import { checkBlob, checkLength, pageSize } from './validation.js';

export function addDeploymentHandlers(router: Router, rooms: Rooms): void {
  const { namespaces, deployments, matching, clock } = rooms;

  router.add(WorkflowService.DescribeWorkerDeployment, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const name = requiredDeploymentName(request.deploymentName, namespace.limits);
    const described = await read(rooms, namespace, name, (state) => ({ conflictToken: conflictToken(state), workerDeploymentInfo: describeDeployment(state) }));
    if (described === undefined) throw noDeployment(name);
    return described;
  });

  router.add(WorkflowService.DescribeWorkerDeploymentVersion, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const version = requiredVersion(request.deploymentVersion, request.version, namespace.limits);
    const info = await read(rooms, namespace, version.deploymentName, (state) => {
      const known = state.version(version.buildId);
      return known && describeVersion(state, known);
    });
    if (info === undefined) throw notFound('Worker Deployment Version not found');
    const versionTaskQueues = (info.taskQueueInfos ?? []).map(({ name = '', type = 0 }) => {
      if (!request.reportTaskQueueStats) return { name, type };
      const description = matching.describe({ namespace: namespace.id, name, type: queueType(type), version: versionText(version) });
      return { name, type, stats: totalStats(description, clock.now()), statsByPriorityKey: statsByPriority(description, clock.now()) };
    });
    return { workerDeploymentVersionInfo: info, versionTaskQueues };
  });

  router.add(WorkflowService.ListWorkerDeployments, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const limit = pageSize(request.pageSize, namespace.limits.listPageSize, namespace.limits);
    const all = deployments.list(namespace.id);
    // The token is the last name of the page before.
    const after = Buffer.from(request.nextPageToken).toString();
    const from = after === '' ? 0 : all.findIndex(({ name }) => name === after) + 1;
    if (after !== '' && from === 0) throw invalidArgument('Invalid next page token: send the one of the page before. Its deployment may have been deleted meanwhile; then begin anew.');
    const page = all.slice(from, from + limit);
    const summaries = await Promise.all(page.map(({ name }) => read(rooms, namespace, name, summarize)));
    return { workerDeployments: summaries.flatMap((summary) => summary ?? []), nextPageToken: from + limit < all.length ? Buffer.from(page.at(-1)?.name ?? '') : EMPTY };
  });

  router.add(WorkflowService.CreateWorkerDeployment, async ({ namespace: name, deploymentName, identity, requestId }) => {
    const namespace = namespaces.get(name);
    checkClient(namespace, identity, requestId);
    deployments.checkRoom(namespace.id, deploymentName, namespace.limits.deployments);
    const reply = await change(rooms, namespace, deploymentName, { type: 'create', identity, requestId });
    return { conflictToken: reply.conflictToken };
  });

  router.add(WorkflowService.CreateWorkerDeploymentVersion, async ({ namespace: name, deploymentVersion, identity, requestId, computeConfig }) => {
    const namespace = namespaces.get(name);
    const { deploymentName, buildId } = requiredVersion(deploymentVersion, '', namespace.limits);
    checkClient(namespace, identity, requestId);
    if (computeConfig !== undefined) throw invalidArgument('ComputeConfig is not supported: this server starts no workers. Leave compute_config out.');
    await change(rooms, namespace, deploymentName, { type: 'create-version', buildId, identity, requestId, limits: versionLimits(namespace) });
    return {};
  });

  router.add(WorkflowService.SetWorkerDeploymentCurrentVersion, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const reply = await change(rooms, namespace, request.deploymentName, { type: 'set-current', ...routeInput(rooms, namespace, request) });
    const previousVersion = reply.previousVersion ?? '';
    return { conflictToken: reply.conflictToken, previousVersion, previousDeploymentVersion: parseVersion(previousVersion, '.') };
  });

  router.add(WorkflowService.SetWorkerDeploymentRampingVersion, async (request) => {
    const namespace = namespaces.get(request.namespace);
    if (!(request.percentage >= 0 && request.percentage <= 100)) throw invalidArgument('Percentage must be between 0 and 100 (inclusive)');
    const reply = await change(rooms, namespace, request.deploymentName, { type: 'set-ramping', ...routeInput(rooms, namespace, request), percentage: request.percentage });
    const previousVersion = reply.previousVersion ?? '';
    const { conflictToken: token, previousPercentage } = reply;
    return { conflictToken: token, previousVersion, previousPercentage, previousDeploymentVersion: parseVersion(previousVersion, '.') };
  });

  router.add(WorkflowService.SetWorkerDeploymentManager, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { identity, self, managerIdentity = '' } = request;
    checkClient(namespace, identity, '');
    checkLength('ManagerIdentity', managerIdentity, namespace.limits);
    const reply = await change(rooms, namespace, request.deploymentName, { type: 'set-manager', manager: self === true ? identity : managerIdentity, conflictToken: request.conflictToken, identity });
    return { conflictToken: reply.conflictToken, previousManagerIdentity: reply.previousManager };
  });

  router.add(WorkflowService.UpdateWorkerDeploymentVersionMetadata, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const { deploymentName, buildId } = requiredVersion(request.deploymentVersion, request.version, namespace.limits);
    const { upsertEntries: upserted, removeEntries: removed, identity } = request;
    if (upserted.size + removed.length === 0) throw invalidArgument('At least one of remove_entries or upsert_entries must be provided');
    checkClient(namespace, identity, '');
    for (const key of upserted.keys()) checkLength('Metadata key', key, namespace.limits);
    for (const [key, { data }] of upserted) checkBlob(`Metadata ${key}`, data, namespace.limits);
    const { metadata } = await change(rooms, namespace, deploymentName, { type: 'update-metadata', buildId, upserted, removed, identity });
    return { metadata };
  });

  router.add(WorkflowService.DeleteWorkerDeploymentVersion, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const version = requiredVersion(request.deploymentVersion, request.version, namespace.limits);
    checkClient(namespace, request.identity, '');
    const input = { type: 'delete-version', buildId: version.buildId, skipDrainage: request.skipDrainage, hasPollers: isPolled(rooms, namespace.id, version), identity: request.identity } as const;
    await change(rooms, namespace, version.deploymentName, input);
    return {};
  });

  router.add(WorkflowService.DeleteWorkerDeployment, async ({ namespace: name, deploymentName, identity }) => {
    const namespace = namespaces.get(name);
    checkClient(namespace, identity, '');
    await change(rooms, namespace, deploymentName, { type: 'delete-deployment', identity });
    return {};
  });
}

function read<T>({ host }: Rooms, namespace: ServedNamespace, name: string, look: (state: DeploymentState) => T): Promise<T | undefined> {
  return host.read(deploymentKey(namespace.id, name), (state: DeploymentState | undefined) => state && look(state));
}

function change({ deployments }: Rooms, namespace: ServedNamespace, name: string, input: DeploymentInput): Promise<DeploymentReply> {
  return deployments.send(namespace.id, requiredDeploymentName(name, namespace.limits), input);
}

function checkClient({ limits }: ServedNamespace, identity: string, requestId: string): void {
  checkLength('Identity', identity, limits);
  checkLength('RequestId', requestId, limits);
}

interface RouteRequest {
  readonly deploymentName: string;
  readonly version: string;
  readonly buildId: string;
  readonly conflictToken: Uint8Array;
  readonly identity: string;
  readonly ignoreMissingTaskQueues: boolean;
  readonly allowNoPollers: boolean;
}

function routeInput(rooms: Rooms, namespace: ServedNamespace, request: RouteRequest) {
  const { id, limits } = namespace;
  const { deploymentName, conflictToken: token, identity, ignoreMissingTaskQueues, allowNoPollers } = request;
  const buildId = namedBuild(deploymentName, request.buildId, request.version, limits);
  checkClient(namespace, identity, '');
  if (allowNoPollers) rooms.deployments.checkRoom(id, deploymentName, limits.deployments);
  return {
    buildId,
    conflictToken: token,
    identity,
    ignoreMissingQueues: ignoreMissingTaskQueues,
    allowNoPollers,
    busyQueues: ignoreMissingTaskQueues ? new Set<string>() : busyQueues(rooms, id, deploymentName),
    limits: versionLimits(namespace),
    drainageGraceMs: limits.drainageGraceMs,
    drainageRefreshMs: limits.drainageRefreshMs,
  };
}

function versionLimits({ limits }: ServedNamespace) {
  return { versions: limits.versionsInDeployment, queuesOfVersion: limits.queuesInDeploymentVersion };
}

function summarize(state: DeploymentState): Init<ListWorkerDeploymentsResponse_WorkerDeploymentSummary> {
  const { routing, data } = state;
  const summary = (version: WorkerDeploymentVersion | undefined) => {
    const known = version && state.version(version.buildId);
    return known && summarizeVersion(state, known);
  };
  const latest = data.versions.at(-1);
  return {
    name: state.name,
    createTime: data.created?.nowMs,
    routingConfig: routing,
    latestVersionSummary: latest && summarizeVersion(state, latest),
    currentVersionSummary: summary(routing.currentDeploymentVersion),
    rampingVersionSummary: summary(routing.rampingDeploymentVersion),
  };
}
