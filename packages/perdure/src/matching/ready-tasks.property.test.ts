/** Who goes first decides who starves: levels in order, keys by weight, the oldest first within a key; whatever comes, leaves and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskPriority } from '../machines/machine.js';
import { ReadyTasks } from './ready-tasks.js';
import { ScriptedTask, seeded } from './scripted-task.js';

const REMEMBERED = 1_000;

function dispatchAll(ready: ReadyTasks, most = Number.POSITIVE_INFINITY): ScriptedTask[] {
  const dispatched: ScriptedTask[] = [];
  for (let task = ready.next(0); task !== undefined && dispatched.length < most; task = ready.next(0)) {
    ready.take(task);
    dispatched.push(task as ScriptedTask);
  }
  return dispatched;
}

const add = (ready: ReadyTasks, name: string, priority?: Partial<TaskPriority>, since?: number): ScriptedTask => {
  const task = new ScriptedTask(name, priority, since);
  ready.add(task, 'back');
  return task;
};

test('a lower level goes first, the usual one is the third, and within a level the first in is the first out', () => {
  const ready = new ReadyTasks(REMEMBERED);
  add(ready, 'usual 1');
  add(ready, 'last', { level: 5 });
  add(ready, 'second', { level: 2 });
  add(ready, 'usual 2', { level: 3 });
  add(ready, 'first', { level: 1 });
  add(ready, 'usual 3');
  assert.deepEqual(dispatchAll(ready).map(({ name }) => name), ['first', 'second', 'usual 1', 'usual 2', 'usual 3', 'last']);
  assert.equal(ready.size, 0);
});

test('a key with a hundred thousand tasks does not hold up a key with ten', () => {
  const ready = new ReadyTasks(REMEMBERED);
  for (let task = 0; task < 100_000; task++) add(ready, 'many', { fairnessKey: 'many' });
  dispatchAll(ready, 1_000);
  for (let task = 0; task < 10; task++) add(ready, 'few', { fairnessKey: 'few' });
  assert.equal(dispatchAll(ready, 20).filter(({ name }) => name === 'few').length, 10);
});

test('tasks of no key are a key of their own', () => {
  const ready = new ReadyTasks(REMEMBERED);
  for (let task = 0; task < 100; task++) add(ready, 'plain');
  for (let task = 0; task < 100; task++) add(ready, 'keyed', { fairnessKey: 'k' });
  const names = dispatchAll(ready, 40).map(({ name }) => name);
  assert.equal(names.filter((name) => name === 'plain').length, 20);
});

test('keys share by weight: what two busy keys got differs by no more than a task of each', () => {
  const random = seeded(1);
  for (let round = 0; round < 20; round++) {
    const keys = Array.from({ length: 2 + Math.floor(random() * 8) }, (_, index) => ({ key: `k${index}`, weight: 0.25 * (1 + Math.floor(random() * 40)), got: 0 }));
    const ready = new ReadyTasks(REMEMBERED);
    for (const { key, weight } of keys) for (let task = 0; task < 2_000; task++) add(ready, key, { fairnessKey: key, weight });
    for (let dispatched = 0; dispatched < 1_500; dispatched++) {
      const [task] = dispatchAll(ready, 1);
      const key = keys.find((each) => each.key === task?.name);
      assert.ok(key);
      key.got += 1;
      for (const one of keys) {
        for (const other of keys) {
          const apart = one.got / one.weight - other.got / other.weight;
          assert.ok(apart <= 1 / one.weight + 1 / other.weight + 1e-6, `${one.key} is ahead of ${other.key} by ${apart}`);
        }
      }
    }
  }
});

test('what operators say about weights goes before what tasks say', () => {
  const ready = new ReadyTasks(REMEMBERED);
  for (let task = 0; task < 400; task++) for (const key of ['a', 'b']) add(ready, key, { fairnessKey: key, weight: key === 'b' ? 9 : 1 });
  ready.configure({ tasksPerSecond: undefined, keyTasksPerSecond: undefined, keyWeights: new Map([['a', 3], ['b', 1]]) });
  assert.equal(dispatchAll(ready, 100).filter(({ name }) => name === 'a').length, 75);
});

test('a key that runs empty at each task gets no more than its share, and one that rested does not catch up', () => {
  const ready = new ReadyTasks(REMEMBERED);
  for (let task = 0; task < 3_000; task++) add(ready, 'busy', { fairnessKey: 'busy' });
  let light = 0;
  let offered: ScriptedTask | undefined;
  for (let dispatched = 0; dispatched < 1_000; dispatched++) {
    if (offered?.line === undefined) offered = add(ready, 'light', { fairnessKey: 'light', weight: 0.1 });
    if (dispatchAll(ready, 1)[0]?.name === 'light') light += 1;
  }
  assert.ok(light >= 85 && light <= 95, `a tenth of the weight: ${light} of 1,000`);
  const rested = new ReadyTasks(REMEMBERED);
  for (let task = 0; task < 3_000; task++) add(rested, 'busy', { fairnessKey: 'busy' });
  dispatchAll(rested, 1_000);
  for (let task = 0; task < 1_000; task++) add(rested, 'late', { fairnessKey: 'late' });
  const late = dispatchAll(rested, 100).filter(({ name }) => name === 'late').length;
  assert.ok(late >= 49 && late <= 51, `half, and nothing for the past: ${late}`);
});

test('the oldest goes first, in whatever order tasks come back after a restart', () => {
  const random = seeded(2);
  for (const priority of [undefined, { level: 3, fairnessKey: 'k' }]) {
    const ready = new ReadyTasks(REMEMBERED);
    const times = Array.from({ length: 500 }, () => Math.floor(random() * 200));
    const tasks = times.map((since) => add(ready, `${since}`, priority, since));
    for (const [index, task] of tasks.entries()) if (index % 7 === 0) ready.remove(task);
    const expected = times.filter((_, index) => index % 7 !== 0).sort((one, other) => one - other);
    assert.deepEqual(dispatchAll(ready).map(({ since }) => since), expected);
  }
});

test('a task that lost its poll keeps its turn', () => {
  for (const priority of [undefined, { level: 2, fairnessKey: 'k' }]) {
    const ready = new ReadyTasks(REMEMBERED);
    const first = add(ready, 'first', priority);
    add(ready, 'second', priority);
    ready.take(first);
    ready.add(first, 'front');
    assert.deepEqual(dispatchAll(ready).map(({ name }) => name), ['first', 'second']);
  }
});

test('random programs: what is in comes out once, lower levels first, each key in order; nothing stays behind', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const below = (end: number): number => Math.floor(random() * end);
    const ready = new ReadyTasks(below(2) === 0 ? 2 : REMEMBERED);
    const waiting: ScriptedTask[] = [];
    const steps = 20 + below(200);
    for (let step = 0; step < steps; step++) {
      const what = below(10);
      if (what < 5) {
        const plain = below(2) === 0;
        waiting.push(add(ready, `${step}`, plain ? undefined : { level: 1 + below(5), fairnessKey: ['', 'a', 'b', 'c'][below(4)] ?? '', weight: [0.001, 1, 7][below(3)] ?? 1 }, step));
      } else if (what < 6 && waiting.length > 0) {
        const [task] = waiting.splice(below(waiting.length), 1);
        if (task !== undefined) ready.remove(task);
      } else if (what < 9) {
        const [task] = dispatchAll(ready, 1);
        const levelOf = (each: ScriptedTask): number => each.priority?.level ?? 3;
        if (waiting.length === 0) assert.equal(task, undefined);
        else {
          assert.ok(task && waiting.includes(task), `seed ${seed}`);
          assert.equal(levelOf(task), Math.min(...waiting.map(levelOf)), `seed ${seed}: the lowest level`);
          const ofKey = waiting.filter((each) => levelOf(each) === levelOf(task) && (each.priority?.fairnessKey ?? '') === (task.priority?.fairnessKey ?? ''));
          assert.equal(ofKey[0], task, `seed ${seed}: the first of its key`);
          waiting.splice(waiting.indexOf(task), 1);
        }
      } else ready.configure({ tasksPerSecond: undefined, keyTasksPerSecond: below(3) === 0 ? 1e9 : undefined, keyWeights: new Map([['a', 1 + below(5)]]) });
      assert.equal(ready.size, waiting.length, `seed ${seed}`);
      assert.deepEqual(new Set(ready), new Set(waiting), `seed ${seed}`);
      assert.equal(ready.nextSince === undefined, waiting.length === 0, `seed ${seed}`);
    }
    assert.equal(dispatchAll(ready).length, waiting.length);
  }
});
