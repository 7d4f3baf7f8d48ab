/** The names that someone may have meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { near } from './near.js';

const NAMES = ['port', 'db-filename', 'limit.blobSize.error', 'limit.blobSize.warn', 'WorkflowType', 'Canceled'];

test('a name is found that differs by a few letters, by case, or of which only a part was typed; others are not', () => {
  for (const [typed, expected] of [['porrt', 'port'], ['workflowtype', 'WorkflowType'], ['Cancelled', 'Canceled'], ['db-', 'db-filename'], ['WorkflowTypo', 'WorkflowType']] as const) {
    assert.deepEqual(near(typed, NAMES), [expected], typed);
  }
  for (const typed of ['elephant', 'xyzzy', '']) assert.deepEqual(near(typed, NAMES), [], typed);
});

test('the closest comes first, and no more are returned than were asked for', () => {
  assert.deepEqual(near('limit.blobsize.eror', NAMES, { most: 3 }), ['limit.blobSize.error', 'limit.blobSize.warn']);
  assert.deepEqual(near('blobSize', NAMES, { most: 3 }), ['limit.blobSize.error', 'limit.blobSize.warn']);
  assert.equal(near('blobSize', NAMES).length, 1);
});
