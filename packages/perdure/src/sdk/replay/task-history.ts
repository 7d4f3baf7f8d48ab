/**
 * The events that a task needs: those it carries, with their further pages, or the whole history fetched anew.
 *
 * A task carries either the history from its first event, or (for a worker that keeps the run) what came since the last task. The second
 * kind is of use only to a run that stands exactly there, and whose last task the server accepted: that is, the first event completes it.
 */
import { EventType, History, type HistoryEvent, type PollWorkflowTaskQueueResponse } from '../../protocol/index.js';
import type { FetchHistory } from './executor.js';

const FROM_THE_START = new Uint8Array(0);

export class TaskHistory {
  readonly #task: PollWorkflowTaskQueueResponse;
  readonly #fetch: FetchHistory;
  readonly #carried: readonly HistoryEvent[];
  #rest: readonly HistoryEvent[] | undefined;
  #whole: readonly HistoryEvent[] | undefined;
  readonly #decoded = new WeakSet<HistoryEvent>();

  constructor(task: PollWorkflowTaskQueueResponse, fetch: FetchHistory) {
    this.#task = task;
    this.#fetch = fetch;
    this.#carried = task.history === undefined ? [] : History.decode(task.history).events;
  }

  /** True if a run that has seen everything up to `lastStartedEventId` can go on with what the task carries. */
  continues(lastStartedEventId: number): boolean {
    const [first] = this.#carried;
    if (first === undefined) return this.#task.query !== undefined && this.#task.previousStartedEventId === lastStartedEventId;
    if (this.#task.query !== undefined && this.#task.startedEventId === 0 && first.eventId === 1) return this.#task.previousStartedEventId === lastStartedEventId;
    // Usually the first one; a task from the normal queue carries all events, also for a worker that keeps the run.
    const next = this.#carried[lastStartedEventId + 1 - first.eventId];
    return (
      next?.eventId === lastStartedEventId + 1 &&
      next.eventType === EventType.WORKFLOW_TASK_COMPLETED &&
      next.workflowTaskCompletedEventAttributes?.startedEventId === lastStartedEventId
    );
  }

  /** What a run has not seen that stands at `lastStartedEventId`. Only after {@link continues}. */
  async rest(lastStartedEventId: number): Promise<readonly HistoryEvent[]> {
    const [first] = this.#carried;
    // A query that finds its run needs no history.
    if (first === undefined || (first.eventId === 1 && this.#task.startedEventId === 0)) return [];
    const unseen = this.#carried.slice(lastStartedEventId + 1 - first.eventId);
    return (this.#rest ??= contiguous(await this.#pages(unseen, this.#task.nextPageToken)));
  }

  /** From the first event. */
  async whole(): Promise<readonly HistoryEvent[]> {
    if (this.#whole !== undefined) return this.#whole;
    const pages =
      this.#carried[0]?.eventId === 1
        ? this.#pages(this.#carried, this.#task.nextPageToken)
        : this.#fetch(FROM_THE_START).then(({ history, nextPageToken }) => this.#pages(History.decode(history).events, nextPageToken));
    return (this.#whole = contiguous(await pages));
  }

  /** Runs `decode` on those events that it has not seen before: it changes them. */
  async decodeOnce(events: readonly HistoryEvent[], decode: (events: readonly HistoryEvent[]) => Promise<void>): Promise<void> {
    const fresh = events.filter((event) => !this.#decoded.has(event));
    for (const event of fresh) this.#decoded.add(event);
    await decode(fresh);
  }

  async #pages(first: readonly HistoryEvent[], nextPageToken: Uint8Array): Promise<readonly HistoryEvent[]> {
    if (nextPageToken.byteLength === 0 || this.#reaches(first)) return first;
    const events = [...first];
    for (let token = nextPageToken; token.byteLength > 0 && !this.#reaches(events); ) {
      const page = await this.#fetch(token);
      for (const event of History.decode(page.history).events) events.push(event);
      token = page.nextPageToken;
    }
    return events;
  }

  #reaches(events: readonly HistoryEvent[]): boolean {
    const last = events.at(-1);
    return last !== undefined && this.#task.startedEventId > 0 && last.eventId >= this.#task.startedEventId;
  }
}

/** @throws RangeError if an event is missing or twice: nothing that is built on such a history can be right. */
function contiguous(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  for (let index = 1; index < events.length; index++) {
    const [previous, event] = [events[index - 1]!, events[index]!];
    if (event.eventId !== previous.eventId + 1) {
      throw new RangeError(`The history is not contiguous: event ${event.eventId} follows event ${previous.eventId}.`);
    }
  }
  return events;
}
