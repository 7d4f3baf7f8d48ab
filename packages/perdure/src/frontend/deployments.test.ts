/** Worker deployments through the whole engine: polls register versions, tasks follow the routing, versions drain, and a restart forgets nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  QueryResultType,
  RpcError,
  TaskQueueKind,
  TaskQueueType,
  VersioningBehavior,
  WorkerDeploymentVersionStatus,
  WorkerVersioningMode,
  WorkflowService,
  type Init,
  type PollWorkflowTaskQueueResponse,
  type WorkerDeploymentOptions,
} from '../protocol/index.js';
import { NAMESPACE, QUEUE, Stage, completeWorkflow, payloads } from '../server/testing/stage.js';

const NAME = 'shop';
const { CURRENT, DRAINED, DRAINING } = WorkerDeploymentVersionStatus;

const build = (buildId: string, deploymentName = NAME): WorkerDeploymentOptions => ({ deploymentName, buildId, workerVersioningMode: WorkerVersioningMode.VERSIONED });

function poll(stage: Stage, deploymentOptions?: Init<WorkerDeploymentOptions>, signal?: AbortSignal): Promise<PollWorkflowTaskQueueResponse> {
  const request = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: deploymentOptions?.buildId ?? 'plain', deploymentOptions };
  return stage.call(WorkflowService.PollWorkflowTaskQueue, request, signal && { signal });
}

/** The version is known, and nobody polls for it any more. */
async function register(stage: Stage, ...builds: readonly WorkerDeploymentOptions[]): Promise<void> {
  for (const options of builds) {
    const gone = new AbortController();
    const waiting = poll(stage, options, gone.signal).catch(() => {});
    await stage.clock.settle();
    gone.abort();
    await waiting;
  }
}

const setCurrent = (stage: Stage, buildId: string) =>
  stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { namespace: NAMESPACE, deploymentName: NAME, buildId, identity: 'ada', ignoreMissingTaskQueues: true });

const complete = (stage: Stage, task: PollWorkflowTaskQueueResponse, buildId: string, versioningBehavior: VersioningBehavior, commands: Parameters<Stage['complete']>[1] = []) =>
  stage.complete(task, commands, { deploymentOptions: build(buildId), versioningBehavior });

async function statusOf(stage: Stage, buildId: string): Promise<WorkerDeploymentVersionStatus | undefined> {
  const { workerDeploymentInfo } = await stage.call(WorkflowService.DescribeWorkerDeployment, { namespace: NAMESPACE, deploymentName: NAME });
  return workerDeploymentInfo?.versionSummaries.find(({ deploymentVersion }) => deploymentVersion?.buildId === buildId)?.status;
}

const refused = (promise: Promise<unknown>, code: Code): Promise<void> =>
  assert.rejects(promise, (error) => error instanceof RpcError && error.code === code);

test('a run goes to the current version, and after a restart still where it is pinned', async () => {
  await using stage = await Stage.open();
  await register(stage, build('1'));
  await setCurrent(stage, '1');
  await stage.start('w');
  await complete(stage, await poll(stage, build('1')), '1', VersioningBehavior.PINNED);
  await register(stage, build('2'));
  await setCurrent(stage, '2');
  await stage.restart();
  await stage.signal('w', 'go');
  await stage.start('new');
  const [old, recent] = await Promise.all([poll(stage, build('1')), poll(stage, build('2'))]);
  assert.deepEqual([old.workflowExecution?.workflowId, recent.workflowExecution?.workflowId], ['w', 'new']);
});

