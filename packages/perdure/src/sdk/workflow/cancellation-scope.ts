/**
 * Cancellation scopes.
 *
 * Cancellation in a workflow is cooperative and structured. It is a request, never a kill: somebody asks a scope to stop, and everything
 * cancellable that was started *inside* that scope (activities, timers, child workflows, conditions) is asked to stop with it. Whoever
 * awaits one of those gets a `CancelledFailure` (or an `ActivityFailure` or `ChildWorkflowFailure` whose cause is one) at the place of
 * the await, as an ordinary exception. Workflow code decides what it means: clean up and rethrow, take another way, or ignore it.
 *
 * Scopes form a tree whose root is the workflow. Which scope an operation belongs to is not passed around: it is the scope in whose
 * `run` the operation was *called*, and it is kept across `await`. So a library function that sleeps is cancelled with its caller
 * without knowing anything of scopes.
 *
 *     workflow (root)            cancelled when the execution is asked to cancel
 *     ├─ cancellable             cancelled with its parent, or on its own by scope.cancel()
 *     │  └─ withTimeout('5m')    …or when its time is over
 *     └─ nonCancellable          a shield: its parent's request stops here. For cleaning up.
 *
 * Four consequences that surprise people:
 *
 * 1. After a cancellation the scope stays cancelled. A new activity or timer started in it fails at once. So cleanup after a
 *    cancellation belongs into `CancellationScope.nonCancellable(…)`, or the compensation never runs.
 * 2. `scope.cancel()` does not end `scope.run(fn)`. `fn` goes on until it returns or throws; the request only reaches it where it awaits
 *    something cancellable. A loop that swallows the exception and starts over is told again at once, each time.
 * 3. Promises know their scope from where they were made, not from where they are awaited. An activity that was started outside and is
 *    awaited inside a scope is not cancelled with that scope.
 * 4. A shield does not hide the request. `scope.cancelRequested` rejects in a non-cancellable scope as well when that scope itself is
 *    cancelled; only `consideredCancelled` stays false, which is what operations look at.
 *
 * Inside, a request travels as the rejection of the promise `cancelRequested`, from parent to child. That each level takes the same
 * number of microtasks in a replay as it did the first time is what keeps the order of the resulting commands the same; do not
 * "simplify" the chain into a loop over children.
 */
import { CancelledFailure } from '../common/failure.js';
import { msOptionalToNumber, type Duration } from '../common/duration.js';
import { currentRun } from './current-run.js';
import { realmHost, type AsyncStorage } from './realm-host.js';

export interface CancellationScopeOptions {
  /** Cancels the scope after this time. Milliseconds or text such as `'5 minutes'`. Default: never. */
  readonly timeout?: Duration;
  /** False makes a shield: requests from the parent do not get in. Default: true. */
  readonly cancellable: boolean;
  /** Default: the current scope. */
  readonly parent?: CancellationScope;
}

type CancellationListener = (reason: CancelledFailure) => void;

/** Who waits for something. */
interface Settleable {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

const ROOT = Symbol('root');

let storage: AsyncStorage<CancellationScope> | undefined;
let sleepInScope: ((durationMs: number) => Promise<void>) | undefined;

/** Breaks the circle between scopes (which need timers) and timers (which need scopes). */
export function installSleep(sleep: (durationMs: number) => Promise<void>): void {
  sleepInScope = sleep;
}

/** A part of a workflow that can be cancelled as a whole. See the comment at the top of this module. */
export class CancellationScope {
  readonly cancellable: boolean;
  readonly timeout: number | undefined;
  readonly parent: CancellationScope | undefined;
  readonly #cancelRequested: Promise<never>;
  #requested = false;
  /** Those that share one reaction of the promise; absent: the next begins a new one. */
  #listeners: Set<CancellationListener> | undefined;
  #reject!: (reason: CancelledFailure) => void;

