/**
 * The store on SQLite: translates calls of the port into calls of reader and writer, and SQLite's errors into the port's.
 *
 * Everything runs on the calling thread, within the call: a commit of a group takes about as long as its sync to disk.
 * Commits are therefore in order by nature, and a read after a commit sees it. The promises are there for stores, and for
 * a later form of this one, that work elsewhere.
 */
import { StoreUnavailableError } from '../errors.js';
import type {
  CountGroup,
  CountRequest,
  DueMachine,
  DueRequest,
  HistoryBatch,
  HistoryLimit,
  ListedMachine,
  ListRequest,
  MachineFilter,
  MachineId,
  MachineKind,
  Page,
  PageRequest,
  Store,
  StoredMachine,
  Transition,
} from '../store.js';
import type { SqliteDatabase } from './driver.js';
import { translateError } from './errors.js';
import type { FileLock } from './lock.js';
import { ListingReader } from './listing-reader.js';
import { Reader } from './reader.js';
import { Scopes } from './scopes.js';
import { Writer } from './writer.js';

export class SqliteStore implements Store {
  readonly #filename: string;
  readonly #database: SqliteDatabase;
  readonly #lock: FileLock | undefined;
  readonly #reader: Reader;
  readonly #listings: ListingReader;
  readonly #writer: Writer;
  #closed = false;

  /** `openSqliteStore` is the way to get one: it makes sure that database and lock are what they have to be. */
  constructor(filename: string, database: SqliteDatabase, lock: FileLock | undefined) {
    this.#filename = filename;
    this.#database = database;
    this.#lock = lock;
    const scopes = new Scopes(database);
    this.#writer = new Writer(database, scopes);
    this.#reader = new Reader(database, scopes, (number) => this.#writer.freshListing(number), (machine, head) => this.#writer.remember(machine, head));
    this.#listings = new ListingReader(database, scopes);
  }

  async commit(transitions: readonly Transition[]): Promise<void> {
    this.#run(() => {
      if (transitions.length > 0) this.#writer.commit(transitions);
    });
  }

  async delete(machines: readonly MachineId[]): Promise<void> {
    this.#run(() => {
      if (machines.length > 0) this.#writer.delete(machines);
    });
  }

  async reclaim(): Promise<boolean> {
    return this.#run(() => this.#writer.reclaim());
  }

  async load(machine: MachineId): Promise<StoredMachine | undefined> {
    return this.#run(() => this.#reader.load(machine));
  }

  async current(kind: MachineKind, namespace: string, key: string): Promise<MachineId | undefined> {
    return this.#run(() => this.#reader.current(kind, namespace, key));
  }

  async history(machine: MachineId, fromEventId: number, limit: HistoryLimit): Promise<readonly HistoryBatch[]> {
    return this.#run(() => this.#reader.history(machine, fromEventId, limit));
  }

  async due(at: number, request: DueRequest): Promise<Page<DueMachine>> {
    return this.#run(() => this.#reader.due(at, request));
  }

  async nextWake(after: number): Promise<number | undefined> {
    return this.#run(() => this.#reader.nextWake(after));
  }

  async machines(filter: MachineFilter, request: PageRequest): Promise<Page<ListedMachine>> {
    return this.#run(() => this.#reader.machines(filter, request));
  }

  async list(request: ListRequest): Promise<Page<ListedMachine>> {
    return this.#run(() => this.#writer.withAllListed(() => this.#listings.list(request)));
  }

  async count(request: CountRequest): Promise<readonly CountGroup[]> {
    return this.#run(() => this.#writer.withAllListed(() => this.#listings.count(request)));
  }

  async unlisted(limit: number): Promise<readonly MachineId[]> {
    return this.#run(() => this.#writer.unlisted(limit));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#writer.close();
      moveLogIntoFile(this.#database);
      this.#database.close();
    } finally {
      this.#lock?.release();
    }
  }

  #run<Result>(work: () => Result): Result {
    if (this.#closed) throw new StoreUnavailableError('closed', `The store on ${this.#filename} has been closed.`);
    try {
      return work();
    } catch (error) {
      throw translateError(error, this.#filename);
    }
  }
}

/**
 * Afterwards the file alone holds everything. SQLite would do this in closing, but not every driver releases its
 * prepared statements then, and as long as they live the connection does. A log that cannot be moved, for lack of space
 * or because someone is reading, is as safe as before: the next start finds it.
 */
function moveLogIntoFile(database: SqliteDatabase): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // See above.
  }
}
