/**
 * Pages that must not cost more the more rows there are: SQLite reads them along an index and sorts nothing. What is asked here is what
 * retention asks: a hundred thousand runs may have closed in the same millisecond, and each of its pages would sort them all.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListRequest } from '../store.js';
import { loadDriver, type SqliteDatabase, type SqlRow, type SqlValue } from './driver.js';
import { ListingReader } from './listing-reader.js';
import { createSchema } from './schema.js';
import { Scopes } from './scopes.js';

const SCOPE = { kind: 'workflow', namespace: 'ns' };
const MOMENT = 1_000_000;
const TIES = 300;

/** What SQLite says of how it goes about each statement that a list runs. */
async function plansOf(request: ListRequest): Promise<{ readonly plans: string[]; readonly machines: number[]; readonly next: string | undefined }> {
  const { DatabaseSync } = await loadDriver();
  const database = new DatabaseSync(':memory:');
  try {
    createSchema(database);
    const scopes = new Scopes(database);
    const scope = scopes.findOrAdd(SCOPE.kind, SCOPE.namespace);
    fill(database, scope);
    const plans: string[] = [];
    const watched: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      close: () => database.close(),
      prepare: (sql) => {
        const statement = database.prepare(sql);
        const explain = (parameters: SqlValue[]): void => void plans.push(JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters)));
        return {
          run: (...parameters) => statement.run(...parameters),
          iterate: (...parameters) => statement.iterate(...parameters),
          get: (...parameters) => (explain(parameters), statement.get(...parameters)),
          all: (...parameters): SqlRow[] => (explain(parameters), statement.all(...parameters)),
        };
      },
    };
    const reader = new ListingReader(watched, scopes);
    const { items, next } = reader.list(request);
    return { plans, machines: items.map(({ key }) => Number(key)), next };
  } finally {
    database.close();
  }
}

/** Runs that began and closed at the same moments. */
function fill(database: SqliteDatabase, scope: number): void {
  const machine = database.prepare('INSERT INTO machine (number, id, scope, wake_at, open, made_current, key) VALUES (?, ?, ?, NULL, 0, 1, ?)');
  const columns = database.prepare("SELECT name, type, \"notnull\" AS needed FROM pragma_table_info('listed')").all();
  const values: Record<string, SqlValue> = { scope, close_key: MOMENT, start_time: MOMENT };
  const listed = database.prepare(`INSERT INTO listed (${columns.map(({ name }) => name).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`);
  for (let number = 1; number <= TIES; number++) {
    const id = Buffer.alloc(16);
    id.writeUInt32BE(number);
    machine.run(number, id, scope, Buffer.from(`${number}`));
    const value = ({ name, type, needed }: SqlRow): SqlValue => (name === 'machine' ? number : (values[`${name}`] ?? (needed === 0 ? null : type === 'TEXT' ? '' : type === 'BLOB' ? Buffer.alloc(0) : 0)));
    listed.run(...columns.map(value));
  }
}

const expired: ListRequest = { ...SCOPE, limit: 100, condition: { kind: 'compare', attribute: 'CloseTime', operator: '<=', value: MOMENT } };

for (const [what, request] of [
  ['the first page', expired],
  ['a look whether there is one', { ...expired, limit: 1 }],
] as const) {
  test(`runs that closed until a moment, many at once: ${what} is read in the order of an index`, async () => {
    const { plans, machines } = await plansOf(request);
    assert.deepEqual(machines, Array.from({ length: request.limit }, (_, index) => TIES - index));
    const listing = plans.filter((plan) => plan.includes('listed_in_order'));
    assert.ok(listing.length > 0, plans.join('\n'));
    assert.deepEqual(plans.filter((plan) => plan.includes('TEMP B-TREE')), []);
  });
}

test('so is a page in the middle of them', async () => {
  const { next } = await plansOf(expired);
  assert.ok(next !== undefined);
  const { plans, machines } = await plansOf({ ...expired, after: next });
  assert.deepEqual([machines[0], machines.at(-1)], [TIES - 100, TIES - 199]);
  assert.deepEqual(plans.filter((plan) => plan.includes('TEMP B-TREE')), []);
});
