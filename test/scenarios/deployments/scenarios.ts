/** Worker deployments: which build gets a run's tasks, who says so, and what becomes of builds that nobody needs any more. */
import assert from 'node:assert/strict';
import { SearchAttributes, TaskQueueType, VersioningBehavior, WorkerDeploymentVersionStatus, WorkflowService } from '#perdure/protocol/index';
import { eventually, failure, start, type Scenario, type ServerControl, type Stage } from '../scenario.js';

const deploymentOf = (stage: Stage): string => stage.id('deployment');

/** A worker of one build. @param behavior of workflows that say nothing */
function worker(stage: Stage, buildId: string, behavior: 'PINNED' | 'AUTO_UPGRADE' = 'PINNED', options: object = {}): Promise<AsyncDisposable> {
  const version = { deploymentName: deploymentOf(stage), buildId };
  return stage.worker({ identity: `build-${buildId}`, workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: behavior }, ...options });
}

const describe = (stage: Stage) => stage.call(WorkflowService.DescribeWorkerDeployment, { namespace: stage.namespace, deploymentName: deploymentOf(stage) });

const describeVersion = (stage: Stage, buildId: string) =>
  stage.call(WorkflowService.DescribeWorkerDeploymentVersion, { namespace: stage.namespace, deploymentVersion: { deploymentName: deploymentOf(stage), buildId } });

/** The build has been seen polling: for workflow tasks, and for activities where it has some. */
function known(stage: Stage, buildId: string): Promise<unknown> {
  const has = async () => (await describeVersion(stage, buildId)).versionTaskQueues.length === 2;
  return eventually(() => has().catch(() => false), `build ${buildId}`);
}

/** Resolves once tasks go there. */
async function setCurrent(stage: Stage, buildId: string): Promise<void> {
  if (buildId !== '') await known(stage, buildId);
  await stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { namespace: stage.namespace, deploymentName: deploymentOf(stage), buildId, identity: 'scenario' });
  await settled(stage, buildId);
}

function settled(stage: Stage, buildId: string): Promise<unknown> {
  const taskQueue = { name: stage.taskQueue };
  const isThere = async (taskQueueType: TaskQueueType) => {
    const { versioningInfo } = await stage.call(WorkflowService.DescribeTaskQueue, { namespace: stage.namespace, taskQueue, taskQueueType });
    return (versioningInfo?.currentDeploymentVersion?.buildId ?? '') === buildId;
  };
  return eventually(async () => (await isThere(TaskQueueType.WORKFLOW)) && (await isThere(TaskQueueType.ACTIVITY)), `the routing to ${buildId}`);
}

/** The run is where a signal finds it: its first workflow task is completed. */
function begun(stage: Stage, workflowId: string): Promise<unknown> {
  return eventually(async () => (await stage.history(workflowId)).some((event) => event.workflowTaskCompletedEventAttributes), 'the first workflow task');
}

async function versioningInfo(stage: Stage, workflowId: string) {
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId } });
  return { ...workflowExecutionInfo?.versioningInfo, attributes: attributesOf(workflowExecutionInfo?.searchAttributes) };
}

function attributesOf(encoded: Uint8Array | undefined): Record<string, unknown> {
  if (encoded === undefined) return {};
  return Object.fromEntries([...SearchAttributes.decode(encoded).indexedFields].map(([name, { data }]) => [name, JSON.parse(Buffer.from(data).toString())]));
}

