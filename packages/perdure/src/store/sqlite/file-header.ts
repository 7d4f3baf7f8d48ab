/**
 * A look at a database file before SQLite touches it. SQLite, in the course of opening, may create files beside it, move
 * a log into it, or delete that log; a file that is not ours, or is too new, must be left exactly as it is.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { StoreTooNewError, StoreUnavailableError } from '../errors.js';
import { corrupt } from './errors.js';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.js';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const PAGE_SIZE_AT = 16;
const PAGE_COUNT_AT = 28;
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

/** Throws if the file may not be opened. Returns whether there is nothing in it yet. */
export function inspectFile(filename: string): 'new' | 'ours' {
  const header = readFirstBytes(filename);
  const hasLog = sizeOf(`${filename}-wal`) > 0;
  if (header.length === 0) {
    if (hasLog) throw corrupt(filename, 'it is empty, but there is a log that belongs to it');
    return 'new';
  }
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw corrupt(filename, 'it does not begin like an SQLite file');
  }
  checkIdentity(filename, header.readUInt32BE(APPLICATION_ID_AT), header.readUInt32BE(USER_VERSION_AT));
  if (!hasLog) checkSize(filename, header);
  return 'ours';
}

/**
 * Every page that the header counts must be there. With a log they need not be: a process that died while it moved the
 * log into the file has left some of them only there. SQLite has such a check, too, but not in all circumstances.
 */
function checkSize(filename: string, header: Buffer): void {
  const pageSize = header.readUInt16BE(PAGE_SIZE_AT);
  const expected = header.readUInt32BE(PAGE_COUNT_AT) * (pageSize === 1 ? 65_536 : pageSize);
  const actual = sizeOf(filename);
  if (actual < expected) throw corrupt(filename, `it should have ${expected} bytes, but has ${actual}`);
}

/** The same check on values that SQLite has read: a later version is in the log before it is in the file. */
export function checkIdentity(filename: string, applicationId: number, version: number): void {
  if (applicationId !== APPLICATION_ID) throw corrupt(filename, 'it is an SQLite database of another program');
  if (version > SCHEMA_VERSION) {
    throw new StoreTooNewError(
      `${filename} was written by a newer version of Perdure (format ${version}; this version knows up to ` +
        `${SCHEMA_VERSION}). Upgrade Perdure, or choose another file.`,
    );
  }
  if (version < 1) throw corrupt(filename, `unknown format ${version}`);
}

function readFirstBytes(filename: string): Buffer {
  let file: number;
  try {
    file = openSync(filename, 'r');
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0);
    throw new StoreUnavailableError('io', `${filename} cannot be read: ${String(error)}.`, { cause: error });
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    return header.subarray(0, readSync(file, header, 0, HEADER_BYTES, 0));
  } catch (error) {
    throw new StoreUnavailableError('io', `${filename} cannot be read: ${String(error)}.`, { cause: error });
  } finally {
    closeSync(file);
  }
}

function sizeOf(filename: string): number {
  return statSync(filename, { throwIfNoEntry: false })?.size ?? 0;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
