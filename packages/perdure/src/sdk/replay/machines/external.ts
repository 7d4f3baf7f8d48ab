/** A signal or a cancellation request to another execution: sent, then delivered or refused. */
import { CommandType, Failure, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import { FAILURE_SOURCE } from '../../common/failure.js';
import type { Job, RealmCommand } from '../../workflow/activation.js';
import { cancellation, encodeHeader, encodePayloads } from '../wire.js';
import type { EventListener, MachineHost, QueuedCommand } from './machine.js';

export type SignalExternal = Extract<RealmCommand, { kind: 'signal-external' }>;
export type CancelExternal = Extract<RealmCommand, { kind: 'cancel-external' }>;

export class SignalExternalMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: SignalExternal;
  #state: 'queued' | 'initiated' | 'settled' = 'queued';

  constructor(host: MachineHost, command: SignalExternal) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return `send signal '${this.#command.signalName}' to workflow '${this.#command.target.workflowId}'`;
  }

  get site(): SignalExternal['site'] {
    return this.#command.site;
  }

  matches(event: HistoryEvent): boolean {
    const initiated = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
    return initiated?.signalName === this.#command.signalName && initiated.workflowExecution?.workflowId === this.#command.target.workflowId;
  }

  recorded(event: HistoryEvent): void {
    this.#state = 'initiated';
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    const { target, signalName, input, headers } = this.#command;
    return {
      commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
      signalExternalWorkflowExecutionCommandAttributes: {
        namespace: this.#host.namespace,
        execution: { workflowId: target.workflowId, runId: target.kind === 'execution' ? (target.runId ?? '') : '' },
        signalName,
        input: encodePayloads(input),
        header: encodeHeader(headers),
        childWorkflowOnly: target.kind === 'child',
      },
    };
  }

  /** Takes the signal back if it has not been sent; one that was sent is delivered or not, whatever the workflow wants. */
  cancel(): void {
    if (this.#state !== 'queued') return;
    this.#host.withdraw(this);
    this.#state = 'settled';
    const failure = cancellation('Signal was cancelled before being sent', undefined);
    this.#host.tellNow({ kind: 'resolve-external-signal', seq: this.#command.seq, failure });
  }

  onEvent(event: HistoryEvent): Job | undefined {
    if (this.#state === 'settled') return undefined;
    const refused = event.signalExternalWorkflowExecutionFailedEventAttributes;
    if (refused === undefined && event.externalWorkflowExecutionSignaledEventAttributes === undefined) return undefined;
    this.#state = 'settled';
    const failure = refused && notReached('Unable to signal external workflow because it was not found');
    return { kind: 'resolve-external-signal', seq: this.#command.seq, failure };
  }
}

export class CancelExternalMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: CancelExternal;

  constructor(host: MachineHost, command: CancelExternal) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return `request cancellation of workflow '${this.#command.target.workflowId}'`;
  }

  get site(): CancelExternal['site'] {
    return this.#command.site;
  }

  matches(event: HistoryEvent): boolean {
    const initiated = event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes;
    return initiated?.workflowExecution?.workflowId === this.#command.target.workflowId;
  }

  recorded(event: HistoryEvent): void {
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    const { target, reason } = this.#command;
    return {
      commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
      requestCancelExternalWorkflowExecutionCommandAttributes: {
        namespace: this.#host.namespace,
        workflowId: target.workflowId,
        runId: target.kind === 'execution' ? (target.runId ?? '') : '',
        childWorkflowOnly: target.kind === 'child',
        reason,
      },
    };
  }

  onEvent(event: HistoryEvent): Job {
    const refused = event.requestCancelExternalWorkflowExecutionFailedEventAttributes;
    const failure = refused && notReached('Unable to cancel external workflow because not found');
    return { kind: 'resolve-external-cancel', seq: this.#command.seq, failure };
  }
}

// Message and type are those of Temporal's workers: programs compare them.
function notReached(message: string): Failure {
  return Failure.create({ message, source: FAILURE_SOURCE, applicationFailureInfo: { type: 'ExternalWorkflowExecutionNotFound', nonRetryable: false } });
}
