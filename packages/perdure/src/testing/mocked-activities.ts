/** The activities of a worker in a test environment: the user's, each giving way to its mock, and an answer for those that nobody has. */
import { Context, type Info } from '../sdk/activity/index.js';
import { ApplicationFailure, CompleteAsyncError, definedAs } from '../sdk/common/index.js';
import type { Mocks } from './mocks.js';

type Activities = Record<string, (...args: readonly unknown[]) => unknown>;

export interface MockedActivitiesOptions {
  /** After so many failed attempts an activity is given up; see {@link Patience}. */
  readonly mostAttempts: number;
  /** Told of activities that somebody else is to complete. */
  readonly onLeftOpen?: ((activity: Info) => void) | undefined;
}

/** A limit of time allows for so many times more attempts than no limit. */
const MORE_WITH_TIMEOUT = 100;

/** @param registered as `WorkerOptions.activities` takes them */
export function mockedActivities(registered: object | undefined, mocks: Mocks, options: MockedActivitiesOptions): Activities {
  const own = functionsOf(registered ?? {});
  const patience = new Patience(options);
  const activities: Activities = {};
  for (const [name, run] of own) {
    if (name !== 'default') activities[name] = definedAs(run, (...args) => patience.with(name, () => mocks.activityNamed(name)?.run(args) ?? run(...args)));
  }
  activities['default'] = (...args) => {
    const name = Context.current().info.activityType;
    const mock = mocks.activityNamed(name);
    const otherwise = own.get('default');
    if (mock !== undefined || otherwise !== undefined) return patience.with(name, () => mock?.run(args) ?? otherwise?.(...args));
    throw ApplicationFailure.nonRetryable(
      `Activity '${name}' is neither registered nor mocked: give it to the worker (activities), or call env.mock.activity('${name}'). ` +
        `Registered: ${list(own.keys())}. Mocked: ${list(mocks.mockedActivities)}.`,
      'NotFoundError',
    );
  };
  return activities;
}

/**
 * Where time is skipped, an activity that always fails would be tried thousands of times a second, for ever. One that its own options end
 * is left to them: `maximumAttempts` for certain, a schedule-to-close timeout (which may be that of the run) if it ends it in a while.
 */
class Patience {
  readonly #options: MockedActivitiesOptions;
  readonly #lastErrors = new Map<string, unknown>();

  constructor(options: MockedActivitiesOptions) {
    this.#options = options;
  }

  async with(name: string, run: () => unknown): Promise<unknown> {
    const { info } = Context.current();
    const limit = this.#limit(info);
    if (info.attempt > limit) throw this.#givenUp(name, limit);
    try {
      return await run();
    } catch (error) {
      if (error instanceof CompleteAsyncError) this.#options.onLeftOpen?.(info);
      else this.#lastErrors.set(name, error);
      throw error;
    }
  }

  #limit({ retryPolicy, scheduleToCloseTimeoutMs }: Info): number {
    const { mostAttempts } = this.#options;
    if (Number.isFinite(retryPolicy?.maximumAttempts)) return Infinity;
    return scheduleToCloseTimeoutMs > 0 ? mostAttempts * MORE_WITH_TIMEOUT : mostAttempts;
  }

  #givenUp(name: string, attempts: number): ApplicationFailure {
    const last = this.#lastErrors.get(name);
    const cause = last instanceof Error ? last : undefined;
    return ApplicationFailure.create({
      type: 'ActivityGivenUp',
      nonRetryable: true,
      message:
        `Activity '${name}' did not succeed in ${attempts} attempts${cause === undefined ? '' : `, the last error is: ${cause.message}`}. ` +
        'Outside of a test it would be tried on and on: set maximumAttempts or a shorter timeout in its options, or failAfterActivityAttempts of the environment.',
      ...(cause && { cause }),
    });
  }
}

export function list(names: Iterable<string>): string {
  return [...names].sort().join(', ') || 'none';
}

/** Methods of a class instance live on its prototype, and may use `this`. */
function functionsOf(registered: object): Map<string, (...args: readonly unknown[]) => unknown> {
  const functions = new Map<string, (...args: readonly unknown[]) => unknown>();
  for (let source: object | null = registered; source !== null && source !== Object.prototype; source = Object.getPrototypeOf(source) as object | null) {
    for (const name of Object.getOwnPropertyNames(source)) {
      const value: unknown = name === 'constructor' || functions.has(name) ? undefined : Reflect.get(registered, name);
      if (typeof value === 'function') functions.set(name, definedAs(value, (...args: readonly unknown[]): unknown => Reflect.apply(value, registered, args)));
    }
  }
  return functions;
}
