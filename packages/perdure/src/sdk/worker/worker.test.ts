/** Shows a worker's life: what it polls for, how it ends, and that it leaves nothing behind. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Code, RpcError, WorkflowService } from '../../protocol/index.js';
import { defaultDataConverter, IllegalStateError, ValueError } from '../common/index.js';
import { cancelled, sleep } from '../activity/index.js';
import type { WorkflowExecutor } from '../replay/executor.js';
import { CombinedWorkerRunError, GracefulShutdownPeriodExpiredError, WorkerPollError } from './errors.js';
import { FakeServer, settle, silentLogger } from './testing-server.js';
import { describeNamespace } from './namespace.js';
import { compileWorkerOptions, type WorkerOptions } from './worker-options.js';
import { Worker, type WorkerParts } from './worker.js';

const noWorkflows: WorkflowExecutor = {
  handle: () => Promise.resolve({ kind: 'completed', commands: [], messages: [], queryResults: new Map() }),
  evict: () => {},
  forgetLastTask: () => {},
  replay: () => Promise.resolve(undefined),
  cachedRuns: 0,
  workflowTypes: [],
  close: () => Promise.resolve(),
};

function workerOf(server: FakeServer, options: Partial<WorkerOptions>, parts: Partial<WorkerParts> = {}): Worker {
  return new Worker({
    options: compileWorkerOptions({ taskQueue: 'orders', ...options }),
    connection: { transport: server.transport },
    namespace: { blobSizeLimitBytes: 2 ** 21, endsPollsOnShutdown: false },
    dataConverter: defaultDataConverter,
    logger: silentLogger(),
    ...parts,
  });
}

const bundle = {} as NonNullable<WorkerOptions['workflowBundle']>;

test('a worker for activities alone polls for nothing else, and the other way round', async () => {
  const server = new FakeServer();
  const worker = workerOf(server, { activities: { noop: () => {} }, maxConcurrentActivityTaskPolls: 3 });
  const run = worker.run();
  await settle();
  assert.equal(server.activityTasks.waiting, 3);
  assert.equal(server.workflowTasks.polls + server.stickyTasks.polls, 0);
  worker.shutdown();
  await run;

  const other = workerOf(server, { workflowBundle: bundle, maxConcurrentWorkflowTaskPolls: 5 }, { executor: noWorkflows });
  const otherRun = other.run();
  await settle();
  assert.equal(server.activityTasks.waiting, 0);
  assert.equal(server.workflowTasks.waiting, 1);
  assert.equal(server.stickyTasks.waiting, 4);
  other.shutdown();
  await otherRun;
});

test('without a cache all polls wait on the normal queue', async () => {
  const server = new FakeServer();
  const worker = workerOf(server, { workflowBundle: bundle, maxCachedWorkflows: 0 }, { executor: noWorkflows });
  const run = worker.run();
  await settle();
  assert.equal(server.workflowTasks.waiting, 10);
  assert.equal(server.stickyTasks.polls, 0);
  worker.shutdown();
  await run;
});

test('shutdown ends hanging polls at once, tells the server, and survives a server that does not know that call', async () => {
  const server = new FakeServer();
  server.on(WorkflowService.ShutdownWorker, () => {
    throw new RpcError(Code.UNIMPLEMENTED, 'ShutdownWorker');
  });
  const worker = workerOf(server, { workflowBundle: bundle, activities: { noop: () => {} } }, { executor: noWorkflows });
  assert.equal(worker.getState(), 'INITIALIZED');
  const run = worker.run();
  await settle();
  assert.equal(worker.getState(), 'RUNNING');
  assert.equal(worker.getStatus().hasOutstandingActivityPoll, true);
  worker.shutdown();
  await run;
  assert.equal(worker.getState(), 'STOPPED');
  assert.equal(server.activityTasks.waiting + server.workflowTasks.waiting + server.stickyTasks.waiting, 0);
  assert.match((await server.next(WorkflowService.ShutdownWorker)).stickyTaskQueue, /@/);
  await assert.rejects(worker.run(), IllegalStateError);
  assert.throws(() => worker.shutdown(), IllegalStateError);
});

test('where the server ends the polls itself, a task handed over in the last moment is still done', async () => {
  const server = new FakeServer();
  const worker = workerOf(
    server,
    { activities: { greet: () => 'hello' }, maxConcurrentActivityTaskPolls: 2 },
    { namespace: { blobSizeLimitBytes: 2 ** 21, endsPollsOnShutdown: true } },
  );
  server.on(WorkflowService.ShutdownWorker, () => {
    server.activityTasks.give({ taskToken: new Uint8Array([1]), activityType: { name: 'greet' }, attempt: 1 });
    server.activityTasks.give({});
    return {};
  });
  const run = worker.run();
  await settle();
  worker.shutdown();
  await run;
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskCompleted), 1);
});

test('running activities get the grace time, then they are cancelled, and run ends when they are reported', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const server = new FakeServer();
  const worker = workerOf(server, { activities: { patient: () => sleep('1 day') }, shutdownGraceTime: '10s' });
  const run = worker.run();
  server.activityTasks.give({ taskToken: new Uint8Array([1]), activityType: { name: 'patient' }, attempt: 1 });
  await settle();
  assert.equal(worker.getStatus().numInFlightActivities, 1);
  worker.shutdown();
  await settle();
  assert.equal(worker.getState(), 'DRAINING');
  mock.timers.tick(9_999);
  await settle();
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskFailed), 0);
  mock.timers.tick(1);
  await run;
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskFailed), 1);
  assert.equal(worker.getState(), 'STOPPED');
});

test('an activity that ignores its cancellation runs into the force time', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const server = new FakeServer();
  const worker = workerOf(server, { activities: { deaf: () => cancelled().catch(() => new Promise(() => {})) }, shutdownForceTime: '30s' });
  const run = worker.run();
  run.catch(() => {});
  server.activityTasks.give({ taskToken: new Uint8Array([1]), activityType: { name: 'deaf' }, attempt: 1 });
  await settle();
  worker.shutdown();
  await settle();
  mock.timers.tick(29_999);
  await settle();
  assert.equal(worker.getState(), 'DRAINING');
  mock.timers.tick(1);
  await assert.rejects(run, GracefulShutdownPeriodExpiredError);
  assert.equal(worker.getState(), 'FAILED');
});

test('no more activities run than there are slots', async () => {
  const server = new FakeServer();
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const activities = {
    work: async () => {
      most = Math.max(most, (running += 1));
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
    },
  };
  const worker = workerOf(server, { activities, maxConcurrentActivityTaskExecutions: 3 });
  const run = worker.run();
  for (let i = 1; i <= 10; i++) server.activityTasks.give({ taskToken: new Uint8Array([i]), activityType: { name: 'work' }, attempt: 1 });
  for (let done = 0; done < 10; ) {
    await settle();
    assert.ok(running <= 3);
    for (const end of ends.splice(0)) {
      end();
      done += 1;
    }
  }
  await settle();
  worker.shutdown();
  await run;
  assert.equal(most, 3);
  assert.equal(server.untaken(WorkflowService.RespondActivityTaskCompleted), 10);
});

test('runUntil gives what the promise gives, and waits for the worker', async () => {
  const server = new FakeServer();
  const worker = workerOf(server, { activities: { noop: () => {} } });
  assert.equal(await worker.runUntil(async () => worker.getState()), 'RUNNING');
  assert.equal(worker.getState(), 'STOPPED');
});

test('runUntil throws what the promise throws, and both failures when the worker failed too', async () => {
  const server = new FakeServer();
  await assert.rejects(
    workerOf(server, { activities: { noop: () => {} } }).runUntil(() => Promise.reject(new Error('inner'))),
    /inner/,
  );
  const failing = workerOf(server, { activities: { noop: () => {} } }, { release: () => Promise.reject(new Error('outer')) });
  await assert.rejects(failing.runUntil(Promise.reject(new Error('inner'))), CombinedWorkerRunError);
});

test('when the server keeps refusing polls, run fails and running activities are told to stop', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let now = 0;
  mock.method(performance, 'now', () => now);
  t.after(() => mock.restoreAll());
  const server = new FakeServer();
  let told: unknown;
  const worker = workerOf(server, { activities: { patient: () => cancelled().catch((error: Error) => (told = error.message)) } });
  const run = worker.run();
  const ended = assert.rejects(run, WorkerPollError);
  server.activityTasks.give({ taskToken: new Uint8Array([1]), activityType: { name: 'patient' }, attempt: 1 });
  await settle();
  server.on(WorkflowService.PollActivityTaskQueue, () => {
    throw new RpcError(Code.PERMISSION_DENIED, 'not any more');
  });
  for (let i = 0; i < 12; i++) {
    now += 10_000;
    while (server.activityTasks.waiting > 0) server.activityTasks.give({});
    mock.timers.tick(20_000);
    await settle();
  }
  await ended;
  await settle();
  assert.equal(told, 'WORKER_SHUTDOWN');
});

test('a namespace that does not exist is an error that names it', async () => {
  const server = new FakeServer();
  server.on(WorkflowService.DescribeNamespace, () => {
    throw new RpcError(Code.NOT_FOUND, 'Namespace oders is not found.');
  });
  await assert.rejects(describeNamespace(server.transport, 'oders', silentLogger()), /oders/);
  server.on(WorkflowService.DescribeNamespace, () => {
    throw new RpcError(Code.UNIMPLEMENTED, 'DescribeNamespace');
  });
  assert.equal((await describeNamespace(server.transport, 'default', silentLogger())).endsPollsOnShutdown, false);
});

test('a worker that cannot be made because of its code asks the server no more', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const server = new FakeServer();
  let asked = 0;
  server.on(WorkflowService.DescribeNamespace, () => {
    asked++;
    throw new RpcError(Code.UNAVAILABLE, 'starting');
  });
  await assert.rejects(Worker.create({ taskQueue: 'orders', connection: { transport: server.transport }, workflowsPath: '/no/such/file.ts' }), /names no file/);
  await settle();
  const askedUntilNow = asked;
  t.mock.timers.tick(60_000);
  await settle();
  assert.equal(asked, askedUntilNow);
});

test('options are checked, with the option named', () => {
  const activities = { noop: () => {} };
  const wrong = (options: Partial<WorkerOptions>, message: RegExp) =>
    assert.throws(
      () => compileWorkerOptions({ taskQueue: 'orders', ...options }),
      (error: unknown) => error instanceof ValueError && message.test(error.message),
    );
  wrong({ taskQueue: '', activities }, /taskQueue/);
  wrong({}, /nothing to do/);
  wrong({ activities, maxConcurrentActivityTaskExecutions: 0 }, /maxConcurrentActivityTaskExecutions.*got 0/);
  wrong({ activities, maxConcurrentActivityTaskExecutions: 5, maxConcurrentActivityTaskPolls: 6 }, /maxConcurrentActivityTaskPolls.*5/);
  wrong({ workflowBundle: bundle, maxConcurrentWorkflowTaskExecutions: 1 }, /maxConcurrentWorkflowTaskExecutions.*2/);
  wrong({ workflowBundle: bundle, workflowsPath: './w.ts' }, /not both/);
  wrong({ activities, maxCachedWorkflows: 1.5 }, /maxCachedWorkflows/);
  assert.equal(compileWorkerOptions({ taskQueue: 'q', workflowBundle: bundle, maxCachedWorkflows: 0 }).stickyWorkflowPolls, undefined);
});

test('methods of an object with a class are activities that keep their this', async () => {
  class Mailer {
    readonly #from = 'shop';
    send(): string {
      return this.#from;
    }
  }
  const { activities } = compileWorkerOptions({ taskQueue: 'q', activities: new Mailer() });
  assert.deepEqual([...activities.keys()], ['send']);
  assert.equal(activities.get('send')?.(), 'shop');
});
