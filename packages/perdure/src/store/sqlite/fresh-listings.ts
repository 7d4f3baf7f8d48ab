/**
 * Listings that are durable and not indexed yet.
 *
 * Most runs are short: they start, change and close within moments. To index each of these states costs more than everything else that is
 * written for a run. So a commit writes its listings as one value of the table `fresh`, in the same transaction as what they tell of, and
 * the indexes get them when they have to: before a list is answered, or when too many wait. Of a machine that changed meanwhile, only the
 * last listing ever reaches them.
 *
 * Invariants: a listing is in `fresh` or in the indexes, or in both and then the one in `fresh` counts; values of `fresh` go in the order
 * in which they came, so the last one of a machine is the last to go; what is in memory is what the table says. The writer calls `set`
 * and `remove` within its transaction, `write` before its end, and then `committed` or `rolledBack`.
 */
import type { Listing } from '../../machines/listing.js';
import type { SqliteDatabase } from './driver.js';
import { decodeListingBatch, encodeListingBatch } from './listing-batch.js';
import type { ListingWriter } from './listing-writer.js';

/**
 * What waits is bounded by machines, by commits and by bytes: it is in memory, a list has to index it first, and a start reads it. When
 * there is too much, it is made less by a piece: neighbours in an index share its pages, and pages are what a commit costs. A larger piece
 * would be cheaper, and a pause that others feel.
 */
const MOST: Amount = { machines: 768, batches: 768, bytes: 6 * 1024 * 1024 };
const LESS: Amount = { machines: 512, batches: 512, bytes: 4 * 1024 * 1024 };
const NONE: Amount = { machines: 0, batches: 0, bytes: 0 };

interface Amount {
  readonly machines: number;
  readonly batches: number;
  readonly bytes: number;
}

interface Waiting {
  readonly listing: Listing;
  /** Known if the machine was created with it: then nothing of it is indexed. */
  readonly scope: number | undefined;
  /** The oldest value of the table that tells of it: when that goes, the listing must be indexed. */
  readonly batch: number;
}

interface Batch {
  readonly id: number;
  readonly machines: readonly number[];
  readonly bytes: number;
}

export class FreshListings {
  readonly #writer: ListingWriter;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #waiting = new Map<number, Waiting>();
  /** Oldest first. */
  readonly #batches: Batch[] = [];
  #bytes = 0;
  #lastId = 0;
  /** Of the transaction under way. */
  #coming = new Map<number, Omit<Waiting, 'batch'> | null>();
  #written: Batch | undefined;
  #indexed = new Set<number>();
  #batchesGone = 0;
  #bytesGone = 0;
  /** Whether there may be machines of a version without listings. */
  #hasUnlisted: boolean;

