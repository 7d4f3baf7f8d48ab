/**
 * The limits of a run and their defaults. Only decisions look at them, never a fold: they can change between two starts, and differ
 * between namespaces.
 *
 * A new limit is a row here: it is then configurable, documented, and a field of `WorkflowLimits`, which decisions get as
 * `draft.limits` and planners as `plan.limits`.
 */
import { defaultsOf } from '../limit-table.js';
import type { LimitTable, LimitValues } from '../limit-table.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const TASK_FAILS_AND_RUN_ENDS = 'INVALID_ARGUMENT; in a command: the workflow task fails and the run is terminated';

export const WORKFLOW_LIMITS = {
  // ── sizes ──
  blobSizeBytes: { key: 'limit.blobSize.error', default: 2 * MIB, unit: 'bytes', of: 'one payload list, failure, header or marker', beyond: `${TASK_FAILS_AND_RUN_ENDS}; as an activity's result or heartbeat: the activity fails, not retryable` },
  memoSizeBytes: { key: 'limit.memoSize.error', default: 2 * MIB, unit: 'bytes', of: 'the memo of a run', beyond: TASK_FAILS_AND_RUN_ENDS },
  searchAttributesSizeBytes: { key: 'frontend.searchAttributesTotalSizeLimit', default: 40 * KIB, unit: 'bytes', of: 'all search attributes of a run', beyond: 'INVALID_ARGUMENT; in a command: workflow task failed BAD_SEARCH_ATTRIBUTES' },
  searchAttributeValueSizeBytes: { key: 'frontend.searchAttributesSizeOfValueLimit', default: 2 * KIB, unit: 'bytes', of: 'the value of one search attribute', beyond: 'INVALID_ARGUMENT; in a command: workflow task failed BAD_SEARCH_ATTRIBUTES' },
  searchAttributeKeys: { key: 'frontend.searchAttributesNumberOfKeysLimit', default: 100, unit: 'count', of: 'search attributes of a run', beyond: 'INVALID_ARGUMENT; in a command: workflow task failed BAD_SEARCH_ATTRIBUTES' },
  idLengthBytes: { key: 'limit.maxIDLength', default: 1000, unit: 'bytes', least: 1, of: 'an id, a name, a type, an identity or a reason', beyond: 'INVALID_ARGUMENT; in a command: workflow task failed with the cause of the command' },
  fairnessKeyLengthBytes: { key: 'matching.fairnessKeyLength', default: 64, unit: 'bytes', of: 'a fairness key', beyond: 'INVALID_ARGUMENT; in a command: workflow task failed with the cause of the command' },
  nexusServiceLengthBytes: { key: 'component.nexusoperations.limit.service.name.length', default: 1000, unit: 'bytes', of: 'the name of a Nexus service', beyond: 'workflow task failed BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES' },
  nexusOperationLengthBytes: { key: 'component.nexusoperations.limit.operation.name.length', default: 1000, unit: 'bytes', of: 'the name of a Nexus operation', beyond: 'workflow task failed BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES' },
  nexusHeaderSizeBytes: { key: 'component.nexusoperations.limit.header.size', default: 8 * KIB, unit: 'bytes', of: 'the headers of a Nexus operation', beyond: 'workflow task failed BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES' },
  nexusTokenLengthBytes: { key: 'component.nexusoperations.limit.operation.token.length', default: 4096, unit: 'bytes', of: 'the token of a Nexus operation', beyond: 'the operation fails' },
  activityFailureSizeBytes: { key: 'limit.mutableStateActivityFailureSize.error', default: 4 * KIB, unit: 'bytes', of: 'the last failure kept of an activity that waits for its next attempt', beyond: 'the failure is cut, and wrapped in a server failure' },
  stateSizeBytes: { key: 'limit.mutableStateSize.error', default: 64 * MIB, unit: 'bytes', of: 'what is pending in a run, together', beyond: 'the run is terminated' },

  // ── the history ──
  historyEvents: { key: 'limit.historyCount.error', default: 51_200, unit: 'count', of: 'events in the history of a run', beyond: 'the run is terminated' },
  historySizeBytes: { key: 'limit.historySize.error', default: 50 * MIB, unit: 'bytes', of: 'the history of a run', beyond: 'the run is terminated' },
  suggestContinueAsNewEvents: { key: 'limit.historyCount.suggestContinueAsNew', default: 4096, unit: 'count', of: 'events in the history of a run', beyond: 'workflow tasks suggest continue-as-new' },
  suggestContinueAsNewSizeBytes: { key: 'limit.historySize.suggestContinueAsNew', default: 4 * MIB, unit: 'bytes', of: 'the history of a run', beyond: 'workflow tasks suggest continue-as-new' },
  // A hundred in Temporal's server. A run with a thousand activities would reach that with most of its workflow tasks, and each that
  // fails is replayed from the first event: half of the work for nothing. The bytes below bound what the buffer takes.
  bufferedEvents: { key: 'history.maximumBufferedEventsBatch', default: 10_000, unit: 'count', of: 'events that wait while a workflow task is with a worker', beyond: 'that task fails with FORCE_CLOSE_COMMAND and the events are written' },
  bufferedSizeBytes: { key: 'history.maximumBufferedEventsSizeInBytes', default: 2 * MIB, unit: 'bytes', of: 'those events together', beyond: 'that task fails with FORCE_CLOSE_COMMAND and the events are written' },

  // ── what is pending ──
  pendingActivities: { key: 'limit.numPendingActivities.error', default: 2000, unit: 'count', of: 'pending activities of a run', beyond: 'workflow task failed PENDING_ACTIVITIES_LIMIT_EXCEEDED' },
  pendingChildren: { key: 'limit.numPendingChildExecutions.error', default: 2000, unit: 'count', of: 'pending child workflows of a run', beyond: 'workflow task failed PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED' },
  pendingSignals: { key: 'limit.numPendingSignals.error', default: 2000, unit: 'count', of: 'signals to other runs under way', beyond: 'workflow task failed PENDING_SIGNALS_LIMIT_EXCEEDED' },
  pendingCancelRequests: { key: 'limit.numPendingCancelRequests.error', default: 2000, unit: 'count', of: 'cancel requests to other runs under way', beyond: 'workflow task failed PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED' },
  pendingNexusOperations: { key: 'component.nexusoperations.limit.operation.concurrency', default: 30, unit: 'count', of: 'pending Nexus operations of a run', beyond: 'workflow task failed PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED' },
  pendingTimers: { key: 'limit.numPendingTimers.error', default: 100_000, unit: 'count', of: 'pending timers of a run', beyond: 'workflow task failed BAD_START_TIMER_ATTRIBUTES' },
  signalsPerRun: { key: 'history.maximumSignalsPerExecution', default: 10_000, unit: 'count', of: 'signals that a run receives', beyond: 'INVALID_ARGUMENT' },
  updatesInFlight: { key: 'history.maxInFlightUpdates', default: 10, unit: 'count', of: 'updates of a run that are not completed', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT' },
  updatesInFlightSizeBytes: { key: 'history.maxInFlightUpdatePayloads', default: 20 * MIB, unit: 'bytes', of: 'the arguments of those updates together', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT' },
  updatesPerRun: { key: 'history.maxTotalUpdates', default: 2000, unit: 'count', of: 'updates of a run, completed ones included', beyond: 'FAILED_PRECONDITION; from nine tenths on workflow tasks suggest continue-as-new' },
  callbacksPerRun: { key: 'system.maxCallbacksPerWorkflow', default: 2000, unit: 'count', of: 'completion callbacks of a run', beyond: 'FAILED_PRECONDITION' },

  crossNamespaceCommands: { key: 'system.enableCrossNamespaceCommands', default: 0, unit: 'count', most: 1, of: 'commands that name another namespace: 1 allows them', beyond: 'workflow task failed with the cause of the command' },

  // ── time ──
  defaultWorkflowTaskTimeoutMs: { key: 'history.defaultWorkflowTaskTimeout', default: 10_000, unit: 'ms', least: 1, of: 'a workflow task whose start request names no timeout', beyond: 'the task times out' },
  maximumWorkflowTaskTimeoutMs: { key: 'history.maximumWorkflowTaskTimeout', default: 120_000, unit: 'ms', least: 1, of: 'the workflow task timeout', beyond: 'it is capped' },
  workflowTaskHeartbeatMs: { key: 'history.workflowTaskHeartbeatTimeout', default: 30 * 60_000, unit: 'ms', of: 'how long empty workflow tasks may keep local activities alive', beyond: 'the task times out' },
  continueAsNewMinimumRunMs: { key: 'history.workflowIdReuseMinimalInterval', default: 1000, unit: 'ms', of: 'the shortest run that is followed at once by continue-as-new or a retry', beyond: 'below it: the successor is delayed for the rest' },
  workflowTaskBackoffFromAttempt: { key: 'history.workflowTaskRetryFromAttempt', default: 4, unit: 'count', least: 2, of: 'attempts of a workflow task with the plain timeout', beyond: 'start-to-close grows with each attempt' },
  workflowTaskBackoffInitialMs: { key: 'history.workflowTaskRetryInitialInterval', default: 5000, unit: 'ms', of: 'by how much it grows at first; doubles', beyond: 'see above' },
  workflowTaskBackoffMaximumMs: { key: 'history.workflowTaskRetryMaxInterval', default: 10 * 60_000, unit: 'ms', of: 'by how much it grows at most', beyond: 'see above' },
} satisfies LimitTable;

/** What decisions get: the value of each limit, by the name of its row. */
export type WorkflowLimits = LimitValues<typeof WORKFLOW_LIMITS>;

export const DEFAULT_LIMITS: WorkflowLimits = defaultsOf(WORKFLOW_LIMITS);

/** Durations are capped silently at a hundred years. Not configurable: it is part of the protocol. */
export const MAXIMUM_DURATION_MS = 100 * 365 * 24 * 60 * 60 * 1000;
