/**
 * A transition in the making: collects history events and private events, and applies each to the state at once.
 *
 * Every event goes through the same `apply` as in a fold, so the live state is the fold of the record by construction. There is no way
 * back after the first event: whoever writes here has decided before that nothing can be refused any more.
 */
import { History, WorkflowRecord } from '../../protocol/index.js';
import type { Encoded, EventGroupMarker, HistoryEvent, Link, UserMetadata, WorkflowPrivateEvent , EventType, RpcError} from '../../protocol/index.js';
import type { DebtKey, JournalRecord, Moment, Outcome } from '../machine.js';
import { applyHistoryEvent, applyPrivateEvent, closeRecord } from './apply.js';
import { refreshDeadline } from './debts.js';
import { DELETION } from './reset/deletion-debt.js';
import type { WorkflowReply } from './inputs.js';
import type { WorkflowLimits } from './limits.js';
import { CLOSING_EVENTS, settleSpeculativeTask } from './tasks/speculative-task.js';
import { eventTime } from './state.js';
import type { Applying, WorkflowState } from './state.js';
import { noticeClosing } from './updates/updates.js';

/** The attributes field of one event type, and nothing else. */
export type EventAttributes = Omit<HistoryEvent, keyof EventHeader>;
type EventHeader = Pick<
  HistoryEvent,
  'eventId' | 'eventTime' | 'eventType' | 'version' | 'taskId' | 'workerMayIgnore' | 'userMetadata' | 'links' | 'principal' | 'eventGroupMarkers'
>;
export type PrivateAttributes = Omit<WorkflowPrivateEvent, 'after'>;

/** What an event may carry beside its attributes. */
export interface EventExtras {
  /** Where it is not the time of the transition: an event that is written later than it happened. */
  readonly eventTime?: number | undefined;
  readonly userMetadata?: Encoded<UserMetadata> | undefined;
  readonly links?: readonly Encoded<Link>[] | undefined;
  readonly eventGroupMarkers?: readonly EventGroupMarker[] | undefined;
  readonly workerMayIgnore?: boolean | undefined;
}

export class Draft implements Applying {
  readonly now: number;
  successor: Outcome<WorkflowState, WorkflowReply>['successor'];
  readonly #notices = new Map<string, unknown>();
  readonly #events: HistoryEvent[] = [];
  readonly #private: WorkflowPrivateEvent[] = [];
  readonly #touched = new Set<DebtKey>();

  constructor(
    readonly state: WorkflowState,
    readonly moment: Moment,
    readonly limits: WorkflowLimits,
  ) {
    this.now = Math.floor(moment.now);
  }

  touch(key: DebtKey): void {
    this.#touched.add(key);
  }

  /** The history events of this transition so far. */
  get written(): readonly HistoryEvent[] {
    return this.#events;
  }

  /** Tells those who wait for `about` what has become of it. The latest notice about it counts. */
  notify(about: string, notice: unknown): void {
    this.#notices.set(about, notice);
  }

  /** Writes a history event under the next id, which is returned. */
  emit(eventType: EventType, attributes: EventAttributes, extras?: EventExtras): number {
    if (this.state.workflowTask?.speculative) settleSpeculativeTask(this, eventType);
    if (this.state.updates.size > 0 && CLOSING_EVENTS.has(eventType)) noticeClosing(this, eventType, attributes);
    const event = this.event(eventType, attributes, extras);
    event.eventId = event.taskId = this.state.nextEventId;
    this.#events.push(event);
    applyHistoryEvent(this.state, event, this);
    return event.eventId;
  }

  /** An event that has no id yet. */
  event(eventType: EventType, attributes: EventAttributes, extras?: EventExtras): HistoryEvent {
    return {
      eventId: 0,
      eventTime: extras?.eventTime ?? eventTime(this.state, this.now),
      eventType,
      version: 0,
      taskId: 0,
      workerMayIgnore: extras?.workerMayIgnore ?? false,
      userMetadata: extras?.userMetadata,
      links: extras?.links === undefined ? [] : [...extras.links],
      eventGroupMarkers: extras?.eventGroupMarkers === undefined ? [] : [...extras.eventGroupMarkers],
      ...attributes,
    };
  }

  /** Writes an event that was made before (buffered, transient) under the next id. */
  emitEvent(event: HistoryEvent): number {
    const written = { ...event, eventId: this.state.nextEventId, taskId: this.state.nextEventId };
    this.#events.push(written);
    applyHistoryEvent(this.state, written, this);
    return written.eventId;
  }

  emitPrivate(attributes: PrivateAttributes): void {
    const event = { after: this.#events.length, ...attributes };
    this.#private.push(event);
    applyPrivateEvent(this.state, event, this);
  }

  /** Ends the transition. */
  finish(reply: WorkflowReply | RpcError): Outcome<WorkflowState, WorkflowReply> {
    const record = this.#record();
    // What stood in the way of forgetting the run may just have been settled.
    if (this.state.run.deletionRequested) this.touch(DELETION);
    for (const key of this.#touched) refreshDeadline(this.state, key);
    return {
      state: this.state,
      ...(record === undefined ? {} : { record }),
      reply,
      touched: [...this.#touched],
      ...(this.#notices.size === 0 ? {} : { notices: [...this.#notices.values()] }),
      ...(this.successor === undefined ? {} : { successor: this.successor }),
    };
  }

  #record(): JournalRecord | undefined {
    const events = this.#events;
    if (events.length === 0 && this.#private.length === 0) return undefined;
    const impliedNow = latestTime(events);
    const first = events[0];
    const last = events[events.length - 1];
    const history = first && last && { firstEventId: first.eventId, lastEventId: last.eventId, bytes: History.encode({ events }) };
    closeRecord(this.state, history?.bytes);
    const needsPrivate = this.#private.length > 0 || impliedNow !== this.now;
    return {
      ...(history ? { history } : {}),
      ...(needsPrivate
        ? { private: WorkflowRecord.encode({ nowMs: impliedNow === this.now ? 0 : this.now, events: this.#private }) }
        : {}),
    };
  }
}

/** The moment of a record that does not name one: the time of its latest event. 0 without events. */
export function latestTime(events: readonly HistoryEvent[]): number {
  let latest = 0;
  for (const event of events) if (event.eventTime !== undefined && event.eventTime > latest) latest = event.eventTime;
  return latest;
}
