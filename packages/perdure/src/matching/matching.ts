/**
 * Matching: waiting pollers meet ready tasks, in memory.
 *
 * Invariants:
 * - Polls are served first in, first out; tasks too, within their priority and fairness key (`ready-tasks.ts`). Every operation takes constant
 *   time, however many wait; with priorities, logarithmic in the number of keys.
 * - A task meets one poll at a time, and never one whose worker has gone.
 * - Nothing here is durable and nothing needs to be: tasks are debts of machines (`host/debts.ts` offers them, and again after a
 *   restart), polls are repeated by workers, queries die with their asker.
 * - Everything is bounded. Beyond the limit a poll or query is refused RESOURCE_EXHAUSTED; a task is turned away, and `onSpace` says
 *   when there is room again.
 *
 * The frontend polls, describes and configures; the host offers and withdraws.
 */
import type { RoutingTarget, TaskQueueAddress } from '../machines/machine.js';
import type { Clock } from '../ports/clock.js';
import { DEFAULT_LIMITS, type MatchingLimits } from './limits.js';
import { describeQueue, IDLE_QUEUE, mergeDescriptions, type Backlog, type QueueLoad, type TaskQueueDescription } from './description.js';
import { resourceExhausted } from './resource-exhausted.js';
import { QueryTask } from './query-task.js';
import type { QueueSettings } from './queue-settings.js';
import type { ReadyTask } from './ready-task.js';
import { Routings, withVersion, type QueueRouting, type RoutingKey } from './routing.js';
import { queueId, TaskQueue } from './task-queue.js';
import { WaitingPoll, type PollRequest } from './waiting-poll.js';

export type { Backlog, QueueLoad, QueueStats, TaskQueueDescription } from './description.js';
export type { QueueSettings } from './queue-settings.js';
export { ReadyTask } from './ready-task.js';
export type { QueueRouting } from './routing.js';
export type { PollerInfo } from './task-queue.js';
export { WaitingPoll, type EndSignal, type PollRequest } from './waiting-poll.js';
export type { MatchingLimits } from './limits.js';

export interface MatchingOptions {
  readonly clock: Clock;
  readonly limits?: Partial<MatchingLimits>;
}

export class Matching {
  /** Called when tasks were turned away and there is room for many again. Set by the host. */
  onSpace: (() => void) | undefined = undefined;

