/**
 * Advice for workers that adjust how many polls they keep waiting: one more, one less, or as it is.
 *
 * A poll that waited long before its task came was one too many. Tasks that wait although nobody polls ask for one more. Advice to grow is
 * given only so often, because each answer would repeat it before the polls that it asked for have arrived. Workers that keep a fixed
 * number of polls ignore it.
 */

/** A poll that waited this long for its task was not needed, in milliseconds. */
const IDLE_POLL_MS = 1_000;
/** Tasks that wait for less are only on their way. */
const WAITING_TASK_MS = 200;
/** How often a second one poller may be told to grow. */
const GROW_PER_SECOND = 10;

export interface QueueLoad {
  /** How long the poll waited that got a task, in milliseconds. */
  readonly waitedMs: number;
  /** How long the oldest of the tasks waits that are left; undefined if none is. */
  readonly oldestTaskMs: number | undefined;
  /** Polls that still wait: then tasks are held back by something else than a lack of polls. */
  readonly waitingPolls: number;
  /** Workers seen lately. */
  readonly pollers: number;
  /** A rate limit held tasks back lately: more polls would only wait too. */
  readonly isHeldBack: boolean;
}

export class PollerScaling {
  /** The second that is counted, on the monotonic clock. */
  #second = Number.NEGATIVE_INFINITY;
  #grown = 0;

  advise(load: QueueLoad, monotonic: number): -1 | 0 | 1 {
    if (load.waitedMs >= IDLE_POLL_MS) return -1;
    if (load.oldestTaskMs === undefined || load.oldestTaskMs <= WAITING_TASK_MS || load.waitingPolls > 0 || load.isHeldBack) return 0;
    const second = Math.floor(monotonic / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#grown = 0;
    }
    if (this.#grown >= GROW_PER_SECOND * Math.max(1, load.pollers)) return 0;
    this.#grown += 1;
    return 1;
  }
}
