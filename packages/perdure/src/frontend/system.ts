/** What the server says of itself: the first call of every connection, and what operators ask. */
import { WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { CAPABILITIES, CLUSTER_NAME, SERVER_VERSION } from './capabilities.js';
import type { Rooms } from './rooms.js';

export function addSystemHandlers(router: Router, rooms: Rooms): void {
  router.add(WorkflowService.GetSystemInfo, () => ({ serverVersion: SERVER_VERSION, capabilities: CAPABILITIES }));
  router.add(WorkflowService.GetClusterInfo, () => ({
    serverVersion: SERVER_VERSION,
    clusterId: rooms.clusterId,
    clusterName: CLUSTER_NAME,
    historyShardCount: 1,
    initialFailoverVersion: 1,
    failoverVersionIncrement: 10,
    persistenceStore: 'sqlite',
    visibilityStore: 'sqlite',
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
