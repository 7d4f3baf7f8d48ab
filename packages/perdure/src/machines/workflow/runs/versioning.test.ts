/** A pinned run must never reach other code than its own; one that follows must move as a whole: workflow first, activities after it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandType, ContinueAsNewVersioningBehavior, RpcError, VersioningBehavior, VersioningOverride, VersioningOverride_PinnedOverrideBehavior, WorkerVersioningMode, WorkflowExecutionOptions, type Command, type Init, type RespondWorkflowTaskCompletedRequest } from '../../../protocol/index.js';
import type { Poller } from '../../machine.js';
import { describe, type StartInput } from '../index.js';
import type { WorkflowTaskReply } from '../inputs.js';
import { STICKY, TestWorkflow, command } from '../testing/test-run.js';

const { PINNED, AUTO_UPGRADE } = VersioningBehavior;
const version = (buildId: string) => ({ deploymentName: 'shop', buildId });

/** A poller of a build, with the build to which the routing of the run's queue leads. */
const build = (buildId: string | undefined, target = buildId, revision = 1): Partial<Poller> => ({
  ...(buildId !== undefined && { version: `shop:${buildId}` }),
  target: { version: target && `shop:${target}`, revision },
});

const completedBy = (buildId: string, versioningBehavior: VersioningBehavior): Init<RespondWorkflowTaskCompletedRequest> => ({
  deploymentOptions: { ...version(buildId), workerVersioningMode: WorkerVersioningMode.VERSIONED },
  versioningBehavior,
});

/** A run of which this build has completed the first workflow task. */
function begun(buildId: string, behavior: VersioningBehavior, commands: readonly Init<Command>[] = []): TestWorkflow {
  const workflow = new TestWorkflow();
  workflow.start();
  step(workflow, buildId, behavior, commands);
  return workflow;
}

function step(workflow: TestWorkflow, buildId: string, behavior: VersioningBehavior, commands: readonly Init<Command>[] = [], target = buildId) {
  const task = workflow.pollWorkflowTask(build(buildId, target));
  return workflow.complete(task, commands, completedBy(buildId, behavior));
}

const info = ({ run }: TestWorkflow) => describe(run.live).workflowExecutionInfo?.versioningInfo;
const dispatchOf = (workflow: TestWorkflow, key = 'workflow-task') => workflow.run.owed.get(key)?.dispatch;

test('a run without versions is owed as ever, and says nothing of them', () => {
  const workflow = new TestWorkflow();
  workflow.start();
  assert.deepEqual([dispatchOf(workflow)?.queue.version, dispatchOf(workflow)?.followsQueue], [undefined, 'orders']);
  workflow.step();
  assert.equal(info(workflow), undefined);
});

test('the first worker begins a transition to its version, and its completion ends it', () => {
  const workflow = new TestWorkflow();
  workflow.start();
  const task = workflow.pollWorkflowTask(build('1', '1', 7));
  assert.deepEqual(info(workflow)?.versionTransition, { version: 'shop.1', deploymentVersion: version('1') });
  workflow.complete(task, [], completedBy('1', PINNED));
  assert.deepEqual([info(workflow)?.version, info(workflow)?.behavior, info(workflow)?.versionTransition, info(workflow)?.revisionNumber], ['shop.1', PINNED, undefined, 7]);
});

test('a pinned run is owed to its version with all it does, and is told when the routing leads elsewhere', () => {
  const workflow = begun('1', PINNED, [command.activity('a')]);
  workflow.signal('go');
  assert.equal(dispatchOf(workflow)?.queue.version, 'shop:1');
  const [activity] = [...workflow.run.live.activities.keys()];
  assert.equal(dispatchOf(workflow, `activity:${activity}`)?.queue.version, 'shop:1');
  const task = workflow.pollWorkflowTask(build('1', '2'));
  assert.equal(workflow.run.event(task.startedEventId).workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged, true);
  assert.equal(info(workflow)?.versionTransition, undefined);
  assert.equal(workflow.pollActivity(activity ?? 0).kind, 'activity-task');
});

test('a task that is returned with a completion says what the one before said of the target', () => {
  const workflow = begun('1', PINNED);
  const again = { returnNewWorkflowTask: true, forceCreateNewWorkflowTask: true };
  const next = (task: WorkflowTaskReply, behavior: VersioningBehavior): WorkflowTaskReply => {
    const { newWorkflowTask } = workflow.complete(task, [], { ...completedBy('1', behavior), ...again });
    assert.ok(newWorkflowTask);
    return newWorkflowTask;
  };
  const changed = ({ startedEventId }: WorkflowTaskReply) => workflow.run.event(startedEventId).workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged;
  workflow.signal('go');
  let task = next(workflow.pollWorkflowTask(build('1', '1')), PINNED);
  assert.equal(changed(task), false);
  workflow.complete(task, [], completedBy('1', PINNED));
  workflow.signal('go');
  task = next(workflow.pollWorkflowTask(build('1', '2')), PINNED);
  assert.equal(changed(task), true);
  task = next(task, PINNED);
  assert.equal(changed(task), true);
  assert.equal(changed(next(task, AUTO_UPGRADE)), false, 'it follows now');
});

