/**
 * When a schedule fires: the union of its calendars and intervals, without what is excluded, between start and end.
 *
 * Times are whole seconds. A calendar is compared with the wall clock of the spec's zone: a time that the clock shows twice fires twice,
 * one that it skips does not fire, unless the zone comes with another rule (`zone-rule.ts`). Intervals count from the epoch, whatever the
 * clock shows. Jitter delays a firing by an amount that depends on the schedule and the time alone, and never past the next one. Pure.
 */
import type { ScheduleSpec, StructuredCalendarSpec } from '../../protocol/index.js';
import { DAY_MS, dateOf, weekdayOf } from '../calendar/civil.js';
import { nextMatch } from '../calendar/pattern.js';
import type { CalendarPattern } from '../calendar/pattern.js';
import { numbersOf } from '../calendar/ranges.js';
import { findZoneRule } from '../calendar/zone-rule.js';
import type { ZoneRule } from '../calendar/zone-rule.js';
import { Zone } from '../calendar/zone.js';

/** Milliseconds since the epoch. */
export interface FiringTime {
  /** As the spec says. */
  readonly nominalMs: number;
  /** With jitter. */
  readonly actualMs: number;
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** So many excluded moments (whole hours, where a whole hour is excluded) are passed over in one search; beyond, nothing comes. */
const MOST_EXCLUDED = 20_000;
/** Nor does a search for what is not excluded go further than this: the days that it could find are no dates any more, and to look takes seconds. */
const HORIZON_MS = 40 * 366 * DAY_MS;

export class Timing {
  readonly #calendars: readonly Calendar[];
  readonly #excluded: readonly Exclusion[];
  readonly #intervals: readonly { readonly intervalMs: number; readonly phaseMs: number }[];
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #jitterMs: number;
  readonly #seed: string;
  #latest: { readonly afterMs: number; readonly found: FiringTime | undefined } | undefined;