test('a run stays with the worker that has it in its cache, as long as the routing leads to no other version', async () => {
  await using stage = await Stage.open();
  const own = { name: 'own', kind: TaskQueueKind.STICKY, normalName: QUEUE };
  const stickyAttributes = { workerTaskQueue: own, scheduleToStartTimeout: 5_000 };
  const pollOwn = (deploymentOptions?: WorkerDeploymentOptions) => stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: own, identity: 'w', deploymentOptions });
  await register(stage, build('1'), build('2'));
  const startFor = async (workflowId: string, options: WorkerDeploymentOptions | undefined, behavior: VersioningBehavior) => {
    await stage.start(workflowId);
    await stage.complete(await poll(stage, options), [], { stickyAttributes, ...(options && { deploymentOptions: options, versioningBehavior: behavior }) });
  };
  const reachesOwn = async (workflowId: string, options?: WorkerDeploymentOptions) => {
    const waiting = pollOwn(options);
    await stage.clock.settle();
    await stage.signal(workflowId, 'go');
    const task = await waiting;
    assert.deepEqual([task.workflowExecution?.workflowId, task.previousStartedEventId > 0], [workflowId, true]);
    await stage.complete(task, [], { stickyAttributes, ...(options && { deploymentOptions: options, versioningBehavior: workflowId === 'pinned' ? VersioningBehavior.PINNED : VersioningBehavior.AUTO_UPGRADE }) });
  };
  // A build that gets a share of nothing: the queue has a routing, which leads to workers without a version.
  await stage.call(WorkflowService.SetWorkerDeploymentRampingVersion, { namespace: NAMESPACE, deploymentName: NAME, buildId: '2', percentage: 0, identity: 'ada', ignoreMissingTaskQueues: true });
  await startFor('plain', undefined, VersioningBehavior.UNSPECIFIED);
  await reachesOwn('plain');
  await setCurrent(stage, '1');
  await startFor('pinned', build('1'), VersioningBehavior.PINNED);
  await startFor('following', build('1'), VersioningBehavior.AUTO_UPGRADE);
  await reachesOwn('following', build('1'));
  await reachesOwn('pinned', build('1'));
  await setCurrent(stage, '2');
  await reachesOwn('pinned', build('1'));
  await stage.signal('following', 'go');
  const moved = await poll(stage, build('2'));
  assert.equal(moved.workflowExecution?.workflowId, 'following');
});

test('a version is drained once the runs pinned to it are over; a run that is pinned to it then takes that back', async () => {
  await using stage = await Stage.open({ limits: { drainageGraceMs: 1_000, drainageRefreshMs: 500 } });
  await register(stage, build('1'), build('2'));
  await setCurrent(stage, '1');
  await stage.start('w');
  await complete(stage, await poll(stage, build('1')), '1', VersioningBehavior.PINNED);
  await setCurrent(stage, '2');
  await stage.clock.advance(2_000);
  assert.deepEqual([await statusOf(stage, '1'), await statusOf(stage, '2')], [DRAINING, CURRENT]);
  await stage.signal('w', 'go');
  await complete(stage, await poll(stage, build('1')), '1', VersioningBehavior.PINNED, [completeWorkflow()]);
  await stage.clock.advance(1_000);
  assert.equal(await statusOf(stage, '1'), DRAINED);
  const pinnedTo = (buildId: string) => ({ versioningOverride: { pinned: { behavior: 1, version: { deploymentName: NAME, buildId } } } }) as const;
  await refused(stage.start('nowhere', pinnedTo('9')), Code.FAILED_PRECONDITION);
  await stage.start('late', pinnedTo('1'));
  assert.equal(await statusOf(stage, '1'), DRAINING);
  await stage.clock.advance(1_000);
  assert.equal(await statusOf(stage, '1'), DRAINING, 'the late run is counted');
});

test('a query goes to the version of the run', async () => {
  await using stage = await Stage.open();
  await register(stage, build('1'), build('2'));
  await setCurrent(stage, '1');
  await stage.start('w');
  await complete(stage, await poll(stage, build('1')), '1', VersioningBehavior.PINNED);
  await setCurrent(stage, '2');
  const asked = stage.call(WorkflowService.QueryWorkflow, { namespace: NAMESPACE, execution: { workflowId: 'w' }, query: { queryType: 'state' } });
  const task = await poll(stage, build('1'));
  assert.equal(task.query?.queryType, 'state');
  await stage.call(WorkflowService.RespondQueryTaskCompleted, { namespace: NAMESPACE, taskToken: task.taskToken, completedType: QueryResultType.ANSWERED, queryResult: payloads('fine') });
  assert.deepEqual((await asked).queryResult, payloads('fine'));
});

test('a start is answered with its first task only if the worker is of the version that is to have it', async () => {
  await using stage = await Stage.open();
  await register(stage, build('1'), build('2'));
  await setCurrent(stage, '1');
  const eager = async (workflowId: string, eagerWorkerDeploymentOptions?: WorkerDeploymentOptions) => {
    const request = { namespace: NAMESPACE, workflowId, requestId: workflowId, workflowType: { name: 'x' }, taskQueue: { name: QUEUE }, requestEagerExecution: true, eagerWorkerDeploymentOptions };
    return (await stage.call(WorkflowService.StartWorkflowExecution, request)).eagerWorkflowTask !== undefined;
  };
  assert.deepEqual([await eager('a', build('1')), await eager('b', build('2')), await eager('c')], [true, false, false]);
});

