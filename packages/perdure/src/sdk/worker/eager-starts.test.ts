/** A start whose first workflow task comes with the answer, to a worker on the same connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PollWorkflowTaskQueueResponse, WorkflowService } from '../../protocol/index.js';
import { Client, Connection } from '../client/index.js';
import { offerPlaces } from './eager-starts.js';
import { FixedSlots, type Slot } from './slots/slots.js';
import { FakeServer } from './testing-server.js';
import { compileWorkerOptions } from './worker-options.js';

function stage({ places = 1, gives = true } = {}) {
  const server = new FakeServer();
  const asked: boolean[] = [];
  server.on(WorkflowService.StartWorkflowExecution, ({ requestEagerExecution }) => {
    asked.push(requestEagerExecution);
    return { runId: 'run-1', started: true, eagerWorkflowTask: requestEagerExecution && gives ? PollWorkflowTaskQueueResponse.create({ startedEventId: 3 }) : undefined };
  });
  const connection = Connection.from(server.transport);
  const slots = new FixedSlots(places);
  const tasks: Slot[] = [];
  const options = compileWorkerOptions({ taskQueue: 'q', workflowBundle: {} as never });
  const end = offerPlaces({ connection, options }, slots, { start: (_task, slot) => void tasks.push(slot) });
  const start = (taskQueue = 'q', requestEagerStart = true) => new Client({ connection }).workflow.start('w', { taskQueue, workflowId: 'w', requestEagerStart });
  return { start, asked, slots, tasks, end };
}

test('the task goes to the worker, in a place of its own', async () => {
  const { start, slots, tasks } = stage();
  assert.equal((await start()).eagerlyStarted, true);
  assert.equal(tasks.length, 1);
  assert.equal(slots.used, 1);
});

test('a server that gives no task leaves the place free', async () => {
  const { start, slots, tasks } = stage({ gives: false });
  assert.equal((await start()).eagerlyStarted, false);
  assert.deepEqual([tasks.length, slots.used], [0, 0]);
});

test('it is an ordinary start for another queue, after the worker ended, and if nobody asked for more', async () => {
  const { start, asked, end } = stage();
  await start('another');
  await start('q', false);
  end();
  await start();
  assert.deepEqual(asked, [false, false, false]);
});

test('it is an ordinary start if the worker has no free place', async () => {
  const { start, asked, slots } = stage();
  slots.tryTake();
  await start();
  assert.deepEqual(asked, [false]);
});
