/**
 * One process per file. The lock is an exclusive transaction that is never ended, on an empty database beside the real
 * one: a lock of the operating system, so it vanishes with its process, however that dies. The file itself stays behind;
 * to delete it would open a gap in which two processes hold locks on two files of the same name.
 *
 * The real file is left unlocked on purpose: other connections may read it, for a backup or for a long list.
 */
import type { SqliteDatabase, SqliteDriver } from './driver.js';
import { StoreLockedError } from '../errors.js';
import { isBusy, translateError } from './errors.js';

export interface FileLock {
  release(): void;
}

export function lockFile(driver: SqliteDriver, filename: string): FileLock {
  const lockFilename = `${filename}-lock`;
  let database: SqliteDatabase | undefined;
  try {
    database = new driver.DatabaseSync(lockFilename);
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw translateError(error, lockFilename);
    throw new StoreLockedError(
      `${filename} is in use by another Perdure server. Stop that one first, or choose another file. Nothing was changed.`,
      { cause: error },
    );
  }
  const held = database;
  return { release: () => held.close() };
}
