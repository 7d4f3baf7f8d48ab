/** Pages are cut on the bytes of a history: they must hold exactly the events that were asked for, whatever the events contain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, History } from '../protocol/index.js';
import { beginsWith, reverseHistory, sliceHistory } from './history-events.js';

const events = Array.from({ length: 300 }, (_, index) => ({
  eventId: index + 1,
  eventTime: 1_000 + index,
  eventType: EventType.WORKFLOW_EXECUTION_SIGNALED,
  workflowExecutionSignaledEventAttributes: { signalName: `signal ${'x'.repeat(index)}`, identity: 'me' },
}));
const history = History.encode({ events });
const ids = (bytes: Uint8Array): number[] => History.decode(bytes).events.map((event) => event.eventId);

test('a slice holds the asked events and nothing else', () => {
  const slice = sliceHistory(history, 10, 12);
  assert.deepEqual(ids(slice.bytes), [10, 11, 12]);
  assert.equal(slice.lastEventId, 12);
  assert.deepEqual(ids(sliceHistory(history, 299, 1_000).bytes), [299, 300]);
  assert.deepEqual(ids(sliceHistory(history, 5, 300, 2).bytes), [5, 6]);
  assert.deepEqual(sliceHistory(history, 301, 400), { bytes: new Uint8Array(0), lastEventId: 0 });
});

test('reversed history holds the same events, last one first', () => {
  assert.deepEqual(ids(reverseHistory(history)), events.map((event) => event.eventId).reverse());
  assert.equal(reverseHistory(new Uint8Array(0)).byteLength, 0);
});

test('the first event is recognised', () => {
  assert.ok(beginsWith(history, 1));
  assert.ok(!beginsWith(history, 2));
  assert.ok(beginsWith(new Uint8Array(0), 7));
});
