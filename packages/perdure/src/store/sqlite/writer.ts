/**
 * The only code that changes the tables. One call is one transaction: it returns when that is on disk, or throws and has
 * changed nothing, neither in the file nor in what is remembered about it.
 */
import type { MachineId, Transition } from '../store.js';
import { checkTransition, headAfter } from '../transition.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';
import { Heads, type Head } from './heads.js';
import { idToBytes } from './machine-id.js';
import { SELECT_CURRENT } from './schema.js';
import type { Scopes } from './scopes.js';

export class Writer {
  readonly #scopes: Scopes;
  readonly #heads: Heads;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: SqliteDatabase, scopes: Scopes) {
    this.#scopes = scopes;
    this.#heads = new Heads(database);
    this.#statements = prepareStatements(database);
  }

  commit(transitions: readonly Transition[]): void {
    const changed = new Map<MachineId, Head>();
    this.#inTransaction(() => {
      for (const transition of transitions) {
        const head = changed.get(transition.machine) ?? this.#heads.get(transition.machine);
        changed.set(transition.machine, this.#write(transition, head));
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

  #inTransaction(work: () => void): void {
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      work();
      commit.run();
    } catch (error) {
      this.#scopes.forget();
      try {
        rollback.run();
      } catch {
        // After some errors (disk full, I/O) SQLite has rolled back by itself and there is nothing left to end.
      }
      throw error;
    }
  }

  #write(transition: Transition, head: Head | undefined): Head {
    checkTransition(transition, head);
    const { row, history, private: privateEvents, snapshot } = transition;
    const number = head === undefined ? this.#create(transition) : this.#updateRow(head, row);
    const after: Head = { ...headAfter(transition, head), number, wakeAt: row.wakeAt, open: row.open };
    this.#statements.append.run(
      number,
      after.seq,
      history?.firstEventId ?? null,
      after.lastEventId,
      privateEvents ?? null,
      history?.bytes ?? null,
    );
    if (row.listing !== undefined) this.#statements.setListing.run(number, row.listing);
    if (snapshot !== undefined) this.#statements.setSnapshot.run(number, after.seq, snapshot);
    return after;
  }

  /** `checkTransition` has seen to it that `create` is there and that the id is a UUID. */
  #create({ machine, create, row }: Transition): number {
    const id = idToBytes(machine);
    if (create === undefined || id === undefined) throw new Error(`Machine ${machine} was not checked.`);
    const scope = this.#scopes.findOrAdd(create.kind, create.namespace);
    const { lastInsertRowid } = this.#statements.create.run(
      id,
      scope,
      row.wakeAt ?? null,
      row.open ? 1 : 0,
      create.makeCurrent ? 1 : 0,
      Buffer.from(create.key),
    );
    return Number(lastInsertRowid);
  }

  /** SQLite rewrites the indexes of every column that is named in an update, so only changed ones are named. */
  #updateRow(head: Head, row: Transition['row']): number {
    if (row.wakeAt !== head.wakeAt) this.#statements.setWakeAt.run(row.wakeAt ?? null, head.number);
    if (row.open !== head.open) this.#statements.setOpen.run(row.open ? 1 : 0, head.number);
    return head.number;
  }

  #delete(machine: MachineId): void {
    const id = idToBytes(machine);
    const row = id && this.#statements.selectMachine.get(id);
    if (row === undefined) return;
    const { number, scope, key } = row as { number: number; scope: number; key: Uint8Array };
    const current = this.#statements.selectCurrent.get(scope, key)?.['number'];
    // Whoever was current before must not become it again.
    if (current === number) this.#statements.clearCurrent.run(scope, key);
    this.#statements.deleteMachine.run(number);
    this.#statements.deleteListing.run(number);
    this.#statements.deleteSnapshot.run(number);
    this.#statements.deleteJournal.run(number);
  }
}

function prepareStatements(database: SqliteDatabase) {
  const prepare = (sql: string): SqliteStatement => database.prepare(sql);
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    create: prepare(
      'INSERT INTO machine (id, scope, wake_at, open, made_current, key) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    setWakeAt: prepare('UPDATE machine SET wake_at = ? WHERE number = ?'),
    setOpen: prepare('UPDATE machine SET open = ? WHERE number = ?'),
    append: prepare(
      'INSERT INTO journal (machine, seq, first_event_id, last_event_id, private, history) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    setListing: prepare('INSERT OR REPLACE INTO listing (machine, bytes) VALUES (?, ?)'),
    setSnapshot: prepare('INSERT OR REPLACE INTO snapshot (machine, seq, bytes) VALUES (?, ?, ?)'),
    selectMachine: prepare('SELECT number, scope, key FROM machine WHERE id = ?'),
    selectCurrent: prepare(SELECT_CURRENT),
    clearCurrent: prepare('UPDATE machine SET made_current = 0 WHERE scope = ? AND key = ?'),
    deleteMachine: prepare('DELETE FROM machine WHERE number = ?'),
    deleteListing: prepare('DELETE FROM listing WHERE machine = ?'),
    deleteSnapshot: prepare('DELETE FROM snapshot WHERE machine = ?'),
    deleteJournal: prepare('DELETE FROM journal WHERE machine = ?'),
  };
}
