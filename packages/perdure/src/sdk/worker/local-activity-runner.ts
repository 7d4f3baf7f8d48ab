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
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import type { ActivityFunction } from './activity-attempt.js';
import { LocalActivity } from './local-activity.js';
import type { Slot, SlotSource } from './slots/slots.js';

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
  /** Absent: nobody wants metrics. */
  readonly metrics?: WorkerMetrics | undefined;
  /** Default: the machine's clock. */
  readonly time?: WorkerTime | undefined;
}

export class LocalActivityRunner implements LocalActivityHost {
  readonly #environment: LocalActivityEnvironment;
  /** Of those that run. */
  readonly slots: SlotSource;
  /** Local activities that have ended, with all their attempts. */
  readonly counts = { processed: 0, failed: 0 };
  readonly #waiting = new Set<LocalActivity>();
  readonly #running = new Map<LocalActivity, Slot>();
  #waitsForSlot = false;
  readonly #renewals = new Set<() => void>();
  #stopped = false;

  constructor(environment: LocalActivityEnvironment, slots: SlotSource) {
    this.#environment = environment;
    this.slots = slots;
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
        const slot = this.#running.get(activity);
        if (slot === undefined) return;
        this.#running.delete(activity);
        slot.release();
        this.#fill();
      },
      done: (resolution) => {
        this.counts.processed += 1;
        if (resolution.outcome.kind === 'failed' || resolution.outcome.kind === 'timed-out') this.counts.failed += 1;
        done(resolution);
      },
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
    for (const activity of [...this.#waiting, ...this.#running.keys()]) activity.abandon();
    this.slots.close();
    for (const renew of [...this.#renewals]) renew();
  }

  #fill(): void {
    for (const activity of this.#waiting) {
      const slot = this.slots.tryTake();
      if (slot === undefined) return void this.#fillLater();
      this.#run(activity, slot);
    }
  }

  /** A slot may come without any of these activities ending: the machine is less busy, or a supplier of the user's has one. */
  async #fillLater(): Promise<void> {
    if (this.#waitsForSlot || this.#stopped) return;
    this.#waitsForSlot = true;
    const slot = await this.slots.take();
    this.#waitsForSlot = false;
    if (slot === undefined) return;
    const [first] = this.#waiting;
    if (first === undefined) return slot.release();
    this.#run(first, slot);
    this.#fill();
  }

  #run(activity: LocalActivity, slot: Slot): void {
    this.#waiting.delete(activity);
    this.#running.set(activity, slot);
    slot.use(activity.activityType);
    activity.run();
  }
}
