/**
 * Every read of the tables. Each is bounded by its caller, ends within its call and leaves no statement open, because an
 * open one would keep the log from being moved into the file.
 */
import { checkPageLimit, decodeCursor, encodeCursor } from '../page.js';
import type {
  DueMachine,
  DueRequest,
  HistoryBatch,
  HistoryLimit,
  JournalRecord,
  ListedMachine,
  MachineFilter,
  MachineId,
  MachineKind,
  Page,
  PageRequest,
  StoredMachine,
} from '../store.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import type { Head } from './heads.js';
import { idFromBytes, idToBytes } from './machine-id.js';
import { SELECT_CURRENT } from './schema.js';
import type { Scopes } from './scopes.js';

/** Rows as the statements at the end of this file return them. */
interface MachineRecord {
  readonly number: number;
  readonly id: Uint8Array;
  readonly wake_at: number | null;
  readonly open: number;
  readonly key: Uint8Array;
  readonly listing: Uint8Array | null;
}
interface BatchRecord {
  readonly seq: number;
  readonly first_event_id: number | null;
  readonly last_event_id: number;
  readonly private: Uint8Array | null;
  readonly history: Uint8Array | null;
}

export class Reader {
  readonly #scopes: Scopes;
  readonly #freshListing: (number: number) => Uint8Array | undefined;
  readonly #loaded: (machine: MachineId, head: Head) => void;
  readonly #statements: ReturnType<typeof prepareStatements>;

  /**
   * @param freshListing what lists hand out for a machine, if it is newer than the table `listing`
   * @param loaded hears where a machine stands that was loaded: whoever loads a machine is about to write to it
   */
  constructor(database: SqliteDatabase, scopes: Scopes, freshListing: (number: number) => Uint8Array | undefined, loaded: (machine: MachineId, head: Head) => void) {
    this.#scopes = scopes;
    this.#freshListing = freshListing;
    this.#loaded = loaded;
    this.#statements = prepareStatements(database);
  }

