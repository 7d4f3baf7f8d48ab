/**
 * Firing times the slow way, for tests: look at every moment, ask the runtime what the wall clock shows, and compare. It shares nothing
 * with `timing.ts` and `calendar/`. Specs are made together with what they mean, so that no text is parsed here.
 */
import type { Init, ScheduleSpec, StructuredCalendarSpec } from '../../protocol/index.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What the wall clock shows at a moment. */
export interface Wall {
  readonly timeMs: number;
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  readonly dayOfMonth: number;
  readonly month: number;
  readonly year: number;
  readonly dayOfWeek: number;
}

/** Every `stepMs` from one moment to before the other. */
export function wallsOf(zone: string, fromMs: number, toMs: number, stepMs: number): Wall[] {
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

/** The clock face as a number of milliseconds, as if it were in UTC. */
const face = ({ year, month, dayOfMonth, hour, minute, second }: Wall): number => Date.UTC(year, month - 1, dayOfMonth, hour, minute, second);

/** Walls in which every time of day comes once: what comes a second time is left out, what the clock skips is put where it would have come. */
export function onceADay(walls: readonly Wall[], stepMs: number): Wall[] {
  const shown = new Set(walls.map(face));
  const seen = new Set<number>();
  const once: Wall[] = [];
  walls.forEach((wall, index) => {
    const before = walls[index - 1] ?? wall;
    for (let skipped = face(before) + stepMs; skipped < face(wall); skipped += stepMs) {
      if (!shown.has(skipped)) once.push(utcWall(skipped, before.timeMs + skipped - face(before)));
    }
    if (!seen.has(face(wall))) once.push(wall);
    seen.add(face(wall));
  });
  return once;
}

function utcWall(faceMs: number, timeMs: number): Wall {
  const date = new Date(faceMs);
  return { timeMs, second: date.getUTCSeconds(), minute: date.getUTCMinutes(), hour: date.getUTCHours(), dayOfMonth: date.getUTCDate(), month: date.getUTCMonth() + 1, year: date.getUTCFullYear(), dayOfWeek: date.getUTCDay() };
}

/** Days of a year at whose end the zone's clock shows another time of day than at their beginning. */
export function changes(zone: string, year: number): number[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
  const moments: number[] = [];
  let before = format.format(Date.UTC(year, 0, 1));
  for (let time = Date.UTC(year, 0, 2); time <= Date.UTC(year + 1, 0, 1); time += DAY) {
    const shown = format.format(time);
    if (shown !== before) moments.push(time - DAY);
    before = shown;
  }
  return moments;
}

type Meaning = (wall: Wall) => boolean;

/** A spec as clients write it, and what it means. */
export interface MeantSpec {
  readonly spec: Init<ScheduleSpec>;
  readonly included: readonly Meaning[];
  readonly excluded: readonly Meaning[];
}

/** Moments that the spec means, earliest first. `forCalendars`: what calendars are compared with; intervals and exclusions look at `walls`. */
export function slowTimes({ spec, included, excluded }: MeantSpec, walls: readonly Wall[], forCalendars: readonly Wall[] = walls): number[] {
  const shown = new Map(walls.map((wall) => [wall.timeMs, wall]));
  const byCalendar = forCalendars.filter((wall) => included.some((means) => means(wall))).map(({ timeMs }) => timeMs);
  const byInterval = walls.filter(({ timeMs }) => spec.interval?.some(({ interval = 0, phase = 0 }) => (timeMs - phase) % interval === 0)).map(({ timeMs }) => timeMs);
  const isExcluded = (timeMs: number): boolean => excluded.some((means) => means(shown.get(timeMs) as Wall));
  const isWithin = (timeMs: number): boolean => timeMs >= (spec.startTime ?? -Infinity) && timeMs <= (spec.endTime ?? Infinity);
  return [...new Set([...byCalendar, ...byInterval])].filter((timeMs) => shown.has(timeMs) && !isExcluded(timeMs) && isWithin(timeMs)).sort((a, b) => a - b);
}

const FIELDS = [
  ['second', 0, 59],
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['dayOfMonth', 1, 31],
  ['month', 1, 12],
  ['dayOfWeek', 0, 6],
  ['year', 2000, 2100],
] as const;
const MONTHS = ['jan', 'Feb', 'MAR', 'april', 'may', 'june', 'jul', 'august', 'sept', 'oct', 'nov', 'december'];
const DAYS = ['su', 'Mon', 'tue', 'WED', 'thurs', 'fri', 'saturday'];

interface Item {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Makes random specs. */
export class SpecMaker {
  readonly #random: { next(): number };

  constructor(random: { next(): number }) {
    this.#random = random;
  }

  below(most: number): number {
    return Math.floor(this.#random.next() * most);
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** @param unitMs of the walls it is compared with: nothing in it is finer. */
  spec(unitMs: number, timezoneName: string): MeantSpec {
    const calendars = Array.from({ length: this.below(3) }, () => this.#calendar(unitMs));
    const excluded = Array.from({ length: this.below(3) }, () => this.#calendar(unitMs));
    const crons = Array.from({ length: this.below(3) }, () => this.#cron(unitMs));
    const every = unitMs * (1 + this.below(300));
    return {
      spec: {
        timezoneName,
        structuredCalendar: calendars.map(({ structured }) => structured),
        excludeStructuredCalendar: excluded.map(({ structured }) => structured),
        cronString: crons.map(({ text }) => text),
        interval: this.below(10) < 3 ? [{ interval: every, phase: unitMs * this.below(every / unitMs) }] : [],
      },
      included: [...calendars, ...crons].map(({ means }) => means),
      excluded: excluded.map(({ means }) => means),
    };
  }

  #calendar(unitMs: number): { structured: Init<StructuredCalendarSpec>; means: Meaning } {
    const fields = new Map(FIELDS.map(([name, least, most]) => [name, this.#isFixed(name, unitMs) ? [{ start: 0, end: 0, step: 1 }] : this.#items(least, most)]));
    const structured = Object.fromEntries([...fields].map(([name, items]) => [name, items.map(({ start, end, step }) => ({ start, end: end === start ? 0 : end, step }))]));
    return { structured, means: meaningOf(fields) };
  }

  #cron(unitMs: number): { text: string; means: Meaning } {
    const count = unitMs < MINUTE ? 7 : 5 + this.below(2);
    const fields = new Map(FIELDS.map(([name, least, most]) => [name, (name === 'year' && count < 6) || this.below(10) < 4 ? [] : this.#items(least, most)]));
    if (count < 7 || unitMs >= MINUTE) fields.set('second', [{ start: 0, end: 0, step: 1 }]);
    if (unitMs >= HOUR) fields.set('minute', [{ start: 0, end: 0, step: 1 }]);
    const order = ['second', 'minute', 'hour', 'dayOfMonth', 'month', 'dayOfWeek', 'year'] as const;
    const texts = order.map((name) => this.#text(name, fields.get(name) ?? []));
    return { text: texts.slice(count === 7 ? 0 : 1, count === 5 ? 6 : 7).join(' '), means: meaningOf(fields) };
  }

  #isFixed(name: string, unitMs: number): boolean {
    return (name === 'second' && unitMs >= MINUTE) || (name === 'minute' && unitMs >= HOUR);
  }

  /** None: every value. */
  #items(least: number, most: number): Item[] {
    if (this.below(10) < 4) return [{ start: least, end: most, step: 1 }];
    return Array.from({ length: 1 + this.below(3) }, () => {
      const start = least + this.below(most - least + 1);
      return this.below(2) === 0 ? { start, end: start, step: 1 } : { start, end: start + this.below(most - start + 1), step: 1 + this.below(4) };
    });
  }

  #text(name: (typeof FIELDS)[number][0], items: readonly Item[]): string {
    if (items.length === 0) return '*';
    const said = (value: number): string => (this.below(2) === 0 ? `${value}` : name === 'month' ? (MONTHS[value - 1] ?? '') : name === 'dayOfWeek' ? (DAYS[value] ?? '') : `${value}`);
    return items.map(({ start, end, step }) => (start === end ? said(start) : `${said(start)}-${said(end)}${step === 1 ? '' : `/${step}`}`)).join(',');
  }
}

function meaningOf(fields: ReadonlyMap<(typeof FIELDS)[number][0], readonly Item[]>): Meaning {
  return (wall) => [...fields].every(([name, items]) => items.length === 0 || items.some(({ start, end, step }) => wall[name] >= start && wall[name] <= end && (wall[name] - start) % step === 0));
}
