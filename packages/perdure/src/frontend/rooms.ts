/** What handlers work with: the rooms behind the frontend, and the frontend's own short-lived memory. Made once by `server/`. */
import type { Host } from '../host/host.js';
import type { Matching } from '../matching/matching.js';
import type { CallMeters } from '../metrics/call-meters.js';
import type { Clock, HttpCaller, Logger, Random } from '../ports/index.js';
import type { CallbackAddresses } from './callback-addresses.js';
import type { Closing } from './closing.js';
import type { DeploymentBook } from './deployment-book.js';
import type { NamespaceRegistry } from './namespace-registry.js';
import type { EndpointRegistry } from './nexus/endpoint-registry.js';
import type { NexusDoor } from './nexus/nexus-door.js';
import type { NexusRequests } from './nexus/nexus-requests.js';
import type { PendingQueries } from './pending-queries.js';
import type { TaskQueueSettings } from './task-queue-settings.js';
import type { WorkerPolls } from './worker-polls.js';

export interface Rooms {
  readonly host: Host;
  readonly matching: Matching;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly namespaces: NamespaceRegistry;
  readonly queries: PendingQueries;
  readonly polls: WorkerPolls;
  readonly nexusEndpoints: EndpointRegistry;
  /** Nexus from outside. */
  readonly nexusDoor: NexusDoor;
  /** For endpoints with an external target. */
  readonly httpCaller: HttpCaller;
  /** Requests to Nexus handlers under way. */
  readonly nexusRequests: NexusRequests;
  /** What operators have set for task queues. */
  readonly taskQueues: TaskQueueSettings;
  /** The worker deployments: which versions there are, and which of them gets tasks. */
  readonly deployments: DeploymentBook;
  /** What is counted of each RPC. */
  readonly calls: CallMeters;
  /** Where completion callbacks may be sent. */
  readonly callbackAddresses: CallbackAddresses;
  /** Begins when the engine closes: every wait ends. */
  readonly closing: Closing;
  /** Identifies this store of data to operators; made with it, never changed. */
  readonly clusterId: string;
}
