/** Matching decides who works on what: a task that meets nobody, two polls or a dead worker is a task lost or done twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskQueueAddress } from '../machines/machine.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, ResourceExhaustedCause, ResourceExhaustedFailure, RpcError } from '../protocol/index.js';
import { Matching, ReadyTask, type MatchingLimits, type WaitingPoll } from './matching.js';

const address = (name: string): TaskQueueAddress => ({ namespace: 'n', name, type: 'activity' });

class Task extends ReadyTask {
  isAbandoned = false;
  /** What happens at the meeting; the poll is answered with the name if nothing else. */
  onMeet: (poll: WaitingPoll) => 'taken' | 'stale';

  constructor(readonly name: string, queue = 'q') {
    super(address(queue), 0);
    this.onMeet = (poll) => {
      poll.resolve(this.name);
      return 'taken';
    };
  }

  override meet(poll: WaitingPoll): 'taken' | 'stale' {
    return this.onMeet(poll);
  }

  override abandoned(): void {
    this.isAbandoned = true;
  }
}

function setUp(limits: Partial<MatchingLimits> = {}) {
  const clock = new VirtualClock();
  const matching = new Matching({ clock, limits });
  const poll = (options: { queue?: string; identity?: string; signal?: AbortSignal; timeoutMs?: number } = {}) => {
    const { queue = 'q', identity = 'worker', signal = new AbortController().signal, timeoutMs = 60_000 } = options;
    return matching.poll(address(queue), { identity, requestId: 'r', signal, timeoutMs });
  };
  return { clock, matching, poll };
}

const isExhausted = (cause: number) => (error: unknown) =>
  error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED && error.detail(ResourceExhaustedFailure)?.cause === cause;

test('tasks and polls meet first in, first out, whoever came first', async () => {
  const { matching, poll } = setUp();
  matching.offer(new Task('a'));
  matching.offer(new Task('b'));
  assert.deepEqual(await Promise.all([poll(), poll()]), ['a', 'b']);
  const polls = [poll(), poll()];
  matching.offer(new Task('c'));
  matching.offer(new Task('d'));
  assert.deepEqual(await Promise.all(polls), ['c', 'd']);
});

test('queues do not mix: neither names nor types', async () => {
  const { matching, poll, clock } = setUp();
  matching.offer(new Task('other', 'p'));
  const waiting = poll({ timeoutMs: 10 });
  await clock.advance(10);
  assert.equal(await waiting, undefined);
  assert.equal(await poll({ queue: 'p' }), 'other');
});

test('a poll whose worker hangs up leaves at once; the task goes to the next one', async () => {
  const { matching, poll } = setUp();
  const controller = new AbortController();
  const gone = poll({ signal: controller.signal });
  const next = poll();
  controller.abort();
  matching.offer(new Task('a'));
  assert.equal(await next, 'a');
  assert.equal(await gone, undefined);
  assert.equal(matching.describe(address('q')).waitingPolls, 0);
});

test('a poll ends after its time, and leaves no timer behind when it ended earlier', async () => {
  const { matching, poll, clock } = setUp();
  const late = poll({ timeoutMs: 1_000 });
  await clock.advance(1_000);
  assert.equal(await late, undefined);
  const served = poll();
  matching.offer(new Task('a'));
  await served;
  assert.equal(clock.nextTimerAt, undefined);
});

test('a stale task gives its poll back to the front, and the next task takes it', async () => {
  const { matching, poll } = setUp();
  const polls = [poll(), poll()];
  const stale = new Task('stale');
  stale.onMeet = () => 'stale';
  matching.offer(stale);
  matching.offer(new Task('a'));
  matching.offer(new Task('b'));
  assert.deepEqual(await Promise.all(polls), ['a', 'b']);
});

