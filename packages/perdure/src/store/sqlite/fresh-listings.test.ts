/** Listings wait to be indexed, and nobody notices: not a list, not a load, not the next process, not after a commit that failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { created, listed, machine, step, text } from '../contract/fixtures.js';
import { shownBy } from '../contract/lists.js';
import type { Transition } from '../store.js';
import { loadDriver } from './driver.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder } from './temporary-file.js';

const starts = (from: number, to: number): Transition[] =>
  Array.from({ length: to - from }, (_, index) => created(from + index, { row: { listing: listed(`start ${from + index}`, { Customer: `c${from + index}` }) } }));

const closes = (n: number, seq = 2): Transition => step(n, seq, { row: { open: false, listing: listed(`close ${n}`, { CloseTime: 2_000, Customer: 'closed', Note: { text: 'a Text' } }) } });

/** How many listings lie where, in the file of a store that is open. */
async function placesOf(filename: string): Promise<{ readonly waiting: number; readonly indexed: number }> {
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  const count = (table: string): number => Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count']);
  const places = { waiting: count('fresh'), indexed: count('listed') };
  database.close();
  return places;
}

test('a run that closes before anybody lists it is indexed once, and a list is complete', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  await store.commit(starts(1, 4));
  await store.commit([closes(2)]);
  assert.deepEqual(await placesOf(filename), { waiting: 2, indexed: 0 });
  assert.equal(text((await store.load(machine(2)))?.listing), 'close 2');
  assert.deepEqual(await shownBy(store), ['start 3', 'start 1', 'close 2']);
  assert.deepEqual(await placesOf(filename), { waiting: 0, indexed: 3 });
  await store.commit([closes(1)]);
  assert.deepEqual(await shownBy(store, { condition: { kind: 'compare', attribute: 'Customer', operator: '=', value: 'closed' } }), ['close 2', 'close 1']);
  await store.close();
});

test('what waits is bounded, by machines and by commits, and the last listing of each is the one that counts', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  for (let from = 1; from < 2_001; from += 100) await store.commit([...starts(from, from + 100), ...(from > 1 ? [closes(from - 1), closes(from - 100)] : [])]);
  const { indexed } = await placesOf(filename);
  assert.ok(indexed >= 2_000 - 868 && indexed < 2_000, `${indexed} are indexed`);
  for (let seq = 3; seq < 2_000; seq++) await store.commit([step(1, seq, { row: { listing: listed(`change ${seq}`) } })]);
  const { waiting } = await placesOf(filename);
  assert.ok(waiting <= 768, `${waiting} commits wait`);
  const shown = new Set(await shownBy(store));
  assert.equal(shown.size, 2_000);
  for (const name of ['change 1999', 'close 100', 'close 101', 'start 1999', 'close 1900', 'start 2000']) assert.ok(shown.has(name), name);
  await store.close();
});

test('the next process finds what waited, in its latest form: to close a store indexes nothing', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  let store = await openSqliteStore({ filename });
  await store.commit(starts(1, 6));
  await store.commit([closes(1), step(2, 2, { row: { listing: null } }), step(5, 2, { row: { listing: null } })]);
  await store.commit([step(5, 3, { row: { listing: listed('5 is back') } })]);
  await store.delete([machine(4)]);
  await store.close();
  store = await openSqliteStore({ filename });
  assert.equal(text((await store.load(machine(1)))?.listing), 'close 1');
  assert.equal((await store.load(machine(2)))?.listing, undefined);
  assert.deepEqual(await shownBy(store), ['5 is back', 'start 3', 'close 1']);
  assert.deepEqual(await shownBy(store, { condition: { kind: 'matches', attribute: 'Note', phrases: [' text '] } }), ['close 1']);
  await store.close();
});

test('a machine that gets the number of a deleted one does not get its listing, before and after a restart', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  let store = await openSqliteStore({ filename });
  await store.commit(starts(1, 3));
  await store.delete([machine(2)]);
  while (await store.reclaim());
  await store.commit([created(7)]);
  await store.close();
  store = await openSqliteStore({ filename });
  assert.deepEqual(await shownBy(store), ['start 1']);
  assert.equal((await store.load(machine(7)))?.listing, undefined);
  await store.commit([step(7, 2, { row: { listing: listed('seven') } })]);
  assert.deepEqual(await shownBy(store), ['seven', 'start 1']);
  await store.close();
});

test('a commit that fails leaves nothing that waits, and a list that fails loses nothing', async () => {
  const store = await openSqliteStore({ filename: ':memory:' });
  await store.commit(starts(1, 3));
  await assert.rejects(store.commit([closes(1), closes(2, 9)]));
  assert.equal(text((await store.load(machine(1)))?.listing), 'start 1');
  await assert.rejects(store.list({ kind: 'workflow', namespace: 'x', limit: 0 }), RangeError);
  await store.commit([closes(2)]);
  assert.deepEqual(await shownBy(store), ['start 1', 'close 2']);
  await store.close();
});
