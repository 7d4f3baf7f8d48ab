/**
 * Durations as users write them: milliseconds, or text such as `'5 minutes'`, `'30s'`, `'1.5h'`.
 *
 * Everything inside works with milliseconds; text is parsed once, where an option enters.
 */
import { ValueError } from './errors.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const YEAR = 365.25 * DAY;

const UNITS = {
  milliseconds: 1, millisecond: 1, msecs: 1, msec: 1, ms: 1,
  seconds: SECOND, second: SECOND, secs: SECOND, sec: SECOND, s: SECOND,
  minutes: MINUTE, minute: MINUTE, mins: MINUTE, min: MINUTE, m: MINUTE,
  hours: HOUR, hour: HOUR, hrs: HOUR, hr: HOUR, h: HOUR,
  days: DAY, day: DAY, d: DAY,
  weeks: WEEK, week: WEEK, w: WEEK,
  years: YEAR, year: YEAR, yrs: YEAR, yr: YEAR, y: YEAR,
} as const satisfies Record<string, number>;

type Unit = keyof typeof UNITS;
type UnitAnyCase = Unit | Uppercase<Unit> | Capitalize<Unit>;

/** Text that names a duration: a number, then a unit; no unit means milliseconds. */
export type StringValue = `${number}` | `${number}${UnitAnyCase}` | `${number} ${UnitAnyCase}`;

/** A duration: a number of milliseconds, or text such as `'5 minutes'`, `'30s'`, `'1 day'`. */
export type Duration = StringValue | number;

const FORMAT = /^(-?(?:\d+(?:\.\d*)?|\.\d+)) *([a-z]*)$/i;
/** Far more than any duration needs; keeps hostile text out of the pattern. */
const MAX_TEXT_LENGTH = 100;

/**
 * Milliseconds of a duration.
 *
 * @throws ValueError if the text is not understood, or the number is not finite.
 * @example msToNumber('1.5 hours') // 5400000
 */
export function msToNumber(duration: Duration): number {
  if (typeof duration === 'number') {
    if (!Number.isFinite(duration)) throw invalid(duration);
    return duration;
  }
  if (typeof duration !== 'string' || duration.length > MAX_TEXT_LENGTH) throw invalid(duration);
  const match = FORMAT.exec(duration.trim());
  if (match === null) throw invalid(duration);
  const unit = (match[2] ?? '').toLowerCase();
  const factor = unit === '' ? 1 : Object.hasOwn(UNITS, unit) ? UNITS[unit as Unit] : undefined;
  const millis = factor === undefined ? NaN : Number(match[1]) * factor;
  if (!Number.isFinite(millis)) throw invalid(duration);
  return millis;
}

/** Like {@link msToNumber}; undefined and null give undefined. */
export function msOptionalToNumber(duration: Duration | undefined | null): number | undefined {
  return duration === undefined || duration === null ? undefined : msToNumber(duration);
}

function invalid(duration: unknown): ValueError {
  const shown = typeof duration === 'string' ? `'${duration.slice(0, MAX_TEXT_LENGTH)}'` : String(duration);
  return new ValueError(
    `Not a duration: ${shown}. Give a finite number of milliseconds, or text with a unit such as '100ms', '30s', '5 minutes', '1 day'.`,
  );
}
