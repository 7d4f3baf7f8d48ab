/**
 * Random listings and random queries: SQLite finds the same rows in the same order, page by page, and counts the same, as the plain
 * evaluation of the simulated store does. That includes every plan: the bounds of the planner lie within the number of rows.
 *
 * `PERDURE_SEED` begins at another seed, `PERDURE_QUERIES` asks more of each.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListedValue } from '../../machines/listing.js';
import { seededRandom } from '../../ports/random.js';
import { VirtualClock } from '../../ports/virtual-clock.js';
import { CREATION_ATTRIBUTE, type Condition, type OrderTerm } from '../../visibility/condition.js';
import { created, listed, machine, NAMESPACE, step } from '../contract/fixtures.js';
import { SimulatedStore } from '../simulated/simulated-store.js';
import type { ListRequest, Store, Transition } from '../store.js';
import { openSqliteStore } from './open.js';

const SEED = Number(process.env['PERDURE_SEED'] ?? 1);
const QUERIES = Number(process.env['PERDURE_QUERIES'] ?? 80);
const ROWS = 1_500;

const WORDS = ['', 'a', 'ab', 'abc', 'b', 'Z', 'é', '\u{ffff}', '\u{10000}', "x'y", '%'];
const NUMBERS = [-2, -0.5, 0, 1, 1.5, 2, 1e12];
const KEYWORDS = ['WorkflowType', 'TaskQueue', 'ParentWorkflowId', 'RootWorkflowId', 'RootRunId', 'TemporalNamespaceDivision', 'Customer', 'Region'];
const NUMERIC = ['ExecutionStatus', 'ExecutionTime', 'ExecutionDuration', 'StateTransitionCount', 'Size', 'Paid'];
const LISTS = ['Tags', 'BuildIds'];
const TEXTS = ['Note'];

class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    const random = seededRandom(seed, new VirtualClock());
    this.#next = () => random.next();
  }

  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  some<T>(items: readonly T[]): T[] {
    return Array.from({ length: 1 + this.below(3) }, () => this.one(items));
  }
}

function row(chance: Chance): Record<string, ListedValue> {
  const values: Record<string, ListedValue> = { StartTime: chance.below(50) };
  if (chance.below(3) > 0) values['CloseTime'] = Number(values['StartTime']) + chance.below(20);
  for (const name of KEYWORDS) if (chance.below(name === 'TemporalNamespaceDivision' ? 20 : 3) === 0) values[name] = chance.one(WORDS);
  // Common values, so that ranges of indexes are long.
  values['WorkflowType'] ??= 'common';
  values['ExecutionStatus'] = values['CloseTime'] === undefined ? chance.one([1, 1, 1, 8]) : chance.one([2, 2, 2, 2, 3, 5]);
  for (const name of NUMERIC) if (chance.below(2) === 0) values[name] ??= chance.one(NUMBERS);
  // An attribute that had another type once.
  values['Mixed'] = chance.one<ListedValue>([...WORDS, ...NUMBERS, ['a'], { text: 'a' }]);
  for (const name of LISTS) if (chance.below(2) === 0) values[name] = chance.some(WORDS);
  for (const name of TEXTS) if (chance.below(2) === 0) values[name] = { text: chance.some(['quick', 'Fox', 'naïve', 'a', 'silver-fox', '!']).join(' ') };
  return values;
}

function condition(chance: Chance, depth: number): Condition {
  const kind = chance.below(depth > 0 ? 13 : 10);
  const attribute = chance.one([...KEYWORDS, 'WorkflowId', 'Mixed']);
  const times = { from: chance.below(60), to: chance.below(60) };
  switch (kind) {
    case 0:
      return { kind: 'compare', attribute, operator: chance.one(['=', '=', '!=', '<', '<=', '>', '>='] as const), value: chance.one([...WORDS, 'common', `key-${chance.below(ROWS)}`]) };
    case 1:
      return { kind: 'compare', attribute: chance.one([...NUMERIC, 'StartTime', 'CloseTime', 'Mixed']), operator: chance.one(['=', '!=', '<', '<=', '>', '>='] as const), value: chance.one([...NUMBERS, times.from]) };
    case 2:
      return { kind: 'in', attribute, values: chance.some([...WORDS, 'common']) };
    case 3:
      return { kind: 'in', attribute: chance.one([...NUMERIC, 'Mixed']), values: chance.some(NUMBERS) };
    case 4:
      return { kind: 'between', attribute: chance.one(['StartTime', 'CloseTime', 'Size']), ...times };
    case 5:
      return { kind: 'starts-with', attribute: chance.one([attribute, 'RunId']), prefix: chance.one([...WORDS, 'comm', 'key-1', '0']) };
    case 6:
      return { kind: 'is-null', attribute: chance.one([...KEYWORDS, ...NUMERIC, ...LISTS, ...TEXTS, 'CloseTime', 'StartTime', 'RunId', 'NeverSet']) };
    case 7:
      return { kind: 'contains', attribute: chance.one([...LISTS, 'Customer']), values: chance.some(WORDS) };
    case 8:
      return { kind: 'matches', attribute: chance.one([...TEXTS, 'Region']), phrases: chance.some([' fox ', ' silver fox ', ' naive ', ' qui ', ' qui']).slice(chance.below(2)) };
    case 9:
      return { kind: 'includes', attribute: chance.one([...KEYWORDS, 'WorkflowId', 'RunId', 'NeverSet']), part: chance.one(['', 'a', 'y-1', 'comm', '%', "'", 'é', 'z', '0-7']) };
    case 10:
      return { kind: 'not', part: condition(chance, depth - 1) };
    default:
      return { kind: chance.one(['and', 'or'] as const), parts: Array.from({ length: 1 + chance.below(3) }, () => condition(chance, depth - 1)) };
  }
}

const orderOf = (chance: Chance): OrderTerm[] =>
  chance.below(2) === 0 ? [] : [...new Set(chance.some([...KEYWORDS, ...NUMERIC, 'StartTime', 'CloseTime', 'WorkflowId', 'RunId', CREATION_ATTRIBUTE]))].map((attribute) => ({ attribute, descending: chance.below(2) === 0 }));

function transitions(chance: Chance): Transition[] {
  return Array.from({ length: ROWS }, (_, n) => created(n, { row: { listing: listed(`${n}`, row(chance)) } }));
}

/** Half of them change, some are listed no more. */
function changes(chance: Chance): Transition[] {
  const changed = Array.from({ length: ROWS }, (_, n) => n).filter(() => chance.below(2) === 0);
  return changed.map((n) => step(n, 2, { row: { listing: chance.below(20) === 0 ? null : listed(`${n} again`, row(chance)) } }));
}

