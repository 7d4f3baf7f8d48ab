/**
 * Writes listings into the tables that lists read, within the writer's transaction. A listing that changes touches the indexes of what
 * changed and no others: most changes are the close.
 */
import type { MadeListing } from '../../machines/listing.js';
import type { SqliteDatabase, SqliteStatement, SqlRow, SqlValue } from './driver.js';
import { indexedValues, ROW_COLUMNS, rowOf, type IndexedValue, type ListedRow } from './listing-columns.js';

/** Columns that never change in practice, and so may cost a new row. With `start_time`. */
const FIXED = new Set(['type', 'queue', 'parent', 'root']);
/** Changed by a close. With `close_key`. */
const CLOSING = 'status';
const isFree = (column: string): boolean => !FIXED.has(column) && column !== CLOSING;
const FREE_COLUMNS = [...ROW_COLUMNS.filter(isFree), 'attributes'];
const FREE_INDEXES = ROW_COLUMNS.flatMap((column, index) => (isFree(column) ? [index] : []));
const FIXED_INDEXES = ROW_COLUMNS.flatMap((column, index) => (FIXED.has(column) ? [index] : []));
const STATUS_INDEX = ROW_COLUMNS.indexOf(CLOSING);

export class ListingWriter {
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: SqliteDatabase) {
    this.#statements = prepareStatements(database);
  }

  /** The first listing of a machine that had none before. */
  add(number: number, scope: number, listing: MadeListing): void {
    this.#insert(number, scope, listing.shown, rowOf(listing));
  }

  /** Puts a listing in the place of the one before, if there was one. */
  set(number: number, listing: MadeListing): void {
    const row = rowOf(listing);
    // Of a schedule nothing else than what is shown changes, firing after firing.
    if (this.#statements.isListed.get(number, row.closeKey, row.startTime, ...row.columns, row.others) !== undefined) {
      return void this.#statements.setShown.run(number, listing.shown);
    }
    const before = this.#statements.select.get(number);
    if (before !== undefined && hasSameFixed(before, row)) return this.#update(number, before, listing.shown, row);
    this.#remove(number, before);
    this.#insert(number, (before?.['scope'] ?? this.#statements.scope.get(number)?.['scope']) as number, listing.shown, row);
  }

  /** The machine has no listing any more. */
  remove(number: number): void {
    this.#remove(number, this.#statements.select.get(number));
  }

  #insert(number: number, scope: number, shown: Uint8Array, row: ListedRow): void {
    this.#statements.insert.run(number, scope, row.closeKey, row.startTime, ...row.columns, row.others);
    this.#statements.setShown.run(number, shown);
    index(this.#statements.addAttribute, number, scope, row.indexed, row.closeKey, row.startTime);
  }

  #update(number: number, before: SqlRow, shown: Uint8Array, row: ListedRow): void {
    const status = row.columns[STATUS_INDEX] ?? null;
    const closes = before['close_key'] !== row.closeKey || before[CLOSING] !== status;
    const free = [...FREE_INDEXES.map((index) => row.columns[index] ?? null), row.others];
    if (closes) this.#statements.updateClosing.run(row.closeKey, status, ...free, number);
    else this.#statements.update.run(...free, number);
    this.#statements.setShown.run(number, shown);
    if (!closes && before['attributes'] === row.others) return;
    const scope = before['scope'] as number;
    this.#removeIndexed(number, before);
    index(this.#statements.addAttribute, number, scope, row.indexed, row.closeKey, row.startTime);
  }

  #remove(number: number, before: SqlRow | undefined): void {
    if (before === undefined) return;
    this.#removeIndexed(number, before);
    this.#statements.remove.run(number);
    this.#statements.removeShown.run(number);
  }

  #removeIndexed(number: number, before: SqlRow): void {
    const indexed = indexedValues(before['attributes'] as string | null);
    index(this.#statements.removeAttribute, number, before['scope'] as number, indexed, before['close_key'] as number, before['start_time'] as number);
  }
}

function index(statement: SqliteStatement, number: number, scope: number, values: readonly IndexedValue[], closeKey: number, startTime: number): void {
  for (const [name, value] of values) statement.run(scope, name, value, closeKey, startTime, number);
}

function hasSameFixed(before: SqlRow, row: ListedRow): boolean {
  return before['start_time'] === row.startTime && FIXED_INDEXES.every((index) => isSame(before[ROW_COLUMNS[index] ?? ''], row.columns[index]));
}

function isSame(one: SqlValue | undefined, other: SqlValue | undefined): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return (one ?? null) === (other ?? null);
}

function prepareStatements(database: SqliteDatabase) {
  const prepare = (sql: string) => database.prepare(sql);
  const set = (columns: readonly string[]): string => columns.map((column) => `${column} = ?`).join(', ');
  const columns = ['machine', 'scope', 'close_key', 'start_time', ...ROW_COLUMNS, 'attributes'];
  return {
    select: prepare(`SELECT scope, close_key, start_time, ${ROW_COLUMNS.join(', ')}, attributes FROM listed WHERE machine = ?`),
    isListed: prepare(`SELECT 1 AS yes FROM listed WHERE machine = ? AND ${['close_key', 'start_time', ...ROW_COLUMNS, 'attributes'].map((column) => `${column} IS ?`).join(' AND ')}`),
    scope: prepare('SELECT scope FROM machine WHERE number = ?'),
    insert: prepare(`INSERT INTO listed (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`),
    // SQLite rewrites the indexes of every column that is named.
    update: prepare(`UPDATE listed SET ${set(FREE_COLUMNS)} WHERE machine = ?`),
    updateClosing: prepare(`UPDATE listed SET ${set(['close_key', CLOSING, ...FREE_COLUMNS])} WHERE machine = ?`),
    remove: prepare('DELETE FROM listed WHERE machine = ?'),
    setShown: prepare('INSERT OR REPLACE INTO listing (machine, bytes) VALUES (?, ?)'),
    removeShown: prepare('DELETE FROM listing WHERE machine = ?'),
    addAttribute: prepare('INSERT OR IGNORE INTO attribute (scope, name, value, close_key, start_time, machine) VALUES (?, ?, ?, ?, ?, ?)'),
    removeAttribute: prepare('DELETE FROM attribute WHERE scope = ? AND name = ? AND value = ? AND close_key = ? AND start_time = ? AND machine = ?'),
  };
}
