/**
 * A query that waits for a worker. No machine owes it: it needs no transition, and it is gone when its asker is gone.
 */
import type { TaskQueueAddress } from '../machines/machine.js';
import { ReadyTask } from './ready-task.js';
import type { WaitingPoll } from './waiting-poll.js';

export class QueryTask extends ReadyTask {
  /** Called once the query has left the queue for a poll. */
  onMet: () => void = () => {};
  readonly #task: unknown;
  readonly #routingKey: string;

  constructor(queue: TaskQueueAddress, since: number, task: unknown, routingKey: string) {
    super(queue, since);
    this.#routingKey = routingKey;
    this.#task = task;
  }

  override get routingKey(): string {
    return this.#routingKey;
  }

  override get isTask(): boolean {
    return false;
  }

  override meet(poll: WaitingPoll): 'taken' {
    this.onMet();
    poll.resolve(this.#task);
    return 'taken';
  }

  /** Its asker runs into its own deadline, or asks again and finds that nobody polls. */
  override abandoned(): void {
    this.onMet();
  }
}
