/** The environment as its users see it: time that is skipped, time that is not, order, isolation, and workers that come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentWorkerLogger } from './test-logger.js';
import { fileURLToPath } from 'node:url';
import { TestEnvironment, TestWorkflowEnvironment, type TestEnvironmentOptions } from './index.js';
import { activityInfo, CompleteAsyncError } from '../sdk/activity/index.js';
import { WorkflowNotFoundError } from '../sdk/client/index.js';
import { Runtime, Worker } from '../sdk/worker/index.js';
import { startServer } from '../server/index.js';
import * as activities from './test-activities.js';
import { approval, approve, forever, nap, order, pays, paysByCallback, patient, raise, state, tick, timed, together } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));
const HOUR_MS = 3_600_000;

async function withWorker(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
  const env = await TestEnvironment.create(options);
  await env.worker({ workflowsPath, activities });
  return env;
}

Runtime.install({ logger: silentWorkerLogger().logger });

test('a timeout of 24 hours passes while its result is awaited', async () => {
  await using env = await withWorker({ startTime: '2031-05-01T12:00:00Z' });
  assert.equal(await env.run(approval, { args: ['order-1'] }), 'order-1 expired');
  assert.equal(env.currentTime().toISOString(), '2031-05-02T12:00:00.000Z');
});

test('a signal that is sent in time is in time', async () => {
  await using env = await withWorker();
  const handle = await env.start(approval, { args: ['order-1'] });
  await env.sleep('23 hours');
  assert.equal(await handle.query(state), 'waiting');
  await handle.signal(approve, 'Ada');
  assert.equal(await handle.result(), 'order-1 approved by Ada');
});

test('a sleep to the very instant of a timer ends after what the timer caused', async () => {
  await using env = await withWorker();
  const handle = await env.start(nap, { args: [HOUR_MS] });
  await env.sleep('1 hour');
  assert.equal((await handle.describe()).status.name, 'COMPLETED');
});

test('workflow code sees the time that was skipped, to the millisecond', async () => {
  await using env = await withWorker();
  assert.equal(await env.run(nap, { args: [30 * 24 * HOUR_MS] }), 30 * 24 * HOUR_MS);
});

test('an activity that sleeps takes virtual time', async () => {
  await using env = await withWorker();
  assert.equal(await env.run(timed, { args: [HOUR_MS, 'sleeps'] }), HOUR_MS);
});

test('time is not skipped while an activity is at work: it goes by', async () => {
  await using env = await withWorker();
  const [tookMs] = await Promise.all([env.run(timed, { args: [300, 'works'] }), env.run(nap, { args: [24 * HOUR_MS] })]);
  assert.ok(tookMs >= 290 && tookMs < HOUR_MS, `took ${tookMs} ms`);
});

/** A worker whose charges somebody else completes; `token` resolves when there is one. */
async function withCallback(env: TestEnvironment): Promise<{ readonly token: Promise<Uint8Array> }> {
  let resolve: (token: Uint8Array) => void;
  const token = new Promise<Uint8Array>((done) => (resolve = done));
  const charge = async (): Promise<string> => {
    resolve(activityInfo().taskToken);
    throw new CompleteAsyncError();
  };
  await env.worker({ workflowsPath, activities: { ...activities, charge } });
  return { token };
}

test('an activity that is completed from outside holds time while its result is awaited', async () => {
  await using env = await TestEnvironment.create();
  const { token } = await withCallback(env);
  const handle = await env.start(paysByCallback, { args: ['o-1'] });
  const before = env.currentTime().getTime();
  const result = handle.result();
  await env.client.activity.heartbeat(await token, 'half');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await env.client.activity.complete(await token, 'receipt');
  assert.equal(await result, 'receipt');
  assert.ok(env.currentTime().getTime() - before < 86_400_000, 'its timeout of ten days was not skipped to');
  assert.equal(await env.run(nap, { args: [30 * 86_400_000] }), 30 * 86_400_000, 'and time is skipped again');
});

test('a sleep says how long the completion from outside takes, to its timeout and beyond', async () => {
  await using env = await TestEnvironment.create();
  const { token } = await withCallback(env);
  const [soon, never] = [await env.start(paysByCallback, { args: ['o-1'] }), await env.start(paysByCallback, { args: ['o-2'] })];
  const results = Promise.allSettled([soon.result(), never.result()]);
  await token;
  await env.sleep('9 days');
  await env.client.activity.complete({ workflowId: soon.workflowId, activityId: '1' }, 'receipt');
  await env.sleep('2 days');
  const [receipt, timedOut] = await results;
  assert.deepEqual(receipt, { status: 'fulfilled', value: 'receipt' });
  assert.equal(timedOut.status, 'rejected');
  assert.equal(await env.run(nap, { args: [86_400_000] }), 86_400_000, 'one that timed out holds time no more');
});

test('while nobody waits for the engine, time goes by', async () => {
  await using env = await withWorker();
  const handle = await env.start(nap, { args: [150] });
  while ((await handle.describe()).status.name === 'RUNNING') await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await handle.result(), 150);
});

test('skipped time reaches the retention of closed runs', async () => {
  await using env = await withWorker({ retentionMs: 72 * HOUR_MS });
  await env.run(pays, { args: ['o-1'], workflowId: 'closed' });
  const { client } = env;
  await env.sleep('71 hours');
  assert.equal((await client.workflow.getHandle('closed').describe()).status.name, 'COMPLETED');
  await env.sleep('2 hours');
  await assert.rejects(client.workflow.getHandle('closed').describe(), WorkflowNotFoundError);
});

