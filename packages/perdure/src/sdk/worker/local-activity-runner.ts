/**
 * Runs local activities: as many at a time as the worker allows, the others in the order in which they were asked for.
 *
 * The executor of workflow tasks starts them and is told of each outcome once. Nothing of them is known to the server before the workflow
 * task that waits for them is answered, so this also keeps the time after which a task must be renewed. When the worker shuts down,
 * everything stops and all waiting tasks are renewed at once, so that another worker goes on with the runs.
 */
import type { ActivityInterceptorsFactory } from '../activity/interceptors.js';
import type { Client } from '../client/index.js';
import type { LoadedDataConverter, Logger } from '../common/index.js';
import type { LocalActivityHost, LocalActivityRequest, LocalActivityResolution, RunningLocalActivity } from '../replay/local-activities.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import type { ActivityFunction } from './activity-attempt.js';
import { LocalActivity } from './local-activity.js';

/** A task is renewed when this share of its timeout has passed. */
const RENEW_AFTER_SHARE = 0.8;
/** Local activities that wait for a place. More would only time out. */
const MOST_WAITING = 10_000;

export interface LocalActivityEnvironment {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly activities: ReadonlyMap<string, ActivityFunction>;
  readonly interceptors?: readonly ActivityInterceptorsFactory[] | undefined;
  readonly dataConverter: LoadedDataConverter;
  readonly logger: Logger;
  readonly client?: Client | undefined;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
}

export class LocalActivityRunner implements LocalActivityHost {
  readonly #environment: LocalActivityEnvironment;
  readonly #limit: number;
  readonly #waiting = new Set<LocalActivity>();
  readonly #running = new Set<LocalActivity>();
  readonly #renewals = new Set<() => void>();
  #stopped = false;

  constructor(environment: LocalActivityEnvironment, limit: number) {
    this.#environment = environment;
    this.#limit = limit;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** True after {@link stop}: results that have not come will not come. */
  get stopped(): boolean {
    return this.#stopped;
  }

  has(activityType: string): boolean {
    return this.#environment.activities.has(activityType) || this.#environment.activities.has('default');
  }

  now(): number {
    return (this.#environment.time ?? systemTime).monotonic();
  }

  /** @throws Error when too many wait: the workflow task fails and is tried again later. */
  start(request: LocalActivityRequest, done: (resolution: LocalActivityResolution) => void): RunningLocalActivity {
    if (this.#waiting.size >= MOST_WAITING) {
      throw new Error(
        `${MOST_WAITING} local activities wait on this worker already. Start fewer at once, use activities, or raise maxConcurrentLocalActivityExecutions.`,
      );
    }
    const activity: LocalActivity = new LocalActivity(request, this.#environment, {
      wantsPlace: () => {
        if (this.#stopped) return;
        this.#waiting.add(activity);
        this.#fill();
      },
      leavesPlace: () => {
        if (this.#waiting.delete(activity)) return;
        if (this.#running.delete(activity)) this.#fill();
      },
      done,
    });
    activity.schedule();
    return activity;
  }

  renewAfter(arrivedMs: number, taskTimeoutMs: number, callback: () => void): () => void {
    const renew = (): void => {
      end();
      callback();
    };
    const leftMs = this.#stopped ? 0 : arrivedMs + taskTimeoutMs * RENEW_AFTER_SHARE - this.now();
    const timer = (this.#environment.time ?? systemTime).setDelay(Math.max(0, leftMs), renew);
    const end = (): void => {
      timer.cancel();
      this.#renewals.delete(renew);
    };
    this.#renewals.add(renew);
    return end;
  }

  /** Ends everything; see the comment at the top. */
  stop(): void {
    this.#stopped = true;
    for (const activity of [...this.#waiting, ...this.#running]) activity.abandon();
    for (const renew of [...this.#renewals]) renew();
  }

  #fill(): void {
    for (const activity of this.#waiting) {
      if (this.#running.size >= this.#limit) return;
      this.#waiting.delete(activity);
      this.#running.add(activity);
      activity.run();
    }
  }
}