const identities = async (stage: Stage, workflowId: string) =>
  (await stage.history(workflowId)).flatMap((event) => event.workflowTaskStartedEventAttributes?.identity ?? []);

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a pinned run stays on its version, another one moves on with its next workflow task',
    worker: 'own',
    covers: ['rpc:SetWorkerDeploymentCurrentVersion', 'rpc:DescribeWorkerDeployment', 'rpc:DescribeWorkerDeploymentVersion', 'event:WORKFLOW_TASK_COMPLETED', 'policy:versioning.PINNED', 'policy:versioning.AUTO_UPGRADE'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const pinned = await start(stage, 'pinned');
      const moving = await start(stage, 'moving');
      await Promise.all([begun(stage, pinned.workflowId), begun(stage, moving.workflowId)]);
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '2');
      for (const handle of [pinned, moving]) {
        await handle.signal('look');
        await eventually(async () => (await identities(stage, handle.workflowId)).length === 2, 'the second workflow task');
        await handle.signal('end');
      }
      assert.deepEqual(await pinned.result(), ['1', '1']);
      assert.deepEqual(await moving.result(), ['1', '2']);
      const name = deploymentOf(stage);
      assert.deepEqual(await versioningInfo(stage, pinned.workflowId).then(({ behavior, version }) => [behavior, version]), [VersioningBehavior.PINNED, `${name}.1`]);
      const moved = await versioningInfo(stage, moving.workflowId);
      assert.deepEqual([moved.behavior, moved.version, moved.versionTransition], [VersioningBehavior.AUTO_UPGRADE, `${name}.2`, undefined]);
      // Which builds are listed beside depends on what the SDK tells of them.
      const { BuildIds: _builds, ...attributes } = moved.attributes;
      assert.deepEqual(attributes, {
        TemporalUsedWorkerDeploymentVersions: [`${name}:1`, `${name}:2`],
        TemporalWorkerDeployment: name,
        TemporalWorkerDeploymentVersion: `${name}:2`,
        TemporalWorkflowVersioningBehavior: 'AutoUpgrade',
      });
      const started = (await stage.history(pinned.workflowId)).flatMap((event) => event.workflowTaskStartedEventAttributes ?? []);
      assert.deepEqual(started.slice(0, 2).map((attributes) => attributes.targetWorkerDeploymentVersionChanged), [false, true]);
      const { workerDeploymentInfo: info } = await describe(stage);
      assert.equal(info?.routingConfig?.currentVersion, `${name}.2`);
      const statuses = new Map(info?.versionSummaries.map(({ deploymentVersion, status }) => [deploymentVersion?.buildId, status]));
      assert.deepEqual([statuses.get('1'), statuses.get('2')], [WorkerDeploymentVersionStatus.DRAINING, WorkerDeploymentVersionStatus.CURRENT]);
    },
  },
  {
    name: 'workers without a version get nothing of a routed queue, and all of it when no version is current',
    worker: 'own',
    covers: ['rpc:SetWorkerDeploymentCurrentVersion'],
    run: async (stage) => {
      await using _plain = await stage.worker({ identity: 'plain' });
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const versioned = await start(stage, 'usual', [], { workflowId: stage.id('versioned') });
      assert.equal(await versioned.result(), '1');
      await setCurrent(stage, '');
      const plain = await start(stage, 'usual', [], { workflowId: stage.id('plain') });
      // The official SDK tells the build that it makes up where there is none.
      assert.notEqual(await plain.result(), '1');
      assert.deepEqual(await identities(stage, plain.workflowId), ['plain']);
    },
  },
  {
    name: 'a ramping version gets its share of the runs: all of them, or none',
    worker: 'own',
    covers: ['rpc:SetWorkerDeploymentRampingVersion'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '1');
      await known(stage, '2');
      const { namespace } = stage;
      const deploymentName = deploymentOf(stage);
      const ramp = (buildId: string, percentage: number) => stage.call(WorkflowService.SetWorkerDeploymentRampingVersion, { namespace, deploymentName, buildId, percentage, identity: 'scenario' });
      const ramped = (percentage: number) =>
        eventually(async () => {
          const { versioningInfo } = await stage.call(WorkflowService.DescribeTaskQueue, { namespace, taskQueue: { name: stage.taskQueue }, taskQueueType: TaskQueueType.WORKFLOW });
          return versioningInfo?.rampingVersionPercentage === percentage;
        }, 'the ramp');
      assert.deepEqual(await failure(ramp('1', 5)).then(({ message }) => message.replace(deploymentName, 'D')), 'requested ramping version D.1 is already current');
      assert.equal((await ramp('2', 100)).previousVersion, '');
      await ramped(100);
      assert.equal(await (await start(stage, 'usual', [], { workflowId: stage.id('ramped') })).result(), '2');
      const before = await ramp('', 0);
      assert.deepEqual([before.previousVersion, before.previousPercentage], [`${deploymentName}.2`, 100]);
      await ramped(0);
      assert.equal(await (await start(stage, 'usual', [], { workflowId: stage.id('back') })).result(), '1');
    },
  },
  {
    name: 'an override pins a run from its start, and another one lets it go',
    worker: 'own',
    covers: ['rpc:UpdateWorkflowExecutionOptions', 'event:WORKFLOW_EXECUTION_OPTIONS_UPDATED'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '1');
      await known(stage, '2');
      const pinnedTo = { deploymentName: deploymentOf(stage), buildId: '2' };
      const unknown = await failure(start(stage, 'moving', [], { workflowId: stage.id('unknown'), versioningOverride: { pinnedTo: { ...pinnedTo, buildId: '9' } } }));
      assert.match(`${unknown.message} ${unknown.cause?.message}`, /is not present in task queue|Failed to start Workflow/);
      const handle = await start(stage, 'moving', [], { versioningOverride: { pinnedTo } });
      await begun(stage, handle.workflowId);
      assert.deepEqual(await identities(stage, handle.workflowId), ['build-2']);
      const { versioningOverride, version } = await versioningInfo(stage, handle.workflowId);
      assert.deepEqual([versioningOverride?.pinned?.version?.buildId, version], ['2', `${pinnedTo.deploymentName}.2`]);
      await stage.call(WorkflowService.UpdateWorkflowExecutionOptions, {
        namespace: stage.namespace,
        workflowExecution: { workflowId: handle.workflowId },
        workflowExecutionOptions: {},
        updateMask: { paths: ['versioning_override'] },
        identity: 'scenario',
      });
      await handle.signal('look');
      await eventually(async () => (await identities(stage, handle.workflowId)).length === 2, 'the second workflow task');
      await handle.signal('end');
      assert.deepEqual(await handle.result(), ['2', '1']);
    },
  },
  {
    name: 'activities go where their run belongs; a run that moves takes its workflow along first',
    worker: 'own',
    covers: ['event:ACTIVITY_TASK_STARTED'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const pinned = await start(stage, 'pinnedWork');
      const moving = await start(stage, 'movingWork');
      await Promise.all([begun(stage, pinned.workflowId), begun(stage, moving.workflowId)]);
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '2');
      for (const [handle, build] of [[pinned, 'build-1'], [moving, 'build-2']] as const) {
        await handle.signal('end');
        assert.equal(await handle.result(), 'done');
        const started = (await stage.history(handle.workflowId)).flatMap((event) => event.activityTaskStartedEventAttributes?.identity ?? []);
        assert.deepEqual(started, [build]);
      }
    },
  },
  {
    name: 'a child begins with the version of its pinned parent',
    worker: 'own',
    covers: ['event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const childId = stage.id('child');
      const parent = await start(stage, 'pinnedParent', [childId]);
      await begun(stage, parent.workflowId);
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '2');
      await parent.signal('end');
      assert.equal(await parent.result(), '1');
      const [started] = await stage.history(childId);
      assert.equal(started?.workflowExecutionStartedEventAttributes?.inheritedPinnedVersion?.buildId, '1');
    },
  },
  {
    name: 'a run that continues as new keeps its version, unless it asks for the current one',
    worker: 'own',
    covers: ['event:WORKFLOW_EXECUTION_CONTINUED_AS_NEW', 'policy:continueAsNewVersioning.AUTO_UPGRADE'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const handle = await start(stage, 'chain', ['first']);
      await begun(stage, handle.workflowId);
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '2');
      await handle.signal('end');
      assert.deepEqual(await handle.result(), ['1', '2']);
    },
  },
  {
    name: 'a run that continues as new tries the ramping version, however small its share',
    worker: 'own',
    covers: ['policy:continueAsNewVersioning.USE_RAMPING_VERSION'],
    run: async (stage) => {
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      await using _two = await worker(stage, '2');
      await known(stage, '2');
      const { namespace } = stage;
      await stage.call(WorkflowService.SetWorkerDeploymentRampingVersion, { namespace, deploymentName: deploymentOf(stage), buildId: '2', percentage: 0.001, identity: 'scenario' });
      await eventually(async () => {
        const { versioningInfo } = await stage.call(WorkflowService.DescribeTaskQueue, { namespace, taskQueue: { name: stage.taskQueue }, taskQueueType: TaskQueueType.WORKFLOW });
        return versioningInfo?.rampingDeploymentVersion?.buildId === '2';
      }, 'the ramp');
      assert.deepEqual(await (await start(stage, 'trial')).result(), ['1', '2']);
    },
  },
  {
    name: 'deployments are made, managed and deleted, and say why not',
    worker: 'own',
    covers: [
      'rpc:CreateWorkerDeployment',
      'rpc:CreateWorkerDeploymentVersion',
      'rpc:SetWorkerDeploymentManager',
      'rpc:UpdateWorkerDeploymentVersionMetadata',
      'rpc:ListWorkerDeployments',
      'rpc:DeleteWorkerDeploymentVersion',
      'rpc:DeleteWorkerDeployment',
    ],
    run: async (stage) => {
      const { namespace } = stage;
      const deploymentName = deploymentOf(stage);
      const deploymentVersion = { deploymentName, buildId: '1' };
      const identity = 'scenario';
      const said = (promise: Promise<unknown>) => failure(promise).then(({ message }) => message.replaceAll(deploymentName, 'D'));
      assert.match(await said(describe(stage)), /^no Worker Deployment found with name 'D'/);
      const create = (requestId: string) => stage.call(WorkflowService.CreateWorkerDeployment, { namespace, deploymentName, identity, requestId });
      const { conflictToken } = await create('one');
      assert.deepEqual((await create('one')).conflictToken, conflictToken);
      assert.equal(await said(create('two')), 'Worker Deployment with name "D" already exists');
      await stage.call(WorkflowService.CreateWorkerDeploymentVersion, { namespace, deploymentVersion, identity, requestId: 'one' });
      assert.equal((await describeVersion(stage, '1')).workerDeploymentVersionInfo?.status, WorkerDeploymentVersionStatus.CREATED);
      const manage = (managerIdentity: string) => stage.call(WorkflowService.SetWorkerDeploymentManager, { namespace, deploymentName, managerIdentity, identity });
      await manage('somebody else');
      const setCurrent = (more: object) => stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { namespace, ...deploymentVersion, identity, ...more });
      assert.match(await said(setCurrent({})), /^ManagerIdentity 'somebody else' is set and does not match user identity 'scenario'/);
      assert.equal((await manage('')).previousManagerIdentity, 'somebody else');
      assert.equal(await said(setCurrent({ conflictToken })), 'conflict token mismatch');
      await setCurrent({ allowNoPollers: true });
      assert.equal((await describe(stage)).workerDeploymentInfo?.routingConfig?.currentVersion, `${deploymentName}.1`);
      const entry = { metadata: {}, data: Buffer.from('text') };
      const { metadata } = await stage.call(WorkflowService.UpdateWorkerDeploymentVersionMetadata, { namespace, deploymentVersion, upsertEntries: new Map([['note', entry]]), identity });
      assert.equal(Buffer.from(metadata?.entries.get('note')?.data ?? []).toString(), 'text');
      const remove = () => stage.call(WorkflowService.DeleteWorkerDeploymentVersion, { namespace, deploymentVersion, skipDrainage: true, identity });
      assert.equal(await said(remove()), "version 'D:1' cannot be deleted since it is current or ramping");
      const removeAll = () => stage.call(WorkflowService.DeleteWorkerDeployment, { namespace, deploymentName, identity });
      assert.equal(await said(removeAll()), "deployment has versions, can't be deleted");
      await stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { namespace, deploymentName, buildId: '', identity });
      await remove();
      const listed = async () => (await stage.call(WorkflowService.ListWorkerDeployments, { namespace, pageSize: 1_000 })).workerDeployments.some(({ name }) => name === deploymentName);
      await eventually(listed, 'the deployment in the list');
      await removeAll();
      await eventually(async () => !(await listed()), 'the end of the deployment');
    },
  },
  {
    name: 'a version that lacks a busy queue of the current one is refused',
    worker: 'own',
    covers: ['rpc:SetWorkerDeploymentCurrentVersion'],
    run: async (stage) => {
      {
        await using _one = await worker(stage, '1');
        await setCurrent(stage, '1');
      }
      await start(stage, 'usual');
      const other = stage.id('other-queue');
      await using _two = await worker(stage, '2', 'PINNED', { taskQueue: other });
      await eventually(() => describeVersion(stage, '2').then(() => true, () => false), 'build 2');
      const request = { namespace: stage.namespace, deploymentName: deploymentOf(stage), buildId: '2', identity: 'scenario' };
      const refused = await failure(stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, request));
      assert.match(refused.message, /is missing active task queues from the current version/);
      await stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { ...request, ignoreMissingTaskQueues: true });
      await (await stage.client.workflow.getHandle(stage.id('usual'))).terminate();
    },
  },
  {
    name: 'a restarted server knows the versions, and a pinned run stays pinned',
    timeoutMs: 120_000,
    server: 'own',
    worker: 'own',
    covers: ['rpc:DescribeWorkerDeployment'],
    run: async (stage) => {
      const server = stage.server as ServerControl;
      await using _one = await worker(stage, '1');
      await setCurrent(stage, '1');
      const pinned = await start(stage, 'pinned');
      const moving = await start(stage, 'moving');
      await Promise.all([begun(stage, pinned.workflowId), begun(stage, moving.workflowId)]);
      await using _two = await worker(stage, '2');
      await setCurrent(stage, '2');
      await server.kill();
      await server.start();
      for (const handle of [pinned, moving]) {
        await handle.signal('look');
        await eventually(async () => (await identities(stage, handle.workflowId)).length >= 2, 'the second workflow task');
        await handle.signal('end');
      }
      assert.deepEqual(await pinned.result(), ['1', '1']);
      assert.deepEqual(await moving.result(), ['1', '2']);
      assert.equal((await describe(stage)).workerDeploymentInfo?.routingConfig?.currentVersion, `${deploymentOf(stage)}.2`);
    },
  },
];
