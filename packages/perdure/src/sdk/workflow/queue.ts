/**
 * A queue within a workflow: signal and update handlers put in, the workflow function takes out, in order.
 *
 * Bounded: who puts into a full queue waits, so a flood of signals cannot fill the history of the next run. Whoever waits in a scope that
 * is cancelled leaves the row, and no item is lost with it.
 */
import { IllegalStateError } from '../common/errors.js';
import { CancellationScope } from './cancellation-scope.js';

export interface QueueOptions {
  /** How many items it holds. Default: 10,000. */
  readonly capacity?: number;
}

const DEFAULT_CAPACITY = 10_000;

interface Putter<T> {
  readonly item: T;
  readonly done: () => void;
}

/**
 * @example
 * const orders = new Queue<Order>();
 * setHandler(newOrder, (order) => orders.put(order));
 * setHandler(closeShop, () => orders.close());
 * for await (const order of orders) await process(order);
 */
export class Queue<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  readonly #putters = new Set<Putter<T>>();
  readonly #takers = new Set<(result: IteratorResult<T, undefined>) => void>();
  #closed = false;

  /** @throws RangeError unless `capacity` is a whole number above 0. */
  constructor({ capacity = DEFAULT_CAPACITY }: QueueOptions = {}) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError(`A queue needs a whole number above 0 as its capacity, not ${capacity}.`);
    this.#capacity = capacity;
  }

  /** Items that nobody has taken. */
  get size(): number {
    return this.#items.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Puts an item in; waits while the queue is full. @throws IllegalStateError after {@link close}; CancelledFailure. */
  async put(item: T): Promise<void> {
    if (this.tryPut(item)) return;
    await waitInScope<void>((resolve, reject) => {
      const putter = { item, done: resolve };
      this.#putters.add(putter);
      return (reason) => {
        if (this.#putters.delete(putter)) reject(reason);
      };
    });
  }

  /** Puts an item in unless the queue is full; false if it is. @throws IllegalStateError after {@link close}. */
  tryPut(item: T): boolean {
    if (this.#closed) throw new IllegalStateError('The queue is closed: nothing can be put into it.');
    const [taker] = this.#takers;
    if (taker !== undefined) {
      this.#takers.delete(taker);
      taker({ done: false, value: item });
      return true;
    }
    if (this.#items.length >= this.#capacity) return false;
    this.#items.push(item);
    return true;
  }

  /** Takes the first item; waits while there is none. @throws IllegalStateError when the queue is closed and empty; CancelledFailure. */
  async take(): Promise<T> {
    const { done, value } = await this.#next();
    if (done === true) throw new IllegalStateError('The queue is closed and empty.');
    return value;
  }

  /** The first item; undefined if there is none. */
  tryTake(): T | undefined {
    const item = this.#items.shift();
    const [putter] = this.#putters;
    if (putter !== undefined) {
      this.#putters.delete(putter);
      this.#items.push(putter.item);
      putter.done();
    }
    return item;
  }

  /** Nothing more can be put in. What is in it, and what waits to get in, can still be taken. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers) taker({ done: true, value: undefined });
    this.#takers.clear();
  }

  /** Takes until the queue is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const { done, value } = await this.#next();
      if (done === true) return;
      yield value;
    }
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) return { done: false, value: this.tryTake() as T };
    if (this.#closed) return { done: true, value: undefined };
    return waitInScope<IteratorResult<T, undefined>>((resolve, reject) => {
      this.#takers.add(resolve);
      return (reason) => {
        if (this.#takers.delete(resolve)) reject(reason);
      };
    });
  }
}

/** `begin` joins the row, and gives what leaves it when the scope is cancelled. */
function waitInScope<R>(begin: (resolve: (value: R) => void, reject: (reason: unknown) => void) => (reason: unknown) => void): Promise<R> {
  const scope = CancellationScope.current();
  return new Promise<R>((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    let stopListening: (() => void) | undefined;
    const served = (value: R): void => {
      stopListening?.();
      resolve(value);
    };
    const leave = begin(served, reject);
    if (scope.cancellable) stopListening = scope.onCancelRequested(leave);
  });
}
