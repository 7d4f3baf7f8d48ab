/** The half of the contract that is about writing: what a commit does, what it refuses, and what a refusal leaves behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listingOf } from '../../machines/listing.js';
import { InvalidTransitionError, StaleWriterError, StoreUnavailableError } from '../errors.js';
import type { Transition } from '../store.js';
import { batch, bytes, created, ENOUGH, listed, machine, NAMESPACE, ranges, step, text, type StoreHarness } from './fixtures.js';

export function testCommits(harness: StoreHarness): void {
  test('a committed machine is loaded with everything that was said about it', async () => {
    await using open = await harness.open();
    await open.store.commit([
      created(1, {
        create: { kind: 'workflow', namespace: NAMESPACE, key: 'Größe "1"\'\n\0 🙂', makeCurrent: true },
        history: batch(1, 3),
        private: bytes('hidden'),
        row: { wakeAt: 1_900_000_000_123, listing: listed('listing') },
        snapshot: bytes('state'),
      }),
    ]);
    const stored = await open.store.load(machine(1));
    assert.ok(stored);
    const { listing, snapshot, records, ...plain } = stored;
    assert.deepEqual(plain, {
      machine: machine(1),
      kind: 'workflow',
      namespace: NAMESPACE,
      key: 'Größe "1"\'\n\0 🙂',
      seq: 1,
      lastEventId: 3,
      wakeAt: 1_900_000_000_123,
      open: true,
    });
    assert.equal(text(listing), 'listing');
    assert.equal(snapshot?.seq, 1);
    assert.equal(text(snapshot?.bytes), 'state');
    assert.deepEqual(records, [], 'the snapshot holds the first record already');
    assert.equal(await open.store.current('workflow', NAMESPACE, 'Größe "1"\'\n\0 🙂'), machine(1));
  });

  test('a transition replaces the row, but leaves the listing and the snapshot unless it brings new ones', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([created(1, { row: { wakeAt: 5, listing: listed('first') }, snapshot: bytes('state 1') })]);
    await store.commit([step(1, 2, { private: bytes('two'), row: { wakeAt: undefined, open: false } })]);
    const second = await store.load(machine(1));
    assert.deepEqual([second?.seq, second?.wakeAt, second?.open], [2, undefined, false]);
    assert.equal(text(second?.listing), 'first');
    assert.equal(text(second?.snapshot?.bytes), 'state 1');
    assert.deepEqual(second?.records.map((record) => [record.seq, text(record.private)]), [[2, 'two']]);

    await store.commit([step(1, 3, { row: { wakeAt: 7, listing: listed('third') }, snapshot: bytes('state 3') })]);
    const third = await store.load(machine(1));
    assert.deepEqual([third?.wakeAt, third?.open, text(third?.listing)], [7, true, 'third']);
    assert.deepEqual([third?.snapshot?.seq, text(third?.snapshot?.bytes)], [3, 'state 3']);
    assert.deepEqual(third?.records, []);
  });

  test('without a snapshot all records are loaded, with one only those after it, always in order', async () => {
    await using open = await harness.open();
    const { store } = open;
    const seqs = async () => (await store.load(machine(1)))?.records.map(({ seq }) => seq);
    await store.commit([created(1), step(1, 2), step(1, 3)]);
    assert.deepEqual(await seqs(), [1, 2, 3]);
    await store.commit([step(1, 4, { snapshot: bytes('state 4') }), step(1, 5), step(1, 6)]);
    assert.deepEqual(await seqs(), [5, 6]);
  });

  test('empty bytes are kept apart from none', async () => {
    await using open = await harness.open();
    const empty = new Uint8Array(0);
    const history = { firstEventId: 1, lastEventId: 1, bytes: empty };
    await open.store.commit([
      created(1, { snapshot: empty, row: { listing: listed('') } }),
      step(1, 2, { private: empty, history }),
      step(1, 3),
    ]);
    const stored = await open.store.load(machine(1));
    assert.equal(stored?.snapshot?.bytes.length, 0);
    assert.equal(stored?.listing?.length, 0);
    assert.deepEqual(
      stored?.records.map((record) => [record.private?.length, record.history?.bytes.length]),
      [[0, 0], [undefined, undefined]],
    );
  });

  test('bytes are copied: the caller may use its buffers again after the commit', async () => {
    await using open = await harness.open();
    const buffer = bytes('before');
    const history = { firstEventId: 1, lastEventId: 1, bytes: buffer };
    await open.store.commit([created(1, { history, private: buffer }), created(2, { snapshot: buffer })]);
    buffer.fill(0);
    const [one, two] = [await open.store.load(machine(1)), await open.store.load(machine(2))];
    assert.deepEqual([one?.records[0]?.private, one?.records[0]?.history?.bytes, two?.snapshot?.bytes].map(text), ['before', 'before', 'before']);
  });

  test('a part of a larger buffer is stored as that part', async () => {
    await using open = await harness.open();
    await open.store.commit([created(1, { private: bytes('>>inner<<').subarray(2, 7) })]);
    assert.equal(text((await open.store.load(machine(1)))?.records[0]?.private), 'inner');
  });

  test('values of 2 MB come back as they went in', async () => {
    await using open = await harness.open();
    const large = Uint8Array.from({ length: 2_000_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
    const history = { firstEventId: 1, lastEventId: 1, bytes: large };
    await open.store.commit([created(1, { snapshot: large, row: { listing: listingOf({ shown: large, attributes: new Map([['StartTime', 1]]) }) } }), step(1, 2, { history, private: large })]);
    const stored = await open.store.load(machine(1));
    const values = [stored?.snapshot?.bytes, stored?.listing, stored?.records[0]?.history?.bytes, stored?.records[0]?.private];
    for (const value of values) assert.ok(value && Buffer.compare(value, large) === 0);
  });

  test('an empty commit and an empty delete resolve', async () => {
    await using open = await harness.open();
    await open.store.commit([]);
    await open.store.delete([]);
  });

  const refusals: readonly [string, readonly Transition[], typeof StaleWriterError | typeof InvalidTransitionError][] = [
    ['a record that was written already', [step(1, 2)], StaleWriterError],
    ['a record that leaves a gap', [step(1, 4)], StaleWriterError],
    ['a machine that exists is created', [created(1)], StaleWriterError],
    ['a machine that does not exist goes on', [step(2, 2)], StaleWriterError],
    ['the same record twice in one commit', [step(1, 3), step(1, 3)], StaleWriterError],
    ['a first record that creates nothing', [step(2, 1)], InvalidTransitionError],
    ['a later record that creates', [{ ...created(1), seq: 3 }], InvalidTransitionError],
    ['history with a gap', [step(1, 3, { history: batch(4) })], InvalidTransitionError],
    ['history that repeats an event', [step(1, 3, { history: batch(2, 3) })], InvalidTransitionError],
    ['history without an event', [step(1, 3, { history: batch(3, 2) })], InvalidTransitionError],
    ['a wake time with a fraction', [step(1, 3, { row: { wakeAt: 0.5 } })], InvalidTransitionError],
    ['a wake time that is no number', [step(1, 3, { row: { wakeAt: NaN } })], InvalidTransitionError],
    ['an id that is not a UUID', [{ ...created(2), machine: 'order-17' }], InvalidTransitionError],
    ['an id in upper case', [{ ...created(2), machine: machine(2).toUpperCase().replace('0', 'A') }], InvalidTransitionError],
  ];
  for (const [what, transitions, expected] of refusals) {
    test(`refused, and with it the whole commit: ${what}`, async () => {
      await using open = await harness.open();
      const { store } = open;
      await store.commit([created(1, { history: batch(1), row: { wakeAt: 50 } }), step(1, 2, { history: batch(2), row: { wakeAt: 50 } })]);
      const before = await store.load(machine(1));
      // In front and behind stand transitions that are in order and must vanish, a new namespace among them.
      const create = { kind: 'workflow', namespace: 'another', key: 'key-9', makeCurrent: true };
      const attempt = [created(9, { create, row: { wakeAt: 40 } }), ...transitions, created(8)];
      await assert.rejects(store.commit(attempt), expected);

      assert.deepEqual(await store.load(machine(1)), before);
      for (const n of [2, 8, 9]) assert.equal(await store.load(machine(n)), undefined);
      assert.equal(await store.current('workflow', 'another', 'key-9'), undefined);
      assert.equal(await store.nextWake(0), 50);
      assert.deepEqual(ranges(await store.history(machine(1), 1, ENOUGH)), ['1..1', '2..2']);
      // And nothing about it is remembered: the same machines go on as if it had never been tried.
      await store.commit([created(9, { create }), step(1, 3, { history: batch(3) })]);
      assert.equal(await store.current('workflow', 'another', 'key-9'), machine(9));
      assert.equal((await store.load(machine(9)))?.namespace, 'another');
    });
  }

  test('a stale writer learns which record would have been accepted', async () => {
    await using open = await harness.open();
    await open.store.commit([created(1), step(1, 2)]);
    await assert.rejects(open.store.commit([step(1, 2)]), { machine: machine(1), expectedSeq: 3, seq: 2 });
    await assert.rejects(open.store.commit([step(7, 5)]), { machine: machine(7), expectedSeq: 1, seq: 5 });
  });

  test('commits that are called without waiting take effect and settle in order', async () => {
    await using open = await harness.open();
    const { store } = open;
    const settled: number[] = [];
    const commits = [store.commit([created(1)])];
    for (let seq = 2; seq <= 20; seq++) {
      // Every fifth is called a second time, when it is stale: its refusal must not disturb its neighbours.
      if (seq % 5 === 0) commits.push(assert.rejects(store.commit([step(1, seq - 1)]), StaleWriterError));
      commits.push(store.commit([step(1, seq)]).then(() => void settled.push(seq)));
    }
    await Promise.all(commits);
    assert.deepEqual(settled, Array.from({ length: 19 }, (_, index) => index + 2));
    assert.equal((await store.load(machine(1)))?.seq, 20);
  });

  test('one commit carries many machines', async () => {
    await using open = await harness.open();
    const { store } = open;
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await store.commit(numbers.flatMap((n) => [created(n), step(n, 2, { history: batch(1, 4) })]));
    for (const n of [0, 1, 250, 499]) {
      const stored = await store.load(machine(n));
      assert.deepEqual([stored?.key, stored?.seq, stored?.lastEventId], [`key-${n}`, 2, 4]);
    }
  });

  test('after closing, calls are refused, and closing again is harmless', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([created(1)]);
    await store.close();
    await store.close();
    const closed = (error: unknown) => error instanceof StoreUnavailableError && error.reason === 'closed';
    await assert.rejects(store.commit([step(1, 2)]), closed);
    await assert.rejects(store.load(machine(1)), closed);
  });

  test('reopened, the store holds exactly what was committed', async (context) => {
    await using open = await harness.open();
    const { reopen } = open;
    if (reopen === undefined) return context.skip('nothing outlives this store');
    await open.store.commit([created(1, { history: batch(1, 2), row: { wakeAt: 10, listing: listed('l') }, snapshot: bytes('s') })]);
    await open.store.commit([step(1, 2, { history: batch(3), private: bytes('p'), row: { wakeAt: 20 } }), created(2)]);
    await assert.rejects(open.store.commit([step(1, 3), step(2, 5)]), StaleWriterError);
    await open.store.delete([machine(2)]);
    const before = await open.store.load(machine(1));
    assert.equal(text(before?.listing), 'l');
    // What is left of machine 2 is reclaimed by whoever opens the store next.

    const store = await reopen();
    const after = await store.load(machine(1));
    assert.deepEqual({ ...after, listing: text(after?.listing) }, { ...before, listing: 'l' });
    assert.deepEqual(await store.unlisted(9), [], 'a store that was closed knows what lists tell');
    assert.equal(await store.load(machine(2)), undefined);
    while (await store.reclaim());
    await store.commit([created(2)]);
    assert.equal((await store.load(machine(2)))?.seq, 1);
    await store.delete([machine(2)]);
    assert.equal(await store.current('workflow', NAMESPACE, 'key-1'), machine(1));
    assert.equal(await store.nextWake(0), 20);
    await assert.rejects(store.commit([step(1, 2)]), StaleWriterError);
    await assert.rejects(store.commit([created(9), created(1)]), StaleWriterError);
    assert.equal(await store.load(machine(9)), undefined);
    await store.commit([step(1, 3, { history: batch(4) })]);
    assert.deepEqual(ranges(await store.history(machine(1), 1, ENOUGH)), ['1..2', '3..3', '4..4']);
  });
}
