/** The part of the contract about list queries: what they find, in what order, page by page, and that commits and deletions show at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListedValue } from '../../machines/listing.js';
import { CREATION_ATTRIBUTE, type Condition, type OrderTerm } from '../../visibility/condition.js';
import type { CountGroup, Store } from '../store.js';
import { created, listed, machine, NAMESPACE, step, text, type StoreHarness } from './fixtures.js';

const OTHER_NAMESPACE = '0190bbbb-0000-7000-8000-000000000000';
const ALL = { kind: 'workflow', namespace: NAMESPACE };

interface Asked {
  readonly condition?: Condition | undefined;
  readonly order?: readonly OrderTerm[];
}

/** What is shown of each machine, all pages together. */
export async function shownBy(store: Store, asked: Asked = {}, limit = 100): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.list({ ...ALL, ...asked, limit, after });
    assert.ok(page.items.length <= limit);
    found.push(...page.items.map(({ listing }) => text(listing) ?? ''));
    after = page.next;
  } while (after !== undefined);
  return found;
}

const total = (groups: readonly CountGroup[]): number => groups.reduce((sum, { count }) => sum + count, 0);

/** `name: attributes` of the machines 1, 2, …, in the order of creation. */
async function fill(store: Store, rows: Readonly<Record<string, Readonly<Record<string, ListedValue>>>>): Promise<void> {
  await store.commit(Object.entries(rows).map(([name, attributes], index) => created(index + 1, { row: { listing: listed(name, attributes) } })));
}

const is = (attribute: string, value: string | number): Condition => ({ kind: 'compare', attribute, operator: '=', value });

