/**
 * The state of one workflow execution (a run): what its history and its private events add up to.
 *
 * Its parts are the messages of the snapshot, so that live state and stored state cannot drift apart. It is changed only by the
 * `apply…` functions of the concept files (see `apply.ts`), live and in a fold alike. It holds what is pending, never what is past:
 * its size does not grow with the history.
 */
import { RunState, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { ActivityState, CompletionCallbackState, ChildState, EventBuffered, ExternalRequestState, NexusOperationState, StickyQueue, TimerState, UpdateState, WorkflowTaskState } from '../../protocol/index.js';
import type { DebtKey } from '../machine.js';
import { Deadlines } from './deadlines.js';
import type { RunListing } from './listing.js';

export class WorkflowState {
  run: RunState = RunState.create({ taskAttempt: 1 });
  /** The one workflow task that is scheduled or started. */
  workflowTask: WorkflowTaskState | undefined;
  /** The queue of the worker that has the run in its cache. */
  sticky: StickyQueue | undefined;
  /** By scheduled event id. */
  readonly activities = new Map<number, ActivityState>();
  /** Activity id → scheduled event id. */
  readonly activityIds = new Map<string, number>();
  /** By timer id. */
  readonly timers = new Map<string, TimerState>();
  /** By initiated event id. Of a closed run: those to which the parent close policy is still to be applied. */
  readonly children = new Map<number, ChildState>();
  /** By initiated event id: signals and cancel requests to other runs that were not answered. */
  readonly outgoingSignals = new Map<number, ExternalRequestState>();
  readonly outgoingCancelRequests = new Map<number, ExternalRequestState>();
  /** By scheduled event id: Nexus operations that have not ended. */
  readonly nexusOperations = new Map<number, NexusOperationState>();
  /** Events that arrived while a workflow task was started, in the order of arrival. */
  buffer: EventBuffered[] = [];
  /** By update id: those that are not completed, in the order of their admission. */
  readonly updates = new Map<string, UpdateState>();
  /** Update id → the event that completed it. */
  readonly completedUpdates = new Map<string, number>();
  /** Completion callbacks, in the order of registration. */
  callbacks: CompletionCallbackState[] = [];
  /** Of the latest signals. */
  readonly signalRequestIds = new Set<string>();

  /** Derived: how many pending activities an operator has paused. */
  pausedActivities = 0;
  /** Derived: when to wake, by debt key. */
  readonly deadlines = new Deadlines();
  /** Derived: bytes of user data that pending activities, children, Nexus operations and outgoing messages hold. */
  payloadBytes = 0;
  /** Derived: what lists see, kept by `listing.ts` for as long as nothing in it changes. */
  listed: RunListing | undefined = undefined;

  get isOpen(): boolean {
    return this.run.status === WorkflowExecutionStatus.RUNNING;
  }

  get nextEventId(): number {
    return this.run.lastEventId + 1;
  }
}

/** Who acts where the server does it by its own rules. Clients know this name. */
export const SERVER_IDENTITY = 'history-service';

/** What an `apply…` function gets beside the state. */
export interface Applying {
  /** The moment of the decision, in milliseconds since the epoch, as the clock said it: deadlines count from here. */
  readonly now: number;
  /** Says that the debt under this key may have changed. */
  touch(key: DebtKey): void;
}

/** A copy of bytes that the state keeps: what comes in may be a view into a buffer that is large or reused. */
export function keep<T extends Uint8Array>(bytes: T | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}

/** Asserts what every journal guarantees. Stays on in production: a broken record must not become a broken run. */
export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`broken record: ${what} is missing`);
  return value;
}

/** Time never runs backwards within a history, whatever the clock does. */
export function eventTime(state: WorkflowState, now: number): number {
  return Math.max(now, state.run.lastEventTimeMs);
}

/** The moment `timeoutMs` after `from`, never early: deadlines are whole milliseconds. */
export function after(fromMs: number, timeoutMs: number): number {
  return Math.ceil(fromMs + timeoutMs);
}
