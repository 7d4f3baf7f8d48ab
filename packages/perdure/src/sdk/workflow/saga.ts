/**
 * Sagas: a row of steps, each with what undoes it.
 *
 * A compensation is noted *before* its step: when the answer of a step is lost, it may have taken effect. So it must do no harm to undo
 * what never happened. When the saga fails or is cancelled, the compensations run, by default the last one first, shielded from
 * cancellation. One that fails does not stop the others.
 *
 * An error that is no `TemporalFailure` is a bug in the code. It fails the workflow task, not the saga: nothing is undone, and the run goes
 * on where it stood once the code is mended. To give up on purpose, throw an `ApplicationFailure`.
 */
import { ApplicationFailure, TemporalFailure } from '../common/failure.js';
import { CancellationScope } from './cancellation-scope.js';

export interface SagaOptions {
  /** Undo everything at the same time instead of in reverse order. Default: false. */
  readonly parallel?: boolean;
}

interface Compensation {
  readonly name: string;
  readonly undo: () => unknown;
}

/** A compensation that failed. */
export interface FailedCompensation {
  /** As given to `compensate`. */
  readonly name: string;
  readonly error: TemporalFailure;
}

/** What is to be undone. {@link runSaga} makes one and uses it; alone it is for code that decides itself when to undo. */
export class Saga {
  readonly #options: SagaOptions;
  #compensations: Compensation[] = [];

  constructor(options: SagaOptions = {}) {
    this.#options = options;
  }

  /**
   * Notes how to undo the step that follows.
   *
   * @param name for reports; default: the name of the function, or its number.
   */
  compensate(undo: () => unknown, name = undo.name || `compensation ${this.#compensations.length + 1}`): void {
    this.#compensations.push({ name, undo });
  }

  /**
   * Undoes everything noted so far, and forgets it. Cancellation does not reach it.
   *
   * @returns the compensations that failed, in the order in which they ran.
   */
  async rollBack(): Promise<readonly FailedCompensation[]> {
    const compensations = this.#compensations.reverse();
    this.#compensations = [];
    return CancellationScope.nonCancellable(async () => {
      if (this.#options.parallel === true) return (await Promise.all(compensations.map(attempt))).flat();
      const failed: FailedCompensation[] = [];
      for (const compensation of compensations) failed.push(...(await attempt(compensation)));
      return failed;
    });
  }
}

/**
 * Runs steps; if they fail or are cancelled, undoes those that were begun and throws what they threw.
 *
 * @throws what `steps` throws. If compensations failed as well: an `ApplicationFailure` of type `CompensationFailed`, not retryable, whose
 * cause is what `steps` threw and whose details name the compensations and their errors.
 * @example
 * return runSaga(async (saga) => {
 *   saga.compensate(() => releaseSeats(order));
 *   await reserveSeats(order);
 *   saga.compensate(() => refund(order));
 *   return charge(order);
 * });
 */
export async function runSaga<T>(steps: (saga: Saga) => Promise<T>, options?: SagaOptions): Promise<T> {
  const saga = new Saga(options);
  try {
    return await steps(saga);
  } catch (error) {
    // Continue-as-new is no failure either, and passes.
    if (!(error instanceof TemporalFailure)) throw error;
    const failed = await saga.rollBack();
    if (failed.length === 0) throw error;
    const errors = failed.map(({ name, error: { message, cause } }) => ({ name, message: cause === undefined ? message : `${message}: ${cause.message}` }));
    throw ApplicationFailure.create({
      type: 'CompensationFailed',
      nonRetryable: true,
      message: `${error.message}; then ${errors.map(({ name, message }) => `${name} failed (${message})`).join(', ')}`,
      details: errors,
      cause: error,
    });
  }
}

async function attempt({ name, undo }: Compensation): Promise<readonly FailedCompensation[]> {
  try {
    await undo();
    return [];
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    return [{ name, error }];
  }
}
