/** `perdure/nexus`: handlers of Nexus operations. Services are defined with the package nexus-rpc; workflows call them through `perdure/workflow`. */
export type { ActivityOptions, ActivityOptionsFor, NexusTypedActivityClient } from './activity-operation.js';
export {
  getClient,
  log,
  metricMeter,
  operationInfo,
  type OperationInfo,
  type TemporalCancelOperationContext,
  type TemporalStartOperationContext,
} from './context.js';
export { TemporalOperationResult } from './operation-result.js';
export {
  TemporalOperationHandler,
  type CancelActivityOptions,
  type CancelWorkflowRunOptions,
  type CancelWorkflowUpdateOptions,
  type TemporalNexusClient,
  type TemporalOperationHandlerOptions,
  type TemporalOperationStartHandler,
} from './temporal-operation.js';
export {
  signalWithStartWorkflow,
  startWorkflow,
  type NexusUpdateWorkflowOptions,
  type UpdatableWorkflowHandle,
  type WorkflowHandle,
  type WorkflowSignalWithStartOptions,
  type WorkflowStartOptions,
} from './workflow-handle.js';
export { WorkflowRunOperationHandler, type WorkflowRunOperationStartHandler } from './workflow-run-operation.js';
