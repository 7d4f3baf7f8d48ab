/** The numbers of (kind, namespace) pairs. There are a few per namespace, so all that were met are kept in memory. */
import type { MachineKind } from '../store.js';
import type { SqliteDatabase, SqliteStatement } from './driver.js';

export class Scopes {
  readonly #known = new Map<string, number>();
  readonly #select: SqliteStatement;
  readonly #insert: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#select = database.prepare('SELECT scope FROM scope WHERE kind = ? AND namespace = ?');
    this.#insert = database.prepare('INSERT INTO scope (kind, namespace) VALUES (?, ?)');
  }

  find(kind: MachineKind, namespace: string): number | undefined {
    const name = `${kind}\0${namespace}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const found = this.#select.get(kind, namespace)?.['scope'];
    if (typeof found !== 'number') return undefined;
    this.#known.set(name, found);
    return found;
  }

  /** To be called within a transaction; if that is rolled back, call `forget`. */
  findOrAdd(kind: MachineKind, namespace: string): number {
    const found = this.find(kind, namespace);
    if (found !== undefined) return found;
    const added = Number(this.#insert.run(kind, namespace).lastInsertRowid);
    this.#known.set(`${kind}\0${namespace}`, added);
    return added;
  }

  forget(): void {
    this.#known.clear();
  }
}
