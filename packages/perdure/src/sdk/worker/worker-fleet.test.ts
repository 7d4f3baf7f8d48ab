/** What a worker tells the server of itself: that it is alive and how it is doing, which code it runs; and how its options limit it. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { TaskQueueType, VersioningBehavior, WorkerStatus, WorkerVersioningMode, WorkflowService, type PollWorkflowTaskQueueRequest } from '../../protocol/index.js';
import { defaultDataConverter, ValueError } from '../common/index.js';
import type { TaskOutcome, WorkflowExecutor } from '../replay/executor.js';
import { FakeServer, settle, silentLogger } from './testing-server.js';
import { compileWorkerOptions, type WorkerOptions } from './worker-options.js';
import { Worker } from './worker.js';

const bundle = {} as NonNullable<WorkerOptions['workflowBundle']>;

function executorOf(outcome: Partial<Extract<TaskOutcome, { kind: 'completed' }>> = {}): WorkflowExecutor {
  return {
    handle: () => Promise.resolve({ kind: 'completed', commands: [], messages: [], queryResults: new Map(), ...outcome }),
    evict: () => {},
    forgetLastTask: () => {},
    replay: () => Promise.resolve(undefined),
    cachedRuns: 7,
    cacheCounts: { hits: 5, misses: 2 },
    workflowTypes: [],
    close: () => Promise.resolve(),
  };
}

function workerOf(server: FakeServer, options: Partial<WorkerOptions>, executor?: WorkflowExecutor): Worker {
  return new Worker({
    options: compileWorkerOptions({ taskQueue: 'orders', ...options }),
    connection: { transport: server.transport },
    namespace: { blobSizeLimitBytes: 2 ** 21, endsPollsOnShutdown: false, takesWorkerHeartbeats: true },
    dataConverter: defaultDataConverter,
    logger: silentLogger(),
    executor,
  });
}

test('a worker tells every minute that it is alive and how it is doing, and once more when it says goodbye', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000 });
  t.after(() => mock.timers.reset());
  const server = new FakeServer().on(WorkflowService.RecordWorkerHeartbeat, () => ({}));
  const worker = workerOf(server, { activities: { ok: () => 'ok', no: () => Promise.reject(new Error('no')) }, workflowBundle: bundle, identity: 'me' }, executorOf());
  const run = worker.run();
  const [first] = (await server.next(WorkflowService.RecordWorkerHeartbeat)).workerHeartbeat;
  assert.ok(first);
  assert.deepEqual([first.workerIdentity, first.taskQueue, first.status, first.sdkName], ['me', 'orders', WorkerStatus.RUNNING, 'perdure']);
  assert.equal(first.hostInfo?.processId, String(process.pid));
  assert.deepEqual([first.currentStickyCacheSize, first.totalStickyCacheHit, first.totalStickyCacheMiss], [7, 5, 2]);

  for (const [id, name] of [['1', 'ok'], ['2', 'no'], ['3', 'ok']] as const) {
    server.activityTasks.give({ taskToken: new TextEncoder().encode(id), activityId: id, activityType: { name }, attempt: 1 });
    await server.next(name === 'ok' ? WorkflowService.RespondActivityTaskCompleted : WorkflowService.RespondActivityTaskFailed);
  }
  await settle();
  mock.timers.tick(60_000);
  const [second] = (await server.next(WorkflowService.RecordWorkerHeartbeat)).workerHeartbeat;
  assert.ok(second);
  assert.equal(second.workerInstanceKey, first.workerInstanceKey);
  assert.equal(second.elapsedSinceLastHeartbeat, 60_000);
  const { slotSupplierKind, currentUsedSlots, currentAvailableSlots, totalProcessedTasks, totalFailedTasks, lastIntervalProcessedTasks } = second.activityTaskSlotsInfo!;
  assert.deepEqual([slotSupplierKind, currentUsedSlots, currentAvailableSlots, totalProcessedTasks, totalFailedTasks, lastIntervalProcessedTasks], ['Fixed', 0, 100, 3, 1, 3]);
  assert.ok(second.activityPollerInfo!.currentPollers > 0 && second.activityPollerInfo!.lastSuccessfulPollTime === 1_000);
  assert.equal(second.workflowStickyPollerInfo?.isAutoscaling, false);

  worker.shutdown();
  await run;
  const goodbye = await server.next(WorkflowService.ShutdownWorker);
  assert.equal(goodbye.workerHeartbeat?.status, WorkerStatus.SHUTTING_DOWN);
  assert.equal(goodbye.workerHeartbeat?.activityTaskSlotsInfo?.lastIntervalProcessedTasks, 0);
  assert.deepEqual(goodbye.taskQueueTypes, [TaskQueueType.WORKFLOW, TaskQueueType.ACTIVITY]);
  mock.timers.tick(600_000);
  await settle();
  assert.equal(server.untaken(WorkflowService.RecordWorkerHeartbeat), 0, 'a worker that has stopped is not alive');
});

test('the version of a deployment stands in each poll and each answer, with the behaviour of the workflow or of the worker', async () => {
  const version = { buildId: 'v7', deploymentName: 'shop' };
  for (const [own, expected] of [[undefined, VersioningBehavior.PINNED], [VersioningBehavior.AUTO_UPGRADE, VersioningBehavior.AUTO_UPGRADE]] as const) {
    const server = new FakeServer();
    const polled: PollWorkflowTaskQueueRequest[] = [];
    server.on(WorkflowService.PollWorkflowTaskQueue, (request, { signal }) => {
      polled.push(request);
      return server.workflowTasks.take(signal);
    });
    const workerDeploymentOptions = { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } as const;
    const worker = workerOf(server, { workflowBundle: bundle, maxCachedWorkflows: 0, workerDeploymentOptions }, executorOf(own && { versioningBehavior: own }));
    const run = worker.run();
    server.workflowTasks.give({ taskToken: new Uint8Array([1]), attempt: 1 });
    const completed = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
    const options = { ...version, workerVersioningMode: WorkerVersioningMode.VERSIONED };
    assert.deepEqual(polled[0]?.deploymentOptions, options);
    assert.deepEqual(completed.deploymentOptions, options);
    assert.equal(completed.versioningBehavior, expected);
    worker.shutdown();
    await run;
  }
});

test('a worker that is not versioned tells no behaviour, even if a workflow has one', async () => {
  const server = new FakeServer();
  const workerDeploymentOptions = { version: { buildId: 'v7', deploymentName: 'shop' }, useWorkerVersioning: false } as const;
  const worker = workerOf(server, { workflowBundle: bundle, workerDeploymentOptions }, executorOf({ versioningBehavior: VersioningBehavior.PINNED }));
  const run = worker.run();
  server.workflowTasks.give({ taskToken: new Uint8Array([1]), attempt: 1 });
  const completed = await server.next(WorkflowService.RespondWorkflowTaskCompleted);
  assert.equal(completed.versioningBehavior, VersioningBehavior.UNSPECIFIED);
  assert.equal(completed.deploymentOptions?.workerVersioningMode, WorkerVersioningMode.UNVERSIONED);
  worker.shutdown();
  await run;
});

test('maxActivitiesPerSecond: no further poll while a task that it brings could not start', async () => {
  const server = new FakeServer();
  const worker = workerOf(server, { activities: { ok: () => 'ok' }, maxActivitiesPerSecond: 0.001 });
  const run = worker.run();
  await settle();
  assert.equal(server.activityTasks.waiting, 1);
  server.activityTasks.give({ taskToken: new Uint8Array([1]), activityType: { name: 'ok' }, attempt: 1 });
  await server.next(WorkflowService.RespondActivityTaskCompleted);
  await settle();
  assert.equal(server.activityTasks.waiting, 0);
  worker.shutdown();
  await run;
});

test('options that contradict each other are refused, by name', () => {
  const activities = { noop: () => {} };
  const wrong = (options: Partial<WorkerOptions>, message: RegExp): void =>
    assert.throws(() => compileWorkerOptions({ taskQueue: 'orders', activities, ...options }), (error: unknown) => error instanceof ValueError && message.test(error.message));
  const tuner = { tunerOptions: { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 } };
  wrong({ tuner, maxConcurrentActivityTaskExecutions: 5 }, /tuner.*maxConcurrentActivityTaskExecutions/);
  wrong({ maxConcurrentActivityTaskPolls: 5, activityTaskPollerBehavior: { type: 'autoscaling' } }, /maxConcurrentActivityTaskPolls.*activityTaskPollerBehavior/);
  wrong({ activityTaskPollerBehavior: { type: 'autoscaling', minimum: 9, maximum: 3 } }, /activityTaskPollerBehavior\.maximum.*9.*3/);
  wrong({ activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 101 } }, /activityTaskPollerBehavior\.maximum.*100/);
  wrong({ workflowBundle: bundle, workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 } }, /workflowTaskPollerBehavior\.maximum.*2/);
  wrong({ maxActivitiesPerSecond: 0 }, /maxActivitiesPerSecond/);
  wrong({ useVersioning: true }, /buildId/);
  wrong({ buildId: 'v1', workerDeploymentOptions: { version: { buildId: 'v1', deploymentName: 'd' }, useWorkerVersioning: false } }, /not both/);
  wrong({ workerDeploymentOptions: { version: { buildId: '', deploymentName: 'd' }, useWorkerVersioning: false } }, /buildId/);
  const { activityPolls } = compileWorkerOptions({ taskQueue: 'q', activities, activityTaskPollerBehavior: { type: 'autoscaling', maximum: 3 } });
  assert.deepEqual(activityPolls, { kind: 'autoscaling', minimum: 1, maximum: 3, initial: 3 });
});
