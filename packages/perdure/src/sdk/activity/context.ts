/**
 * The context of the running activity and its short forms.
 *
 * The worker makes one {@link Context} per attempt and runs the activity function inside {@link asyncLocalStorage}, so that
 * `Context.current()` finds it in nested calls and after every `await`, while hundreds of activities share the thread.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client } from '../client/index.js';
import { IllegalStateError, msToNumber, noopMetricMeter, type Duration, type LogLevel, type LogMetadata, type Logger, type MetricMeter } from '../common/index.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import type { ActivityCancellation, ActivityCancellationDetails } from './cancellation.js';
import type { Info } from './info.js';

/** The longest timer that the runtime can wait for: one more millisecond and it would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Carries the context of the running activity. Code that runs callbacks on its own may enter it with `run`. */
export const asyncLocalStorage = new AsyncLocalStorage<Context>();

/** What a {@link Context} is made of. Workers and test environments build it; activity code never does. */
export interface ContextParts {
  readonly info: Info;
  readonly cancellation: ActivityCancellation;
  readonly heartbeat: (details: unknown) => void;
  /** Asked at each use: most attempts log nothing. */
  readonly logger: () => Logger;
  /** Asked at each use. Default: a meter whose values go nowhere. */
  readonly metricMeter?: (() => MetricMeter) | undefined;
  readonly client?: Client | undefined;
  /** What sleeps wait for. Default: the machine's clock. */
  readonly time?: Pick<WorkerTime, 'setDelay'> | undefined;
}

/**
 * What an activity function can ask of its surroundings.
 *
 * ```ts
 * import { Context } from 'perdure/activity';
 *
 * export async function copyRows(total: number): Promise<void> {
 *   const context = Context.current();
 *   for (let row = Number(context.info.heartbeatDetails ?? 0); row < total; row++) {
 *     await copyRow(row, { signal: context.cancellationSignal });
 *     context.heartbeat(row + 1);
 *   }
 * }
 * ```
 */
export class Context {
  readonly info: Info;
  readonly #parts: ContextParts;

  /** @internal Workers and test environments only. */
  constructor(parts: ContextParts) {
    this.info = parts.info;
    this.#parts = parts;
  }

  /**
   * The context of the activity that runs here.
   *
   * @throws IllegalStateError outside of an activity.
   */
  static current(): Context {
    const context = asyncLocalStorage.getStore();
    if (context === undefined) {
      throw new IllegalStateError(
        'No activity is running here. Call this from an activity function that a worker runs; in a workflow, import from ' +
          "'perdure/workflow' instead; code that left the asynchronous call chain must be given the Context as a parameter.",
      );
    }
    return context;
  }

  /** Logs through the runtime's logger, with the activity's id, type, attempt and workflow attached. */
  get log(): Logger {
    return this.#parts.logger();
  }

  /** Makes metrics that the worker exports, tagged with `namespace`, `taskQueue` and `activityType`. */
  get metricMeter(): MetricMeter {
    return this.#parts.metricMeter?.() ?? noopMetricMeter;
  }

  /**
   * A promise that never resolves and rejects with a `CancelledFailure` when the activity is to stop.
   *
   * An activity hears of a cancellation through the replies to its heartbeats: one that never heartbeats is told only of the worker's
   * shutdown and of its own timeout.
   */
  get cancelled(): Promise<never> {
    return this.#parts.cancellation.promise;
  }

  /** Aborted when {@link cancelled} rejects: hand it to `fetch`, to timers, to child processes. */
  get cancellationSignal(): AbortSignal {
    return this.#parts.cancellation.signal;
  }

  /** Why the activity was cancelled; `undefined` while it is not. */
  get cancellationDetails(): ActivityCancellationDetails | undefined {
    return this.#parts.cancellation.details;
  }

  /** A client for the worker's server and namespace. @throws IllegalStateError where the surroundings have no server. */
  get client(): Client {
    if (this.#parts.client === undefined) throw new IllegalStateError('This activity runs in an environment without a client.');
    return this.#parts.client;
  }

  /**
   * Tells the server that the activity is alive, and how far it is.
   *
   * Returns at once. Calls are throttled to 80 % of the heartbeat timeout (at most 60 s; 30 s without a timeout): only the latest
   * `details` are sent. The next attempt finds them in `info.heartbeatDetails`.
   */
  readonly heartbeat = (details?: unknown): void => {
    this.#parts.heartbeat(details);
  };

  /**
   * Waits; rejects with a `CancelledFailure` when the activity is cancelled meanwhile.
   *
   * @param duration milliseconds, or a string like `'5 minutes'`; at most 24.8 days.
   */
  readonly sleep = (duration: Duration): Promise<void> => {
    const ms = msToNumber(duration);
    if (ms > LONGEST_TIMER_MS) {
      return Promise.reject(new RangeError(`An activity can sleep for at most ${LONGEST_TIMER_MS} ms. Sleep in the workflow instead.`));
    }
    return new Promise<void>((resolve, reject) => {
      let timer: { cancel(): void } | undefined;
      const stopObserving = this.#parts.cancellation.observe((failure) => {
        timer?.cancel();
        reject(failure);
      });
      if (this.#parts.cancellation.failure !== undefined) return;
      timer = (this.#parts.time ?? systemTime).setDelay(ms, () => {
        stopObserving();
        resolve();
      });
    });
  };
}

/** Short for `Context.current().info`. */
export function activityInfo(): Info {
  return Context.current().info;
}

/** Short for `Context.current().heartbeat(details)`. */
export function heartbeat(details?: unknown): void {
  Context.current().heartbeat(details);
}

/** Short for `Context.current().sleep(duration)`. */
export function sleep(duration: Duration): Promise<void> {
  return Context.current().sleep(duration);
}

/** Short for `Context.current().cancelled`. */
export function cancelled(): Promise<never> {
  return Context.current().cancelled;
}

/** Short for `Context.current().cancellationSignal`. */
export function cancellationSignal(): AbortSignal {
  return Context.current().cancellationSignal;
}

/** Short for `Context.current().cancellationDetails`. */
export function cancellationDetails(): ActivityCancellationDetails | undefined {
  return Context.current().cancellationDetails;
}

/** Short for `Context.current().client`. */
export function getClient(): Client {
  return Context.current().client;
}

/** Short for `Context.current().metricMeter`. */
export const metricMeter: MetricMeter = {
  createCounter: (...args) => Context.current().metricMeter.createCounter(...args),
  createHistogram: (...args) => Context.current().metricMeter.createHistogram(...args),
  createGauge: (...args) => Context.current().metricMeter.createGauge(...args),
  createUpDownCounter: (...args) => Context.current().metricMeter.createUpDownCounter(...args),
  withTags: (tags) => Context.current().metricMeter.withTags(tags),
};

/** Short for `Context.current().log`. */
export const log: Logger = {
  log: (level: LogLevel, message: string, meta?: LogMetadata) => Context.current().log.log(level, message, meta),
  trace: (message, meta) => Context.current().log.trace(message, meta),
  debug: (message, meta) => Context.current().log.debug(message, meta),
  info: (message, meta) => Context.current().log.info(message, meta),
  warn: (message, meta) => Context.current().log.warn(message, meta),
  error: (message, meta) => Context.current().log.error(message, meta),
};
