/** Conditions of list queries as SQL over `listed l`. Every value is a parameter. Says the same as `visibility/evaluate.ts`: a test compares them. */
import { CREATION_ATTRIBUTE, type Condition, type OrderTerm, type Scalar } from '../../visibility/condition.js';
import { typeOf, type ScalarCondition } from '../../visibility/evaluate.js';
import type { SqlValue } from './driver.js';
import { bound, expressionOf, jsonPath } from './listing-columns.js';

/** SQL with its parameters, put together from the left. */
export interface Fragment {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

export const fragment = (sql: string, ...parameters: SqlValue[]): Fragment => ({ sql, parameters });

export function joined(parts: readonly Fragment[], separator: string): Fragment {
  return { sql: parts.map((part) => part.sql).join(separator), parameters: parts.flatMap((part) => part.parameters) };
}

export function conditionSql(condition: Condition): Fragment {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const { sql, parameters } = joined(condition.parts.map(conditionSql), condition.kind === 'and' ? ' AND ' : ' OR ');
      return { sql: `(${sql})`, parameters };
    }
    case 'not': {
      const { sql, parameters } = conditionSql(condition.part);
      return { sql: `(NOT ${sql})`, parameters };
    }
    case 'is-null':
      return isNull(condition.attribute);
    case 'contains': {
      const values = condition.values.map(bound);
      const items = `SELECT 1 FROM json_each(l.attributes, ?) WHERE type = 'text' AND CAST(value AS BLOB) IN (${marks(values)})`;
      return fragment(`EXISTS (${items})`, jsonPath(condition.attribute), ...values);
    }
    case 'includes': {
      const { sql, parameters } = expressionOf(condition.attribute);
      return fragment(`coalesce(instr(lower(CAST(${sql} AS TEXT)), ?) > 0, FALSE)`, ...parameters, condition.part);
    }
    case 'matches': {
      const tests = condition.phrases.map((phrase) => fragment('instr(json_extract(l.attributes, ?), ?) > 0', `${jsonPath(condition.attribute)}.words`, phrase));
      const { sql, parameters } = joined(tests, ' OR ');
      return tests.length === 0 ? fragment('FALSE') : { sql: `coalesce(${sql}, FALSE)`, parameters };
    }
    default:
      return scalarSql(condition);
  }
}

function scalarSql(condition: ScalarCondition): Fragment {
  const { sql, parameters } = expressionOf(condition.attribute, typeOf(condition));
  const test = (tail: string, ...values: SqlValue[]): Fragment => fragment(`(${sql} ${tail})`, ...parameters, ...values);
  switch (condition.kind) {
    case 'compare':
      return test(`${condition.operator} ?`, bound(condition.value));
    case 'in':
      return test(`IN (${marks(condition.values)})`, ...condition.values.map(bound));
    case 'between':
      return test('BETWEEN ? AND ?', bound(condition.from), bound(condition.to));
    case 'starts-with':
      return test('BETWEEN ? AND ?', bound(condition.prefix), lastWithPrefix(condition.prefix));
  }
}

/** No text begins with the byte 255, so every text with the prefix comes before this. */
export function lastWithPrefix(prefix: string): SqlValue {
  return Buffer.concat([Buffer.from(prefix), Buffer.of(255)]);
}

export function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

function isNull(attribute: string): Fragment {
  const { sql, parameters, isNeverNull } = expressionOf(attribute);
  if (isNeverNull) return fragment('FALSE');
  // Lists and texts are not null, though no scalar.
  if (sql.includes('json_type')) return fragment('(json_type(l.attributes, ?) IS NULL)', jsonPath(attribute));
  return fragment(`(${sql} IS NULL)`, ...parameters);
}

/** One value that rows are sorted by. */
interface SortKey extends Fragment {
  readonly descending: boolean;
  readonly isNeverNull: boolean;
}

