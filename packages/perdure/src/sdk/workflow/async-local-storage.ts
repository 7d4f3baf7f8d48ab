/**
 * `AsyncLocalStorage` for workflow code: a value that follows `await`, callbacks and handlers, as in Node.
 *
 * All instances share one slot of the host, which holds a chain of values. Instances belong to the modules of a run and come and go with it;
 * a slot of the host stays for ever, and costs something at each promise.
 *
 * What Node's class can do beyond one run of a function (`enterWith`) is refused: the value would stay with whatever comes next on the
 * worker's thread, which is the code of another workflow.
 */
import { IllegalStateError } from '../common/errors.js';
import { currentRun } from './current-run.js';
import { realmHost, type AsyncStorage } from './realm-host.js';

interface Frame {
  readonly owner: object;
  readonly value: unknown;
  readonly outer: Frame | undefined;
}

let frames: AsyncStorage<Frame> | undefined;

export class AsyncLocalStorage<T> {
  #disabled = false;

  /** Calls `callback`; in it, and in all that it starts, {@link getStore} gives `store`. @returns what the callback returns. */
  run<R, Args extends unknown[]>(store: T, callback: (...args: Args) => R, ...args: Args): R {
    this.#disabled = false;
    return this.#enter(store, () => callback(...args));
  }

  /** Calls `callback` without a value. */
  exit<R, Args extends unknown[]>(callback: (...args: Args) => R, ...args: Args): R {
    return this.#enter(undefined, () => callback(...args));
  }

  /** The value of the innermost {@link run} around the calling code; undefined outside. */
  getStore(): T | undefined {
    if (this.#disabled) return undefined;
    for (let frame = frames?.getStore(); frame !== undefined; frame = frame.outer) {
      // What a frame of this instance holds was given to this instance.
      if (frame.owner === this) return frame.value as T | undefined;
    }
    return undefined;
  }

  /** @throws IllegalStateError always: use {@link run}. */
  enterWith(_store: T): never {
    throw new IllegalStateError('AsyncLocalStorage.enterWith cannot be used in workflow code, because the value would reach other workflows. Use run(store, callback).');
  }

  /** Until the next {@link run} there is no value. */
  disable(): void {
    this.#disabled = true;
  }

  #enter<R>(value: T | undefined, callback: () => R): R {
    currentRun('AsyncLocalStorage');
    frames ??= realmHost()?.createAsyncStorage();
    return frames === undefined ? callback() : frames.run({ owner: this, value, outer: frames.getStore() }, callback);
  }
}
