/** Shows what activity code may rely on: a clear error outside, and every way to notice a cancellation. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { CancelledFailure, IllegalStateError, type Logger } from '../common/index.js';
import { ActivityCancellation, activityInfo, asyncLocalStorage, Context, log, sleep, type ContextParts, type Info } from './index.js';

function contextWith(parts: Partial<ContextParts> = {}) {
  const cancellation = new ActivityCancellation();
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const logger: Logger = { log: (_level, message) => line(message), trace: line, debug: line, info: line, warn: line, error: line };
  const context = new Context({ info: { activityId: '1' } as Info, cancellation, heartbeat: () => {}, logger: () => logger, ...parts });
  return { context, cancellation, lines };
}

test('outside of an activity everything says so', () => {
  for (const call of [() => Context.current(), () => activityInfo(), () => log.info('x'), () => sleep(1)]) assert.throws(call, IllegalStateError);
  assert.throws(() => Context.current(), /perdure\/workflow/);
});

test('inside, the short forms use the current context', async () => {
  const { context, lines } = contextWith();
  await asyncLocalStorage.run(context, async () => {
    await Promise.resolve();
    assert.equal(Context.current(), context);
    assert.equal(activityInfo().activityId, '1');
    log.info('hello');
  });
  assert.deepEqual(lines, ['hello']);
});

test('a sleep ends in time, or with the cancellation', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { context, cancellation } = contextWith();
  const short = context.sleep('1 second');
  const long = context.sleep('1 hour');
  mock.timers.tick(1_000);
  await short;
  cancellation.request('CANCELLED', { cancelRequested: true });
  await assert.rejects(long, CancelledFailure);
  await assert.rejects(context.sleep(1), CancelledFailure);
  assert.equal(context.cancellationDetails?.cancelRequested, true);
});

test('a sleep that the platform cannot wait for is refused instead of ending at once', async () => {
  await assert.rejects(contextWith().context.sleep('100 days'), RangeError);
});

test('signal and promise carry the first reason, whether asked for before or after', async () => {
  const { context, cancellation } = contextWith();
  const early = context.cancellationSignal;
  assert.equal(early.aborted, false);
  cancellation.request('TIMED_OUT', { timedOut: true });
  cancellation.request('CANCELLED', { cancelRequested: true });
  assert.equal(early.aborted, true);
  assert.equal((early.reason as Error).message, 'TIMED_OUT');
  await assert.rejects(context.cancelled, /TIMED_OUT/);
  assert.equal(context.cancellationDetails?.cancelRequested, false);
});

test('a cancelled promise that nobody awaits is no unhandled rejection', async () => {
  const { context, cancellation } = contextWith();
  void context.cancelled;
  cancellation.request('CANCELLED');
  await new Promise((resolve) => setImmediate(resolve));
});

test('without a client the context says so', () => {
  assert.throws(() => contextWith().context.client, IllegalStateError);
});