  constructor(database: SqliteDatabase, writer: ListingWriter) {
    this.#writer = writer;
    this.#statements = prepareStatements(database);
    this.#hasUnlisted = this.#statements.anyUnlisted.get() !== undefined;
    this.#readBack();
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** What lists would hand out for a machine; `undefined`: what is indexed says it. */
  shown(machine: number): Uint8Array | undefined {
    return this.#waiting.get(machine)?.listing.shown;
  }

  /** @param scope if this is the first that there is of the machine */
  set(machine: number, listing: Listing, scope?: number): void {
    const coming = this.#coming.get(machine);
    const before = coming === undefined ? this.#waiting.get(machine) : coming;
    this.#coming.set(machine, { listing, scope: scope ?? before?.scope });
    if (this.#hasUnlisted) this.#statements.noLongerUnlisted.run(machine);
  }

  /** The machine has no listing from now on. At once, because another machine may get its number. */
  remove(machine: number): void {
    this.#writer.remove(machine);
    if (!this.isEmpty || this.#coming.has(machine)) this.#coming.set(machine, null);
    if (this.#hasUnlisted) this.#statements.noLongerUnlisted.run(machine);
  }

  /** Puts what came into the table, and into the indexes what waited longest, as far as too much waits. */
  write(): void {
    if (this.#coming.size === 0) return;
    const { bytes, batch: coming } = encodeListingBatch(this.#coming);
    this.#coming = coming;
    const batch = { id: this.#lastId + 1, machines: [...this.#coming.keys()], bytes: bytes.byteLength };
    this.#statements.insert.run(batch.id, bytes);
    this.#written = batch;
    if (!isWithin(this.#amount(), MOST)) this.#index(LESS);
  }

  /** Puts everything into the indexes. */
  indexAll(): void {
    this.#index(NONE);
  }

  committed(): void {
    const written = this.#written;
    if (written !== undefined) {
      this.#lastId = written.id;
      this.#batches.push(written);
      this.#bytes += written.bytes;
      for (const [machine, coming] of this.#coming) {
        if (coming === null) this.#waiting.delete(machine);
        else this.#waiting.set(machine, { ...coming, batch: this.#waiting.get(machine)?.batch ?? written.id });
      }
    }
    for (const machine of this.#indexed) this.#waiting.delete(machine);
    this.#batches.splice(0, this.#batchesGone);
    this.#bytes -= this.#bytesGone;
    this.rolledBack();
  }

  rolledBack(): void {
    this.#coming = new Map();
    this.#indexed = new Set();
    this.#batchesGone = 0;
    this.#bytesGone = 0;
    this.#written = undefined;
  }

  /** Takes batches from the table, the oldest first, until no more than this waits. */
  #index(until: Amount): void {
    let last: number | undefined;
    for (const batch of this.#batches) {
      if (isWithin(this.#amount(), until)) break;
      for (const machine of batch.machines) this.#indexOne(machine, batch.id);
      this.#batchesGone += 1;
      this.#bytesGone += batch.bytes;
      last = batch.id;
    }
    if (last !== undefined) this.#statements.removeThrough.run(last);
  }

  /** What waits if the transaction under way ends well. Machines are at most so many. */
  #amount(): Amount {
    const written = this.#written;
    return {
      machines: this.#waiting.size - this.#indexed.size + (written?.machines.length ?? 0),
      batches: this.#batches.length - this.#batchesGone + (written === undefined ? 0 : 1),
      bytes: this.#bytes - this.#bytesGone + (written?.bytes ?? 0),
    };
  }

  #indexOne(machine: number, batch: number): void {
    const waiting = this.#waiting.get(machine);
    if (waiting === undefined || waiting.batch !== batch) return;
    const coming = this.#coming.get(machine);
    if (coming === null) return;
    // The latest there is: what comes with this transaction is in the table, too, and going through it again changes nothing.
    const { listing } = coming ?? waiting;
    if (waiting.scope === undefined) this.#writer.set(machine, listing);
    else this.#writer.add(machine, waiting.scope, listing);
    this.#indexed.add(machine);
  }

  #readBack(): void {
    for (const row of this.#statements.all.all()) {
      const [id, encoded] = [Number(row['id']), row['listings'] as Uint8Array];
      const decoded = decodeListingBatch(encoded);
      for (const [machine, listed] of decoded) {
        if (listed === null) this.#waiting.delete(machine);
        else this.#waiting.set(machine, { listing: listed.listing, scope: undefined, batch: this.#waiting.get(machine)?.batch ?? id });
      }
      this.#batches.push({ id, machines: [...decoded.keys()], bytes: encoded.byteLength });
      this.#bytes += encoded.byteLength;
      this.#lastId = id;
    }
  }
}

function isWithin(amount: Amount, most: Amount): boolean {
  return amount.machines <= most.machines && amount.batches <= most.batches && amount.bytes <= most.bytes;
}

function prepareStatements(database: SqliteDatabase) {
  return {
    all: database.prepare('SELECT id, listings FROM fresh ORDER BY id'),
    insert: database.prepare('INSERT INTO fresh (id, listings) VALUES (?, ?)'),
    anyUnlisted: database.prepare('SELECT 1 FROM unlisted LIMIT 1'),
    noLongerUnlisted: database.prepare('DELETE FROM unlisted WHERE machine = ?'),
    removeThrough: database.prepare('DELETE FROM fresh WHERE id <= ?'),
  };
}