test('an override that comes while a worker of another build holds the task takes the run away from that worker', () => {
  const workflow = begun('1', AUTO_UPGRADE);
  workflow.signal('go');
  const task = workflow.pollWorkflowTask(build('1'));
  workflow.signal('go on');
  const versioningOverride = VersioningOverride.create({ pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version: version('2') } });
  workflow.send({ type: 'update-options', options: WorkflowExecutionOptions.create({ versioningOverride }), paths: ['versioning_override'], identity: 'operator' });
  const { newWorkflowTask } = workflow.complete(task, [], { ...completedBy('1', AUTO_UPGRADE), ...STICKY, returnNewWorkflowTask: true });
  assert.equal(newWorkflowTask, undefined);
  assert.deepEqual([dispatchOf(workflow)?.queue.version, dispatchOf(workflow)?.sticky], ['shop:2', false]);
});

test('a run that continues as new may move with the next run, or try the ramping version with its first task', () => {
  for (const [behavior, initial, toRamping] of [
    [PINNED, ContinueAsNewVersioningBehavior.AUTO_UPGRADE, undefined],
    [PINNED, ContinueAsNewVersioningBehavior.USE_RAMPING_VERSION, true],
    [AUTO_UPGRADE, ContinueAsNewVersioningBehavior.USE_RAMPING_VERSION, true],
  ] as const) {
    const workflow = begun('1', behavior);
    workflow.signal('go');
    const again = { commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: { initialVersioningBehavior: initial } };
    step(workflow, '1', behavior, [again]);
    const started = workflow.run.event(1).workflowExecutionStartedEventAttributes;
    assert.equal(started?.inheritedPinnedVersion, undefined);
    assert.deepEqual(started?.inheritedAutoUpgradeInfo, { sourceDeploymentVersion: version('1'), sourceDeploymentRevisionNumber: 1, continueAsNewInitialVersioningBehavior: initial });
    workflow.pass(60_000);
    assert.deepEqual([dispatchOf(workflow)?.queue.version, dispatchOf(workflow)?.toRamping], [undefined, toRamping]);
    assert.equal(info(workflow)?.continueAsNewInitialVersioningBehavior, initial);
    step(workflow, '2', AUTO_UPGRADE);
    workflow.signal('go');
    assert.equal(dispatchOf(workflow)?.toRamping, undefined, 'the first task only');
  }
});

test('an override is stored in the form of today, whichever a client writes, and shown in both', () => {
  const today = VersioningOverride.create({ pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version: version('1') } });
  const both = { ...today, behavior: PINNED, pinnedVersion: 'shop.1' };
  for (const written of [today, both, VersioningOverride.create({ behavior: PINNED, pinnedVersion: 'shop.1' })]) {
    const workflow = new TestWorkflow();
    workflow.start({ versioningOverride: written });
    assert.deepEqual({ ...workflow.run.event(1).workflowExecutionStartedEventAttributes?.versioningOverride }, { ...today });
    assert.deepEqual({ ...info(workflow)?.versioningOverride }, both);
  }
  const following = new TestWorkflow();
  following.start({ versioningOverride: VersioningOverride.create({ behavior: AUTO_UPGRADE }) });
  assert.equal(following.run.event(1).workflowExecutionStartedEventAttributes?.versioningOverride?.autoUpgrade, true);
});

test('a run that follows moves with its next workflow task; its activities wait for that', () => {
  const workflow = begun('1', AUTO_UPGRADE, [command.activity('a')]);
  const [activity = 0] = [...workflow.run.live.activities.keys()];
  workflow.signal('go');
  assert.deepEqual([dispatchOf(workflow)?.queue.version, dispatchOf(workflow)?.followsQueue], [undefined, 'orders']);
  const task = workflow.pollWorkflowTask(build('2'));
  assert.equal(info(workflow)?.versionTransition?.version, 'shop.2');
  assert.equal(dispatchOf(workflow, `activity:${activity}`), undefined);
  workflow.complete(task, [], completedBy('2', AUTO_UPGRADE));
  assert.ok(dispatchOf(workflow, `activity:${activity}`));
  assert.equal(info(workflow)?.version, 'shop.2');
});

test('an activity that reaches the new version first makes the workflow go first', () => {
  const workflow = begun('1', AUTO_UPGRADE, [command.activity('a')]);
  const [activity = 0] = [...workflow.run.live.activities.keys()];
  const dispatch = (poller: Partial<Poller>) => workflow.send({ type: 'dispatch', key: `activity:${activity}`, poller: { identity: 'w', requestId: workflow.newId(), sticky: false, ...poller } });
  assert.ok(dispatch(build('2')) instanceof RpcError);
  assert.ok(dispatchOf(workflow), 'a workflow task');
  assert.equal(dispatchOf(workflow, `activity:${activity}`), undefined);
  step(workflow, '2', AUTO_UPGRADE);
  assert.ok(!(dispatch(build('2')) instanceof RpcError));
  assert.deepEqual(describe(workflow.run.live).pendingActivities?.[0]?.lastDeploymentVersion, version('2'));
});

