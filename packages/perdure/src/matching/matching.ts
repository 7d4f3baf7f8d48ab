/**
 * Matching: waiting pollers meet ready tasks, in memory.
 *
 * Invariants:
 * - Both sides are served first in, first out. Every operation takes constant time, however many wait.
 * - A task meets one poll at a time, and never one whose worker has gone.
 * - Nothing here is durable and nothing needs to be: tasks are debts of machines (`host/debts.ts` offers them, and again after a
 *   restart), polls are repeated by workers, queries die with their asker.
 * - Everything is bounded. Beyond the limit a poll or query is refused RESOURCE_EXHAUSTED; a task is turned away, and `onSpace` says
 *   when there is room again.
 *
 * The frontend polls and describes; the host offers and withdraws.
 */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Clock } from '../ports/clock.js';
import { DEFAULT_LIMITS, type MatchingLimits } from './limits.js';
import { resourceExhausted } from './resource-exhausted.js';
import { QueryTask } from './query-task.js';
import type { ReadyTask } from './ready-task.js';
import { TaskQueue, type PollerInfo } from './task-queue.js';
import { WaitingPoll, type PollRequest } from './waiting-poll.js';

export { ReadyTask } from './ready-task.js';
export type { PollerInfo } from './task-queue.js';
export { WaitingPoll, type EndSignal, type PollRequest } from './waiting-poll.js';

export type { MatchingLimits } from './limits.js';

export interface MatchingOptions {
  readonly clock: Clock;
  readonly limits?: Partial<MatchingLimits>;
}

/** What DescribeTaskQueue shows. */
export interface TaskQueueDescription {
  readonly pollers: readonly PollerInfo[];
  readonly waitingPolls: number;
  readonly readyTasks: number;
  /** When the task that waits longest became ready, in milliseconds since the epoch. */
  readonly oldestTaskSince: number | undefined;
}

export class Matching {
  /** Called when tasks were turned away and there is room for many again. Set by the host. */
  onSpace: (() => void) | undefined = undefined;

  readonly #clock: Clock;
  readonly #limits: MatchingLimits;
  readonly #queues = new Map<string, TaskQueue>();
  /** The queues on which nothing waits, the one used longest ago first. */
  readonly #idle = new Map<string, TaskQueue>();
  /** Queues on which somebody may meet. Not empty only while {@link #settle} runs. */
  readonly #unsettled: TaskQueue[] = [];
  #settling = false;
  #waitingPolls = 0;
  #readyTasks = 0;
  #overflowed = false;
  #closed = false;

