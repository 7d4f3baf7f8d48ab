/**
 * The store's contract as tests: every implementation of the port runs this one suite, so that the host need not know
 * which of them it stands on. What only one of them can show (files, faults, crashes) is tested beside that one.
 */
import { describe } from 'node:test';
import { testCommits } from './commits.js';
import type { StoreHarness } from './fixtures.js';
import { testLists } from './lists.js';
import { testReads } from './reads.js';

export function testStoreContract(harness: StoreHarness): void {
  describe(`store contract: ${harness.name}`, () => {
    describe('commits', () => testCommits(harness));
    describe('reads', () => testReads(harness));
    describe('lists', () => testLists(harness));
  });
}
