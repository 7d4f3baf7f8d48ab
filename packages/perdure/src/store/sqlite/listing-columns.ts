/**
 * Where a listed attribute is: in a column of `listed`, or in its JSON of the others. What every run has, has a column; what users define is
 * JSON, with a copy of each value in the index table `attribute`.
 *
 * Text is bytes wherever it is compared, and a word search looks into the words of a text, as `visibility/text.ts` writes them.
 */
import type { Listing, ListedValue } from '../../machines/listing.js';
import { DIVISION_ATTRIBUTE, ID_ATTRIBUTE, KEY_ATTRIBUTE } from '../../visibility/condition.js';
import { words } from '../../visibility/text.js';
import type { SqlValue } from './driver.js';
import { OPEN_KEY } from './schema.js';

/** Attribute → column of `listed`, but for the two that make the order. */
export const COLUMNS: ReadonlyMap<string, string> = new Map([
  ['ExecutionStatus', 'status'],
  ['WorkflowType', 'type'],
  ['TaskQueue', 'queue'],
  ['ParentWorkflowId', 'parent'],
  ['ParentRunId', 'parent_run'],
  ['RootWorkflowId', 'root'],
  ['RootRunId', 'root_run'],
  ['ExecutionTime', 'execution_time'],
  ['ExecutionDuration', 'duration'],
  ['HistoryLength', 'history_length'],
  ['HistorySizeBytes', 'history_size'],
  ['StateTransitionCount', 'transitions'],
  [DIVISION_ATTRIBUTE, 'division'],
]);

const HEX = 'lower(hex((SELECT id FROM machine WHERE number = l.machine)))';
const RUN_ID = `CAST(substr(${HEX}, 1, 8) || '-' || substr(${HEX}, 9, 4) || '-' || substr(${HEX}, 13, 4) || '-' || substr(${HEX}, 17, 4) || '-' || substr(${HEX}, 21) AS BLOB)`;

export interface ColumnExpression {
  /** Over `listed l`. */
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** Every row has a value. */
  readonly isNeverNull?: boolean;
}

/** The value of an attribute that has one value: a number, bytes of text, or null. */
export function expressionOf(attribute: string): ColumnExpression {
  if (attribute === 'StartTime') return { sql: 'l.start_time', parameters: [], isNeverNull: true };
  if (attribute === 'CloseTime') return { sql: `nullif(l.close_key, ${OPEN_KEY})`, parameters: [] };
  if (attribute === KEY_ATTRIBUTE) return { sql: '(SELECT key FROM machine WHERE number = l.machine)', parameters: [], isNeverNull: true };
  if (attribute === ID_ATTRIBUTE) return { sql: RUN_ID, parameters: [], isNeverNull: true };
  const column = COLUMNS.get(attribute);
  if (column !== undefined) return { sql: `l.${column}`, parameters: [] };
  const path = jsonPath(attribute);
  // Lists and texts are there, and no scalar condition holds of them.
  const sql = "CASE json_type(l.attributes, ?) WHEN 'text' THEN CAST(json_extract(l.attributes, ?) AS BLOB) WHEN 'array' THEN NULL ELSE json_extract(l.attributes, ?) END";
  return { sql, parameters: [path, path, path] };
}

/** For `json_…` functions: names of attributes may hold anything. */
export function jsonPath(attribute: string): string {
  return `$."${encodeURIComponent(attribute)}"`;
}

/** A value as a parameter. */
export function bound(value: string | number): SqlValue {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

/** A listing as the row of `listed`: column → value. */
export function rowOf({ attributes }: Listing): Map<string, SqlValue> {
  const row = new Map<string, SqlValue>([
    ['close_key', (attributes.get('CloseTime') as number | undefined) ?? OPEN_KEY],
    ['start_time', attributes.get('StartTime') as number],
  ]);
  for (const [attribute, column] of COLUMNS) {
    const value = attributes.get(attribute);
    const fits = typeof value === (NUMBERS.has(column) ? 'number' : 'string');
    row.set(column, fits && (typeof value === 'string' || typeof value === 'number') ? bound(value) : null);
  }
  row.set('attributes', othersOf(attributes));
  return row;
}

const NUMBERS = new Set(['status', 'execution_time', 'duration', 'history_length', 'history_size', 'transitions']);

/** Texts are told from keywords by being the only member of an object. */
function othersOf(attributes: Listing['attributes']): string | null {
  let others: Record<string, unknown> | undefined;
  for (const [name, value] of attributes) {
    if (COLUMNS.has(name) || name === 'StartTime' || name === 'CloseTime') continue;
    others ??= {};
    others[encodeURIComponent(name)] = typeof value === 'object' && 'text' in value ? { words: words(value.text) } : value;
  }
  return others === undefined ? null : JSON.stringify(others);
}

/** Lists that the server gives to every run: they are few values for all rows, and to index them costs each run more than it ever saves. */
export const NOT_INDEXED: ReadonlySet<string> = new Set(['BuildIds', 'BinaryChecksums']);

/** What stands in the index table for the JSON of a row. */
export function indexedValues(others: string | null): [name: string, value: SqlValue][] {
  if (others === null) return [];
  const entries: [string, SqlValue][] = [];
  for (const [name, value] of Object.entries(JSON.parse(others) as Record<string, ListedValue | { words: string }>)) {
    if (NOT_INDEXED.has(name)) continue;
    if (typeof value === 'string' || typeof value === 'number') entries.push([name, bound(value)]);
    else if (Array.isArray(value)) for (const item of new Set(value as string[])) entries.push([name, bound(item)]);
  }
  return entries;
}