  /** @param spec canonical. @param seed of the jitter: the same for all firings of a schedule */
  constructor(spec: ScheduleSpec, seed: string) {
    const rule = findZoneRule(spec.timezoneName || 'UTC') ?? { zone: Zone.utc, changes: 'each' };
    this.#calendars = spec.structuredCalendar.flatMap((calendar) => {
      const pattern = patternOf(calendar, rule);
      return pattern === undefined ? [] : [new Calendar(pattern)];
    });
    this.#excluded = spec.excludeStructuredCalendar.flatMap((calendar) => {
      const pattern = patternOf(calendar, rule);
      return pattern === undefined ? [] : [{ pattern, wholeHours: pattern.seconds.length === 60 && pattern.minutes.length === 60 }];
    });
    this.#intervals = spec.interval.map(({ interval = 0, phase = 0 }) => ({
      intervalMs: Math.max(SECOND_MS, Math.floor(interval / SECOND_MS) * SECOND_MS),
      phaseMs: Math.floor(phase / SECOND_MS) * SECOND_MS,
    }));
    this.#startMs = spec.startTime ?? Number.NEGATIVE_INFINITY;
    this.#endMs = spec.endTime ?? Number.POSITIVE_INFINITY;
    this.#jitterMs = spec.jitter ?? 0;
    this.#seed = seed;
  }

  /** The first firing whose nominal time is after this moment; undefined if there is none. */
  next(afterMs: number): FiringTime | undefined {
    // Looked for when the last firing was taken, asked for again when it has come.
    if (this.#latest?.afterMs === afterMs) return this.#latest.found;
    const nominalMs = this.#nominal(afterMs);
    const found = nominalMs === undefined ? undefined : { nominalMs, actualMs: nominalMs + this.#jitter(nominalMs) };
    this.#latest = { afterMs, found };
    return found;
  }

  /** The next firings, with jitter; so many at most. */
  after(afterMs: number, most: number): number[] {
    const times: number[] = [];
    let next = most > 0 ? this.next(afterMs) : undefined;
    while (next !== undefined && times.length < most) {
      times.push(next.actualMs);
      next = this.next(next.nominalMs);
    }
    return times;
  }

  #nominal(afterMs: number): number | undefined {
    const first = Math.max(Math.floor(afterMs / SECOND_MS) * SECOND_MS, Math.ceil(this.#startMs / SECOND_MS) * SECOND_MS - SECOND_MS);
    let from = first;
    for (let left = MOST_EXCLUDED; left > 0; left--) {
      const found = this.#included(from);
      if (found === undefined || found > this.#endMs || (from > first && found - first > HORIZON_MS)) return undefined;
      const exclusion = this.#excluded.find(({ pattern }) => matches(pattern, found));
      if (exclusion === undefined) return found;
      from = exclusion.wholeHours ? lastOfHour(found, exclusion.pattern.zone) : found;
    }
    return undefined;
  }

  #included(afterMs: number): number | undefined {
    let best: number | undefined;
    for (const { intervalMs, phaseMs } of this.#intervals) {
      const next = (Math.floor((afterMs - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs;
      if (best === undefined || next < best) best = next;
    }
    for (const calendar of this.#calendars) {
      const next = calendar.next(afterMs);
      if (next !== undefined && (best === undefined || next < best)) best = next;
    }
    return best;
  }

  #jitter(nominalMs: number): number {
    if (this.#jitterMs <= 0) return 0;
    const following = this.#nominal(nominalMs);
    const most = following === undefined ? this.#jitterMs : Math.min(this.#jitterMs, following - nominalMs);
    return Math.floor(fraction(`${this.#seed} ${nominalMs}`) * most);
  }
}

/** Asked again and again while others of the same schedule fire; where matches are rare, to look for one takes milliseconds. */
class Calendar {
  readonly #pattern: CalendarPattern;
  /** There is no match between these two: the last answer. */
  #afterMs = Number.POSITIVE_INFINITY;
  #next: number | undefined;

  constructor(pattern: CalendarPattern) {
    this.#pattern = pattern;
  }

  next(afterMs: number): number | undefined {
    if (afterMs < this.#afterMs || afterMs >= (this.#next ?? Number.POSITIVE_INFINITY)) {
      this.#next = nextMatch(this.#pattern, afterMs);
      this.#afterMs = afterMs;
    }
    return this.#next;
  }
}

interface Exclusion {
  readonly pattern: CalendarPattern;
  readonly wholeHours: boolean;
}

/** Undefined: it never matches, because a field is empty. An empty year is every year. */
function patternOf(calendar: StructuredCalendarSpec, rule: ZoneRule): CalendarPattern | undefined {
  const { second, minute, hour, dayOfMonth, month, year, dayOfWeek } = calendar;
  if ([second, minute, hour, dayOfMonth, month, dayOfWeek].some((ranges) => ranges.length === 0)) return undefined;
  return {
    ...rule,
    seconds: numbersOf(second).ascending,
    minutes: numbersOf(minute).ascending,
    hours: numbersOf(hour).ascending,
    daysOfMonth: numbersOf(dayOfMonth).all,
    months: numbersOf(month).all,
    daysOfWeek: numbersOf(dayOfWeek).all,
    dayRule: 'both',
    ...(year.length > 0 && { years: numbersOf(year).all }),
  };
}

/** The wall clock fulfils the pattern at this moment, a whole second. */
function matches({ zone, seconds, minutes, hours, daysOfMonth, months, daysOfWeek, years }: CalendarPattern, atMs: number): boolean {
  const wall = atMs + zone.offsetMs(atMs);
  const day = Math.floor(wall / DAY_MS);
  const ofDay = (wall - day * DAY_MS) / SECOND_MS;
  if (!daysOfWeek.has(weekdayOf(day)) || !hours.includes(Math.floor(ofDay / 3600))) return false;
  if (!minutes.includes(Math.floor(ofDay / 60) % 60) || !seconds.includes(ofDay % 60)) return false;
  const date = dateOf(day);
  return daysOfMonth.has(date.day) && months.has(date.month) && (years === undefined || years.has(date.year));
}

/** The last second of the wall clock's hour. */
function lastOfHour(atMs: number, zone: Zone): number {
  const wall = atMs + zone.offsetMs(atMs);
  return atMs + HOUR_MS - SECOND_MS - (((wall % HOUR_MS) + HOUR_MS) % HOUR_MS);
}

/** Evenly spread in [0, 1), the same for the same text (FNV-1a, then mixed). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
