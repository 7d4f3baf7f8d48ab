/**
 * The one idea of the engine: everything durable is a machine, a pure state machine.
 *
 * A machine takes an input (an RPC, a moment that has come, a task that found a worker, a message of another machine), decides, and
 * answers with a record of what changed. The record is journalled; folding all records of a machine gives its state again, always.
 * What the world still owes the machine (dispatch this task, wake me at that time, deliver this message) is never stored: it is
 * derived from the state, so nothing can be lost between a state and its effects.
 *
 * Machines do no I/O and know no clock and no chance but the {@link Moment} they are given. The host (`host/`) runs them.
 */
import type { RpcError } from '../protocol/index.js';
import type { Listing } from './listing.js';

/** The only source of time and chance in a decision. */
export interface Moment {
  /** Milliseconds since the epoch. May step back between two decisions: a machine that needs order keeps its own. */
  readonly now: number;
  /** A new, globally unique UUID. */
  newId(): string;
}

/** Names one thing that may be owed, for example `workflow-task` or `activity:5`. Stable while that thing exists. */
export type DebtKey = string;

/** A queue on which workers poll. A sticky queue belongs to one worker. */
export interface TaskQueueAddress {
  /** Namespace id. */
  readonly namespace: string;
  readonly name: string;
  readonly type: 'workflow' | 'activity' | 'nexus';
  /** Only workers of this version of a worker deployment, `deployment:build`. Left out: those that the queue's routing names, or workers without one. */
  readonly version?: string | undefined;
}

/** Task priorities are 1 (first) to this. */
export const PRIORITY_LEVELS = 5;
/** The level of tasks that ask for none. */
export const DEFAULT_PRIORITY_LEVEL = 3;

/** How urgent a task is, and whose share of its queue it takes. */
export interface TaskPriority {
  /** 1 to {@link PRIORITY_LEVELS}; a lower one goes first. */
  readonly level: number;
  /** Keys share the dispatches of their level. */
  readonly fairnessKey: string;
  /** The key's part of them, more than zero; 1 is usual. */
  readonly weight: number;
}

/** What is owed under one key. One key can owe a dispatch and a wake-up at once. */
export interface Debt {
  /** A task is ready: hand it to one poller of this queue. `since`: when it became ready, in milliseconds since the epoch. */
  readonly dispatch?: {
    readonly queue: TaskQueueAddress;
    readonly since: number;
    readonly sticky: boolean;
    /** Left out: the usual one. */
    readonly priority?: TaskPriority | undefined;
    /** The task follows the routing of this workflow task queue (same namespace): who gets it is told where that leads. Left out: it is bound. */
    readonly followsQueue?: string | undefined;
    /** It follows the routing to the ramping version, if there is one, however small its share is. */
    readonly toRamping?: boolean;
    /** Of a sticky task that follows a routing: the version of the worker that has the cache; empty: it has none. */
    readonly cachedBy?: string | undefined;
  };
  /** Send a `wake` at this time, in milliseconds since the epoch. */
  readonly wakeAt?: number;
  /** Deliver this to another machine until it answers; the receiver deduplicates. */
  readonly message?: {
    readonly to: MachineKey;
    readonly input: unknown;
    /** A receiver that cannot decide (INTERNAL) is asked so often at most; then that is its answer. Left out: until it can. */
    readonly mostFailures?: number;
  };
  /** Forget this machine: row, journal and snapshot. It owes nothing else, and `isDeleted` is true of it. */
  readonly deletion?: true;
}

/** How a machine is found: the latest one of its kind under this key. */
export interface MachineKey {
  readonly kind: string;
  /** Namespace id. */
  readonly namespace: string;
  /** For a workflow execution its workflow id. */
  readonly key: string;
  /** A certain run instead of the latest. */
  readonly machine?: string;
}

/** What the journal keeps of one transition. */
export interface JournalRecord {
  /** Encoded events, each as field 1 of `temporal.api.history.v1.History`, so that batches concatenate to a history. */
  readonly history?: { readonly firstEventId: number; readonly lastEventId: number; readonly bytes: Uint8Array };
  /** Encoded private events: what changed and is not in the public history. */
  readonly private?: Uint8Array;
}

