/**
 * Shows how activity attempts end: what the server is told for everything that user code can do, and that a finished attempt is
 * reported in spite of failing calls, because losing a report means doing the work again.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Code, Failure, RpcError, WorkflowService, type Init, type PollActivityTaskQueueResponse } from '../../protocol/index.js';
import { activityInfo, cancellationDetails, cancellationSignal, Context, heartbeat, sleep } from '../activity/index.js';
import {
  ApplicationFailure,
  CancelledFailure,
  CompleteAsyncError,
  defaultDataConverter,
  payloadsFromBytes,
  defaultPayloadConverter,
  payloadsToBytes,
  toPayloads,
} from '../common/index.js';
import { PollActivityTaskQueueResponse as PollReply, type Encoded, type Payloads } from '../../protocol/index.js';
import type { ActivityFunction } from './activity-attempt.js';
import { ActivityRunner } from './activity-runner.js';
import { FakeServer, settle, silentLogger } from './testing-server.js';
import { ActivityPayloads } from './payloads.js';
import { FixedSlots } from './slots/slots.js';

const token = new TextEncoder().encode('token-1');

function runnerWith(activities: Record<string, (...args: never[]) => unknown>, blobSizeLimitBytes = 2 ** 21) {
  const server = new FakeServer();
  const slots = new FixedSlots(10);
  const logger = silentLogger();
  const runner = new ActivityRunner(
    {
      transport: server.transport,
      namespace: 'default',
      taskQueue: 'orders',
      identity: 'test',
      activities: new Map(Object.entries(activities)) as unknown as Map<string, ActivityFunction>,
      payloads: new ActivityPayloads(defaultDataConverter),
      logger,
      heartbeatThrottle: { maximumMs: 60_000, defaultMs: 30_000 },
      blobSizeLimitBytes,
    },
    slots,
  );
  const start = (task: Init<PollActivityTaskQueueResponse>) => {
    const slot = slots.tryTake();
    assert.ok(slot);
    runner.start(
      PollReply.create({
        taskToken: token,
        workflowExecution: { workflowId: 'order-1', runId: 'run-1' },
        workflowType: { name: 'orderSaga' },
        workflowNamespace: 'default',
        activityId: '5',
        attempt: 1,
        scheduledTime: 1_000,
        currentAttemptScheduledTime: 2_000,
        startToCloseTimeout: 30_000,
        ...task,
      }),
      slot,
    );
  };
  return { server, slots, runner, logger, start };
}

function values(bytes: Encoded<Payloads> | undefined): unknown[] {
  return bytes === undefined ? [] : payloadsFromBytes(bytes).map((payload) => defaultPayloadConverter.fromPayload(payload));
}

function input(...args: unknown[]): Encoded<Payloads> {
  return payloadsToBytes(toPayloads(defaultPayloadConverter, ...args) ?? []);
}

async function failureOf(server: FakeServer): Promise<Failure> {
  const { failure } = await server.next(WorkflowService.RespondActivityTaskFailed);
  assert.ok(failure);
  return Failure.decode(failure);
}

test('arguments come in, the result goes out, the slot is free again', async () => {
  const { server, slots, runner, start } = runnerWith({ add: async (a: number, b: number) => a + b });
  start({ activityType: { name: 'add' }, input: input(2, 3) });
  const report = await server.next(WorkflowService.RespondActivityTaskCompleted);
  assert.deepEqual(values(report.result), [5]);
  assert.deepEqual([...report.taskToken], [...token]);
  assert.equal(report.identity, 'test');
  await runner.whenIdle();
  assert.equal(slots.used, 0);
});

test('an activity without result sends exactly one payload', async () => {
  const { server, start } = runnerWith({ nothing: () => undefined });
  start({ activityType: { name: 'nothing' } });
  const { result } = await server.next(WorkflowService.RespondActivityTaskCompleted);
  assert.equal(payloadsFromBytes(result ?? new Uint8Array()).length, 1);
});

test('the context says who runs; its idempotency key is the same for the next attempt', async () => {
  const { server, start } = runnerWith({ info: () => ({ ...activityInfo(), taskToken: undefined }) });
  const keys = new Set<unknown>();
  for (const attempt of [1, 2]) {
    start({ activityType: { name: 'info' }, attempt, heartbeatDetails: input({ row: 7 }), heartbeatTimeout: 5_000 });
    const [info] = values((await server.next(WorkflowService.RespondActivityTaskCompleted)).result) as [Record<string, unknown>];
    assert.equal(info['attempt'], attempt);
    assert.equal(info['activityType'], 'info');
    assert.equal(info['workflowType'], 'orderSaga');
    assert.deepEqual(info['workflowExecution'], { workflowId: 'order-1', runId: 'run-1' });
    assert.deepEqual(info['heartbeatDetails'], { row: 7 });
    assert.equal(info['base64TaskToken'], Buffer.from(token).toString('base64'));
    assert.equal(info['scheduledTimestampMs'], 1_000);
    assert.equal(info['heartbeatTimeoutMs'], 5_000);
    keys.add(info['idempotencyKey']);
  }
  assert.deepEqual([...keys], ['order-1/run-1/5']);
});

test('an unknown activity fails the attempt, can be retried, and names what is registered', async () => {
  const { server, start } = runnerWith({ charge: () => 1, reserve: () => 2 });
  start({ activityType: { name: 'chrage' } });
  const failure = await failureOf(server);
  assert.equal(failure.applicationFailureInfo?.type, 'NotFoundError');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, false);
  assert.match(failure.message, /chrage.*"orders".*charge, reserve/);
});

test('an activity named default takes unknown names', async () => {
  const { server, start } = runnerWith({ default: () => activityInfo().activityType });
  start({ activityType: { name: 'anything' } });
  assert.deepEqual(values((await server.next(WorkflowService.RespondActivityTaskCompleted)).result), ['anything']);
});

test('a thrown error fails the attempt', async () => {
  const { server, start } = runnerWith({
    decline: () => {
      throw ApplicationFailure.nonRetryable('declined', 'CardDeclined');
    },
  });
  start({ activityType: { name: 'decline' } });
  const failure = await failureOf(server);
  assert.equal(failure.message, 'declined');
  assert.equal(failure.applicationFailureInfo?.type, 'CardDeclined');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, true);
});

test('CompleteAsyncError reports nothing and frees the slot', async () => {
  const { server, slots, runner, start } = runnerWith({
    later: () => {
      throw new CompleteAsyncError();
    },
  });
  start({ activityType: { name: 'later' } });
  await runner.whenIdle();
  assert.equal(slots.used, 0);
  for (const method of [WorkflowService.RespondActivityTaskCompleted, WorkflowService.RespondActivityTaskFailed]) {
    assert.equal(server.untaken(method), 0);
  }
});

test('a result that is too large fails for good, with advice', async () => {
  const { server, start } = runnerWith({ large: () => 'x'.repeat(2_000) }, 1_000);
  start({ activityType: { name: 'large' } });
  const failure = await failureOf(server);
  assert.equal(failure.applicationFailureInfo?.type, 'ResultTooLarge');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, true);
});

test('a failure that is too large keeps its type and loses its details', async () => {
  const { server, start } = runnerWith(
    {
      large: () => {
        throw ApplicationFailure.nonRetryable('bad', 'Bad', 'x'.repeat(20_000));
      },
    },
    10_000,
  );
  start({ activityType: { name: 'large' } });
  const failure = await failureOf(server);
  assert.equal(failure.applicationFailureInfo?.type, 'Bad');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, true);
  assert.match(failure.message, /^bad /);
});

test('a result that cannot be converted fails the attempt instead of the worker', async () => {
  const { server, start } = runnerWith({ big: () => 10n });
  start({ activityType: { name: 'big' } });
  assert.match((await failureOf(server)).message, /BigInt|bigint/i);
});

test('a report is retried until the server takes it', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { server, runner, logger, start } = runnerWith({ ok: () => 'ok' });
  let calls = 0;
  server.on(WorkflowService.RespondActivityTaskCompleted, () => {
    calls += 1;
    if (calls < 6) throw new RpcError(Code.UNAVAILABLE, 'restarting');
    return {};
  });
  start({ activityType: { name: 'ok' } });
  for (let i = 0; i < 10; i++) {
    await settle();
    mock.timers.tick(10_000);
  }
  await runner.whenIdle();
  assert.equal(calls, 6);
  assert.equal(logger.lines.filter((line) => /keeps failing.*restarting/.test(line)).length, 1);
});

test('a report that comes too late is dropped', async () => {
  const { server, slots, runner, logger, start } = runnerWith({ ok: () => 'ok' });
  server.on(WorkflowService.RespondActivityTaskCompleted, () => {
    throw new RpcError(Code.NOT_FOUND, 'activity timed out');
  });
  start({ activityType: { name: 'ok' } });
  await runner.whenIdle();
  assert.equal(slots.used, 0);
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskCompleted), 1);
  assert.ok(logger.lines.some((line) => line.startsWith('WARN') && /no longer waits/.test(line)));
});

test('a cancellation arrives with a heartbeat and ends as cancelled', async () => {
  const { server, start } = runnerWith({
    patient: async () => {
      heartbeat('half');
      await sleep('1 hour');
    },
  });
  server.on(WorkflowService.RecordActivityTaskHeartbeat, () => ({ cancelRequested: true }));
  start({ activityType: { name: 'patient' } });
  assert.deepEqual(values((await server.next(WorkflowService.RecordActivityTaskHeartbeat)).details), ['half']);
  await server.next(WorkflowService.RespondActivityTaskCanceled);
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskFailed), 0);
});

test('an AbortError that the cancellation caused counts as cancelled as well', async () => {
  const { server, start } = runnerWith({
    fetching: () => {
      heartbeat();
      return new Promise((_resolve, reject) =>
        cancellationSignal().addEventListener('abort', () => reject(new DOMException('This operation was aborted', 'AbortError'))),
      );
    },
  });
  server.on(WorkflowService.RecordActivityTaskHeartbeat, () => ({ cancelRequested: true }));
  start({ activityType: { name: 'fetching' } });
  await server.next(WorkflowService.RespondActivityTaskCanceled);
});

test('CancelledFailure without a request is an ordinary failure', async () => {
  const { server, start } = runnerWith({
    moody: () => {
      throw new CancelledFailure('I do not want to');
    },
  });
  start({ activityType: { name: 'moody' } });
  // Servers take no failure that says "cancelled" for an attempt that nobody cancelled: it would end by its timeout.
  const { message, canceledFailureInfo, applicationFailureInfo } = await failureOf(server);
  assert.equal(canceledFailureInfo, undefined);
  assert.deepEqual([message, applicationFailureInfo?.type, applicationFailureInfo?.nonRetryable], ['I do not want to', 'CancelledFailure', false]);
});

test('when the server no longer knows the activity, it is cancelled and nothing is reported', async () => {
  let seen: unknown;
  const { server, runner, start } = runnerWith({
    orphan: async () => {
      heartbeat();
      await Context.current().cancelled.catch((error: Error) => (seen = { message: error.message, ...cancellationDetails() }));
    },
  });
  server.on(WorkflowService.RecordActivityTaskHeartbeat, () => {
    throw new RpcError(Code.NOT_FOUND, 'workflow closed');
  });
  start({ activityType: { name: 'orphan' } });
  await runner.whenIdle();
  assert.deepEqual(seen, {
    message: 'NOT_FOUND',
    notFound: true,
    cancelRequested: false,
    paused: false,
    timedOut: false,
    workerShutdown: false,
    reset: false,
  });
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskCompleted), 0);
});

test('pause and reset end the attempt as a retryable failure', async () => {
  for (const [reply, type] of [
    [{ activityPaused: true }, 'ActivityPause'],
    [{ activityReset: true }, 'ActivityReset'],
  ] as const) {
    const { server, start } = runnerWith({
      patient: async () => {
        heartbeat();
        await sleep('1 hour');
      },
    });
    server.on(WorkflowService.RecordActivityTaskHeartbeat, () => reply);
    start({ activityType: { name: 'patient' } });
    const failure = await failureOf(server);
    assert.equal(failure.applicationFailureInfo?.type, type);
    assert.equal(failure.applicationFailureInfo?.nonRetryable, false);
  }
});

test('the latest heartbeat details reach the server before the failure does', async () => {
  const { server, start } = runnerWith({
    failing: () => {
      for (let row = 1; row <= 9; row++) heartbeat({ row });
      throw new Error('at row 10');
    },
  });
  const details: unknown[] = [];
  server.on(WorkflowService.RecordActivityTaskHeartbeat, (request) => {
    details.push(...values(request.details));
    return {};
  });
  start({ activityType: { name: 'failing' } });
  await failureOf(server);
  assert.deepEqual(details, [{ row: 1 }, { row: 9 }]);
});

test('heartbeat details are those of the moment of the call', async () => {
  const { server, start } = runnerWith({
    mutating: () => {
      const progress = { row: 1 };
      heartbeat(progress);
      progress.row = 2;
    },
  });
  start({ activityType: { name: 'mutating' } });
  assert.deepEqual(values((await server.next(WorkflowService.RecordActivityTaskHeartbeat)).details), [{ row: 1 }]);
});

test('an activity past its start-to-close timeout is told so, without any heartbeat, and the server says that it timed out', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let seen: unknown;
  const { server, start } = runnerWith({
    stuck: () =>
      Context.current().cancelled.catch((error: unknown) => {
        seen = error;
        throw error;
      }),
  });
  start({ activityType: { name: 'stuck' }, startToCloseTimeout: 0.000_1 });
  await settle();
  mock.timers.tick(1_000);
  await settle();
  assert.ok(seen instanceof CancelledFailure);
  assert.equal(seen.message, 'TIMED_OUT');
  for (const report of [WorkflowService.RespondActivityTaskFailed, WorkflowService.RespondActivityTaskCanceled]) assert.equal(server.untaken(report), 0);
});

test('a worker that shuts down fails its activities so that the server retries them elsewhere', async () => {
  const { server, runner, start } = runnerWith({ patient: () => sleep('1 hour') });
  start({ activityType: { name: 'patient' } });
  await settle();
  runner.cancelAll('WORKER_SHUTDOWN', { workerShutdown: true });
  const failure = await failureOf(server);
  assert.equal(failure.applicationFailureInfo?.type, 'WorkerShutdown');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, false);
});

test('concurrent activities keep their own contexts across awaits', async () => {
  const gate: (() => void)[] = [];
  const { server, start } = runnerWith({
    who: async () => {
      await new Promise<void>((resolve) => gate.push(resolve));
      return Promise.all([activityInfo().activityId, new Promise((resolve) => setImmediate(() => resolve(activityInfo().activityId)))]);
    },
  });
  for (const activityId of ['a', 'b', 'c']) start({ activityType: { name: 'who' }, activityId });
  await settle();
  for (const open of gate.reverse()) open();
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) seen.push(values((await server.next(WorkflowService.RespondActivityTaskCompleted)).result)[0]);
  assert.deepEqual(seen.sort(), [
    ['a', 'a'],
    ['b', 'b'],
    ['c', 'c'],
  ]);
});
