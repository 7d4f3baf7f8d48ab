/**
 * The only code that changes the tables. One call is one transaction: it returns when that is on disk, or throws and has
 * changed nothing, neither in the file nor in what is remembered about it.
 */
import type { MachineId, Transition } from '../store.js';
import { checkTransition, headAfter } from '../transition.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import { Heads, type Head } from './heads.js';
import { FreshListings } from './fresh-listings.js';
import { ListingWriter } from './listing-writer.js';
import { idToBytes } from './machine-id.js';
import { SELECT_CURRENT } from './schema.js';
import type { Scopes } from './scopes.js';

/**
 * A deleted machine keeps its row, hidden, until its journal is gone: in a scope that no kind has, and under an id that no machine can
 * have. Its number must not be used again before, or the next machine would find a stranger's records.
 */
const DELETED_SCOPE = -1;
/** Journal records removed in one transaction, and about how many bytes: a few milliseconds. */
const PIECE_RECORDS = 200;
const PIECE_BYTES = 1024 * 1024;

export class Writer {
  readonly #database: SqliteDatabase;
  readonly #scopes: Scopes;
  readonly #heads: Heads;
  readonly #listings: FreshListings;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: SqliteDatabase, scopes: Scopes) {
    this.#database = database;
    this.#scopes = scopes;
    this.#heads = new Heads(database);
    this.#listings = new FreshListings(database, new ListingWriter(database));
    this.#statements = prepareStatements(database);
  }

  commit(transitions: readonly Transition[]): void {
    const changed = new Map<MachineId, Head>();
    this.#inTransaction(() => {
      for (const transition of transitions) {
        const { machine, create } = transition;
        // Machines that are created are not there: to look would cost as much as to find out.
        const head = changed.get(machine) ?? (create === undefined ? this.#heads.get(machine) : this.#heads.remembered(machine));
        changed.set(machine, this.#write(transition, head));
      }
    });
    for (const [machine, head] of changed) this.#heads.set(machine, head);
  }

  delete(machines: readonly MachineId[]): void {
    this.#inTransaction(() => {
      for (const machine of machines) this.#delete(machine);
    });
    for (const machine of machines) this.#heads.forget(machine);
  }

  /** Where the machine stands, as it was just read: saves reading it again for its next record. */
  remember(machine: MachineId, head: Head): void {
    this.#heads.set(machine, head);
  }

  /** What a list would hand out for a machine, if that is not in the table `listing` yet. */
  freshListing(number: number): Uint8Array | undefined {
    return this.#listings.shown(number);
  }

  unlisted(limit: number): readonly MachineId[] {
    return this.#listings.unlisted(limit);
  }

  /**
   * A read that finds all listings in the tables it reads. They are put there on the way, without waiting for the disk: what they tell is
   * durable already. A disk that takes no more keeps them from staying there, not from being read.
   */
  withAllListed<Result>(read: () => Result): Result {
    if (this.#listings.isEmpty) return read();
    const { begin, commit } = this.#statements;
    let result: { readonly value: Result } | undefined;
    // Not prepared: SQLite executes it while it is being prepared.
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      begin.run();
      this.#listings.indexAll();
      result = { value: read() };
      commit.run();
      this.#listings.committed();
    } catch (error) {
      this.#rollBack();
      if (result === undefined) throw error;
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
    }
    return result.value;
  }

  /** So that the next process need not make the listings again that wait. It can, if the disk takes no more. */
  close(): void {
    try {
      this.withAllListed(() => {});
    } catch {
      // See above.
    }
  }

  /** One piece of the journals of deleted machines, and the numbers of those of which nothing is left. Many short ones go at once. */
  reclaim(): boolean {
    const { selectDeleted, selectPiece, deletePiece, deleteMachine } = this.#statements;
    const deleted = (): { number: number } | undefined => selectDeleted.get(DELETED_SCOPE) as { number: number } | undefined;
    if (deleted() === undefined) return false;
    this.#inTransaction(() => {
      let recordsLeft = PIECE_RECORDS;
      let bytesLeft = PIECE_BYTES;
      for (let row = deleted(); row !== undefined && recordsLeft > 0 && bytesLeft > 0; row = deleted()) {
        const records = selectPiece.all(row.number, recordsLeft) as { seq: number; bytes: number }[];
        let bytes = 0;
        const last = records.find((record) => (bytes += record.bytes) >= bytesLeft) ?? records.at(-1);
        if (last !== undefined) deletePiece.run(row.number, last.seq);
        if (records.length === recordsLeft || last !== records.at(-1)) return;
        deleteMachine.run(row.number);
        recordsLeft -= records.length + 1;
        bytesLeft -= bytes;
      }
    });
    return true;
  }

  #inTransaction(work: () => void): void {
    const { begin, commit } = this.#statements;
    begin.run();
    try {
      work();
      this.#listings.write();
      commit.run();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    this.#listings.committed();
  }

  #rollBack(): void {
    this.#scopes.forget();
    this.#listings.rolledBack();
    try {
      this.#statements.rollback.run();
    } catch {
      // After some errors (disk full, I/O) SQLite has rolled back by itself and there is nothing left to end.
    }
  }

  #write(transition: Transition, head: Head | undefined): Head {
    checkTransition(transition, head);
    const { row, history, private: privateEvents, snapshot } = transition;
    const number = head === undefined ? this.#create(transition) : this.#updateRow(head, row);
    if (transition.makeCurrent === true) this.#makeCurrent(number);
    const after: Head = { ...headAfter(transition, head), number, wakeAt: row.wakeAt, open: row.open };
    this.#statements.append.run(
      number,
      after.seq,
      history?.firstEventId ?? null,
      after.lastEventId,
      privateEvents ?? null,
      history?.bytes ?? null,
    );
    if (row.listing !== undefined) {
      const { create } = transition;
      if (row.listing === null) this.#listings.remove(number);
      else this.#listings.set(number, row.listing, create && this.#scopes.findOrAdd(create.kind, create.namespace));
    }
    if (snapshot !== undefined) this.#statements.setSnapshot.run(number, after.seq, snapshot);
    return after;
  }

  /** `checkTransition` has seen to it that `create` is there and that the id is a UUID. */
  #create(transition: Transition): number {
    const { machine, create, row } = transition;
    const id = idToBytes(machine);
    if (create === undefined || id === undefined) throw new Error(`Machine ${machine} was not checked.`);
    const scope = this.#scopes.findOrAdd(create.kind, create.namespace);
    const { lastInsertRowid, changes } = this.#statements.create.run(
      id,
      scope,
      row.wakeAt ?? null,
      row.open ? 1 : 0,
      create.makeCurrent ? 1 : 0,
      Buffer.from(create.key),
    );
    if (Number(changes) === 0) checkTransition(transition, this.#heads.get(machine));
    return Number(lastInsertRowid);
  }

  /** SQLite rewrites the indexes of every column that is named in an update, so only changed ones are named. */
  #updateRow(head: Head, row: Transition['row']): number {
    if (row.wakeAt !== head.wakeAt) this.#statements.setWakeAt.run(row.wakeAt ?? null, head.number);
    if (row.open !== head.open) this.#statements.setOpen.run(row.open ? 1 : 0, head.number);
    return head.number;
  }

  /** The current machine of a key is the one with the highest number of those that were made current: later ones are so no more. */
  #makeCurrent(number: number): void {
    const { scope, key } = this.#statements.selectKey.get(number) as { scope: number; key: Uint8Array };
    this.#statements.clearLater.run(scope, key, number);
    this.#statements.makeCurrent.run(number);
  }

  #delete(machine: MachineId): void {
    const id = idToBytes(machine);
    const row = id && this.#statements.selectMachine.get(id);
    if (row === undefined) return;
    const { number, scope, key } = row as { number: number; scope: number; key: Uint8Array };
    const current = this.#statements.selectCurrent.get(scope, key)?.['number'];
    // Whoever was current before must not become it again.
    if (current === number) this.#statements.clearCurrent.run(scope, key);
    this.#listings.remove(number);
    this.#statements.deleteSnapshot.run(number);
    this.#statements.hide.run(DELETED_SCOPE, Buffer.from(`deleted ${number}`), number);
  }
}