test('activities that wait are owed to the version as soon as its workers pin the run', () => {
  const workflow = begun('1', AUTO_UPGRADE, [command.activity('a')]);
  const [activity = 0] = [...workflow.run.live.activities.keys()];
  const key = `activity:${activity}`;
  assert.deepEqual([dispatchOf(workflow, key)?.queue.version, dispatchOf(workflow, key)?.followsQueue], [undefined, 'orders']);
  workflow.signal('go');
  step(workflow, '1', PINNED);
  assert.deepEqual([dispatchOf(workflow, key)?.queue.version, dispatchOf(workflow, key)?.followsQueue], ['shop:1', undefined]);
  workflow.signal('go');
  step(workflow, '1', AUTO_UPGRADE);
  assert.equal(dispatchOf(workflow, key)?.queue.version, undefined);
});

test('an activity on the queue of somebody else moves nothing', () => {
  const workflow = begun('1', AUTO_UPGRADE, [command.activity('a')]);
  const [activity = 0] = [...workflow.run.live.activities.keys()];
  const poller = { identity: 'w', requestId: 'r', sticky: false, version: 'other:9', target: { version: 'shop:1', revision: 1 } };
  assert.ok(!(workflow.send({ type: 'dispatch', key: `activity:${activity}`, poller }) instanceof RpcError));
  assert.equal(info(workflow)?.versionTransition, undefined);
});

test('a transition that the routing takes back is over', () => {
  const workflow = begun('1', AUTO_UPGRADE);
  workflow.signal('go');
  workflow.failTask(workflow.pollWorkflowTask(build('2')));
  assert.equal(info(workflow)?.versionTransition?.version, 'shop.2', 'it was not completed');
  const task = workflow.pollWorkflowTask(build('1'));
  assert.equal(info(workflow)?.versionTransition, undefined);
  workflow.complete(task, [], completedBy('1', AUTO_UPGRADE));
  assert.equal(info(workflow)?.version, 'shop.1');
});

test('a behavior that comes without a version is refused, and the task goes on', () => {
  const workflow = new TestWorkflow();
  workflow.start();
  const task = workflow.pollWorkflowTask(build('1'));
  const reply = workflow.send(workflow.completionInput(task, [], { versioningBehavior: PINNED }));
  assert.ok(reply instanceof RpcError && reply.message.endsWith('versioned mode'));
  workflow.complete(task, [], completedBy('1', PINNED));
});

test('an override counts more than what workers say; one for once is gone when its version has completed a task', () => {
  const workflow = new TestWorkflow();
  workflow.start({ versioningOverride: { oneTime: { targetDeploymentVersion: version('2') } } });
  assert.equal(dispatchOf(workflow)?.queue.version, 'shop:2');
  step(workflow, '2', AUTO_UPGRADE, [], '1');
  assert.equal(info(workflow)?.versioningOverride, undefined);
  workflow.signal('go');
  assert.equal(dispatchOf(workflow)?.queue.version, undefined);
});

test('a child and the next run begin with the version; where its workers do not poll, without', () => {
  const childOf = (taskQueue: string, versionQueues?: ReadonlySet<string>) => {
    const workflow = new TestWorkflow();
    workflow.start();
    const commands = [{ commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION, startChildWorkflowExecutionCommandAttributes: { workflowId: 'c', workflowType: { name: 'c' }, taskQueue: { name: taskQueue } } }];
    const completion = workflow.completionInput(workflow.pollWorkflowTask(build('1')), commands, completedBy('1', PINNED));
    assert.ok(completion.type === 'complete-workflow-task' && !(workflow.send({ ...completion, versionQueues }) instanceof RpcError));
    const [message] = [...workflow.run.owed.values()].flatMap(({ message }) => message ?? []);
    assert.ok(message);
    return (message.input as StartInput).parent?.version?.pinned;
  };
  assert.deepEqual(childOf('orders'), version('1'));
  assert.equal(childOf('elsewhere'), undefined);
  assert.deepEqual(childOf('elsewhere', new Set(['elsewhere'])), version('1'));

  const next = begun('1', PINNED);
  next.signal('go');
  const again = { commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} };
  step(next, '1', PINNED, [again], '2');
  const started = next.run.event(1).workflowExecutionStartedEventAttributes;
  assert.deepEqual([started?.inheritedPinnedVersion, started?.declinedTargetVersionUpgrade?.deploymentVersion], [version('1'), version('2')]);
  next.pass(60_000);
  assert.equal(dispatchOf(next)?.queue.version, 'shop:1');
  const task = next.pollWorkflowTask(build('1', '2'));
  assert.equal(next.run.event(task.startedEventId).workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged, false, 'it has declined');
});
