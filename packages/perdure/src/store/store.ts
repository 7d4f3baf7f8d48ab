/**
 * The store: the port through which the engine makes machines durable.
 *
 * A *machine* (a workflow run, a namespace, later a schedule or a batch) is an append-only *journal* of records numbered
 * 1, 2, 3, … without gaps, the latest *snapshot* of its state, and one *row* that can be found without knowing the machine:
 * by its next wake time, by its key, or in a list. The store understands none of the bytes. It keeps them, in order,
 * exactly as they came, and it never tells anyone about something that could still be lost.
 *
 * Whoever writes a new implementation reads this file, then makes `contract.ts` pass: every sentence below that says
 * "must" has a test there. The host calls the store; nobody else writes to it.
 *
 * What every implementation guarantees:
 * - *Durable.* When `commit` resolves, its transitions survive the death of the process and of the machine it runs on.
 * - *All or nothing.* No read, now or after a crash, sees a part of a commit. A rejected commit has changed nothing.
 * - *In order.* Commits take effect in the order in which `commit` was called, and settle in that order. A read that is
 *   called after a commit has resolved sees that commit.
 * - *One writer.* A transition whose `seq` is not the next one is refused: its author decided on a state that is not the
 *   latest one. This is the last line of defence behind the host's single mailbox per machine.
 * - *No surprises.* The store reads no clock, draws no random numbers and starts no timers. It keeps no reference to the
 *   arrays it is given after `commit` has settled, and the caller does not change them before.
 */

import type { Listing } from '../machines/listing.js';
import type { Condition, OrderTerm, Scalar } from '../visibility/condition.js';

/** A UUID in its canonical form: 36 characters, lower case. `commit` refuses others; for reads they do not exist. */
export type MachineId = string;

/** What a machine is. Open to growth: the store only compares it. Machines of kind `namespace` have the namespace `''`. */
export type MachineKind = 'namespace' | 'workflow' | (string & {});

/** What never changes about a machine. */
export interface MachineIdentity {
  readonly kind: MachineKind;
  /** Id (not the name) of the namespace that the machine belongs to; `''` for machines that belong to none. */
  readonly namespace: string;
  /** The name under which users know it, for example the workflow id. Several machines may share a key over time. */
  readonly key: string;
}

/** The part of a machine that can be found without loading it. Replaced as a whole by every transition. */
export interface MachineRow {
  /**
   * When the machine needs attention next, in whole milliseconds since the epoch; `undefined` if it never does on its
   * own. Too early is harmless (the machine is loaded and found to owe nothing yet), too late is a lost timer. A writer
   * that leaves an earlier value in place instead of moving it saves the store an index update.
   */
  readonly wakeAt: number | undefined;
  /** Whether the machine is still running. A closed machine is kept until it is deleted. */
  readonly open: boolean;
  /** What list queries see; it never changes, so a store may keep it. Left out: as it was. `null`: lists do not show the machine. */
  readonly listing?: Listing | null | undefined;
}

/** Consecutive history events, encoded. */
export interface HistoryBatch {
  readonly firstEventId: number;
  readonly lastEventId: number;
  /**
   * The events as the repeated field 1 of a `History` message. Batches that follow each other can be concatenated: the
   * result is again a valid `History`, so a page of history is spliced without being decoded.
   */
  readonly bytes: Uint8Array;
}

/** One record of a journal: what one transition added. */
export interface JournalRecord {
  readonly seq: number;
  readonly history: HistoryBatch | undefined;
  /** Events that the public history does not show, encoded by the machine. */
  readonly private: Uint8Array | undefined;
}

