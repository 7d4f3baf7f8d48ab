/** A worker's goodbye ends its polls, also those that were on their way, and nobody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerPolls } from './worker-polls.js';

const caller = () => new AbortController();

test('a shutdown ends the polls of that worker only', () => {
  const polls = new WorkerPolls();
  const [a1, a2, b] = ['a', 'a', 'b'].map((key) => polls.begin('n', key, caller().signal)) as [ReturnType<WorkerPolls['begin']>, ReturnType<WorkerPolls['begin']>, ReturnType<WorkerPolls['begin']>];
  a2.end();
  polls.shutDown('n', 'a');
  assert.equal(a1.signal.aborted, true);
  assert.equal(b.signal.aborted, false);
  assert.equal(polls.begin('n', 'a', caller().signal).signal.aborted, true, 'a late poll ends at once');
});

test('the same key in another namespace is another worker', () => {
  const polls = new WorkerPolls();
  const poll = polls.begin('n', 'a', caller().signal);
  polls.shutDown('other', 'a');
  assert.equal(poll.signal.aborted, false);
  assert.equal(polls.begin('n', 'a', caller().signal).signal.aborted, false);
});

test('a poll ends with its caller', () => {
  const polls = new WorkerPolls();
  const gone = caller();
  const poll = polls.begin('n', 'a', gone.signal);
  gone.abort();
  assert.equal(poll.signal.aborted, true);
  assert.equal(polls.begin('n', 'a', gone.signal).signal.aborted, true);
});

test('workers that left are not remembered without bound', () => {
  const polls = new WorkerPolls();
  for (let i = 0; i < 2_001; i++) polls.shutDown('n', `worker ${i}`);
  assert.equal(polls.begin('n', 'worker 0', caller().signal).signal.aborted, false);
  assert.equal(polls.begin('n', 'worker 2000', caller().signal).signal.aborted, true);
});
