/** A namespace that is deleted has another name at once, and by and by nothing of it is left; what is elsewhere stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Code,
  CommandType,
  NamespaceInvalidStateFailure,
  NamespaceNotFoundFailure,
  NamespaceState,
  OperatorService,
  RpcError,
  WorkflowService,
} from '../protocol/index.js';
import { completeWorkflow, NAMESPACE, QUEUE, Stage, startRequest } from '../server/testing/stage.js';

const DOOMED = 'doomed';
const HOUR_MS = 3_600_000;
/** Long enough for everything to go. */
const WHILE_MS = 60_000;

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
const isUnknown = (error: unknown) => error instanceof RpcError && error.detail(NamespaceNotFoundFailure) !== undefined;
const isBeingDeleted = (error: unknown) => error instanceof RpcError && error.detail(NamespaceInvalidStateFailure)?.state === NamespaceState.DELETED;

const open = (options: object = {}) => Stage.open({ namespaces: [DOOMED], limits: { crossNamespaceCommands: 1 }, ...options });
const startIn = (stage: Stage, namespace: string, workflowId: string, request: object = {}) =>
  stage.call(WorkflowService.StartWorkflowExecution, { ...startRequest(workflowId, request), namespace });
const pollIn = (stage: Stage, namespace: string) => stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: QUEUE }, identity: 'worker' });
const describe = (stage: Stage, namespace: string) => stage.call(WorkflowService.DescribeNamespace, { namespace });

async function idOf(stage: Stage, namespace: string): Promise<string> {
  return (await describe(stage, namespace)).namespaceInfo?.id ?? '';
}

async function deleteNamespace(stage: Stage, request: object = { namespace: DOOMED }): Promise<string> {
  return (await stage.call(OperatorService.DeleteNamespace, request)).deletedNamespace;
}

async function names(stage: Stage, includeDeleted: boolean): Promise<string[]> {
  const { namespaces } = await stage.call(WorkflowService.ListNamespaces, { namespaceFilter: { includeDeleted } });
  return namespaces.map(({ namespaceInfo }) => namespaceInfo?.name ?? '');
}

/** Open and closed runs, and a schedule that keeps starting some. */
async function fill(stage: Stage, runs = 3): Promise<void> {
  for (let n = 0; n < runs; n++) await startIn(stage, DOOMED, `closed-${n}`);
  for (let n = 0; n < runs; n++) {
    const { taskToken } = await pollIn(stage, DOOMED);
    await stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace: DOOMED, taskToken, commands: [completeWorkflow()] });
  }
  for (let n = 0; n < runs; n++) await startIn(stage, DOOMED, `open-${n}`);
  await stage.call(WorkflowService.CreateSchedule, {
    namespace: DOOMED,
    scheduleId: 's',
    requestId: 's',
    schedule: {
      spec: { interval: [{ interval: 1_000 }] },
      action: { startWorkflow: { workflowId: 'fired', workflowType: { name: 'order' }, taskQueue: { name: QUEUE } } },
    },
  });
  // One that takes long, and one that has ended.
  const batch = { namespace: DOOMED, reason: 'r', signalOperation: { signal: 's' } };
  await stage.call(WorkflowService.StartBatchOperation, { ...batch, jobId: 'ended', executions: [{ workflowId: 'open-0', runId: '' }] });
  await stage.clock.settle();
  await stage.call(WorkflowService.StartBatchOperation, { ...batch, jobId: 'runs', visibilityQuery: 'WorkflowType = "order"', maxOperationsPerSecond: 0.1 });
}

test('a deleted namespace has another name at once, and its own is free', async () => {
  await using stage = await open();
  await fill(stage);
  const id = await idOf(stage, DOOMED);
  const deleted = await deleteNamespace(stage, { namespace: DOOMED, namespaceDeleteDelay: HOUR_MS });
  assert.equal(deleted, `${DOOMED}-deleted-${id.slice(0, 5)}`);
  await assert.rejects(describe(stage, DOOMED), isUnknown);
  await assert.rejects(startIn(stage, DOOMED, 'w'), isUnknown);
  assert.equal((await describe(stage, deleted)).namespaceInfo?.state, NamespaceState.DELETED);
  await assert.rejects(startIn(stage, deleted, 'w'), isBeingDeleted);
  assert.deepEqual(await names(stage, false), [NAMESPACE]);
  assert.deepEqual(await names(stage, true), [NAMESPACE, deleted]);
  await stage.call(WorkflowService.RegisterNamespace, { namespace: DOOMED, workflowExecutionRetentionPeriod: HOUR_MS });
  assert.notEqual(await idOf(stage, DOOMED), id);
  await startIn(stage, DOOMED, 'open-0');
  await stage.restart();
  assert.deepEqual(await names(stage, true), [NAMESPACE, DOOMED, deleted]);
  assert.equal((await pollIn(stage, DOOMED)).workflowExecution?.workflowId, 'open-0', 'of the new one');
});

