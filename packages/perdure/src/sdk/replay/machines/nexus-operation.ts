/**
 * A Nexus operation, from the command to its result.
 *
 * ```
 *  queued ──Scheduled──► scheduled ──Started──► started ──Completed|Failed|Canceled|TimedOut──► settled
 *    │ cancel                │                     │ cancel
 *    ▼                       └──Completed|…──►     ├─ TRY_CANCEL: ask, settle now as cancelled
 *  settled (nothing sent)      settled (no start)  ├─ ABANDON: settle now as cancelled
 *                                                  ├─ WAIT_CANCELLATION_REQUESTED: ask, settle when the handler has been told
 *                                                  └─ WAIT_CANCELLATION_COMPLETED: ask, settle by its end
 * ```
 * An operation that ended within its start has no Started event. Once settled for workflow code, later events say nothing new.
 */
import { CommandType, Failure, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import { FAILURE_SOURCE } from '../../common/failure.js';
import type { Job, Resolution, ScheduleNexusOperation } from '../../workflow/activation.js';
import { cancellation, failureOf, userMetadata } from '../wire.js';
import type { EventListener, MachineHost, QueuedCommand } from './machine.js';

export class NexusOperationMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: ScheduleNexusOperation;
  #state: 'queued' | 'scheduled' | 'settled' = 'queued';
  #cancelRequested = false;
  #scheduledEventId = 0;
  #token = '';

  constructor(host: MachineHost, command: ScheduleNexusOperation) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return `schedule Nexus operation '${this.#command.operation}' of service '${this.#command.service}'`;
  }

  get site(): ScheduleNexusOperation['site'] {
    return this.#command.site;
  }

  /** The endpoint is not compared: it is the name of a way, which an operator may change while runs are under way. */
  matches(event: HistoryEvent): boolean {
    const scheduled = event.nexusOperationScheduledEventAttributes;
    return scheduled?.service === this.#command.service && scheduled.operation === this.#command.operation;
  }

  recorded(event: HistoryEvent): void {
    this.#state = 'scheduled';
    this.#scheduledEventId = event.eventId;
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    const { endpoint, service, operation, input, headers, summary, scheduleToCloseTimeoutMs, scheduleToStartTimeoutMs, startToCloseTimeoutMs } = this.#command;
    return {
      commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
      userMetadata: userMetadata(summary),
      scheduleNexusOperationCommandAttributes: {
        endpoint,
        service,
        operation,
        input,
        nexusHeader: headers,
        scheduleToCloseTimeout: scheduleToCloseTimeoutMs,
        scheduleToStartTimeout: scheduleToStartTimeoutMs,
        startToCloseTimeout: startToCloseTimeoutMs,
      },
    };
  }

  /** The workflow wants it no more. */
  requestCancel(): void {
    if (this.#state === 'settled' || this.#cancelRequested) return;
    if (this.#state === 'queued') {
      this.#host.withdraw(this);
      this.#host.tellNow(this.#cancelled('Nexus Operation cancelled before scheduled'));
      return;
    }
    this.#cancelRequested = true;
    const type = this.#command.cancellation;
    if (type !== 'abandon') this.#host.queue(new CancelNexusOperationCommand(this.#host, this, this.#scheduledEventId));
    if (type === 'abandon' || type === 'try-cancel') this.#host.tellNow(this.#cancelled('Nexus operation cancelled after starting'));
  }

  onEvent(event: HistoryEvent): Job | undefined {
    if (this.#state === 'settled') return undefined;
    const started = event.nexusOperationStartedEventAttributes;
    if (started !== undefined) {
      this.#token = started.operationToken || started.operationId;
      return { kind: 'start-nexus-operation', seq: this.#command.seq, token: this.#token };
    }
    const result = resultOf(event);
    return result && this.#settle(result);
  }

  /** The handler has heard of the request to cancel, or could not be told: `failure`. */
  onCancelRequestEnded(failure: Failure | undefined): Job | undefined {
    if (this.#state === 'settled' || this.#command.cancellation !== 'wait-cancellation-requested') return undefined;
    if (failure === undefined) return this.#cancelled('Nexus operation cancellation request completed');
    return this.#failed('Nexus operation cancellation request failed', failure);
  }

  #cancelled(message: string): Job {
    return this.#failed(message, cancellation('', undefined));
  }

  #failed(message: string, cause: Failure): Job {
    const { endpoint, service, operation } = this.#command;
    const info = { scheduledEventId: this.#scheduledEventId, endpoint, service, operation, operationId: '', operationToken: this.#token };
    const failure = Failure.create({ message, source: FAILURE_SOURCE, nexusOperationExecutionFailureInfo: info });
    failure.cause = cause;
    return this.#settle({ ok: false, failure });
  }

  #settle(result: Resolution): Job {
    this.#state = 'settled';
    return { kind: 'resolve-nexus-operation', seq: this.#command.seq, result };
  }
}

function resultOf(event: HistoryEvent): Resolution | undefined {
  const completed = event.nexusOperationCompletedEventAttributes;
  if (completed !== undefined) return { ok: true, payload: completed.result };
  const ended = event.nexusOperationFailedEventAttributes ?? event.nexusOperationCanceledEventAttributes ?? event.nexusOperationTimedOutEventAttributes;
  return ended && { ok: false, failure: failureOf(ended.failure) };
}

/** Its events have an id of their own: they may come after the end of the operation. */
class CancelNexusOperationCommand implements QueuedCommand, EventListener {
  readonly site = undefined;
  readonly description: string;
  readonly #host: MachineHost;
  readonly #operation: NexusOperationMachine;
  readonly #scheduledEventId: number;

  constructor(host: MachineHost, operation: NexusOperationMachine, scheduledEventId: number) {
    this.#host = host;
    this.#operation = operation;
    this.#scheduledEventId = scheduledEventId;
    this.description = `request cancellation of what it did to ${operation.description}`;
  }

  matches(event: HistoryEvent): boolean {
    return event.nexusOperationCancelRequestedEventAttributes?.scheduledEventId === this.#scheduledEventId;
  }

  recorded(event: HistoryEvent): void {
    this.#host.listen(event.eventId, this);
  }

  onEvent(event: HistoryEvent): Job | undefined {
    const failed = event.nexusOperationCancelRequestFailedEventAttributes;
    return this.#operation.onCancelRequestEnded(failed && failureOf(failed.failure));
  }

  build(): Init<Command> {
    return {
      commandType: CommandType.REQUEST_CANCEL_NEXUS_OPERATION,
      requestCancelNexusOperationCommandAttributes: { scheduledEventId: this.#scheduledEventId },
    };
  }
}
