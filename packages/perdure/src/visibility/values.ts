/** What a written value means as a value of an attribute's type. Each function takes one type; a value that does not fit is a problem. */
import { DAY_MS } from '../machines/calendar/civil.js';
import { parseDuration as parseUnits } from '../machines/calendar/duration.js';
import { parseMoment } from '../machines/search-attributes/moment.js';
import { typeName } from '../machines/search-attributes/names.js';
import { IndexedValueType, WorkflowExecutionStatus } from '../protocol/index.js';
import type { Attribute } from './attributes.js';
import type { Scalar } from './condition.js';
import { didYouMean, QueryProblem } from './query-problem.js';
import type { Literal } from './syntax.js';

/**
 * @param now what relative times count from, in milliseconds since the epoch
 * @throws QueryProblem
 */
export function valueOf(literal: Literal, attribute: Attribute, now: number): Scalar {
  if (attribute.name === 'ExecutionStatus') return status(literal);
  if (attribute.name === 'ExecutionDuration') return duration(literal);
  switch (attribute.type) {
    case IndexedValueType.BOOL:
      if (literal.kind === 'boolean') return literal.value ? 1 : 0;
      break;
    case IndexedValueType.INT:
    case IndexedValueType.DOUBLE:
      if (literal.kind === 'number') return literal.value;
      break;
    case IndexedValueType.DATETIME:
      if (literal.kind === 'string') return moment(literal.value, literal.position, now);
      // Nanoseconds since the epoch.
      if (literal.kind === 'number' && literal.isWhole) return Number(BigInt(literal.text.replace('+', '')) / 1_000n) / 1_000;
      break;
    default:
      if (literal.kind === 'string') return literal.value;
  }
  throw wrongType(literal, attribute);
}

function wrongType(literal: Literal, { name, type }: Attribute): QueryProblem {
  const shown = literal.kind === 'string' ? JSON.stringify(literal.value) : literal.kind === 'number' ? literal.text : String(literal.value);
  const kind = literal.kind === 'number' ? (literal.isWhole ? 'int64' : 'float64') : literal.kind === 'boolean' ? 'bool' : 'string';
  const advice = type === IndexedValueType.BOOL ? 'Write true or false, without quotes.' : type === IndexedValueType.INT || type === IndexedValueType.DOUBLE ? 'Write a number, without quotes.' : 'Write the value in quotes.';
  return new QueryProblem(`invalid expression: invalid value type for search attribute ${name} of type ${typeName(type) ?? ''}: ${shown} (type: ${kind})`, literal.position, advice);
}

/** A time, or one that is relative to now: `now`, `-24h`, `+90m`. */
function moment(text: string, position: number, now: number): number {
  if (text.toLowerCase() === 'now') return now;
  if (/^[+-]/.test(text)) {
    const distance = parseDuration(text);
    if (distance !== undefined) return now + distance;
  }
  const parsed = parseMoment(text);
  if (parsed === undefined) {
    throw new QueryProblem(`invalid expression: unable to parse datetime '${text}'`, position, "Write it like '2025-01-31T12:00:00Z', as nanoseconds since 1970, or relative to now like '-24h'.");
  }
  return parsed;
}

const STATUSES: ReadonlyMap<string, WorkflowExecutionStatus> = new Map([
  ['Running', WorkflowExecutionStatus.RUNNING],
  ['Completed', WorkflowExecutionStatus.COMPLETED],
  ['Failed', WorkflowExecutionStatus.FAILED],
  ['Canceled', WorkflowExecutionStatus.CANCELED],
  ['Terminated', WorkflowExecutionStatus.TERMINATED],
  ['ContinuedAsNew', WorkflowExecutionStatus.CONTINUED_AS_NEW],
  ['TimedOut', WorkflowExecutionStatus.TIMED_OUT],
  ['Paused', WorkflowExecutionStatus.PAUSED],
]);

/** As counts by status show it, for example `Running`. */
export function statusName(number: Scalar | undefined): string {
  for (const [name, status] of STATUSES) if (status === number) return name;
  return '';
}

function status(literal: Literal): number {
  if (literal.kind === 'number' && literal.isWhole && statusName(literal.value) !== '') return literal.value;
  if (literal.kind === 'string') {
    const found = STATUSES.get(literal.value) ?? STATUSES.get(pascalCase(literal.value));
    if (found !== undefined) return found;
    const shown = `invalid expression: invalid ExecutionStatus value '${literal.value}'`;
    throw new QueryProblem(shown, literal.position, didYouMean(literal.value, STATUSES.keys()) || `There are ${[...STATUSES.keys()].join(', ')}.`);
  }
  throw new QueryProblem(`invalid expression: invalid ExecutionStatus value ${literal.kind === 'number' ? literal.text : literal.value}`, literal.position, `There are ${[...STATUSES.keys()].join(', ')}.`);
}

/** `WORKFLOW_EXECUTION_STATUS_TIMED_OUT` → `TimedOut`. */
function pascalCase(constant: string): string {
  const match = /^WORKFLOW_EXECUTION_STATUS_([A-Z_]+)$/.exec(constant);
  if (match === null) return '';
  return (match[1] ?? '').toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Milliseconds. As a number it is nanoseconds. */
function duration(literal: Literal): number {
  if (literal.kind === 'number' && literal.isWhole) return literal.value / 1e6;
  if (literal.kind === 'string') {
    const parsed = parseDuration(literal.value);
    if (parsed !== undefined) return parsed;
  }
  const shown = literal.kind === 'number' ? literal.text : String(literal.value);
  throw new QueryProblem(`invalid expression: invalid duration value for search attribute ExecutionDuration: ${shown}`, literal.position, "Write it like '1h30m', '01:30:00' or in nanoseconds.");
}

/** `1h30m`, `1.5h`, `2d12h`, `-5s`, `01:30:00`, or whole nanoseconds. */
function parseDuration(text: string): number | undefined {
  if (/^[+-]?\d+$/.test(text)) return Number(text) / 1e6;
  const clock = /^(\d+):([0-5]?\d):([0-5]?\d)$/.exec(text);
  if (clock !== null) return Number(clock[1]) * 3_600_000 + Number(clock[2]) * 60_000 + Number(clock[3]) * 1_000;
  const [, sign, days, rest = ''] = /^([+-]?)(?:(\d+)d)?(.*)$/s.exec(text) ?? [];
  const restMs = rest === '' && days !== undefined ? 0 : parseUnits(rest);
  if (restMs === undefined) return undefined;
  const sum = Number(days ?? 0) * DAY_MS + restMs;
  return sign === '-' ? -sum : sum;
}
