/**
 * One task queue in memory: the tasks that are ready, the polls that wait, and who polled when.
 *
 * At most one of the two lists holds anything between two calls of the {@link Matching} that owns the queue: whoever can meet, met. Only where workers
 * limit the rate of the queue, both sides may wait for the next moment at which a task may go out.
 * Nothing here is durable. A ready task is owed by its machine and offered again after a restart; a poll is repeated by its worker.
 */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Timer } from '../ports/clock.js';
import type { QueueLoad } from './description.js';
import { DispatchRate } from './dispatch-rate.js';
import { Fifo } from './fifo.js';
import { PollerScaling } from './poller-scaling.js';
import type { QueueSettings } from './queue-settings.js';
import { ReadyTasks } from './ready-tasks.js';
import { TaskRates } from './task-rates.js';
import type { PollerAbout, WaitingPoll } from './waiting-poll.js';

/** Who polled a queue, for DescribeTaskQueue. */
export interface PollerInfo {
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
  /** The limit that the poller asked for. */
  readonly maxTasksPerSecond: number | undefined;
  readonly about: PollerAbout | undefined;
}

/** What a poller says with each poll, and what is remembered of it. */
type Seen = Omit<PollerInfo, 'lastSeenAt'>;

interface Remembered {
  seenAt: number;
  maxTasksPerSecond: number | undefined;
  about: PollerAbout | undefined;
}

/** Names a queue: one of each version of each name. */
export function queueId({ namespace, type, name, version }: TaskQueueAddress): string {
  return version === undefined ? `${namespace}/${type}/${name}` : `${namespace}/${type}/${name}\0${version}`;
}

/** Pollers are remembered for this long. */
const POLLER_MEMORY_MS = 5 * 60_000;
/** Identities remembered for one queue; the one seen longest ago is forgotten first. */
const MAX_REMEMBERED_POLLERS = 1_000;

export class TaskQueue {
  readonly ready: ReadyTasks;
  readonly polls = new Fifo<WaitingPoll>();
  readonly rate = new DispatchRate();
  readonly rates = new TaskRates();
  readonly #scaling = new PollerScaling();
  /** Runs while tasks and polls wait for the rate. */
  rateTimer: Timer | undefined = undefined;
  /** When the task that was added last became ready. */
  newestSince = 0;
  /** The queue belongs to one worker. */
  isSticky = false;
  /** By identity, the one seen last at the end. */
  readonly #pollers = new Map<string, Remembered>();
  #settings: QueueSettings | undefined;
  /** What the latest poll asked for. */
  #workerRatePerSecond: number | undefined;
  /** On the monotonic clock, because a clock that is set must not make a living worker look dead. */
  #lastPollMonotonic = Number.NEGATIVE_INFINITY;

  constructor(
    readonly id: string,
    readonly address: TaskQueueAddress,
    fairnessKeys: number,
  ) {
    this.ready = new ReadyTasks(fairnessKeys);
  }

  get load(): QueueLoad {
    const { address, isSticky, polls, ready } = this;
    return { type: address.type, isSticky, polls: polls.size, tasks: ready.size, oldestSince: ready.size === 0 ? undefined : ready.nextSince };
  }

  get isIdle(): boolean {
    return this.ready.size === 0 && this.polls.size === 0;
  }

  /** What operators have set goes before what workers ask for. */
  configure(settings: QueueSettings | undefined, monotonic: number): void {
    this.#settings = settings;
    this.ready.configure(settings);
    this.#setRate(monotonic);
  }

  /** The latest poll counts, also one that asks for no limit: workers that are rolled out without it must get rid of it. */
  limitByWorker(perSecond: number | undefined, monotonic: number): void {
    if (perSecond === this.#workerRatePerSecond) return;
    this.#workerRatePerSecond = perSecond;
    this.#setRate(monotonic);
  }

  get rateSource(): 'operator' | 'worker' | 'none' {
    return this.#settings?.tasksPerSecond !== undefined ? 'operator' : this.#workerRatePerSecond !== undefined ? 'worker' : 'none';
  }

  /** A poller arrived, or was there when its poll ended. */
  seen({ identity, maxTasksPerSecond, about }: Seen, now: number, monotonic: number): void {
    this.#lastPollMonotonic = monotonic;
    const known = this.#pollers.get(identity);
    if (known?.seenAt === now) return;
    const poller = known ?? { seenAt: now, maxTasksPerSecond, about };
    poller.seenAt = now;
    poller.maxTasksPerSecond = maxTasksPerSecond;
    poller.about = about;
    this.#pollers.delete(identity);
    this.#pollers.set(identity, poller);
    if (this.#pollers.size > MAX_REMEMBERED_POLLERS) {
      for (const oldest of this.#pollers.keys()) {
        this.#pollers.delete(oldest);
        break;
      }
    }
  }

  /** Somebody polls now or did so within `withinMs`. */
  hasPoller(monotonic: number, withinMs: number): boolean {
    return this.polls.size > 0 || monotonic - this.#lastPollMonotonic < withinMs;
  }

  /** A poller hung up. If it was the last one, nobody polls: a worker that lives polls again, and is seen again. */
  vanished(): void {
    if (this.polls.size === 0) this.#lastPollMonotonic = Number.NEGATIVE_INFINITY;
  }

  forgetPollers(): void {
    this.#pollers.clear();
    this.#lastPollMonotonic = Number.NEGATIVE_INFINITY;
  }

  /** What to tell a worker whose poll waited so long for the task that it got. */
  adviseScaling(waitedMs: number, now: number, monotonic: number): -1 | 0 | 1 {
    const since = this.ready.nextSince;
    const oldestTaskMs = since === undefined ? undefined : now - since;
    const load = { waitedMs, oldestTaskMs, waitingPolls: this.polls.size, pollers: this.#pollers.size, isHeldBack: this.rates.isHeldBack(monotonic) };
    return this.#scaling.advise(load, monotonic);
  }

  /** Seen lately, the latest first. */
  pollers(now: number): PollerInfo[] {
    const pollers: PollerInfo[] = [];
    for (const [identity, { seenAt, maxTasksPerSecond, about }] of this.#pollers) {
      if (now - seenAt < POLLER_MEMORY_MS) pollers.push({ identity, lastSeenAt: seenAt, maxTasksPerSecond, about });
    }
    return pollers.reverse();
  }

  #setRate(monotonic: number): void {
    this.rate.set(this.#settings?.tasksPerSecond ?? this.#workerRatePerSecond, monotonic);
  }
}
