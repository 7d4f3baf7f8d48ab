/**
 * Namespaces do not see each other. For every RPC that names a namespace there is a row in the table below: what another namespace asks
 * about the objects of this one finds nothing, reaches nothing, changes nothing. An RPC without a row fails the test.
 *
 * Every object of the first namespace has SECRET in its name, so that an answer that shows one is noticed whatever its shape.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchOperationType,
  Code,
  IndexedValueType,
  NamespaceInvalidStateFailure,
  NamespaceNotFoundFailure,
  NamespaceState,
  OperatorService,
  PerdureService,
  QueryResultType,
  ResetReapplyType,
  type RpcError,
  ScheduleOverlapPolicy,
  TaskQueueType,
  WorkflowService,
  type Method,
} from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, QUEUE, scheduleActivity, Stage, startRequest } from '../server/testing/stage.js';
import { nexusTaskToken, readTaskToken } from './task-token.js';
import { queryTaskToken } from './task-token.js';

const OTHER = 'other';
const SECRET = 'secret';
const WORKFLOW = `${SECRET}-w`;
const SCHEDULE = `${SECRET}-s`;
const WORKER = `${SECRET}-k`;
const ATTRIBUTE = `${SECRET}A`;
const ACTIVITY = `${SECRET}-a`;
const JOB = `${SECRET}-j`;
/** An activity without a workflow. */
const ALONE = `${SECRET}-alone`;

/** What the first namespace holds, as far as requests name it. */
interface World {
  readonly runId: string;
  readonly workflowToken: Uint8Array;
  readonly activityToken: Uint8Array;
  readonly queryToken: Uint8Array;
}

/**
 * - `not-found`, `invalid`: refused with this code.
 * - `nothing`: answered, and the answer shows nothing of the first namespace.
 * - `waits`: nothing comes, though there is something for the first namespace.
 * - `own`: about the other namespace itself; whatever the answer, the first one stays as it is.
 */
type Answer = 'not-found' | 'invalid' | 'nothing' | 'waits' | 'own';

type Row = readonly [answer: Answer, request: (world: World) => object];

const DEPLOYMENT = `${SECRET}-d`;
const deploymentVersion = { deploymentName: DEPLOYMENT, buildId: '1' };
const execution = { workflowId: WORKFLOW };
const byExecution = () => ({ execution });
const byWorkflowExecution = () => ({ workflowExecution: execution });
const byActivity = () => ({ workflowId: WORKFLOW, activityId: ACTIVITY });
const alone = () => ({ activityId: ALONE });
const queue = { taskQueue: { name: QUEUE }, identity: 'i' };
const operation = { execution, id: ACTIVITY, activity: { id: ACTIVITY } };
const start = () => ({ ...startRequest(WORKFLOW), namespace: OTHER });
const schedule = { spec: { interval: [{ interval: 3_600_000 }] }, action: { startWorkflow: { workflowId: 'x', workflowType: { name: 'x' }, taskQueue: { name: QUEUE } } } };
const batch = { reason: 'r', terminationOperation: {}, operationType: BatchOperationType.TERMINATE };

/** A token of the same namespace. */
const nexusToken = (activityToken: Uint8Array): Uint8Array => nexusTaskToken(readTaskToken(activityToken, 'activityTask').namespaceId, 'request');

