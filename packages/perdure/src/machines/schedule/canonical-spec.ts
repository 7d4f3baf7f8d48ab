/**
 * The spec of a schedule, checked and brought into the one form that is kept and shown: cron strings and textual calendars become
 * structured calendars and intervals, and the zone that cron strings name becomes the zone of the spec.
 *
 * Pure; called by the frontend before anything is decided. `timing.ts` reads the result.
 */
import type { CalendarSpec, IntervalSpec, ScheduleSpec, StructuredCalendarSpec } from '../../protocol/index.js';
import { CRON_DESCRIPTORS } from '../calendar/descriptors.js';
import { parseDuration } from '../calendar/duration.js';
import { DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND, SpecError, YEAR, parseRanges, rangeProblems } from '../calendar/ranges.js';
import { findZoneRule } from '../calendar/zone-rule.js';

const COMMENT_LENGTH = 200;
/** Calendars, intervals and exclusions, together: each is looked at for every firing. */
const MOST_ITEMS = 1000;

/** @throws SpecError */
export function canonicalSpec(spec: ScheduleSpec): ScheduleSpec {
  if (spec.timezoneData.byteLength > 0) throw new SpecError('time zone data is not supported: give the name of the time zone');
  const structured = [...spec.structuredCalendar, ...spec.calendar.map(structure)];
  const intervals = [...spec.interval];
  const zones = new Set<string>();
  for (const text of spec.cronString) {
    const cron = parseCronString(text);
    if (cron.calendar !== undefined) structured.push(cron.calendar);
    if (cron.interval !== undefined) intervals.push(cron.interval);
    zones.add(cron.zone);
  }
  const zone = agreedZone(spec.timezoneName, zones);
  const excluded = [...spec.excludeStructuredCalendar, ...spec.excludeCalendar.map(structure)];
  const items = structured.length + excluded.length + intervals.length;
  if (items > MOST_ITEMS) throw new SpecError(`there are ${items} calendars and intervals, at most ${MOST_ITEMS} are accepted`);
  for (const calendar of [...structured, ...excluded]) checkCalendar(calendar);
  for (const interval of intervals) checkInterval(interval);
  if (zone !== '' && findZoneRule(zone) === undefined) throw new SpecError(`unknown time zone ${zone}`);
  return {
    ...spec,
    calendar: [],
    cronString: [],
    excludeCalendar: [],
    structuredCalendar: structured.map(withSteps),
    excludeStructuredCalendar: excluded.map(withSteps),
    interval: intervals,
    timezoneName: zone,
  };
}

/** A cron string without a zone says nothing if the spec names one, but it does not agree with another cron string that has one. */
function agreedZone(named: string, ofCrons: ReadonlySet<string>): string {
  const [zone = ''] = ofCrons;
  if (ofCrons.size > 1 || (named !== '' && zone !== '' && zone !== named)) throw new SpecError('conflicting timezone names');
  return zone || named;
}

interface CronString {
  readonly zone: string;
  readonly calendar?: StructuredCalendarSpec;
  readonly interval?: IntervalSpec;
}

function parseCronString(text: string): CronString {
  const [uncommented = '', ...comment] = text.split('#');
  const [, zone = '', rest = ''] = /^(?:(?:CRON_TZ|TZ)=(\S+)\s+)?(.*)$/s.exec(uncommented.trim()) ?? [];
  const pattern = rest.trim();
  if (pattern.startsWith('@every')) return { zone, interval: parseEvery(pattern) };
  const expanded = CRON_DESCRIPTORS.get(pattern.toLowerCase()) ?? pattern;
  const fields = expanded.split(/\s+/).filter((field) => field !== '');
  if (fields.length < 5 || fields.length > 7) throw new SpecError('CronString does not have 5-7 fields');
  const second = fields.length === 7 ? fields.shift() : '0';
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = ''] = fields;
  const calendar = { second: second ?? '0', minute, hour, dayOfMonth, month, dayOfWeek, year, comment: comment.join('#').trim() };
  return { zone, calendar: structure(calendar) };
}

/** `@every <interval>[/<phase>]`. */
function parseEvery(text: string): IntervalSpec {
  const [interval = '', phase] = text.slice('@every'.length).trim().split('/');
  return { interval: duration(interval), phase: phase === undefined ? undefined : duration(phase) };
}

function duration(text: string): number {
  const inHours = text.trim().replace(/(\d+)d/g, (_, days: string) => `${Number(days) * 24}h`);
  const durationMs = parseDuration(inHours);
  if (durationMs === undefined) throw new SpecError(`time: invalid duration "${text.trim()}"`);
  return durationMs;
}

function structure(calendar: CalendarSpec): StructuredCalendarSpec {
  const year = calendar.year === '*' ? '' : calendar.year;
  return {
    second: parseRanges(calendar.second || '0', SECOND),
    minute: parseRanges(calendar.minute || '0', MINUTE),
    hour: parseRanges(calendar.hour || '0', HOUR),
    dayOfMonth: parseRanges(calendar.dayOfMonth || '*', DAY_OF_MONTH),
    month: parseRanges(calendar.month || '*', MONTH),
    year: year === '' ? [] : parseRanges(year, YEAR),
    dayOfWeek: parseRanges(calendar.dayOfWeek || '*', DAY_OF_WEEK),
    comment: calendar.comment,
  };
}

const FIELDS = [
  ['second', SECOND],
  ['minute', MINUTE],
  ['hour', HOUR],
  ['dayOfMonth', DAY_OF_MONTH],
  ['month', MONTH],
  ['year', YEAR],
  ['dayOfWeek', DAY_OF_WEEK],
] as const;

function checkCalendar(calendar: StructuredCalendarSpec): void {
  const problems = FIELDS.flatMap(([name, field]) => rangeProblems(calendar[name], field));
  if (calendar.comment.length > COMMENT_LENGTH) problems.push('comment is too long');
  if (problems.length > 0) throw new SpecError(`invalid calendar spec: ${problems.join(', ')}`);
}

/** Clients are shown ranges with an end and a step. */
function withSteps(calendar: StructuredCalendarSpec): StructuredCalendarSpec {
  const full = { ...calendar };
  for (const [name] of FIELDS) full[name] = calendar[name].map(({ start, end, step }) => ({ start, end: Math.max(start, end), step: step || 1 }));
  return full;
}

function checkInterval({ interval = 0, phase = 0 }: IntervalSpec): void {
  if (interval < 1000) throw new SpecError('interval is too small');
  if (phase < 0) throw new SpecError('phase is negative');
  if (phase >= interval) throw new SpecError('phase cannot be greater than Interval');
}
