/** `perdure/worker`: runs workflows and activities. */
export { Worker } from './worker.js';
export type { PollerState, State, WorkerStatus } from './status.js';
export type { WorkerOptions } from './worker-options.js';
export type { PatchActivationCallback, PatchActivationInput } from '../replay/patch-activation.js';
export type { History } from '../../protocol/index.js';
export type { CompiledWorkerOptions } from './worker-options.js';
export { ReplayError, type ReplayHistoriesIterable, type ReplayResult, type ReplayWorkerOptions } from './replay.js';
export { DeterminismViolationError } from '../workflow/errors.js';
export type { RunUntilOptions } from './run-until.js';
export type { WorkerPlugin } from './plugins.js';
export type { WorkerInterceptors } from './interceptors.js';
export type { InjectedSink, InjectedSinkFunction, InjectedSinks } from './sinks.js';
export type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptors,
  ActivityInterceptorsFactory,
  ActivityOutboundCallsInterceptor,
  GetLogAttributesInput,
  GetMetricTagsInput,
} from '../activity/interceptors.js';
export type {
  NexusCancelOperationInput,
  NexusInboundCallsInterceptor,
  NexusInterceptors,
  NexusInterceptorsFactory,
  NexusOutboundCallsInterceptor,
  NexusStartOperationInput,
  NexusStartOperationOutput,
} from '../nexus/interceptors.js';
export { Runtime, type RuntimeOptions } from './runtime.js';
export {
  CombinedWorkerRunError,
  GracefulShutdownPeriodExpiredError,
  PromiseCompletionTimeoutError,
  WorkerPollError,
  type CombinedWorkerRunErrorCause,
} from './errors.js';
/** The connection of a worker and that of a client are the same thing here; this name lets code move over. */
export type { NativeConnectionPlugin } from '../client/plugins.js';
export { MetricsBuffer, type BufferedMetricUpdate, type MetricsBufferOptions } from '../metrics/buffer.js';
export {
  makeTelemetryFilterString,
  type CoreLogFilterOptions,
  type BufferedMetricsExporter,
  type MetricsExporterConfig,
  type OtelCollectorExporter,
  type PrometheusMetricsExporter,
  type TelemetryOptions,
} from '../metrics/telemetry-options.js';
export { Connection as NativeConnection, type ConnectionOptions as NativeConnectionOptions, type HttpConnectProxyConfig, type ProxyConfig, type TLSConfig } from '../client/index.js';
export { UnhandledRejectionError } from '../replay/failed-task.js';
export type { WorkflowBundleCode, WorkflowBundleOption, WorkflowBundlePath } from '../sandbox/stored-bundle.js';
export { bundleWorkflowCode, type BundleOptions, type BundlerPlugin, type WorkflowBundle } from '../sandbox/bundle.js';
export { DefaultLogger, defaultPayloadConverter, IllegalStateError, type DataConverter, type Headers, type HistoryAndWorkflowId, type LogEntry, type Logger, type LogLevel, type LogMetadata, type Next } from '../common/index.js';
export type { WorkerDeploymentOptions } from './deployment.js';
export type { PollerBehavior, PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum } from './poll-behavior.js';
export { ResourceBasedController, type ResourceBasedTunerOptions } from './slots/resource-controller.js';
export type {
  ActivitySlotInfo,
  CustomSlotSupplier,
  FixedSizeSlotSupplier,
  LocalActivitySlotInfo,
  NexusSlotInfo,
  ResourceBasedSlotOptions,
  ResourceBasedSlotsForType,
  ResourceBasedTuner,
  ResourceBasedTunerConfig,
  SlotInfo,
  SlotMarkUsedContext,
  SlotPermit,
  SlotReleaseContext,
  SlotReserveContext,
  SlotSupplier,
  TunerHolder,
  WorkerTuner,
  WorkflowSlotInfo,
} from './slots/tuner.js';
