/** The spec of a schedule: from what users write to the wire, and back. */
import type { Init, Range as WireRange, ScheduleSpec as WireSpec, StructuredCalendarSpec } from '../../protocol/index.js';
import { msOptionalToNumber, msToNumber } from '../common/index.js';
import { DAYS_OF_WEEK, MONTHS } from './schedule-spec-types.js';
import type { CalendarSpec, CalendarSpecDescription, LooseRange, Range, ScheduleSpec, ScheduleSpecDescription } from './schedule-spec-types.js';

type Ranges = readonly Init<WireRange>[];

/** One field of a calendar. */
interface FieldCodec<Unit> {
  encode(value: LooseRange<Unit> | LooseRange<Unit>[] | '*' | undefined): Ranges;
  decode(ranges: readonly WireRange[]): Range<Unit>[];
}

const ZERO: Ranges = [{ start: 0, end: 0, step: 1 }];

function numberField(name: string, least: number, most: number, usual: Ranges, all: Ranges = [{ start: least, end: most, step: 1 }]): FieldCodec<number> {
  return field(name, (value) => (Number.isInteger(value) && value >= least && value <= most ? value : undefined), (value) => value, usual, all);
}

function namedField<Unit extends string>(name: string, names: readonly Unit[], first: number): FieldCodec<Unit> {
  const all = [{ start: first, end: first + names.length - 1, step: 1 }];
  const toNumber = (value: Unit): number | undefined => (names.includes(value) ? first + names.indexOf(value) : undefined);
  return field(name, toNumber, (value) => names[value - first], all, all);
}

function field<Unit extends string | number>(
  name: string,
  toNumber: (value: Unit) => number | undefined,
  fromNumber: (value: number) => Unit | undefined,
  usual: Ranges,
  all: Ranges,
): FieldCodec<Unit> {
  const number = (value: Unit): number => {
    const found = toNumber(value);
    if (found === undefined) throw new TypeError(`Invalid CalendarSpec component for field ${name}: '${String(value)}' of type '${typeof value}'`);
    return found;
  };
  const unit = (value: number): Unit => {
    const found = fromNumber(value);
    if (found === undefined) throw new RangeError(`Invalid CalendarSpec component for field ${name}: ${value} is out of bounds`);
    return found;
  };
  return {
    encode(value) {
      if (value === undefined) return usual;
      if (value === '*') return all;
      return (Array.isArray(value) ? value : [value]).map((item) => {
        if (typeof item !== 'object') return { start: number(item), end: number(item), step: 1 };
        const start = number(item.start);
        return { start, end: item.end === undefined ? start : number(item.end), step: item.step ?? 1 };
      });
    },
    decode: (ranges) => ranges.map(({ start, end, step }) => ({ start: unit(start), end: unit(Math.max(start, end)), step: Math.max(1, step) })),
  };
}

const SECOND = numberField('second', 0, 59, ZERO);
const MINUTE = numberField('minute', 0, 59, ZERO);
const HOUR = numberField('hour', 0, 23, ZERO);
const DAY_OF_MONTH = numberField('dayOfMonth', 1, 31, [{ start: 1, end: 31, step: 1 }]);
const MONTH = namedField('month', MONTHS, 1);
const YEAR = numberField('year', 2000, 2100, [], []);
const DAY_OF_WEEK = namedField('dayOfWeek', DAYS_OF_WEEK, 0);

/** @throws TypeError for a value that a calendar cannot have */
export function encodeScheduleSpec(spec: ScheduleSpec | ScheduleSpecDescription): Init<WireSpec> {
  return {
    structuredCalendar: spec.calendars?.map(encodeCalendar),
    interval: spec.intervals?.map(({ every, offset }) => ({ interval: msToNumber(every), phase: msOptionalToNumber(offset) })),
    cronString: 'cronExpressions' in spec ? spec.cronExpressions : undefined,
    excludeStructuredCalendar: spec.skip?.map(encodeCalendar),
    startTime: spec.startAt?.getTime(),
    endTime: spec.endAt?.getTime(),
    jitter: msOptionalToNumber(spec.jitter),
    timezoneName: spec.timezone,
  };
}

function encodeCalendar(calendar: CalendarSpec): Init<StructuredCalendarSpec> {
  return {
    second: SECOND.encode(calendar.second),
    minute: MINUTE.encode(calendar.minute),
    hour: HOUR.encode(calendar.hour),
    dayOfMonth: DAY_OF_MONTH.encode(calendar.dayOfMonth),
    month: MONTH.encode(calendar.month),
    year: YEAR.encode(calendar.year),
    dayOfWeek: DAY_OF_WEEK.encode(calendar.dayOfWeek),
    comment: calendar.comment,
  };
}

export function decodeScheduleSpec(spec: WireSpec): ScheduleSpecDescription {
  return {
    calendars: spec.structuredCalendar.map(decodeCalendar),
    intervals: spec.interval.map(({ interval = 0, phase = 0 }) => ({ every: interval, offset: phase })),
    skip: spec.excludeStructuredCalendar.map(decodeCalendar),
    ...(spec.startTime !== undefined && { startAt: new Date(spec.startTime) }),
    ...(spec.endTime !== undefined && { endAt: new Date(spec.endTime) }),
    ...(spec.jitter !== undefined && { jitter: spec.jitter }),
    ...(spec.timezoneName !== '' && { timezone: spec.timezoneName }),
  };
}

function decodeCalendar(calendar: StructuredCalendarSpec): CalendarSpecDescription {
  return {
    second: SECOND.decode(calendar.second),
    minute: MINUTE.decode(calendar.minute),
    hour: HOUR.decode(calendar.hour),
    dayOfMonth: DAY_OF_MONTH.decode(calendar.dayOfMonth),
    month: MONTH.decode(calendar.month),
    year: YEAR.decode(calendar.year),
    dayOfWeek: DAY_OF_WEEK.decode(calendar.dayOfWeek),
    comment: calendar.comment,
  };
}
