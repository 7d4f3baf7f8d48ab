/** A server that skips time for others: the counted locks, what stops time there, and an environment that connects to it by its address. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Code, RpcError, TestService, WorkflowService } from '../protocol/index.js';
import { TimeoutFailure } from '../sdk/common/index.js';
import { WorkflowFailedError } from '../sdk/client/index.js';
import { startServer } from '../server/index.js';
import { connectGrpc } from '../transport/grpc-client.js';
import type { Transport } from '../transport/transport.js';
import { TestEnvironment } from './environment.js';
import * as activities from './test-activities.js';
import { startTestServer } from './test-server.js';
import { nap, pays, timed } from './test-workflows.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

const timeAt = async (transport: Transport): Promise<number> => (await transport.call(TestService.GetCurrentTime, {})).time ?? 0;
const isCode = (code: Code) => (error: unknown): boolean => error instanceof RpcError && error.code === code;

test('an environment skips the time of a server elsewhere', async () => {
  await using server = await startTestServer({ port: 0 });
  await using env = await TestEnvironment.createFromExistingServer({ address: server.address });
  assert.equal(env.supportsTimeSkipping, true);
  await env.worker({ workflowsPath, activities });
  const before = await env.currentTimeMs();
  // The clock goes by besides, so times are not exact.
  const isAbout = (ms: number, days: number): void => assert.ok(ms >= days * DAY_MS && ms < days * DAY_MS + HOUR_MS, `${ms} ms`);
  isAbout(await env.run(nap, { args: [30 * DAY_MS] }), 30);
  await env.sleep('10 days');
  isAbout((await env.currentTimeMs()) - before, 40);
  assert.ok(env.currentTime().getTime() >= before + 40 * DAY_MS);
  const charge = env.mock.activity(activities.charge).throwsOnce(new Error('busy')).returns('mocked');
  assert.equal(await env.run(pays, { args: ['o-1'] }), 'mocked');
  assert.deepEqual(charge.calls.map(({ attempt }) => attempt), [1, 2]);
  await Promise.all([1, 2, 3].map(async (days) => isAbout(await env.run(nap, { args: [days * DAY_MS] }), days)));
});

test('locks are counted from one, and only without any is time skipped', async () => {
  await using server = await startTestServer({ port: 0 });
  const transport = await connectGrpc({ address: server.address });
  const start = await timeAt(transport);
  // Locked twice: one unlock less than is needed, so this sleep takes its real time.
  await transport.call(TestService.LockTimeSkipping, {});
  await transport.call(TestService.UnlockTimeSkippingWithSleep, { duration: 30 });
  assert.ok((await timeAt(transport)) - start < HOUR_MS);
  await transport.call(TestService.UnlockTimeSkipping, {});
  await transport.call(TestService.UnlockTimeSkippingWithSleep, { duration: DAY_MS });
  const slept = (await timeAt(transport)) - start;
  assert.ok(slept >= DAY_MS && slept < DAY_MS + HOUR_MS, `${slept} ms`);
  await transport.call(TestService.SleepUntil, { timestamp: start });
  await transport.call(TestService.UnlockTimeSkipping, {});
  await transport.call(TestService.Sleep, { duration: 365 * DAY_MS });
  await assert.rejects(transport.call(TestService.UnlockTimeSkipping, {}), isCode(Code.FAILED_PRECONDITION));
  await assert.rejects(transport.call(TestService.UnlockTimeSkippingWithSleep, { duration: 1 }), isCode(Code.FAILED_PRECONDITION));
  await assert.rejects(transport.call(TestService.Sleep, {}), isCode(Code.INVALID_ARGUMENT));
  await transport.close();
});

test('time goes by, and is not skipped, while an activity is at work', async () => {
  await using server = await startTestServer({ port: 0 });
  await using env = await TestEnvironment.create({ address: server.address });
  await env.worker({ workflowsPath, activities });
  const took = await env.run(timed, { args: [300, 'works'] });
  assert.ok(took >= 299 && took < HOUR_MS, `${took} ms`);
});

test('a task whose worker is gone does not hold time for ever', async () => {
  await using server = await startTestServer({ port: 0 });
  const transport = await connectGrpc({ address: server.address });
  await using env = await TestEnvironment.create({ address: server.address });
  const handle = await env.start(nap, { args: [DAY_MS] });
  const task = await transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: 'default', taskQueue: { name: env.taskQueue } });
  assert.notEqual(task.taskToken.byteLength, 0);
  const unlocked = transport.call(TestService.UnlockTimeSkippingWithSleep, { duration: DAY_MS });
  await delay(100);
  assert.ok((await timeAt(transport)) - Date.now() < HOUR_MS, 'the task is at work');
  await handle.terminate();
  await unlocked;
  await transport.close();
});

test('nobody serves the queue: its tasks wait for their timeouts only', async () => {
  await using server = await startTestServer({ port: 0 });
  await using env = await TestEnvironment.create({ address: server.address });
  await assert.rejects(env.run(nap, { args: [1], workflowRunTimeout: '2 days' }), (error) => error instanceof WorkflowFailedError && error.cause instanceof TimeoutFailure);
});

test('a sleep ends with the server', async () => {
  const server = await startTestServer({ port: 0 });
  const transport = await connectGrpc({ address: server.address });
  const slept = transport.call(TestService.Sleep, { duration: DAY_MS }).catch(() => {});
  await timeAt(transport);
  await server.close();
  await slept;
  await transport.close();
});

test('no other server has these calls, and none keeps its data in a file', async () => {
  await using server = await startServer({ ephemeral: true, port: 0 });
  const transport = await connectGrpc({ address: server.address });
  await assert.rejects(transport.call(TestService.GetCurrentTime, {}), isCode(Code.UNIMPLEMENTED));
  await transport.close();
  const bin = fileURLToPath(new URL('../../bin/perdure.js', import.meta.url));
  const child = execFile(process.execPath, [bin, 'server', 'start-dev', '--test-service', '--db-filename', 'never.db']);
  assert.deepEqual(await once(child, 'exit'), [2, null]);
});
