/**
 * Fields of a schedule's calendar: ranges of numbers with steps, and the text that stands for them.
 *
 * Unlike the fields of a workflow's cron string (`fields.ts`), what is written is kept as ranges, because clients are shown them, and
 * names may be shortened (`mon`, `mond`, `monday`).
 */

/** From `start` to `end`, both included, every `step`. */
export interface NumberRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export interface RangeField {
  /** As messages call it. */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Names of the values from `least` on, and how many letters of one are enough. */
  readonly names?: readonly string[];
  readonly shortest?: number;
  /** The largest number that may be written; 7 is Sunday too. Default: `most`. */
  readonly mostWritten?: number;
}

const MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'];
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

export const SECOND: RangeField = { name: 'Second', least: 0, most: 59 };
export const MINUTE: RangeField = { name: 'Minute', least: 0, most: 59 };
export const HOUR: RangeField = { name: 'Hour', least: 0, most: 23 };
export const DAY_OF_MONTH: RangeField = { name: 'DayOfMonth', least: 1, most: 31 };
export const MONTH: RangeField = { name: 'Month', least: 1, most: 12, names: MONTHS, shortest: 3 };
export const YEAR: RangeField = { name: 'Year', least: 2000, most: 2100 };
export const DAY_OF_WEEK: RangeField = { name: 'DayOfWeek', least: 0, most: 6, names: DAYS, shortest: 2, mostWritten: 7 };

/** What is wrong with the spec of a schedule, in words for its author. */
export class SpecError extends Error {
  override readonly name = 'SpecError';
}

/** `*`, numbers or names, `from-to`, each with `/step`, separated by commas. @throws SpecError */
export function parseRanges(text: string, field: RangeField): NumberRange[] {
  return text.split(',').flatMap((item) => parseItem(item.trim(), field));
}

function parseItem(item: string, field: RangeField): NumberRange[] {
  const [range = '', stepText, ...moreSteps] = item.split('/');
  const step = stepText === undefined ? 1 : wholeNumber(stepText);
  if (moreSteps.length > 0 || step === undefined || step < 1) throw new SpecError(`${field.name} has invalid Step`);
  if (range === '*') return [{ start: field.least, end: field.most, step }];
  const [first = '', last, ...moreEnds] = range.split('-');
  const start = value(first, field);
  if (start === undefined || moreEnds.length > 0) throw outOfRange(field, '');
  // `5/15` means from 5 on.
  const end = last !== undefined ? value(last, field) : stepText === undefined ? start : field.most;
  if (end === undefined || end < start) throw outOfRange(field, 'End is before Start or ');
  return end > field.most ? wrapped({ start, end, step }, field) : [{ start, end, step }];
}

/** A range that reaches Sunday as day 7: what of it lies beyond the last value is the first one. */
function wrapped({ start, end, step }: NumberRange, field: RangeField): NumberRange[] {
  const first = { start: field.least, end: field.least, step: 1 };
  const isHit = (end - start) % step === 0;
  if (start === end) return [first];
  const rest = { start, end: field.most, step };
  if (start === field.least || !isHit) return [rest];
  return [first, rest];
}

function value(text: string, { least, most, mostWritten = most, names, shortest = 3 }: RangeField): number | undefined {
  const lower = text.toLowerCase();
  const named = lower.length >= shortest ? names?.findIndex((name) => name.startsWith(lower)) : undefined;
  if (named !== undefined && named >= 0) return least + named;
  const number = wholeNumber(text);
  return number !== undefined && number >= least && number <= mostWritten ? number : undefined;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function outOfRange({ name, least, most }: RangeField, what: string): SpecError {
  return new SpecError(`${name} ${what === '' ? 'is ' : what}not in range [${least}-${most}]`);
}

/** What is wrong with ranges that came as numbers; a range without an end ends where it starts, a step of 0 is 1. */
export function rangeProblems(ranges: readonly NumberRange[], { name, least, most }: RangeField): string[] {
  return ranges.flatMap(({ start, end, step }) => {
    const problems: string[] = [];
    if (start < least || start > most) problems.push(`${name} Start is not in range [${least}-${most}]`);
    else if (end !== 0 && (end < start || end > most)) problems.push(`${name} End is before Start or not in range [${least}-${most}]`);
    if (step < 0) problems.push(`${name} has invalid Step`);
    return problems;
  });
}

/** What a field of a calendar may be. */
export interface FieldNumbers {
  readonly ascending: readonly number[];
  readonly all: ReadonlySet<number>;
}

/** Fields of calendars that are kept to be shared, at most. */
const MOST_KEPT = 1_000;
const keptNumbers = new Map<string, FieldNumbers>();

/** The numbers in the ranges. Equal ranges share them: ten thousand schedules that run every day hold one list of the days, not ten thousand. */
export function numbersOf(ranges: readonly NumberRange[]): FieldNumbers {
  let text = '';
  for (const { start, end, step } of ranges) text += `${start}-${end}/${step},`;
  const kept = keptNumbers.get(text);
  if (kept !== undefined) return kept;
  const ascending = numbersIn(ranges);
  const numbers = { ascending, all: new Set(ascending) };
  if (keptNumbers.size >= MOST_KEPT) keptNumbers.clear();
  keptNumbers.set(text, numbers);
  return numbers;
}

/** The numbers in the ranges, ascending. */
function numbersIn(ranges: readonly NumberRange[]): number[] {
  const numbers = new Set<number>();
  for (const { start, end, step } of ranges) for (let n = start; n <= Math.max(start, end); n += Math.max(1, step)) numbers.add(n);
  return [...numbers].sort((a, b) => a - b);
}
