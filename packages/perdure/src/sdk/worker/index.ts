/** `perdure/worker`: runs workflows and activities. */
export { Worker, type PollerState, type RunUntilOptions, type State, type WorkerStatus } from './worker.js';
export type { WorkerOptions } from './worker-options.js';
export { Runtime, type RuntimeOptions } from './runtime.js';
export {
  CombinedWorkerRunError,
  GracefulShutdownPeriodExpiredError,
  PromiseCompletionTimeoutError,
  WorkerPollError,
  type CombinedWorkerRunErrorCause,
} from './errors.js';
/** The connection of a worker and that of a client are the same thing here; this name lets code move over. */
export { Connection as NativeConnection, type ConnectionOptions as NativeConnectionOptions } from '../client/index.js';
export { bundleWorkflowCode, type BundleOptions, type WorkflowBundle } from '../sandbox/bundle.js';
export { DefaultLogger, defaultPayloadConverter, IllegalStateError, type DataConverter, type Logger, type LogLevel } from '../common/index.js';
