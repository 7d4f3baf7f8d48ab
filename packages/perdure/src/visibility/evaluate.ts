/**
 * A compiled query applied to rows in memory: what a list query means, in its plainest form. The simulated store answers by it, and every
 * other store must find the same rows.
 */
import type { ListedValue, MadeListing } from '../machines/listing.js';
import { ID_ATTRIBUTE, KEY_ATTRIBUTE, ROOT_ID_ATTRIBUTE, ROOT_KEY_ATTRIBUTE, type Condition, type OrderTerm, type Scalar } from './condition.js';
import { lowerCase, words } from './text.js';

/** A row's values by attribute, its key and id among them. */
export type RowValues = (attribute: string) => ListedValue | undefined;

/** Of a row with this key and id. A row that names no root is the root. */
export function rowValues(key: string, id: string, attributes: MadeListing['attributes'] | undefined): RowValues {
  return (attribute) => {
    switch (attribute) {
      case KEY_ATTRIBUTE:
        return key;
      case ID_ATTRIBUTE:
        return id;
      case ROOT_KEY_ATTRIBUTE:
        return attributes?.get(attribute) ?? key;
      case ROOT_ID_ATTRIBUTE:
        return attributes?.get(attribute) ?? id;
      default:
        return attributes?.get(attribute);
    }
  };
}

/** `undefined`: neither, because the row lacks an attribute. */
export function evaluate(condition: Condition, row: RowValues): boolean | undefined {
  switch (condition.kind) {
    case 'and':
      return all(condition.parts, row, false);
    case 'or':
      return all(condition.parts, row, true);
    case 'not': {
      const result = evaluate(condition.part, row);
      return result === undefined ? undefined : !result;
    }
    case 'is-null':
      return row(condition.attribute) === undefined;
    case 'contains': {
      const value = row(condition.attribute);
      const items = Array.isArray(value) ? (value as readonly string[]) : [value];
      return condition.values.some((wanted) => items.includes(wanted));
    }
    case 'includes': {
      const value = row(condition.attribute);
      return typeof value === 'string' && lowerCase(value).includes(condition.part);
    }
    case 'matches': {
      const value = row(condition.attribute);
      const text = typeof value === 'object' && 'text' in value ? words(value.text) : '';
      return condition.phrases.some((phrase) => text.includes(phrase));
    }
    default: {
      const value = scalarOf(row(condition.attribute));
      return value === undefined || typeof value !== typeOf(condition) ? undefined : test(condition, value);
    }
  }
}

export type ScalarCondition = Extract<Condition, { kind: 'compare' | 'in' | 'between' | 'starts-with' }>;

/** Of the values that it holds of. */
export function typeOf(condition: ScalarCondition): 'string' | 'number' {
  switch (condition.kind) {
    case 'compare':
      return typeof condition.value === 'string' ? 'string' : 'number';
    case 'in':
      return typeof condition.values[0] === 'number' ? 'number' : 'string';
    case 'between':
      return typeof condition.from === 'string' ? 'string' : 'number';
    case 'starts-with':
      return 'string';
  }
}

function test(condition: ScalarCondition, value: Scalar): boolean {
  switch (condition.kind) {
    case 'in':
      return condition.values.includes(value);
    case 'between':
      return compareScalars(value, condition.from) >= 0 && compareScalars(value, condition.to) <= 0;
    case 'starts-with':
      return typeof value === 'string' && value.startsWith(condition.prefix);
    case 'compare': {
      const order = compareScalars(value, condition.value);
      switch (condition.operator) {
        case '=':
          return order === 0;
        case '!=':
          return order !== 0;
        case '<':
          return order < 0;
        case '<=':
          return order <= 0;
        case '>':
          return order > 0;
        case '>=':
          return order >= 0;
      }
    }
  }
}

/** AND ends with the first that is false, OR with the first that is true. */
function all(parts: readonly Condition[], row: RowValues, decisive: boolean): boolean | undefined {
  let result: boolean | undefined = !decisive;
  for (const part of parts) {
    const value = evaluate(part, row);
    if (value === decisive) return decisive;
    if (value === undefined) result = undefined;
  }
  return result;
}

/** What a scalar condition or an order sees; lists and texts are none. */
export function scalarOf(value: ListedValue | undefined): Scalar | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

/** Numbers before text; text by code point, as bytes of UTF-8 sort. */
function compareScalars(one: Scalar, other: Scalar): number {
  if (typeof one === 'number') return typeof other === 'number' ? one - other : -1;
  if (typeof other === 'number') return 1;
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** By the terms; rows without a value last. 0: the terms say nothing. */
export function compareRows(order: readonly OrderTerm[], one: RowValues, other: RowValues): number {
  for (const { attribute, descending } of order) {
    const [a, b] = [scalarOf(one(attribute)), scalarOf(other(attribute))];
    if (a === undefined || b === undefined) {
      if (a !== b) return a === undefined ? 1 : -1;
      continue;
    }
    const difference = compareScalars(a, b);
    if (difference !== 0) return descending ? -difference : difference;
  }
  return 0;
}