async function found(store: Store, request: ListRequest): Promise<string[]> {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.list({ ...request, after });
    keys.push(...page.items.map(({ key }) => key));
    after = page.next;
  } while (after !== undefined && keys.length <= ROWS);
  return keys;
}

/** Conditions that are one step simpler. */
function simpler(condition: Condition): readonly (Condition | undefined)[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return [...condition.parts, ...condition.parts.flatMap((_, left) => (condition.parts.length > 1 ? [{ ...condition, parts: condition.parts.filter((__, index) => index !== left) }] : []))];
    case 'not':
      return [condition.part];
    case 'in':
    case 'contains':
      return condition.values.length < 2 ? [undefined] : condition.values.map((value) => ({ ...condition, values: [value] }) as Condition);
    default:
      return [undefined];
  }
}

/** The simplest request that still shows a difference: one step after another, for as long as there is one that helps. */
async function smallest(request: ListRequest, differs: (request: ListRequest) => Promise<boolean>): Promise<ListRequest> {
  const { condition: asked, order = [] } = request;
  const candidates: ListRequest[] = [
    ...(asked === undefined ? [] : simpler(asked).map((condition) => ({ ...request, condition }))),
    ...order.map((_, left) => ({ ...request, order: order.filter((__, index) => index !== left) })),
  ];
  for (const candidate of candidates) if (await differs(candidate)) return smallest(candidate, differs);
  return request;
}

/** Two stores, one of them the plain evaluation, that were told the same. */
class Pair implements AsyncDisposable {
  readonly plain = new SimulatedStore();
  readonly sqlite: Store;

  private constructor(sqlite: Store) {
    this.sqlite = sqlite;
  }

  static async filled(chance: Chance): Promise<Pair> {
    const pair = new Pair(await openSqliteStore({ filename: ':memory:' }));
    await pair.commit(transitions(chance));
    return pair;
  }

  async commit(commit: Transition[]): Promise<void> {
    await Promise.all([this.plain.commit(commit), this.sqlite.commit(commit)]);
  }

