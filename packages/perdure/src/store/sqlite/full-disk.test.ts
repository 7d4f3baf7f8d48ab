/** A disk that fills up: commits are refused, nothing is lost, reads go on, and with space commits do, too. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { batch, created, ENOUGH, listed, machine, step, text } from '../contract/fixtures.js';
import { shownBy } from '../contract/lists.js';
import { StoreUnavailableError } from '../errors.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder } from './temporary-file.js';

const DISK_BYTES = 4 * 1024 * 1024;

/** A disk of its own, in memory; `undefined` where this process may not mount one. */
function smallDisk(folder: string): Disposable | undefined {
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  // Lazily: a driver may hold on to its files until its memory is collected.
  return { [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', folder]) };
}

test('a full disk refuses commits and loses nothing', async (context) => {
  using folder = temporaryFolder();
  const disk = folder.file('disk');
  using mounted = smallDisk(disk);
  if (mounted === undefined) return context.skip('mounting a small tmpfs needs more rights than this process has');

  const filename = join(disk, 'store.db');
  const ballast = join(disk, 'ballast');
  const store = await openSqliteStore({ filename });
  writeFileSync(ballast, Buffer.alloc(DISK_BYTES / 2));
  const content = 'x'.repeat(100_000);
  const next = (seq: number) => (seq === 1 ? created(1, { history: batch(1, 1, content), row: { listing: listed('one') } }) : step(1, seq, { history: batch(seq, seq, content) }));
  const isFull = (error: unknown) => error instanceof StoreUnavailableError && error.reason === 'full';

  let seq = 0;
  const fillUp = async (): Promise<void> => {
    while (seq < 100) {
      await store.commit([next(seq + 1)]);
      seq += 1;
    }
  };
  await assert.rejects(fillUp(), isFull);
  assert.ok(seq > 0);
  await assert.rejects(store.commit([next(seq + 1), created(2)]), isFull, 'and again');

  const whole = async (reader: typeof store): Promise<void> => {
    const stored = await reader.load(machine(1));
    assert.deepEqual([stored?.seq, stored?.records.length], [seq, seq]);
    assert.equal((await reader.history(machine(1), 1, { bytes: 10 * DISK_BYTES })).length, seq);
  };
  await whole(store);
  assert.equal(await store.load(machine(2)), undefined);
  assert.deepEqual(await shownBy(store), ['one'], 'what is not indexed yet is listed, though there is no space to index it');

  rmSync(ballast);
  await store.commit([next(++seq), created(2)]);
  await store.commit([next(++seq)]);
  await whole(store);
  // Closed while there is no space to index what waits.
  await store.commit([step(2, 2, { row: { listing: listed('two') } })]);
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(DISK_BYTES)), /ENOSPC/);
  await store.close();
  rmSync(ballast);
  const reopened = await openSqliteStore({ filename });
  await whole(reopened);
  const isListed = text((await reopened.load(machine(2)))?.listing) === 'two';
  assert.ok(isListed || (await reopened.unlisted(9)).includes(machine(2)), 'it is listed, or the host is told that it is not');
  assert.equal((await reopened.history(machine(1), seq, ENOUGH)).length, 1);
  await reopened.close();
});
