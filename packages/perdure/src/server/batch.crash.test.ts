/**
 * A batch operation through the whole server, which dies in each of its writes, once before and once after it is on the disk: in the end every
 * execution has got its operation, exactly once, and the job says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchOperationState, Code, EventType, ResetType, RpcError, WorkflowService, type HistoryEvent, type Init, type StartBatchOperationRequest } from '../protocol/index.js';
import { everyDeath, MortalServer, type Death } from './testing/mortal-server.js';
import { NAMESPACE, QUEUE, startRequest } from './testing/stage.js';

const { CountWorkflowExecutions, DescribeBatchOperation, PollWorkflowTaskQueue, RespondWorkflowTaskCompleted, StartBatchOperation, StartWorkflowExecution } = WorkflowService;
const IDS = Array.from({ length: 7 }, (_, index) => `w${index}`);
const QUERY = "WorkflowType = 'order' AND ExecutionStatus = 'Running'";

const LIMITS = { groupRecords: 2, batchConcurrency: 3, batchPageSize: 3, batchOperationsPerSecond: 0 };

interface Case {
  readonly name: string;
  readonly request: Init<StartBatchOperationRequest>;
  check(server: MortalServer, workflowId: string): Promise<void>;
}

const types = (events: readonly HistoryEvent[], type: EventType): number => events.filter(({ eventType }) => eventType === type).length;

const CASES: readonly Case[] = [
  {
    name: 'terminate',
    request: { visibilityQuery: QUERY, terminationOperation: {} },
    check: async (server, workflowId) => {
      assert.equal(types(await server.events(workflowId), EventType.WORKFLOW_EXECUTION_TERMINATED), 1);
    },
  },
  {
    name: 'signal',
    request: { visibilityQuery: QUERY, signalOperation: { signal: 'go' } },
    check: async (server, workflowId) => {
      assert.equal(types(await server.events(workflowId), EventType.WORKFLOW_EXECUTION_SIGNALED), 1);
    },
  },
  {
    name: 'signal those that are named',
    request: { executions: IDS.map((workflowId) => ({ workflowId })), signalOperation: { signal: 'go' } },
    check: async (server, workflowId) => {
      assert.equal(types(await server.events(workflowId), EventType.WORKFLOW_EXECUTION_SIGNALED), 1);
    },
  },
  {
    name: 'delete',
    request: { visibilityQuery: QUERY, deletionOperation: {} },
    check: async (server, workflowId) => {
      await assert.rejects(server.events(workflowId), (error) => error instanceof RpcError && error.code === Code.NOT_FOUND);
    },
  },
  {
    name: 'reset',
    request: { visibilityQuery: QUERY, resetOperation: { resetType: ResetType.LAST_WORKFLOW_TASK } },
    check: async (server, workflowId) => {
      assert.equal(types(await server.events(workflowId), EventType.WORKFLOW_TASK_FAILED), 1);
      const runs = await server.call(CountWorkflowExecutions, { namespace: NAMESPACE, query: `WorkflowId = '${workflowId}'` });
      assert.equal(runs.count, 2, 'one reset, one new run');
    },
  },
];

/** The server dies after the request. True if it came to that before the job was through. */
async function survives({ request, check }: Case, death: Death): Promise<boolean> {
  const server = new MortalServer(LIMITS);
  await server.begin();
  for (const workflowId of IDS) await server.call(StartWorkflowExecution, startRequest(workflowId));
  for (const _ of IDS) {
    const { taskToken } = await server.call(PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' });
    await server.call(RespondWorkflowTaskCompleted, { taskToken, identity: 'worker' });
  }
  server.diesAt(death);
  const job: Init<StartBatchOperationRequest> = { namespace: NAMESPACE, jobId: 'job', reason: 'because', ...request };
  server.call(StartBatchOperation, job).catch(() => {});
  await server.clock.settle();
  for (let passed = 0; passed < 20 && !server.isDead; passed++) await server.clock.advance(1_000);
  const died = server.isDead;
  await server.beginAgain();
  // The client was not answered, perhaps: it asks again.
  await server.call(StartBatchOperation, job);
  for (let passed = 0; passed < 60; passed++) await server.clock.advance(1_000);
  const { state, totalOperationCount, completeOperationCount, failureOperationCount } = await server.call(DescribeBatchOperation, { namespace: NAMESPACE, jobId: 'job' });
  assert.deepEqual([state, totalOperationCount, completeOperationCount, failureOperationCount], [BatchOperationState.COMPLETED, IDS.length, IDS.length, 0]);
  for (const workflowId of IDS) await check(server, workflowId);
  await server.engine.close();
  return died;
}

for (const one of CASES) {
  test(`${one.name}: a batch operation lives through the death of the server in any write`, async () => {
    const deaths = await everyDeath((death) => survives(one, death));
    assert.ok(deaths >= 12, `${deaths} deaths`);
  });
}
