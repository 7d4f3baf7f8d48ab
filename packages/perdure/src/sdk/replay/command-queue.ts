/**
 * The commands of one workflow task: first what workflow code made, then what history must show for it.
 *
 * After the activations of a task the queue holds exactly what goes (or went) to the server, in its order. The events that follow the
 * task's WorkflowTaskCompleted are matched with it one by one.
 */
import { EventType, type Command, type HistoryEvent, type Init } from '../../protocol/index.js';
import type { QueuedCommand } from './machines/machine.js';
import { CloseMachine } from './machines/close.js';
import { isChangeVersionUpsert, PatchCommand, patchOf } from './machines/record.js';
import { NondeterminismError } from './nondeterminism.js';

/** Events that exist because of a command. */
const COMMAND_EVENTS: ReadonlySet<EventType> = new Set<EventType>([
  EventType.ACTIVITY_TASK_SCHEDULED,
  EventType.ACTIVITY_TASK_CANCEL_REQUESTED,
  EventType.TIMER_STARTED,
  EventType.TIMER_CANCELED,
  EventType.MARKER_RECORDED,
  EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED,
  EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
  EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
  EventType.NEXUS_OPERATION_SCHEDULED,
  EventType.NEXUS_OPERATION_CANCEL_REQUESTED,
  EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
  EventType.WORKFLOW_PROPERTIES_MODIFIED,
  EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
  EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED,
  EventType.WORKFLOW_EXECUTION_COMPLETED,
  EventType.WORKFLOW_EXECUTION_FAILED,
  EventType.WORKFLOW_EXECUTION_CANCELED,
  EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
]);

export function isCommandEvent(event: HistoryEvent): boolean {
  return COMMAND_EVENTS.has(event.eventType);
}

export class CommandQueue {
  #commands: QueuedCommand[] = [];
  #matched = 0;
  /** A deprecated patch that the code no longer knows was passed over; its search attribute update goes with it. */
  #skippedPatch = false;

  push(command: QueuedCommand): void {
    this.#commands.push(command);
  }

  withdraw(command: QueuedCommand): void {
    const index = this.#commands.indexOf(command);
    if (index >= 0) this.#commands.splice(index, 1);
  }

  /** After the last activation of a task: a command that closes the run goes last, and only the first of them counts. */
  finish(): void {
    const index = this.#commands.findIndex((command) => command instanceof CloseMachine);
    if (index < 0 || index === this.#commands.length - 1) return;
    const close = this.#commands[index]!;
    this.#commands = [...this.#commands.filter((command) => !(command instanceof CloseMachine)), close];
  }

  build(): Init<Command>[] {
    return this.#commands.map((command) => command.build());
  }

  /** @throws NondeterminismError if the event is not what the next command causes. */
  match(event: HistoryEvent): void {
    const next = this.#nextFor(event);
    if (next === undefined) return;
    this.#matched++;
    next.recorded?.(event);
  }

  /** All events of the task have been seen. @throws NondeterminismError if a command is left over. */
  finishMatching(workflowTaskCompletedEventId: number): void {
    while (this.#commands[this.#matched]?.optional === true) this.#matched++;
    const left = this.#commands[this.#matched];
    if (left !== undefined) throw NondeterminismError.missing(left, workflowTaskCompletedEventId);
    this.#commands = [];
    this.#matched = 0;
    this.#skippedPatch = false;
  }

  /** The command that the event belongs to; undefined if the event can do without. */
  #nextFor(event: HistoryEvent): QueuedCommand | undefined {
    for (;;) {
      const next = this.#commands[this.#matched];
      if (next?.matches(event) === true) return next;
      if (next?.optional === true) this.#matched++;
      else if (this.#mayLack(event, next)) return undefined;
      else throw NondeterminismError.mismatch(event, next);
    }
  }

  #mayLack(event: HistoryEvent, next: QueuedCommand | undefined): boolean {
    if (this.#skippedPatch && isChangeVersionUpsert(event)) return true;
    const patch = patchOf(event);
    if (patch?.deprecated !== true || (next instanceof PatchCommand && next.patch.id === patch.id)) return false;
    return (this.#skippedPatch = true);
  }
}
