/**
 * An activity, from the command to its result.
 *
 * ```
 *  queued ──ActivityTaskScheduled──► scheduled ──Completed|Failed|TimedOut|Canceled──► settled
 *    │ cancel                           │ cancel
 *    ▼                                  ├─ TRY_CANCEL: ask the server, settle now as cancelled
 *  settled (nothing was sent)           ├─ ABANDON: settle now as cancelled
 *                                       └─ WAIT_CANCELLATION_COMPLETED: ask the server, settle by its answer
 * ```
 * Once settled for workflow code, later events say nothing new and are passed over.
 */
import { CommandType, EventType, Failure, RetryState, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import { FAILURE_SOURCE } from '../../common/failure.js';
import type { Job, Resolution, ScheduleActivity } from '../../workflow/activation.js';
import { cancellation, encodeHeader, encodePayloads, encodePriority, failureOf, succeeded, userMetadata } from '../wire.js';
import type { EventListener, MachineHost, QueuedCommand } from './machine.js';

const CANCELLED = 'Activity cancelled';

export class ActivityMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: ScheduleActivity;
  #state: 'queued' | 'scheduled' | 'settled' = 'queued';
  #cancelRequested = false;
  #scheduledEventId = 0;
  #startedEventId = 0;
  #identity = '';

  constructor(host: MachineHost, command: ScheduleActivity) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return `schedule activity '${this.#command.activityType}' (id '${this.#command.activityId}')`;
  }

  get site(): ScheduleActivity['site'] {
    return this.#command.site;
  }

  matches(event: HistoryEvent): boolean {
    const scheduled = event.activityTaskScheduledEventAttributes;
    return scheduled?.activityId === this.#command.activityId && scheduled.activityType?.name === this.#command.activityType;
  }

  recorded(event: HistoryEvent): void {
    this.#state = 'scheduled';
    this.#scheduledEventId = event.eventId;
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    const command = this.#command;
    return {
      commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
      userMetadata: userMetadata(command.summary),
      scheduleActivityTaskCommandAttributes: {
        activityId: command.activityId,
        activityType: { name: command.activityType },
        taskQueue: { name: command.taskQueue ?? this.#host.taskQueue },
        header: encodeHeader(command.headers),
        input: encodePayloads(command.input),
        scheduleToCloseTimeout: command.scheduleToCloseTimeoutMs,
        scheduleToStartTimeout: command.scheduleToStartTimeoutMs,
        startToCloseTimeout: command.startToCloseTimeoutMs,
        heartbeatTimeout: command.heartbeatTimeoutMs,
        retryPolicy: command.retryPolicy,
        priority: encodePriority(command.priority),
        // May come back with the reply: whether it is asked for depends on the worker.
        requestEagerExecution: command.allowEagerDispatch,
      },
    };
  }

  /** The workflow wants it no more. */
  requestCancel(): void {
    if (this.#state === 'settled' || this.#cancelRequested) return;
    if (this.#state === 'queued') this.#host.withdraw(this);
    else if (this.#command.cancellation !== 'abandon') {
      this.#cancelRequested = true;
      this.#host.queue(new CancelActivityCommand(this.#scheduledEventId, this.description));
      if (this.#command.cancellation === 'wait-cancellation-completed') return;
    }
    this.#host.tellNow(this.#settle(this.#cancelled(undefined)));
  }

  onEvent(event: HistoryEvent): Job | undefined {
    const started = event.activityTaskStartedEventAttributes;
    if (started !== undefined) {
      this.#startedEventId = event.eventId;
      this.#identity = started.identity;
      return undefined;
    }
    if (this.#state === 'settled') return undefined;
    const result = this.#resultOf(event);
    return result && this.#settle(result);
  }

  #resultOf(event: HistoryEvent): Resolution | undefined {
    const { activityTaskCompletedEventAttributes: completed, activityTaskFailedEventAttributes: failed } = event;
    const { activityTaskTimedOutEventAttributes: timedOut, activityTaskCanceledEventAttributes: cancelled } = event;
    if (completed !== undefined) return succeeded(completed.result);
    if (failed !== undefined) {
      if (failed.identity !== '') this.#identity = failed.identity;
      return this.#failed('Activity task failed', failed.retryState, failureOf(failed.failure));
    }
    if (timedOut !== undefined) return this.#failed('Activity task timed out', timedOut.retryState, failureOf(timedOut.failure));
    return cancelled && this.#cancelled(cancelled.details);
  }

  #settle(result: Resolution): Job {
    this.#state = 'settled';
    return { kind: 'resolve-activity', seq: this.#command.seq, result };
  }

  #cancelled(details: Uint8Array | undefined): Resolution {
    return this.#failed(CANCELLED, RetryState.CANCEL_REQUESTED, cancellation(CANCELLED, details));
  }

  #failed(message: string, retryState: RetryState, cause: Failure): Resolution {
    const failure = Failure.create({
      message,
      source: FAILURE_SOURCE,
      activityFailureInfo: {
        scheduledEventId: this.#scheduledEventId,
        startedEventId: this.#startedEventId,
        identity: this.#identity,
        activityType: { name: this.#command.activityType },
        activityId: this.#command.activityId,
        retryState,
      },
    });
    failure.cause = cause;
    return { ok: false, failure };
  }
}

class CancelActivityCommand implements QueuedCommand {
  readonly site = undefined;
  readonly description: string;
  readonly #scheduledEventId: number;

  constructor(scheduledEventId: number, activity: string) {
    this.#scheduledEventId = scheduledEventId;
    this.description = `request cancellation of what it did to ${activity}`;
  }

  matches(event: HistoryEvent): boolean {
    return (
      event.eventType === EventType.ACTIVITY_TASK_CANCEL_REQUESTED &&
      event.activityTaskCancelRequestedEventAttributes?.scheduledEventId === this.#scheduledEventId
    );
  }

  build(): Init<Command> {
    return {
      commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK,
      requestCancelActivityTaskCommandAttributes: { scheduledEventId: this.#scheduledEventId },
    };
  }
}
