/** The activities of a worker in a test environment: the user's, each giving way to its mock, and an answer for those that nobody has. */
import { Context } from '../sdk/activity/index.js';
import { ApplicationFailure } from '../sdk/common/index.js';
import type { Mocks } from './mocks.js';

type Activities = Record<string, (...args: readonly unknown[]) => unknown>;

/**
 * @param registered as `WorkerOptions.activities` takes them
 * @param mostAttempts after so many failed attempts an activity is given up
 */
export function mockedActivities(registered: object | undefined, mocks: Mocks, mostAttempts: number): Activities {
  const own = functionsOf(registered ?? {});
  const patience = new Patience(mostAttempts);
  const activities: Activities = {};
  for (const [name, run] of own) {
    if (name !== 'default') activities[name] = (...args) => patience.with(name, () => mocks.activityNamed(name)?.run(args) ?? run(...args));
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

/** Where time is skipped, an activity that always fails would be tried thousands of times a second, for ever. */
class Patience {
  readonly #mostAttempts: number;
  readonly #lastErrors = new Map<string, unknown>();

  constructor(mostAttempts: number) {
    this.#mostAttempts = mostAttempts;
  }

  async with(name: string, run: () => unknown): Promise<unknown> {
    if (Context.current().info.attempt > this.#mostAttempts) throw this.#givenUp(name);
    try {
      return await run();
    } catch (error) {
      this.#lastErrors.set(name, error);
      throw error;
    }
  }

  #givenUp(name: string): ApplicationFailure {
    const last = this.#lastErrors.get(name);
    const cause = last instanceof Error ? last : undefined;
    return ApplicationFailure.create({
      type: 'ActivityGivenUp',
      nonRetryable: true,
      message:
        `Activity '${name}' did not succeed in ${this.#mostAttempts} attempts${cause === undefined ? '' : `, the last error is: ${cause.message}`}. ` +
        'Outside of a test it would be tried for ever: set maximumAttempts or a timeout in its options, or failAfterActivityAttempts of the environment.',
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
      if (typeof value === 'function') functions.set(name, (...args) => Reflect.apply(value, registered, args));
    }
  }
  return functions;
}
