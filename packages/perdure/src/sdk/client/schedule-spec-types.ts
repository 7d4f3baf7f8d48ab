/** When schedules fire, as users write it and as they read it back. */
import type { Duration } from '../common/index.js';

/** From `start` to `end`, both included, every `step`. */
export interface Range<Unit> {
  start: Unit;
  /** Default: `start`. */
  end: Unit;
  /** Default 1. */
  step: number;
}

/** A value, a range, or a range with defaults left out. */
export type LooseRange<Unit> = Range<Unit> | { start: Unit; end?: Unit; step?: never } | Unit;

export const MONTHS = [
  'JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER',
] as const;
export type Month = (typeof MONTHS)[number];

export const DAYS_OF_WEEK = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;
export type DayOfWeek = (typeof DAYS_OF_WEEK)[number];

type Field<Unit> = LooseRange<Unit> | LooseRange<Unit>[] | '*';

/** A second matches if all its fields match, the day of the month and the day of the week included. */
export interface CalendarSpec {
  /** 0 to 59. Default 0. */
  second?: Field<number>;
  /** 0 to 59. Default 0. */
  minute?: Field<number>;
  /** 0 to 23. Default 0. */
  hour?: Field<number>;
  /** 1 to 31. Default: every day. */
  dayOfMonth?: Field<number>;
  /** Default: every month. */
  month?: Field<Month>;
  /** For example 2030. Default: every year. */
  year?: Field<number>;
  /** Default: every day. */
  dayOfWeek?: Field<DayOfWeek>;
  /** At most 200 characters. */
  comment?: string;
}

export interface CalendarSpecDescription {
  second: Range<number>[];
  minute: Range<number>[];
  hour: Range<number>[];
  dayOfMonth: Range<number>[];
  month: Range<Month>[];
  /** Empty: every year. */
  year: Range<number>[];
  dayOfWeek: Range<DayOfWeek>[];
  comment?: string;
}

/** Fires at `epoch + n * every + offset`, in whole seconds. */
export interface IntervalSpec {
  every: Duration;
  /** Shorter than `every`. Default 0. */
  offset?: Duration;
}

/** In milliseconds. */
export interface IntervalSpecDescription {
  every: number;
  offset: number;
}

/** The times of `calendars`, `intervals` and `cronExpressions` together, without those of `skip`. */
export interface ScheduleSpec {
  calendars?: CalendarSpec[];
  intervals?: IntervalSpec[];
  /** 5 to 7 fields, `@daily` and the like, or `@every 1h/5m`; in front, if wanted, `CRON_TZ=<zone>`. Both day fields have to match. */
  cronExpressions?: string[];
  /** Times that match are left out; all fields count, seconds included. */
  skip?: CalendarSpec[];
  /** Included. */
  startAt?: Date;
  /** Included. */
  endAt?: Date;
  /** Each firing comes up to so much later, never later than the next one. Default 0. */
  jitter?: Duration;
  /**
   * IANA name. Default UTC. A time of day that the clock skips in spring does not fire; one that it shows twice in autumn fires twice.
   */
  timezone?: string;
}

/** What the server made of a spec: cron expressions have become calendars and intervals; durations are milliseconds. */
export type ScheduleSpecDescription = Omit<ScheduleSpec, 'calendars' | 'intervals' | 'cronExpressions' | 'skip' | 'jitter'> & {
  calendars?: CalendarSpecDescription[];
  intervals?: IntervalSpecDescription[];
  skip?: CalendarSpecDescription[];
  jitter?: number;
};
