/**
 * One task queue in memory: the tasks that are ready, the polls that wait, and who polled when.
 *
 * At most one of the two lists holds anything between two calls of the {@link Matching} that owns the queue: whoever can meet, met. Only where workers
 * limit the rate of the queue, both sides may wait for the next moment at which a task may go out.
 * Nothing here is durable. A ready task is owed by its machine and offered again after a restart; a poll is repeated by its worker.
 */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Timer } from '../ports/clock.js';
import { DispatchRate } from './dispatch-rate.js';
import { Fifo } from './fifo.js';
import { PollerScaling } from './poller-scaling.js';
import type { ReadyTask } from './ready-task.js';
import type { WaitingPoll } from './waiting-poll.js';

/** Who polled a queue, for DescribeTaskQueue. */
export interface PollerInfo {
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
}

/** Pollers are remembered for this long. */
const POLLER_MEMORY_MS = 5 * 60_000;
/** Identities remembered for one queue; the one seen longest ago is forgotten first. */
const MAX_REMEMBERED_POLLERS = 1_000;

export class TaskQueue {
  readonly ready = new Fifo<ReadyTask>();
  readonly polls = new Fifo<WaitingPoll>();
  readonly rate = new DispatchRate();
  readonly scaling = new PollerScaling();
  /** Runs while tasks and polls wait for the rate. */
  rateTimer: Timer | undefined = undefined;
  /** By identity, the one seen last at the end. */
  readonly #pollers = new Map<string, number>();
  /** On the monotonic clock, because a clock that is set must not make a living worker look dead. */
  #lastPollMonotonic = Number.NEGATIVE_INFINITY;

  constructor(
    readonly id: string,
    readonly address: TaskQueueAddress,
  ) {}

  get isIdle(): boolean {
    return this.ready.size === 0 && this.polls.size === 0;
  }

  /** A poller arrived, or was there when its poll ended. */
  seen(identity: string, now: number, monotonic: number): void {
    this.#lastPollMonotonic = monotonic;
    if (this.#pollers.get(identity) === now) return;
    this.#pollers.delete(identity);
    this.#pollers.set(identity, now);
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

  get rememberedPollers(): number {
    return this.#pollers.size;
  }

  /** Seen lately, the latest first. */
  pollers(now: number): PollerInfo[] {
    const pollers: PollerInfo[] = [];
    for (const [identity, lastSeenAt] of this.#pollers) {
      if (now - lastSeenAt < POLLER_MEMORY_MS) pollers.push({ identity, lastSeenAt });
    }
    return pollers.reverse();
  }
}