function prepareStatements(database: SqliteDatabase) {
  const prepare = (sql: string): SqliteStatement => database.prepare(sql);
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    create: prepare(
      'INSERT INTO machine (id, scope, wake_at, open, made_current, key) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    ),
    setWakeAt: prepare('UPDATE machine SET wake_at = ? WHERE number = ?'),
    setOpen: prepare('UPDATE machine SET open = ? WHERE number = ?'),
    append: prepare(
      'INSERT INTO journal (machine, seq, first_event_id, last_event_id, private, history) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    setSnapshot: prepare('INSERT OR REPLACE INTO snapshot (machine, seq, bytes) VALUES (?, ?, ?)'),
    selectMachine: prepare('SELECT number, scope, key FROM machine WHERE id = ?'),
    selectCurrent: prepare(SELECT_CURRENT),
    selectKey: prepare('SELECT scope, key FROM machine WHERE number = ?'),
    clearLater: prepare('UPDATE machine SET made_current = 0 WHERE scope = ? AND key = ? AND number > ?'),
    makeCurrent: prepare('UPDATE machine SET made_current = 1 WHERE number = ?'),
    clearCurrent: prepare('UPDATE machine SET made_current = 0 WHERE scope = ? AND key = ?'),
    deleteMachine: prepare('DELETE FROM machine WHERE number = ?'),
    deleteSnapshot: prepare('DELETE FROM snapshot WHERE machine = ?'),
    hide: prepare("UPDATE machine SET scope = ?, id = ?, wake_at = NULL, open = 0, made_current = 0, key = x'' WHERE number = ?"),
    selectDeleted: prepare('SELECT number FROM machine INDEXED BY machine_by_scope WHERE scope = ? LIMIT 1'),
    // The length of a BLOB is known without reading it.
    selectPiece: prepare(
      'SELECT seq, coalesce(length(private), 0) + coalesce(length(history), 0) AS bytes FROM journal WHERE machine = ? ORDER BY seq LIMIT ?',
    ),
    deletePiece: prepare('DELETE FROM journal WHERE machine = ? AND seq <= ?'),
  };
}
