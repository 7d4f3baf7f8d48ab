/** Machine ids come from here: they must be valid, never repeat, and sort by the time at which they were made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, systemRandom, type Random } from './random.js';
import { systemClock } from './system-clock.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const take = (random: Random, count: number): string[] => Array.from({ length: count }, () => random.uuid());

for (const [name, random] of [
  ['system', systemRandom(systemClock)],
  ['seeded', seededRandom(7, { now: () => 1_900_000_000_123 })],
] as const) {
  test(`${name}: ids are version 7 UUIDs, unique, and sort in the order in which they were made`, () => {
    const ids = take(random, 20_000); // More than the counter holds within one millisecond.
    for (const id of ids) assert.match(id, UUID_V7);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, [...ids].sort());
  });

  test(`${name}: numbers lie in [0, 1) and fill it`, () => {
    const numbers = Array.from({ length: 10_000 }, () => random.next());
    assert.ok(numbers.every((number) => number >= 0 && number < 1));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    assert.ok(Math.abs(mean - 0.5) < 0.03, `mean ${mean}`);
  });
}

test('an id carries the time of the clock', () => {
  const [id] = take(seededRandom(1, { now: () => 0x0123_4567_89ab }), 1);
  assert.match(id as string, /^01234567-89ab-7/);
});

test('ids go on sorting when the clock steps back', () => {
  let now = 1_000_000;
  const random = seededRandom(1, { now: () => now });
  const before = random.uuid();
  now -= 500_000;
  assert.ok(random.uuid() > before);
});

test('the same seed gives the same choices, another seed gives others', () => {
  const clock = { now: () => 5 };
  const choices = (seed: number) => {
    const random = seededRandom(seed, clock);
    return [random.uuid(), random.next(), random.uuid()];
  };
  assert.deepEqual(choices(42), choices(42));
  assert.notDeepEqual(choices(42), choices(43));
});
