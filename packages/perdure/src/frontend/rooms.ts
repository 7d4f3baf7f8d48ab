/** What handlers work with: the rooms behind the frontend, and the frontend's own short-lived memory. Made once by `server/`. */
import type { Host } from '../host/host.js';
import type { Matching } from '../matching/matching.js';
import type { CallMeters } from '../metrics/call-meters.js';
import type { Clock, Logger, Random } from '../ports/index.js';
import type { CallbackAddresses } from './callback-addresses.js';
import type { Closing } from './closing.js';
import type { NamespaceRegistry } from './namespace-registry.js';
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
  /** What operators have set for task queues. */
  readonly taskQueues: TaskQueueSettings;
  /** What is counted of each RPC. */
  readonly calls: CallMeters;
  /** Where completion callbacks may be sent. */
  readonly callbackAddresses: CallbackAddresses;
  /** Begins when the engine closes: every wait ends. */
  readonly closing: Closing;
  /** Identifies this store of data to operators; made with it, never changed. */
  readonly clusterId: string;
}
