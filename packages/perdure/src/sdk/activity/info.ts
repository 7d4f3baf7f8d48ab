/** What an activity may know about its own execution: `Context.current().info`. Times are milliseconds (since the epoch). */
import type { Priority, RetryPolicy } from '../common/index.js';

export interface Info {
  /** Identifies this attempt to the server; completes it from elsewhere after a `CompleteAsyncError`. */
  readonly taskToken: Uint8Array;
  /** {@link taskToken} in base 64. */
  readonly base64TaskToken: string;
  /** The id of this activity, unique within its workflow run. */
  readonly activityId: string;
  /** The name under which the activity function is registered. */
  readonly activityType: string;
  /** The namespace in which the activity runs. */
  readonly namespace: string;
  /** The same as {@link namespace}. */
  readonly activityNamespace: string;
  /** 1 for the first attempt, one more for each retry. */
  readonly attempt: number;
  /** Whether the workflow's own worker runs it without a task queue. */
  readonly isLocal: boolean;
  /** The workflow run that scheduled the activity; absent for an activity that no workflow started. */
  readonly workflowExecution?: { readonly workflowId: string; readonly runId: string } | undefined;
  readonly workflowNamespace?: string | undefined;
  readonly workflowType?: string | undefined;
  /** When the first attempt was scheduled. */
  readonly scheduledTimestampMs: number;
  /** When this attempt was scheduled. */
  readonly currentAttemptScheduledTimestampMs: number;
  /** Limit over all attempts; 0: none. */
  readonly scheduleToCloseTimeoutMs: number;
  /** Limit of this attempt; 0: none. */
  readonly startToCloseTimeoutMs: number;
  /** The longest pause between two heartbeats; absent: heartbeats are not required. */
  readonly heartbeatTimeoutMs?: number | undefined;
  /** Details of the last heartbeat of an earlier attempt: where to resume. Only the activity knows its shape. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Temporal's SDK, whose programs use it without a check.
  readonly heartbeatDetails: any;
  readonly taskQueue: string;
  readonly priority?: Priority | undefined;
  readonly retryPolicy?: RetryPolicy | undefined;
  /** The run of an activity that no workflow started. */
  readonly activityRunId?: string | undefined;
  /** Whether a workflow started this activity. */
  readonly inWorkflow: boolean;
  /**
   * The same for every attempt of this activity and for no other activity: `workflowId/runId/activityId`.
   *
   * Hand it to the system that the activity changes. An activity runs at least once: when a worker dies after the effect and before
   * the report, the next attempt comes with the same key, and the other system can refuse the second effect.
   */
  readonly idempotencyKey: string;
}
