/**
 * Activities that no workflow started: one function that runs until it succeeds, with all that activities have (retries, timeouts,
 * heartbeats), found by an id.
 */
import { activityTypeInfoOf, composeInterceptors, type ActivityFunction, type Duration, type PayloadTypeInfo, type TypeInfo } from '../common/index.js';
import { ActivityCalls } from './activity-calls.js';
import type { ActivityExecutionDescription, ActivityExecutionInfo } from './activity-description.js';
import type { ActivityClientInterceptor, CountActivityExecutions } from './activity-interceptors.js';
import type { ActivityOptions, ActivityOptionsUpdate, ActivityOptionsUpdateResult } from './activity-options.js';
import { AsyncCompletionClient } from './async-completion-client.js';
import type { BaseClientOptions } from './base-client.js';

export interface ActivityClientOptions extends BaseClientOptions {
  /** Code around the calls. The first is the outermost. */
  interceptors?: readonly ActivityClientInterceptor[];
}


/** One activity, by its id. Methods throw {@link import('./errors.js').ActivityNotFoundError} if it does not exist. */
export interface ActivityHandle<R = unknown> {
  readonly activityId: string;
  /** Absent: the latest run of the id is meant. */
  readonly runId?: string;
  /**
   * Waits for the end.
   *
   * @throws ActivityExecutionFailedError if it did not complete; `cause` says why.
   */
  result(): Promise<R>;
  describe(options?: ActivityDescribeOptions): Promise<ActivityExecutionDescription>;
  /** Asks it to stop. One that waits for a worker ends at once; one that runs learns of it with its next heartbeat. */
  cancel(reason: string): Promise<void>;
  /** Ends it at once. A worker that runs it is not waited for. */
  terminate(reason: string): Promise<void>;
  /** No attempt begins until it is unpaused. One that runs learns of it with its next heartbeat. */
  pause(options?: ActivityPauseOptions): Promise<void>;
  unpause(options?: ActivityUnpauseOptions): Promise<void>;
  /** Gives the options as they are then. */
  updateOptions(options: ActivityOptionsUpdate): Promise<ActivityOptionsUpdateResult>;
  /** Back to the options it was started with. */
  restoreOriginalOptions(): Promise<ActivityOptionsUpdateResult>;
}

/** What a description shall hold beside the usual: it may be large. Default: none of it. */
export interface ActivityDescribeOptions {
  includeInput?: boolean;
  /** The result or the failure. */
  includeOutcome?: boolean;
  includeHeartbeatDetails?: boolean;
  includeLastFailure?: boolean;
}

export interface ActivityPauseOptions {
  reason?: string;
}

export interface ActivityUnpauseOptions {
  reason?: string;
  /** The attempt begins at a random moment within this time. */
  jitter?: Duration;
}

export interface GetActivityHandleOptions {
  /** A certain run. Default: the latest one. */
  runId?: string;
  /** How the result travels. */
  typeInfo?: Pick<PayloadTypeInfo, 'outputType'>;
}

/** The names of the activities among the members of `T`. */
export type ActivityName<T> = { [N in keyof T & string]: T[N] extends ActivityFunction ? N : never }[keyof T & string];
/** The arguments of one of them. */
export type ActivityArgs<T, N extends ActivityName<T>> = T[N] extends (...args: infer P) => Promise<unknown> ? P : never;
/** What one of them gives. */
export type ActivityResult<T, N extends ActivityName<T>> = T[N] extends (...args: never) => Promise<infer R> ? R : never;
/** Options with the arguments that fit. */
export type ActivityOptionsWithArgs<Args extends unknown[]> = Omit<ActivityOptions, 'args'> &
  (Args extends [unknown, ...unknown[]] ? { args: Args | Readonly<Args> } : { args?: Args | Readonly<Args> });
export type ActivityOptionsFor<T, N extends ActivityName<T>> = ActivityOptionsWithArgs<ActivityArgs<T, N>>;

/** The client for activities whose types are known. */
export interface TypedActivityClient<T> {
  start<N extends ActivityName<T>>(activity: N, options: ActivityOptionsFor<T, N>): Promise<ActivityHandle<ActivityResult<T, N>>>;
  execute<N extends ActivityName<T>>(activity: N, options: ActivityOptionsFor<T, N>): Promise<ActivityResult<T, N>>;
}

/**
 * Starts activities, gives handles of them, and ends those that are completed from outside.
 *
 * @example
 * const receipt = await client.activity.execute(charge, { id: 'charge-4711', taskQueue: 'payments', args: [order], startToCloseTimeout: '10s' });
 */
export class ActivityClient extends AsyncCompletionClient {
  readonly #interceptors: readonly ActivityClientInterceptor[];
  readonly #calls: ActivityCalls;

  constructor(options: ActivityClientOptions = {}) {
    super(options);
    this.#interceptors = options.interceptors ?? [];
    const { connection, namespace, identity, dataConverter } = this;
    this.#calls = new ActivityCalls({ connection, namespace, identity, dataConverter });
  }

