/** Task queues: who goes first, how fast, and what operators see and set. */
import assert from 'node:assert/strict';
import { Code, EventType, RpcError, TaskQueueType, WorkflowService, type DescribeTaskQueueRequest, type DescribeTaskQueueResponse, type Init } from '#perdure/protocol/index';
import { eventually, start, type Scenario, type Stage } from '../scenario.js';
import { ran } from './activities.js';
import type { Errand } from './workflows.js';

const describe = (stage: Stage, name: string, request: Init<DescribeTaskQueueRequest> = {}): Promise<DescribeTaskQueueResponse> =>
  stage.call(WorkflowService.DescribeTaskQueue, { namespace: stage.namespace, taskQueue: { name }, taskQueueType: TaskQueueType.ACTIVITY, reportStats: true, ...request });

const backlogOf = async (stage: Stage, name: string): Promise<number> => (await describe(stage, name)).stats?.approximateBacklogCount ?? 0;

/** Runs the errands one at a time by a worker that comes when all of them wait; returns their names in the order in which they ran. */
async function runOneByOne(stage: Stage, list: readonly Errand[]): Promise<string[]> {
  const queue = stage.id('errands');
  const handle = await start(stage, 'errands', [queue, list]);
  await eventually(async () => (await backlogOf(stage, queue)) === list.length, 'the backlog');
  await using _ = await stage.worker({ taskQueue: queue, maxConcurrentActivityTaskExecutions: 1 });
  await handle.result();
  return ran.get(handle.workflowId) ?? [];
}

const many = (name: string, count: number, priority: Errand['priority'] = {}): Errand[] => Array.from({ length: count }, () => ({ name, priority }));

