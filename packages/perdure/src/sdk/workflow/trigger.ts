/** A promise that is settled from outside: the plain way to wait for a signal. */
import { CancellationScope } from './cancellation-scope.js';
import { inWorkflowContext } from './current-run.js';

/**
 * A promise with `resolve` and `reject` as methods. Rejects when the scope it was made in is cancelled.
 *
 * @example
 * const approved = new Trigger<string>();
 * setHandler(approve, (by) => approved.resolve(by));
 * const approver = await approved;
 */
export class Trigger<T> implements PromiseLike<T> {
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
  readonly #promise: Promise<T>;

  constructor() {
    let resolve!: (value: T | PromiseLike<T>) => void;
    let reject!: (reason?: unknown) => void;
    this.#promise = new Promise<T>((resolvePromise, rejectPromise) => {
      resolve = resolvePromise;
      reject = rejectPromise;
    });
    let stopListening: (() => void) | undefined;
    this.resolve = (value) => {
      stopListening?.();
      resolve(value);
    };
    this.reject = (reason) => {
      stopListening?.();
      reject(reason);
    };
    // Nobody has to wait for a trigger.
    this.#promise.catch(() => undefined);
    if (!inWorkflowContext()) return;
    const scope = CancellationScope.current();
    if (scope.cancellable) stopListening = scope.onCancelRequested(reject);
  }

  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#promise.then(onFulfilled, onRejected);
  }
}
