/** Listings wait to be indexed, and nobody notices: not a list, not a load, not the next process, not after a commit that failed. A crash names them. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
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
  const places = { waiting: count('unlisted'), indexed: count('listed') };
  database.close();
  return places;
}

test('a run that closes before anybody lists it is indexed once, and a list is complete', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  await store.commit(starts(1, 4));
  await store.commit([closes(2)]);
  assert.deepEqual(await placesOf(filename), { waiting: 3, indexed: 0 });
  assert.equal(text((await store.load(machine(2)))?.listing), 'close 2');
  assert.deepEqual(await shownBy(store), ['start 3', 'start 1', 'close 2']);
  assert.deepEqual(await placesOf(filename), { waiting: 0, indexed: 3 });
  await store.commit([closes(1)]);
  assert.deepEqual(await shownBy(store, { condition: { kind: 'compare', attribute: 'Customer', operator: '=', value: 'closed' } }), ['close 2', 'close 1']);
  await store.close();
});

test('what waits is bounded, by machines and by bytes, and the last listing of each is the one that counts', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const store = await openSqliteStore({ filename });
  for (let from = 1; from < 2_001; from += 100) await store.commit([...starts(from, from + 100), ...(from > 1 ? [closes(from - 1), closes(from - 100)] : [])]);
  const { waiting, indexed } = await placesOf(filename);
  assert.ok(waiting <= 768, `${waiting} wait`);
  assert.ok(indexed >= 2_000 - 868 && indexed < 2_000, `${indexed} are indexed`);
  for (let seq = 3; seq < 100; seq++) await store.commit([step(1, seq, { row: { listing: listed(`change ${seq}`) } })]);
  assert.equal((await placesOf(filename)).waiting, waiting + 1);
  const shown = new Set(await shownBy(store));
  assert.equal(shown.size, 2_000);
  for (const name of ['change 99', 'close 100', 'close 101', 'start 1999', 'close 1900', 'start 2000']) assert.ok(shown.has(name), name);
  for (let n = 0; n < 20; n++) await store.commit([created(3_000 + n, { row: { listing: listed('x'.repeat(1024 * 1024)) } })]);
  assert.ok((await placesOf(filename)).waiting < 9);
  await store.close();
});

test('a store that is closed has indexed everything', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  let store = await openSqliteStore({ filename });
  await store.commit(starts(1, 6));
  await store.commit([closes(1), step(2, 2, { row: { listing: null } }), step(5, 2, { row: { listing: null } })]);
  await store.commit([step(5, 3, { row: { listing: listed('5 is back') } })]);
  await store.delete([machine(4)]);
  await store.close();
  assert.deepEqual(await placesOf(filename), { waiting: 0, indexed: 3 });
  store = await openSqliteStore({ filename });
  assert.deepEqual(await store.unlisted(9), []);
  assert.equal(text((await store.load(machine(1)))?.listing), 'close 1');
  assert.equal((await store.load(machine(2)))?.listing, undefined);
  assert.deepEqual(await shownBy(store), ['5 is back', 'start 3', 'close 1']);
  assert.deepEqual(await shownBy(store, { condition: { kind: 'matches', attribute: 'Note', phrases: [' text '] } }), ['close 1']);
  await store.close();
});

test('after a crash the store names the machines of which lists do not tell the latest, until they are listed again', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const left = await openSqliteStore({ filename });
  await left.commit(starts(1, 8));
  await shownBy(left);
  await left.commit([closes(1), step(2, 2, { row: { listing: null } }), closes(3), step(5, 2), closes(6), closes(7), ...starts(8, 10)]);
  await left.commit([step(3, 3, { row: { listing: null } }), step(6, 3, { row: { listing: null } })]);
  await left.commit([step(6, 4, { row: { listing: listed('6 is back') } })]);
  await left.delete([machine(7)]);

  // What a process leaves that dies now.
  const copy = folder.file('copy.db');
  for (const part of ['', '-wal']) copyFileSync(`${filename}${part}`, `${copy}${part}`);
  const store = await openSqliteStore({ filename: copy });
  assert.deepEqual(await store.unlisted(9), [1, 6, 8, 9].map(machine));
  assert.deepEqual(await shownBy(store), ['start 5', 'start 4', 'start 1']);
  await store.commit([closes(1, 3), step(6, 5, { row: { listing: listed('6 is back') } }), step(9, 2, { row: { listing: null } })]);
  assert.deepEqual(await store.unlisted(9), [machine(8)], 'what waits in this process is not named');
  assert.deepEqual(await store.unlisted(0), []);
  await store.delete([machine(8)]);
  assert.deepEqual(await store.unlisted(9), []);
  await left.close();
  assert.deepEqual(await shownBy(store), ['6 is back', 'start 5', 'start 4', 'close 1']);
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