/** One step of one machine. */
export interface Transition {
  readonly machine: MachineId;
  /**
   * Present exactly when `seq` is 1: the machine begins to exist. `makeCurrent` points its key at it, away from
   * whichever machine the key pointed at before.
   */
  readonly create?: (MachineIdentity & { readonly makeCurrent: boolean }) | undefined;
  /** Points the key at this machine now, at a later record than its first. */
  readonly makeCurrent?: boolean | undefined;
  /** The machine's latest `seq` plus 1. */
  readonly seq: number;
  /** The history events of this step, if it has any. They continue the ids of the previous batch, from 1. */
  readonly history?: HistoryBatch | undefined;
  readonly private?: Uint8Array | undefined;
  readonly row: MachineRow;
  /** The state after this step, encoded by the machine. It replaces the earlier snapshot; the journal stays whole. */
  readonly snapshot?: Uint8Array | undefined;
}

/** A machine in a list. */
export interface ListedMachine extends MachineIdentity {
  readonly machine: MachineId;
  readonly wakeAt: number | undefined;
  readonly open: boolean;
  /** `shown` of its listing. */
  readonly listing: Uint8Array | undefined;
}

/** Everything that is needed to bring a machine back to life. */
export interface StoredMachine extends ListedMachine {
  /** `seq` of its latest record. */
  readonly seq: number;
  /** Id of the last event in its history, 0 without one. */
  readonly lastEventId: number;
  readonly snapshot: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
  /** The records after the snapshot (all records without one), in order. */
  readonly records: readonly JournalRecord[];
}

/** A machine that is due. */
export interface DueMachine {
  readonly machine: MachineId;
  readonly wakeAt: number;
}

/** A part of a list, and where the next part begins. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Pass it back as `after` to go on; `undefined` at the end. Its text belongs to the store. */
  readonly next: string | undefined;
}

/** Bounds of one read of history. At least one batch is returned, however large, so that a reader always moves on. */
export interface HistoryLimit {
  /** Stop before the sum of the batches' bytes exceeds this. */
  readonly bytes: number;
  /** Most batches to return. Default: no limit but `bytes`. */
  readonly batches?: number | undefined;
  /** Leave out batches that begin after this event; also the first one. Default: none. */
  readonly throughEventId?: number | undefined;
  /** Towards the beginning, latest batch first. Default: towards the end. */
  readonly descending?: boolean | undefined;
}

/** Which machines `machines` lists. */
export interface MachineFilter {
  readonly kind: MachineKind;
  readonly namespace: string;
  /** Only machines with this key. */
  readonly key?: string | undefined;
  /** Only machines that are open. */
  readonly openOnly?: boolean | undefined;
}

export interface PageRequest {
  /** Most items to return, at least 1. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/** Which of the machines that have a listing a query is about. */
export interface ListFilter {
  readonly kind: MachineKind;
  readonly namespace: string;
  /** Default: all of them. */
  readonly condition?: Condition | undefined;
}

export interface ListRequest extends ListFilter, PageRequest {
  /**
   * Default (also for rows that the terms do not tell apart): the latest `CloseTime` first, before it those without one; among these the
   * latest `StartTime` first; then the one created last. By `CREATION_ATTRIBUTE` nothing that happens to a row moves it.
   */
  readonly order?: readonly OrderTerm[] | undefined;
}

export interface CountRequest extends ListFilter {
  /** Count for each value of this attribute. Default: all together. */
  readonly groupBy?: string | undefined;
}

export interface CountGroup {
  /** `undefined`: those without the attribute; without `groupBy`, all. */
  readonly value: Scalar | undefined;
  readonly count: number;
}

/** Groups of a count, at most; the largest ones. */
export const MOST_GROUPS = 1_000;

/** Which of the due machines to return. */
export interface DueRequest extends PageRequest {
  /** Leave out machines whose `wakeAt` is earlier than this. Default: none. Keeps a timer from reading all active machines. */
  readonly from?: number | undefined;
}

/**
 * See the top of this file for what every implementation guarantees.
 *
 * Errors, all from `errors.ts`. Any method may reject with `StoreUnavailableError` (disk full, I/O error, closed: a later
 * call may succeed, except after `close`) or `StoreCorruptError` (it will not). `commit` in addition with
 * `StaleWriterError` and `InvalidTransitionError`, which tell of a mistake in the caller. Opening a store, which each
 * implementation does in its own way, may throw these and `StoreLockedError` or `StoreTooNewError`.
 *
 * @example
 * ```ts
 * await store.commit([
 *   {
 *     machine: runId,
 *     seq: 1,
 *     create: { kind: 'workflow', namespace: namespaceId, key: 'order-17', makeCurrent: true },
 *     history: { firstEventId: 1, lastEventId: 2, bytes },
 *     row: { wakeAt: clock.now(), open: true },
 *   },
 * ]);
 * await store.current('workflow', namespaceId, 'order-17'); // runId
 * ```
 */
export interface Store {
  /**
   * Applies the transitions in the order given, all or none of them, and resolves when they are durable. One machine may
   * appear more than once, with consecutive `seq`s. An empty list resolves at once. The cost of a transition must not
   * depend on how long the journal is nor, if it brings no snapshot, on how large the last one was.
   */
  commit(transitions: readonly Transition[]): Promise<void>;