  readonly #clock: Clock;
  readonly #limits: MatchingLimits;
  readonly #queues = new Map<string, TaskQueue>();
  /** By queue id. They outlive the queue, which is forgotten when it is idle. */
  readonly #settings = new Map<string, QueueSettings>();
  readonly #routings = new Routings();
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
      const poll = new WaitingPoll(queue, request, resolve, reject, this.#onPollEnd);
      queue.isSticky = request.sticky === true;
      const monotonic = this.#clock.monotonic();
      queue.seen(poll, this.#clock.now(), monotonic);
      queue.limitByWorker(poll.maxTasksPerSecond, monotonic);
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
    if (this.#closed || task.line !== undefined) return !this.#closed;
    if (this.#readyTasks >= this.#limits.readyTasks && !this.#isWaitedFor(task)) {
      this.#overflowed = true;
      return false;
    }
    const queue = this.#enqueue(task, 'back');
    queue.rates.added(task);
    this.#settle(queue);
    return true;
  }

  /** Offers a task again that lost its poll: it keeps its turn. */
  offerFirst(task: ReadyTask): void {
    if (!this.#closed && task.line === undefined) this.#settle(this.#enqueue(task, 'front'));
  }

  /** Withdraws a task. Harmless if it does not wait. */
  retract(task: ReadyTask): void {
    if (task.line === undefined) return;
    const queue = task.waitsOn ?? this.#use(task.queue);
    queue.ready.remove(task);
    this.#leftReady();
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
  offerQuery(address: TaskQueueAddress, task: unknown, signal: AbortSignal, routingKey = ''): void {
    if (signal.aborted) return;
    const query = new QueryTask(address, this.#clock.now(), task, routingKey);
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
    return this.#queues.get(queueId(address))?.adviseScaling(waitedMs, this.#clock.now(), this.#clock.monotonic()) ?? 0;
  }

  /** How many tasks wait on a queue. */
  readyTasks(address: TaskQueueAddress): number {
    return this.#queues.get(queueId(address))?.ready.size ?? 0;
  }

  /** Which versions of worker deployments get what waits on a queue, from now on. Undefined: workers without a version. */
  route(address: TaskQueueAddress, routing: QueueRouting | undefined): void {
    if (this.#closed) return;
    const before = this.#routings.get(address);
    this.#routings.set(address, routing);
    for (const member of this.#routings.family(address, before)) {
      for (const task of this.#queues.get(queueId(member))?.ready ?? []) {
        if (queueId(this.resolve(task.queue, task.routingKey)) === task.waitsOn?.id) continue;
        this.retract(task);
        this.#settle(this.#enqueue(task, 'back'));
      }
    }
  }

  /** Some queue has a routing. */
  get isRouting(): boolean {
    return this.#routings.size > 0;
  }

  routing(address: TaskQueueAddress): QueueRouting | undefined {
    return this.#routings.get(address);
  }

  /** Where the routing of a queue leads for an execution. Undefined: it has none. */
  target(address: TaskQueueAddress, routingKey: RoutingKey): RoutingTarget | undefined {
    return this.#routings.target(address, routingKey);
  }

  /** The queue on which a task waits that is offered to this one. */
  resolve(address: TaskQueueAddress, routingKey: RoutingKey): TaskQueueAddress {
    return this.#routings.resolve(address, routingKey);
  }

  /** The queue together with those of its versions. */
  describeAll(address: TaskQueueAddress): TaskQueueDescription {
    if (this.#routings.get(address) === undefined) return this.describe(address);
    return mergeDescriptions([...this.#routings.family(address)].map((member) => this.describe(member)));
  }

  describe(address: TaskQueueAddress): TaskQueueDescription {
    const queue = this.#queues.get(queueId(address));
    if (queue !== undefined) return describeQueue(queue, this.#clock.now(), this.#clock.monotonic());
    const tasksPerSecond = this.#settingsOf(address)?.tasksPerSecond;
    return tasksPerSecond === undefined ? IDLE_QUEUE : { ...IDLE_QUEUE, rate: { perSecond: tasksPerSecond, source: 'operator' } };
  }

  /** What operators have set for a queue. Holds until it is replaced; undefined: nothing. */
  configure(address: TaskQueueAddress, settings: QueueSettings | undefined): void {
    if (this.#closed) return;
    if (settings === undefined) this.#settings.delete(queueId(address));
    else this.#settings.set(queueId(address), settings);
    for (const member of this.#routings.family(address)) {
      const queue = this.#queues.get(queueId(member));
      queue?.configure(settings, this.#clock.monotonic());
      if (queue !== undefined) this.#settle(queue);
    }
  }

  /** A rate limits what this queue hands out: nothing may get around it. */
  isLimited(address: TaskQueueAddress): boolean {
    const settings = this.#settingsOf(address);
    if (settings?.tasksPerSecond !== undefined || settings?.keyTasksPerSecond !== undefined) return true;
    if (!this.isRouting) return this.#queues.get(queueId(address))?.rate.perSecond !== undefined;
    return [...this.#routings.family(address)].some((member) => this.#queues.get(queueId(member))?.rate.perSecond !== undefined);
  }

  /** Every queue of a namespace that is in use or was so lately; those that belong to one worker left out. In no order; one with versions more than once. */
  *queues(namespace: string): Generator<TaskQueueAddress, void, undefined> {
    for (const { address, isSticky } of this.#queues.values()) if (address.namespace === namespace && !isSticky) yield withVersion(address, undefined);
  }

  /** What waits on each queue. */
  *loads(): Generator<QueueLoad, void, undefined> {
    for (const queue of this.#queues.values()) yield queue.load;
  }

  /** The queues on which tasks wait for workers. */
  *backlogs(): Generator<Backlog, void, undefined> {
    if (this.#readyTasks === 0) return;
    for (const { address, ready, newestSince } of this.#queues.values()) if (ready.size > 0) yield { address, newestSince };
  }

  /** Ends every poll with `undefined` and forgets every task. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) {
      for (const poll of queue.polls) poll.resolve(undefined);
      for (const task of queue.ready) task.line = undefined;
      queue.rateTimer?.cancel();
    }
    this.#queues.clear();
    this.#idle.clear();
    this.#readyTasks = 0;
  }

  #enqueue(task: ReadyTask, end: 'front' | 'back'): TaskQueue {
    const queue = this.#use(this.#routings.resolve(task.queue, task.routingKey));
    task.waitsOn = queue;
    queue.ready.add(task, end);
    this.#readyTasks += 1;
    queue.newestSince = task.since;
    return queue;
  }

  /** A poll waits that can take the task at once: it adds nothing to what waits, however full it is elsewhere. */
  #isWaitedFor(task: ReadyTask): boolean {
    const queue = this.#queues.get(queueId(this.resolve(task.queue, task.routingKey)));
    return queue !== undefined && queue.polls.size > queue.ready.size;
  }

  /** Lets all meet who can. A meeting may lead to further offers; they queue here, so that the stack stays flat. */
  #settle(queue: TaskQueue): void {
    this.#unsettled.push(queue);
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (let next = this.#unsettled.shift(); next !== undefined; next = this.#unsettled.shift()) {
        while (next.polls.size > 0 && next.ready.size > 0 && this.#meetFirst(next));
        this.#retire(next);
      }
    } finally {
      this.#settling = false;
      this.#unsettled.length = 0;
    }
  }

  /** The task and the poll whose turn it is meet. False: a rate holds them back. */
  #meetFirst(queue: TaskQueue): boolean {
    const monotonic = this.#clock.monotonic();
    const task = this.#nextTask(queue, monotonic);
    const poll = task && queue.polls.shift();
    if (task === undefined || poll === undefined) return false;
    poll.place = undefined;
    queue.seen(poll, this.#clock.now(), monotonic);
    queue.ready.take(task);
    this.#leftReady();
    if (task.meet(poll) === 'taken') {
      queue.rate.count(monotonic);
      queue.ready.dispatched(task, monotonic);
      queue.rates.dispatched(task, monotonic);
    } else if (!poll.ended) poll.place = queue.polls.unshift(poll);
    return true;
  }

  /** Workers and operators may limit the rate of a queue and of its fairness keys: then the next meeting may have to wait. */
  #nextTask(queue: TaskQueue, monotonic: number): ReadyTask | undefined {
    let waitMs = queue.rate.waitMs(monotonic);
    if (waitMs === 0) {
      const task = queue.ready.next(monotonic);
      if (task !== undefined) return task;
      waitMs = queue.ready.heldUntil - monotonic;
    }
    queue.rates.heldBack(monotonic);
    queue.rateTimer?.cancel();
    queue.rateTimer = undefined;
    if (waitMs !== Number.POSITIVE_INFINITY) {
      // Whole milliseconds: what is left of one after rounding could be too little for the clock to move.
      queue.rateTimer = this.#clock.setDelay(Math.ceil(waitMs), () => {
        queue.rateTimer = undefined;
        this.#settle(queue);
      });
    }
    return undefined;
  }

  #leftReady(): void {
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
    poll.queue.seen(poll, this.#clock.now(), this.#clock.monotonic());
    poll.resolve(undefined);
  }

  /** Set for a queue, and so for each of its versions. */
  #settingsOf(address: TaskQueueAddress): QueueSettings | undefined {
    return this.#settings.size === 0 ? undefined : this.#settings.get(queueId(withVersion(address, undefined)));
  }

  /** The queue of this address, about to be used. */
  #use(address: TaskQueueAddress): TaskQueue {
    const id = queueId(address);
    let queue = this.#queues.get(id);
    if (queue === undefined) {
      queue = new TaskQueue(id, address, this.#limits.fairnessKeys);
      const settings = this.#settingsOf(address);
      if (settings !== undefined) queue.configure(settings, this.#clock.monotonic());
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