test('everything in it goes, and then it is gone itself; what is elsewhere stays', async () => {
  await using stage = await open();
  await stage.start('elsewhere');
  await fill(stage, 60);
  const id = await idOf(stage, DOOMED);
  await deleteNamespace(stage);
  await stage.clock.advance(WHILE_MS);
  assert.deepEqual(await names(stage, true), [NAMESPACE]);
  await assert.rejects(stage.call(WorkflowService.DescribeNamespace, { id }), isUnknown);
  const { store } = stage.engine as unknown as { store: { machines(filter: object, page: object): Promise<{ items: unknown[] }> } };
  for (const kind of ['workflow', 'schedule', 'batch']) assert.deepEqual((await store.machines({ kind, namespace: id }, { limit: 9 })).items, [], kind);
  assert.equal(((await store.machines({ kind: 'namespace', namespace: '' }, { limit: 9 })).items).length, 1);
  await stage.restart();
  // The server was asked to make it if it is missing.
  assert.deepEqual(await names(stage, true), [NAMESPACE, DOOMED]);
  assert.equal((await stage.pollWorkflow()).workflowExecution?.workflowId, 'elsewhere');
  await stage.clock.advance(WHILE_MS);
  assert.equal(stage.clock.nextTimerAt === undefined || stage.clock.nextTimerAt > stage.clock.now(), true);
});

test('a restart in the middle goes on with the rest', async () => {
  await using stage = await open({ namespaces: undefined });
  await stage.call(WorkflowService.RegisterNamespace, { namespace: DOOMED, workflowExecutionRetentionPeriod: HOUR_MS });
  await fill(stage, 60);
  const deleted = await deleteNamespace(stage);
  await stage.restart();
  assert.deepEqual(await names(stage, true), [NAMESPACE, deleted]);
  await stage.clock.advance(WHILE_MS);
  assert.deepEqual(await names(stage, true), [NAMESPACE]);
});

test('it is kept as long as was asked for; asked again, as long as is said then', async () => {
  await using stage = await open({ namespaces: undefined });
  await stage.call(WorkflowService.RegisterNamespace, { namespace: DOOMED, workflowExecutionRetentionPeriod: HOUR_MS });
  await fill(stage);
  const deleted = await deleteNamespace(stage, { namespace: DOOMED, namespaceDeleteDelay: 10 * HOUR_MS });
  await stage.clock.advance(HOUR_MS);
  await stage.restart();
  await stage.clock.advance(8 * HOUR_MS);
  assert.deepEqual(await names(stage, true), [NAMESPACE, deleted]);
  assert.equal(await deleteNamespace(stage, { namespace: deleted, namespaceDeleteDelay: 5 * HOUR_MS }), deleted);
  await stage.clock.advance(4 * HOUR_MS);
  assert.deepEqual(await names(stage, true), [NAMESPACE, deleted]);
  const [item] = (await stage.call(WorkflowService.ListNamespaces, { namespaceFilter: { includeDeleted: true } })).namespaces.slice(-1);
  assert.equal(await deleteNamespace(stage, { namespaceId: item?.namespaceInfo?.id }), deleted, 'by its id, at once');
  await stage.clock.advance(WHILE_MS);
  assert.deepEqual(await names(stage, true), [NAMESPACE]);
});

test('a parent elsewhere hears that its child was terminated', async () => {
  await using stage = await open();
  await stage.start('parent');
  const task = await stage.pollWorkflow();
  const child = { namespace: DOOMED, workflowId: 'child', workflowType: { name: 'child' }, taskQueue: { name: QUEUE } };
  await stage.complete(task, [{ commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION, startChildWorkflowExecutionCommandAttributes: child }]);
  await deleteNamespace(stage);
  await stage.clock.advance(WHILE_MS);
  assert.deepEqual(
    (await stage.eventTypes('parent')).filter((type) => type.startsWith('CHILD')),
    ['CHILD_WORKFLOW_EXECUTION_STARTED', 'CHILD_WORKFLOW_EXECUTION_TERMINATED'],
  );
});

test('a delete is refused for what does not exist, and if it says both name and id, or neither', async () => {
  await using stage = await open();
  await assert.rejects(deleteNamespace(stage, { namespace: 'nowhere' }), isUnknown);
  await assert.rejects(deleteNamespace(stage, { namespaceId: '00000000-0000-4000-8000-000000000001' }), isUnknown);
  await assert.rejects(deleteNamespace(stage, {}), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(deleteNamespace(stage, { namespace: DOOMED, namespaceId: await idOf(stage, DOOMED) }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(deleteNamespace(stage, { namespace: DOOMED, namespaceDeleteDelay: -1 }), refusedWith(Code.INVALID_ARGUMENT));
});
