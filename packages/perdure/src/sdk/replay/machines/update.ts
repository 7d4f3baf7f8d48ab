/**
 * An update: requested, then rejected, or accepted and at last completed.
 *
 * A rejection is a message and nothing else; history never shows it. Acceptance and completion are a message and a command each; the
 * command leaves the event. In a replay the messages went out long ago and only the commands are made, to be matched with the events.
 */
import { CommandType, EventType, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import type { Failure } from '../../../protocol/index.js';
import type { UpdateJob, UpdateResult } from '../../workflow/activation.js';
import { argumentsOf, messageIdOf, type IncomingUpdate, type OutgoingUpdate } from '../updates.js';
import { headerFields } from '../wire.js';
import type { MachineHost, QueuedCommand } from './machine.js';

export class UpdateMachine {
  readonly #host: MachineHost;
  readonly #update: IncomingUpdate;

  constructor(host: MachineHost, update: IncomingUpdate) {
    this.#host = host;
    this.#update = update;
  }

  job(isReplay: boolean): UpdateJob {
    const { protocolInstanceId, request } = this.#update;
    return {
      kind: 'update',
      protocolInstanceId,
      updateId: request.meta?.updateId ?? protocolInstanceId,
      name: request.input?.name ?? '',
      input: argumentsOf(request),
      headers: headerFields(request.input?.header),
      runValidator: !isReplay,
    };
  }

  accept(): void {
    this.#answer({ kind: 'accepted', update: this.#update });
  }

  reject(failure: Failure): void {
    this.#host.send({ kind: 'rejected', update: this.#update, failure });
  }

  complete(result: UpdateResult): void {
    this.#answer({ kind: 'completed', update: this.#update, result });
  }

  #answer(answer: Exclude<OutgoingUpdate, { kind: 'rejected' }>): void {
    this.#host.send(answer);
    this.#host.queue(new UpdateCommand(answer));
  }
}

class UpdateCommand implements QueuedCommand {
  readonly site = undefined;
  readonly #answer: OutgoingUpdate;

  constructor(answer: OutgoingUpdate) {
    this.#answer = answer;
  }

  get description(): string {
    const { request } = this.#answer.update;
    return `have update '${request.input?.name ?? ''}' (id '${request.meta?.updateId ?? ''}') ${this.#answer.kind}`;
  }

  matches(event: HistoryEvent): boolean {
    const { protocolInstanceId, request } = this.#answer.update;
    if (this.#answer.kind === 'accepted') {
      return event.workflowExecutionUpdateAcceptedEventAttributes?.protocolInstanceId === protocolInstanceId;
    }
    if (event.eventType !== EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED) return false;
    return event.workflowExecutionUpdateCompletedEventAttributes?.meta?.updateId === request.meta?.updateId;
  }

  build(): Init<Command> {
    return { commandType: CommandType.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId: messageIdOf(this.#answer) } };
  }
}
