/**
 * The cancellation of one activity attempt: asked for at most once, observed in many ways.
 *
 * The worker calls {@link ActivityCancellation.request}; activity code sees it through its `Context` as a promise, an `AbortSignal` or
 * a rejected sleep. Most activities look at none of them, so neither the promise nor the signal exists until somebody asks for it.
 * Invariant: the first reason wins and never changes.
 */
import { setMaxListeners } from 'node:events';
import { ActivityCancellationDetails, CancelledFailure, type ActivityCancellationDetailsOptions } from '../common/index.js';

export { ActivityCancellationDetails, type ActivityCancellationDetailsOptions } from '../common/index.js';

/** The message of the `CancelledFailure` that activity code receives. */
export type CancellationReason =
  | 'CANCELLED'
  | 'NOT_FOUND'
  | 'TIMED_OUT'
  | 'WORKER_SHUTDOWN'
  | 'PAUSED'
  | 'RESET'
  | 'HEARTBEAT_DETAILS_CONVERSION_FAILED';

export class ActivityCancellation {
  #failure: CancelledFailure | undefined;
  #details: ActivityCancellationDetails | undefined;
  #observers: Set<(failure: CancelledFailure) => void> | undefined;
  #controller: AbortController | undefined;
  #promise: Promise<never> | undefined;

  /** What activity code is told; absent while nobody asked for cancellation. */
  get failure(): CancelledFailure | undefined {
    return this.#failure;
  }

  get details(): ActivityCancellationDetails | undefined {
    return this.#details;
  }

  /** Asks the activity to stop. Later calls change nothing. */
  request(reason: CancellationReason, details: ActivityCancellationDetailsOptions = {}): void {
    if (this.#failure !== undefined) return;
    const failure = new CancelledFailure(reason);
    this.#failure = failure;
    this.#details = new ActivityCancellationDetails(details);
    const observers = this.#observers;
    this.#observers = undefined;
    if (observers !== undefined) for (const observe of observers) observe(failure);
  }

  /** Calls back once, at once if cancellation was requested already. Returns what ends the observation. */
  observe(callback: (failure: CancelledFailure) => void): () => void {
    if (this.#failure !== undefined) {
      callback(this.#failure);
      return () => {};
    }
    const observers = (this.#observers ??= new Set());
    observers.add(callback);
    return () => observers.delete(callback);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      // An activity may hand the signal to any number of requests.
      setMaxListeners(0, controller.signal);
      this.#controller = controller;
      this.observe((failure) => controller.abort(failure));
    }
    return this.#controller.signal;
  }

  get promise(): Promise<never> {
    if (this.#promise === undefined) {
      this.#promise = new Promise<never>((_resolve, reject) => this.observe(reject));
      // Activity code may race it and lose interest: that must not count as an unhandled rejection.
      this.#promise.catch(() => {});
    }
    return this.#promise;
  }
}
