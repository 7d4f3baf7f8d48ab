/**
 * Taking turns within a workflow: handlers and branches that wait at an `await` run in between each other, and some state must not be
 * touched by two of them at once.
 *
 * Who comes first is served first, in the order of the calls, which is the same in every replay. A permit that is given back goes to the
 * first who waits, at once: nobody can slip in between. Whoever waits in a scope that is cancelled leaves the row.
 */
import { CancellationScope } from './cancellation-scope.js';

/** Gives back what was taken. Calling it again does nothing. */
export type Release = () => void;

interface Waiter {
  readonly permits: number;
  readonly grant: () => void;
}

/** At most so many at the same time. */
export class Semaphore {
  readonly #permits: number;
  readonly #waiters = new Set<Waiter>();
  #available: number;

  /** @throws RangeError unless `permits` is a whole number above 0. */
  constructor(permits: number) {
    if (!Number.isInteger(permits) || permits < 1) throw new RangeError(`A semaphore needs a whole number of permits above 0, not ${permits}.`);
    this.#permits = permits;
    this.#available = permits;
  }

  /** Permits that nobody has. */
  get available(): number {
    return this.#available;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * Waits for its turn.
   *
   * @throws CancelledFailure when the scope is cancelled before; RangeError for more permits than there are.
   */
  async acquire(permits = 1): Promise<Release> {
    this.#check(permits);
    if (!this.#tryTake(permits)) await this.#wait(permits);
    return this.#releaseOf(permits);
  }

  /** Takes what is free now; undefined if it is not, or if others wait. */
  tryAcquire(permits = 1): Release | undefined {
    this.#check(permits);
    return this.#tryTake(permits) ? this.#releaseOf(permits) : undefined;
  }

  /** Runs `fn` when it is its turn. @returns what `fn` returns. */
  async run<T>(fn: () => Promise<T> | T, permits = 1): Promise<T> {
    const release = await this.acquire(permits);
    try {
      return await fn();
    } finally {
      release();
    }
  }

  #tryTake(permits: number): boolean {
    if (this.#waiters.size > 0 || this.#available < permits) return false;
    this.#available -= permits;
    return true;
  }

  #wait(permits: number): Promise<void> {
    const scope = CancellationScope.current();
    return new Promise<void>((resolve, reject) => {
      if (scope.consideredCancelled) {
        scope.cancelRequested.catch(reject);
        return;
      }
      let stopListening: (() => void) | undefined;
      const grant = (): void => {
        stopListening?.();
        resolve();
      };
      const waiter = { permits, grant };
      this.#waiters.add(waiter);
      if (!scope.cancellable) return;
      stopListening = scope.onCancelRequested((reason) => {
        // Whoever has been served keeps it.
        if (!this.#waiters.delete(waiter)) return;
        reject(reason);
        this.#serve();
      });
    });
  }

  #releaseOf(permits: number): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#available += permits;
      this.#serve();
    };
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (waiter.permits > this.#available) return;
      this.#available -= waiter.permits;
      this.#waiters.delete(waiter);
      waiter.grant();
    }
  }

  #check(permits: number): void {
    if (Number.isInteger(permits) && permits >= 1 && permits <= this.#permits) return;
    throw new RangeError(`This semaphore gives 1 to ${this.#permits} permits, not ${permits}.`);
  }
}

/**
 * One at a time.
 *
 * @example
 * const mutex = new Mutex();
 * setHandler(addItem, (item) => mutex.run(async () => { … }));
 */
export class Mutex {
  readonly #semaphore = new Semaphore(1);

  get locked(): boolean {
    return this.#semaphore.available === 0;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#semaphore.waiting;
  }

  /** Waits for its turn. Mostly {@link run} is safer. @throws CancelledFailure when the scope is cancelled before. */
  acquire(): Promise<Release> {
    return this.#semaphore.acquire();
  }

  /** Undefined if somebody has it. */
  tryAcquire(): Release | undefined {
    return this.#semaphore.tryAcquire();
  }

  /** Runs `fn` when it is its turn. @returns what `fn` returns. */
  run<T>(fn: () => Promise<T> | T): Promise<T> {
    return this.#semaphore.run(fn);
  }
}
