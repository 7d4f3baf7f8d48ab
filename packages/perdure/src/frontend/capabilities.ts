/**
 * What the server can do, as SDKs, tools and consoles ask it: one line for each flag of the protocol.
 *
 * A flag is true once the feature works, and not before: clients rely on it from then on, and do without where it is false.
 * `capabilities.test.ts` shows for each flag that is true that its feature is there, and for each that is false that it is not.
 */
import type { GetSystemInfoResponse_Capabilities, NamespaceInfo_Capabilities } from '../protocol/index.js';

/** The version of Temporal's API that we speak: SDKs and tools parse it and expect at least 1.x. */
export const SERVER_VERSION = '1.32.0';
export const CLUSTER_NAME = 'active';

/** Of the server: `GetSystemInfo`. */
export const CAPABILITIES: GetSystemInfoResponse_Capabilities = {
  signalAndQueryHeader: true,
  internalErrorDifferentiation: true,
  activityFailureIncludeHeartbeat: true,
  supportsSchedules: true,
  encodedFailureAttributes: true,
  // Workers then send their build id in a stamp instead of the old binary checksum.
  buildIdBasedVersioning: true,
  upsertMemo: true,
  eagerWorkflowStart: true,
  sdkMetadata: true,
  countGroupByExecutionStatus: true,
  nexus: true,
  serverScaledDeployments: false,
  serverScaledProviderCloudRun: false,
};

/** Of every namespace: `DescribeNamespace`, beside `supportsSchedules`. */
export const NAMESPACE_CAPABILITIES: NamespaceInfo_Capabilities = {
  eagerWorkflowStart: true,
  syncUpdate: true,
  asyncUpdate: true,
  workerHeartbeats: true,
  reportedProblemsSearchAttribute: true,
  workflowPause: true,
  standaloneActivities: true,
  workerPollCompleteOnShutdown: true,
  pollerAutoscaling: true,
  workerCommands: false,
  standaloneNexusOperation: false,
  workflowUpdateCallbacks: true,
  pollerAutoscalingAutoEnroll: false,
  workflowTaskCompletionPagination: false,
  standaloneActivityStartDelay: true,
  standaloneActivityBatchOperations: true,
  standaloneActivityOperatorCommands: true,
};
