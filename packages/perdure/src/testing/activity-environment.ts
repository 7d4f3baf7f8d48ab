/**
 * Runs one activity function on its own, without server and worker, in a real `Context`.
 *
 * Time is the environment's own: `Context.sleep` and timeouts take none of the test's, as long as nothing real is at work meanwhile.
 */
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { ActivityCancellation, asyncLocalStorage, Context, type CancellationReason, type Info } from '../sdk/activity/index.js';
import type { ActivityCancellationDetailsOptions } from '../sdk/activity/cancellation.js';
import type { ActivityInterceptorsFactory } from '../sdk/activity/interceptors.js';
import type { Client } from '../sdk/client/index.js';
import { DefaultLogger, TimeoutFailure, type Logger, type TimeoutType } from '../sdk/common/index.js';
import { Work } from '../sdk/common/worker-time.js';
import { AttemptInterceptors } from '../sdk/worker/activity-interceptors.js';
import { TimeKeeper } from './time-keeper.js';

export interface ActivityEnvironmentOptions {
  /** What `Context.client` gives. Default: none. */
  readonly client?: Client;
  /** Default: errors on standard error. */
  readonly logger?: Logger;
  /** Code around the call of the activity, as a worker has it. Default: none. */
  readonly interceptors?: readonly ActivityInterceptorsFactory[];
}

/** An activity function with any arguments. */
type AnyActivity = (...args: never[]) => unknown;

const TOKEN = new TextEncoder().encode('test');

/**
 * @example
 * ```ts
 * const env = new ActivityEnvironment({ attempt: 2, heartbeatDetails: 40 });
 * assert.equal(await env.run(copyRows, 100), 60);
 * assert.deepEqual(env.heartbeats.at(-1), 100);
 * ```
 * Emits `heartbeat` with the details of each heartbeat, while the activity runs.
 */
export class ActivityEnvironment extends EventEmitter<{ heartbeat: [details: unknown] }> {
  /** Details of all heartbeats, in order, also of those that a worker would not send because another follows soon. */
  readonly heartbeats: unknown[] = [];
  readonly #info: Partial<Info>;
  readonly #options: ActivityEnvironmentOptions;
  readonly #keeper = new TimeKeeper(Date.now());
  #cancellation = new ActivityCancellation();
  #work: Work | undefined;
  #context: Context | undefined;
  #onHeartbeat: (() => void) | undefined;

  /** @param info what `Context.info` is to say; the rest is filled in. Timeouts in it are enforced. */
  constructor(info: Partial<Info> = {}, options: ActivityEnvironmentOptions = {}) {
    super();
    this.#info = info;
    this.#options = options;
  }

