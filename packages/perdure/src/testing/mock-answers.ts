/**
 * What a mock answers: first what was planned for single calls, in order; then the same each time. Shared by mocks of activities and of
 * child workflows.
 */
import { seededRandom, type Random } from '../ports/index.js';
import { ApplicationFailure, msToNumber, type Duration } from '../sdk/common/index.js';

export interface AnswerOptions {
  /** How long the answer takes, on the environment's clock. Default: no time. */
  readonly after?: Duration;
}

/** One answer. `act` gives the result or throws; `hang`: no answer ever comes. */
export interface Answer<Args extends readonly unknown[], Result> {
  readonly afterMs: number;
  readonly heartbeats?: readonly unknown[];
  readonly act: ((...args: Args) => Result | PromiseLike<Result>) | 'hang';
}

export interface FaultOptions {
  /** The share of calls that fail, from 0 to 1. */
  readonly rate: number;
  /** The same seed lets the same calls fail. Default: 1. */
  readonly seed?: number;
  /** Default: a retryable failure that says that it was planned. */
  readonly error?: unknown;
}

export abstract class AnsweringMock<Args extends readonly unknown[], Result> {
  readonly #once: Answer<Args, Result>[] = [];
  #always: Answer<Args, Result> | undefined;
  #planned = false;
  #faults: { readonly random: Random; readonly rate: number; readonly error: unknown } | undefined;

  constructor(
    /** For messages, for example `activity 'charge'`. */
    protected readonly described: string,
  ) {}

  /** Answers each call with this value. */
  returns(value: Result, options?: AnswerOptions): this {
    return this.always(answer(() => value, options));
  }

  /** Answers the next call that has no answer yet with this value. */
  returnsOnce(value: Result, options?: AnswerOptions): this {
    return this.once(answer(() => value, options));
  }

  /** Fails each call with this error. An `ApplicationFailure` says whether a retry makes sense. */
  throws(error: unknown, options?: AnswerOptions): this {
    return this.always(answer(() => raise(error), options));
  }

  /** Fails the next call that has no answer yet. */
  throwsOnce(error: unknown, options?: AnswerOptions): this {
    return this.once(answer(() => raise(error), options));
  }

  /** Answers each call with what the function gives or throws. */
  does(run: (...args: Args) => Result | PromiseLike<Result>, options?: AnswerOptions): this {
    return this.always(answer(run, options));
  }

  /** Answers the next call that has no answer yet with what the function gives or throws. */
  doesOnce(run: (...args: Args) => Result | PromiseLike<Result>, options?: AnswerOptions): this {
    return this.once(answer(run, options));
  }

  /** Never answers: the call ends by its timeout. */
  timesOut(): this {
    return this.always({ afterMs: 0, act: 'hang' });
  }

  /** Never answers the next call that has no answer yet. */
  timesOutOnce(): this {
    return this.once({ afterMs: 0, act: 'hang' });
  }

  /** Lets some calls fail by chance, before they are answered. Which ones depends on the seed alone. */
  failsSometimes({ rate, seed = 1, error }: FaultOptions): this {
    if (!(rate >= 0 && rate <= 1)) throw new RangeError(`The rate of failures is a share of the calls, from 0 to 1, not ${rate}.`);
    this.#faults = { rate, random: seededRandom(seed, { now: () => 0 }), error: error ?? ApplicationFailure.retryable(`Planned failure of ${this.described}`, 'PlannedFailure') };
    return this;
  }

  protected always(given: Answer<Args, Result>): this {
    this.#always = given;
    return this;
  }

  protected once(given: Answer<Args, Result>): this {
    this.#planned = true;
    this.#once.push(given);
    return this;
  }

  /** The answer to the next call, which is the `number`-th. */
  protected next(number: number): Answer<Args, Result> {
    const faults = this.#faults;
    if (faults !== undefined && faults.random.next() < faults.rate) return answer(() => raise(faults.error));
    const next = this.#once.shift() ?? this.#always;
    if (next !== undefined) return next;
    if (!this.#planned) return answer(() => undefined as Result);
    return answer(() =>
      raise(ApplicationFailure.nonRetryable(`The mock of ${this.described} has no answer for call ${number}: plan another one, or one for all further calls (returns, throws, does).`, 'MockExhausted')),
    );
  }
}

function answer<Args extends readonly unknown[], Result>(act: (...args: Args) => Result | PromiseLike<Result>, { after }: AnswerOptions = {}): Answer<Args, Result> {
  return { act, afterMs: after === undefined ? 0 : msToNumber(after) };
}

function raise(error: unknown): never {
  throw error;
}