  constructor(options?: CancellationScopeOptions | typeof ROOT) {
    const isRoot = options === ROOT;
    const given = isRoot ? undefined : options;
    this.cancellable = given?.cancellable ?? true;
    this.timeout = msOptionalToNumber(given?.timeout);
    this.#cancelRequested = new Promise<never>((_resolve, reject) => {
      this.#reject = (reason) => {
        this.#requested = true;
        reject(reason);
      };
    });
    // Nobody has to listen: without this, a cancelled scope would be reported as an unhandled rejection.
    this.#cancelRequested.catch(() => undefined);
    if (isRoot) return;
    this.parent = given?.parent ?? CancellationScope.current();
    if (!this.parent.cancellable) return;
    this.#requested = this.parent.#requested;
    this.parent.onCancelRequested((reason) => this.#reject(reason));
  }

  /** Rejects with a `CancelledFailure` when cancellation of this scope is requested. Never resolves. */
  get cancelRequested(): Promise<never> {
    // Whoever asks may attach a reaction, and keeps the place in the order that it would have had.
    this.#listeners = undefined;
    return this.#cancelRequested;
  }

  /**
   * @internal Calls `listener` when a reaction attached to `cancelRequested` now would run; what it gives takes the listener away.
   *
   * A promise never forgets a reaction: a workflow that waits ten thousand times in one scope would keep ten thousand of them. So listeners
   * that follow each other share one. They run in one microtask instead of several that nothing can come between, so the order is the same.
   */
  onCancelRequested(listener: CancellationListener): () => void {
    if (this.#requested) {
      this.#cancelRequested.catch(listener);
      return () => undefined;
    }
    const listeners = (this.#listeners ??= this.#listen());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  #listen(): Set<CancellationListener> {
    const listeners = new Set<CancellationListener>();
    this.#cancelRequested.catch((reason: CancelledFailure) => {
      for (const listener of listeners) listener(reason);
    });
    return listeners;
  }

  /** @internal Like {@link onCancelRequested}, until `completion` is settled. */
  whileWaiting<Waiting extends Settleable>(completion: Waiting, listener: CancellationListener): Waiting {
    if (!this.cancellable) return completion;
    const stop = this.onCancelRequested(listener);
    const { resolve, reject } = completion;
    return {
      ...completion,
      resolve: (value: unknown) => {
        stop();
        resolve(value);
      },
      reject: (reason: unknown) => {
        stop();
        reject(reason);
      },
    };
  }

  /** True if operations in this scope must fail: cancellation was requested and the scope is cancellable. */
  get consideredCancelled(): boolean {
    return this.#requested && this.cancellable;
  }

  /**
   * Runs `fn` in this scope: everything that it starts belongs to the scope.
   *
   * @returns what `fn` returns.
   */
  run<T>(fn: () => Promise<T>): Promise<T> {
    storage ??= realmHost()?.createAsyncStorage();
    if (storage === undefined) currentRun('CancellationScope.run');
    return storage!.run(this, () => this.#runInside(fn));
  }

  /** Asks everything in this scope to stop. Later calls change nothing. */
  cancel(): void {
    this.#reject(new CancelledFailure('Cancellation scope cancelled'));
  }

  /** @internal The request came from outside the workflow. */
  cancelBecause(message: string): void {
    this.#reject(new CancelledFailure(message));
  }

  async #runInside<T>(fn: () => Promise<T>): Promise<T> {
    let timer: CancellationScope | undefined;
    if (this.timeout !== undefined && this.timeout > 0) {
      const { timeout } = this;
      timer = new CancellationScope();
      // The timer's own scope lets it be cancelled alone when `fn` is done first.
      timer.run(() => sleepInScope!(timeout)).then(
        () => this.cancel(),
        () => undefined,
      );
    }
    try {
      return await fn();
    } finally {
      if (timer !== undefined && !timer.consideredCancelled) timer.cancel();
    }
  }

  /** The scope in which the calling code runs. */
  static current(): CancellationScope {
    return storage?.getStore() ?? currentRun('CancellationScope.current').rootScope;
  }

  /** Runs `fn` in a new scope that is cancelled with its parent. */
  static cancellable<T>(fn: () => Promise<T>): Promise<T> {
    return new this({ cancellable: true }).run(fn);
  }

  /**
   * Runs `fn` shielded from cancellation of the scopes around it.
   *
   * @example await CancellationScope.nonCancellable(() => releaseSeats(order))
   */
  static nonCancellable<T>(fn: () => Promise<T>): Promise<T> {
    return new this({ cancellable: false }).run(fn);
  }

  /** Runs `fn` in a new scope that is cancelled after `timeout` (milliseconds or text) if `fn` has not ended by then. */
  static withTimeout<T>(timeout: Duration, fn: () => Promise<T>): Promise<T> {
    return new this({ cancellable: true, timeout }).run(fn);
  }

  /** @internal */
  static root(): CancellationScope {
    return new this(ROOT);
  }
}
