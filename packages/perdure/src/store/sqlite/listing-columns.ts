/**
 * Where a listed attribute is: in a column of `listed`, or in its JSON of the others. What every run has, has a column; what users define is
 * JSON, with a copy of each value in the index table `attribute`.
 *
 * Text is bytes wherever it is compared, and a word search looks into the words of a text, as `visibility/text.ts` writes them.
 */
import type { MadeListing } from '../../machines/listing.js';
import { CREATION_ATTRIBUTE, DIVISION_ATTRIBUTE, ID_ATTRIBUTE, KEY_ATTRIBUTE, ROOT_ID_ATTRIBUTE, ROOT_KEY_ATTRIBUTE } from '../../visibility/condition.js';
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
  [ROOT_KEY_ATTRIBUTE, 'root'],
  [ROOT_ID_ATTRIBUTE, 'root_run'],
  ['ExecutionTime', 'execution_time'],
  ['ExecutionDuration', 'duration'],
  ['HistoryLength', 'history_length'],
  ['HistorySizeBytes', 'history_size'],
  ['StateTransitionCount', 'transitions'],
  [DIVISION_ATTRIBUTE, 'division'],
]);

const KEY = '(SELECT key FROM machine WHERE number = l.machine)';
const HEX = 'lower(hex((SELECT id FROM machine WHERE number = l.machine)))';
const RUN_ID = `CAST(substr(${HEX}, 1, 8) || '-' || substr(${HEX}, 9, 4) || '-' || substr(${HEX}, 13, 4) || '-' || substr(${HEX}, 17, 4) || '-' || substr(${HEX}, 21) AS BLOB)`;

export interface ColumnExpression {
  /** Over `listed l`. */
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** Every row has a value. */
  readonly isNeverNull?: boolean;
}

/** The value of an attribute that has one value: a number, bytes of text, or null. @param only the type without which it is null */
export function expressionOf(attribute: string, only?: 'string' | 'number'): ColumnExpression {
  if (attribute === 'StartTime') return { sql: 'l.start_time', parameters: [], isNeverNull: true };
  if (attribute === 'CloseTime') return { sql: `nullif(l.close_key, ${OPEN_KEY})`, parameters: [] };
  if (attribute === KEY_ATTRIBUTE) return { sql: KEY, parameters: [], isNeverNull: true };
  if (attribute === ID_ATTRIBUTE) return { sql: RUN_ID, parameters: [], isNeverNull: true };
  if (attribute === ROOT_KEY_ATTRIBUTE) return { sql: `coalesce(l.root, ${KEY})`, parameters: [], isNeverNull: true };
  if (attribute === ROOT_ID_ATTRIBUTE) return { sql: `coalesce(l.root_run, ${RUN_ID})`, parameters: [], isNeverNull: true };
  if (attribute === CREATION_ATTRIBUTE) return { sql: 'l.machine', parameters: [], isNeverNull: true };
  const column = COLUMNS.get(attribute);
  if (column !== undefined) return { sql: `l.${column}`, parameters: [] };
  const path = jsonPath(attribute);
  if (only === 'string') return { sql: "CASE json_type(l.attributes, ?) WHEN 'text' THEN CAST(json_extract(l.attributes, ?) AS BLOB) END", parameters: [path, path] };
  if (only === 'number') return { sql: "CASE WHEN json_type(l.attributes, ?) IN ('integer', 'real') THEN json_extract(l.attributes, ?) END", parameters: [path, path] };
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

/** Types and queues are few, and written with every run. */
const kept = new Map<string, SqlValue>();
const MOST_KEPT = 1_000;
const LONGEST_KEPT = 200;

function boundAgain(text: string): SqlValue {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const bytes = bound(text);
  if (text.length > LONGEST_KEPT) return bytes;
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(text, bytes);
  return bytes;
}

/** A listing as the store keeps it. */
export interface ListedRow {
  readonly closeKey: number;
  readonly startTime: number;
  /** In the order of `ROW_COLUMNS`. */
  readonly columns: readonly SqlValue[];
  /** What has no column, as JSON. Texts are told from keywords by being the only member of an object. */
  readonly others: string | null;
  /** What stands in the table `attribute`. */
  readonly indexed: readonly IndexedValue[];
}

export type IndexedValue = readonly [name: string, value: SqlValue];

export const ROW_COLUMNS: readonly string[] = [...COLUMNS.values()];
const NUMBERS = new Set(['status', 'execution_time', 'duration', 'history_length', 'history_size', 'transitions']);
const COLUMN_KINDS = [...COLUMNS].map(([attribute, column]) => ({ attribute, isNumber: NUMBERS.has(column) }));

export function rowOf({ attributes }: MadeListing): ListedRow {
  let ofColumns = 1;
  const columns = COLUMN_KINDS.map(({ attribute, isNumber }): SqlValue => {
    const value = attributes.get(attribute);
    if (value !== undefined) ofColumns += 1;
    if (typeof value === 'number') return isNumber ? value : null;
    return typeof value === 'string' && !isNumber ? boundAgain(value) : null;
  });
  const closeTime = attributes.get('CloseTime') as number | undefined;
  if (closeTime !== undefined) ofColumns += 1;
  const others = attributes.size === ofColumns ? undefined : othersOf(attributes);
  return {
    closeKey: closeTime ?? OPEN_KEY,
    startTime: attributes.get('StartTime') as number,
    columns,
    others: others === undefined ? null : JSON.stringify(others),
    indexed: others === undefined ? [] : indexedOf(others),
  };
}


type Others = Readonly<Record<string, string | number | readonly string[] | { readonly words: string }>>;

function othersOf(attributes: MadeListing['attributes']): Others {
  const others: Record<string, Others[string]> = {};
  for (const [name, value] of attributes) {
    if (COLUMNS.has(name) || name === 'StartTime' || name === 'CloseTime') continue;
    others[encodeURIComponent(name)] = typeof value === 'object' && 'text' in value ? { words: words(value.text) } : value;
  }
  return others;
}

/** Lists that the server gives to every run: they are few values for all rows, and to index them costs each run more than it ever saves. */
export const NOT_INDEXED: ReadonlySet<string> = new Set(['BuildIds', 'BinaryChecksums']);

/** What stands in the table `attribute` for the JSON of a row. */
export function indexedValues(others: string | null): IndexedValue[] {
  return others === null ? [] : indexedOf(JSON.parse(others) as Others);
}

function indexedOf(others: Others): IndexedValue[] {
  const entries: IndexedValue[] = [];
  for (const [name, value] of Object.entries(others)) {
    if (NOT_INDEXED.has(name)) continue;
    if (typeof value === 'string' || typeof value === 'number') entries.push([name, bound(value)]);
    else if ('length' in value) for (const item of new Set(value)) entries.push([name, bound(item)]);
  }
  return entries;
}
