/** The worker's option `interceptors`. */
import type { ActivityInterceptorsFactory } from '../activity/interceptors.js';
import type { ClientInterceptors } from '../client/index.js';
import type { NexusInterceptorsFactory } from '../nexus/interceptors.js';

export interface WorkerInterceptors {
  /** Around calls of the client that activities and Nexus handlers find in their context. */
  readonly client?: ClientInterceptors;
  /** Called for each attempt of an activity. The first is the outermost. */
  readonly activity?: readonly ActivityInterceptorsFactory[];
  /** Called for each Nexus task. The first is the outermost. */
  readonly nexus?: readonly NexusInterceptorsFactory[];
  /**
   * Files (or module names, or `file:` URLs) that export a function `interceptors`, which gives the interceptors of one workflow run.
   * They are bundled with the workflows. With a `workflowBundle` give them to `bundleWorkflowCode` as `workflowInterceptorModules`.
   */
  readonly workflowModules?: readonly string[];
}
