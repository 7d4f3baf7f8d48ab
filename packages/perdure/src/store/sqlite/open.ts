/**
 * Opens the store on SQLite: look at the file, lock it, let SQLite recover it, create what is missing. Every way in which
 * that can fail has its own error with its own advice, and leaves the file as it was.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StoreUnavailableError } from '../errors.js';
import type { Store } from '../store.js';
import { loadDriver, type SqliteDatabase, type SqliteDriver } from './driver.js';
import { translateError } from './errors.js';
import { checkIdentity, inspectFile } from './file-header.js';
import { lockFile } from './lock.js';
import { createSchema, upgradeSchema } from './schema.js';
import { SqliteStore } from './sqlite-store.js';

export interface SqliteStoreOptions {
  /**
   * The database file. It and its folder are created if they are missing. Beside it lie `<filename>-wal` and
   * `<filename>-shm`, which belong to it while it is in use (a copy without them is not a backup), and
   * `<filename>-lock`. `':memory:'` keeps everything in memory, for as long as the store is open.
   */
  readonly filename: string;
}

/** How long to wait for a program that writes to our file against the rules, before a commit is refused as `busy`. */
const BUSY_TIMEOUT_MS = 250;
/** The log is moved into the file each time it has grown to this many pages of 4 KB: a pause of a few ms. */
const CHECKPOINT_PAGES = 1_000;
/** A log that a very large commit has blown up is cut back to this size. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const CACHE_KIB = 16 * 1024;

/**
 * Opens, or creates, a store in one SQLite file. A commit is synced to disk before it resolves.
 *
 * @throws {StoreLockedError} another process, or another store in this one, has the file open
 * @throws {StoreCorruptError} the file is damaged, or is not ours
 * @throws {StoreTooNewError} the file was written by a newer version of Perdure
 * @throws {StoreUnavailableError} the file or its folder cannot be created, read or written
 * @throws {StoreDriverMissingError} the runtime has no SQLite
 * @example
 * ```ts
 * const store = await openSqliteStore({ filename: '.perdure/dev.db' });
 * ```
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const driver = await loadDriver();
  return options.filename === ':memory:' ? openInMemory(driver) : openFile(driver, resolve(options.filename));
}

function openInMemory(driver: SqliteDriver): Store {
  const database = new driver.DatabaseSync(':memory:');
  createSchema(database);
  return new SqliteStore(':memory:', database, undefined);
}

function openFile(driver: SqliteDriver, filename: string): Store {
  // Before the lock, so that beside a file that is not ours not even a lock file appears.
  inspectFile(filename);
  createFolder(dirname(filename));
  const lock = lockFile(driver, filename);
  let database: SqliteDatabase | undefined;
  try {
    // Once more: before we held the lock, its last owner may have been about to change the file.
    if (inspectFile(filename) === 'new') createFile(driver, filename);
    database = new driver.DatabaseSync(filename);
    configure(database);
    verify(database, filename);
    return new SqliteStore(filename, database, lock);
  } catch (error) {
    database?.close();
    lock.release();
    throw translateError(error, filename);
  }
}

/** Under another name first: a process that dies in here must not leave half a database under the real one. */
function createFile(driver: SqliteDriver, filename: string): void {
  const unfinished = `${filename}-new`;
  for (const leftover of [unfinished, `${unfinished}-journal`]) rmSync(leftover, { force: true });
  const database = new driver.DatabaseSync(unfinished);
  try {
    createSchema(database);
  } finally {
    database.close();
  }
  renameSync(unfinished, filename);
}

function configure(database: SqliteDatabase): void {
  database.exec(`
    PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA trusted_schema = OFF;
    PRAGMA journal_mode = WAL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES};
  `);
}

/** The first statements that read make SQLite recover the log and notice a file that has been cut off. */
function verify(database: SqliteDatabase, filename: string): void {
  const applicationId = database.prepare('PRAGMA application_id').get()?.['application_id'];
  const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
  checkIdentity(filename, Number(applicationId), Number(version));
  upgradeSchema(database, Number(version));
  const mode = database.prepare('PRAGMA journal_mode').get()?.['journal_mode'];
  if (mode !== 'wal') {
    throw new StoreUnavailableError(
      'io',
      `${filename} is on a file system on which SQLite cannot keep its log (mode "${String(mode)}"). Use a local disk.`,
    );
  }
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new StoreUnavailableError('io', `The folder ${folder} cannot be created: ${String(error)}.`, { cause: error });
  }
}