const setRate = (stage: Stage, taskQueue: string, requestsPerSecond: number | undefined, reason = 'scenario') =>
  stage.call(WorkflowService.UpdateTaskQueueConfig, {
    namespace: stage.namespace,
    taskQueue,
    taskQueueType: TaskQueueType.ACTIVITY,
    identity: 'operator',
    updateQueueRateLimit: { ...(requestsPerSecond !== undefined && { rateLimit: { requestsPerSecond } }), reason },
  });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'of tasks that wait, those of a lower priority key go first',
    covers: ['rpc:PollActivityTaskQueue', 'rpc:DescribeTaskQueue'],
    varies: 'activities complete in the order of their tasks, and a worker is told of several at once',
    run: async (stage) => {
      const keys = [5, 4, 3, 2, 1].flatMap((priorityKey) => many(`${priorityKey}`, 3, { priorityKey }));
      assert.deepEqual(await runOneByOne(stage, keys), keys.map(({ name }) => name).reverse());
    },
  },
  {
    name: 'a fairness key with few tasks is not held up by one with many',
    covers: ['rpc:PollActivityTaskQueue'],
    varies: 'activities complete in the order of their tasks, and a worker is told of several at once',
    run: async (stage) => {
      const names = await runOneByOne(stage, [...many('many', 40, { fairnessKey: 'many' }), ...many('few', 4, { fairnessKey: 'few' })]);
      assert.equal(names.slice(0, 12).filter((name) => name === 'few').length, 4, names.join(' '));
    },
  },
  {
    name: 'fairness keys share by their weights',
    covers: ['rpc:PollActivityTaskQueue'],
    varies: 'activities complete in the order of their tasks, and a worker is told of several at once',
    run: async (stage) => {
      const names = await runOneByOne(stage, [...many('light', 30, { fairnessKey: 'light', fairnessWeight: 1 }), ...many('heavy', 30, { fairnessKey: 'heavy', fairnessWeight: 3 })]);
      const heavy = names.slice(0, 24).filter((name) => name === 'heavy').length;
      assert.ok(heavy >= 16 && heavy <= 20, `${heavy} of the first 24 are heavy, 18 would be their share`);
    },
  },
  {
    name: 'activities start no faster than workers ask for',
    worker: 'own',
    covers: ['rpc:PollActivityTaskQueue', 'rpc:DescribeTaskQueue'],
    varies: 'activities complete in the order of their tasks, and a worker is told of several at once',
    run: async (stage) => {
      await using _ = await stage.worker({ maxTaskQueueActivitiesPerSecond: 5 });
      const handle = await start(stage, 'errands', [stage.taskQueue, many('errand', 12)]);
      await handle.result();
      const startedAt = (await stage.history(handle.workflowId)).filter(({ eventType }) => eventType === EventType.ACTIVITY_TASK_STARTED).map(({ eventTime }) => eventTime ?? 0);
      // A second's worth at once, then five a second. Another server may let one or two more go at first.
      assert.ok(Math.max(...startedAt) - Math.min(...startedAt) >= 900, startedAt.join(' '));
      const { effectiveRateLimit, pollers } = await describe(stage, stage.taskQueue);
      assert.equal(effectiveRateLimit?.requestsPerSecond, 5);
      assert.deepEqual([...new Set(pollers.map(({ ratePerSecond }) => ratePerSecond))], [5]);
    },
  },
  {
    name: 'a queue is stopped and goes on as operators say',
    covers: ['rpc:UpdateTaskQueueConfig', 'rpc:DescribeTaskQueue'],
    run: async (stage) => {
      const queue = stage.id('stopped');
      await using _ = await stage.worker({ taskQueue: queue });
      const { config } = await setRate(stage, queue, 0, 'maintenance');
      assert.equal(config?.queueRateLimit?.metadata?.reason, 'maintenance');
      assert.equal(config.queueRateLimit.metadata.updateIdentity, 'operator');
      await eventually(async () => (await describe(stage, queue)).effectiveRateLimit?.requestsPerSecond === 0, 'the limit');
      const handle = await start(stage, 'errands', [queue, many('errand', 1)]);
      await eventually(async () => (await backlogOf(stage, queue)) === 1, 'the backlog');
      assert.equal(ran.get(handle.workflowId), undefined);
      await setRate(stage, queue, undefined);
      await handle.result();
    },
  },
  {
    name: 'operators see pollers, backlog, rates and configuration of a queue',
    worker: 'own',
    covers: ['rpc:DescribeTaskQueue', 'rpc:UpdateTaskQueueConfig', 'rpc:ListTaskQueuePartitions'],
    run: async (stage) => {
      const workflow = (request: Init<DescribeTaskQueueRequest> = {}) => describe(stage, stage.taskQueue, { taskQueueType: TaskQueueType.WORKFLOW, ...request });
      const handle = await start(stage, 'nothing');
      await eventually(async () => (await workflow()).stats?.approximateBacklogCount === 1, 'the backlog');
      const before = await workflow({ includeTaskQueueStatus: true, reportConfig: true });
      assert.deepEqual(before.pollers, []);
      assert.notEqual(before.taskQueueStatus, undefined);
      assert.equal(before.statsByPriorityKey.get(3)?.approximateBacklogCount, 1);
      assert.ok((before.stats?.tasksAddRate ?? 0) > 0);
      assert.equal(before.versioningInfo?.currentVersion, '__unversioned__');
      await using _ = await stage.worker({ identity: stage.id('worker') });
      await handle.result();
      const after = await eventually(async () => {
        const described = await workflow();
        return described.stats?.approximateBacklogCount === 0 && (described.stats.tasksDispatchRate ?? 0) > 0 && described;
      }, 'the dispatch');
      assert.ok(after.pollers.some(({ identity, lastAccessTime }) => identity === stage.id('worker') && (lastAccessTime ?? 0) > 0));
      const enhanced = await workflow({ apiMode: 1, reportPollers: true });
      assert.deepEqual([...enhanced.versionsInfo.keys()], ['']);
      assert.deepEqual([...(enhanced.versionsInfo.get('')?.typesInfo.keys() ?? [])].sort(), [TaskQueueType.WORKFLOW, TaskQueueType.ACTIVITY]);
      const partitions = await stage.call(WorkflowService.ListTaskQueuePartitions, { namespace: stage.namespace, taskQueue: { name: stage.taskQueue } });
      assert.ok(partitions.workflowTaskQueuePartitions.some(({ key }) => key === stage.taskQueue));
      const refused = (request: object, says: RegExp) =>
        assert.rejects(
          stage.call(WorkflowService.UpdateTaskQueueConfig, { namespace: stage.namespace, taskQueue: stage.taskQueue, taskQueueType: TaskQueueType.WORKFLOW, ...request }),
          (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message),
        );
      await refused({ updateQueueRateLimit: { rateLimit: { requestsPerSecond: 1 }, reason: '' } }, /on workflow task queues is not allowed/);
      await refused({ setFairnessWeightOverrides: new Map([['', 1]]) }, /must not be empty/);
      await refused({ setFairnessWeightOverrides: new Map([['a', 1]]), unsetFairnessWeightOverrides: ['a'] }, /both set and unset/);
    },
  },
  {
    name: 'what operators set for a queue outlives the server',
    server: 'own',
    worker: 'own',
    covers: ['rpc:UpdateTaskQueueConfig', 'rpc:DescribeTaskQueue'],
    run: async (stage) => {
      const { config } = await stage.call(WorkflowService.UpdateTaskQueueConfig, {
        namespace: stage.namespace,
        taskQueue: stage.taskQueue,
        taskQueueType: TaskQueueType.ACTIVITY,
        identity: 'operator',
        updateQueueRateLimit: { rateLimit: { requestsPerSecond: 3 }, reason: 'a slow bank' },
        setFairnessWeightOverrides: new Map([['vip', 5]]),
      });
      await stage.server?.kill();
      await stage.server?.start();
      const described = await describe(stage, stage.taskQueue, { reportConfig: true });
      assert.deepEqual(described.config, config);
      assert.equal(described.effectiveRateLimit?.requestsPerSecond, 3);
    },
  },
];
