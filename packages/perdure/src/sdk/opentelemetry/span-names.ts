/** Names of spans and of their attributes: those of the other SDKs, so that one query finds the spans of all. */

/** A span is called `<name>:<type>`, for example `RunActivity:chargeCard`. */
export const SpanName = {
  WORKFLOW_START: 'StartWorkflow',
  WORKFLOW_SIGNAL: 'SignalWorkflow',
  WORKFLOW_SIGNAL_WITH_START: 'SignalWithStartWorkflow',
  WORKFLOW_QUERY: 'QueryWorkflow',
  WORKFLOW_START_UPDATE: 'StartWorkflowUpdate',
  WORKFLOW_UPDATE_WITH_START: 'UpdateWithStartWorkflow',
  WORKFLOW_TERMINATE: 'TerminateWorkflow',
  WORKFLOW_CANCEL: 'CancelWorkflow',
  WORKFLOW_DESCRIBE: 'DescribeWorkflow',
  WORKFLOW_EXECUTE: 'RunWorkflow',
  WORKFLOW_HANDLE_SIGNAL: 'HandleSignal',
  WORKFLOW_HANDLE_QUERY: 'HandleQuery',
  WORKFLOW_HANDLE_UPDATE: 'HandleUpdate',
  WORKFLOW_VALIDATE_UPDATE: 'ValidateUpdate',
  CHILD_WORKFLOW_START: 'StartChildWorkflow',
  NEXUS_OPERATION_START: 'StartNexusOperation',
  NEXUS_START_OPERATION_EXECUTE: 'RunStartNexusOperation',
  NEXUS_CANCEL_OPERATION_EXECUTE: 'RunCancelNexusOperation',
  ACTIVITY_START: 'StartActivity',
  ACTIVITY_EXECUTE: 'RunActivity',
  CONTINUE_AS_NEW: 'ContinueAsNew',
} as const;
export type SpanName = (typeof SpanName)[keyof typeof SpanName];

export const RUN_ID_ATTR_KEY = 'run_id';
export const WORKFLOW_ID_ATTR_KEY = 'temporalWorkflowId';
export const ACTIVITY_ID_ATTR_KEY = 'temporalActivityId';
export const UPDATE_ID_ATTR_KEY = 'temporalUpdateId';
export const NEXUS_SERVICE_ATTR_KEY = 'temporalNexusService';
export const NEXUS_OPERATION_ATTR_KEY = 'temporalNexusOperation';
export const NEXUS_ENDPOINT_ATTR_KEY = 'temporalNexusEndpoint';
export const TERMINATE_REASON_ATTR_KEY = 'temporalTerminateReason';

export function spanName(name: SpanName, type: string): string {
  return `${name}:${type}`;
}
