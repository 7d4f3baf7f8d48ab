/**
 * Listings that are not indexed yet.
 *
 * Most runs are short: they start, change and close within moments. To index each of these states costs more than everything else that is
 * written for a run. So the indexes get a listing when they have to: before a list is answered, when too many wait, or when the store
 * closes. Of a machine that changed meanwhile, only the last listing ever reaches them.
 *
 * A listing follows from the journal, so what waits is in memory only. The table `unlisted` names the machines of which the indexes do not
 * tell the latest, in the same transaction as what made them so: after a crash the host makes their listings again. It also names the
 * machines of a file that was written by a version without lists.
 *
 * The writer calls `set` and `remove` within its transaction, `write` before its end, and then `committed` or `rolledBack`.
 */
import type { Listing } from '../../machines/listing.js';
import type { MachineId } from '../store.js';
import { canBeListed } from '../transition.js';
import type { SqliteDatabase } from './driver.js';
import type { ListingWriter } from './listing-writer.js';
import { idFromBytes } from './machine-id.js';

/**
 * What waits is bounded: it is in memory, and a list has to index it first. When there is too much, it is made less by a piece: neighbours
 * in an index share its pages, and pages are what a commit costs. A larger piece would be cheaper, and a pause that others feel.
 */
const MOST = { machines: 768, bytes: 6 * 1024 * 1024 };
const LESS = { machines: 512, bytes: 4 * 1024 * 1024 };
const NONE = { machines: 0, bytes: 0 };

interface Waiting {
  readonly listing: Listing;
  /** Known if the machine was created with it: then nothing of it is indexed. */
  readonly scope: number | undefined;
}

export class FreshListings {
  readonly #writer: ListingWriter;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** By number of the machine; what has waited longest comes first. */
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  /** Of the transaction under way. `null`: the machine has no listing from now on. */
  readonly #coming = new Map<number, Waiting | null>();
  readonly #indexed = new Set<number>();
  /** Whether `unlisted` may name machines that do not wait here. */
  #hasOthers: boolean;

  constructor(database: SqliteDatabase, writer: ListingWriter) {
    this.#writer = writer;
    this.#statements = prepareStatements(database);
    this.#hasOthers = this.#statements.unlisted.get(1) !== undefined;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** What lists would hand out for a machine; `undefined`: what is indexed says it. */
  shown(machine: number): Uint8Array | undefined {
    return this.#waiting.get(machine)?.listing.make().shown;
  }

  /** Machines whose listing only the host can tell. */
  unlisted(limit: number): MachineId[] {
    if (!this.#hasOthers) return [];
    const rows = this.#statements.unlisted.all(limit + this.#waiting.size);
    const others = rows.filter((row) => !this.#waiting.has(Number(row['machine'])));
    this.#hasOthers = others.length > 0;
    return others.slice(0, limit).map((row) => idFromBytes(row['id'] as Uint8Array));
  }

  /** @param scope if this is the first that there is of the machine */
  set(machine: number, listing: Listing, scope?: number): void {
    const coming = this.#coming.get(machine);
    const before = coming === undefined ? this.#waiting.get(machine) : coming;
    this.#coming.set(machine, { listing, scope: scope ?? before?.scope });
    if (!before) this.#statements.note.run(machine);
  }

  /** The machine has no listing from now on. At once, because another machine may get its number. */
  remove(machine: number): void {
    this.#writer.remove(machine);
    const waits = this.#coming.has(machine) || this.#waiting.has(machine);
    if (waits) this.#coming.set(machine, null);
    if (waits || this.#hasOthers) this.#statements.cross.run(machine);
  }

  /** Before the end of a transaction: puts into the indexes what has waited longest, as far as too much waits. */
  write(): void {
    if (this.#waiting.size + this.#coming.size > MOST.machines || this.#bytes > MOST.bytes) this.#index(LESS);
  }

  /** Puts everything into the indexes. */
  indexAll(): void {
    this.#index(NONE);
  }

  committed(): void {
    for (const [machine, coming] of this.#coming) {
      if (coming === null) this.#drop(machine);
      else this.#keep(machine, coming);
    }
    for (const machine of this.#indexed) this.#drop(machine);
    this.rolledBack();
  }

  rolledBack(): void {
    this.#coming.clear();
    this.#indexed.clear();
  }

  #keep(machine: number, waiting: Waiting): void {
    this.#bytes += waiting.listing.sizeBytes - (this.#waiting.get(machine)?.listing.sizeBytes ?? 0);
    this.#waiting.set(machine, waiting);
  }

  #drop(machine: number): void {
    this.#bytes -= this.#waiting.get(machine)?.listing.sizeBytes ?? 0;
    this.#waiting.delete(machine);
  }

  #index(until: typeof NONE): void {
    let machines = this.#waiting.size;
    let bytes = this.#bytes;
    for (const [machine, waiting] of this.#waiting) {
      if (machines <= until.machines && bytes <= until.bytes) return;
      machines -= 1;
      bytes -= waiting.listing.sizeBytes;
      const coming = this.#coming.get(machine);
      // Removed by this transaction, and from the indexes already.
      if (coming === null) continue;
      const { listing, scope } = coming ?? waiting;
      const made = listing.make();
      if (!canBeListed(made.attributes)) this.#writer.remove(machine);
      else if (scope === undefined) this.#writer.set(machine, made);
      else this.#writer.add(machine, scope, made);
      this.#statements.cross.run(machine);
      this.#indexed.add(machine);
    }
  }
}

function prepareStatements(database: SqliteDatabase) {
  return {
    note: database.prepare('INSERT OR IGNORE INTO unlisted (machine) VALUES (?)'),
    cross: database.prepare('DELETE FROM unlisted WHERE machine = ?'),
    unlisted: database.prepare('SELECT u.machine, m.id FROM unlisted u CROSS JOIN machine m ON m.number = u.machine ORDER BY u.machine LIMIT ?'),
  };
}
