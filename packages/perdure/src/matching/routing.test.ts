/** Tasks of a routed queue must reach workers of the version that the routing names, also those that waited before it changed; others must not notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskQueueAddress } from '../machines/machine.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Matching, ReadyTask, type QueueRouting, type WaitingPoll } from './matching.js';
import { shareOf, TO_RAMPING, type RoutingKey } from './routing.js';

const QUEUE: TaskQueueAddress = { namespace: 'n', name: 'q', type: 'workflow' };

class Task extends ReadyTask {
  constructor(
    readonly key: RoutingKey,
    queue: TaskQueueAddress = QUEUE,
  ) {
    super(queue, 0);
  }

  override get routingKey(): RoutingKey {
    return this.key;
  }

  override meet(poll: WaitingPoll): 'taken' {
    poll.resolve(this.key);
    return 'taken';
  }

  override abandoned(): void {}
}

const routing = (current: string | undefined, ramping?: { version?: string; percentage: number }, versions = ['d:1', 'd:2']): QueueRouting => ({
  current: { version: current, revision: 1 },
  ramping: ramping && { ...ramping, revision: 1 },
  versions: new Set(versions),
});

function setUp() {
  const clock = new VirtualClock();
  const matching = new Matching({ clock });
  const got: string[] = [];
  const poll = (version?: string, queue = QUEUE) => {
    const who = version ?? 'none';
    void matching.poll({ ...queue, version }, { identity: who, requestId: who, signal: new AbortController().signal, timeoutMs: 60_000 }).then((task) => task !== undefined && got.push(`${who} ${String(task)}`));
  };
  const settled = async () => {
    await clock.settle();
    return got.splice(0).sort();
  };
  return { matching, poll, settled };
}

test('what asks for the ramping version gets it, however small its share; the current one where there is none', async () => {
  const { matching, poll, settled } = setUp();
  for (const version of ['d:1', 'd:2']) poll(version);
  matching.route(QUEUE, routing('d:1', { version: 'd:2', percentage: 0 }));
  assert.equal(matching.target(QUEUE, TO_RAMPING)?.version, 'd:2');
  matching.offer(new Task(TO_RAMPING));
  assert.deepEqual(await settled(), ['d:2 Symbol(to the ramping version)']);
  matching.route(QUEUE, routing('d:1'));
  matching.offer(new Task(TO_RAMPING));
  assert.deepEqual(await settled(), ['d:1 Symbol(to the ramping version)']);
});

test('tasks go to the current version, and to workers without one where there is none', async () => {
  const { matching, poll, settled } = setUp();
  for (const version of ['d:1', 'd:2', undefined]) poll(version);
  matching.route(QUEUE, routing('d:2'));
  matching.offer(new Task('a'));
  assert.deepEqual(await settled(), ['d:2 a']);
  matching.route(QUEUE, routing(undefined));
  matching.offer(new Task('b'));
  assert.deepEqual(await settled(), ['none b']);
});

test('tasks that wait move when the routing changes, in their order; one that is bound to a version stays', async () => {
  const { matching, poll, settled } = setUp();
  matching.route(QUEUE, routing('d:1'));
  for (const key of ['a', 'b']) matching.offer(new Task(key));
  const bound = new Task('bound', { ...QUEUE, version: 'd:1' });
  matching.offer(bound);
  poll('d:2');
  assert.deepEqual(await settled(), []);
  matching.route(QUEUE, routing('d:2'));
  assert.deepEqual(await settled(), ['d:2 a']);
  matching.route(QUEUE, undefined);
  poll();
  assert.deepEqual(await settled(), ['none b']);
  poll('d:1');
  assert.deepEqual(await settled(), ['d:1 bound']);
});

test('a task that moved can be withdrawn', async () => {
  const { matching, poll, settled } = setUp();
  const task = new Task('a');
  matching.offer(task);
  matching.route(QUEUE, routing('d:1'));
  matching.retract(task);
  poll('d:1');
  poll();
  assert.deepEqual(await settled(), []);
  assert.equal(matching.describeAll(QUEUE).readyTasks, 0);
});

test('an activity that is bound to a version whose workers do not poll its queue goes the usual way', async () => {
  const { matching, poll, settled } = setUp();
  const activities: TaskQueueAddress = { ...QUEUE, type: 'activity' };
  matching.route(activities, routing('d:2', undefined, ['d:2']));
  poll('d:2', activities);
  matching.offer(new Task('a', { ...activities, version: 'd:1' }));
  assert.deepEqual(await settled(), ['d:2 a']);
  // Elsewhere nobody knows versions at all.
  const others: TaskQueueAddress = { ...activities, name: 'other' };
  poll(undefined, others);
  matching.offer(new Task('b', { ...others, version: 'd:1' }));
  assert.deepEqual(await settled(), ['none b']);
});

test('a ramping version gets its share of the keys: always the same ones, and more of them as it grows', () => {
  const { matching } = setUp();
  const keys = Array.from({ length: 2_000 }, (_, index) => `order-${index}`);
  const ramped = (percentage: number) => {
    matching.route(QUEUE, routing('d:1', { version: 'd:2', percentage }));
    return new Set(keys.filter((key) => matching.target(QUEUE, key)?.version === 'd:2'));
  };
  assert.deepEqual([ramped(0).size, ramped(100).size], [0, 2_000]);
  const [few, many] = [ramped(10), ramped(30)];
  assert.ok(Math.abs(few.size - 200) < 60 && Math.abs(many.size - 600) < 90, `${few.size} and ${many.size} of 2,000`);
  for (const key of few) assert.ok(many.has(key));
  assert.deepEqual(ramped(10), few);
  // Runs that began under an earlier version of this program must go on where they were.
  assert.deepEqual(['order-1', 'order-2', ''].map((key) => shareOf(key).toFixed(3)), ['57.032', '46.814', '66.892']);
});

test('a queue and its versions are described as one, and alone; what operators set holds for each', () => {
  const { matching, poll } = setUp();
  matching.configure({ ...QUEUE, type: 'activity' }, { tasksPerSecond: 5, keyTasksPerSecond: undefined, keyWeights: new Map() });
  const queue: TaskQueueAddress = { ...QUEUE, type: 'activity' };
  matching.route(queue, routing('d:1'));
  for (const version of ['d:1', 'd:2', undefined]) poll(version, queue);
  assert.deepEqual(matching.describeAll(queue).pollers.map(({ identity }) => identity).sort(), ['d:1', 'd:2', 'none']);
  assert.deepEqual(matching.describe({ ...queue, version: 'd:2' }).pollers.map(({ identity }) => identity), ['d:2']);
  assert.equal(matching.describe({ ...queue, version: 'd:2' }).rate.perSecond, 5);
  for (const { name, version } of matching.queues('n')) assert.deepEqual([name, version], ['q', undefined]);
});
