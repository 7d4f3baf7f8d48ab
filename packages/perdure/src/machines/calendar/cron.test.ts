/** Cron strings: what they mean, over changes of the clock too, and what their author is told if one means nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY_MS, dateOf, dayOf, weekdayOf } from './civil.js';
import { CronError, nextCronTime, parseCron } from './cron.js';
import { parseDuration } from './duration.js';
import { Zone } from './zone.js';

const at = (iso: string): number => Date.parse(iso);
const iso = (time: number | undefined): string => (time === undefined ? 'never' : new Date(time).toISOString().replace('.000Z', 'Z'));

function following(cron: string, from: string, count: number): string[] {
  const schedule = parseCron(cron);
  const times: string[] = [];
  let time = at(from);
  for (let n = 0; n < count; n++) {
    const next = nextCronTime(schedule, time, time);
    times.push(iso(next));
    if (next === undefined) break;
    time = next;
  }
  return times;
}

const TABLE: readonly (readonly [cron: string, from: string, ...next: string[]])[] = [
  ['* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z', '2026-01-01T00:02:00Z'],
  ['* * * * *', '2026-01-01T00:00:59.999Z', '2026-01-01T00:01:00Z'],
  ['*/15 * * * *', '2026-01-01T10:07:00Z', '2026-01-01T10:15:00Z', '2026-01-01T10:30:00Z', '2026-01-01T10:45:00Z', '2026-01-01T11:00:00Z'],
  ['5/20 3 * * *', '2026-01-01T00:00:00Z', '2026-01-01T03:05:00Z', '2026-01-01T03:25:00Z', '2026-01-01T03:45:00Z', '2026-01-02T03:05:00Z'],
  ['30 9 * * mon-fri', '2026-01-02T09:30:00Z', '2026-01-05T09:30:00Z', '2026-01-06T09:30:00Z'],
  ['0 0 * * 7', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
  ['0 12 1,15 * *', '2026-01-02T00:00:00Z', '2026-01-15T12:00:00Z', '2026-02-01T12:00:00Z'],
  ['0 0 31 * *', '2026-02-01T00:00:00Z', '2026-03-31T00:00:00Z', '2026-05-31T00:00:00Z'],
  ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
  ['0 0 30 2 *', '2026-01-01T00:00:00Z', 'never'],
  // Both day fields restricted: either is enough.
  ['0 0 13 * fri', '2026-02-01T00:00:00Z', '2026-02-06T00:00:00Z', '2026-02-13T00:00:00Z', '2026-02-20T00:00:00Z'],
  // A step is a restriction.
  ['0 0 */10 * mon', '2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', '2026-03-09T00:00:00Z', '2026-03-11T00:00:00Z'],
  ['0 0 1 jan,Jul ?', '2026-01-01T00:00:00Z', '2026-07-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['@yearly', '2026-06-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ['@monthly', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
  ['@weekly', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
  ['@daily', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['@hourly', '2026-01-01T00:30:00Z', '2026-01-01T01:00:00Z'],
  ['@every 90s', '2026-01-01T00:00:00.250Z', '2026-01-01T00:01:30.250Z'],
  ['@every 10ms', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'],
  // Zones.
  ['CRON_TZ=Asia/Kolkata 0 6 * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:30:00Z', '2026-01-02T00:30:00Z'],
  ['TZ=America/New_York 0 9 * * *', '2026-03-07T00:00:00Z', '2026-03-07T14:00:00Z', '2026-03-08T13:00:00Z'],
  // Spring: the clock goes from 02:00 to 03:00 on 29 March; half past two does not come.
  ['CRON_TZ=Europe/Berlin 30 2 * * *', '2026-03-28T00:00:00Z', '2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z'],
  ['CRON_TZ=Europe/Berlin 0 * * * *', '2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'],
  // Autumn: the clock goes from 03:00 to 02:00 on 25 October; half past two comes twice.
  ['CRON_TZ=Europe/Berlin 30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-26T01:30:00Z'],
  ['CRON_TZ=Europe/Berlin */30 * * * *', '2026-10-25T00:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z', '2026-10-25T01:30:00Z'],
  // A half-hour change, and one at midnight.
  ['CRON_TZ=Australia/Lord_Howe 15 2 * * *', '2026-10-03T00:00:00Z', '2026-10-04T15:15:00Z'],
  ['CRON_TZ=Africa/Cairo 30 0 * * *', '2026-04-22T23:00:00Z', '2026-04-24T21:30:00Z'],
];

for (const [cron, from, ...expected] of TABLE) {
  test(`${cron} from ${from}`, () => assert.deepEqual(following(cron, from, expected.length), expected));
}

test('a schedule that was missed for a long time goes on at its next moment, at once', () => {
  const every = parseCron('@every 1s');
  const from = at('2000-01-01T00:00:00.500Z');
  assert.equal(iso(nextCronTime(every, from, at('2026-01-01T00:00:00.100Z'))), '2026-01-01T00:00:00.500Z');
  assert.equal(iso(nextCronTime(parseCron('* * * * *'), from, at('2026-01-01T00:00:00Z'))), '2026-01-01T00:00:00Z');
});

const WRONG: readonly (readonly [cron: string, says: RegExp])[] = [
  ['60 * * * *', /minute field has 60: 0 to 59/],
  ['* 24 * * *', /hour field has 24/],
  ['* * 0 * *', /day of month field has 0: 1 to 31/],
  ['* * * foo *', /month field has "foo"/],
  ['* * * * 8', /day of week field has 8/],
  ['*/0 * * * *', /minute field has the step/],
  ['5-1 * * * *', /minute field has the range "5-1"/],
  ['1-2-3 * * * *', /more than one "-"/],
  ['1/2/3 * * * *', /more than one "\/"/],
  ['1,,2 * * * *', /minute field has ""/],
  ['* * * *', /there are 4 fields/],
  ['* * * * * *', /there are 6 fields/],
  ['', /there are 0 fields/],
  ['@sometimes', /"@sometimes" is unknown/],
  ['@every soon', /no duration/],
  ['@every', /no duration/],
  ['@every -5s', /no duration/],
  ['CRON_TZ=Mars/Olympus * * * * *', /time zone "Mars\/Olympus" is unknown/],
  ['CRON_TZ=UTC', /no fields after it/],
];

for (const [cron, says] of WRONG) {
  test(`"${cron}" is refused`, () => assert.throws(() => parseCron(cron), (error) => error instanceof CronError && says.test(error.message)));
}

test('days and dates agree with the platform', () => {
  for (let day = -800_000; day < 800_000; day += 997) {
    const date = new Date(day * DAY_MS);
    assert.deepEqual(dateOf(day), { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() });
    assert.equal(dayOf(dateOf(day)), day);
    assert.equal(weekdayOf(day), date.getUTCDay());
  }
});

test('every match shows what the pattern asks for, and none is left out, over a year of a zone with changes', () => {
  const zone = Zone.find('America/St_Johns');
  assert.ok(zone);
  const schedule = parseCron('CRON_TZ=America/St_Johns 15,45 1,2 * * *');
  let time = at('2026-01-01T00:00:00Z');
  const end = at('2027-01-01T00:00:00Z');
  const expected: number[] = [];
  for (let minute = time + 60_000; minute <= end; minute += 60_000) {
    // The offset is that of a few minutes' granularity at most: whole minutes are enough.
    if (minute % 900_000 !== 0) continue;
    const wall = minute + zone.offsetMs(minute);
    const ofDay = (wall % DAY_MS) / 60_000;
    if ([75, 105, 135, 165].includes(ofDay)) expected.push(minute);
  }
  const found: number[] = [];
  for (let next = nextCronTime(schedule, time, time); next !== undefined && next <= end; next = nextCronTime(schedule, time, time)) {
    found.push(next);
    time = next;
  }
  assert.deepEqual(found, expected);
});

test('durations', () => {
  assert.deepEqual(['1h30m', '2.5s', '100ms', '1m0.5s', '', 'x', '5', '1d'].map(parseDuration), [5_400_000, 2500, 100, 60_500, undefined, undefined, undefined, undefined]);
});
