/** The heap against a sorted list: whatever is set, moved and removed, what is due comes out in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines } from './deadlines.js';

test('keys come out by deadline, ties by order, moved and removed ones at their new place or never', () => {
  let seed = 7;
  const random = (bound: number): number => (seed = (seed * 48271) % 2147483647) % bound;
  for (let round = 0; round < 200; round++) {
    const deadlines = new Deadlines();
    const expected = new Map<string, { at: number; order: number }>();
    for (let i = 0; i < 60; i++) {
      const order = random(25);
      const key = `k${order}`;
      if (random(4) === 0) {
        deadlines.set(key, undefined, order);
        expected.delete(key);
      } else {
        const at = random(10);
        deadlines.set(key, at, order);
        expected.set(key, { at, order });
      }
    }
    const sorted = [...expected].sort(([, a], [, b]) => a.at - b.at || a.order - b.order);
    const popped: string[] = [];
    for (let now = 0; now < 10; now++) {
      for (let key = deadlines.popDue(now); key !== undefined; key = deadlines.popDue(now)) {
        assert.ok((expected.get(key)?.at ?? -1) <= now);
        popped.push(key);
      }
    }
    assert.deepEqual(popped, sorted.map(([key]) => key));
  }
});
