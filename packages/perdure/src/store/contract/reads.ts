/** The half of the contract that is about finding: by key, by time, in lists, page by page; and about forgetting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidTransitionError } from '../errors.js';
import type { HistoryLimit, MachineId, Page, PageRequest, Store, Transition } from '../store.js';
import { batch, bytes, created, ENOUGH, listed, machine, NAMESPACE, ranges, step, text, type StoreHarness } from './fixtures.js';

async function allPages<Item>(read: (request: PageRequest) => Promise<Page<Item>>, limit: number): Promise<Item[]> {
  const items: Item[] = [];
  let after: string | undefined;
  do {
    const page = await read({ limit, after });
    assert.ok(page.items.length <= limit);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

const ids = (items: readonly { readonly machine: MachineId }[]): MachineId[] => items.map((item) => item.machine);
const keyed = (n: number, key: string, makeCurrent: boolean, kind = 'workflow', namespace = NAMESPACE): Transition =>
  created(n, { create: { kind, namespace, key, makeCurrent } });

/** Machine 1: ten events in four batches, between records without history and snapshots. Machine 2: a stranger. */
async function writeGappyJournal(store: Store): Promise<void> {
  await store.commit([created(1, { private: bytes('p') }), created(2, { history: batch(1, 99) })]);
  await store.commit([step(1, 2, { history: batch(1, 2) }), step(1, 3, { snapshot: bytes('s') })]);
  await store.commit([step(1, 4, { history: batch(3) }), step(1, 5), step(1, 6), step(1, 7, { history: batch(4, 9) })]);
  await store.commit([step(1, 8, { history: batch(10), snapshot: bytes('s') }), step(1, 9)]);
}

