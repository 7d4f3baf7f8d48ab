/**
 * Something that waits on a task queue for a worker: a task that a machine owes (made by the host), or a query.
 *
 * The object is its own handle: whoever offers it keeps it, to withdraw it or to see whether it still waits.
 */
import type { TaskQueueAddress } from '../machines/machine.js';
import type { Place } from './fifo.js';
import type { WaitingPoll } from './waiting-poll.js';

export abstract class ReadyTask {
  /** Set by {@link Matching} while the task waits. */
  place: Place<ReadyTask> | undefined = undefined;

  constructor(
    readonly queue: TaskQueueAddress,
    /** When it became ready, in milliseconds since the epoch. */
    readonly since: number,
  ) {}

  /**
   * A poll was found; task and poll have both left the queue. `taken`: the task answers the poll, now or later, or gives it back.
   * `stale`: the task is gone, and the poll goes back to the front of the queue.
   */
  abstract meet(poll: WaitingPoll): 'taken' | 'stale';

  /** The worker that owned this queue said goodbye; the task has left the queue. */
  abstract abandoned(): void;
}
