/** Programs that start, observe and steer workflow executions. */
export * from './activity-client.js';
export type * from './activity-description.js';
export type * from './activity-interceptors.js';
export {
  ActivityExecutionStatus,
  ActivityIdConflictPolicy,
  ActivityIdReusePolicy,
  PendingActivityState,
  type ActivityOptions,
  type ActivityOptionsUpdate,
  type ActivityOptionsUpdateResult,
} from './activity-options.js';
export * from './async-completion-client.js';
export { BaseClient, type BaseClientOptions, type BaseClientOptions as AsyncCompletionClientOptions, type LoadedClientOptions } from './base-client.js';
export * from './client.js';
export { Connection, LOCAL_TARGET, type ConnectionLike, type ConnectionOptions, type KeepAliveOptions, type HttpConnectProxyConfig, type Metadata, type ProxyConfig, type TLSConfig } from './connection.js';
export * from './errors.js';
export type { AnyConnectionPlugin, ClientPlugin, ConnectionPlugin } from './plugins.js';
export type * from './interceptors.js';
export { loadDataConverter } from './load-data-converter.js';
export * from './workflow-client.js';
export type { WorkflowExecutionDescription, WorkflowExecutionInfo, WorkflowExecutionStatusName } from './workflow-description.js';
export * from './workflow-handle.js';
export { PayloadsTooLargeError, type PayloadLimitsConfig } from './payload-limits.js';
export type { AsyncWorkflowListIterable, IntoHistoriesOptions, ListedHistory } from './workflow-list.js';
export {
  WorkflowUpdateStage,
  type GetWorkflowUpdateHandleOptions,
  type WorkflowUpdateHandle,
  type WorkflowUpdateOptions,
} from './workflow-update.js';
export { WithStartWorkflowOperation } from './update-with-start.js';
export type { WorkflowOptions, WorkflowSignalWithStartOptions, WorkflowStartOptions } from './workflow-options.js';
export { ScheduleAlreadyRunning, ScheduleClient, ScheduleNotFoundError, type ListScheduleOptions, type ScheduleClientOptions, type ScheduleHandle } from './schedule-client.js';
export * from './schedule-spec-types.js';
export { ScheduleOverlapPolicy, SkippedActionReason } from './schedule-types.js';
export type * from './schedule-types.js';
export {
  RpcError,
  type DescribeWorkflowExecutionResponse,
  type GetWorkflowExecutionHistoryRequest,
  type RequestCancelWorkflowExecutionResponse,
  type StartWorkflowExecutionRequest,
  type TerminateWorkflowExecutionResponse,
  type WorkflowExecution,
  type WorkflowExecutionInfo as RawWorkflowExecutionInfo,
} from '../../protocol/index.js';
export { isRetryable as isRetryableError } from './retry.js';
// What client code needs of `common`, so that one import does.
export {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  CompleteAsyncError,
  DefaultFailureConverter,
  defaultPayloadConverter,
  ExternalStorageError,
  ExternalStorageNotConfiguredError,
  extractWorkflowType,
  extractWorkflowTypeAndConfig,
  HandlerUnfinishedPolicy,
  IllegalStateError,
  NamespaceNotFoundError,
  PayloadConverterError,
  QueryRejectCondition,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  TypedSearchAttributes,
  ValueError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  defineSearchAttributeKey,
  type ActivityFunction,
  type ActivityInterface,
  type BaseWorkflowHandle,
  type BaseWorkflowOptions,
  type CommonWorkflowOptions,
  type DataConverter,
  type Headers,
  type HistoryAndWorkflowId,
  type Next,
  type Payload,
  type PayloadCodec,
  type ProtoFailure,
  type QueryDefinition,
  type QueryDefinitionOptions,
  type RetryPolicy,
  type SerializationContext,
  type SignalDefinition,
  type SignalDefinitionOptions,
  type SignalTypeInfo,
  type UntypedActivities,
  type UpdateDefinition,
  type UpdateDefinitionOptions,
  type WithWorkflowArgs,
  type Workflow,
  type WorkflowDurationOptions,
  type WorkflowQueryOptions,
  type WorkflowQueryType,
  type WorkflowResultType,
  type WorkflowReturnType,
  type WorkflowSignalOptions,
  type WorkflowSignalType,
  type WorkflowTypeOptions,
  type WorkflowUpdateType,
  type WorkflowUpdateValidatorType,
} from '../common/index.js';