  /** The row, the latest snapshot and the records after it; `undefined` if there is no such machine. */
  load(machine: MachineId): Promise<StoredMachine | undefined>;

  /**
   * The machine that was made current last under this key, open or not. `undefined` if there never was one, or if it was
   * deleted: the pointer does not fall back to an older machine.
   */
  current(kind: MachineKind, namespace: string, key: string): Promise<MachineId | undefined>;

  /**
   * The batches that hold events `fromEventId` and later, in order, whole: the first one may begin before `fromEventId`.
   * Empty past the end or for an unknown machine. Snapshots make no difference to it. To read everything, go on from
   * `lastEventId + 1` of the last batch until that is beyond the last event.
   *
   * Descending: the batches that hold events `fromEventId` and earlier, latest first; the first one may end after `fromEventId`. Go on
   * from `firstEventId - 1` of the last batch until that is 0.
   */
  history(machine: MachineId, fromEventId: number, limit: HistoryLimit): Promise<readonly HistoryBatch[]>;

  /**
   * Machines with `wakeAt <= at`, earliest first and, at the same time, in the order of their creation. Paging tolerates
   * changes in between: a machine whose `wakeAt` stays is returned exactly once.
   */
  due(at: number, request: DueRequest): Promise<Page<DueMachine>>;

  /** The earliest `wakeAt` that is greater than `after`. */
  nextWake(after: number): Promise<number | undefined>;

  /** Machines by what never changes about them, newest first. A machine created while paging is not returned. */
  machines(filter: MachineFilter, request: PageRequest): Promise<Page<ListedMachine>>;

  /**
   * Machines whose listing fulfils the condition, in order. `condition.ts` says what conditions mean. Paging tolerates changes in between:
   * a machine whose values stay is returned exactly once. A cursor serves the order that it came from. A page may hold fewer than asked
   * for, even none, and still have a next one: a store may look at a bounded number of machines for each.
   */
  list(request: ListRequest): Promise<Page<ListedMachine>>;

  /** How many machines `list` would return in all its pages; without a group if there are none. The largest group first. */
  count(request: CountRequest): Promise<readonly CountGroup[]>;

  /**
   * Machines of which lists do not tell the latest: few after a crash, all of a file of a version that kept no listings. A store that is
   * closed leaves none. Nobody asks but to give them a listing (or `null`), page after page from the start, until there are none.
   */
  unlisted(limit: number): Promise<readonly MachineId[]>;

  /**
   * Forgets machines: row, journal, snapshot, and the current pointer where it points at one of them. All or nothing and
   * durable, like a commit, and in order with commits. Unknown machines are skipped. The ids may be created anew
   * afterwards. The cost must not depend on how long the journals are: what they take may be left for `reclaim`.
   */
  delete(machines: readonly MachineId[]): Promise<void>;

  /**
   * Frees a bounded piece of what deleted machines left behind, also before a crash. Resolves with whether there is more.
   * Nobody sees a difference.
   */
  reclaim(): Promise<boolean>;

  /** Waits for what is under way, then releases everything. Later calls reject with `StoreUnavailableError`. Idempotent. */
  close(): Promise<void>;
}