test('an update that takes a day is awaited in no time', async () => {
  await using env = await withWorker();
  const handle = await env.start(patient, {});
  assert.equal(await handle.executeUpdate(raise, { args: [3] }), 3);
  assert.equal(await handle.result(), 3);
});

test('a start delay is skipped', async () => {
  await using env = await withWorker();
  const before = env.currentTime().getTime();
  await env.run(order, { args: ['order-1'], startDelay: '3 days' });
  assert.equal(env.currentTime().getTime() - before, 72 * HOUR_MS);
});

test('a year of daily cron runs once a day', async () => {
  await using env = await withWorker({ startTime: '2031-01-01T00:00:00Z' });
  const ticks = env.mock.activity(activities.notify);
  const handle = await env.start(tick, { cronSchedule: '0 9 * * *' });
  await env.sleep('365 days');
  assert.equal(ticks.calls.length, 365);
  await handle.terminate();
});

test('what is due at one instant happens in the order in which it was asked for, in each run the same', async () => {
  const histories: unknown[] = [];
  for (let round = 0; round < 3; round++) {
    await using env = await withWorker({ startTime: 0 });
    const handles = await Promise.all(Array.from({ length: 5 }, () => env.start(together, { args: [5] })));
    for (const handle of handles) assert.deepEqual(await handle.result(), [0, 1, 2, 3, 4]);
    const events = await Promise.all(handles.map((handle) => handle.fetchHistory()));
    histories.push(events.map((history) => history.events.map(({ eventType, eventTime, eventId }) => [eventId, eventType, eventTime])));
  }
  assert.deepEqual(histories[1], histories[0]);
  assert.deepEqual(histories[2], histories[0]);
});

test('a result is not gone because the test slept for a year', async () => {
  await using env = await withWorker();
  const handle = await env.start(nap, { args: [1_000] });
  await env.sleep('365 days');
  assert.equal(await handle.result(), 1_000);
});

test('a hundred environments at once, each with its own time', async () => {
  const days = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      await using env = await withWorker({ startTime: 0 });
      await env.run(nap, { args: [(index + 1) * 24 * HOUR_MS] });
      return env.currentTime().getTime() / (24 * HOUR_MS);
    }),
  );
  assert.deepEqual(days, Array.from({ length: 100 }, (_, index) => index + 1));
});

test('a worker of runUntil sees the same clock and mocks', async () => {
  await using env = await TestWorkflowEnvironment.createTimeSkipping();
  const worker = await env.createWorker({ taskQueue: 'orders', workflowsPath, activities });
  const result = await worker.runUntil(() => env.client.workflow.execute(nap, { taskQueue: 'orders', workflowId: 'n', args: [HOUR_MS] }));
  assert.equal(result, HOUR_MS);
});

test('a worker of Worker.create on the native connection sees the same clock', async () => {
  await using env = await TestWorkflowEnvironment.createTimeSkipping({ startTime: 0 });
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'orders', workflowsPath, activities });
  const tookMs = await worker.runUntil(env.client.workflow.execute(timed, { taskQueue: 'orders', workflowId: 't', args: [HOUR_MS, 'sleeps'] }));
  assert.equal(tookMs, HOUR_MS);
  assert.equal(await env.currentTimeMs(), HOUR_MS);
});

test('a local environment takes real time', async () => {
  await using env = await TestWorkflowEnvironment.createLocal();
  await env.worker({ workflowsPath, activities });
  assert.equal(env.supportsTimeSkipping, false);
  assert.ok((await env.run(nap, { args: [20] })) >= 20);
});

test('an environment closes while an activity sleeps for an hour', async () => {
  const env = await withWorker();
  const handle = await env.start(timed, { args: [HOUR_MS, 'sleeps'] });
  await env.sleep('1 minute');
  assert.equal((await handle.describe()).status.name, 'RUNNING');
  await env.teardown();
  await env.teardown();
});

test('a wait that nothing will end is explained', async () => {
  const { logger, lines } = silentWorkerLogger();
  await using env = await withWorker({ workerLogger: logger });
  const handle = await env.start(forever, { workflowId: 'waits-for-a-signal' });
  const unserved = await env.start(pays, { args: ['o-1'], workflowId: 'unserved', taskQueue: 'nobody' });
  const results = Promise.allSettled([handle.result(), unserved.result()]);
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(lines[0] ?? '', /nothing will happen any more/);
  assert.match(lines[0] ?? '', /Workflow 'waits-for-a-signal' waits for: a signal, an update or a cancellation/);
  assert.match(lines[0] ?? '', /Workflow 'unserved' waits for: a worker that takes its workflow task from "nobody"/);
  await handle.signal(approve, 'Ada');
  await unserved.terminate();
  assert.deepEqual((await results).map(({ status }) => status), ['fulfilled', 'rejected']);
});

test('the same test runs against a server elsewhere, in real time', async () => {
  await using server = await startServer({ ephemeral: true, port: 0 });
  await using env = await TestEnvironment.create({ address: server.address });
  await env.worker({ workflowsPath, activities });
  const charge = env.mock.activity(activities.charge).returns('mocked');
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'mocked');
  assert.equal(charge.calls.length, 1);
  assert.equal(env.supportsTimeSkipping, false);
  const before = Date.now();
  await env.sleep(20);
  assert.ok(Date.now() - before >= 19);
});
