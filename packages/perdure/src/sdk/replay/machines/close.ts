/** The commands that end a run. One of them is the last command of its workflow task. */
import { CommandType, EventType, Failure, Memo, SearchAttributes, type Command, type HistoryEvent, type Init } from '../../../protocol/index.js';
import type { ContinueAsNewCommand, RealmCommand } from '../../workflow/activation.js';
import { encodeHeader, encodePayloads } from '../wire.js';
import type { MachineHost, QueuedCommand } from './machine.js';

export type CloseCommand = Extract<RealmCommand, { kind: 'complete' | 'fail' | 'cancel' | 'continue-as-new' }>;

const EVENT_TYPE: Readonly<Record<CloseCommand['kind'], EventType>> = {
  complete: EventType.WORKFLOW_EXECUTION_COMPLETED,
  fail: EventType.WORKFLOW_EXECUTION_FAILED,
  cancel: EventType.WORKFLOW_EXECUTION_CANCELED,
  'continue-as-new': EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
};

const DESCRIPTION: Readonly<Record<CloseCommand['kind'], string>> = {
  complete: 'complete the workflow',
  fail: 'fail the workflow',
  cancel: 'end the workflow as cancelled',
  'continue-as-new': 'continue the workflow as new',
};

export function failWorkflow(failure: Init<Failure>): Init<Command> {
  return { commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure: Failure.encode(failure) } };
}

export class CloseMachine implements QueuedCommand {
  readonly site = undefined;
  readonly #host: MachineHost;
  readonly #command: CloseCommand;

  constructor(host: MachineHost, command: CloseCommand) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return DESCRIPTION[this.#command.kind];
  }

  matches(event: HistoryEvent): boolean {
    return event.eventType === EVENT_TYPE[this.#command.kind];
  }

  build(): Init<Command> {
    const command = this.#command;
    switch (command.kind) {
      case 'complete':
        return {
          commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
          completeWorkflowExecutionCommandAttributes: { result: encodePayloads([command.result]) },
        };
      case 'fail':
        return failWorkflow(command.failure);
      case 'cancel':
        return { commandType: CommandType.CANCEL_WORKFLOW_EXECUTION, cancelWorkflowExecutionCommandAttributes: {} };
      case 'continue-as-new':
        return this.#continueAsNew(command);
    }
  }

  #continueAsNew(command: ContinueAsNewCommand): Init<Command> {
    const { memo, searchAttributes } = command;
    return {
      commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
      continueAsNewWorkflowExecutionCommandAttributes: {
        workflowType: { name: command.workflowType },
        taskQueue: { name: command.taskQueue ?? this.#host.taskQueue },
        input: encodePayloads(command.input),
        header: encodeHeader(command.headers),
        workflowRunTimeout: command.runTimeoutMs,
        workflowTaskTimeout: command.taskTimeoutMs,
        backoffStartInterval: command.backoffStartIntervalMs,
        retryPolicy: command.retryPolicy,
        initialVersioningBehavior: command.initialVersioningBehavior,
        memo: memo && memo.size > 0 ? Memo.encode({ fields: memo }) : undefined,
        searchAttributes: searchAttributes && searchAttributes.size > 0 ? SearchAttributes.encode({ indexedFields: searchAttributes }) : undefined,
      },
    };
  }
}
