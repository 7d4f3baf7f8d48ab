/**
 * A program for tests: opens the store in its first argument and commits until it is killed. Each commit continues two
 * machines and creates a third one; once it is durable, its number is written to standard output. `checkCrashed`
 * afterwards says whether the file is one that a process may leave behind.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { batch, bytes, created, ENOUGH, listed, machine, step } from '../contract/fixtures.js';
import type { Store, Transition } from '../store.js';
import { openSqliteStore } from './open.js';

const CONTINUED = [1, 2] as const;
const FIRST_CREATED = 10;
/** Some are large, so that a kill can fall between the many writes of one commit. */
const content = (commit: number): string => 'x'.repeat(commit % 7 === 0 ? 200_000 : 500);

function transitions(commit: number): Transition[] {
  const rest = {
    history: batch(commit, commit, content(commit)),
    row: { wakeAt: commit, listing: listed(`${commit}`) },
    ...(commit % 5 === 0 ? { snapshot: bytes(`${commit}`) } : {}),
  };
  const continued = CONTINUED.map((n) => (commit === 1 ? created(n, rest) : step(n, commit, rest)));
  return [...continued, created(FIRST_CREATED + commit)];
}

/** Returns how many commits are there, having made sure that each of them is whole. */
export async function checkCrashed(store: Store): Promise<number> {
  const [one, two] = await Promise.all(CONTINUED.map((n) => store.load(machine(n))));
  const commits = one?.seq ?? 0;
  assert.equal(two?.seq ?? 0, commits, 'both machines of a commit, or neither');
  if (commits > 0) assert.ok(await store.load(machine(FIRST_CREATED + commits)));
  assert.equal(await store.load(machine(FIRST_CREATED + commits + 1)), undefined);
  const unlisted = await store.unlisted(10);
  for (const stored of [one, two]) {
    const isListed = Buffer.from(stored?.listing ?? bytes('0')).toString() === `${commits}`;
    assert.ok(isListed || unlisted.includes(stored?.machine ?? ''), 'what lists tell is the latest, or the store says that it is not');
    assert.equal(stored?.lastEventId ?? 0, commits);
    assert.equal(stored?.wakeAt ?? 0, commits);
    assert.equal(stored?.snapshot?.seq ?? 0, commits - (commits % 5));
  }
  for (const n of CONTINUED) {
    for (let commit = 1; commit <= commits; commit++) {
      const [found] = await store.history(machine(n), commit, { ...ENOUGH, batches: 1 });
      assert.deepEqual([found?.firstEventId, found?.bytes.length], [commit, content(commit).length]);
    }
  }
  return commits;
}

async function commitUntilKilled(filename: string): Promise<never> {
  const store = await openSqliteStore({ filename });
  for (let commit = ((await store.load(machine(1)))?.seq ?? 0) + 1; ; commit++) {
    await store.commit(transitions(commit));
    writeSync(1, `${commit}\n`);
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) await commitUntilKilled(String(process.argv[2]));
