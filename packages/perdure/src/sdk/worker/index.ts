/** `perdure/worker`: runs workflows and activities. */
export { Worker, type PollerState, type RunUntilOptions, type State, type WorkerStatus } from './worker.js';
export type { WorkerOptions } from './worker-options.js';
export { ReplayError, type HistoryAndWorkflowId, type ReplayHistoriesIterable, type ReplayResult, type ReplayWorkerOptions } from './replay.js';
export { DeterminismViolationError } from '../workflow/errors.js';
export type { WorkerInterceptors } from './interceptors.js';
export type { InjectedSink, InjectedSinkFunction, InjectedSinks } from './sinks.js';
export type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptors,
  ActivityInterceptorsFactory,
  ActivityOutboundCallsInterceptor,
} from '../activity/interceptors.js';
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
export { DefaultLogger, defaultPayloadConverter, IllegalStateError, type DataConverter, type Headers, type Logger, type LogLevel, type Next } from '../common/index.js';