export function testLists(harness: StoreHarness): void {
  test('lists show what runs first, then what closed last, then what started last, then what was created last, in pages of any size', async () => {
    await using open = await harness.open();
    const { store } = open;
    await fill(store, {
      closedEarly: { StartTime: 1, CloseTime: 5 },
      closedLate: { StartTime: 1, CloseTime: 9 },
      closedLateStartedLater: { StartTime: 2, CloseTime: 9 },
      runsEarly: { StartTime: 1 },
      runsTwin: { StartTime: 7 },
      runsTwinCreatedLater: { StartTime: 7 },
    });
    const inOrder = ['runsTwinCreatedLater', 'runsTwin', 'runsEarly', 'closedLateStartedLater', 'closedLate', 'closedEarly'];
    for (const limit of [1, 2, 4, 6, 7]) assert.deepEqual(await shownBy(store, {}, limit), inOrder);
    assert.equal(total(await store.count(ALL)), 6);
  });

  test('a machine is listed from the commit that lists it to the one that ends that, or to its deletion', async () => {
    await using open = await harness.open();
    const { store } = open;
    await store.commit([created(1), created(2, { row: { listing: listed('two') } }), created(3, { row: { listing: listed('three', { WorkflowType: 't' }) } })]);
    assert.deepEqual(await shownBy(store), ['three', 'two']);
    await store.commit([step(1, 2, { row: { listing: listed('one', { WorkflowType: 't' }) } }), step(2, 2, { row: { listing: null } })]);
    assert.deepEqual(await shownBy(store, { condition: is('WorkflowType', 't') }), ['three', 'one']);
    assert.equal((await store.load(machine(2)))?.listing, undefined);
    await store.delete([machine(3)]);
    assert.deepEqual(await shownBy(store), ['one']);
    assert.deepEqual(await store.count({ ...ALL, condition: is('WorkflowType', 't') }), [{ value: undefined, count: 1 }]);
  });

  test('a new listing takes the place of the old one in everything that is asked by', async () => {
    await using open = await harness.open();
    const { store } = open;
    const before = { ExecutionStatus: 1, WorkflowType: 't', Customer: 'ann', Tags: ['a', 'b'], Note: { text: 'first words' }, Size: 3 };
    const after = { ExecutionStatus: 2, WorkflowType: 't', Customer: 'bob', Tags: ['b', 'c'], CloseTime: 9, Size: 4, Paid: 1 };
    await store.commit([created(1, { row: { listing: listed('before', before) } }), created(2, { row: { listing: listed('beside', before) } })]);
    await store.commit([step(1, 2, { row: { listing: listed('after', after) } })]);
    const finds = (condition: Condition) => shownBy(store, { condition });
    assert.deepEqual(await finds(is('Customer', 'ann')), ['beside']);
    assert.deepEqual(await finds(is('Customer', 'bob')), ['after']);
    assert.deepEqual(await finds({ kind: 'contains', attribute: 'Tags', values: ['a'] }), ['beside']);
    assert.deepEqual(await finds({ kind: 'contains', attribute: 'Tags', values: ['b', 'c'] }), ['beside', 'after']);
    assert.deepEqual(await finds({ kind: 'matches', attribute: 'Note', phrases: [' words '] }), ['beside']);
    assert.deepEqual(await finds({ kind: 'is-null', attribute: 'Note' }), ['after']);
    assert.deepEqual(await finds(is('ExecutionStatus', 2)), ['after']);
    assert.deepEqual(await finds(is('Size', 3)), ['beside']);
    assert.deepEqual(await finds({ kind: 'not', part: is('Paid', 0) }), ['after'], 'a row without the attribute is neither one nor the other');
    assert.deepEqual(await finds(is('WorkflowId', 'key-2')), ['beside']);
    assert.deepEqual(await finds(is('RunId', machine(1))), ['after']);
    assert.deepEqual(await store.count({ ...ALL, groupBy: 'Customer' }).then((groups) => groups.map(({ value }) => value).sort()), ['ann', 'bob']);
  });

  test('an order by attributes puts rows without them last, either way, and pages through ties', async () => {
    await using open = await harness.open();
    const { store } = open;
    await fill(store, { b: { Size: 2 }, none: {}, a: { Size: 1 }, twin: { Size: 2 }, nothing: {} });
    for (const limit of [1, 2, 3, 9]) {
      assert.deepEqual(await shownBy(store, { order: [{ attribute: 'Size', descending: false }] }, limit), ['a', 'twin', 'b', 'nothing', 'none']);
      assert.deepEqual(await shownBy(store, { order: [{ attribute: 'Size', descending: true }] }, limit), ['twin', 'b', 'a', 'nothing', 'none']);
      assert.deepEqual(await shownBy(store, { order: [{ attribute: 'WorkflowId', descending: false }] }, limit), ['b', 'none', 'a', 'twin', 'nothing']);
    }
  });

  test('pages go on where the last one ended, whatever came, closed or went between them', async () => {
    await using open = await harness.open();
    const { store } = open;
    await fill(store, { one: { StartTime: 1 }, two: { StartTime: 2 }, three: { StartTime: 3 }, four: { StartTime: 4 } });
    const first = await store.list({ ...ALL, limit: 2 });
    assert.deepEqual(first.items.map(({ key }) => key), ['key-4', 'key-3']);
    await store.commit([created(5, { row: { listing: listed('five', { StartTime: 5 }) } }), step(4, 2, { row: { listing: listed('four', { StartTime: 4, CloseTime: 6 }) } })]);
    await store.delete([machine(3)]);
    const second = await store.list({ ...ALL, limit: 2, after: first.next });
    assert.deepEqual(second.items.map(({ key }) => key), ['key-2', 'key-1']);
    await assert.rejects(store.list({ ...ALL, limit: 2, after: 'x' }), RangeError);
    await assert.rejects(store.list({ ...ALL, limit: 2, after: first.next, order: [{ attribute: 'Size', descending: true }] }), RangeError);
    await assert.rejects(store.list({ ...ALL, limit: 0 }), RangeError);
  });

  test('in the order of creation nothing that happens to a row moves it, so each is met once', async () => {
    for (const descending of [true, false]) {
      await using open = await harness.open();
      const { store } = open;
      await fill(store, { one: { StartTime: 9 }, two: { StartTime: 2 }, three: { StartTime: 2 }, four: { StartTime: 4 } });
      const order = [{ attribute: CREATION_ATTRIBUTE, descending }];
      const first = await store.list({ ...ALL, order, limit: 2 });
      assert.deepEqual(first.items.map(({ key }) => key), descending ? ['key-4', 'key-3'] : ['key-1', 'key-2']);
      await store.commit([
        ...[1, 2, 3, 4].map((n) => step(n, 2, { row: { listing: listed(`${n}`, { StartTime: 7, CloseTime: 8 }) } })),
        created(5, { row: { listing: listed('five', { StartTime: 5 }) } }),
      ]);
      const second = await store.list({ ...ALL, order, limit: 4, after: first.next });
      assert.deepEqual(second.items.map(({ key }) => key), descending ? ['key-2', 'key-1'] : ['key-3', 'key-4', 'key-5']);
      assert.equal(second.next, undefined);
    }
  });

  test('kinds and namespaces do not see each other', async () => {
    await using open = await harness.open();
    const { store } = open;
    const elsewhere = { kind: 'workflow', namespace: OTHER_NAMESPACE, key: 'key-1', makeCurrent: true };
    const schedule = { kind: 'schedule', namespace: NAMESPACE, key: 'key-1', makeCurrent: true };
    const row = { listing: listed('x', { WorkflowType: 't', Customer: 'ann' }) };
    await store.commit([created(1, { create: elsewhere, row }), created(2, { create: schedule, row })]);
    for (const condition of [undefined, is('WorkflowType', 't'), is('Customer', 'ann'), is('WorkflowId', 'key-1'), is('RunId', machine(1))]) {
      assert.deepEqual(await shownBy(store, { condition }), []);
      assert.deepEqual(await store.count({ ...ALL, condition }), []);
      assert.equal(total(await store.count({ kind: 'schedule', namespace: NAMESPACE, condition: condition?.kind === 'compare' && condition.attribute === 'RunId' ? undefined : condition })), 1);
    }
  });

  test('a value of the type that an attribute had before is as good as none', async () => {
    await using open = await harness.open();
    const { store } = open;
    await fill(store, { word: { Size: 'large' }, one: { Size: 1 }, nine: { Size: 9 }, list: { Size: ['large'] } });
    const compared = (operator: '=' | '!=' | '<' | '>', value: string | number): Promise<string[]> => shownBy(store, { condition: { kind: 'compare', attribute: 'Size', operator, value } });
    assert.deepEqual([await compared('>', 5), await compared('<', 5), await compared('!=', 1)], [['nine'], ['one'], ['nine']]);
    assert.deepEqual([await compared('>', 'a'), await compared('!=', 'large'), await compared('=', 'large')], [['word'], [], ['word']]);
    assert.deepEqual(await shownBy(store, { condition: { kind: 'not', part: { kind: 'in', attribute: 'Size', values: [1] } } }), ['nine']);
    assert.deepEqual(await shownBy(store, { condition: { kind: 'between', attribute: 'Size', from: 'a', to: 'z' } }), ['word']);
  });

  test('names and values are data, whatever is in them', async () => {
    await using open = await harness.open();
    const { store } = open;
    const nasty = ['x"y', "it's", '$.a', '"]', '\0', '%_', '🙂é', 'a.b[0]', ''];
    await fill(store, Object.fromEntries(nasty.map((value, index) => [`r${index}`, { [`N${value}`]: value, WorkflowType: value, [`L${value}`]: [value] }])));
    for (const [index, value] of nasty.entries()) {
      assert.deepEqual(await shownBy(store, { condition: is(`N${value}`, value) }), [`r${index}`], JSON.stringify(value));
      assert.deepEqual(await shownBy(store, { condition: is('WorkflowType', value) }), [`r${index}`], JSON.stringify(value));
      assert.deepEqual(await shownBy(store, { condition: { kind: 'not', part: { kind: 'is-null', attribute: `L${value}` } } }), [`r${index}`], JSON.stringify(value));
    }
  });

  test('a listing that could not be put in order is left out, and the others are there', async () => {
    await using open = await harness.open();
    const wrong: Record<string, ListedValue>[] = [{ StartTime: NaN }, { StartTime: 'x' }, { CloseTime: 'x' }, { Size: Infinity }];
    await open.store.commit([created(9, { row: { listing: listed('nine') } }), ...wrong.map((attributes, n) => created(n, { row: { listing: listed('x', attributes) } }))]);
    assert.deepEqual(await shownBy(open.store), ['nine']);
    await open.store.commit([step(9, 2, { row: { listing: listed('nine', { Size: NaN }) } }), step(1, 2, { row: { listing: listed('one') } })]);
    assert.deepEqual(await shownBy(open.store), ['one']);
  });
}