  load(machine: MachineId): StoredMachine | undefined {
    const id = idToBytes(machine);
    const row = id && rowOf<MachineRecord & { kind: string; namespace: string }>(this.#statements.machine.get(id));
    if (!row) return undefined;
    const snapshot = rowOf<{ seq: number; bytes: Uint8Array }>(this.#statements.snapshot.get(row.number));
    const records = rowsOf<BatchRecord>(this.#statements.recordsAfter.all(row.number, snapshot?.seq ?? 0));
    const end = records.at(-1) ?? rowOf<{ seq: number; last_event_id: number }>(this.#statements.journalEnd.get(row.number));
    const [seq, lastEventId] = [end?.seq ?? 0, end?.last_event_id ?? 0];
    this.#loaded(machine, { number: row.number, seq, lastEventId, wakeAt: row.wake_at ?? undefined, open: row.open === 1 });
    return {
      ...this.#listed(row, row.kind, row.namespace),
      seq,
      lastEventId,
      snapshot: snapshot && { seq: snapshot.seq, bytes: snapshot.bytes },
      records: records.map(journalRecord),
    };
  }

  current(kind: MachineKind, namespace: string, key: string): MachineId | undefined {
    const scope = this.#scopes.find(kind, namespace);
    if (scope === undefined) return undefined;
    const row = rowOf<{ id: Uint8Array }>(this.#statements.current.get(scope, Buffer.from(key)));
    return row && idFromBytes(row.id);
  }

  history(machine: MachineId, fromEventId: number, limit: HistoryLimit): readonly HistoryBatch[] {
    const id = idToBytes(machine);
    const number = id && rowOf<{ number: number }>(this.#statements.number.get(id))?.number;
    if (number === undefined) return [];
    const { descending = false } = limit;
    const fromSeq = fromEventId <= 1 && !descending ? 1 : this.#firstSeqReaching(number, fromEventId);
    const batches: HistoryBatch[] = [];
    let bytes = 0;
    for (const row of this.#statements[descending ? 'historyBefore' : 'historyFrom'].iterate(number, fromSeq)) {
      const batch = historyBatch(row as unknown as BatchRecord);
      if (batch === undefined || (descending && batch.firstEventId > fromEventId)) continue;
      if (batch.firstEventId > (limit.throughEventId ?? Infinity)) break;
      bytes += batch.bytes.length;
      if (batches.length > 0 && bytes > limit.bytes) break;
      batches.push(batch);
      if (batches.length >= (limit.batches ?? Infinity)) break;
    }
    return batches;
  }

  due(at: number, { limit, after, from }: DueRequest): Page<DueMachine> {
    checkPageLimit(limit);
    const [wakeAt = from ?? Number.MIN_SAFE_INTEGER, number = 0] = decodeCursor(after, 2) ?? [];
    const rows = rowsOf<{ number: number; id: Uint8Array; wake_at: number }>(
      this.#statements.due.all(at, wakeAt, number, limit),
    );
    const items = rows.map((row) => ({ machine: idFromBytes(row.id), wakeAt: row.wake_at }));
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { items, next: last && encodeCursor(last.wake_at, last.number) };
  }

  nextWake(after: number): number | undefined {
    return rowOf<{ wake_at: number }>(this.#statements.nextWake.get(after))?.wake_at;
  }

  machines(filter: MachineFilter, { limit, after }: PageRequest): Page<ListedMachine> {
    checkPageLimit(limit);
    const [before = Number.MAX_SAFE_INTEGER] = decodeCursor(after, 1) ?? [];
    const scope = this.#scopes.find(filter.kind, filter.namespace);
    if (scope === undefined) return { items: [], next: undefined };
    const rows = rowsOf<MachineRecord>(this.#list(scope, filter, before, limit));
    const items = rows.map((row) => this.#listed(row, filter.kind, filter.namespace));
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { items, next: last && encodeCursor(last.number) };
  }

  #listed(row: MachineRecord, kind: MachineKind, namespace: string): ListedMachine {
    return {
      machine: idFromBytes(row.id),
      kind,
      namespace,
      key: Buffer.from(row.key.buffer, row.key.byteOffset, row.key.byteLength).toString(),
      wakeAt: row.wake_at ?? undefined,
      open: row.open === 1,
      listing: this.#freshListing(row.number) ?? row.listing ?? undefined,
    };
  }

  #list(scope: number, { key, openOnly }: MachineFilter, before: number, limit: number): unknown[] {
    const { listByKey, listOpen, listAll } = this.#statements;
    if (key !== undefined) return listByKey.all(scope, Buffer.from(key), openOnly ? 1 : 0, before, limit);
    return (openOnly ? listOpen : listAll).all(scope, before, limit);
  }

  /** Bisection: `last_event_id` never goes back along a journal. */
  #firstSeqReaching(number: number, eventId: number): number {
    let low = 1;
    let high = (rowOf<{ seq: number }>(this.#statements.journalEnd.get(number))?.seq ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = rowOf<{ last_event_id: number }>(this.#statements.lastEventId.get(number, middle));
      if (row !== undefined && row.last_event_id >= eventId) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function journalRecord(row: BatchRecord): JournalRecord {
  return { seq: row.seq, history: historyBatch(row), private: row.private ?? undefined };
}

function historyBatch(row: BatchRecord): HistoryBatch | undefined {
  if (row.first_event_id === null || row.history === null) return undefined;
  return { firstEventId: row.first_event_id, lastEventId: row.last_event_id, bytes: row.history };
}

/** The driver knows its rows as records of values; which columns there are is said by the statement, below. */
function rowOf<Row>(row: unknown): Row | undefined {
  return row as Row | undefined;
}
function rowsOf<Row>(rows: unknown[]): Row[] {
  return rows as Row[];
}

function prepareStatements(database: SqliteDatabase) {
  const prepare = (sql: string): SqliteStatement => database.prepare(sql);
  const machineColumns = 'm.number, m.id, m.wake_at, m.open, m.key, l.bytes AS listing';
  const list = (index: string, condition: string): SqliteStatement =>
    prepare(
      `SELECT ${machineColumns} FROM machine m INDEXED BY ${index} LEFT JOIN listing l ON l.machine = m.number
       WHERE m.scope = ? AND ${condition} AND m.number < ? ORDER BY m.number DESC LIMIT ?`,
    );
  return {
    machine: prepare(
      `SELECT ${machineColumns}, s.kind, s.namespace FROM machine m JOIN scope s ON s.scope = m.scope
       LEFT JOIN listing l ON l.machine = m.number WHERE m.id = ?`,
    ),
    number: prepare('SELECT number FROM machine WHERE id = ?'),
    snapshot: prepare('SELECT seq, bytes FROM snapshot WHERE machine = ?'),
    recordsAfter: prepare(
      `SELECT seq, first_event_id, last_event_id, private, history FROM journal
       WHERE machine = ? AND seq > ? ORDER BY seq`,
    ),
    journalEnd: prepare('SELECT seq, last_event_id FROM journal WHERE machine = ? ORDER BY seq DESC LIMIT 1'),
    lastEventId: prepare('SELECT last_event_id FROM journal WHERE machine = ? AND seq = ?'),
    historyFrom: prepare(
      `SELECT seq, first_event_id, last_event_id, NULL AS private, history FROM journal
       WHERE machine = ? AND seq >= ? ORDER BY seq`,
    ),
    historyBefore: prepare(
      `SELECT seq, first_event_id, last_event_id, NULL AS private, history FROM journal
       WHERE machine = ? AND seq <= ? ORDER BY seq DESC`,
    ),
    current: prepare(SELECT_CURRENT),
    due: prepare(
      `SELECT number, id, wake_at FROM machine INDEXED BY machine_wake
       WHERE wake_at <= ? AND (wake_at, number) > (?, ?) ORDER BY wake_at, number LIMIT ?`,
    ),
    nextWake: prepare(
      'SELECT wake_at FROM machine INDEXED BY machine_wake WHERE wake_at > ? ORDER BY wake_at LIMIT 1',
    ),
    listAll: list('machine_by_scope', 'TRUE'),
    listOpen: list('machine_open', 'm.open = 1'),
    listByKey: list('machine_by_key', 'm.key = ? AND m.open >= ?'),
  };
}