const ROWS: Readonly<Record<string, Row>> = {
  RegisterNamespace: ['own', () => ({ workflowExecutionRetentionPeriod: 3_600_000 })],
  DescribeNamespace: ['nothing', () => ({})],
  UpdateNamespace: ['own', () => ({ updateInfo: { description: 'd' }, config: { workflowExecutionRetentionTtl: 3_600_000 } })],
  DeprecateNamespace: ['own', () => ({})],
  DeleteNamespace: ['own', () => ({})],
  StartWorkflowExecution: ['own', start],
  SignalWithStartWorkflowExecution: ['own', () => ({ ...start(), signalName: 's' })],
  ExecuteMultiOperation: [
    'own',
    () => ({ operations: [{ startWorkflow: start() }, { updateWorkflow: { namespace: OTHER, workflowExecution: execution, request: { meta: { updateId: 'u' }, input: { name: 'u' } } } }] }),
  ],
  GetWorkflowExecutionHistory: ['not-found', byExecution],
  GetWorkflowExecutionHistoryReverse: ['not-found', byExecution],
  DescribeWorkflowExecution: ['not-found', byExecution],
  SignalWorkflowExecution: ['not-found', () => ({ ...byWorkflowExecution(), signalName: 's' })],
  RequestCancelWorkflowExecution: ['not-found', byWorkflowExecution],
  TerminateWorkflowExecution: ['not-found', byWorkflowExecution],
  DeleteWorkflowExecution: ['not-found', byWorkflowExecution],
  ResetWorkflowExecution: ['not-found', () => ({ ...byWorkflowExecution(), workflowTaskFinishEventId: 4, requestId: 'r', resetReapplyType: ResetReapplyType.SIGNAL })],
  ResetStickyTaskQueue: ['not-found', byExecution],
  QueryWorkflow: ['not-found', () => ({ ...byExecution(), query: { queryType: 'q' } })],
  UpdateWorkflowExecution: ['not-found', () => ({ ...byWorkflowExecution(), request: { meta: { updateId: 'u' }, input: { name: 'u' } } })],
  PollWorkflowExecutionUpdate: ['not-found', () => ({ updateRef: { workflowExecution: execution, updateId: 'u' } })],
  UpdateWorkflowExecutionOptions: ['not-found', () => ({ ...byWorkflowExecution(), workflowExecutionOptions: {}, updateMask: { paths: ['versioning_override'] } })],
  PauseWorkflowExecution: ['not-found', () => execution],
  UnpauseWorkflowExecution: ['not-found', () => execution],
  PollWorkflowTaskQueue: ['waits', () => queue],
  PollActivityTaskQueue: ['waits', () => queue],
  PollNexusTaskQueue: ['waits', () => queue],
  RespondWorkflowTaskCompleted: ['invalid', ({ workflowToken }) => ({ taskToken: workflowToken, commands: [completeWorkflow()] })],
  RespondWorkflowTaskFailed: ['invalid', ({ workflowToken }) => ({ taskToken: workflowToken })],
  RespondQueryTaskCompleted: ['invalid', ({ queryToken }) => ({ taskToken: queryToken, completedType: QueryResultType.ANSWERED })],
  RespondNexusTaskCompleted: ['invalid', ({ activityToken }) => ({ taskToken: nexusToken(activityToken) })],
  RespondNexusTaskFailed: ['invalid', ({ activityToken }) => ({ taskToken: nexusToken(activityToken), error: { errorType: 'INTERNAL' } })],
  RecordActivityTaskHeartbeat: ['invalid', ({ activityToken }) => ({ taskToken: activityToken })],
  RespondActivityTaskCompleted: ['invalid', ({ activityToken }) => ({ taskToken: activityToken })],
  RespondActivityTaskFailed: ['invalid', ({ activityToken }) => ({ taskToken: activityToken })],
  RespondActivityTaskCanceled: ['invalid', ({ activityToken }) => ({ taskToken: activityToken })],
  RecordActivityTaskHeartbeatById: ['not-found', byActivity],
  RespondActivityTaskCompletedById: ['not-found', byActivity],
  RespondActivityTaskFailedById: ['not-found', byActivity],
  RespondActivityTaskCanceledById: ['not-found', byActivity],
  PauseActivity: ['not-found', () => operation],
  UnpauseActivity: ['not-found', () => operation],
  ResetActivity: ['not-found', () => operation],
  UpdateActivityOptions: ['not-found', () => ({ ...operation, activityOptions: { startToCloseTimeout: 1_000 }, updateMask: { paths: ['start_to_close_timeout'] } })],
  StartActivityExecution: ['own', () => ({ ...alone(), activityType: { name: 'x' }, taskQueue: { name: QUEUE }, startToCloseTimeout: 1_000 })],
  DescribeActivityExecution: ['not-found', alone],
  PollActivityExecution: ['not-found', alone],
  RequestCancelActivityExecution: ['not-found', alone],
  TerminateActivityExecution: ['not-found', alone],
  DeleteActivityExecution: ['not-found', alone],
  ListActivityExecutions: ['nothing', () => ({})],
  CountActivityExecutions: ['nothing', () => ({})],
  PauseActivityExecution: ['not-found', alone],
  UnpauseActivityExecution: ['not-found', alone],
  ResetActivityExecution: ['not-found', byActivity],
  UpdateActivityExecutionOptions: ['not-found', () => ({ ...alone(), activityOptions: { startToCloseTimeout: 1_000 }, updateMask: { paths: ['start_to_close_timeout'] } })],
  ListWorkflowExecutions: ['nothing', () => ({})],
  ListOpenWorkflowExecutions: ['nothing', () => ({ startTimeFilter: {} })],
  ListClosedWorkflowExecutions: ['nothing', () => ({ startTimeFilter: {} })],
  // There is no archive.
  ListArchivedWorkflowExecutions: ['invalid', () => ({})],
  ScanWorkflowExecutions: ['nothing', () => ({})],
  CountWorkflowExecutions: ['nothing', () => ({})],
  CreateSchedule: ['own', () => ({ scheduleId: SCHEDULE, requestId: 'r', schedule })],
  DescribeSchedule: ['not-found', () => ({ scheduleId: SCHEDULE })],
  UpdateSchedule: ['not-found', () => ({ scheduleId: SCHEDULE, requestId: 'r', schedule })],
  PatchSchedule: ['not-found', () => ({ scheduleId: SCHEDULE, requestId: 'r', patch: { triggerImmediately: { overlapPolicy: ScheduleOverlapPolicy.ALLOW_ALL } } })],
  ListScheduleMatchingTimes: ['not-found', () => ({ scheduleId: SCHEDULE, startTime: 0, endTime: 1 })],
  DeleteSchedule: ['not-found', () => ({ scheduleId: SCHEDULE })],
  ListSchedules: ['nothing', () => ({})],
  CountSchedules: ['nothing', () => ({})],
  RecordWorkerHeartbeat: ['own', () => ({ workerHeartbeat: [{ workerInstanceKey: WORKER, taskQueue: QUEUE }] })],
  ListWorkers: ['nothing', () => ({})],
  CountWorkers: ['nothing', () => ({})],
  DescribeWorker: ['not-found', () => ({ workerInstanceKey: WORKER })],
  ShutdownWorker: ['own', () => ({ workerInstanceKey: WORKER, identity: 'i', stickyTaskQueue: QUEUE })],
  StartBatchOperation: ['own', () => ({ ...batch, jobId: JOB, visibilityQuery: `WorkflowId = "${WORKFLOW}"` })],
  StopBatchOperation: ['not-found', () => ({ jobId: JOB, reason: 'r' })],
  DescribeBatchOperation: ['not-found', () => ({ jobId: JOB })],
  ListBatchOperations: ['nothing', () => ({})],
  DescribeTaskQueue: ['nothing', () => ({ ...queue, taskQueueType: TaskQueueType.WORKFLOW, reportStats: true, reportPollers: true })],
  ListTaskQueuePartitions: ['nothing', () => queue],
  UpdateTaskQueueConfig: ['own', () => ({ identity: 'i', taskQueue: QUEUE, taskQueueType: TaskQueueType.ACTIVITY, updateQueueRateLimit: { rateLimit: { requestsPerSecond: 1 }, reason: 'r' } })],
  CreateWorkerDeployment: ['own', () => ({ deploymentName: DEPLOYMENT, identity: 'i', requestId: 'r' })],
  CreateWorkerDeploymentVersion: ['not-found', () => ({ deploymentVersion, identity: 'i', requestId: 'r' })],
  DescribeWorkerDeployment: ['not-found', () => ({ deploymentName: DEPLOYMENT })],
  DescribeWorkerDeploymentVersion: ['not-found', () => ({ deploymentVersion })],
  ListWorkerDeployments: ['nothing', () => ({})],
  SetWorkerDeploymentCurrentVersion: ['not-found', () => ({ ...deploymentVersion, identity: 'i' })],
  SetWorkerDeploymentRampingVersion: ['not-found', () => ({ ...deploymentVersion, identity: 'i', percentage: 5 })],
  SetWorkerDeploymentManager: ['not-found', () => ({ deploymentName: DEPLOYMENT, identity: 'i', self: true })],
  UpdateWorkerDeploymentVersionMetadata: ['not-found', () => ({ deploymentVersion, identity: 'i', removeEntries: ['x'] })],
  DeleteWorkerDeploymentVersion: ['not-found', () => ({ deploymentVersion, identity: 'i' })],
  DeleteWorkerDeployment: ['own', () => ({ deploymentName: DEPLOYMENT, identity: 'i' })],
  AddSearchAttributes: ['own', () => ({ searchAttributes: new Map([[ATTRIBUTE, IndexedValueType.INT]]) })],
  RemoveSearchAttributes: ['own', () => ({ searchAttributes: [ATTRIBUTE] })],
  ListSearchAttributes: ['nothing', () => ({})],
  ListTaskQueues: ['nothing', () => ({})],
  ListSkippedActions: ['not-found', () => ({ scheduleId: SCHEDULE })],
};

