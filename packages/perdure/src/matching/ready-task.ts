/**
 * Something that waits on a task queue for a worker: a task that a machine owes (made by the host), or a query.
 *
 * The object is its own handle: whoever offers it keeps it, to withdraw it or to see whether it still waits.
 */
import type { TaskPriority, TaskQueueAddress } from '../machines/machine.js';
import type { Place } from './fifo.js';
import type { HeapItem } from './heap.js';
import type { RoutingKey } from './routing.js';
import type { TaskLine } from './task-line.js';
import type { TaskQueue } from './task-queue.js';
import type { WaitingPoll } from './waiting-poll.js';

export abstract class ReadyTask implements HeapItem {
  /** Set by {@link Matching} while the task waits: the line in which it stands. */
  line: TaskLine | undefined = undefined;
  /** Set with it: the queue in which it stands, which is where the routing of its own queue led. */
  waitsOn: TaskQueue | undefined = undefined;
  /** Belongs to the line. */
  place: Place<ReadyTask> | undefined = undefined;
  /** Belongs to the line. */
  heapIndex = -1;

  constructor(
    readonly queue: TaskQueueAddress,
    /** When it became ready, in milliseconds since the epoch. */
    readonly since: number,
    /** Left out: the usual one. */
    readonly priority: TaskPriority | undefined = undefined,
  ) {}

  /** What decides whether it belongs to the share of a ramping version. */
  get routingKey(): RoutingKey {
    return '';
  }

  /** Whether the rates and counts of its queue count it. */
  get isTask(): boolean {
    return true;
  }

  /**
   * A poll was found; task and poll have both left the queue. `taken`: the task answers the poll, now or later, or gives it back.
   * `stale`: the task is gone, and the poll goes back to the front of the queue.
   */
  abstract meet(poll: WaitingPoll): 'taken' | 'stale';

  /** The worker that owned this queue said goodbye; the task has left the queue. */
  abstract abandoned(): void;
}
