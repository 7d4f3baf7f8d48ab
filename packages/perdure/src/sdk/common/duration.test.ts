/** Durations decide when things happen: text is understood as written, and nonsense is refused instead of becoming NaN or zero. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msOptionalToNumber, msToNumber, type Duration } from './duration.js';
import { ValueError } from './errors.js';

const EXPECTED: readonly (readonly [Duration, number])[] = [
  [0, 0],
  [1500, 1500],
  ['100', 100],
  ['100ms', 100],
  ['30s', 30_000],
  ['1 second', 1000],
  ['5m', 300_000],
  ['5 minutes', 300_000],
  ['1.5h', 5_400_000],
  ['2 HOURS', 7_200_000],
  ['1 day', 86_400_000],
  ['2 weeks', 1_209_600_000],
  ['1 year', 31_557_600_000],
  ['-3s', -3000],
  ['.5s', 500],
];

for (const [duration, millis] of EXPECTED) {
  test(`${JSON.stringify(duration)} is ${millis} ms`, () => assert.equal(msToNumber(duration), millis));
}

test('nonsense is a ValueError that shows it and says what to give', () => {
  const nonsense: unknown[] = ['', 'soon', '5 parsecs', '1h30m', '5 constructor', 'NaN', 'Infinity', NaN, Infinity, null, {}, [], '9'.repeat(400), `${'9'.repeat(400)}s`];
  for (const duration of nonsense) {
    // What plain JavaScript callers may pass.
    assert.throws(
      () => msToNumber(duration as Duration),
      (error) => error instanceof ValueError && /Not a duration: .*'30s'/s.test(error.message),
      String(duration),
    );
  }
});

test('an absent duration stays absent', () => {
  assert.equal(msOptionalToNumber(undefined), undefined);
  assert.equal(msOptionalToNumber(null), undefined);
  assert.equal(msOptionalToNumber('1s'), 1000);
});
