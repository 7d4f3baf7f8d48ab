/**
 * The API inside workflow code.
 *
 * Workflow code may import this module, `perdure/common` and pure packages. Inside a worker these imports resolve to the worker's own
 * copy, shared by all runs; outside, definitions and types work, everything else throws.
 */
export {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
  ChildWorkflowFailure,
  CompleteAsyncError,
  defineQuery,
  defineSignal,
  defineUpdate,
  defineWorkflow,
  ExternalStorageNotConfiguredError,
  extractWorkflowType,
  HandlerUnfinishedPolicy,
  IllegalStateError,
  NamespaceNotFoundError,
  NexusOperationFailure,
  ParentClosePolicy,
  PayloadConverterError,
  rootCause,
  SchemaValidationError,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  defaultPayloadConverter,
  type ActivityFunction,
  type ActivityInterface,
  type ActivityOptions,
  type ActivityTypeInfoMap,
  extractWorkflowTypeAndConfig,
  type WorkflowQueryOptions,
  type WorkflowSignalOptions,
  type WorkflowTypeOptions,
  type BaseWorkflowHandle,
  type BaseWorkflowOptions,
  type CommonWorkflowOptions,
  type LocalActivityOptions,
  type Headers,
  type MetricCounter,
  type MetricGauge,
  type MetricHistogram,
  type MetricMeter,
  type MetricTags,
  type MetricUpDownCounter,
  type Next,
  type Payload,
  type PayloadConverter,
  type QueryDefinition,
  type RetryPolicy,
  type SearchAttributes,
  type SearchAttributeValue,
  type SignalDefinition,
  type StandardSchema,
  type UntypedActivities,
  type UpdateDefinition,
  type Workflow,
  type WithWorkflowArgs,
  type WorkflowDurationOptions,
  type WorkflowQueryType,
  type WorkflowReturnType,
  type WorkflowSignalType,
  type WorkflowResultType,
} from '../common/index.js';
export {
  NotAnActivityMethod,
  proxyActivities,
  scheduleActivity,
  type ActivityFunctionWithOptions,
  type ActivityInterfaceFor,
  type ActivityProxyOptions,
} from './activities.js';
export {
  proxyLocalActivities,
  scheduleLocalActivity,
  type LocalActivityFunctionWithOptions,
  type LocalActivityInterfaceFor,
  type LocalActivityProxyOptions,
} from './local-activities.js';
export { AsyncLocalStorage } from './async-local-storage.js';
export { enhancedStackTraceQuery, stackTraceQuery, workflowMetadataQuery, type HandlerMetadata, type WorkflowMetadata } from './builtin-queries.js';
export { CancellationScope, type CancellationScopeOptions } from './cancellation-scope.js';
export {
  ChildWorkflowCancellationType,
  executeChild,
  startChild,
  type ChildWorkflowHandle,
  type ChildWorkflowOptions,
} from './child-workflow.js';
export { condition } from './condition.js';
export { ContinueAsNew, continueAsNew, continueAsNewIfSuggested, makeContinueAsNewFunc, type ContinueAsNewOptions } from './continue-as-new.js';
export { getCurrentDetails, setCurrentDetails } from './current-details.js';
export { inWorkflowContext } from './current-run.js';
export { currentUpdateInfo, type UpdateInfo } from './current-update.js';
export { DeterminismViolationError, isCancellation, WorkflowError } from './errors.js';
export { getExternalWorkflowHandle, type ExternalWorkflowHandle } from './external-workflow.js';
export {
  allHandlersFinished,
  setDefaultQueryHandler,
  setDefaultSignalHandler,
  setDefaultUpdateHandler,
  setHandler,
  type DefaultQueryHandler,
  type DefaultSignalHandler,
  type DefaultUpdateHandler,
  type Handler,
  type HandlerOptions,
  type UpdateHandlerOptions,
} from './handlers.js';
export { SuggestContinueAsNewReason } from '../common/index.js';
export { workflowInfo, type ParentWorkflowInfo, type RootWorkflowInfo, type UnsafeRandomSource, type UnsafeWorkflowInfo, type WorkflowInfo } from './info.js';
export type {
  ActivateInput,
  ActivityInput,
  ConcludeActivationInput,
  ConcludeActivationOutput,
  ContinueAsNewInput,
  ContinueAsNewInputOptions,
  DisposeInput,
  GetLogAttributesInput,
  GetMetricTagsInput,
  LocalActivityInput,
  QueryInput,
  SignalInput,
  SignalWorkflowInput,
  StartChildWorkflowExecutionInput,
  StartNexusOperationInput,
  StartNexusOperationOutput,
  TimerInput,
  UpdateInput,
  WorkflowExecuteInput,
  WorkflowInboundCallsInterceptor,
  WorkflowInterceptors,
  WorkflowInterceptorsFactory,
  WorkflowInternalsInterceptor,
  WorkflowOutboundCallsInterceptor,
} from './interceptors.js';
export { log, type LogAttributes, type WorkflowLogger } from './log.js';
export { metricMeter } from './metric-meter.js';
export {
  createNexusServiceClient,
  NexusOperationCancellationType,
  type NexusOperationHandle,
  type NexusServiceClient,
  type NexusServiceClientOptions,
  type StartNexusOperationOptions,
} from './nexus.js';
export { deprecatePatch, patched } from './patches.js';
export { race } from './race.js';
export { getRandomStream, workflowRandom, type WorkflowRandomStream } from './random-streams.js';
export { proxySinks, type Sink, type SinkCall, type SinkFunction, type Sinks } from './sinks.js';
export { Queue, type QueueOptions } from './queue.js';
export { runSaga, Saga, type FailedCompensation, type SagaOptions } from './saga.js';
export { Mutex, Semaphore, type Release } from './semaphore.js';
export type { EnhancedStackTrace, StackTrace, StackTraceFileLocation, StackTraceFileSlice, StackTraceSDKInfo } from './stack-traces.js';
export { defineWorkflowOptions, setWorkflowOptions, type WorkflowDefinitionOptions } from '../common/workflow-definition.js';
export { sleep, type TimerOptions } from './timers.js';
export { Trigger } from './trigger.js';
export { upsertMemo, upsertSearchAttributes } from './upserts.js';
export { DEFAULT_VERSION, getVersion } from './versions.js';
export { now, random, uuid4 } from './uuid.js';