/** A decision. The state that was given in has become `state`; the record says how. */
export interface Outcome<State, Reply> {
  readonly state: State;
  /** Absent: nothing changed and nothing is written. */
  readonly record?: JournalRecord;
  /**
   * Records that come before `record`, in the same commit. Only of a successor: it begins with a copy of another machine's journal. The
   * host may have been told to prepare it, which is to write earlier such records; these go on behind them.
   */
  readonly inherited?: readonly JournalRecord[];
  /** For the sender of the input, once the record is durable. A refusal is a reply too: it may come with a record. */
  readonly reply: Reply | RpcError;
  /** Every key whose debt may have changed. */
  readonly touched: readonly DebtKey[];
  /**
   * What those who wait for something of this machine are told once the record is durable (`Host.onNotice`). In memory only: after a crash
   * whoever waits asks again. Nothing may depend on a notice that the state does not answer as well.
   */
  readonly notices?: readonly unknown[];
  /**
   * A new machine under the same key that starts in the same commit (first start, continue-as-new, retry, cron, reset). Its own
   * outcome's reply replaces this reply if `answers` is set.
   */
  readonly successor?: { readonly machine: string; readonly input: unknown; readonly answers: boolean };
}

/**
 * The definition of one kind of machine.
 *
 * `transition` may change the given state in place: the host owns it, and throws it away and loads it again if a commit fails or if
 * `transition` throws. A refusal is returned, never thrown; what is thrown is a bug or a broken record.
 */
export interface Machine<State, Input, Reply> {
  readonly kind: string;
  /** Decides one input. `state` is undefined where no machine exists (yet) under the key, or for a successor. */
  transition(state: State | undefined, input: Input | HostInput, at: Moment, self: MachineKey & { readonly machine: string }): Outcome<State | undefined, Reply>;
  /** Folds one record. `fold(records) = live state`, after every transition. */
  fold(state: State | undefined, record: JournalRecord): State;
  snapshot(state: State): Uint8Array;
  restore(snapshot: Uint8Array): State;
  /** Every key that owes something. Walks the state: used after a load and in tests; `debt` is used after each transition. */
  debtKeys(state: State): Iterable<DebtKey>;
  /** What is owed under this key now, if anything. */
  debt(state: State, key: DebtKey): Debt | undefined;
  /** The earliest `wakeAt` of all that is owed, in constant time. A machine that never owes many wakes may leave it out. */
  nextWake?(state: State): number | undefined;
  /** False once nothing will ever change again: it is closed, and nothing is owed to it any more. */
  isOpen(state: State): boolean;
  /**
   * True from the moment on at which it was decided to forget the machine. Nobody sees or reaches it any more: inputs for it are decided
   * on state `undefined`, as if it did not exist. Left out: machines of this kind are never deleted.
   */
  isDeleted?(state: State): boolean;
  /**
   * What list queries see of the machine; undefined if they do not see it. Asked after each transition: quick, and the same object for as
   * long as nothing in it changed. Left out: lists do not show machines of this kind.
   */
  listing?(state: State): Listing | undefined;
  /** Roughly how many bytes of memory the state holds, for the host's cache bound. Constant time. */
  sizeBytes(state: State): number;
}

/** Inputs that every machine gets from the host. */
export type HostInput =
  /** At least one `wakeAt` has come: do everything that is due at `now`. */
  | { readonly type: 'wake' }
  /** The task of this debt found a poller. The reply is the task, or a refusal NOT_FOUND if it is no longer owed. */
  | { readonly type: 'dispatch'; readonly key: DebtKey; readonly poller: Poller }
  /** Nobody polls the sticky queue of this debt any more: owe it on the normal queue. */
  | { readonly type: 'sticky-unavailable'; readonly key: DebtKey }
  /** The receivers of these debts' messages answered, in this order. A refusal is an answer. */
  | { readonly type: 'delivered'; readonly answers: readonly MessageAnswer[] };

export interface MessageAnswer {
  readonly key: DebtKey;
  /** What the receiver replied; an `RpcError` if it refused. */
  readonly reply: unknown;
}

export interface Poller {
  readonly identity: string;
  /** Unique for each poll: the same poll never starts two attempts. */
  readonly requestId: string;
  /** The poller polled the sticky queue of the run: it gets only the events since its last task. */
  readonly sticky: boolean;
  /** What the poller says about itself that machines of a kind may write down; opaque to host and matching. */
  readonly worker?: PollerWorker | undefined;
  /** The version of a worker deployment that it runs and gets tasks by, `deployment:build`. */
  readonly version?: string | undefined;
  /** Where the routing of the task's workflow task queue leads now. Left out: it has none, or the task does not name it. */
  readonly target?: RoutingTarget | undefined;
}

/** Which version of a worker deployment the routing of a task queue chooses. */
export interface RoutingTarget {
  /** `deployment:build`; left out: workers without a version. */
  readonly version?: string | undefined;
  /** Of the routing: it grows with each change. */
  readonly revision: number;
}

/** The build of the worker that polls, as far as it tells. */
export interface PollerWorker {
  readonly buildId: string;
  readonly useVersioning: boolean;
}
