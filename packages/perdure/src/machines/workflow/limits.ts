/** The limits of a run and their defaults. Only decisions look at them, never a fold: they can change between two starts. */

export interface WorkflowLimits {
  /** One payload list, failure or marker that a worker sends. */
  readonly blobSizeBytes: number;
  readonly memoSizeBytes: number;
  readonly searchAttributesSizeBytes: number;
  /** Ids, names and types. */
  readonly idLengthBytes: number;
  readonly pendingActivities: number;
  readonly pendingTimers: number;
  readonly signalsPerRun: number;
  readonly bufferedEvents: number;
  readonly bufferedSizeBytes: number;
  readonly historyEvents: number;
  readonly historySizeBytes: number;
  readonly suggestContinueAsNewEvents: number;
  readonly suggestContinueAsNewSizeBytes: number;
  /** The last failure of an activity that is kept while it waits for its next attempt. */
  readonly activityFailureSizeBytes: number;
  readonly defaultWorkflowTaskTimeoutMs: number;
  readonly maximumWorkflowTaskTimeoutMs: number;
  /** How long empty workflow tasks may keep local activities alive. */
  readonly workflowTaskHeartbeatMs: number;
  /** A run that continues as new earlier than this after its start delays its successor for the rest. */
  readonly continueAsNewMinimumRunMs: number;
  /** Start-to-close of a workflow task grows from this attempt on, … */
  readonly workflowTaskBackoffFromAttempt: number;
  readonly workflowTaskBackoffInitialMs: number;
  readonly workflowTaskBackoffMaximumMs: number;
}

export const DEFAULT_LIMITS: WorkflowLimits = {
  blobSizeBytes: 2 * 1024 * 1024,
  memoSizeBytes: 2 * 1024 * 1024,
  searchAttributesSizeBytes: 40 * 1024,
  idLengthBytes: 1000,
  pendingActivities: 2000,
  pendingTimers: 100_000,
  signalsPerRun: 10_000,
  bufferedEvents: 100,
  bufferedSizeBytes: 2 * 1024 * 1024,
  historyEvents: 51_200,
  historySizeBytes: 50 * 1024 * 1024,
  suggestContinueAsNewEvents: 4096,
  suggestContinueAsNewSizeBytes: 4 * 1024 * 1024,
  activityFailureSizeBytes: 4 * 1024,
  defaultWorkflowTaskTimeoutMs: 10_000,
  maximumWorkflowTaskTimeoutMs: 120_000,
  workflowTaskHeartbeatMs: 30 * 60_000,
  continueAsNewMinimumRunMs: 1000,
  workflowTaskBackoffFromAttempt: 4,
  workflowTaskBackoffInitialMs: 5000,
  workflowTaskBackoffMaximumMs: 10 * 60_000,
};

/** Durations are capped silently at a hundred years. */
export const MAXIMUM_DURATION_MS = 100 * 365 * 24 * 60 * 60 * 1000;
