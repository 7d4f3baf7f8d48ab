/**
 * Where a list query begins: with the range of an index that holds few rows, with one that is in the order asked for, or with all rows in
 * order. SQLite has no statistics here and would guess; instead each range that the conditions name is counted, up to a bound, before the
 * choice. What the range does not say is filtered row by row.
 *
 * The bound keeps the work of a page small where an index helps: the counting, the rows of a short range, the way along an ordered one.
 */
import { conjuncts, ID_ATTRIBUTE, KEY_ATTRIBUTE, ROOT_ID_ATTRIBUTE, ROOT_KEY_ATTRIBUTE, type Condition } from '../../visibility/condition.js';
import type { SqliteDatabase, SqlValue } from './driver.js';
import { bound, COLUMNS, NOT_INDEXED } from './listing-columns.js';
import { fragment, lastWithPrefix, marks, type Fragment, type ListOrder } from './listing-sql.js';
import { idToBytes } from './machine-id.js';
import { OPEN_KEY } from './schema.js';

/** A range of more rows is not worth to be read whole: rows are frequent enough to be met on the way along an ordered one. */
const FEW_ROWS = 20_000;

/** The rows that a query looks at: `FROM … WHERE …` with `listed` as `l`. */
export interface Range {
  readonly from: string;
  readonly where: Fragment;
  /** Rows come in the default order, by the times of this table. */
  readonly inOrder: boolean;
  readonly alias: 'l' | 'a';
  /** Counts without the rows themselves. */
  readonly probe: Fragment;
}

export function plan(database: SqliteDatabase, scope: number, condition: Condition | undefined, order: ListOrder): Range {
  const ranges = conjuncts(condition).flatMap((part) => rangeOf(scope, part) ?? []);
  const [only] = ranges;
  const isInOrder = (range: Range): boolean => range.inOrder && order.isDefault;
  if (only !== undefined && ranges.length === 1 && isInOrder(only)) return only;
  let fewest: { readonly range: Range; readonly rows: number } | undefined;
  for (const range of ranges) {
    const most = fewest === undefined ? FEW_ROWS : fewest.rows - 1;
    if (most < 1) break;
    const { sql, parameters } = range.probe;
    const rows = Number(database.prepare(`SELECT count(*) AS rows FROM (SELECT 1 ${sql} LIMIT ?)`).get(...parameters, most + 1)?.['rows']);
    if (rows <= most) fewest = { range, rows };
  }
  if (fewest !== undefined) return fewest.range;
  if (order.isByCreation) return everyRow(scope);
  if (order.isByStart) return listed('listed_by_start', 'l.scope = ?', [scope], false);
  return ranges.find(isInOrder) ?? listed('listed_in_order', 'l.scope = ?', [scope], true);
}

/** Rows that one condition selects by an index. */
function rangeOf(scope: number, condition: Condition): Range | undefined {
  switch (condition.kind) {
    case 'compare':
      if (condition.operator === '!=') return undefined;
      if (condition.operator === '=') return equal(scope, condition.attribute, [condition.value]);
      return compared(scope, condition.attribute, `${condition.operator} ?`, [bound(condition.value)]);
    case 'in':
    case 'contains':
      return equal(scope, condition.attribute, condition.values);
    case 'between':
      return compared(scope, condition.attribute, 'BETWEEN ? AND ?', [bound(condition.from), bound(condition.to)]);
    case 'starts-with':
      return compared(scope, condition.attribute, 'BETWEEN ? AND ?', [bound(condition.prefix), lastWithPrefix(condition.prefix)]);
    case 'is-null':
      return condition.attribute === 'CloseTime' ? listed('listed_in_order', `l.scope = ? AND l.close_key = ${OPEN_KEY}`, [scope], true) : undefined;
    default:
      return undefined;
  }
}

const INDEX_OF_COLUMN: Readonly<Record<string, string>> = { type: 'listed_by_type', queue: 'listed_by_queue', parent: 'listed_by_parent', division: 'listed_by_division' };
/** Their indexes end with the order of lists. */
const ORDERED = new Set(['listed_by_type', 'listed_by_queue']);
/** Of the statuses, what is open begins each index. */
const IS_OPEN: ReadonlySet<unknown> = new Set([1, 8]);

function equal(scope: number, attribute: string, values: readonly (string | number)[]): Range | undefined {
  const isOne = values.length === 1;
  const test = isOne ? '= ?' : `IN (${marks(values)})`;
  if (attribute === KEY_ATTRIBUTE) return byMachine('machine_by_key', `m.scope = ? AND m.key ${test}`, [scope, ...values.map(bound)]);
  if (attribute === ID_ATTRIBUTE) {
    const ids = values.flatMap((value) => idToBytes(String(value)) ?? []);
    return byMachine('sqlite_autoindex_machine_1', `m.id IN (${marks(ids)}) AND m.scope = ?`, [...ids, scope]);
  }
  if (attribute === 'ExecutionStatus') return byStatus(scope, test, values);
  return compared(scope, attribute, test, values.map(bound), isOne);
}