const METHODS: readonly Method<object, object>[] = [...Object.values(WorkflowService), ...Object.values(OperatorService), ...Object.values(PerdureService)] as unknown as Method<object, object>[];

/** The methods that the engine serves and whose request names a namespace. */
function servedMethods(stage: Stage): Method<object, object>[] {
  const served = new Set(stage.engine.router.paths());
  return METHODS.filter(({ path, request }) => served.has(path) && 'namespace' in request.create({}));
}

async function openWorld(): Promise<{ stage: Stage; world: World }> {
  const stage = await Stage.open({ namespaces: [OTHER] });
  const runId = await stage.start(WORKFLOW);
  await stage.complete(await stage.pollWorkflow(), [scheduleActivity(ACTIVITY), scheduleActivity(`${ACTIVITY}2`)]);
  const activity = await stage.pollActivity();
  await stage.signal(WORKFLOW, SECRET);
  const task = await stage.pollWorkflow();
  await stage.start(`${SECRET}-waiting`);
  await stage.call(WorkflowService.StartActivityExecution, {
    namespace: NAMESPACE,
    activityId: ALONE,
    activityType: { name: SECRET },
    taskQueue: { name: `${SECRET}-queue` },
    startToCloseTimeout: 10_000,
  });
  await stage.call(WorkflowService.CreateSchedule, { namespace: NAMESPACE, scheduleId: SCHEDULE, requestId: 'r', schedule: { ...schedule, state: { paused: true } } });
  await stage.call(WorkflowService.RecordWorkerHeartbeat, { namespace: NAMESPACE, workerHeartbeat: [{ workerInstanceKey: WORKER, taskQueue: QUEUE }] });
  await stage.call(OperatorService.AddSearchAttributes, { namespace: NAMESPACE, searchAttributes: new Map([[ATTRIBUTE, IndexedValueType.KEYWORD]]) });
  await stage.call(WorkflowService.SetWorkerDeploymentCurrentVersion, { namespace: NAMESPACE, ...deploymentVersion, identity: SECRET, allowNoPollers: true });
  const id = (await stage.call(WorkflowService.DescribeNamespace, { namespace: NAMESPACE })).namespaceInfo?.id ?? '';
  return { stage, world: { runId, workflowToken: task.taskToken, activityToken: activity.taskToken, queryToken: queryTaskToken(id, 'q') } };
}

