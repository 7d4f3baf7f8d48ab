/** Tokens come back from anywhere: only our own, of the right kind, may be understood. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError } from '../protocol/index.js';
import { activityTaskToken, historyPageToken, queryTaskToken, readHistoryPageToken, readTaskToken, workflowTaskToken } from './task-token.js';

const isInvalidArgument = (error: unknown): boolean => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT;

test('a token names what it was made for', () => {
  const task = { workflowId: 'w', runId: 'r', scheduledEventId: 2, startedEventId: 3, attempt: 4, stamp: 5 };
  assert.deepEqual(readTaskToken(workflowTaskToken('ns', task), 'workflowTask'), { namespaceId: 'ns', task });
  const activity = { workflowId: 'w', runId: 'r', scheduledEventId: 5, attempt: 1, stamp: 1, activityId: 'a' };
  assert.deepEqual(readTaskToken(activityTaskToken('ns', activity), 'activityTask').task, activity);
  assert.equal(readTaskToken(queryTaskToken('ns', 'q'), 'queryTask').task.queryId, 'q');
});

test('a token of another kind, foreign bytes and no bytes are refused', () => {
  assert.throws(() => readTaskToken(queryTaskToken('ns', 'q'), 'workflowTask'), isInvalidArgument);
  assert.throws(() => readTaskToken(Buffer.from('not a token'), 'workflowTask'), isInvalidArgument);
  assert.throws(() => readTaskToken(new Uint8Array(0), 'activityTask'), isInvalidArgument);
  assert.throws(() => readHistoryPageToken(Buffer.from([1, 2, 3])), isInvalidArgument);
  assert.throws(() => readHistoryPageToken(queryTaskToken('ns', 'q')), isInvalidArgument);
});

test('a page token pins the run and the place', () => {
  const token = readHistoryPageToken(historyPageToken({ namespaceId: 'ns', workflowId: 'w', runId: 'r', nextEventId: 9 }));
  assert.deepEqual([token.runId, token.nextEventId, token.descending], ['r', 9, false]);
});