test('a poll that a task gives back later waits in front; if its time is up it ends', async () => {
  const { matching, poll, clock } = setUp();
  const held: WaitingPoll[] = [];
  const slow = (): Task => {
    const task = new Task('slow');
    task.onMeet = (met) => (held.push(met), 'taken');
    return task;
  };
  const first = poll({ timeoutMs: 5_000 });
  matching.offer(slow());
  const second = poll({ timeoutMs: 60_000 });
  matching.giveBack(held[0] as WaitingPoll);
  matching.offer(new Task('a'));
  assert.equal(await first, 'a');
  matching.offer(slow());
  await clock.advance(60_000);
  matching.giveBack(held[1] as WaitingPoll);
  assert.equal(await second, undefined);
});

test('a withdrawn task meets nobody', async () => {
  const { matching, poll } = setUp();
  const task = new Task('withdrawn');
  matching.offer(task);
  matching.offer(new Task('a'));
  matching.retract(task);
  matching.retract(task);
  assert.equal(await poll(), 'a');
  assert.equal(matching.describe(address('q')).readyTasks, 0);
});

test('offers made during a meeting are taken up after it, not inside it', async () => {
  const { matching, poll } = setUp();
  const order: string[] = [];
  const outer = new Task('outer');
  outer.onMeet = (met) => {
    const inner = new Task('inner');
    inner.onMeet = (other) => (order.push('inner'), other.resolve('inner'), 'taken');
    matching.offer(inner);
    order.push('outer');
    met.resolve('outer');
    return 'taken';
  };
  const polls = [poll(), poll()];
  matching.offer(outer);
  assert.deepEqual(await Promise.all(polls), ['outer', 'inner']);
  assert.deepEqual(order, ['outer', 'inner']);
});

test('too many polls and too many tasks are refused, and room is announced once there is plenty', async () => {
  const { matching, poll, clock } = setUp({ waitingPolls: 2, readyTasks: 4 });
  const controller = new AbortController();
  const waiting = [poll({ queue: 'p', signal: controller.signal }), poll({ queue: 'p' })];
  await assert.rejects(poll(), isExhausted(ResourceExhaustedCause.CONCURRENT_LIMIT));
  controller.abort();
  await waiting[0];
  let announced = 0;
  matching.onSpace = () => (announced += 1);
  for (const name of ['a', 'b', 'c', 'd']) assert.equal(matching.offer(new Task(name)), true);
  assert.equal(matching.offer(new Task('e')), false);
  assert.throws(() => matching.offerQuery(address('q'), 'query', new AbortController().signal), isExhausted(ResourceExhaustedCause.SYSTEM_OVERLOADED));
  await poll();
  await clock.settle();
  assert.equal(announced, 0);
  await poll();
  await clock.settle();
  assert.equal(announced, 1);
});

test('a query is answered by a poll, or dies with its asker', async () => {
  const { matching, poll, clock } = setUp();
  const asker = new AbortController();
  matching.offerQuery(address('q'), 'forgotten', asker.signal);
  asker.abort();
  const waiting = poll({ timeoutMs: 10 });
  await clock.advance(10);
  assert.equal(await waiting, undefined);
  matching.offerQuery(address('q'), 'query', new AbortController().signal);
  assert.equal(await poll(), 'query');
});

test('a queue has a poller while one waits and for ten seconds after; a hung-up poll does not count as seen', async () => {
  const { matching, poll, clock } = setUp();
  assert.equal(matching.hasPoller(address('q')), false);
  const served = poll();
  await clock.advance(30_000);
  assert.equal(matching.hasPoller(address('q')), true);
  matching.offer(new Task('a'));
  await served;
  await clock.advance(9_999);
  assert.equal(matching.hasPoller(address('q')), true);
  await clock.advance(1);
  assert.equal(matching.hasPoller(address('q')), false);
  const controller = new AbortController();
  const gone = poll({ signal: controller.signal });
  await clock.advance(30_000);
  controller.abort();
  await gone;
  assert.equal(matching.hasPoller(address('q')), false);
});