/** @param alias a table that holds copies of the times: an index with them gives the order */
function defaultKeys(alias: 'l' | 'a'): SortKey[] {
  return ['close_key', 'start_time', 'machine'].map((column) => ({ sql: `${alias}.${column}`, parameters: [], descending: true, isNeverNull: true }));
}

/** What rows are sorted by: the terms of the order, then, unless one of these does so, the default order, which tells any two apart. */
export class ListOrder {
  readonly #own: readonly SortKey[];
  #keys: readonly SortKey[];
  #alias: 'l' | 'a' = 'l';
  /** In the default order, which indexes end with. */
  readonly isDefault: boolean;
  /** By `StartTime` first. */
  readonly isByStart: boolean;
  /** By creation first, and so by nothing else. */
  readonly isByCreation: boolean;

  constructor(terms: readonly OrderTerm[]) {
    const unique = terms.findIndex(({ attribute }) => attribute === CREATION_ATTRIBUTE);
    this.#own = (unique < 0 ? terms : terms.slice(0, unique + 1)).map(({ attribute, descending }) => ({ ...expressionOf(attribute), descending, isNeverNull: expressionOf(attribute).isNeverNull === true }));
    this.isDefault = terms.length === 0;
    this.isByStart = terms[0]?.attribute === 'StartTime';
    this.isByCreation = unique === 0;
    this.#keys = unique < 0 ? [...this.#own, ...defaultKeys('l')] : this.#own;
  }

  /** From now on over the rows of this table. */
  over(alias: 'l' | 'a'): void {
    this.#alias = alias;
    this.#keys = [...this.#own, ...defaultKeys(alias)];
  }

  /** How many values a position has; the last one is the number of the machine. */
  get length(): number {
    return this.#keys.length;
  }

  /** The position of a row, as columns `k0`, `k1`, … */
  columns(): Fragment {
    return joined(this.#keys.map(({ sql, parameters }, index) => ({ sql: `${sql} AS k${index}`, parameters })), ', ');
  }

  orderBy(): string {
    const terms = this.#keys.flatMap(({ descending, isNeverNull }, index) => [...(isNeverNull ? [] : [`k${index} IS NULL`]), `k${index}${descending ? ' DESC' : ''}`]);
    return terms.join(', ');
  }

  /** What comes before this position in the default order, or is at it. */
  through(position: readonly (string | number | null)[]): Fragment {
    const alias = this.#alias;
    return fragment(`(${alias}.close_key, ${alias}.start_time, ${alias}.machine) >= (?, ?, ?)`, ...position.map(bindPosition));
  }

  /** What comes after this position. */
  after(position: readonly (string | number | null)[]): Fragment {
    const alias = this.#alias;
    if (this.isDefault) return fragment(`(${alias}.close_key, ${alias}.start_time, ${alias}.machine) < (?, ?, ?)`, ...position.map(bindPosition));
    const alternatives: Fragment[] = [];
    for (let depth = 0; depth < this.#keys.length; depth++) {
      const same = this.#keys.slice(0, depth).map((key, index) => fragment(`${key.sql} IS ?`, ...key.parameters, bindPosition(position[index] ?? null)));
      const beyond = behind(this.#keys[depth] as SortKey, position[depth] ?? null);
      if (beyond !== undefined) alternatives.push(joined([...same, beyond], ' AND '));
    }
    const { sql, parameters } = joined(alternatives, ') OR (');
    return { sql: `((${sql}))`, parameters };
  }
}

/** Values behind this one; rows without a value are last, and nothing is behind them. */
function behind({ sql, parameters, descending, isNeverNull }: SortKey, value: Scalar | null): Fragment | undefined {
  if (value === null) return undefined;
  const test = `${sql} ${descending ? '<' : '>'} ?`;
  if (isNeverNull) return fragment(test, ...parameters, bindPosition(value));
  return fragment(`(${test} OR ${sql} IS NULL)`, ...parameters, bindPosition(value), ...parameters);
}

/** Text in a cursor is that of a keyword. */
function bindPosition(value: string | number | null): SqlValue {
  return value === null ? null : bound(value);
}
