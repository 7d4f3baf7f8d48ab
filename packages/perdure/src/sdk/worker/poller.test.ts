/** Shows that a poller never takes more than it has slots for, and that it survives what servers do. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Code, RpcError } from '../../protocol/index.js';
import { WorkerPollError } from './errors.js';
import { settle, silentLogger } from './testing-server.js';
import { Poller, type PollerOptions } from './poller.js';
import { systemTime } from '../common/worker-time.js';
import { FixedSlots, type Slot } from './slots/slots.js';

function pollerOf(options: Partial<PollerOptions<number>> & Pick<PollerOptions<number>, 'poll'>): Poller<number> {
  return new Poller<number>({
    name: 'numbers',
    concurrency: 1,
    slots: new FixedSlots(10),
    logger: silentLogger(),
    start: () => {},
    ...options,
  });
}

/** A long poll that ends only with its signal. */
function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new RpcError(Code.CANCELLED, 'aborted')), { once: true }),
  );
}

test('empty replies are followed by another poll', async () => {
  const started: number[] = [];
  const replies = [undefined, undefined, 7];
  let now = 0;
  const poller = pollerOf({
    time: { ...systemTime, monotonic: () => (now += 60_000) },
    poll: (signal) => (replies.length > 0 ? Promise.resolve(replies.shift()) : hang(signal)),
    start: (task) => started.push(task),
  });
  const run = poller.run();
  await settle();
  assert.deepEqual(started, [7]);
  poller.abort();
  await run;
});

test('a server that answers at once with nothing does not make a hot loop', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let polls = 0;
  const poller = pollerOf({
    time: { ...systemTime, monotonic: () => 0 },
    poll: () => {
      polls += 1;
      return Promise.resolve(undefined);
    },
  });
  const run = poller.run();
  await settle();
  assert.equal(polls, 1);
  mock.timers.tick(20);
  await settle();
  assert.equal(polls, 2);
  poller.abort();
  await run;
});

test('no poll without a free slot; a released slot is polled for at once', async () => {
  const slots = new FixedSlots(2);
  const taken: Slot[] = [];
  let open = 0;
  let most = 0;
  let next = 0;
  const poller = pollerOf({
    concurrency: 5,
    slots,
    poll: () => {
      open += 1;
      most = Math.max(most, open);
      return Promise.resolve(next++);
    },
    start: (_task, slot) => taken.push(slot),
  });
  const run = poller.run();
  await settle();
  assert.equal(open, 2);
  assert.equal(slots.used, 2);
  taken.pop()?.release();
  await settle();
  assert.equal(open, 3);
  poller.stop();
  slots.close();
  await run;
  assert.equal(most, 3);
});

test('transient failures are retried with a growing pause and logged once for all polls', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const logger = silentLogger();
  let polls = 0;
  let down = true;
  const poller = pollerOf({
    concurrency: 3,
    logger,
    poll: (signal) => {
      polls += 1;
      return down ? Promise.reject(new RpcError(Code.UNAVAILABLE, 'connection refused')) : hang(signal);
    },
  });
  const run = poller.run();
  await settle();
  assert.equal(polls, 3);
  mock.timers.tick(79);
  await settle();
  assert.equal(polls, 3);
  for (let i = 0; i < 60; i++) {
    mock.timers.tick(60_000);
    await settle();
  }
  assert.ok(polls > 100);
  assert.equal(logger.lines.filter((line) => line.startsWith('WARN')).length, 1);
  down = false;
  mock.timers.tick(60_000);
  await settle();
  poller.abort();
  await run;
});

test('a refusal is tolerated for a minute, then it ends the poller with a clear error', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let now = 0;
  const poller = pollerOf({
    time: { ...systemTime, monotonic: () => now },
    poll: () => Promise.reject(new RpcError(Code.PERMISSION_DENIED, 'not allowed to poll')),
  });
  const failures: unknown[] = [];
  const run = poller.run().catch((error: unknown) => failures.push(error));
  for (; now < 50_000; now += 10_000) {
    await settle();
    mock.timers.tick(12_000);
  }
  await settle();
  assert.equal(failures.length, 0);
  now = 60_000;
  mock.timers.tick(12_000);
  await run;
  const [failure] = failures;
  assert.ok(failure instanceof WorkerPollError);
  assert.match(failure.message, /numbers.*not allowed to poll/);
});

