/** Workers themselves: their heartbeats and the list that these make, and their goodbye. */
import { EMPTY, WorkflowService, type Init, type WorkerHeartbeat, type WorkerListInfo } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { addNexusTaskHandlers } from './nexus/nexus-tasks.js';
import { notFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { pageSize } from './validation.js';
import { parseWorkerQuery } from './worker-query.js';
import { WorkerRegistry } from './worker-registry.js';

const DEFAULT_PAGE = 100;

export function addWorkerHandlers(router: Router, rooms: Rooms): void {
  const { matching, namespaces, polls } = rooms;
  const registry = new WorkerRegistry(rooms.clock);

  router.add(WorkflowService.RecordWorkerHeartbeat, (request) => {
    registry.record(namespaces.get(request.namespace).id, request.workerHeartbeat);
    return {};
  });

  router.add(WorkflowService.ListWorkers, (request) => {
    const namespace = namespaces.get(request.namespace);
    const filter = parseWorkerQuery(request.query);
    const limit = pageSize(request.pageSize, DEFAULT_PAGE, namespace.limits);
    const after = request.nextPageToken.byteLength === 0 ? undefined : Buffer.from(request.nextPageToken).toString();
    const page = registry.list(namespace.id, filter, limit, after);
    return {
      workersInfo: page.workers.map((workerHeartbeat) => ({ workerHeartbeat })),
      workers: page.workers.map(listInfo),
      nextPageToken: page.next === undefined ? EMPTY : Buffer.from(page.next),
    };
  });

  router.add(WorkflowService.CountWorkers, (request) => ({
    count: registry.count(namespaces.get(request.namespace).id, parseWorkerQuery(request.query)),
  }));

  router.add(WorkflowService.DescribeWorker, (request) => {
    const workerHeartbeat = registry.find(namespaces.get(request.namespace).id, request.workerInstanceKey);
    if (workerHeartbeat === undefined) throw notFound(`Worker ${request.workerInstanceKey.slice(0, 200)} not found`);
    return { workerInfo: { workerHeartbeat } };
  });

  router.add(WorkflowService.ShutdownWorker, (request) => {
    const namespace = namespaces.get(request.namespace);
    if (request.workerHeartbeat !== undefined) registry.record(namespace.id, [request.workerHeartbeat]);
    if (request.workerInstanceKey !== '') registry.forget(namespace.id, request.workerInstanceKey);
    polls.shutDown(namespace.id, request.workerInstanceKey);
    if (request.stickyTaskQueue !== '') matching.closeQueue({ namespace: namespace.id, name: request.stickyTaskQueue, type: 'workflow' });
    return {};
  });

  addNexusTaskHandlers(router, rooms, registry);
}

function listInfo(worker: WorkerHeartbeat): Init<WorkerListInfo> {
  const { workerInstanceKey, workerIdentity, taskQueue, deploymentVersion, sdkName, sdkVersion, status, startTime, plugins, drivers, hostInfo } = worker;
  return {
    ...{ workerInstanceKey, workerIdentity, taskQueue, deploymentVersion, sdkName, sdkVersion, status, startTime, plugins, drivers },
    hostName: hostInfo?.hostName ?? '',
    workerGroupingKey: hostInfo?.workerGroupingKey ?? '',
    processId: hostInfo?.processId ?? '',
  };
}
