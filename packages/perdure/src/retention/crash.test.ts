/**
 * The process dies before and after each write of a sweep, and of the deletion of a namespace. After the next start all that had to go is
 * gone, nothing else is, and what was owed to others arrived once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandType, OperatorService, RpcError, WorkflowService, type Command, type Init } from '../protocol/index.js';
import { everyDeath, MortalServer, type Death } from '../server/testing/mortal-server.js';
import { completeWorkflow, NAMESPACE, QUEUE, startRequest, typeName } from '../server/testing/stage.js';

const DOOMED = 'doomed';
const HOUR_MS = 3_600_000;
const RETENTION_MS = 72 * HOUR_MS;
const CLOSED = 7;

/** Takes the next task of a namespace and completes it. */
async function step(server: MortalServer, namespace: string, commands: readonly Init<Command>[]): Promise<void> {
  const { taskToken } = await server.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: QUEUE }, identity: 'worker' });
  await server.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace, taskToken, commands });
}

async function names(server: MortalServer): Promise<string[]> {
  const { namespaces } = await server.call(WorkflowService.ListNamespaces, { namespaceFilter: { includeDeleted: true } });
  return namespaces.map(({ namespaceInfo }) => namespaceInfo?.name ?? '');
}

async function runs(server: MortalServer): Promise<string[]> {
  const { executions } = await server.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE });
  return executions.map(({ execution }) => execution?.workflowId ?? '').sort();
}

/** Closed runs that will expire; a parent with a child in the namespace that is to go, which holds a few things more. */
async function prepared(): Promise<{ readonly server: MortalServer; readonly doomedId: string }> {
  const server = new MortalServer({ cachedMachines: 6, crossNamespaceCommands: 1 });
  await server.begin();
  await server.call(WorkflowService.RegisterNamespace, { namespace: DOOMED, workflowExecutionRetentionPeriod: 1_000 * HOUR_MS });
  for (let n = 0; n < CLOSED; n++) {
    await server.call(WorkflowService.StartWorkflowExecution, startRequest(`closed-${n}`));
    await step(server, NAMESPACE, [completeWorkflow()]);
  }
  for (const id of ['a', 'b']) {
    await server.call(WorkflowService.StartWorkflowExecution, { ...startRequest(id), namespace: DOOMED });
    await step(server, DOOMED, [completeWorkflow()]);
  }
  await server.call(WorkflowService.CreateSchedule, {
    namespace: DOOMED,
    scheduleId: 's',
    requestId: 's',
    schedule: { spec: { interval: [{ interval: 1_000 * HOUR_MS }] }, action: { startWorkflow: { workflowId: 'fired', workflowType: { name: 'x' }, taskQueue: { name: QUEUE } } } },
  });
  await server.call(WorkflowService.StartWorkflowExecution, startRequest('parent'));
  const child = { namespace: DOOMED, workflowId: 'child', workflowType: { name: 'child' }, taskQueue: { name: QUEUE } };
  await step(server, NAMESPACE, [{ commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION, startChildWorkflowExecutionCommandAttributes: child }]);
  const { namespaceInfo } = await server.call(WorkflowService.DescribeNamespace, { namespace: DOOMED });
  return { server, doomedId: namespaceInfo?.id ?? '' };
}

/** Asks for the deletion, unless an earlier request did it. */
function deleteDoomed(server: MortalServer): Promise<unknown> {
  return server.call(OperatorService.DeleteNamespace, { namespace: DOOMED }).catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error;
  });
}

/** Does it with a death at this write. @returns whether it came to that */
async function survives(death: Death): Promise<boolean> {
  const { server, doomedId } = await prepared();
  server.diesAt(death);
  void deleteDoomed(server);
  await server.clock.advance(60_000);
  await server.clock.advance(RETENTION_MS);
  const died = server.isDead;

  await server.beginAgain();
  await deleteDoomed(server);
  await server.clock.advance(120_000);
  assert.deepEqual(await names(server), [NAMESPACE]);
  assert.deepEqual(await runs(server), ['parent']);
  const heard = (await server.events('parent')).map(({ eventType }) => typeName(eventType)).filter((type) => type.startsWith('CHILD'));
  assert.deepEqual(heard, ['CHILD_WORKFLOW_EXECUTION_STARTED', 'CHILD_WORKFLOW_EXECUTION_TERMINATED']);
  for (const kind of ['workflow', 'schedule']) {
    const { items } = await server.store.machines({ kind, namespace: doomedId }, { limit: 99 });
    assert.deepEqual(items, [], `nothing of kind ${kind} is left in the namespace`);
  }
  assert.equal((await server.store.machines({ kind: 'namespace', namespace: '' }, { limit: 99 })).items.length, 1);
  await server.engine.close();
  return died;
}

test('a death at any write, before it or after it, loses nothing and leaves nothing', async () => {
  const deaths = await everyDeath(survives);
  assert.ok(deaths > 10, `${deaths} deaths`);
});
