/**
 * What a user of either SDK sees. Each scenario runs with our client and worker and with the official ones, against our server:
 * results, errors and histories must be the same, and every history must replay.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, WorkflowHandle } from 'perdure/client';
import { tokens } from './activities.js';

export interface Stage {
  readonly client: Client;
  readonly taskQueue: string;
  /** A name that no other run uses. */
  readonly id: (name: string) => string;
  /** Starts a worker; ends when disposed. */
  readonly worker: (options?: object) => Promise<AsyncDisposable>;
}

export interface Scenario {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

async function start(stage: Stage, type: string, args: unknown[] = [], options: object = {}): Promise<WorkflowHandle> {
  return stage.client.workflow.start(type, { taskQueue: stage.taskQueue, workflowId: stage.id(type), args, ...options });
}

async function execute(stage: Stage, type: string, ...args: unknown[]): Promise<unknown> {
  return (await start(stage, type, args)).result();
}

interface Nested {
  readonly name: string;
  readonly message: string;
  readonly type?: string;
  readonly details?: unknown[];
  readonly cause?: Nested;
}

async function failure(promise: Promise<unknown>): Promise<Nested> {
  return promise.then(
    () => assert.fail('expected a failure'),
    (error: unknown) => error as Nested,
  );
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a workflow without steps returns its result',
    run: async (stage) => assert.equal(await execute(stage, 'hello', 'Ada'), 'hello, Ada'),
  },
  { name: 'an activity', run: async (stage) => assert.equal(await execute(stage, 'greetByActivity', 'Ada'), '[Ada]') },
  { name: 'an activity that fails twice is retried', run: async (stage) => assert.equal(await execute(stage, 'flaky', 2), 3) },
  {
    name: 'a non-retryable failure reaches the client with its chain of causes',
    run: async (stage) => {
      const error = await failure(execute(stage, 'declined'));
      assert.equal(error.name, 'WorkflowFailedError');
      assert.equal(error.cause?.name, 'ActivityFailure');
      assert.equal(error.cause?.cause?.name, 'ApplicationFailure');
      assert.equal(error.cause?.cause?.type, 'Declined');
      assert.equal(error.cause?.cause?.message, 'card declined');
    },
  },
  {
    name: 'attempts that are used up fail the workflow',
    run: async (stage) => {
      const error = await failure(execute(stage, 'failsOnce'));
      assert.equal(error.cause?.cause?.message, 'attempt 1 fails');
    },
  },
  { name: 'fifty timers of one millisecond', run: async (stage) => assert.equal(await execute(stage, 'manySleeps', 50), 50) },
  {
    name: 'an approval signal in time, and one that never comes',
    run: async (stage) => {
      const handle = await start(stage, 'approval', [30_000]);
      await handle.signal('approve', 'Grace');
      assert.equal(await handle.result(), 'approved by Grace');
      assert.equal(await execute(stage, 'approval', 50), 'timed out');
    },
  },
  {
    name: 'a hundred signals keep their order, and a query sees each signal that was acknowledged before it',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [100]);
      for (let i = 0; i < 100; i++) {
        await handle.signal('push', i);
        if (i % 25 === 0) assert.deepEqual(await handle.query('pushed'), Array.from({ length: i + 1 }, (_, n) => n));
      }
      const expected = Array.from({ length: 100 }, (_, n) => n);
      assert.deepEqual(await handle.result(), expected);
      assert.deepEqual(await handle.query('pushed'), expected, 'a closed run answers queries');
    },
  },
  {
    name: 'signals in parallel while tasks run all arrive',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [60]);
      await Promise.all(Array.from({ length: 60 }, (_, i) => handle.signal('push', i)));
      assert.equal(new Set((await handle.result()) as number[]).size, 60);
    },
  },
  {
    name: 'an unknown query is a typed error',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [1]);
      const error = await failure(handle.query('nonsense'));
      assert.equal(error.name, 'QueryNotRegisteredError');
      await handle.signal('push', 1);
      await handle.result();
    },
  },
  {
    name: 'a cancelled workflow cleans up and ends as cancelled',
    run: async (stage) => {
      const handle = await start(stage, 'cleansUp');
      await delay(100);
      await handle.cancel();
      const error = await failure(handle.result());
      assert.equal(error.cause?.name, 'CancelledFailure');
      assert.equal((await handle.describe()).status.name, 'CANCELLED');
    },
  },
  { name: 'a running activity is cancelled through its heartbeat', run: async (stage) => assert.equal(await execute(stage, 'cancelsActivity'), 'cancelled') },
  { name: 'heartbeat details survive to the next attempt', run: async (stage) => assert.equal(await execute(stage, 'resumesFromHeartbeat'), 42) },
  {
    name: 'fifty activities in parallel',
    run: async (stage) => assert.deepEqual(await execute(stage, 'parallel', 50), Array.from({ length: 50 }, (_, i) => `[${i}]`)),
  },
  {
    name: 'a business failure keeps type and details',
    run: async (stage) => {
      const { cause } = await failure(execute(stage, 'businessFailure'));
      assert.equal(cause?.type, 'OutOfStock');
      assert.deepEqual(cause?.details, ['sku-1', 3]);
    },
  },
  {
    name: 'terminate ends a workflow at once',
    run: async (stage) => {
      const handle = await start(stage, 'approval', [600_000]);
      await handle.terminate('enough');
      const error = await failure(handle.result());
      assert.equal(error.cause?.name, 'TerminatedFailure');
      assert.equal((await handle.describe()).status.name, 'TERMINATED');
      assert.equal((await failure(handle.signal('approve', 'late'))).name, 'WorkflowNotFoundError');
    },
  },
  {
    name: 'a workflow id is unique among running workflows and free again after',
    run: async (stage) => {
      const first = await start(stage, 'approval', [600_000]);
      const again = () => stage.client.workflow.start('approval', { taskQueue: stage.taskQueue, workflowId: first.workflowId, args: [1] });
      assert.equal((await failure(again())).name, 'WorkflowExecutionAlreadyStartedError');
      await first.signal('approve', 'x');
      await first.result();
      assert.equal(await (await again()).result(), 'timed out');
    },
  },
  {
    name: 'an activity is completed from outside by its token',
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      while (!tokens.has(handle.workflowId)) await delay(10);
      await stage.client.activity.complete(tokens.get(handle.workflowId) as Uint8Array, 'from outside');
      assert.equal(await handle.result(), 'from outside');
    },
  },
  {
    name: 'time, random numbers and ids of a workflow are its own',
    run: async (stage) => {
      const handle = await start(stage, 'deterministic');
      const result = (await handle.result()) as { first: string; second: string; random: number; elapsed: number; runId: string };
      assert.notEqual(result.first, result.second);
      assert.ok(result.random >= 0 && result.random < 1);
      assert.ok(result.elapsed >= 20, 'workflow time passes with its timers');
      assert.equal(result.runId, (await handle.describe()).runId);
    },
  },
  {
    name: 'a task that nobody polls for times out',
    run: async (stage) => {
      const error = await failure(execute(stage, 'neverPolled'));
      assert.equal(error.cause?.cause?.name, 'TimeoutFailure');
    },
  },
  {
    name: 'describe shows a running workflow and its pending activity',
    run: async (stage) => {
      const handle = await start(stage, 'asyncCompletion');
      while (!tokens.has(handle.workflowId)) await delay(10);
      const description = await handle.describe();
      assert.equal(description.status.name, 'RUNNING');
      assert.equal(description.type, 'asyncCompletion');
      assert.equal(description.taskQueue, stage.taskQueue);
      assert.ok(description.startTime instanceof Date);
      assert.equal(description.raw.pendingActivities?.length, 1);
      assert.equal(description.raw.pendingActivities?.[0]?.activityType?.name, 'completedElsewhere');
      await stage.client.activity.complete(tokens.get(handle.workflowId) as Uint8Array, 'done');
      await handle.result();
    },
  },
  {
    name: 'memo and search attributes given at the start are described',
    run: async (stage) => {
      const handle = await start(stage, 'hello', ['x'], { memo: { note: 'kept' } });
      await handle.result();
      assert.deepEqual((await handle.describe()).memo, { note: 'kept' });
    },
  },
  {
    name: 'a result that is asked for twice, and of an unknown workflow',
    run: async (stage) => {
      const handle = await start(stage, 'hello', ['x']);
      assert.equal(await handle.result(), 'hello, x');
      assert.equal(await stage.client.workflow.getHandle(handle.workflowId).result(), 'hello, x');
      const error = await failure(stage.client.workflow.getHandle('no-such-workflow').result());
      assert.equal(error.name, 'WorkflowNotFoundError');
    },
  },
];

