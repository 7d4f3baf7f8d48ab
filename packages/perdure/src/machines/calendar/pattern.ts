/**
 * A calendar pattern: the moments whose wall clock time, in one zone, has a matching second, minute, hour, day, month and year.
 *
 * Cron strings become patterns (`cron.ts`); calendars of schedules can. The search walks matching days, then the times of one day, so
 * its cost is that of the days that do not match.
 */
import { DAY_MS, dateOf, dayOf, daysInMonth, weekdayOf } from './civil.js';
import type { ZoneRule } from './zone-rule.js';

export interface CalendarPattern extends ZoneRule {
  /** Ascending, as the next two. */
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** 1 to 31. */
  readonly daysOfMonth: ReadonlySet<number>;
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** Whether a day must match both day fields, or one of them (cron, where both are restricted). */
  readonly dayRule: 'both' | 'either';
  /** Absent: every year. */
  readonly years?: ReadonlySet<number>;
}

/** No pattern skips more: 29 February falls on a given weekday every 28 years, over the turn of a century every 40. */
const HORIZON_YEARS = 40;

/**
 * The first matching moment after `after`; undefined if none comes within forty years.
 * @param after milliseconds since the epoch
 */
export function nextMatch(pattern: CalendarPattern, after: number): number | undefined {
  let day = Math.floor((after + pattern.zone.offsetMs(after)) / DAY_MS) - 1;
  const lastYear = dateOf(day).year + HORIZON_YEARS;
  for (;;) {
    const date = dateOf(day);
    if (date.year > lastYear) return undefined;
    if (pattern.years !== undefined && !pattern.years.has(date.year)) {
      day = dayOf({ year: date.year + 1, month: 1, day: 1 });
      continue;
    }
    if (!pattern.months.has(date.month)) {
      day += daysInMonth(date.year, date.month) - date.day + 1;
      continue;
    }
    const match = matchOnDay(pattern, day, after);
    if (match !== undefined) return beforeIt(pattern, day, after, match);
    day += 1;
  }
}

/**
 * On a day on which the clock is changed, moments are not in the order of days: a clock that is put back at a minute past midnight shows
 * the new day before the rest of the old one, and a time that is skipped may come on the next day, after other times of that.
 */
function beforeIt(pattern: CalendarPattern, day: number, after: number, match: number): number {
  if (pattern.zone.offsetsOn(day).length === 1) return match;
  return Math.min(match, matchOnDay(pattern, day + 1, after) ?? match);
}

function matchOnDay(pattern: CalendarPattern, day: number, after: number): number | undefined {
  const { year, month, day: dayOfMonth } = dateOf(day);
  if (pattern.years !== undefined && !pattern.years.has(year)) return undefined;
  if (!pattern.months.has(month) || !dayMatches(pattern, dayOfMonth, weekdayOf(day))) return undefined;
  return firstOnDay(pattern, day, after);
}

function dayMatches({ daysOfMonth, daysOfWeek, dayRule }: CalendarPattern, dayOfMonth: number, weekday: number): boolean {
  const byMonth = daysOfMonth.has(dayOfMonth);
  const byWeek = daysOfWeek.has(weekday);
  return dayRule === 'both' ? byMonth && byWeek : byMonth || byWeek;
}

function firstOnDay(pattern: CalendarPattern, day: number, after: number): number | undefined {
  const offsets = pattern.zone.offsetsOn(day);
  let best: number | undefined;
  for (const offset of offsets) {
    const match = firstAtOffset(pattern, day, offset, after, offsets);
    if (match !== undefined && (best === undefined || match < best)) best = match;
  }
  return best;
}

/** @param offsets those that hold on that day; if it is one, every time that the wall clock could show is a moment */
function firstAtOffset(pattern: CalendarPattern, day: number, offset: number, after: number, offsets: readonly number[]): number | undefined {
  const midnight = day * DAY_MS - offset;
  for (const hour of pattern.hours) {
    const hourAt = midnight + hour * 3_600_000;
    if (hourAt + 3_600_000 <= after) continue;
    for (const minute of pattern.minutes) {
      const minuteAt = hourAt + minute * 60_000;
      if (minuteAt + 60_000 <= after) continue;
      for (const second of pattern.seconds) {
        const at = minuteAt + second * 1000;
        if (at > after && (offsets.length === 1 || counts(pattern, at, offset, offsets))) return at;
      }
    }
  }
  return undefined;
}

/** Whether a time of day, read with this offset, is a moment that counts. */
function counts({ zone, changes }: ZoneRule, at: number, offset: number, offsets: readonly number[]): boolean {
  const shows = (other: number): boolean => zone.offsetMs(at + offset - other) === other;
  if (changes === 'each') return shows(offset);
  // The larger the offset, the earlier the moment. Where no offset shows it, the clock went over it, from the smallest one on.
  if (shows(offset)) return !offsets.some((other) => other > offset && shows(other));
  return offset === Math.min(...offsets) && !offsets.some(shows);
}
