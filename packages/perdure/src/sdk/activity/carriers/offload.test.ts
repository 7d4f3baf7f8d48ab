import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure, CancelledFailure } from '../../common/index.js';
import { ActivityEnvironment } from '../../../testing/index.js';
import { threads } from './offload.js';
import { die, endless, fail, info, polite, slow, whereProcess, whereThread } from './test-offloaded.js';

const value = { bytes: new Uint8Array([1, 2, 3]), at: new Date(5) };

test('a function runs in a thread, another one in a process; arguments and results are copied', async () => {
  const inThread = await new ActivityEnvironment().run(whereThread, value);
  assert.deepEqual([inThread.pid, inThread.isMainThread], [process.pid, false]);
  const inProcess = await new ActivityEnvironment().run(whereProcess, value);
  assert.notEqual(inProcess.pid, process.pid);
  for (const { value: copy } of [inThread, inProcess]) assert.deepEqual([[...copy.bytes], copy.at], [[1, 2, 3], new Date(5)]);
  assert.equal((await whereThread(value)).isMainThread, false, 'also where no activity calls it');
});

for (const [index, kind] of ['thread', 'process'].entries()) {
  const of = <T>(both: readonly [T, T]): T => both[index as 0 | 1];

  test(`${kind}: the context is there; heartbeats and log lines arrive`, async () => {
    const lines: unknown[] = [];
    const log = (level: string, message: string, meta?: object) => void lines.push([level, message, meta && 'row' in meta ? meta.row : undefined]);
    const nothing = () => undefined;
    const env = new ActivityEnvironment({ activityId: 'a-7' }, { logger: { log, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing } });
    assert.equal(await env.run(of(info)), 'a-7');
    assert.deepEqual(env.heartbeats, [{ row: 5 }]);
    assert.deepEqual(lines, [['INFO', 'hello', 5]]);
  });

  test(`${kind}: what is thrown keeps what retries and users go by`, async () => {
    const env = () => new ActivityEnvironment();
    await assert.rejects(env().run(of(fail), 'application'), (error: unknown) => {
      assert.ok(error instanceof ApplicationFailure);
      assert.deepEqual([error.message, error.type, error.nonRetryable, error.details, error.nextRetryDelay], ['no', 'Refused', true, [7], '1 minute']);
      assert.equal(error.cause?.message, 'because');
      return true;
    });
    await assert.rejects(env().run(of(fail), 'other'), { name: 'RangeError', message: 'out of range' });
    await assert.rejects(env().run(of(fail), 'uncopiable'), /could not be cloned/);
    await assert.rejects(env().run(of(fail), (() => 1) as never), /could not be cloned/);
    assert.equal(await env().run(of(slow), 4), 4, 'the next call finds everything in order');
  });

  test(`${kind}: a function that never looks up is ended when it is cancelled`, async () => {
    const env = new ActivityEnvironment();
    const running = env.run(of(endless));
    while (env.heartbeats.length === 0) await delay(5);
    env.cancel();
    await assert.rejects(running, CancelledFailure);
    assert.equal(await new ActivityEnvironment().run(of(slow), 4), 4);
  });

  test(`${kind}: a function that listens is told, and may clean up`, async () => {
    const env = new ActivityEnvironment();
    const running = env.run(of(polite));
    while (env.heartbeats.length === 0) await delay(5);
    env.cancel();
    await assert.rejects(running, CancelledFailure);
    assert.deepEqual(env.heartbeats, ['running', 'cleaned up']);
  });

  test(`${kind}: one that dies is a failed attempt that can be retried, and nothing more`, async () => {
    const died = (message: RegExp) => (error: unknown) =>
      error instanceof ApplicationFailure && error.type === 'ActivityCarrierDied' && error.nonRetryable === false && message.test(error.message);
    await assert.rejects(new ActivityEnvironment().run(of(die), 'exit'), died(/exit code 3/));
    await assert.rejects(new ActivityEnvironment().run(of(die), 'throw later'), died(/loose end|exit code/));
    assert.equal(await new ActivityEnvironment().run(of(slow), 4), 4);
  });

  test(`${kind}: more calls than processors wait for their turn, and those that are cancelled leave`, async () => {
    const busy = new ActivityEnvironment();
    const many = Array.from({ length: 20 }, (_, id) => busy.run(of(slow), id));
    const leaving = new ActivityEnvironment();
    const left = leaving.run(of(slow), 99);
    leaving.cancel();
    await assert.rejects(left, CancelledFailure);
    assert.deepEqual(await Promise.all(many), Array.from({ length: 20 }, (_, id) => id));
  });
}

test('the module that declares is found; where it cannot be, the message says what to do', () => {
  assert.throws(() => new Function('threads', 'return threads(function inText() {})')(threads), /threads\(fn, \{ module: import\.meta\.url \}\)/);
});

test('a process that is busy ends with its parent, even one that was killed', { skip: process.platform === 'win32' }, async (t) => {
  const parent = spawn(process.execPath, [fileURLToPath(new URL('./test-orphan.js', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => parent.kill('SIGKILL'));
  const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
  assert.notEqual(Number(String(pid)), parent.pid);
  const end = once(parent.stdout, 'end'); // whoever holds the pipe is gone: the process holds it as well
  parent.kill('SIGKILL');
  await end;
});
