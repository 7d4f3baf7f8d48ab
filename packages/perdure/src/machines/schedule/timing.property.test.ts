/**
 * Firing times against a slow reference that looks at every minute (or hour) and asks the runtime what the wall clock shows: random specs,
 * over days on which clocks change in many zones, and over years.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../ports/random.js';
import { VirtualClock } from '../../ports/virtual-clock.js';
import { ScheduleSpec } from '../../protocol/index.js';
import type { Init, Range, StructuredCalendarSpec } from '../../protocol/index.js';
import { canonicalSpec } from './canonical-spec.js';
import { Timing } from './timing.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Wall {
  readonly timeMs: number;
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  readonly dayOfMonth: number;
  readonly month: number;
  readonly year: number;
  readonly dayOfWeek: number;
}

const random = seededRandom(20_260_101, new VirtualClock());
const below = (most: number): number => Math.floor(random.next() * most);
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T;

function range(least: number, most: number): Init<Range>[] {
  if (random.next() < 0.4) return [{ start: least, end: most, step: 1 }];
  return Array.from({ length: 1 + below(3) }, () => {
    const start = least + below(most - least + 1);
    return { start, end: random.next() < 0.5 ? 0 : start + below(most - start + 1), step: below(4) };
  });
}

/** @param coarse minutes and seconds are 0 */
function calendar(coarse: boolean): Init<StructuredCalendarSpec> {
  return {
    second: [{}],
    minute: coarse ? [{}] : range(0, 59),
    hour: range(0, 23),
    dayOfMonth: range(1, 31),
    month: range(1, 12),
    dayOfWeek: range(0, 6),
    year: random.next() < 0.8 ? [] : [{ start: 2024, end: 2034, step: 1 + below(3) }],
  };
}

function spec(coarse: boolean, timezoneName: string): ScheduleSpec {
  const every = coarse ? HOUR * (1 + below(50)) : MINUTE * (1 + below(300));
  return canonicalSpec(
    ScheduleSpec.create({
      timezoneName,
      structuredCalendar: Array.from({ length: below(3) }, () => calendar(coarse)),
      interval: random.next() < 0.4 ? [{ interval: every, phase: coarse ? HOUR * below(every / HOUR) : MINUTE * below(every / MINUTE) }] : [],
      excludeStructuredCalendar: Array.from({ length: below(3) }, () => ({ ...calendar(coarse), ...(random.next() < 0.5 && { second: [{ end: 59 }], minute: [{ end: 59 }] }) })),
    }),
  );
}

function includes(ranges: readonly Range[], value: number): boolean {
  return ranges.some(({ start, end, step }) => value >= start && value <= end && (value - start) % step === 0);
}

function matches(wall: Wall, spec: StructuredCalendarSpec): boolean {
  const fields = ['second', 'minute', 'hour', 'dayOfMonth', 'month', 'dayOfWeek'] as const;
  return fields.every((field) => includes(spec[field], wall[field])) && (spec.year.length === 0 || includes(spec.year, wall.year));
}

function reference(walls: readonly Wall[], { structuredCalendar, interval, excludeStructuredCalendar }: ScheduleSpec): number[] {
  return walls
    .filter((wall) => structuredCalendar.some((calendar) => matches(wall, calendar)) || interval.some(({ interval = 0, phase = 0 }) => (wall.timeMs - phase) % interval === 0))
    .filter((wall) => !excludeStructuredCalendar.some((calendar) => matches(wall, calendar)))
    .map(({ timeMs }) => timeMs);
}

function found(timing: Timing, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (let next = timing.next(fromMs - 1); next !== undefined && next.nominalMs < toMs; next = timing.next(next.nominalMs)) times.push(next.nominalMs);
  return times;
}

function wallsOf(zone: string, fromMs: number, toMs: number, stepMs: number): Wall[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric', weekday: 'short', hourCycle: 'h23' });
  const walls: Wall[] = [];
  for (let timeMs = fromMs; timeMs < toMs; timeMs += stepMs) {
    const parts = Object.fromEntries(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
    walls.push({
      timeMs,
      second: Number(parts['second']),
      minute: Number(parts['minute']),
      hour: Number(parts['hour']),
      dayOfMonth: Number(parts['day']),
      month: Number(parts['month']),
      year: Number(parts['year']),
      dayOfWeek: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(parts['weekday'] ?? ''),
    });
  }
  return walls;
}

/** Moments at which the zone's clock is changed, found by bisection in a year. */
function changes(zone: string, year: number): number[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: 'numeric', minute: 'numeric', day: 'numeric', hourCycle: 'h23' });
  const clock = (time: number): number => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    return ((((parts['hour'] ?? 0) * 60 + (parts['minute'] ?? 0)) * MINUTE - (time % DAY)) % DAY + DAY) % DAY;
  };
  const moments: number[] = [];
  for (let time = Date.UTC(year, 0, 1); time < Date.UTC(year + 1, 0, 1); time += DAY) if (clock(time) !== clock(time + DAY)) moments.push(time);
  return moments;
}

const ZONES = ['Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/Santiago', 'Pacific/Auckland', 'Asia/Beirut', 'Africa/Casablanca', 'Pacific/Chatham'];

test('days on which clocks change, minute by minute, in many zones', () => {
  let windows = 0;
  for (const zone of ZONES) {
    for (const year of [2024 + below(13)]) {
      for (const change of changes(zone, year).slice(0, 2)) {
        windows += 1;
        const [from, to] = [change - HOUR * 6, change + HOUR * 30];
        const walls = wallsOf(zone, from, to, MINUTE);
        for (let n = 0; n < 4; n++) {
          const given = spec(false, zone);
          assert.deepEqual(found(new Timing(given, ''), from, to), reference(walls, given), `${zone} at ${new Date(change).toISOString()}: ${JSON.stringify(given)}`);
        }
      }
    }
  }
  assert.ok(windows >= 15, `only ${windows} changes of clocks were found`);
});

test('years, hour by hour', () => {
  const [from, to] = [Date.UTC(2023, 10, 1), Date.UTC(2026, 2, 1)];
  const walls = wallsOf('UTC', from, to, HOUR);
  for (let n = 0; n < 12; n++) {
    const given = spec(true, oneOf(['UTC', '']));
    assert.deepEqual(found(new Timing(given, ''), from, to), reference(walls, given), JSON.stringify(given));
  }
});

test('start and end belong to the times; an excluded weekend is passed over at once; what is always excluded ends the search', () => {
  const every = { interval: [{ interval: 1000 }] };
  const saturday = Date.UTC(2030, 0, 5);
  const bounded = new Timing(canonicalSpec(ScheduleSpec.create({ ...every, startTime: saturday, endTime: saturday + 2000 })), '');
  assert.deepEqual(found(bounded, 0, saturday + DAY), [saturday, saturday + 1000, saturday + 2000]);
  const all = { second: [{ end: 59 }], minute: [{ end: 59 }], hour: [{ end: 23 }], dayOfMonth: [{ start: 1, end: 31 }], month: [{ start: 1, end: 12 }] };
  const noWeekends = canonicalSpec(ScheduleSpec.create({ ...every, excludeStructuredCalendar: [{ ...all, dayOfWeek: [{ start: 0 }, { start: 6 }] }] }));
  assert.equal(new Timing(noWeekends, '').next(saturday - 1000)?.nominalMs, saturday + 2 * DAY);
  const never = canonicalSpec(ScheduleSpec.create({ ...every, excludeStructuredCalendar: [{ ...all, dayOfWeek: [{ end: 6 }] }] }));
  assert.equal(new Timing(never, '').next(saturday), undefined);
});