/** Scenarios that start their own workers. */
export const WORKER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'without a cache every task replays the whole history',
    run: async (stage) => {
      await using _ = await stage.worker({ maxCachedWorkflows: 0 });
      assert.equal(await execute(stage, 'multiStep'), '[0][1][2][3][4]');
      const handle = await start(stage, 'ordered', [20]);
      for (let i = 0; i < 20; i++) await handle.signal('push', i);
      assert.equal(((await handle.result()) as number[]).length, 20);
      assert.equal(((await handle.query('pushed')) as number[]).length, 20);
    },
  },
  {
    name: 'a workflow goes on with another worker after its own stopped',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [3]);
      {
        await using _ = await stage.worker();
        await handle.signal('push', 1);
        assert.deepEqual(await handle.query('pushed'), [1]);
      }
      await handle.signal('push', 2);
      await using _ = await stage.worker();
      await handle.signal('push', 3);
      assert.deepEqual(await handle.result(), [1, 2, 3]);
    },
  },
  {
    name: 'two workers share one queue',
    run: async (stage) => {
      await using _one = await stage.worker({ buildId: 'one' });
      await using _two = await stage.worker({ buildId: 'two', maxCachedWorkflows: 2 });
      const results = await Promise.all(Array.from({ length: 20 }, () => execute(stage, 'multiStep')));
      assert.deepEqual(new Set(results), new Set(['[0][1][2][3][4]']));
    },
  },
];