test('deployments, versions and queues are bounded; a poll that would add one too many is told so', async () => {
  await using stage = await Stage.open({ limits: { deployments: 1, versionsInDeployment: 1, queuesInDeploymentVersion: 1 } });
  await register(stage, build('1'));
  await setCurrent(stage, '1');
  await refused(poll(stage, build('2')), Code.RESOURCE_EXHAUSTED);
  await refused(poll(stage, build('1', 'other')), Code.RESOURCE_EXHAUSTED);
  const activities = { namespace: NAMESPACE, taskQueue: { name: 'more' }, identity: 'i', deploymentOptions: build('1') };
  await refused(stage.call(WorkflowService.PollActivityTaskQueue, activities), Code.RESOURCE_EXHAUSTED);
  await refused(poll(stage, { ...build('1'), buildId: '' }), Code.INVALID_ARGUMENT);
  await refused(poll(stage, build('1', 'a.b')), Code.INVALID_ARGUMENT);
});

test('a task queue is described with its versions, together and one by one', async () => {
  await using stage = await Stage.open();
  await register(stage, build('1'), build('2'));
  await setCurrent(stage, '1');
  await stage.call(WorkflowService.SetWorkerDeploymentRampingVersion, { namespace: NAMESPACE, deploymentName: NAME, buildId: '2', percentage: 25, identity: 'ada' });
  for (let count = 0; count < 40; count++) await stage.start(`w-${count}`);
  const taskQueue = { name: QUEUE };
  const together = await stage.call(WorkflowService.DescribeTaskQueue, { namespace: NAMESPACE, taskQueue, taskQueueType: TaskQueueType.WORKFLOW, reportStats: true });
  assert.deepEqual([together.pollers.length, together.stats?.approximateBacklogCount], [2, 40]);
  assert.deepEqual([together.versioningInfo?.currentVersion, together.versioningInfo?.rampingVersion, together.versioningInfo?.rampingVersionPercentage], ['shop.1', 'shop.2', 25]);
  const backlog = async (buildId: string) => {
    const { versionTaskQueues } = await stage.call(WorkflowService.DescribeWorkerDeploymentVersion, { namespace: NAMESPACE, deploymentVersion: { deploymentName: NAME, buildId }, reportTaskQueueStats: true });
    return versionTaskQueues[0]?.stats?.approximateBacklogCount ?? 0;
  };
  const [one, two] = [await backlog('1'), await backlog('2')];
  assert.ok(one + two === 40 && one > two && two > 0, `${one} and ${two}`);
  const enhanced = await stage.call(WorkflowService.DescribeTaskQueue, { namespace: NAMESPACE, taskQueue, apiMode: 1, reportStats: true, reportPollers: true, versions: { buildIds: [], allActive: true, unversioned: false } });
  assert.deepEqual([...enhanced.versionsInfo.keys()].sort(), ['', 'shop:1', 'shop:2']);
  assert.equal(enhanced.versionsInfo.get('shop:2')?.typesInfo.get(TaskQueueType.WORKFLOW)?.stats?.approximateBacklogCount, two);
});

test('a deployment that is deleted is gone, and its queues are free again', async () => {
  await using stage = await Stage.open();
  await register(stage, build('1'));
  await setCurrent(stage, '1');
  await setCurrent(stage, '');
  await stage.clock.advance(6 * 60_000);
  const deploymentVersion = { deploymentName: NAME, buildId: '1' };
  await stage.call(WorkflowService.DeleteWorkerDeploymentVersion, { namespace: NAMESPACE, deploymentVersion, skipDrainage: true, identity: 'ada' });
  await stage.call(WorkflowService.DeleteWorkerDeployment, { namespace: NAMESPACE, deploymentName: NAME, identity: 'ada' });
  await refused(stage.call(WorkflowService.DescribeWorkerDeployment, { namespace: NAMESPACE, deploymentName: NAME }), Code.NOT_FOUND);
  await stage.restart();
  assert.deepEqual((await stage.call(WorkflowService.ListWorkerDeployments, { namespace: NAMESPACE })).workerDeployments, []);
  await stage.start('w');
  assert.equal((await poll(stage)).workflowExecution?.workflowId, 'w');
  // The same name again is another deployment.
  await register(stage, build('1'));
  assert.equal(await statusOf(stage, '1'), WorkerDeploymentVersionStatus.INACTIVE);
});