/** All that there is to know about the first namespace. */
async function fingerprint(stage: Stage): Promise<string> {
  const inFirst = { namespace: NAMESPACE };
  const all = await Promise.all([
    stage.call(WorkflowService.DescribeNamespace, inFirst),
    stage.call(WorkflowService.DescribeWorkflowExecution, { ...inFirst, execution }),
    stage.call(WorkflowService.GetWorkflowExecutionHistory, { ...inFirst, execution }),
    stage.call(WorkflowService.ListWorkflowExecutions, inFirst),
    stage.call(WorkflowService.DescribeSchedule, { ...inFirst, scheduleId: SCHEDULE }),
    stage.call(WorkflowService.ListSchedules, inFirst),
    stage.call(WorkflowService.DescribeActivityExecution, { ...inFirst, activityId: ALONE, includeInput: true, includeOutcome: true }),
    stage.call(WorkflowService.ListActivityExecutions, inFirst),
    stage.call(WorkflowService.DescribeWorkerDeployment, { ...inFirst, deploymentName: DEPLOYMENT }),
    stage.call(WorkflowService.ListWorkers, inFirst),
    stage.call(OperatorService.ListSearchAttributes, inFirst),
  ]);
  return JSON.stringify(all, (_, value: unknown) => (value instanceof Map ? [...value] : value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value));
}

