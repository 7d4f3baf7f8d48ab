/** Operators see who polls and what waits, and what they set holds, also after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../host/host.js';
import { Matching } from '../matching/matching.js';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, PerdureService, Priority, RateLimitSource, RpcError, TaskQueueConfig, TaskQueueKind, TaskQueueType, WorkflowService, type Command, type Init, type DescribeTaskQueueRequest, type UpdateTaskQueueConfigRequest } from '../protocol/index.js';
import { NAMESPACE, QUEUE, Stage, STICKY, scheduleActivity, sticky } from '../server/testing/stage.js';
import { DEFAULT_NAMESPACE_LIMITS } from './request-limits.js';
import { TaskQueueSettings } from './task-queue-settings.js';

const describe = (stage: Stage, request: Init<DescribeTaskQueueRequest> = {}) =>
  stage.call(WorkflowService.DescribeTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, reportStats: true, reportConfig: true, ...request });
const configure = (stage: Stage, request: Init<UpdateTaskQueueConfigRequest>) =>
  stage.call(WorkflowService.UpdateTaskQueueConfig, { namespace: NAMESPACE, taskQueue: QUEUE, taskQueueType: TaskQueueType.ACTIVITY, identity: 'ada', ...request });
const priority = (given: Init<Priority>): Uint8Array => Priority.encode(Priority.create(given));

test('a queue that nobody uses is empty; one that is used shows pollers, backlog and rates by priority', async () => {
  await using stage = await Stage.open();
  const empty = await describe(stage);
  assert.deepEqual(empty.pollers, []);
  assert.deepEqual(empty.stats, { approximateBacklogCount: 0, approximateBacklogAge: 0, tasksAddRate: 0, tasksDispatchRate: 0, rateLimitingActive: false });
  assert.deepEqual([...empty.statsByPriorityKey.keys()], [3]);
  assert.equal(empty.config, undefined);
  assert.deepEqual(empty.effectiveRateLimit, { requestsPerSecond: 100_000, rateLimitSource: RateLimitSource.SYSTEM });
  await stage.start('low', { priority: priority({ priorityKey: 5 }) });
  await stage.start('usual');
  await stage.clock.advance(4_000);
  const used = await describe(stage, { includeTaskQueueStatus: true });
  assert.equal(used.stats?.approximateBacklogCount, 2);
  assert.equal(used.stats?.approximateBacklogAge, 4_000);
  assert.equal(used.stats?.tasksAddRate, 0.5);
  assert.equal(used.taskQueueStatus?.backlogCountHint, 2);
  assert.deepEqual([...used.statsByPriorityKey].map(([key, stats]) => [key, stats.approximateBacklogCount]), [[3, 1], [5, 1]]);
  const task = await stage.pollWorkflow();
  assert.equal(task.workflowExecution?.workflowId, 'usual', 'the higher priority goes first');
  assert.equal(task.backlogCountHint, 1);
  const polled = await describe(stage);
  assert.deepEqual(polled.pollers.map(({ identity, ratePerSecond }) => [identity, ratePerSecond]), [['worker', 100_000]]);
  assert.equal(polled.pollers[0]?.lastAccessTime, stage.clock.now());
});

test('changing the priority of a run moves its task', async () => {
  await using stage = await Stage.open();
  for (const id of ['a', 'b']) await stage.start(id);
  await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, {
    namespace: NAMESPACE,
    workflowExecution: { workflowId: 'b' },
    workflowExecutionOptions: { priority: priority({ priorityKey: 1 }) },
    updateMask: { paths: ['priority.priority_key'] },
  });
  assert.equal((await stage.pollWorkflow()).workflowExecution?.workflowId, 'b');
});

test('the oldest task goes first after a restart, within its priority', async () => {
  await using stage = await Stage.open();
  for (const [index, id] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) {
    await stage.start(id, { priority: priority({ priorityKey: index % 2 === 0 ? 4 : 2, fairnessKey: 'k' }) });
    await stage.clock.advance(10);
  }
  await stage.restart();
  const order: (string | undefined)[] = [];
  for (let task = 0; task < 6; task++) order.push((await stage.pollWorkflow()).workflowExecution?.workflowId);
  assert.deepEqual(order, ['b', 'd', 'f', 'a', 'c', 'e']);
});

test('what is set holds at once and after a restart, and says who set it', async () => {
  await using stage = await Stage.open();
  const { config } = await configure(stage, {
    updateQueueRateLimit: { rateLimit: { requestsPerSecond: 1 }, reason: 'the bank asks for it' },
    updateFairnessKeyRateLimitDefault: { rateLimit: { requestsPerSecond: 0.5 }, reason: '' },
    setFairnessWeightOverrides: new Map([['vip', 10]]),
  });
  assert.deepEqual(config?.queueRateLimit?.metadata, { reason: 'the bank asks for it', updateIdentity: 'ada', updateTime: stage.clock.now() });
  await stage.restart(1_000);
  const described = await describe(stage, { taskQueueType: TaskQueueType.ACTIVITY });
  assert.deepEqual(described.config, config);
  assert.deepEqual(described.effectiveRateLimit, { requestsPerSecond: 1, rateLimitSource: RateLimitSource.API });
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity('1'), scheduleActivity('2')]);
  const polls = [stage.pollActivity(), stage.pollActivity()];
  await Promise.race(polls);
  await stage.clock.settle();
  assert.equal((await describe(stage, { taskQueueType: TaskQueueType.ACTIVITY })).stats?.approximateBacklogCount, 1);
  assert.equal((await describe(stage, { taskQueueType: TaskQueueType.ACTIVITY })).stats?.rateLimitingActive, true);
  await configure(stage, { updateQueueRateLimit: { reason: 'done' }, updateFairnessKeyRateLimitDefault: { reason: 'done' }, unsetFairnessWeightOverrides: ['vip'] });
  assert.deepEqual((await Promise.all(polls)).map(({ activityId }) => activityId).sort(), ['1', '2'], 'the limit is gone at once');
  const after = await describe(stage, { taskQueueType: TaskQueueType.ACTIVITY });
  assert.equal(after.config?.queueRateLimit?.rateLimit, undefined);
  assert.equal(after.config?.queueRateLimit?.metadata?.reason, 'done');
  assert.equal(after.effectiveRateLimit?.rateLimitSource, RateLimitSource.SYSTEM);
  assert.deepEqual((await configure(stage, {})).config, after.config, 'an update of nothing tells what is set');
});

test('an eager activity heeds the limit of its queue', async () => {
  await using stage = await Stage.open();
  const eager = (id: string): Init<Command> => {
    const command = scheduleActivity(id);
    return { ...command, scheduleActivityTaskCommandAttributes: { ...command.scheduleActivityTaskCommandAttributes, requestEagerExecution: true } };
  };
  await stage.start('a');
  assert.equal((await stage.complete(await stage.pollWorkflow(), [eager('1')])).activityTasks.length, 1);
  await configure(stage, { updateQueueRateLimit: { rateLimit: { requestsPerSecond: 0 }, reason: '' } });
  await stage.start('b');
  assert.equal((await stage.complete(await stage.pollWorkflow(), [eager('1')])).activityTasks.length, 0);
});

test('what does not make sense is refused', async () => {
  await using stage = await Stage.open();
  const rate = (requestsPerSecond: number, reason = '') => ({ rateLimit: { requestsPerSecond }, reason });
  for (const [request, says] of [
    [{ taskQueueType: TaskQueueType.WORKFLOW, updateQueueRateLimit: rate(1) }, /^Setting rate limit on workflow task queues is not allowed\.$/],
    [{ taskQueueType: TaskQueueType.WORKFLOW, updateFairnessKeyRateLimitDefault: rate(1) }, /^Setting fairness key rate limit on workflow task queues is not allowed\.$/],
    [{ taskQueueType: TaskQueueType.NEXUS, updateQueueRateLimit: rate(1) }, /WORKFLOW or ACTIVITY/],
    [{ updateQueueRateLimit: rate(-1) }, /^RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative\.$/],
    [{ updateQueueRateLimit: rate(Number.NaN) }, /non-negative/],
    [{ updateQueueRateLimit: rate(1, 'x'.repeat(1_001)) }, /^UpdateQueueRateLimit\.Reason field too long/],
    [{ identity: 'x'.repeat(1_001) }, /^Identity exceeds length limit/],
    [{ taskQueue: '' }, /TaskQueue is not set/],
    [{ taskQueue: '/_sys/q/1' }, /reserved prefix/],
    [{ setFairnessWeightOverrides: new Map([['', 1]]) }, /^fairness weight override key must not be empty$/],
    [{ setFairnessWeightOverrides: new Map([['x'.repeat(65), 1]]) }, /^fairness key length exceeds limit/],
    [{ setFairnessWeightOverrides: new Map([['a', 0]]) }, /must be greater than zero$/],
    [{ setFairnessWeightOverrides: new Map([['a', 1]]), unsetFairnessWeightOverrides: ['a'] }, /present in both set and unset lists$/],
    [{ setFairnessWeightOverrides: new Map(Array.from({ length: 1_001 }, (_, index) => [`${index}`, 1])) }, /^too many fairness weight overrides in request: got 1001, maximum 1000$/],
  ] as const) {
    await assert.rejects(configure(stage, request), (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message), `${says}`);
  }
  assert.equal((await configure(stage, { taskQueueType: TaskQueueType.WORKFLOW, setFairnessWeightOverrides: new Map([['a', 2]]) })).config?.fairnessWeightOverrides.get('a'), 2);
  await assert.rejects(describe(stage, { taskQueue: { name: STICKY, kind: TaskQueueKind.STICKY } }), /only supported for normal task queues/);
  await assert.rejects(describe(stage, { taskQueue: { name: STICKY, kind: TaskQueueKind.STICKY }, apiMode: 1, reportStats: false }), /not valid for a sticky queue/);
});

test('configured queues of a namespace are bounded', async () => {
  await using stage = await Stage.open({ limits: { configuredTaskQueues: 1 } });
  const weights = { setFairnessWeightOverrides: new Map([['a', 2]]) };
  await configure(stage, weights);
  await configure(stage, weights);
  await assert.rejects(configure(stage, { ...weights, taskQueue: 'other' }), (error) => error instanceof RpcError && error.code === Code.RESOURCE_EXHAUSTED);
});

test('the old ways to ask: by build id, and for partitions', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  const { versionsInfo } = await describe(stage, { apiMode: 1, reportPollers: true, reportTaskReachability: true });
  assert.deepEqual([...versionsInfo.keys()], ['']);
  assert.deepEqual([...(versionsInfo.get('')?.typesInfo ?? [])].map(([type, { stats }]) => [type, stats?.approximateBacklogCount]), [[1, 1], [2, 0]]);
  const chosen = await describe(stage, { apiMode: 1, versions: { buildIds: ['x'], unversioned: true }, taskQueueTypes: [TaskQueueType.WORKFLOW] });
  assert.deepEqual([...chosen.versionsInfo].map(([build, { typesInfo }]) => [build, [...typesInfo].map(([type, { stats }]) => [type, stats?.approximateBacklogCount])]), [['x', [[1, 0]]], ['', [[1, 1]]]]);
  const { workflowTaskQueuePartitions, activityTaskQueuePartitions } = await stage.call(WorkflowService.ListTaskQueuePartitions, { namespace: NAMESPACE, taskQueue: { name: QUEUE } });
  assert.deepEqual([...workflowTaskQueuePartitions, ...activityTaskQueuePartitions].map(({ key }) => key), [QUEUE, QUEUE]);
});

test('queues in use and configured ones are listed by name, in pages; sticky ones are not', async () => {
  await using stage = await Stage.open();
  await stage.start('w', { taskQueue: { name: 'b' } });
  await stage.start('v');
  await stage.complete(await stage.pollWorkflow(), [], sticky);
  const waiting = stage.pollWorkflow(STICKY);
  await configure(stage, { taskQueue: 'a', updateQueueRateLimit: { rateLimit: { requestsPerSecond: 1 }, reason: '' } });
  await stage.clock.advance(1_000);
  const list = (nextPageToken: Uint8Array = new Uint8Array(0)) => stage.call(PerdureService.ListTaskQueues, { namespace: NAMESPACE, pageSize: 2, nextPageToken });
  const first = await list();
  assert.deepEqual(first.taskQueues.map(({ name }) => name), ['a', 'b']);
  assert.deepEqual(first.taskQueues[0]?.types, [{ type: TaskQueueType.ACTIVITY, pollers: 0, approximateBacklogCount: 0, approximateBacklogAgeMs: 0, isConfigured: true }]);
  assert.deepEqual(first.taskQueues[1]?.types, [{ type: TaskQueueType.WORKFLOW, pollers: 0, approximateBacklogCount: 1, approximateBacklogAgeMs: 1_000, isConfigured: false }]);
  const second = await list(first.nextPageToken);
  assert.deepEqual([second.taskQueues.map(({ name, types }) => [name, types[0]?.pollers]), second.nextPageToken.byteLength], [[[QUEUE, 1]], 0]);
  await stage.call(WorkflowService.ShutdownWorker, { namespace: NAMESPACE, stickyTaskQueue: STICKY });
  await waiting;
  await stage.call(WorkflowService.RegisterNamespace, { namespace: 'empty', workflowExecutionRetentionPeriod: 86_400_000 });
  assert.deepEqual((await stage.call(PerdureService.ListTaskQueues, { namespace: 'empty' })).taskQueues, []);
});

test('what is set for a queue is forgotten with its namespace, in matching too', async () => {
  const matching = new Matching({ clock: new VirtualClock() });
  const config = TaskQueueConfig.create({ queueRateLimit: { rateLimit: { requestsPerSecond: 5 } } });
  const host = { machines: async () => ({ items: [], next: undefined }), send: async () => config, read: async () => ({ name: QUEUE, type: 'activity', config }) } as unknown as Host;
  const settings = new TaskQueueSettings(host, matching);
  const queue = { name: QUEUE, type: 'activity' } as const;
  for (const namespace of ['deleted', 'other']) await settings.update({ namespace, ...queue }, { setWeights: new Map(), unsetWeights: [] }, 'ada', DEFAULT_NAMESPACE_LIMITS);
  settings.forget('deleted');
  for (const [namespace, isThere] of [['deleted', false], ['other', true]] as const) {
    assert.equal(settings.get({ namespace, ...queue }) !== undefined, isThere, namespace);
    assert.equal(matching.isLimited({ namespace, ...queue }), isThere, namespace);
  }
});