function byStatus(scope: number, test: string, values: readonly (string | number)[]): Range | undefined {
  if (values.every((status) => IS_OPEN.has(status))) return listed('listed_in_order', `l.scope = ? AND l.close_key = ${OPEN_KEY}`, [scope], true);
  if (values.some((status) => IS_OPEN.has(status))) return undefined;
  return listed('listed_by_status', `l.scope = ? AND l.close_key < ${OPEN_KEY} AND l.status ${test}`, [scope, ...values], values.length === 1);
}

function compared(scope: number, attribute: string, test: string, values: readonly SqlValue[], isOne = false): Range | undefined {
  if (attribute === 'StartTime') return listed('listed_by_start', `l.scope = ? AND l.start_time ${test}`, [scope, ...values], false);
  if (attribute === 'CloseTime') {
    // One bound from above: SQLite would use the first, and what runs is filtered out anyway.
    const closed = test.startsWith('>') ? `AND l.close_key < ${OPEN_KEY} ` : '';
    return listed('listed_in_order', `l.scope = ? ${closed}AND l.close_key ${test}`, [scope, ...values], true);
  }
  if (attribute === KEY_ATTRIBUTE) return byMachine('machine_by_key', `m.scope = ? AND m.key ${test}`, [scope, ...values]);
  if (attribute === ROOT_KEY_ATTRIBUTE) return byRoot(scope, test, values);
  const column = COLUMNS.get(attribute);
  const index = column === undefined ? undefined : INDEX_OF_COLUMN[column];
  if (index !== undefined) return listed(index, `l.scope = ? AND l.${column} ${test}`, [scope, ...values], isOne && ORDERED.has(index));
  if (column !== undefined || NOT_INDEXED.has(attribute) || attribute === ID_ATTRIBUTE || attribute === ROOT_ID_ATTRIBUTE || attribute === 'ExecutionStatus') return undefined;
  const where = `a.scope = ? AND a.name = ? AND a.value ${test}`;
  const parameters = [scope, encodeURIComponent(attribute), ...values];
  return isOne ? byAttribute(where, parameters) : distinctByAttribute(where, parameters);
}

function listed(index: string, where: string, parameters: readonly SqlValue[], inOrder: boolean): Range {
  const from = `listed l INDEXED BY ${index}`;
  return { from, where: fragment(where, ...parameters), inOrder, alias: 'l', probe: fragment(`FROM ${from} WHERE ${where}`, ...parameters) };
}

/** In the order of creation, which is that of the table. */
function everyRow(scope: number): Range {
  const from = 'listed l NOT INDEXED';
  return { from, where: fragment('l.scope = ?', scope), inOrder: false, alias: 'l', probe: fragment(`FROM ${from} WHERE l.scope = ?`, scope) };
}

function byMachine(index: string, where: string, parameters: readonly SqlValue[]): Range {
  const machines = `machine m INDEXED BY ${index}`;
  return {
    from: `${machines} CROSS JOIN listed l ON l.machine = m.number`,
    where: fragment(where, ...parameters),
    inOrder: false,
    alias: 'l',
    probe: fragment(`FROM ${machines} WHERE ${where}`, ...parameters),
  };
}

/** Those that name the root, and the root, which does not name itself. Of the latter, others have the key but another root: filtered out. */
function byRoot(scope: number, test: string, values: readonly SqlValue[]): Range {
  const machines =
    `SELECT machine FROM listed INDEXED BY listed_by_root WHERE scope = ? AND root ${test} ` +
    `UNION SELECT number FROM machine INDEXED BY machine_by_key WHERE scope = ? AND key ${test}`;
  const parameters = [scope, ...values, scope, ...values];
  return {
    from: 'listed l',
    where: fragment(`l.machine IN (${machines})`, ...parameters),
    inOrder: false,
    alias: 'l',
    probe: fragment(`FROM (${machines})`, ...parameters),
  };
}

/** In order, but sorted by the copies of the times in the index. */
function byAttribute(where: string, parameters: readonly SqlValue[]): Range {
  return {
    from: 'attribute a CROSS JOIN listed l ON l.machine = a.machine',
    where: fragment(where, ...parameters),
    inOrder: true,
    alias: 'a',
    probe: fragment(`FROM attribute a WHERE ${where}`, ...parameters),
  };
}

/** A row may have several values of the range. */
function distinctByAttribute(where: string, parameters: readonly SqlValue[]): Range {
  return {
    from: 'listed l',
    where: fragment(`l.machine IN (SELECT a.machine FROM attribute a WHERE ${where})`, ...parameters),
    inOrder: false,
    alias: 'l',
    probe: fragment(`FROM attribute a WHERE ${where}`, ...parameters),
  };
}
