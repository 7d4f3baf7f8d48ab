/** A timer: queued, started, then fired or cancelled. Workflow code is told of a cancellation inside the realm, at once. */
import { CommandType, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import type { Job, StartTimer } from '../../workflow/activation.js';
import { userMetadata } from '../wire.js';
import type { EventListener, MachineHost, QueuedCommand } from './machine.js';

export class TimerMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: StartTimer;
  #state: 'queued' | 'started' | 'over' = 'queued';

  constructor(host: MachineHost, command: StartTimer) {
    this.#host = host;
    this.#command = command;
  }

  get timerId(): string {
    return String(this.#command.seq);
  }

  get description(): string {
    return `start a timer of ${this.#command.durationMs} ms (id '${this.timerId}')`;
  }

  get site(): StartTimer['site'] {
    return this.#command.site;
  }

  matches(event: HistoryEvent): boolean {
    return event.timerStartedEventAttributes?.timerId === this.timerId;
  }

  recorded(event: HistoryEvent): void {
    this.#state = 'started';
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    return {
      commandType: CommandType.START_TIMER,
      userMetadata: userMetadata(this.#command.summary),
      startTimerCommandAttributes: { timerId: this.timerId, startToFireTimeout: this.#command.durationMs },
    };
  }

  cancel(): void {
    if (this.#state === 'queued') this.#host.withdraw(this);
    else if (this.#state === 'started') this.#host.queue(new CancelTimerCommand(this.#host, this.timerId));
    this.#state = 'over';
  }

  onEvent(event: HistoryEvent): Job | undefined {
    if (this.#state !== 'started' || event.timerFiredEventAttributes === undefined) return undefined;
    this.#state = 'over';
    return { kind: 'fire-timer', seq: this.#command.seq };
  }
}

class CancelTimerCommand implements QueuedCommand {
  readonly site = undefined;
  readonly #host: MachineHost;
  readonly #timerId: string;

  constructor(host: MachineHost, timerId: string) {
    this.#host = host;
    this.#timerId = timerId;
  }

  get description(): string {
    return `cancel timer '${this.#timerId}'`;
  }

  matches(event: HistoryEvent): boolean {
    return event.timerCanceledEventAttributes?.timerId === this.#timerId;
  }

  recorded(event: HistoryEvent): void {
    this.#host.unlisten(event.timerCanceledEventAttributes?.startedEventId ?? 0);
  }

  build(): Init<Command> {
    return { commandType: CommandType.CANCEL_TIMER, cancelTimerCommandAttributes: { timerId: this.#timerId } };
  }
}