type Outcome = { readonly reply: object } | { readonly error: RpcError } | 'waits';

/** Asks, and hangs up if there is no answer by the time everything has settled. */
async function ask(stage: Stage, method: Method<object, object>, request: object): Promise<Outcome> {
  const hangUp = new AbortController();
  const outcomes: Outcome[] = [];
  const call = stage.call(method, request, { signal: hangUp.signal }).then(
    (reply) => outcomes.push({ reply }),
    (error: RpcError) => outcomes.push({ error }),
  );
  for (let turn = 0; turn < 20 && outcomes.length === 0; turn++) await stage.clock.settle();
  const outcome = outcomes[0] ?? 'waits';
  hangUp.abort();
  await call;
  return outcome;
}

function check(method: Method<object, object>, answer: Answer, outcome: Outcome): void {
  const said = outcome === 'waits' ? outcome : 'error' in outcome ? `${outcome.error.code}: ${outcome.error.message}` : 'an answer';
  switch (answer) {
    case 'own':
      return;
    case 'waits':
      return assert.equal(said, 'waits');
    case 'nothing':
      assert.ok(outcome !== 'waits' && 'reply' in outcome, said);
      return assert.equal(Buffer.from(method.response.encode(outcome.reply)).includes(SECRET), false, 'the answer shows nothing');
    case 'invalid':
    case 'not-found':
      assert.ok(outcome !== 'waits' && 'error' in outcome, said);
      return assert.equal(outcome.error.code, answer === 'invalid' ? Code.INVALID_ARGUMENT : Code.NOT_FOUND, said);
    default:
      return answer satisfies never;
  }
}

test('every RPC that names a namespace has a row here', async () => {
  await using stage = await Stage.open();
  assert.deepEqual(servedMethods(stage).filter(({ name }) => ROWS[name] === undefined).map(({ name }) => name), [], 'say in ROWS what another namespace gets');
});

test('another namespace sees, reaches and changes nothing of this one', async (t) => {
  const { stage, world } = await openWorld();
  await using _ = stage;
  const before = await fingerprint(stage);
  // Last comes what makes things of the same names in the other namespace, and then what ends that.
  const ends = ['DeprecateNamespace', 'DeleteNamespace'];
  const turn = ({ name }: Method<object, object>): number => (ROWS[name]?.[0] === 'own' ? 1 + ends.indexOf(name) + 1 : 0);
  const methods = servedMethods(stage).sort((a, b) => turn(a) - turn(b));
  for (const method of methods) {
    await t.test(method.name, async () => {
      const [answer, request] = ROWS[method.name] ?? ['own', () => ({})];
      check(method, answer, await ask(stage, method, { ...request(world), namespace: OTHER }));
      assert.equal(await fingerprint(stage), before, 'the first namespace is as it was');
    });
  }
  await stage.clock.advance(60_000);
  assert.equal((await stage.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE })).count, 2, 'also when the other one is gone');
});