  /**
   * This client, with the types of these activities.
   *
   * @example
   * import type * as activities from './activities';
   * const result = await client.activity.typed<typeof activities>().execute('charge', { id, taskQueue, args: [order], startToCloseTimeout: '10s' });
   */
  typed<T>(): TypedActivityClient<T> {
    return this;
  }

  /**
   * Starts an activity.
   *
   * @param activity its name, or its function if it is registered under the function's own name
   * @throws ActivityExecutionAlreadyStartedError if the id is taken; TypeError if an option is missing
   */
  start<F extends ActivityFunction>(activity: F, options: ActivityOptionsWithArgs<Parameters<F>>): Promise<ActivityHandle<Awaited<ReturnType<F>>>>;
  start<R = unknown>(activity: string, options: ActivityOptions): Promise<ActivityHandle<R>>;
  start(activity: string | ActivityFunction, options: ActivityOptions): Promise<ActivityHandle> {
    const start = composeInterceptors(this.#interceptors, 'start', async (input) =>
      this.#handle(input.options.id, await this.#calls.start(input), input.options.typeInfo?.outputType),
    );
    const typeInfo = options.typeInfo ?? activityTypeInfoOf(activity);
    return start({ activityType: typeof activity === 'string' ? activity : activity.name, options: { ...options, ...(typeInfo && { typeInfo }) }, headers: {} });
  }

  /** {@link start}, and the result. */
  execute<F extends ActivityFunction>(activity: F, options: ActivityOptionsWithArgs<Parameters<F>>): Promise<Awaited<ReturnType<F>>>;
  execute<R = unknown>(activity: string, options: ActivityOptions): Promise<R>;
  async execute(activity: string | ActivityFunction, options: ActivityOptions): Promise<unknown> {
    const handle = await (typeof activity === 'string' ? this.start(activity, options) : this.start(activity, { args: [], ...options }));
    return handle.result();
  }

  /** The handle of an activity, whether it exists or not: its methods find out. @param runId default: the latest run */
  getHandle<R = unknown>(activityId: string, runId?: string): ActivityHandle<R> {
    return this.#handle<R>(activityId, runId, undefined);
  }

  #handle<R>(activityId: string, runId: string | undefined, outputType: TypeInfo | undefined): ActivityHandle<R> {
    if (!activityId) throw new TypeError('`activityId` must be a text that is not empty.');
    const about = { activityId, activityRunId: runId ?? '', headers: {} };
    const calls = this.#calls;
    const around = this.#interceptors;
    return {
      activityId,
      ...(runId !== undefined && { runId }),
      result: async () => (await composeInterceptors(around, 'getResult', (input) => calls.getResult(input))({ ...about, ...(outputType && { outputType }) })) as R,
      describe: (options) => {
        const { includeInput = false, includeOutcome = false, includeHeartbeatDetails = false, includeLastFailure = false } = options ?? {};
        const asked = { includeInput, includeOutcome, includeHeartbeatDetails, includeLastFailure };
        return composeInterceptors(around, 'describe', (input) => calls.describe(input))({ ...about, options: asked });
      },
      cancel: (reason) => composeInterceptors(around, 'cancel', (input) => calls.cancel(input))({ ...about, reason }),
      terminate: (reason) => composeInterceptors(around, 'terminate', (input) => calls.terminate(input))({ ...about, reason }),
      pause: (options = {}) => composeInterceptors(around, 'pause', (input) => calls.pause(input))({ ...about, options }),
      unpause: (options = {}) => composeInterceptors(around, 'unpause', (input) => calls.unpause(input))({ ...about, options }),
      updateOptions: (options) => composeInterceptors(around, 'updateOptions', (input) => calls.updateOptions(input))({ ...about, options }),
      restoreOriginalOptions: () => composeInterceptors(around, 'restoreOriginalOptions', (input) => calls.restoreOriginalOptions(input))(about),
    };
  }

  /** {@link getHandle} with its arguments by name. */
  getHandleWithOptions<R = unknown>(activityId: string, options: GetActivityHandleOptions): ActivityHandle<R> {
    return this.#handle<R>(activityId, options.runId, options.typeInfo?.outputType);
  }

  /**
   * Activities that no workflow started, as they are read page by page.
   *
   * @example for await (const { activityId } of client.activity.list("ActivityType = 'charge'")) console.log(activityId);
   */
  list(query = ''): AsyncIterable<ActivityExecutionInfo> {
    return composeInterceptors(this.#interceptors, 'list', (input) => this.#calls.list(input))({ query, headers: {} });
  }

  /** How many the query finds. */
  count(query = ''): Promise<CountActivityExecutions> {
    return composeInterceptors(this.#interceptors, 'count', (input) => this.#calls.count(input))({ query, headers: {} });
  }
}
