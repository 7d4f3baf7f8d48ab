/** Translates SQLite's result codes into the errors of the store port. */
import { InvalidTransitionError, StoreCorruptError, StoreUnavailableError } from '../errors.js';

/** Primary result codes, https://www.sqlite.org/rescode.html. Drivers report extended ones: the low byte is the primary. */
const SQLITE = {
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  TOOBIG: 18,
  NOTADB: 26,
} as const;

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === SQLITE.BUSY;
}

/** The port's error for `error`; `error` itself if it did not come from SQLite or tells of a mistake in our SQL. */
export function translateError(error: unknown, filename: string): unknown {
  const options = { cause: error };
  switch (primaryCode(error)) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return new StoreUnavailableError(
        'busy',
        `Another program is writing to ${filename}. Only Perdure may write to it; reading is fine.`,
        options,
      );
    case SQLITE.FULL:
      return new StoreUnavailableError(
        'full',
        `There is no space left for ${filename}. Nothing was lost; make room on the disk and try again.`,
        options,
      );
    case SQLITE.NOMEM:
    case SQLITE.READONLY:
    case SQLITE.IOERR:
    case SQLITE.CANTOPEN:
      return new StoreUnavailableError(
        'io',
        `${filename} cannot be read or written (SQLite: ${describe(error)}). ` +
          'Check the disk, and that this process may write to the file and its folder.',
        options,
      );
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return corrupt(filename, `SQLite: ${describe(error)}`, options);
    case SQLITE.TOOBIG:
      return new InvalidTransitionError('A transition holds more bytes than SQLite stores in one value.', options);
    default:
      return error;
  }
}

export function corrupt(filename: string, reason: string, options?: ErrorOptions): StoreCorruptError {
  return new StoreCorruptError(
    `${filename} is damaged or is not a Perdure database (${reason}). ` +
      'Restore a backup, or move the file and those beside it that begin with its name away to start empty.',
    options,
  );
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
