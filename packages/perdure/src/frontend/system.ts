/** What the server says of itself: the first call of every connection, and what operators ask. */
import { WorkflowService, type Init, type GetSystemInfoResponse_Capabilities, type NamespaceInfo_Capabilities } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { Rooms } from './rooms.js';

/** The version of Temporal's API that we speak: SDKs and tools parse it and expect at least 1.x. */
const SERVER_VERSION = '1.32.0';
export const CLUSTER_NAME = 'active';

/** A capability is listed once it works: SDKs rely on it from then on. */
const CAPABILITIES: Init<GetSystemInfoResponse_Capabilities> = {
  signalAndQueryHeader: true,
  internalErrorDifferentiation: true,
  activityFailureIncludeHeartbeat: true,
  encodedFailureAttributes: true,
  // Workers then send their build id in a stamp instead of the old binary checksum.
  buildIdBasedVersioning: true,
  upsertMemo: true,
  eagerWorkflowStart: true,
  sdkMetadata: true,
};

export const NAMESPACE_CAPABILITIES: Init<NamespaceInfo_Capabilities> = {
  syncUpdate: true,
  asyncUpdate: true,
  eagerWorkflowStart: true,
  workerHeartbeats: true,
  workflowPause: true,
  workerPollCompleteOnShutdown: true,
  pollerAutoscaling: true,
  reportedProblemsSearchAttribute: true,
  workflowUpdateCallbacks: true,
};

export function addSystemHandlers(router: Router, rooms: Rooms): void {
  router.add(WorkflowService.GetSystemInfo, () => ({ serverVersion: SERVER_VERSION, capabilities: CAPABILITIES }));
  router.add(WorkflowService.GetClusterInfo, () => ({
    serverVersion: SERVER_VERSION,
    clusterId: rooms.clusterId,
    clusterName: CLUSTER_NAME,
    historyShardCount: 1,
    persistenceStore: 'sqlite',
    visibilityStore: 'sqlite',
    versionInfo: { current: { version: SERVER_VERSION } },
    supportedClients: new Map([
      ['temporal-cli', '<2.0.0'],
      ['temporal-go', '<2.0.0'],
      ['temporal-java', '<2.0.0'],
      ['temporal-php', '<2.0.0'],
      ['temporal-server', '<2.0.0'],
      ['temporal-typescript', '<2.0.0'],
      ['temporal-ui', '<3.0.0'],
    ]),
  }));
}
