/** Why an activity should stop: what the server, the workflow or the worker said. */

export interface ActivityCancellationDetailsOptions {
  readonly notFound?: boolean;
  readonly cancelRequested?: boolean;
  readonly paused?: boolean;
  readonly timedOut?: boolean;
  readonly workerShutdown?: boolean;
  readonly reset?: boolean;
}

/** Why an activity was cancelled. Several flags may be set; none changes later. */
export class ActivityCancellationDetails {
  /** The server no longer knows this attempt: its workflow has closed, or it has timed out. */
  readonly notFound: boolean;
  /** The workflow asked for cancellation. */
  readonly cancelRequested: boolean;
  /** An operator paused the activity. */
  readonly paused: boolean;
  /** The attempt ran past its timeout. */
  readonly timedOut: boolean;
  /** The worker is shutting down; the server will retry the activity elsewhere. */
  readonly workerShutdown: boolean;
  /** An operator reset the activity. */
  readonly reset: boolean;

  constructor(options: ActivityCancellationDetailsOptions = {}) {
    this.notFound = options.notFound ?? false;
    this.cancelRequested = options.cancelRequested ?? false;
    this.paused = options.paused ?? false;
    this.timedOut = options.timedOut ?? false;
    this.workerShutdown = options.workerShutdown ?? false;
    this.reset = options.reset ?? false;
  }
}