  constructor(options: MatchingOptions) {
    this.#clock = options.clock;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /**
   * Waits for a task. Resolves with what the task answers, or with `undefined` if none came in time, the signal was aborted, or
   * matching closed.
   * @throws RpcError RESOURCE_EXHAUSTED if too many polls wait; whatever the task's dispatch throws.
   */
  poll(address: TaskQueueAddress, request: PollRequest): Promise<unknown> {
    if (this.#closed || request.signal.aborted) return Promise.resolve(undefined);
    if (this.#waitingPolls >= this.#limits.waitingPolls) {
      return Promise.reject(
        resourceExhausted('CONCURRENT_LIMIT', `${this.#limits.waitingPolls} polls are waiting, which is the limit. Poll again later, or run fewer pollers.`),
      );
    }
    return new Promise((resolve, reject) => {
      const queue = this.#use(address);
      queue.seen(request.identity, this.#clock.now(), this.#clock.monotonic());
      if (request.maxTasksPerSecond !== undefined) queue.rate.set(request.maxTasksPerSecond);
      const poll = new WaitingPoll(queue, request, resolve, reject, this.#onPollEnd);
      this.#waitingPolls += 1;
      poll.place = queue.polls.push(poll);
      this.#settle(queue);
      if (!poll.ended) poll.timer = this.#clock.setDelay(request.timeoutMs, () => this.#expire(poll));
    });
  }

  /**
   * Offers a task to one poller. If one waits, they meet before this returns, unless another meeting is under way: then right after
   * it. False: there are too many ready tasks; offer it again after `onSpace`.
   */
  offer(task: ReadyTask): boolean {
    if (this.#closed || task.place !== undefined) return !this.#closed;
    if (this.#readyTasks >= this.#limits.readyTasks) {
      this.#overflowed = true;
      return false;
    }
    this.#enqueue(task, 'back');
    return true;
  }

  /** Offers a task again that lost its poll: it keeps its turn. */
  offerFirst(task: ReadyTask): void {
    if (!this.#closed && task.place === undefined) this.#enqueue(task, 'front');
  }

  /** Withdraws a task. Harmless if it does not wait. */
  retract(task: ReadyTask): void {
    if (task.place === undefined) return;
    const queue = this.#use(task.queue);
    queue.ready.remove(task.place);
    this.#leftReady(task);
    this.#retire(queue);
  }

  /** A task that held a poll turned out to be stale: the poll waits on, in front. */
  giveBack(poll: WaitingPoll): void {
    if (poll.ended) return;
    if (poll.expired || this.#closed) return poll.resolve(undefined);
    const queue = this.#use(poll.queue.address);
    poll.queue = queue;
    poll.place = queue.polls.unshift(poll);
    this.#settle(queue);
  }

  /**
   * Offers a query. The poll that takes it is answered with `task`. Aborting the signal withdraws it.
   * @throws RpcError RESOURCE_EXHAUSTED if too much waits.
   */
  offerQuery(address: TaskQueueAddress, task: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    const query = new QueryTask(address, this.#clock.now(), task);
    const withdraw = (): void => this.retract(query);
    query.onMet = () => signal.removeEventListener('abort', withdraw);
    signal.addEventListener('abort', withdraw, { once: true });
    if (!this.offer(query)) {
      query.onMet();
      throw resourceExhausted('SYSTEM_OVERLOADED', `${this.#limits.readyTasks} tasks are waiting for workers, which is the limit. Query again later, or run more workers.`);
    }
  }

  /** Somebody polls this queue, or did so a moment ago. */
  hasPoller(address: TaskQueueAddress): boolean {
    const queue = this.#queues.get(queueId(address));
    return queue !== undefined && queue.hasPoller(this.#clock.monotonic(), this.#limits.pollerGoneAfterMs);
  }

  /** The worker that owns this queue shuts down: its polls end with `undefined`, its tasks look for another queue. */
  closeQueue(address: TaskQueueAddress): void {
    const queue = this.#queues.get(queueId(address));
    if (queue === undefined) return;
    for (const poll of queue.polls) poll.resolve(undefined);
    queue.forgetPollers();
    for (const task of queue.ready) {
      this.retract(task);
      task.abandoned();
    }
  }

  /** What to tell a worker whose poll waited so long for the task that it got: to keep one more poll waiting, one less, or as many. */
  adviseScaling(address: TaskQueueAddress, waitedMs: number): -1 | 0 | 1 {
    const queue = this.#queues.get(queueId(address));
    if (queue === undefined) return 0;
    const oldest = queue.ready.first;
    const oldestTaskMs = oldest && this.#clock.now() - oldest.since;
    return queue.scaling.advise({ waitedMs, oldestTaskMs, waitingPolls: queue.polls.size, pollers: queue.rememberedPollers }, this.#clock.monotonic());
  }

  describe(address: TaskQueueAddress): TaskQueueDescription {
    const queue = this.#queues.get(queueId(address));
    return {
      pollers: queue?.pollers(this.#clock.now()) ?? [],
      waitingPolls: queue?.polls.size ?? 0,
      readyTasks: queue?.ready.size ?? 0,
      oldestTaskSince: queue?.ready.first?.since,
    };
  }

  /** Ends every poll with `undefined` and forgets every task. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) {
      for (const poll of queue.polls) poll.resolve(undefined);
      for (const task of queue.ready) task.place = undefined;
      queue.rateTimer?.cancel();
    }
    this.#queues.clear();
    this.#idle.clear();
    this.#readyTasks = 0;
  }

  #enqueue(task: ReadyTask, end: 'front' | 'back'): void {
    const queue = this.#use(task.queue);
    task.place = end === 'back' ? queue.ready.push(task) : queue.ready.unshift(task);
    this.#readyTasks += 1;
    this.#settle(queue);
  }

  /** Lets all meet who can. A meeting may lead to further offers; they queue here, so that the stack stays flat. */
  #settle(queue: TaskQueue): void {
    this.#unsettled.push(queue);
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (let next = this.#unsettled.shift(); next !== undefined; next = this.#unsettled.shift()) {
        while (next.ready.size > 0 && next.polls.size > 0 && this.#mayDispatch(next)) this.#meetFirst(next);
        this.#retire(next);
      }
    } finally {
      this.#settling = false;
      this.#unsettled.length = 0;
    }
  }

  #meetFirst(queue: TaskQueue): void {
    const poll = queue.polls.shift();
    const task = queue.ready.shift();
    if (poll === undefined || task === undefined) return;
    poll.place = undefined;
    queue.seen(poll.identity, this.#clock.now(), this.#clock.monotonic());
    this.#leftReady(task);
    if (task.meet(poll) === 'taken') queue.rate.count(this.#clock.monotonic());
    else if (!poll.ended) poll.place = queue.polls.unshift(poll);
  }

  /** Workers may limit the rate of their queue: then the next meeting may have to wait. */
  #mayDispatch(queue: TaskQueue): boolean {
    const waitMs = queue.rate.waitMs(this.#clock.monotonic());
    if (waitMs === 0) return true;
    queue.rateTimer?.cancel();
    queue.rateTimer = undefined;
    if (waitMs !== Number.POSITIVE_INFINITY) {
      queue.rateTimer = this.#clock.setDelay(waitMs, () => {
        queue.rateTimer = undefined;
        this.#settle(queue);
      });
    }
    return false;
  }

  #leftReady(task: ReadyTask): void {
    task.place = undefined;
    this.#readyTasks -= 1;
    if (this.#overflowed && this.#readyTasks <= this.#limits.readyTasks / 2) {
      this.#overflowed = false;
      this.#clock.defer(() => {
        if (!this.#closed) this.onSpace?.();
      });
    }
  }

  readonly #onPollEnd = (poll: WaitingPoll): void => {
    this.#waitingPolls -= 1;
    const queue = poll.queue;
    if (poll.place === undefined) return;
    queue.polls.remove(poll.place);
    poll.place = undefined;
    // A killed worker's sticky tasks need not wait for the usual ten seconds.
    if (poll.vanished) queue.vanished();
    this.#retire(queue);
  };

  #expire(poll: WaitingPoll): void {
    poll.expired = true;
    if (poll.place === undefined) return;
    poll.queue.seen(poll.identity, this.#clock.now(), this.#clock.monotonic());
    poll.resolve(undefined);
  }

  /** The queue of this address, about to be used. */
  #use(address: TaskQueueAddress): TaskQueue {
    const id = queueId(address);
    let queue = this.#queues.get(id);
    if (queue === undefined) {
      queue = new TaskQueue(id, address);
      this.#queues.set(id, queue);
    }
    this.#idle.delete(id);
    return queue;
  }

  /** Keeps an idle queue only as long as there are not too many: dead workers leave their sticky queues behind. */
  #retire(queue: TaskQueue): void {
    if (!queue.isIdle || this.#queues.get(queue.id) !== queue) return;
    this.#idle.delete(queue.id);
    this.#idle.set(queue.id, queue);
    if (this.#idle.size <= this.#limits.idleQueues) return;
    for (const oldest of this.#idle.keys()) {
      this.#idle.delete(oldest);
      this.#queues.delete(oldest);
      break;
    }
  }
}

function queueId(address: TaskQueueAddress): string {
  return `${address.namespace}/${address.type}/${address.name}`;
}
