/** Workers may ask that no more than so many tasks of their queue start in a second: a service behind it may break otherwise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Matching, ReadyTask, type WaitingPoll } from './matching.js';

const QUEUE = { namespace: 'n', name: 'q', type: 'activity' } as const;

class Task extends ReadyTask {
  constructor(
    readonly name: string,
    readonly isStale = false,
  ) {
    super(QUEUE, 0);
  }
  override meet(poll: WaitingPoll): 'taken' | 'stale' {
    if (this.isStale) return 'stale';
    poll.resolve(this.name);
    return 'taken';
  }
  override abandoned(): void {}
}

function setUp() {
  const clock = new VirtualClock();
  const matching = new Matching({ clock });
  const start = clock.monotonic();
  const taken: [task: unknown, afterMs: number][] = [];
  const poll = (maxTasksPerSecond?: number): void => {
    const request = { identity: 'w', requestId: 'r', signal: new AbortController().signal, timeoutMs: 60_000, maxTasksPerSecond };
    void matching.poll(QUEUE, request).then((task) => taken.push([task, clock.monotonic() - start]));
  };
  const offer = (...names: string[]): void => names.forEach((name) => matching.offer(new Task(name)));
  return { clock, matching, poll, offer, taken };
}

test('a second of tasks goes out at once, then they go out evenly', async () => {
  const { clock, poll, offer, taken } = setUp();
  for (let polls = 0; polls < 6; polls++) poll(2);
  offer('a', 'b', 'c', 'd', 'e');
  await clock.advance(2000);
  assert.deepEqual(taken, [['a', 0], ['b', 0], ['c', 500], ['d', 1000], ['e', 1500]]);
});

test('less than one in a second', async () => {
  const { clock, poll, offer, taken } = setUp();
  poll(0.1);
  poll(0.1);
  offer('a', 'b');
  await clock.advance(9_999);
  assert.deepEqual(taken, [['a', 0]]);
  await clock.advance(1);
  assert.deepEqual(taken[1], ['b', 10_000]);
});

test('the latest word counts: a queue that stands still goes on', async () => {
  const { clock, poll, offer, taken } = setUp();
  poll(0);
  offer('a', 'b');
  await clock.advance(10_000);
  assert.equal(taken.length, 0);
  poll(1000);
  await clock.settle();
  assert.deepEqual(taken.map(([task]) => task), ['a', 'b']);
});

test('a task that turns out to be stale does not count', async () => {
  const { clock, matching, poll, offer, taken } = setUp();
  poll(1);
  for (let stale = 0; stale < 5; stale++) matching.offer(new Task('stale', true));
  offer('a');
  await clock.settle();
  assert.deepEqual(taken, [['a', 0]]);
});

test('closing leaves no timer behind', async () => {
  const { clock, matching, poll, offer } = setUp();
  poll(1);
  poll(1);
  offer('a', 'b');
  await clock.settle();
  matching.close();
  assert.equal(clock.nextTimerAt, undefined);
});
