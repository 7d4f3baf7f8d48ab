/** Workers are told to poll more while tasks wait for polls, and less while polls wait for tasks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PollerScaling, type QueueLoad } from './poller-scaling.js';

const load = (load: Partial<QueueLoad>): QueueLoad => ({ waitedMs: 0, oldestTaskMs: undefined, waitingPolls: 0, pollers: 1, isHeldBack: false, ...load });

test('a poll that waited long was one too many; one that was answered at once says nothing', () => {
  const scaling = new PollerScaling();
  assert.equal(scaling.advise(load({ waitedMs: 1000 }), 0), -1);
  assert.equal(scaling.advise(load({ waitedMs: 999 }), 0), 0);
  assert.equal(scaling.advise(load({ waitedMs: 1000, oldestTaskMs: 5000 }), 0), -1);
});

test('tasks that wait for polls ask for one more, unless they are held back by something else', () => {
  const scaling = new PollerScaling();
  assert.equal(scaling.advise(load({ oldestTaskMs: 201 }), 0), 1);
  assert.equal(scaling.advise(load({ oldestTaskMs: 200 }), 0), 0);
  assert.equal(scaling.advise(load({ oldestTaskMs: 5000, waitingPolls: 1 }), 0), 0);
  assert.equal(scaling.advise(load({ oldestTaskMs: 5000, isHeldBack: true }), 0), 0);
});

test('growth is advised only so often in a second, more often to more workers', () => {
  const scaling = new PollerScaling();
  const told = (pollers: number, monotonic: number): number =>
    Array.from({ length: 100 }, (): number => scaling.advise(load({ oldestTaskMs: 5000, pollers }), monotonic)).reduce((sum, advice) => sum + advice, 0);
  assert.equal(told(1, 0), 10);
  assert.equal(told(1, 999), 0);
  assert.equal(told(3, 1000), 30);
});
