/**
 * Files of older versions open and lose nothing. Those of the version before there were lists name the machines that have no listing yet
 * until they do.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batch, bytes, created, ENOUGH, listed, machine, NAMESPACE, step } from '../contract/fixtures.js';
import { shownBy } from '../contract/lists.js';
import { loadDriver } from './driver.js';
import { openSqliteStore } from './open.js';
import { SCHEMA_VERSION } from './schema.js';
import { temporaryFolder } from './temporary-file.js';

const LIST_TABLES = ['listed', 'attribute', 'unlisted'];
const FRESH_TABLE = 'CREATE TABLE fresh (id INTEGER PRIMARY KEY, listings BLOB NOT NULL) STRICT;';

/** Takes a file of today back to version 1, with four machines of which one is deleted and not yet reclaimed. */
async function oldFile(filename: string): Promise<void> {
  const store = await openSqliteStore({ filename });
  await store.commit([1, 2, 3, 4].map((n) => created(n, { history: batch(1, 2), private: bytes(`${n}`) })));
  await store.delete([machine(3)]);
  await store.close();
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  for (const table of LIST_TABLES) database.exec(`DROP TABLE ${table}`);
  database.exec('PRAGMA user_version = 1');
  database.close();
}

test('a file of version 1 is brought up to date when it is opened, whole', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  await oldFile(filename);
  let store = await openSqliteStore({ filename });
  assert.deepEqual(await store.unlisted(10), [1, 2, 4].map(machine));
  assert.deepEqual(await store.unlisted(2), [1, 2].map(machine));
  assert.equal((await store.load(machine(2)))?.seq, 1);
  assert.equal((await store.history(machine(4), 1, ENOUGH)).length, 1);
  assert.deepEqual(await shownBy(store), []);

  await store.commit([step(1, 2, { row: { listing: listed('one') } }), step(2, 2, { row: { listing: null } }), created(5, { row: { listing: listed('five') } })]);
  await store.close();
  store = await openSqliteStore({ filename });
  assert.deepEqual(await store.unlisted(10), [machine(4)], 'the rest is named after a restart, too');
  assert.deepEqual(await shownBy(store), ['five', 'one']);
  await store.commit([step(4, 2)]);
  assert.deepEqual(await store.unlisted(10), [machine(4)], 'a commit that says nothing about lists changes nothing about it');
  await store.delete([machine(4)]);
  assert.deepEqual(await store.unlisted(10), []);
  await store.close();

  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  assert.equal(database.prepare('PRAGMA user_version').get()?.['user_version'], SCHEMA_VERSION);
  database.close();
});

test('a file of version 2, whose listings were indexed at once and name every root, is listed as before', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const before = await openSqliteStore({ filename });
  const root = { RootWorkflowId: 'key-1', RootRunId: machine(1) };
  await before.commit([1, 2, 3].map((n) => created(n, { row: { listing: listed(`${n}`, n === 3 ? {} : root) } })));
  assert.deepEqual(await shownBy(before), ['3', '2', '1'], 'after a list, everything is indexed');
  await before.close();
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  database.exec('PRAGMA user_version = 2');
  database.close();

  const store = await openSqliteStore({ filename });
  assert.deepEqual(await store.unlisted(10), []);
  const is = (attribute: string, value: string) => shownBy(store, { condition: { kind: 'compare', attribute, operator: '=', value } });
  assert.deepEqual(await is('RootWorkflowId', 'key-1'), ['2', '1']);
  assert.deepEqual(await is('RootRunId', machine(3)), ['3']);
  await store.commit([step(1, 2, { row: { listing: listed('1 again') } })]);
  assert.deepEqual(await shownBy(store), ['3', '2', '1 again']);
  assert.deepEqual(await is('RootWorkflowId', 'key-1'), ['2', '1 again'], 'it is the root now, without naming it');
  await store.close();
});

for (const version of [3, 4]) {
  test(`a file of version ${version} lists everything anew if something waited to be indexed, and nothing otherwise`, async () => {
    using folder = temporaryFolder();
    const filename = folder.file('store.db');
    const before = await openSqliteStore({ filename });
    await before.commit([1, 2, 3].map((n) => created(n, { row: { listing: listed(`${n}`) } })));
    await before.close();
    const { DatabaseSync } = await loadDriver();
    const makeOld = (waiting: string): void => {
      const old = new DatabaseSync(filename);
      if (version === 3) old.exec('DROP INDEX listed_in_order; CREATE INDEX listed_in_order ON listed (scope, close_key, start_time, status)');
      old.exec(`${FRESH_TABLE} ${waiting} PRAGMA user_version = ${version}`);
      old.close();
    };

    makeOld('');
    let store = await openSqliteStore({ filename });
    assert.deepEqual(await store.unlisted(10), []);
    assert.deepEqual(await shownBy(store), ['3', '2', '1']);
    await store.close();

    makeOld("INSERT INTO fresh VALUES (1, x'00');");
    store = await openSqliteStore({ filename });
    assert.deepEqual(await store.unlisted(10), [1, 2, 3].map(machine));
    await store.commit([step(2, 2, { row: { listing: listed('2 again') } })]);
    assert.deepEqual(await shownBy(store), ['3', '2 again', '1']);
    assert.deepEqual(await store.unlisted(10), [1, 3].map(machine));
    await store.close();
    const database = new DatabaseSync(filename);
    const plan = database.prepare('EXPLAIN QUERY PLAN SELECT machine FROM listed INDEXED BY listed_in_order WHERE scope = 1 ORDER BY close_key DESC, start_time DESC, machine DESC').all();
    database.close();
    assert.ok(plan.length > 0 && !JSON.stringify(plan).includes('TEMP B-TREE'), JSON.stringify(plan));
  });
}

test('an upgrade that fails leaves the file of the version that it was', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  await oldFile(filename);
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  database.exec('CREATE TABLE unlisted (x)');
  database.close();
  await assert.rejects(openSqliteStore({ filename }));
  const again = new DatabaseSync(filename);
  assert.equal(again.prepare('PRAGMA user_version').get()?.['user_version'], 1);
  assert.equal(again.prepare("SELECT count(*) AS tables FROM sqlite_master WHERE name = 'listed'").get()?.['tables'], 0);
  again.exec('DROP TABLE unlisted');
  again.close();
  const store = await openSqliteStore({ filename });
  assert.equal((await store.unlisted(10)).length, 3);
  await store.close();
});

test('a new file has nothing to be listed, and what is made in it never has', async () => {
  const store = await openSqliteStore({ filename: ':memory:' });
  await store.commit([created(1), created(2, { create: { kind: 'namespace', namespace: '', key: 'n', makeCurrent: true } })]);
  assert.deepEqual(await store.unlisted(10), []);
  assert.deepEqual(await store.list({ kind: 'workflow', namespace: NAMESPACE, limit: 1 }), { items: [], next: undefined });
  await store.close();
});
