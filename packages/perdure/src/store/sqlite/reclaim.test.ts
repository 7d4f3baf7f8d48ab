/** Deleting a long journal must not keep others waiting: one small commit hides it, and its records go in pieces, also after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batch, created, ENOUGH, machine, step } from '../contract/fixtures.js';
import { loadDriver } from './driver.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder } from './temporary-file.js';

test('the records of a deleted machine are gone from the file once everything is reclaimed, whenever the process ended', async () => {
  using folder = temporaryFolder();
  const filename = folder.file('store.db');
  const first = await openSqliteStore({ filename });
  await first.commit([created(1, { history: batch(1) }), created(2, { history: batch(1) })]);
  for (let seq = 2; seq <= 900; seq++) await first.commit([step(1, seq, { history: batch(seq) })]);
  await first.delete([machine(1)]);
  assert.equal(await first.reclaim(), true);
  await first.close();

  const second = await openSqliteStore({ filename });
  let pieces = 0;
  while (await second.reclaim()) pieces += 1;
  assert.ok(pieces >= 3, `${pieces} pieces: each is bounded`);
  assert.equal((await second.history(machine(2), 1, ENOUGH)).length, 1);
  await second.close();

  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(filename);
  const count = (table: string): unknown => database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count'];
  assert.deepEqual([count('machine'), count('journal')], [1, 1]);
  database.close();
});
