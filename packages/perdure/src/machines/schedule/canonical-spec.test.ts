/** What clients may write as a spec, what becomes of it, and what they are told if it makes no sense: as the real server says it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScheduleSpec } from '../../protocol/index.js';
import type { CalendarSpec, Init, Range, StructuredCalendarSpec } from '../../protocol/index.js';
import { canonicalSpec } from './canonical-spec.js';

const spec = (given: Init<ScheduleSpec>): ScheduleSpec => canonicalSpec(ScheduleSpec.create(given));
const ranges = (list: readonly Range[]): string => list.map(({ start, end, step }) => `${start}-${end}/${step}`).join();
const shown = ({ second, minute, hour, dayOfMonth, month, year, dayOfWeek, comment }: StructuredCalendarSpec): string =>
  [second, minute, hour, dayOfMonth, month, year, dayOfWeek].map(ranges).join(' ') + (comment === '' ? '' : ` #${comment}`);

const CRONS: readonly (readonly [cron: string, calendar: string])[] = [
  ['30 9 * * mon-fri # hello', '0-0/1 30-30/1 9-9/1 1-31/1 1-12/1  1-5/1 #hello'],
  ['0 12 1,15 * *', '0-0/1 0-0/1 12-12/1 1-1/1,15-15/1 1-12/1  0-6/1'],
  ['1 2 3 4 * 2030-2040/3', '0-0/1 1-1/1 2-2/1 3-3/1 4-4/1 2030-2040/3 0-6/1'],
  ['*/5 1/3 * * * * *', '0-59/5 1-59/3 0-23/1 1-31/1 1-12/1  0-6/1'],
  ['0 0 * * 5-7', '0-0/1 0-0/1 0-0/1 1-31/1 1-12/1  0-0/1,5-6/1'],
  ['0 0 * * 0-7', '0-0/1 0-0/1 0-0/1 1-31/1 1-12/1  0-6/1'],
  ['0 0 * * 7', '0-0/1 0-0/1 0-0/1 1-31/1 1-12/1  0-0/1'],
  ['0 0 * january mond', '0-0/1 0-0/1 0-0/1 1-31/1 1-1/1  1-1/1'],
  ['  @weekly ', '0-0/1 0-0/1 0-0/1 1-31/1 1-12/1  0-0/1'],
  ['@hourly', '0-0/1 0-0/1 0-23/1 1-31/1 1-12/1  0-6/1'],
];
for (const [cron, calendar] of CRONS) {
  test(`cron string ${cron}`, () => {
    const { structuredCalendar, cronString } = spec({ cronString: [cron] });
    assert.deepEqual(structuredCalendar.map(shown), [calendar]);
    assert.deepEqual(cronString, []);
  });
}

test('@every becomes an interval', () => {
  const { interval } = spec({ cronString: ['@every 14h/3h', '@every 1h30m', '@every 2d'] });
  assert.deepEqual(interval, [{ interval: 50_400_000, phase: 10_800_000 }, { interval: 5_400_000, phase: undefined }, { interval: 172_800_000, phase: undefined }]);
});

test('textual calendars, excluded ones too', () => {
  const calendar: Init<CalendarSpec> = { hour: '9-17/2,20', dayOfWeek: 'MON-fri', comment: 'hey' };
  const { structuredCalendar, excludeStructuredCalendar, calendar: left, excludeCalendar } = spec({ calendar: [calendar], excludeCalendar: [{ month: 'dec', dayOfMonth: '25', hour: '*' }] });
  assert.deepEqual(structuredCalendar.map(shown), ['0-0/1 0-0/1 9-17/2,20-20/1 1-31/1 1-12/1  1-5/1 #hey']);
  assert.deepEqual(excludeStructuredCalendar.map(shown), ['0-0/1 0-0/1 0-23/1 25-25/1 12-12/1  0-6/1']);
  assert.deepEqual([left, excludeCalendar], [[], []]);
});

test('the zone of cron strings becomes that of the spec', () => {
  assert.equal(spec({ cronString: ['TZ=Europe/Berlin 0 0 * * *', 'CRON_TZ=Europe/Berlin @daily'] }).timezoneName, 'Europe/Berlin');
  assert.equal(spec({ timezoneName: 'Asia/Kolkata', cronString: ['0 0 * * *'] }).timezoneName, 'Asia/Kolkata');
});

const WRONG: readonly (readonly [given: Init<ScheduleSpec>, says: string])[] = [
  [{ cronString: ['* * * *'] }, 'CronString does not have 5-7 fields'],
  [{ cronString: ['? * * * *'] }, 'Minute is not in range [0-59]'],
  [{ cronString: ['5-1 * * * *'] }, 'Minute End is before Start or not in range [0-59]'],
  [{ cronString: ['* * 0 * *'] }, 'DayOfMonth is not in range [1-31]'],
  [{ cronString: ['*/0 * * * *'] }, 'Minute has invalid Step'],
  [{ cronString: ['0 0 * ja *'] }, 'Month is not in range [1-12]'],
  [{ cronString: ['@every soon'] }, 'time: invalid duration "soon"'],
  [{ cronString: ['@every 0.5s'] }, 'interval is too small'],
  [{ cronString: ['@every 5s/7s'] }, 'phase cannot be greater than Interval'],
  [{ cronString: ['TZ=Nowhere 0 0 * * *'] }, 'unknown time zone Nowhere'],
  [{ cronString: ['TZ=Europe/Berlin 0 0 * * *', '0 0 * * *'] }, 'conflicting timezone names'],
  [{ timezoneName: 'Europe/Paris', cronString: ['TZ=Europe/Berlin 0 0 * * *'] }, 'conflicting timezone names'],
  [{ interval: [{}] }, 'interval is too small'],
  [{ interval: Array.from({ length: 1001 }, () => ({ interval: 1000 })) }, 'there are 1001 calendars and intervals, at most 1000 are accepted'],
  [{ interval: [{ interval: 5000, phase: -1 }] }, 'phase is negative'],
  [{ interval: [{ interval: 5000, phase: 5000 }] }, 'phase cannot be greater than Interval'],
  [{ calendar: [{ year: '1999' }] }, 'Year is not in range [2000-2100]'],
  [{ structuredCalendar: [{ hour: [{ start: 25 }] }] }, 'invalid calendar spec: Hour Start is not in range [0-23]'],
  [
    { structuredCalendar: [{ hour: [{ start: 5, end: 3, step: -1 }], dayOfWeek: [{ end: 7 }] }] },
    'invalid calendar spec: Hour End is before Start or not in range [0-23], Hour has invalid Step, DayOfWeek End is before Start or not in range [0-6]',
  ],
  [{ excludeStructuredCalendar: [{ comment: 'x'.repeat(201) }] }, 'invalid calendar spec: comment is too long'],
  [{ timezoneData: new Uint8Array([1]) }, 'time zone data is not supported: give the name of the time zone'],
];
for (const [given, message] of WRONG) test(`refused: ${JSON.stringify(given).slice(0, 80)}`, () => assert.throws(() => spec(given), { message }));