export function testReads(harness: StoreHarness): void {
  test('what does not exist is not found, whatever is asked for', async () => {
    await using open = await harness.open();
    const { store } = open;
    for (const id of [machine(1), 'not a UUID', '']) {
      assert.equal(await store.load(id), undefined);
      assert.deepEqual(await store.history(id, 1, ENOUGH), []);
      await store.delete([id]);
    }
    assert.equal(await store.current('workflow', NAMESPACE, 'key'), undefined);
    assert.deepEqual(await store.due(Number.MAX_SAFE_INTEGER, { limit: 10 }), { items: [], next: undefined });
    assert.equal(await store.nextWake(0), undefined);
    const nothing = await store.machines({ kind: 'workflow', namespace: NAMESPACE }, { limit: 10 });
    assert.deepEqual(nothing, { items: [], next: undefined });
  });

  test('a key points at the machine that was made current last, within its kind and namespace', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([keyed(1, 'order', true)]);
    await store.commit([keyed(2, 'order', true), keyed(3, 'order', false)]);
    await store.commit([keyed(4, 'order', true, 'schedule'), keyed(5, 'order', true, 'workflow', 'other')]);
    await store.commit([step(1, 2)]);
    assert.equal(await store.current('workflow', NAMESPACE, 'order'), machine(2));
    assert.equal(await store.current('schedule', NAMESPACE, 'order'), machine(4));
    assert.equal(await store.current('workflow', 'other', 'order'), machine(5));
    assert.equal(await store.current('workflow', NAMESPACE, 'Order'), undefined);
    await store.commit([step(2, 2, { row: { open: false } })]);
    assert.equal(await store.current('workflow', NAMESPACE, 'order'), machine(2), 'also when it is closed');
  });

  test('history is read from any event on, in whole batches, past snapshots and records without history', async () => {
    await using open = await harness.open();
    const { store } = open;
    await writeGappyJournal(store);
    const expected: readonly [number, string[]][] = [
      [-5, ['1..2', '3..3', '4..9', '10..10']],
      [1, ['1..2', '3..3', '4..9', '10..10']],
      [2, ['1..2', '3..3', '4..9', '10..10']],
      [3, ['3..3', '4..9', '10..10']],
      [4, ['4..9', '10..10']],
      [9, ['4..9', '10..10']],
      [10, ['10..10']],
      [11, []],
      [1_000, []],
    ];
    for (const [from, batches] of expected) assert.deepEqual(ranges(await store.history(machine(1), from, ENOUGH)), batches);
    const spliced = Buffer.concat((await store.history(machine(1), 3, ENOUGH)).map((each) => each.bytes));
    assert.equal(text(spliced), '3..3;4..9;10..10;');
  });

  test('history is read backwards from any event, in whole batches, past records without history', async () => {
    await using open = await harness.open();
    const { store } = open;
    await writeGappyJournal(store);
    const expected: readonly [number, string[]][] = [
      [1_000, ['10..10', '4..9', '3..3', '1..2']],
      [10, ['10..10', '4..9', '3..3', '1..2']],
      [9, ['4..9', '3..3', '1..2']],
      [4, ['4..9', '3..3', '1..2']],
      [3, ['3..3', '1..2']],
      [1, ['1..2']],
      [0, []],
    ];
    const read = (from: number, limit: HistoryLimit) => store.history(machine(1), from, { ...limit, descending: true });
    for (const [from, batches] of expected) assert.deepEqual(ranges(await read(from, ENOUGH)), batches);
    assert.deepEqual(ranges(await read(10, { ...ENOUGH, batches: 2 })), ['10..10', '4..9']);
    assert.deepEqual(ranges(await read(9, { bytes: 0 })), ['4..9'], 'at least one');
    assert.deepEqual(await store.history(machine(9), 1, { ...ENOUGH, descending: true }), []);
  });

  test('a page of history keeps to its limits, but always moves on', async () => {
    await using open = await harness.open();
    const { store } = open;
    const ten = '0123456789';
    const later = [2, 3, 4, 5].map((id) => step(1, id, { history: batch(id, id, id === 4 ? ten.repeat(10) : ten) }));
    await store.commit([created(1, { history: batch(1, 1, ten) }), ...later]);
    const read = async (from: number, limit: { bytes: number; batches?: number; throughEventId?: number }) =>
      (await store.history(machine(1), from, limit)).map(({ firstEventId }) => firstEventId);
    assert.deepEqual(await read(1, { bytes: 20 }), [1, 2], 'exactly full');
    assert.deepEqual(await read(1, { bytes: 29 }), [1, 2]);
    assert.deepEqual(await read(1, { bytes: 0 }), [1], 'at least one');
    assert.deepEqual(await read(4, { bytes: 50 }), [4], 'however large');
    assert.deepEqual(await read(3, { bytes: 50 }), [3], 'nothing is skipped to fill the page');
    assert.deepEqual(await read(2, { bytes: 1_000, batches: 2 }), [2, 3]);
    assert.deepEqual(await read(2, { bytes: 1_000, throughEventId: 3 }), [2, 3]);
    assert.deepEqual(await read(2, { bytes: 1_000, throughEventId: 1 }), []);
  });

  test('every event of a long history is found', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([created(1)]);
    const transitions: Transition[] = [];
    for (let seq = 2, next = 1; seq <= 200; seq++) {
      const width = seq % 4; // Every fourth record is without history.
      transitions.push(step(1, seq, width === 0 ? {} : { history: batch(next, next + width - 1) }));
      next += width;
    }
    await store.commit(transitions);
    const last = (await store.load(machine(1)))?.lastEventId ?? 0;
    assert.ok(last > 250);
    for (let id = 1; id <= last; id++) {
      const [found] = await store.history(machine(1), id, { bytes: 0 });
      assert.ok(found && found.firstEventId <= id && id <= found.lastEventId, `event ${id}`);
    }
  });

  test('due machines come earliest first, then in the order of their creation', async () => {
    await using open = await harness.open();
    const { store } = open;
    const wake = [30, 10, undefined, 20, 10, 40, -5, 0];
    await store.commit(wake.map((wakeAt, n) => created(n, { row: { wakeAt } })));
    const expected = [6, 7, 1, 4, 3, 0].map((n) => ({ machine: machine(n), wakeAt: wake[n] }));
    for (const limit of [1, 2, 3, 6, 100]) {
      assert.deepEqual(await allPages((request) => store.due(30, request), limit), expected, `pages of ${limit}`);
    }
    assert.deepEqual(ids((await store.due(9, { limit: 9 })).items), [machine(6), machine(7)]);
    assert.deepEqual(ids((await store.due(-6, { limit: 9 })).items), []);
    for (const limit of [1, 100]) {
      const since = await allPages((request) => store.due(30, { ...request, from: 10 }), limit);
      assert.deepEqual(ids(since), [machine(1), machine(4), machine(3), machine(0)], `from 10, pages of ${limit}`);
    }
  });

  test('wake times follow every transition', async () => {
    await using open = await harness.open();
    const { store } = open;
    const due = async () => ids((await store.due(100, { limit: 9 })).items);
    await store.commit([created(1, { row: { wakeAt: 10 } }), created(2, { row: { wakeAt: 20 } })]);
    await store.commit([step(1, 2, { row: { wakeAt: 30 } })]);
    assert.deepEqual(await due(), [machine(2), machine(1)]);
    await store.commit([step(1, 3, { row: { wakeAt: 30 } }), step(2, 2, { row: { wakeAt: undefined } })]);
    assert.deepEqual(await due(), [machine(1)]);
    await store.commit([step(2, 3, { row: { wakeAt: 5, open: false } }), step(2, 4, { row: { wakeAt: 6, open: false } })]);
    assert.deepEqual(await due(), [machine(2), machine(1)]);
    assert.deepEqual([await store.nextWake(5), await store.nextWake(6), await store.nextWake(30)], [6, 30, undefined]);
  });

  test('paging through due machines survives changes in between', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([1, 2, 3, 4].map((n) => created(n, { row: { wakeAt: 10 } })));
    const first = await store.due(10, { limit: 2 });
    assert.deepEqual(ids(first.items), [machine(1), machine(2)]);
    await store.delete([machine(2)]);
    await store.commit([step(1, 2, { row: { wakeAt: 500 } }), step(3, 2, { row: { wakeAt: undefined } })]);
    assert.deepEqual(ids((await store.due(10, { limit: 2, after: first.next })).items), [machine(4)]);
  });

  test('machines are listed newest first, by kind, namespace, key and whether they are open', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([keyed(1, 'a', true), keyed(2, 'b', true), keyed(3, 'a', true), keyed(4, 'a', false)]);
    await store.commit([keyed(5, 'a', true, 'namespace', ''), keyed(6, 'a', true, 'workflow', 'other')]);
    await store.commit([step(3, 2, { row: { open: false, listing: listed('closed') } }), step(2, 2, { row: { wakeAt: 7 } })]);
    const all = { kind: 'workflow', namespace: NAMESPACE };
    const list = async (filter: { key?: string; openOnly?: boolean }, limit: number) =>
      ids(await allPages((request) => store.machines({ ...all, ...filter }, request), limit));
    for (const limit of [1, 2, 3, 4, 9]) {
      assert.deepEqual(await list({}, limit), [4, 3, 2, 1].map(machine), `pages of ${limit}`);
      assert.deepEqual(await list({ openOnly: true }, limit), [4, 2, 1].map(machine));
      assert.deepEqual(await list({ key: 'a' }, limit), [4, 3, 1].map(machine));
      assert.deepEqual(await list({ key: 'a', openOnly: true }, limit), [4, 1].map(machine));
      assert.deepEqual(await list({ key: 'c' }, limit), []);
    }
    assert.deepEqual(ids((await store.machines({ kind: 'namespace', namespace: '' }, { limit: 9 })).items), [machine(5)]);
    const [, three, two] = (await store.machines(all, { limit: 9 })).items;
    assert.deepEqual([three?.key, three?.open, text(three?.listing)], ['a', false, 'closed']);
    assert.deepEqual([two?.wakeAt, two?.open, two?.listing, two?.kind, two?.namespace], [7, true, undefined, 'workflow', NAMESPACE]);
  });

  test('a machine that closes and opens again is found as open', async () => {
    await using open = await harness.open();
    const { store } = open;
    const openOnes = async () =>
      ids((await store.machines({ kind: 'workflow', namespace: NAMESPACE, openOnly: true }, { limit: 9 })).items);
    await store.commit([created(1), step(1, 2, { row: { open: false } })]);
    assert.deepEqual(await openOnes(), []);
    await store.commit([step(1, 3)]);
    assert.deepEqual(await openOnes(), [machine(1)]);
  });

  test('machines that appear while paging do not disturb it', async () => {
    await using open = await harness.open();
    const { store } = open;
    const filter = { kind: 'workflow', namespace: NAMESPACE };
    await store.commit([created(1), created(2), created(3)]);
    const first = await store.machines(filter, { limit: 2 });
    await store.commit([created(4)]);
    await store.delete([machine(2)]);
    assert.deepEqual(ids((await store.machines(filter, { limit: 2, after: first.next })).items), [machine(1)]);
  });

  test('a cursor that is none, and a page without room, are refused', async () => {
    await using open = await harness.open();
    const { store } = open;
    const filter = { kind: 'workflow', namespace: NAMESPACE };
    await assert.rejects(store.due(0, { limit: 1, after: 'x' }), RangeError);
    await assert.rejects(store.machines(filter, { limit: 1, after: '1.2.3' }), RangeError);
    for (const limit of [0, -1, 1.5, NaN]) await assert.rejects(store.machines(filter, { limit }), RangeError);
  });

  test('a deleted machine is gone from everywhere, its neighbours are not, and its id can be used again', async () => {
    await using open = await harness.open();
    const { store } = open;
    const full = { history: batch(1, 5), row: { wakeAt: 10, listing: listed('l') }, snapshot: bytes('s') };
    // The deleted one is the newest: an implementation that counts machines may now use its number again.
    await store.commit([created(1, full), created(3, full), created(2, full)]);
    await store.delete([machine(2), machine(77), machine(2)]);
    assert.equal(await store.load(machine(2)), undefined);
    assert.deepEqual(await store.history(machine(2), 1, ENOUGH), []);
    assert.equal(await store.current('workflow', NAMESPACE, 'key-2'), undefined);
    assert.deepEqual(ids((await store.due(10, { limit: 9 })).items), [machine(1), machine(3)]);
    const inList = await store.machines({ kind: 'workflow', namespace: NAMESPACE }, { limit: 9 });
    assert.deepEqual(ids(inList.items), [machine(3), machine(1)]);
    assert.deepEqual(ranges(await store.history(machine(3), 1, ENOUGH)), ['1..5']);

    await store.commit([created(2, { private: bytes('again') })]);
    const again = await store.load(machine(2));
    assert.deepEqual([again?.seq, again?.lastEventId, again?.snapshot, again?.listing], [1, 0, undefined, undefined]);
    assert.deepEqual(again?.records.map((record) => text(record.private)), ['again']);
  });

  test('a machine can be made current later than it was created', async () => {
    await using open = await harness.open();
    const { store } = open;
    const current = () => store.current('workflow', NAMESPACE, 'order');
    await store.commit([keyed(1, 'order', true), keyed(2, 'order', false), keyed(3, 'order', true)]);
    assert.equal(await current(), machine(3));
    await store.commit([step(2, 2, { makeCurrent: true })]);
    assert.equal(await current(), machine(2));
    await store.commit([keyed(4, 'order', true)]);
    assert.equal(await current(), machine(4));
    await store.commit([step(2, 3, { makeCurrent: true })]);
    await store.delete([machine(2)]);
    assert.equal(await current(), undefined);
    await assert.rejects(store.commit([{ ...created(5), makeCurrent: true }]), InvalidTransitionError);
  });

  test('what a deleted machine leaves is reclaimed in bounded pieces, while others are written, and nobody sees a difference', async () => {
    await using open = await harness.open();
    const { store } = open;
    const large = { history: { firstEventId: 1, lastEventId: 1, bytes: new Uint8Array(900_000) } };
    await store.commit([created(1, large), created(2, { history: batch(1) })]);
    for (let seq = 2; seq <= 1_000; seq += 111) {
      await store.commit(Array.from({ length: 111 }, (_, n) => step(1, seq + n, { history: batch(seq + n) })));
    }
    await store.delete([machine(1)]);
    // The same id again, before anything is reclaimed.
    await store.commit([created(1, { history: batch(1, 7) })]);
    for (let seq = 2, more = true; more; seq++) {
      more = await store.reclaim();
      await store.commit([step(1, seq), step(2, seq)]);
      assert.deepEqual(ranges(await store.history(machine(1), 1, ENOUGH)), ['1..7']);
      assert.equal((await store.load(machine(2)))?.seq, seq);
    }
    assert.equal(await store.reclaim(), false);
    await store.commit([created(3)]);
    assert.equal((await store.load(machine(3)))?.records.length, 1);
  });

  test('deleting the current machine does not bring an older one back; deleting an older one changes nothing', async () => {
    await using open = await harness.open();
    const { store } = open;
    const current = () => store.current('workflow', NAMESPACE, 'order');
    await store.commit([keyed(1, 'order', true), keyed(2, 'order', true), keyed(3, 'order', true)]);
    await store.delete([machine(1)]);
    assert.equal(await current(), machine(3));
    await store.delete([machine(3)]);
    assert.equal(await current(), undefined);
    await store.commit([keyed(4, 'order', true)]);
    assert.equal(await current(), machine(4));
  });
}
