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
import type { Condition, OrderTerm } from '../../visibility/condition.js';
import { created, listed, machine, NAMESPACE, step } from '../contract/fixtures.js';
import { SimulatedStore } from '../simulated/simulated-store.js';
import type { ListRequest, Store, Transition } from '../store.js';
import { openSqliteStore } from './open.js';

const SEED = Number(process.env['PERDURE_SEED'] ?? 1);
const QUERIES = Number(process.env['PERDURE_QUERIES'] ?? 80);
const ROWS = 1_500;

const WORDS = ['', 'a', 'ab', 'abc', 'b', 'Z', 'é', '\u{ffff}', '\u{10000}', "x'y", '%'];
const NUMBERS = [-2, -0.5, 0, 1, 1.5, 2, 1e12];
const KEYWORDS = ['WorkflowType', 'TaskQueue', 'ParentWorkflowId', 'RootRunId', 'TemporalNamespaceDivision', 'Customer', 'Region'];
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
  for (const name of LISTS) if (chance.below(2) === 0) values[name] = chance.some(WORDS);
  for (const name of TEXTS) if (chance.below(2) === 0) values[name] = { text: chance.some(['quick', 'Fox', 'naïve', 'a', 'silver-fox', '!']).join(' ') };
  return values;
}

function condition(chance: Chance, depth: number): Condition {
  const kind = chance.below(depth > 0 ? 12 : 9);
  const attribute = chance.one([...KEYWORDS, 'WorkflowId']);
  const times = { from: chance.below(60), to: chance.below(60) };
  switch (kind) {
    case 0:
      return { kind: 'compare', attribute, operator: chance.one(['=', '=', '!=', '<', '<=', '>', '>='] as const), value: chance.one([...WORDS, 'common', `key-${chance.below(ROWS)}`]) };
    case 1:
      return { kind: 'compare', attribute: chance.one([...NUMERIC, 'StartTime', 'CloseTime']), operator: chance.one(['=', '!=', '<', '<=', '>', '>='] as const), value: chance.one([...NUMBERS, times.from]) };
    case 2:
      return { kind: 'in', attribute, values: chance.some([...WORDS, 'common']) };
    case 3:
      return { kind: 'in', attribute: chance.one(NUMERIC), values: chance.some(NUMBERS) };
    case 4:
      return { kind: 'between', attribute: chance.one(['StartTime', 'CloseTime', 'Size']), ...times };
    case 5:
      return { kind: 'starts-with', attribute: chance.one([attribute, 'RunId']), prefix: chance.one([...WORDS, 'comm', 'key-1', '0']) };
    case 6:
      return { kind: 'is-null', attribute: chance.one([...KEYWORDS, ...NUMERIC, ...LISTS, ...TEXTS, 'CloseTime', 'StartTime', 'RunId', 'NeverSet']) };
    case 7:
      return { kind: 'contains', attribute: chance.one([...LISTS, 'Customer']), values: chance.some(WORDS) };
    case 8:
      return { kind: 'matches', attribute: chance.one([...TEXTS, 'Region']), phrases: chance.some([' fox ', ' silver fox ', ' naive ', ' qui ']).slice(chance.below(2)) };
    case 9:
      return { kind: 'not', part: condition(chance, depth - 1) };
    default:
      return { kind: chance.one(['and', 'or'] as const), parts: Array.from({ length: 1 + chance.below(3) }, () => condition(chance, depth - 1)) };
  }
}

const orderOf = (chance: Chance): OrderTerm[] =>
  chance.below(2) === 0 ? [] : [...new Set(chance.some([...KEYWORDS, ...NUMERIC, 'StartTime', 'CloseTime', 'WorkflowId', 'RunId']))].map((attribute) => ({ attribute, descending: chance.below(2) === 0 }));

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

test('SQLite answers random queries as plain evaluation does', async () => {
  for (const seed of [SEED, SEED + 1]) {
    const chance = new Chance(seed);
    const plain = new SimulatedStore();
    const sqlite = await openSqliteStore({ filename: ':memory:' });
    try {
      const deleted = [machine(3), machine(77), machine(901)];
      for (const commit of [transitions(chance), changes(chance)]) await Promise.all([plain.commit(commit), sqlite.commit(commit)]);
      await Promise.all([plain.delete(deleted), sqlite.delete(deleted)]);
      for (let number = 0; number < QUERIES; number++) {
        const asked = { kind: 'workflow', namespace: NAMESPACE, condition: condition(chance, 3) };
        const request = { ...asked, order: orderOf(chance), limit: chance.one([37, 400, 2_000]) };
        const text = `seed ${seed}, query ${number}: ${JSON.stringify(request)}`;
        assert.deepEqual(await found(sqlite, request), await found(plain, { ...request, limit: ROWS + 1 }), text);
        const groupBy = chance.one([undefined, ...KEYWORDS, ...NUMERIC]);
        const groups = async (store: Store) => new Map((await store.count({ ...asked, groupBy })).map(({ value, count }) => [value, count]));
        assert.deepEqual(await groups(sqlite), await groups(plain), `${text} by ${groupBy}`);
      }
    } finally {
      await sqlite.close();
    }
  }
});
