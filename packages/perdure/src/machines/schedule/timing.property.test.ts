/**
 * Firing times against a slow reference that looks at every moment (`slow-timing.ts`): random specs, over the days on which the clocks of any
 * zone change, and over years. `PERDURE_LONG=1` looks at more years and more specs of each: two minutes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../ports/random.js';
import { VirtualClock } from '../../ports/virtual-clock.js';
import { ScheduleSpec } from '../../protocol/index.js';
import type { Init } from '../../protocol/index.js';
import { canonicalSpec } from './canonical-spec.js';
import { DAY, HOUR, MINUTE, SpecMaker, changes, onceADay, slowTimes, wallsOf } from './slow-timing.js';
import type { MeantSpec, Wall } from './slow-timing.js';
import { Timing } from './timing.js';

const isLong = process.env['PERDURE_LONG'] !== undefined;
const SEED = Number(process.env['PERDURE_SEED'] ?? 20_260_101);
/** Half hours, changes at midnight, the other half of the world. */
const ODD_ZONES = ['Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'America/Santiago'];

const makerOf = (seed: number): SpecMaker => new SpecMaker(seededRandom(seed, new VirtualClock()));

const timing = (spec: Init<ScheduleSpec>): Timing => new Timing(canonicalSpec(ScheduleSpec.create(spec)), 'seed');

function found(of: Timing, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (let next = of.next(fromMs - 1); next !== undefined && next.nominalMs < toMs; next = of.next(next.nominalMs)) times.push(next.nominalMs);
  return times;
}

const told = (what: string, { spec }: MeantSpec): string => `seed ${SEED}, ${what}: ${JSON.stringify(spec)}`;

test('days on which clocks change, minute by minute: both rules, calendars, cron strings, intervals, exclusions', () => {
  const make = makerOf(SEED);
  let windows = 0;
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    for (const year of isLong ? [2007, 2019, 2026] : [2024 + make.below(10)]) {
      for (const change of changes(zone, year)) {
        windows += 1;
        const [from, to] = [change - 6 * HOUR, change + 30 * HOUR];
        const walls = wallsOf(zone, from, to, MINUTE);
        const once = onceADay(walls, MINUTE);
        const what = `${zone} at ${new Date(change).toISOString()}`;
        for (let n = 0; n < (isLong ? 3 : 1); n++) {
          const given = make.spec(MINUTE, zone);
          assert.deepEqual(found(timing(given.spec), from, to), slowTimes(given, walls), told(what, given));
          const meant = { ...given, spec: { ...given.spec, timezoneName: `${zone}?dst=once` } };
          assert.deepEqual(found(timing(meant.spec), from, to), slowTimes(meant, walls, once), told(`${what}, once a day`, meant));
        }
      }
    }
  }
  assert.ok(windows >= 200, `only ${windows} changes of clocks were found`);
});

test('hours around a change, second by second', () => {
  const make = makerOf(SEED + 1);
  for (const zone of isLong ? ODD_ZONES : ['Europe/Berlin', 'Australia/Lord_Howe']) {
    const [change = assert.fail(`${zone} has no change`)] = changes(zone, 2026);
    const [from, to] = [change + 10 * HOUR, change + (isLong ? 24 : 18) * HOUR];
    const walls = wallsOf(zone, from, to, 1000);
    for (let n = 0; n < 4; n++) {
      const given = make.spec(1000, zone);
      assert.deepEqual(found(timing(given.spec), from, to), slowTimes(given, walls), told(zone, given));
    }
  }
});

test('years, hour by hour, with a start and an end', () => {
  const make = makerOf(SEED + 2);
  const [from, to] = [Date.UTC(2023, 10, 1), Date.UTC(isLong ? 2036 : 2026, 2, 1)];
  const walls = wallsOf('UTC', from, to, HOUR);
  for (let n = 0; n < (isLong ? 200 : 12); n++) {
    const bounds = n % 3 === 0 ? {} : { startTime: from + HOUR * make.below(10_000), endTime: from + HOUR * (10_000 + make.below(5_000)) };
    const given = make.spec(HOUR, make.oneOf(['UTC', '']));
    const meant = { ...given, spec: { ...given.spec, ...bounds } };
    assert.deepEqual(found(timing(meant.spec), from, to), slowTimes(meant, walls), told('UTC', meant));
  }
});

