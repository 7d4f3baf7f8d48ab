/** The header `grpc-timeout`: what we write is read back by everyone, never as less time than the caller gave. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTimeout, parseTimeout } from './grpc-timeout.js';

test('a timeout is rounded up and fits eight digits', () => {
  const cases: [number, string][] = [[0, '0m'], [-5, '0m'], [0.2, '1m'], [10_000, '10000m'], [99_999_999, '99999999m'], [100_000_001, '100001S'], [1e12, '277778H'], [1e300, '99999999H']];
  for (const [millis, text] of cases) assert.equal(formatTimeout(millis), text);
});

test('every unit is understood, anything else is not a timeout', () => {
  const cases: [string, number | undefined][] = [
    ['2H', 7_200_000], ['3M', 180_000], ['70S', 70_000], ['250m', 250], ['1500u', 1.5], ['2000000n', 2], ['99999999H', 99_999_999 * 3_600_000],
    ['', undefined], ['5', undefined], ['5s', undefined], ['-5S', undefined], ['1.5S', undefined], ['123456789m', undefined], ['5S ', undefined],
  ];
  for (const [text, millis] of cases) assert.equal(parseTimeout(text), millis, text);
});
