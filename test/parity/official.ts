/** Every name of Temporal's TypeScript SDK has its counterpart here, or a reason why not. `npm run test:official`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSdks, reasonFor, staleNames } from './parity.js';

test('the names of the official SDK and their members exist here', { timeout: 120_000 }, async (t) => {
  const parities = compareSdks();
  for (const parity of parities) {
    await t.test(`${parity.module}: ${parity.names} names, ${parity.members} members`, () => {
      assert.ok(parity.names > 1, 'the compiler found nothing to compare');
      const unexplained = parity.gaps.filter((gap) => !gap.isRetired && reasonFor(gap) === undefined).map((gap) => gap.name);
      assert.deepEqual(unexplained, [], `${parity.ours} lacks these: add them, or a row to test/parity/exceptions.ts`);
    });
  }
  await t.test('no row says of something that it is missing, which is not', () => assert.deepEqual(staleNames(parities), []));
});
