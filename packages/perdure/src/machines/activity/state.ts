/**
 * The state of an activity without a workflow: what was asked for, its attempts, how it ended.
 *
 * Its data is the message of its snapshot, so that live and stored state cannot drift apart. `apply.ts` alone changes it, live and in a
 * fold. It holds no history: events that are past leave nothing but what they changed.
 */
import { ActivityExecutionStatus, ActivityState, StandaloneScheduled, StandaloneSnapshot } from '../../protocol/index.js';
import { heldBytes } from '../workflow/activities/attempt.js';

export class StandaloneState {
  data: StandaloneSnapshot = StandaloneSnapshot.create({ scheduled: {}, activity: {} });

  get scheduled(): StandaloneScheduled {
    return (this.data.scheduled ??= StandaloneScheduled.create({}));
  }

  get activity(): ActivityState {
    return (this.data.activity ??= ActivityState.create({}));
  }

  get isOpen(): boolean {
    return this.data.closed === undefined;
  }

  /** Between the request and its end. */
  get isCancelRequested(): boolean {
    return this.isOpen && this.data.cancelRequested !== undefined;
  }

  /** When the first attempt may begin. */
  get firstAttemptMs(): number {
    return Math.ceil(this.data.scheduledMs + this.data.startDelayMs);
  }

  /** As clients see it. A pause shows once no attempt is under way any more. */
  get status(): ActivityExecutionStatus {
    const { closed } = this.data;
    if (closed !== undefined) return statusOf(closed.status);
    return this.activity.paused && !this.activity.started ? ActivityExecutionStatus.PAUSED : ActivityExecutionStatus.RUNNING;
  }

  /** Roughly what it holds: constant time. */
  get sizeBytes(): number {
    const { closed } = this.data;
    const { searchAttributes, userMetadata, links } = this.scheduled;
    const outcome = (closed?.result?.byteLength ?? 0) + (closed?.failure?.byteLength ?? 0);
    return 1500 + heldBytes(this.activity) + outcome + (searchAttributes?.byteLength ?? 0) + (userMetadata?.byteLength ?? 0) + links.length * 200;
  }
}

const STATUSES: readonly ActivityExecutionStatus[] = Object.values(ActivityExecutionStatus);

function statusOf(number: number): ActivityExecutionStatus {
  return STATUSES.find((status) => status === number) ?? ActivityExecutionStatus.UNSPECIFIED;
}
