/** A ready task for tests: it answers its poll with its name. */
import type { TaskPriority, TaskQueueAddress } from '../machines/machine.js';
import { seededRandom } from '../ports/random.js';
import { ReadyTask, type WaitingPoll } from './matching.js';

export const ACTIVITY_QUEUE: TaskQueueAddress = { namespace: 'n', name: 'q', type: 'activity' };

export class ScriptedTask extends ReadyTask {
  constructor(
    readonly name: string,
    priority?: Partial<TaskPriority>,
    since = 0,
    readonly isStale = false,
  ) {
    super(ACTIVITY_QUEUE, since, priority && { level: 3, fairnessKey: '', weight: 1, ...priority });
  }

  override meet(poll: WaitingPoll): 'taken' | 'stale' {
    if (this.isStale) return 'stale';
    poll.resolve(this.name);
    return 'taken';
  }

  override abandoned(): void {}
}

/** Numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  const random = seededRandom(seed, { now: () => 0 });
  return () => random.next();
}