  async delete(machines: readonly string[]): Promise<void> {
    await Promise.all([this.plain.delete(machines), this.sqlite.delete(machines)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sqlite.close();
  }
}

test('SQLite answers random queries as plain evaluation does', async () => {
  for (const seed of [SEED, SEED + 1]) {
    const chance = new Chance(seed);
    await using pair = await Pair.filled(chance);
    const { plain, sqlite } = pair;
    await pair.commit(changes(chance));
    await pair.delete([machine(3), machine(77), machine(901)]);
    const bothFind = async (request: ListRequest) => Promise.all([found(sqlite, request), found(plain, { ...request, limit: ROWS + 1 })]);
    const differs = async (request: ListRequest): Promise<boolean> => bothFind(request).then(([one, other]) => one.join() !== other.join());
    for (let number = 0; number < QUERIES; number++) {
      const asked = { kind: 'workflow', namespace: NAMESPACE, condition: condition(chance, 3) };
      const request = { ...asked, order: orderOf(chance), limit: chance.one([37, 400, 2_000]) };
      const place = `seed ${seed}, query ${number}`;
      if (await differs(request)) {
        const simplest = await smallest(request, differs);
        const [one, other] = await bothFind(simplest);
        assert.deepEqual(one, other, `${place}, made simpler: ${JSON.stringify(simplest)}`);
      }
      // Few enough values for all groups to be shown.
      const groupBy = chance.one([undefined, ...KEYWORDS.filter((name) => name !== 'RootWorkflowId' && name !== 'RootRunId'), ...NUMERIC]);
      const groups = async (store: Store) => new Map((await store.count({ ...asked, groupBy })).map(({ value, count }) => [value, count]));
      assert.deepEqual(await groups(sqlite), await groups(plain), `${place}: ${JSON.stringify(request)} by ${groupBy}`);
    }
  }
});

test('a page of what is rare ends after a bounded number of rows, and the next one goes on behind them', async () => {
  await using store = await openSqliteStore({ filename: ':memory:' }).then((opened) => Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() }));
  const many = 12_000;
  const rare = new Set([3, 5_400, 11_990]);
  for (let from = 0; from < many; from += 1_000) {
    await store.commit(Array.from({ length: 1_000 }, (_, index) => created(from + index, { row: { listing: listed('x', { StartTime: from + index, Note: { text: rare.has(from + index) ? 'rare word' : 'word' } }) } })));
  }
  const request: ListRequest = { kind: 'workflow', namespace: NAMESPACE, condition: { kind: 'matches', attribute: 'Note', phrases: [' rare '] }, limit: 10 };
  const pages: string[][] = [];
  let after: string | undefined;
  do {
    const page = await store.list({ ...request, after });
    pages.push(page.items.map(({ key }) => key));
    after = page.next;
  } while (after !== undefined && pages.length < 10);
  assert.deepEqual(pages, [['key-11990'], ['key-5400'], ['key-3']]);
});

test('pages go on alike while rows come, change and go', async () => {
  const chance = new Chance(SEED);
  await using pair = await Pair.filled(chance);
  const seqs = new Map<number, number>();
  const change = (n: number): Transition => {
    const seq = (seqs.get(n) ?? 1) + 1;
    seqs.set(n, seq);
    return step(n, seq, { row: { listing: chance.below(10) === 0 ? null : listed(`${n} at ${seq}`, row(chance)) } });
  };
  let last = ROWS;
  for (let number = 0; number < 12; number++) {
    const request = { kind: 'workflow', namespace: NAMESPACE, condition: chance.below(3) === 0 ? undefined : condition(chance, 2), order: orderOf(chance), limit: chance.one([37, 150, 400]) };
    const cursors: { plain?: string | undefined; sqlite?: string | undefined } = {};
    for (let page = 0; page < 8; page++) {
      const [plain, sqlite] = await Promise.all([pair.plain.list({ ...request, after: cursors.plain }), pair.sqlite.list({ ...request, after: cursors.sqlite })]);
      assert.deepEqual(sqlite.items.map(({ key }) => key), plain.items.map(({ key }) => key), `seed ${SEED}, query ${number}, page ${page}: ${JSON.stringify(request)}`);
      if (plain.next === undefined) break;
      Object.assign(cursors, { plain: plain.next, sqlite: sqlite.next });
      const changed = [...new Set(Array.from({ length: chance.below(30) }, () => chance.below(ROWS)))];
      await pair.commit([...changed.map(change), created(++last, { row: { listing: listed(`${last}`, row(chance)) } })]);
    }
  }
});