test('pollers are listed with the time they were seen, the latest first, and forgotten after five minutes', async () => {
  const { matching, poll, clock } = setUp();
  const start = clock.now();
  void poll({ identity: 'one', timeoutMs: 1 });
  await clock.advance(60_000);
  void poll({ identity: 'two', timeoutMs: 1 });
  const pollers = () => matching.describe(address('q')).pollers.map(({ identity, lastSeenAt }) => [identity, lastSeenAt - start]);
  await clock.advance(1);
  assert.deepEqual(pollers(), [['two', 60_001], ['one', 1]]);
  await clock.advance(5 * 60_000 - 1);
  assert.deepEqual(pollers(), [['two', 60_001]]);
  await clock.advance(1);
  assert.deepEqual(pollers(), []);
});

test('a worker that says goodbye ends its polls and frees the tasks of its queue', async () => {
  const { matching, poll } = setUp();
  const waiting = poll();
  matching.closeQueue(address('q'));
  assert.equal(await waiting, undefined);
  assert.equal(matching.hasPoller(address('q')), false);
  const task = new Task('a');
  matching.offer(task);
  matching.closeQueue(address('q'));
  assert.equal(task.isAbandoned, true);
  assert.equal(matching.describe(address('q')).readyTasks, 0);
});

test('queues of workers long gone are forgotten, the oldest first; queues in use are not', async () => {
  const { matching, poll, clock } = setUp({ idleQueues: 2 });
  const kept = new Task('kept', 'in-use');
  matching.offer(kept);
  for (const queue of ['one', 'two', 'three']) void poll({ queue, timeoutMs: 1 });
  await clock.advance(1);
  assert.deepEqual(['one', 'two', 'three'].map((queue) => matching.hasPoller(address(queue))), [false, true, true]);
  assert.equal(await poll({ queue: 'in-use' }), 'kept');
});

test('closing ends every poll with nothing, later polls too', async () => {
  const { matching, poll, clock } = setUp();
  const waiting = [poll(), poll({ queue: 'p' })];
  matching.close();
  assert.deepEqual(await Promise.all([...waiting, poll()]), [undefined, undefined, undefined]);
  assert.equal(clock.nextTimerAt, undefined);
});

/** With a list that is searched, this takes minutes. */
test('100,000 tasks are withdrawn and 10,000 polls hang up from the middle', async () => {
  const { matching } = setUp();
  const tasks = Array.from({ length: 100_000 }, (_, index) => new Task(`${index}`, 'big'));
  for (const task of tasks) matching.offer(task);
  for (let index = 1; index < tasks.length; index += 2) matching.retract(tasks[(index * 7919) % tasks.length] as Task);
  assert.equal(matching.describe(address('big')).readyTasks, 50_000);
  // Timers of a virtual clock are a sorted list, so that polls with the same time-out queue up behind each other: a clock of its own.
  const clock = { ...new VirtualClock(), now: () => 0, monotonic: () => 0, setTimer: () => ({ cancel() {} }), setDelay: () => ({ cancel() {} }), defer() {} };
  const polls = new Matching({ clock });
  const controllers = Array.from({ length: 10_000 }, () => new AbortController());
  const waiting = controllers.map(({ signal }) => polls.poll(address('q'), { identity: 'w', requestId: 'r', signal, timeoutMs: 1 }));
  for (let index = 0; index < 10_000; index += 2) controllers[(index * 7919) % 10_000]?.abort();
  assert.equal(polls.describe(address('q')).waitingPolls, 5_000);
  polls.close();
  await Promise.all(waiting);
});

test('a queue whose last poller hung up has no poller, until one polls again', async () => {
  const { matching, poll } = setUp();
  const first = new AbortController();
  const second = new AbortController();
  const polls = [poll({ signal: first.signal }), poll({ signal: second.signal })];
  first.abort();
  assert.equal(matching.hasPoller(address('q')), true, 'the other one waits');
  second.abort();
  assert.deepEqual(await Promise.all(polls), [undefined, undefined]);
  assert.equal(matching.hasPoller(address('q')), false);
  void poll();
  assert.equal(matching.hasPoller(address('q')), true);
});
