import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './random.js';

test("a run draws the numbers that Temporal's TypeScript SDK draws for its id", () => {
  // Seen from a worker of that SDK, version 1.24: uuid4(), Math.random(), Math.random(), uuid4().
  const random = new SeededRandom('01a1fd40-e10e-7a27-a371-2458995fe767');
  assert.deepEqual(
    [random.uuid4(), random.float(), random.float(), random.uuid4()],
    ['ff4eafeb-a41a-4272-936e-d7e1e7eee5a5', 0.3210112659726292, 0.49288136255927384, 'fcf2fdeb-af0c-4ab8-a165-b9927091914e'],
  );
});

test('ids are version 4, bytes fill any length, and another id draws other numbers', () => {
  const random = new SeededRandom('a');
  for (let count = 0; count < 100; count++) assert.match(random.uuid4(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const bytes = new Uint8Array(1000);
  random.fillBytes(bytes);
  assert.ok(new Set(bytes).size > 200);
  assert.notEqual(new SeededRandom('a').float(), new SeededRandom('b').float());
});
