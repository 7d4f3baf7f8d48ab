/**
 * Writes listings, within the writer's transaction. A listing that changes touches the indexes of what changed and no others: most changes
 * are the close.
 */
import type { Listing } from '../../machines/listing.js';
import type { SqliteDatabase, SqlRow, SqlValue } from './driver.js';
import { COLUMNS, indexedValues, rowOf } from './listing-columns.js';

/** Columns that never change in practice, and so may cost a new row. */
const FIXED = ['start_time', 'type', 'queue', 'parent', 'root'];
const NEW_COLUMNS = ['close_key', 'start_time', ...COLUMNS.values(), 'attributes'];
/** Changed by a close. */
const CLOSING = ['close_key', 'status'];
const FREE_COLUMNS = NEW_COLUMNS.filter((column) => !FIXED.includes(column) && !CLOSING.includes(column));

export class ListingWriter {
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Whether there may be machines of a version without listings. */
  #hasUnlisted: boolean;

  constructor(database: SqliteDatabase) {
    this.#statements = prepareStatements(database);
    this.#hasUnlisted = this.#statements.anyUnlisted.get() !== undefined;
  }

  /** The first listing of a machine that did not exist before. */
  add(number: number, scope: number, listing: Listing): void {
    this.#insert(number, scope, listing.shown, rowOf(listing));
  }

  /** Puts a listing in the place of the one before, if there was one. `null`: none from now on. */
  set(number: number, listing: Listing | null): void {
    const before = this.#statements.select.get(number);
    if (listing === null) this.#remove(number, before);
    else {
      const row = rowOf(listing);
      if (before !== undefined && FIXED.every((column) => isSame(before[column], row.get(column)))) this.#update(number, before, listing.shown, row);
      else {
        this.#remove(number, before);
        this.#insert(number, (before?.['scope'] ?? this.#statements.scope.get(number)?.['scope']) as number, listing.shown, row);
      }
    }
    if (this.#hasUnlisted) this.#statements.noLongerUnlisted.run(number);
  }

  /** The machine goes. */
  remove(number: number): void {
    this.#remove(number, this.#statements.select.get(number));
    if (this.#hasUnlisted) this.#statements.noLongerUnlisted.run(number);
  }

  #insert(number: number, scope: number, shown: Uint8Array, row: Map<string, SqlValue>): void {
    this.#statements.insert.run(number, scope, ...NEW_COLUMNS.map((column) => row.get(column) ?? null));
    this.#statements.setShown.run(number, shown);
    this.#index(number, scope, row, this.#statements.addAttribute);
  }

  #update(number: number, before: SqlRow, shown: Uint8Array, row: Map<string, SqlValue>): void {
    const closes = !CLOSING.every((column) => isSame(before[column], row.get(column)));
    const free = FREE_COLUMNS.map((column) => row.get(column) ?? null);
    if (closes) this.#statements.updateClosing.run(...CLOSING.map((column) => row.get(column) ?? null), ...free, number);
    else this.#statements.update.run(...free, number);
    this.#statements.setShown.run(number, shown);
    if (!closes && before['attributes'] === row.get('attributes')) return;
    const scope = before['scope'] as number;
    this.#index(number, scope, new Map(Object.entries(before)), this.#statements.removeAttribute);
    this.#index(number, scope, row, this.#statements.addAttribute);
  }

  #remove(number: number, before: SqlRow | undefined): void {
    if (before === undefined) return;
    this.#index(number, before['scope'] as number, new Map(Object.entries(before)), this.#statements.removeAttribute);
    this.#statements.remove.run(number);
    this.#statements.removeShown.run(number);
  }

  #index(number: number, scope: number, row: ReadonlyMap<string, SqlValue>, statement: { run(...parameters: SqlValue[]): unknown }): void {
    const others = row.get('attributes') as string | null;
    for (const [name, value] of indexedValues(others)) statement.run(scope, name, value, row.get('close_key') ?? null, row.get('start_time') ?? null, number);
  }
}

function isSame(one: SqlValue | undefined, other: SqlValue | undefined): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return (one ?? null) === (other ?? null);
}

function prepareStatements(database: SqliteDatabase) {
  const prepare = (sql: string) => database.prepare(sql);
  const set = (columns: readonly string[]): string => columns.map((column) => `${column} = ?`).join(', ');
  return {
    select: prepare(`SELECT scope, ${CLOSING.join(', ')}, ${FIXED.join(', ')}, attributes FROM listed WHERE machine = ?`),
    scope: prepare('SELECT scope FROM machine WHERE number = ?'),
    insert: prepare(`INSERT INTO listed (machine, scope, ${NEW_COLUMNS.join(', ')}) VALUES (?, ?${', ?'.repeat(NEW_COLUMNS.length)})`),
    // SQLite rewrites the indexes of every column that is named.
    update: prepare(`UPDATE listed SET ${set(FREE_COLUMNS)} WHERE machine = ?`),
    updateClosing: prepare(`UPDATE listed SET ${set([...CLOSING, ...FREE_COLUMNS])} WHERE machine = ?`),
    remove: prepare('DELETE FROM listed WHERE machine = ?'),
    setShown: prepare('INSERT OR REPLACE INTO listing (machine, bytes) VALUES (?, ?)'),
    removeShown: prepare('DELETE FROM listing WHERE machine = ?'),
    addAttribute: prepare('INSERT OR IGNORE INTO attribute (scope, name, value, close_key, start_time, machine) VALUES (?, ?, ?, ?, ?, ?)'),
    removeAttribute: prepare('DELETE FROM attribute WHERE scope = ? AND name = ? AND value = ? AND close_key = ? AND start_time = ? AND machine = ?'),
    anyUnlisted: prepare('SELECT 1 FROM unlisted LIMIT 1'),
    noLongerUnlisted: prepare('DELETE FROM unlisted WHERE machine = ?'),
  };
}