test('the goodbye of a worker ends no poll of another namespace', async () => {
  const { stage } = await openWorld();
  await using _ = stage;
  const hangUp = new AbortController();
  let isOver = false;
  const request = { namespace: NAMESPACE, taskQueue: { name: `${QUEUE}-2` }, identity: 'i', workerInstanceKey: WORKER };
  const poll = stage.call(WorkflowService.PollActivityTaskQueue, request, { signal: hangUp.signal }).catch(() => {}).finally(() => (isOver = true));
  await stage.call(WorkflowService.ShutdownWorker, { namespace: OTHER, workerInstanceKey: WORKER });
  await stage.clock.settle();
  assert.equal(isOver, false);
  hangUp.abort();
  await poll;
});

test('every RPC tells an unknown namespace by a typed detail', async (t) => {
  const { stage, world } = await openWorld();
  await using _ = stage;
  for (const method of servedMethods(stage).filter(({ name }) => name !== 'RegisterNamespace')) {
    await t.test(method.name, async () => {
      const outcome = await ask(stage, method, { ...ROWS[method.name]?.[1](world), namespace: 'nowhere' });
      assert.ok(outcome !== 'waits' && 'error' in outcome);
      assert.equal(outcome.error.code, Code.NOT_FOUND);
      assert.equal(outcome.error.detail(NamespaceNotFoundFailure)?.namespace, 'nowhere', outcome.error.message);
    });
  }
});

test('a namespace that is being deleted can be looked at and deleted again, and takes no other request', async (t) => {
  const { stage, world } = await openWorld();
  await using _ = stage;
  const { deletedNamespace } = await stage.call(OperatorService.DeleteNamespace, { namespace: NAMESPACE, namespaceDeleteDelay: 3_600_000 });
  const allowed = new Set(['RegisterNamespace', 'DescribeNamespace', 'DeleteNamespace']);
  for (const method of servedMethods(stage).filter(({ name }) => !allowed.has(name))) {
    await t.test(method.name, async () => {
      const outcome = await ask(stage, method, { ...ROWS[method.name]?.[1](world), namespace: deletedNamespace });
      assert.ok(outcome !== 'waits' && 'error' in outcome);
      assert.equal(outcome.error.code, Code.FAILED_PRECONDITION, outcome.error.message);
      assert.equal(outcome.error.detail(NamespaceInvalidStateFailure)?.state, NamespaceState.DELETED);
    });
  }
  await t.test('nor do the tokens that it gave', async () => {
    const outcome = await ask(stage, WorkflowService.RespondWorkflowTaskCompleted as unknown as Method<object, object>, { taskToken: world.workflowToken });
    assert.ok(outcome !== 'waits' && 'error' in outcome && outcome.error.detail(NamespaceInvalidStateFailure)?.state === NamespaceState.DELETED);
  });
});

test('a deprecated namespace begins nothing, and serves all the rest', async (t) => {
  const { stage, world } = await openWorld();
  await using _ = stage;
  await stage.call(WorkflowService.DeprecateNamespace, { namespace: NAMESPACE });
  const begins = new Set(['StartWorkflowExecution', 'SignalWithStartWorkflowExecution', 'ExecuteMultiOperation', 'CreateSchedule', 'StartActivityExecution']);
  for (const method of servedMethods(stage).filter(({ name }) => name !== 'DeleteNamespace')) {
    await t.test(method.name, async () => {
      const outcome = await ask(stage, method, { ...ROWS[method.name]?.[1](world), namespace: NAMESPACE });
      const refused = outcome !== 'waits' && 'error' in outcome && outcome.error.detail(NamespaceInvalidStateFailure)?.state === NamespaceState.DEPRECATED;
      assert.equal(refused, begins.has(method.name));
    });
  }
});
