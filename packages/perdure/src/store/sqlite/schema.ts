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
 * - Keys and other text that users choose are UTF-8 in a BLOB: one of the drivers cuts TEXT off at a NUL character, and bytes compare
 *   the way the contract says.
 * - `listed` and `attribute` are what list queries filter and sort by; `listing-columns.ts` says what is where. `unlisted` names the
 *   machines of which they do not tell the latest; `fresh-listings.ts` says why.
 */
import type { SqliteDatabase } from './driver.js';

/** "Perd", at byte 68 of the file. The tool `file` and other programs can tell by it whose file this is. */
export const APPLICATION_ID = 0x50_65_72_64;
/** Goes up with every change of the schema that an older version could not work with. At byte 60 of the file. */
export const SCHEMA_VERSION = 5;

/** `close_key` of what runs: later than every close. */
export const OPEN_KEY = 9e15;

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
 * The machine is named before the status, so that rows which began and closed at the same moments come in their order without being sorted:
 * retention would sort all of them for each page. Since version 4.
 */
const LISTED_IN_ORDER = 'CREATE INDEX listed_in_order ON listed (scope, close_key, start_time, machine, status);';

/**
 * Since version 2. Indexes end with the order in which lists are shown: the first page of a filter is the beginning of a range.
 * `close_key` is the time of the close, or `OPEN_KEY`. Rows that run begin every index; the status at the end of it lets counts by status
 * read nothing else.
 */
const LISTING_TABLES = `
  CREATE TABLE listed (
    machine INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    close_key REAL NOT NULL,
    start_time REAL NOT NULL,
    status REAL,
    type BLOB,
    queue BLOB,
    parent BLOB,
    parent_run BLOB,
    root BLOB,
    root_run BLOB,
    execution_time REAL,
    duration REAL,
    history_length REAL,
    history_size REAL,
    transitions REAL,
    division BLOB,
    attributes TEXT
  ) STRICT;
  ${LISTED_IN_ORDER}
  CREATE INDEX listed_by_start ON listed (scope, start_time, close_key, status);
  CREATE INDEX listed_by_type ON listed (scope, type, close_key, start_time, status);
  CREATE INDEX listed_by_queue ON listed (scope, queue, close_key, start_time, status);
  CREATE INDEX listed_by_status ON listed (scope, status, close_key, start_time) WHERE close_key < ${OPEN_KEY};
  CREATE INDEX listed_by_parent ON listed (scope, parent) WHERE parent IS NOT NULL;
  CREATE INDEX listed_by_root ON listed (scope, root) WHERE root IS NOT NULL;
  CREATE INDEX listed_by_division ON listed (scope, division) WHERE division IS NOT NULL;

  CREATE TABLE attribute (
    scope INTEGER NOT NULL,
    name TEXT NOT NULL,
    value ANY NOT NULL,
    close_key REAL NOT NULL,
    start_time REAL NOT NULL,
    machine INTEGER NOT NULL,
    PRIMARY KEY (scope, name, value, close_key, start_time, machine)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE unlisted (machine INTEGER PRIMARY KEY) STRICT;
`;

/**
 * Makes an empty database ours, in one transaction. It must not be in WAL mode yet: then the header, too, is in the main
 * file from the first moment on, where `readFileHeader` finds it.
 */
export function createSchema(database: SqliteDatabase): void {
  database.exec(`
    BEGIN IMMEDIATE;
    ${TABLES}
    ${LISTING_TABLES}
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT;
  `);
}

/**
 * Brings a file of an older version up to date, in one transaction: it is of the one version or of the other, whenever the process dies.
 *
 * Machines of version 1 have no listing; the host is told which by `unlisted`. A machine that is being reclaimed gets none. Listings of
 * version 2 stay as they are: that they name the roots of trees of one run does no harm. Versions 3 and 4 had a table for what waits to be
 * indexed; if there is something in it, all listings are made again.
 */
export function upgradeSchema(database: SqliteDatabase, version: number): void {
  if (version >= SCHEMA_VERSION) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    if (version < 2) database.exec(LISTING_TABLES);
    if (version === 2 || version === 3) database.exec(`DROP INDEX listed_in_order; ${LISTED_IN_ORDER}`);
    const somethingWaits = version > 2 && database.prepare('SELECT 1 FROM fresh LIMIT 1').get() !== undefined;
    if (version < 2 || somethingWaits) database.exec('INSERT OR IGNORE INTO unlisted SELECT number FROM machine WHERE scope >= 0');
    if (version > 2) database.exec('DROP TABLE fresh');
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** The last one made current is the one with the highest number: whoever is made current later than created clears those behind it. */
export const SELECT_CURRENT =
  'SELECT number, id FROM machine INDEXED BY machine_by_key ' +
  'WHERE scope = ? AND key = ? AND made_current = 1 ORDER BY number DESC LIMIT 1';
