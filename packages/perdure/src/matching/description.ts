/** What operators are told of a queue: who polls, what waits, how fast it moves. Derived from the queue when somebody asks. */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { PollerInfo, TaskQueue } from './task-queue.js';

export interface QueueStats {
  readonly backlogCount: number;
  /** When the task that waits longest became ready, in milliseconds since the epoch. */
  readonly oldestSince: number | undefined;
  /** Tasks in a second, in the last half minute. */
  readonly addRate: number;
  readonly dispatchRate: number;
  /** A rate limit held tasks back lately. */
  readonly isHeldBack: boolean;
}

/** A queue on which tasks wait, and since when the one that came last does, in milliseconds since the epoch. */
export interface Backlog {
  readonly address: TaskQueueAddress;
  readonly newestSince: number;
}

/** What waits on one queue. */
export interface QueueLoad {
  readonly type: TaskQueueAddress['type'];
  readonly isSticky: boolean;
  readonly polls: number;
  readonly tasks: number;
  /** Since when the task that is next does, in milliseconds since the epoch. */
  readonly oldestSince: number | undefined;
}

/** What DescribeTaskQueue shows. */
export interface TaskQueueDescription {
  readonly pollers: readonly PollerInfo[];
  readonly waitingPolls: number;
  readonly readyTasks: number;
  /** When the task that waits longest became ready, in milliseconds since the epoch. */
  readonly oldestTaskSince: number | undefined;
  /** By priority level, those on which something waits or there were tasks since the queue is known. */
  readonly levels: ReadonlyMap<number, QueueStats>;
  readonly isHeldBack: boolean;
  /** The limit in force. */
  readonly rate: { readonly perSecond: number | undefined; readonly source: 'operator' | 'worker' | 'none' };
}

/** A queue that nobody has used. */
export const IDLE_QUEUE: TaskQueueDescription = {
  pollers: [],
  waitingPolls: 0,
  readyTasks: 0,
  oldestTaskSince: undefined,
  levels: new Map(),
  isHeldBack: false,
  rate: { perSecond: undefined, source: 'none' },
};

/** A queue and those of its versions, as one. */
export function mergeDescriptions(descriptions: readonly TaskQueueDescription[]): TaskQueueDescription {
  const [first = IDLE_QUEUE] = descriptions;
  const levels = new Map<number, QueueStats>();
  for (const description of descriptions) {
    for (const [level, stats] of description.levels) {
      const known = levels.get(level);
      levels.set(level, known === undefined ? stats : addStats(known, stats));
    }
  }
  const oldest = descriptions.flatMap(({ oldestTaskSince }) => oldestTaskSince ?? []);
  return {
    pollers: descriptions.flatMap(({ pollers }) => pollers).sort((one, other) => other.lastSeenAt - one.lastSeenAt),
    waitingPolls: descriptions.reduce((sum, { waitingPolls }) => sum + waitingPolls, 0),
    readyTasks: descriptions.reduce((sum, { readyTasks }) => sum + readyTasks, 0),
    oldestTaskSince: oldest.length === 0 ? undefined : Math.min(...oldest),
    levels,
    isHeldBack: descriptions.some(({ isHeldBack }) => isHeldBack),
    rate: descriptions.find(({ rate }) => rate.perSecond !== undefined)?.rate ?? first.rate,
  };
}

function addStats(one: QueueStats, other: QueueStats): QueueStats {
  return {
    backlogCount: one.backlogCount + other.backlogCount,
    oldestSince: one.oldestSince === undefined ? other.oldestSince : Math.min(one.oldestSince, other.oldestSince ?? one.oldestSince),
    addRate: one.addRate + other.addRate,
    dispatchRate: one.dispatchRate + other.dispatchRate,
    isHeldBack: one.isHeldBack || other.isHeldBack,
  };
}

/** @param now milliseconds since the epoch */
export function describeQueue(queue: TaskQueue, now: number, monotonic: number): TaskQueueDescription {
  const isHeldBack = queue.rates.isHeldBack(monotonic);
  const levels = new Map<number, QueueStats>();
  for (const [level, rates] of queue.rates.levels(now, monotonic)) levels.set(level, { backlogCount: 0, oldestSince: undefined, isHeldBack, ...rates });
  let oldestTaskSince: number | undefined;
  for (const [level, { count, oldestSince }] of queue.ready.levels()) {
    levels.set(level, { addRate: 0, dispatchRate: 0, isHeldBack, ...levels.get(level), backlogCount: count, oldestSince });
    oldestTaskSince = Math.min(oldestTaskSince ?? oldestSince, oldestSince);
  }
  return {
    pollers: queue.pollers(now),
    waitingPolls: queue.polls.size,
    readyTasks: queue.ready.size,
    oldestTaskSince,
    levels,
    isHeldBack,
    rate: { perSecond: queue.rate.perSecond, source: queue.rateSource },
  };
}
