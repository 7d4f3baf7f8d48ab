/** Options of activities, as workflow code gives them. */
import type { Duration } from './duration.js';
import type { Priority } from './priority.js';
import type { RetryPolicy } from './retry-policy.js';

/** When a cancelled activity call ends for the workflow. */
export const ActivityCancellationType = {
  /** At once; the activity is told, whether it hears it or not. The default. */
  TRY_CANCEL: 'TRY_CANCEL',
  /** When the activity has ended, cancelled or otherwise. */
  WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED',
  /** At once; the activity is not told. */
  ABANDON: 'ABANDON',
} as const;
export type ActivityCancellationType = (typeof ActivityCancellationType)[keyof typeof ActivityCancellationType];

/** One of `startToCloseTimeout` and `scheduleToCloseTimeout` must be set. */
export interface ActivityOptions {
  /** Default: a sequence number. */
  activityId?: string;
  /** Default: the workflow's. */
  taskQueue?: string;
  /** Limit of one attempt. */
  startToCloseTimeout?: Duration;
  /** Limit of the wait for a worker. Default: scheduleToCloseTimeout. */
  scheduleToStartTimeout?: Duration;
  /** Limit of all attempts together. Default: no limit. */
  scheduleToCloseTimeout?: Duration;
  /** The longest silence of an attempt: without a heartbeat for so long it has failed. Default: no limit. */
  heartbeatTimeout?: Duration;
  /** Default: retried without limit, from 1 second, doubling up to 100 seconds. */
  retry?: RetryPolicy;
  cancellationType?: ActivityCancellationType;
  /** Whether the worker that runs the workflow may be handed the activity directly. Default true. */
  allowEagerDispatch?: boolean;
  /** One line about this activity for people. */
  summary?: string;
  priority?: Priority;
}

/** One of `startToCloseTimeout` and `scheduleToCloseTimeout` must be set. */
export interface LocalActivityOptions {
  retry?: RetryPolicy;
  startToCloseTimeout?: Duration;
  scheduleToStartTimeout?: Duration;
  scheduleToCloseTimeout?: Duration;
  /** Retry intervals up to this long are waited out in the workflow task; longer ones by a timer. Default 1 minute. */
  localRetryThreshold?: Duration;
  cancellationType?: ActivityCancellationType;
  /** One line about this activity for people. */
  summary?: string;
}
