/**
 * Files that must not be opened, and the errors that say so: a user's data may be in them, so besides the error it is
 * shown that nothing in the folder changed.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { created, machine, step } from '../contract/fixtures.js';
import { StoreCorruptError, StoreLockedError, StoreTooNewError, StoreUnavailableError } from '../errors.js';
import { loadDriver } from './driver.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder, type TemporaryFolder } from './temporary-file.js';

/** A closed store with a hundred machines in it. */
async function filledFile(folder: TemporaryFolder): Promise<string> {
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  const large = { private: new Uint8Array(2_000).fill(7) };
  await store.commit(Array.from({ length: 100 }, (_, n) => created(n, large)));
  await store.close();
  return filename;
}

function contents(filename: string): Map<string, string> {
  const folder = dirname(filename);
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]));
}

async function refusedUntouched(filename: string, expected: object): Promise<void> {
  const before = contents(filename);
  await assert.rejects(openSqliteStore({ filename }), expected);
  assert.deepEqual(contents(filename), before);
}

test('a missing folder is created, and an empty file is as good as none', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('some/where/store.db');
  await (await openSqliteStore({ filename })).close();
  assert.ok(existsSync(filename));
  const empty = folder.file('empty.db');
  writeFileSync(empty, '');
  const store = await openSqliteStore({ filename: empty });
  await store.commit([created(1)]);
  await store.close();
});

test('a creation that was cut off does not stand in the way of the next one', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  writeFileSync(`${filename}-new`, 'half of a database');
  const store = await openSqliteStore({ filename });
  await store.commit([created(1)]);
  await store.close();
  assert.ok(!existsSync(`${filename}-new`));
});

test('after closing, the file alone is the whole store', async () => {
  using folder = temporaryFolder();
  const filename = await filledFile(folder);
  const copy = folder.file('copy.db');
  copyFileSync(filename, copy);
  const store = await openSqliteStore({ filename: copy });
  assert.ok(await store.load(machine(99)));
  await store.close();
});

test('the same file cannot be opened twice in one process, but again after closing', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const first = await openSqliteStore({ filename });
  await first.commit([created(1)]);
  await refusedUntouched(filename, StoreLockedError);
  await first.commit([step(1, 2)]);
  await first.close();
  const second = await openSqliteStore({ filename });
  assert.equal((await second.load(machine(1)))?.seq, 2);
  await second.close();
});

test('other connections may read while the store is open', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  await store.commit([created(1)]);
  const { DatabaseSync } = await loadDriver();
  const reader = new DatabaseSync(filename);
  reader.exec('BEGIN');
  const count = () => reader.prepare('SELECT count(*) AS records FROM journal').get()?.['records'];
  assert.equal(count(), 1);
  await store.commit([step(1, 2)]);
  assert.equal(count(), 1, 'a reader keeps what it saw, and does not keep a commit waiting');
  reader.exec('COMMIT');
  assert.equal(count(), 2);
  reader.close();
  await store.close();
});

test('another program that writes to the file gets a commit refused, not lost', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  await store.commit([created(1)]);
  const { DatabaseSync } = await loadDriver();
  const intruder = new DatabaseSync(filename);
  intruder.exec('BEGIN IMMEDIATE');
  await assert.rejects(store.commit([step(1, 2)]), { name: 'StoreUnavailableError', reason: 'busy' });
  intruder.exec('ROLLBACK');
  await store.commit([step(1, 2)]);
  assert.equal((await store.load(machine(1)))?.seq, 2);
  intruder.close();
  await store.close();
});

test('refused and untouched: a file of a newer version', async () => {
  using folder = temporaryFolder();
  const filename = await filledFile(folder);
  const file = readFileSync(filename);
  file.writeUInt32BE(99, 60);
  writeFileSync(filename, file);
  await refusedUntouched(filename, (error: unknown) => error instanceof StoreTooNewError && /format 99/.test(error.message));
});

test('refused and untouched: a file that is no database, one too short to be one, and one that another program made', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  writeFileSync(filename, 'Dear diary, '.repeat(1_000));
  await refusedUntouched(filename, StoreCorruptError);
  writeFileSync(filename, 'SQLite format 3\0');
  await refusedUntouched(filename, StoreCorruptError);
  const { DatabaseSync } = await loadDriver();
  const foreign = folder.file('foreign.db');
  const database = new DatabaseSync(foreign);
  database.exec('CREATE TABLE invoices (number INTEGER)');
  database.close();
  await refusedUntouched(foreign, (error: unknown) => error instanceof StoreCorruptError && /another program/.test(error.message));
});

test('refused: a file that was cut off, anywhere', async () => {
  using folder = temporaryFolder();
  const filename = await filledFile(folder);
  const size = statSync(filename).size;
  for (const rest of [size - 4_096, size / 2, 5_000, 100, 99, 1]) {
    truncateSync(filename, rest);
    await assert.rejects(openSqliteStore({ filename }), StoreCorruptError, `cut to ${rest} of ${size} bytes`);
    assert.equal(statSync(filename).size, rest);
  }
});

test('refused: a log without the file that it belongs to', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  writeFileSync(`${filename}-wal`, 'the only copy of something');
  await refusedUntouched(filename, StoreCorruptError);
});

test('damage in the middle of a file is reported as such by whoever comes across it', async () => {
  using folder = temporaryFolder();
  const filename = await filledFile(folder);
  const file = readFileSync(filename);
  file.fill(0xee, 4_096);
  writeFileSync(filename, file);
  const useAll = async (): Promise<void> => {
    const store = await openSqliteStore({ filename });
    try {
      await store.load(machine(50));
      await store.due(0, { limit: 10 });
    } finally {
      await store.close();
    }
  };
  await assert.rejects(useAll(), StoreCorruptError);
});

test('a path that cannot be a file is refused with the path in the message', async () => {
  using folder = temporaryFolder();
  const file = folder.file('file');
  writeFileSync(file, '');
  mkdirSync(folder.file('folder.db'));
  for (const filename of [join(file, 'store.db'), folder.file('folder.db')]) {
    await assert.rejects(
      openSqliteStore({ filename }),
      (error) => error instanceof StoreUnavailableError && error.reason === 'io' && error.message.includes(filename),
    );
  }
});
