/**
 * What the command machines have in common.
 *
 * A machine follows one thing that a workflow asked for (an activity, a timer, …) from the command to its end. Commands wait in a queue
 * until the history shows their event: in a replay at once, in live execution with the next workflow task. Matching the two one by one is
 * how nondeterminism is found.
 */
import type { Command, HistoryEvent, Init } from '../../../protocol/index.js';
import type { CallSite, Job } from '../../workflow/activation.js';
import type { OutgoingUpdate } from '../updates.js';

/** A command that was made and has not been seen in history yet. */
export interface QueuedCommand {
  /** For people: `schedule activity 'charge' (id '3')`. */
  readonly description: string;
  /** Where the user's code made it, when known. */
  readonly site: CallSite | undefined;
  /** History may lack it without harm. */
  readonly optional?: boolean;
  /** True if the event is what this command causes. */
  matches(event: HistoryEvent): boolean;
  /** The event was seen, and matched. */
  recorded?(event: HistoryEvent): void;
  /** For the wire. */
  build(): Init<Command>;
}

/** Follows the events that come after the command's own. */
export interface EventListener {
  /** What workflow code must hear of it, if anything. */
  onEvent(event: HistoryEvent): Job | undefined;
}

/** What machines may do to the run that they belong to. */
export interface MachineHost {
  readonly namespace: string;
  readonly taskQueue: string;
  queue(command: QueuedCommand): void;
  /** Answers an update. Nothing happens in a replay: the answer went out long ago. */
  send(answer: OutgoingUpdate): void;
  /** Takes back a command that has not been sent. */
  withdraw(command: QueuedCommand): void;
  /** Tells workflow code at once, in a further activation of the same workflow task. */
  tellNow(job: Job): void;
  /** Events that refer to this one belong to the machine. */
  listen(eventId: number, listener: EventListener): void;
  /** No further event will refer to this one. */
  unlisten(eventId: number): void;
}
