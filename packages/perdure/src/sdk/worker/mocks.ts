/** What a test puts in the place of a worker's activities and child workflows. `perdure/testing` has one to use: `env.mock`. */
import type { LoadedDataConverter } from '../common/index.js';
import type { WorkflowExecutor } from '../replay/executor.js';

export interface WorkerMocks {
  /** The activities of a worker, given those that it registers. */
  activities(registered: object | undefined): object;
  /** What runs the workflows of a worker, given what runs the user's. */
  executor(inner: WorkflowExecutor | undefined, dataConverter: LoadedDataConverter, namespace: string): WorkflowExecutor;
}