test('jitter delays, by less than it may and never past the next time, and moves nothing', () => {
  const make = makerOf(SEED + 3);
  const from = Date.UTC(2026, 0, 1);
  for (let n = 0; n < 30; n++) {
    const { spec } = make.spec(MINUTE, 'Europe/Berlin');
    const jitter = 1 + make.below(2 * HOUR);
    const [plain, jittered] = [timing(spec), timing({ ...spec, jitter })];
    let next = plain.next(from);
    for (let count = 0; count < 50 && next !== undefined; count++) {
      const following = plain.next(next.nominalMs);
      const found = jittered.next(next.nominalMs - 1);
      assert.equal(found?.nominalMs, next.nominalMs);
      const most = Math.min(jitter, (following?.nominalMs ?? Infinity) - next.nominalMs);
      assert.ok(found.actualMs >= found.nominalMs && found.actualMs < found.nominalMs + most, `seed ${SEED}: a delay of ${found.actualMs - found.nominalMs}, less than ${most} is possible`);
      next = following;
    }
  }
});

test('start and end belong to the times; an excluded weekend is passed over at once; what is always excluded ends the search', () => {
  const every = { interval: [{ interval: 1000 }] };
  const saturday = Date.UTC(2030, 0, 5);
  const bounded = timing({ ...every, startTime: saturday, endTime: saturday + 2000 });
  assert.deepEqual(found(bounded, 0, saturday + DAY), [saturday, saturday + 1000, saturday + 2000]);
  const all = { second: [{ end: 59 }], minute: [{ end: 59 }], hour: [{ end: 23 }], dayOfMonth: [{ start: 1, end: 31 }], month: [{ start: 1, end: 12 }] };
  const noWeekends = timing({ ...every, excludeStructuredCalendar: [{ ...all, dayOfWeek: [{ start: 0 }, { start: 6 }] }] });
  assert.equal(noWeekends.next(saturday - 1000)?.nominalMs, saturday + 2 * DAY);
  const never = timing({ ...every, excludeStructuredCalendar: [{ ...all, dayOfWeek: [{ end: 6 }] }] });
  assert.equal(never.next(saturday), undefined);
  const leapDay = { ...all, minute: [{}], hour: [{}], second: [{}], dayOfMonth: [{ start: 29 }], month: [{ start: 2 }], dayOfWeek: [{ start: 1 }] };
  const seldom = timing({ timezoneName: 'Europe/Berlin', structuredCalendar: [leapDay], excludeStructuredCalendar: [leapDay] });
  assert.equal(seldom.next(saturday), undefined, 'a search does not leave the calendar');
});

test('a clock that is changed at a minute past midnight', () => {
  // As Newfoundland had it until 2011.
  const [from, to] = [Date.UTC(2007, 10, 4), Date.UTC(2007, 10, 5)];
  const every = { cronString: ['*/7 * * * *'], timezoneName: 'America/St_Johns' };
  const meant = { spec: every, included: [({ minute }: Wall) => minute % 7 === 0], excluded: [] };
  assert.deepEqual(found(timing(every), from, to), slowTimes(meant, wallsOf('America/St_Johns', from, to, MINUTE)));
});

test('the two rules for a change of clocks: half past two in New York', () => {
  const days = (timezoneName: string, from: number): string[] => found(timing({ cronString: ['30 1,2 * * *'], timezoneName }), from, from + DAY).map((time) => new Date(time).toISOString().slice(11, 16));
  const [spring, autumn] = [Date.UTC(2026, 2, 8), Date.UTC(2026, 10, 1)];
  assert.deepEqual(days('America/New_York', spring), ['06:30']);
  assert.deepEqual(days('America/New_York?dst=once', spring), ['06:30', '07:30']);
  assert.deepEqual(days('America/New_York', autumn), ['05:30', '06:30', '07:30']);
  assert.deepEqual(days('America/New_York?dst=each', autumn), ['05:30', '06:30', '07:30']);
  assert.deepEqual(days('America/New_York?dst=once', autumn), ['05:30', '07:30']);
  assert.throws(() => timing({ timezoneName: 'America/New_York?dst=twice' }), /unknown time zone America\/New_York\?dst=twice/);
});
