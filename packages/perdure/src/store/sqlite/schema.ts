/**
 * The tables, and how a file says that it holds them. `docs/internals/journal.md` explains the choice.
 *
 * - Machines are numbered in the order of their creation. Other tables use the number: 16 bytes less per entry, and
 *   neighbours in time are neighbours on disk.
 * - `machine` rows are small and of nearly constant size, because most transitions move `wake_at` in one. What can be
 *   large (`listing`, `snapshot`) lies in tables of its own.
 * - `journal` is appended to at its end and found through a small index. Measured against a table clustered by machine
 *   (WITHOUT ROWID): 1.5 times the rows per second, because a group of 50 transitions touches 7 pages instead of 50.
 * - `last_event_id` in `journal` never goes back, also in records without history: pages of history are found by
 *   bisection, without an index of their own.
 * - A scope is a (kind, namespace) pair, interned.
 * - Keys are UTF-8 in a BLOB. Users choose them, and one of the drivers cuts TEXT off at a NUL character.
 */
import type { SqliteDatabase } from './driver.js';

/** "Perd", at byte 68 of the file. The tool `file` and other programs can tell by it whose file this is. */
export const APPLICATION_ID = 0x50_65_72_64;
/** Goes up with every change of the schema that an older version could not work with. At byte 60 of the file. */
export const SCHEMA_VERSION = 1;

const TABLES = `
  CREATE TABLE scope (
    scope INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    UNIQUE (kind, namespace)
  ) STRICT;

  CREATE TABLE machine (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    scope INTEGER NOT NULL,
    wake_at INTEGER,
    open INTEGER NOT NULL,
    made_current INTEGER NOT NULL,
    key BLOB NOT NULL
  ) STRICT;
  CREATE INDEX machine_by_key ON machine (scope, key);
  CREATE INDEX machine_by_scope ON machine (scope);
  CREATE INDEX machine_open ON machine (scope) WHERE open = 1;
  CREATE INDEX machine_wake ON machine (wake_at) WHERE wake_at IS NOT NULL;

  CREATE TABLE listing (machine INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE snapshot (machine INTEGER PRIMARY KEY, seq INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE journal (
    machine INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    first_event_id INTEGER,
    last_event_id INTEGER NOT NULL,
    private BLOB,
    history BLOB
  ) STRICT;
  CREATE UNIQUE INDEX journal_by_machine ON journal (machine, seq);
`;

/**
 * Makes an empty database ours, in one transaction. It must not be in WAL mode yet: then the header, too, is in the main
 * file from the first moment on, where `readFileHeader` finds it.
 */
export function createSchema(database: SqliteDatabase): void {
  database.exec(`
    BEGIN IMMEDIATE;
    ${TABLES}
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT;
  `);
}

/** Machines are made current when they are created, so the last one made current is the one with the highest number. */
export const SELECT_CURRENT =
  'SELECT number, id FROM machine INDEXED BY machine_by_key ' +
  'WHERE scope = ? AND key = ? AND made_current = 1 ORDER BY number DESC LIMIT 1';