  /** What `Context.current()` gives inside the activity: of the call under way, the last one, or the first one that is to come. */
  get context(): Context {
    return (this.#context ??= this.#newContext(completeInfo(this.#info, '', this.#keeper.now())));
  }

  /**
   * Calls the function as a worker would.
   *
   * @returns what it returns. @throws what it throws; TimeoutFailure when a timeout of `info` has passed.
   */
  async run<A extends AnyActivity>(activity: A, ...args: Parameters<A>): Promise<Awaited<ReturnType<A>>> {
    return this.#attempt(activity, args, this.#info);
  }

  /**
   * Runs the function, and then once more as the attempt that follows when the report of the first one was lost: with the same
   * idempotency key, and the heartbeat details of the first attempt. What the two did to the world is for the test to look at.
   *
   * @throws Error if the results differ; what the function throws.
   */
  async runTwice<A extends AnyActivity>(activity: A, ...args: Parameters<A>): Promise<{ first: Awaited<ReturnType<A>>; second: Awaited<ReturnType<A>> }> {
    const { attempt = 1, heartbeatDetails } = this.#info;
    const first = await this.#attempt(activity, structuredClone(args), this.#info);
    const second = await this.#attempt(activity, args, { ...this.#info, attempt: attempt + 1, heartbeatDetails: this.heartbeats.at(-1) ?? heartbeatDetails });
    if (isDeepStrictEqual(first, second)) return { first, second };
    throw new Error(
      `Activity ${activity.name || 'function'} is not idempotent: its second attempt gave ${JSON.stringify(second)}, the first one ${JSON.stringify(first)}. ` +
        'An activity runs at least once: hand info.idempotencyKey to the system that it changes, or look first whether the work is done.',
    );
  }

  /** Asks the running activity to stop, as a server does. Later calls change nothing. */
  cancel(reason: CancellationReason = 'CANCELLED', details: ActivityCancellationDetailsOptions = { cancelRequested: true }): void {
    this.#cancellation.request(reason, details);
  }

  /** What the activity's clock shows. */
  currentTime(): Date {
    return new Date(this.#keeper.now());
  }

  async #attempt<A extends AnyActivity>(activity: A, args: Parameters<A>, given: Partial<Info>): Promise<Awaited<ReturnType<A>>> {
    const info = completeInfo(given, activity.name, this.#keeper.now());
    const cancellation = this.#cancellation;
    const work = new Work(this.#keeper, 'activity');
    const timeouts = this.#timeouts(info, cancellation);
    this.#work = work;
    const context = (this.#context = this.#newContext(info));
    const endWait = this.#keeper.beginWait();
    try {
      const call = asyncLocalStorage.run(context, async () => this.#call(activity, args, context) as Promise<Awaited<ReturnType<A>>>);
      return await Promise.race([call, timeouts.passed]);
    } finally {
      timeouts.cancel();
      work.end();
      endWait();
      this.#cancellation = new ActivityCancellation();
    }
  }

  #newContext(info: Info): Context {
    return new Context({
      info,
      cancellation: this.#cancellation,
      heartbeat: (details) => {
        this.heartbeats.push(details);
        this.#onHeartbeat?.();
        this.emit('heartbeat', details);
      },
      logger: () => this.#options.logger ?? new DefaultLogger('ERROR'),
      client: this.#options.client,
      time: { setDelay: (delayMs, run) => this.#work?.delay(delayMs, run) ?? this.#keeper.setDelay(delayMs, run) },
    });
  }

  async #call(activity: AnyActivity, args: readonly unknown[], context: Context): Promise<unknown> {
    const { interceptors = [] } = this.#options;
    const call = (...given: readonly unknown[]): unknown => Reflect.apply(activity, undefined, given);
    return interceptors.length === 0 ? call(...args) : new AttemptInterceptors(interceptors, context).execute(call, [...args], {});
  }

  #timeouts({ startToCloseTimeoutMs, heartbeatTimeoutMs = 0, heartbeatDetails }: Info, cancellation: ActivityCancellation) {
    const timers = new Map<TimeoutType, { cancel(): void }>();
    let fail: (error: Error) => void;
    const passed = new Promise<never>((_resolve, reject) => (fail = reject));
    passed.catch(() => {});
    const arm = (type: TimeoutType, ms: number): void => {
      if (ms <= 0) return;
      timers.get(type)?.cancel();
      const last = (): unknown => this.heartbeats.at(-1) ?? heartbeatDetails;
      const expire = (): void => {
        cancellation.request('TIMED_OUT', { timedOut: true });
        fail(new TimeoutFailure(`activity ${type} timeout`, last(), type));
      };
      timers.set(type, this.#keeper.setDelay(ms, expire));
    };
    arm('START_TO_CLOSE', startToCloseTimeoutMs);
    arm('HEARTBEAT', heartbeatTimeoutMs);
    this.#onHeartbeat = () => arm('HEARTBEAT', heartbeatTimeoutMs);
    const cancel = (): void => {
      this.#onHeartbeat = undefined;
      for (const timer of timers.values()) timer.cancel();
    };
    return { passed, cancel };
  }
}

function completeInfo(info: Partial<Info>, name: string, nowMs: number): Info {
  const execution = { workflowId: 'test', runId: 'test-run' };
  return {
    taskToken: TOKEN,
    base64TaskToken: Buffer.from(TOKEN).toString('base64'),
    activityId: 'test',
    activityType: name || 'unknown',
    namespace: 'default',
    activityNamespace: 'default',
    attempt: 1,
    isLocal: false,
    workflowExecution: execution,
    workflowNamespace: 'default',
    workflowType: 'test',
    scheduledTimestampMs: nowMs,
    currentAttemptScheduledTimestampMs: nowMs,
    scheduleToCloseTimeoutMs: 0,
    startToCloseTimeoutMs: 0,
    heartbeatTimeoutMs: undefined,
    heartbeatDetails: undefined,
    taskQueue: 'test',
    inWorkflow: true,
    idempotencyKey: `${execution.workflowId}/${execution.runId}/${info.activityId ?? 'test'}`,
    ...info,
  };
}
