/** List and count queries: a plan, one statement, and the rows of a page. Each is bounded by its page, and leaves no statement open. */
import { conjuncts, DIVISION_ATTRIBUTE, type Condition, type Scalar } from '../../visibility/condition.js';
import { checkPageLimit, decodeListCursor, encodeListCursor } from '../page.js';
import { MOST_GROUPS, type CountGroup, type CountRequest, type ListedMachine, type ListFilter, type ListRequest, type Page } from '../store.js';
import type { SqliteDatabase, SqlRow, SqliteStatement, SqlValue } from './driver.js';
import { expressionOf } from './listing-columns.js';
import { plan, type Range } from './listing-plan.js';
import { conditionSql, joined, ListOrder, type Fragment } from './listing-sql.js';
import { idFromBytes } from './machine-id.js';
import type { Scopes } from './scopes.js';

/**
 * Rows that a page looks at along an ordered range, if what it asks for is rare among them: some tens of milliseconds. Then the page ends,
 * with what it has found, and others get their turn.
 */
const MOST_ROWS_READ = 5_000;

export class ListingReader {
  readonly #database: SqliteDatabase;
  readonly #scopes: Scopes;
  readonly #machine: SqliteStatement;
  readonly #anyDivision: SqliteStatement;

  constructor(database: SqliteDatabase, scopes: Scopes) {
    this.#database = database;
    this.#scopes = scopes;
    this.#machine = database.prepare(
      'SELECT m.id, m.wake_at, m.open, m.key, s.bytes AS listing FROM machine m LEFT JOIN listing s ON s.machine = m.number WHERE m.number = ?',
    );
    this.#anyDivision = database.prepare('SELECT 1 FROM listed INDEXED BY listed_by_division WHERE scope = ? AND division IS NOT NULL LIMIT 1');
  }

  list(request: ListRequest): Page<ListedMachine> {
    const { kind, namespace, limit } = request;
    checkPageLimit(limit);
    const order = new ListOrder(request.order ?? []);
    const after = decodeListCursor(request.after, order.length);
    const scope = this.#scopes.find(kind, namespace);
    if (scope === undefined) return { items: [], next: undefined };
    const condition = this.#needed(scope, request.condition);
    const range = plan(this.#database, scope, condition, order);
    if (range.inOrder && order.isDefault) order.over(range.alias);
    const behind = after && order.after(after);
    const end = range.inOrder && order.isDefault && condition !== undefined ? this.#endOfReading(range, order, behind) : undefined;
    const where = filter(range, condition, [...(behind === undefined ? [] : [behind]), ...(end === undefined ? [] : [order.through(end)])]);
    const columns = order.columns();
    const sql = `SELECT ${columns.sql} FROM ${range.from} WHERE ${where.sql} ORDER BY ${order.orderBy()} LIMIT ?`;
    const rows = this.#database.prepare(sql).all(...columns.parameters, ...where.parameters, limit);
    const items = rows.map((row) => this.#listed(request, Number(row[`k${order.length - 1}`])));
    const last = rows.length === limit ? rows.at(-1) : undefined;
    const next = last === undefined ? end : positionOf(last, order.length);
    return { items, next: next && encodeListCursor(next) };
  }

  /** The position of the last row that this page looks at, if there are more: along an index, without the rows. */
  #endOfReading(range: Range, order: ListOrder, behind: Fragment | undefined): (string | number | null)[] | undefined {
    const columns = order.columns();
    const { sql, parameters } = joined([range.probe, ...(behind === undefined ? [] : [behind])], ' AND ');
    const statement = `SELECT ${columns.sql} ${sql} ORDER BY ${order.orderBy()} LIMIT 2 OFFSET ?`;
    const [end, more] = this.#database.prepare(statement).all(...columns.parameters, ...parameters, MOST_ROWS_READ - 1);
    return end === undefined || more === undefined ? undefined : positionOf(end, order.length);
  }

  count({ kind, namespace, condition: asked, groupBy }: CountRequest): readonly CountGroup[] {
    const scope = this.#scopes.find(kind, namespace);
    if (scope === undefined) return [];
    const condition = this.#needed(scope, asked);
    const range = plan(this.#database, scope, condition, new ListOrder([]));
    const where = filter(range, condition, []);
    if (groupBy === undefined) {
      const count = Number(this.#database.prepare(`SELECT count(*) AS count FROM ${range.from} WHERE ${where.sql}`).get(...where.parameters)?.['count']);
      return count === 0 ? [] : [{ value: undefined, count }];
    }
    const { sql, parameters } = expressionOf(groupBy);
    const statement = `SELECT ${sql} AS value, count(*) AS count FROM ${range.from} WHERE ${where.sql} GROUP BY 1 ORDER BY count DESC, value LIMIT ?`;
    return this.#database.prepare(statement).all(...parameters, ...where.parameters, MOST_GROUPS).map((row) => ({ value: scalar(row['value']), count: Number(row['count']) }));
  }

  /** Nearly no row has a division: to ask once is cheaper than to look at each. */
  #needed(scope: number, condition: Condition | undefined): Condition | undefined {
    const parts = conjuncts(condition);
    const rest = parts.filter((part) => !(part.kind === 'is-null' && part.attribute === DIVISION_ATTRIBUTE));
    if (rest.length === parts.length || this.#anyDivision.get(scope) !== undefined) return condition;
    return rest.length === 0 ? undefined : { kind: 'and', parts: rest };
  }

  #listed({ kind, namespace }: ListFilter, number: number): ListedMachine {
    const row = this.#machine.get(number) as SqlRow;
    const { id, wake_at: wakeAt, open, key, listing } = row;
    return {
      machine: idFromBytes(id as Uint8Array),
      kind,
      namespace,
      key: text(key as Uint8Array),
      wakeAt: (wakeAt ?? undefined) as number | undefined,
      open: open === 1,
      listing: (listing ?? undefined) as Uint8Array | undefined,
    };
  }
}

/** The range repeats a part of the condition: harmless, and so is what the range leaves out filtered. */
function filter(range: Range, condition: Condition | undefined, within: readonly Fragment[]): Fragment {
  return joined([range.where, ...(condition === undefined ? [] : [conditionSql(condition)]), ...within], ' AND ');
}

function positionOf(row: SqlRow, length: number): (string | number | null)[] {
  return Array.from({ length }, (_, index) => scalar(row[`k${index}`]) ?? null);
}

function scalar(value: SqlValue | undefined): Scalar | undefined {
  return value instanceof Uint8Array ? text(value) : (value ?? undefined);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