test('stop lets an open poll bring its task; abort ends it', async () => {
  const started: number[] = [];
  let deliver: ((task: number) => void) | undefined;
  const poller = pollerOf({
    poll: () => new Promise<number>((resolve) => (deliver = resolve)),
    start: (task) => started.push(task),
  });
  const run = poller.run();
  await settle();
  poller.stop();
  deliver?.(1);
  await run;
  assert.deepEqual(started, [1]);
});

test('polls grow while tasks wait for them, within the bound, and shrink when none come', async () => {
  let clock = 0;
  let waiting = 200;
  let open = 0;
  let most = 0;
  const hanging: (() => void)[] = [];
  const slots = new FixedSlots(100);
  const poller = pollerOf({
    concurrency: 2,
    maxConcurrency: 6,
    slots,
    time: { ...systemTime, monotonic: () => clock },
    poll: async (signal) => {
      open += 1;
      most = Math.max(most, open);
      try {
        await Promise.resolve();
        if (waiting > 0) return waiting--;
        return await Promise.race([hang(signal), new Promise<undefined>((resolve) => hanging.push(() => resolve(undefined)))]);
      } finally {
        open -= 1;
      }
    },
    start: (_task, slot) => slot.release(),
  });
  const run = poller.run();
  await settle();
  assert.equal(waiting, 0);
  assert.equal(most, 6);
  clock += 1000; // they waited
  for (const end of hanging.splice(0)) end();
  await settle();
  assert.ok(slots.used <= 2, 'the further polls ended with their first empty reply');
  poller.abort();
  await run;
  assert.equal(slots.used, 0);
});

test('polls that were open for a while before they broke do not make the pauses longer: the server was there', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let now = 0;
  let polls = 0;
  const poller = pollerOf({
    time: { ...systemTime, monotonic: () => now },
    poll: () => {
      polls += 1;
      now += 200;
      return Promise.reject(new RpcError(Code.UNAVAILABLE, 'killed'));
    },
  });
  const run = poller.run();
  for (let kill = 1; kill <= 20; kill++) {
    await settle();
    assert.equal(polls, kill);
    // The second pause: 200 ms, and a fifth at most.
    mock.timers.tick(240);
  }
  poller.abort();
  await run;
});

test('autoscaling: as many polls as the server advises, within the bounds; fewer when polls bring nothing or the server is overloaded', async () => {
  interface OpenPoll {
    readonly reply: (task: number | undefined, advice?: number) => void;
    readonly fail: (error: unknown) => void;
  }
  const open: OpenPoll[] = [];
  let clock = 0;
  const poller = pollerOf({
    slots: new FixedSlots(100),
    scaling: { kind: 'autoscaling', minimum: 2, maximum: 8, initial: 3 },
    time: { ...systemTime, monotonic: () => (clock += 1_000) },
    poll: (signal, advised) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new RpcError(Code.CANCELLED, 'aborted')), { once: true });
        open.push({
          reply: (task, advice) => {
            if (advice !== undefined) advised(advice);
            resolve(task);
          },
          fail: reject,
        });
      }),
    start: (_task, slot) => slot.release(),
  });
  const run = poller.run();
  await settle();
  assert.equal(poller.open, 3);
  open.shift()?.reply(1, 2);
  await settle();
  assert.equal(poller.open, 5);
  open.shift()?.reply(1, 50);
  await settle();
  assert.equal(poller.open, 8, 'the maximum');
  open.shift()?.reply(1, -2);
  open.shift()?.reply(1);
  await settle();
  assert.equal(poller.open, 6);
  open.shift()?.reply(undefined);
  await settle();
  assert.equal(poller.open, 5, 'it found nothing: one too many');
  for (let i = 0; i < 4; i++) open.shift()?.reply(undefined);
  await settle();
  assert.equal(poller.open, 2, 'the minimum');
  poller.abort();
  await run;
});

test('autoscaling: a failure that is final ends it, like any poller', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let now = 0;
  const poller = pollerOf({
    scaling: { kind: 'autoscaling', minimum: 1, maximum: 8, initial: 3 },
    time: { ...systemTime, monotonic: () => now },
    poll: () => Promise.reject(new RpcError(Code.PERMISSION_DENIED, 'not allowed to poll')),
  });
  const ended = assert.rejects(poller.run(), WorkerPollError);
  await settle();
  now = 60_000;
  mock.timers.tick(12_000);
  await ended;
});
