/**
 * Cron strings, as workflow executions take them.
 *
 * Five fields (minute, hour, day of month, month, day of week), `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`,
 * `@hourly`, or `@every <duration>`; before them, if wanted, `CRON_TZ=<zone>` or `TZ=<zone>` (default UTC; `zone-rule.ts` says what a zone may be). Where both day fields are
 * restricted, a day that matches one of them matches. `@every` counts from the moment that one gives it, in whole seconds, at least one.
 */
import { CRON_DESCRIPTORS } from './descriptors.js';
import { parseDuration } from './duration.js';
import { CronError, parseField } from './fields.js';
import type { FieldSpec } from './fields.js';
import { nextMatch } from './pattern.js';
import type { CalendarPattern } from './pattern.js';
import { findZoneRule } from './zone-rule.js';
import type { ZoneRule } from './zone-rule.js';
import { Zone } from './zone.js';

export { CronError } from './fields.js';

export type CronSchedule =
  | { readonly kind: 'pattern'; readonly pattern: CalendarPattern }
  | { readonly kind: 'every'; readonly intervalMs: number };

const MINUTE: FieldSpec = { name: 'minute', least: 0, most: 59 };
const HOUR: FieldSpec = { name: 'hour', least: 0, most: 23 };
const DAY_OF_MONTH: FieldSpec = { name: 'day of month', least: 1, most: 31 };
const MONTH: FieldSpec = {
  name: 'month',
  least: 1,
  most: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
/** 7 is Sunday too. */
const DAY_OF_WEEK: FieldSpec = { name: 'day of week', least: 0, most: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };

/** @throws CronError that names the field */
export function parseCron(text: string): CronSchedule {
  const { rest, ...rule } = splitZone(text.trim());
  if (rest.startsWith('@every')) return { kind: 'every', intervalMs: parseEvery(rest) };
  const fields = rest.startsWith('@') ? CRON_DESCRIPTORS.get(rest) : rest;
  if (fields === undefined) throw new CronError(`"${rest}" is unknown: ${[...CRON_DESCRIPTORS.keys(), '@every <duration>'].join(', ')} are possible`);
  return { kind: 'pattern', pattern: parsePattern(fields, rule) };
}

/** The first moment of the schedule after `from` that is not before `notBefore`; undefined if there is none. Milliseconds since the epoch. */
export function nextCronTime(schedule: CronSchedule, from: number, notBefore: number): number | undefined {
  if (schedule.kind === 'pattern') return nextMatch(schedule.pattern, Math.max(from, notBefore - 1));
  const { intervalMs } = schedule;
  return from + Math.max(1, Math.ceil((notBefore - from) / intervalMs)) * intervalMs;
}

function splitZone(text: string): ZoneRule & { readonly rest: string } {
  const match = /^(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/.exec(text);
  if (match === null) {
    if (/^(?:CRON_TZ|TZ)=/.test(text)) throw new CronError('a time zone is given, and no fields after it');
    return { zone: Zone.utc, changes: 'each', rest: text };
  }
  const [, name = '', rest = ''] = match;
  const rule = findZoneRule(name);
  if (rule === undefined) throw new CronError(`the time zone "${name}" is unknown: give an IANA name, for example Europe/Berlin`);
  return { ...rule, rest };
}

function parseEvery(text: string): number {
  const written = text.slice('@every'.length).trim();
  const durationMs = parseDuration(written);
  if (durationMs === undefined) throw new CronError(`@every has "${written}", which is no duration: write for example @every 1h30m`);
  return Math.max(1, Math.floor(durationMs / 1000)) * 1000;
}

function parsePattern(text: string, rule: ZoneRule): CalendarPattern {
  const fields = text.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 5) {
    throw new CronError(`there are ${fields.length} fields: minute, hour, day of month, month and day of week are expected`);
  }
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = fields;
  const days = parseField(dayOfMonth, DAY_OF_MONTH);
  const weekdays = parseField(dayOfWeek, DAY_OF_WEEK);
  return {
    ...rule,
    seconds: [0],
    minutes: parseField(minute, MINUTE).values,
    hours: parseField(hour, HOUR).values,
    daysOfMonth: new Set(days.values),
    months: new Set(parseField(month, MONTH).values),
    daysOfWeek: new Set(weekdays.values.map((weekday) => weekday % 7)),
    dayRule: days.isAny || weekdays.isAny ? 'both' : 'either',
  };
}
