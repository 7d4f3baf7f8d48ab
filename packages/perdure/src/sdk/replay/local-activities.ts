/**
 * The border between the replay core and whatever runs local activities.
 *
 * The core says what is to run; the worker runs it, with its retries and timeouts, and says once how it ended. The core has no clock:
 * the worker also says when a workflow task that waits must be renewed.
 */
import type { Failure } from '../../protocol/index.js';
import type { Payload } from '../common/payload-converter.js';
import type { LocalActivityCall } from '../workflow/activation.js';

export interface LocalActivityRequest extends LocalActivityCall {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
}

export type LocalActivityOutcome =
  | { readonly kind: 'completed'; readonly result: Payload }
  /** No payload codec has seen the failure. */
  | { readonly kind: 'failed' | 'timed-out' | 'cancelled'; readonly failure: Failure };

/** How a local activity ended, after all attempts that the worker made of it. */
export interface LocalActivityResolution {
  readonly outcome: LocalActivityOutcome;
  /** The number of the last attempt. */
  readonly attempt: number;
  /** How long the last attempt ran. */
  readonly runtimeMs: number;
  /** Set if the workflow is to wait so long and then try again. */
  readonly backoffMs: number | undefined;
  readonly originalScheduleTimeMs: number;
}

export interface RunningLocalActivity {
  /** Asks it to stop. It still ends by calling `done`, as cancelled or otherwise. */
  cancel(): void;
  /** Nobody waits for it any more: it is asked to stop, and `done` will not be called. */
  abandon(): void;
}

export interface LocalActivityHost {
  /** True if the worker has an activity of this name. */
  has(activityType: string): boolean;
  /** Runs it as soon as there is a place for it. Calls `done` once, later, never from within this call. */
  start(request: LocalActivityRequest, done: (resolution: LocalActivityResolution) => void): RunningLocalActivity;
  /** A monotonic clock in milliseconds. */
  now(): number;
  /** Calls back when a workflow task that came at `arrivedMs`, by {@link now}, and has this timeout must be renewed. Gives what takes the wish back. */
  renewAfter(arrivedMs: number, taskTimeoutMs: number, callback: () => void): () => void;
}
