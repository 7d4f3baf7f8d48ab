/**
 * Batch operations, as an operator asks for them. Another server may list a change later than ours, allows one job at a time, and takes its
 * time to begin: starts are repeated until there is room, and results waited for.
 */
import assert from 'node:assert/strict';
import {
  BatchOperationState,
  BatchOperationType,
  Code,
  EventType,
  Priority,
  ResetType,
  RpcError,
  WorkflowExecutionStatus,
  WorkflowService,
  type DescribeBatchOperationResponse,
  type Init,
  type StartBatchOperationRequest,
} from '#perdure/protocol/index';
import type { WorkflowHandle } from 'perdure/client';
import { eventually, start, type Scenario, type Stage } from '../scenario.js';
import { json } from './values.js';

const { CountWorkflowExecutions, DescribeBatchOperation, DescribeWorkflowExecution, ListBatchOperations, PauseActivity, StartBatchOperation, StopBatchOperation } = WorkflowService;
const PATIENCE_MS = 50_000;

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
/** Only what the scenario made. */
const mine = (stage: Stage, more = ''): string => `WorkflowId STARTS_WITH '${stage.id('')}'${more === '' ? '' : ` AND ${more}`}`;
const describe = (stage: Stage, workflowId: string, runId = '') => stage.call(DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId, runId } });
const job = (stage: Stage, name: string) => stage.call(DescribeBatchOperation, { namespace: stage.namespace, jobId: stage.id(name) });
const counters = ({ state, totalOperationCount, completeOperationCount, failureOperationCount }: DescribeBatchOperationResponse) => [state, totalOperationCount, completeOperationCount, failureOperationCount];

/** Starts the workflows, and waits until each has made its first step and a list shows them. */
async function begin(stage: Stage, names: readonly string[], type = 'collect'): Promise<WorkflowHandle[]> {
  const handles = await Promise.all(names.map((name) => start(stage, type, [], { workflowId: stage.id(name) })));
  for (const { workflowId } of handles) {
    await eventually(async () => (await stage.history(workflowId)).some(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED), 'the first workflow task');
  }
  await listed(stage, "ExecutionStatus = 'Running'", names.length);
  return handles;
}

const listed = (stage: Stage, query: string, count: number): Promise<true> =>
  eventually(async () => (await stage.call(CountWorkflowExecutions, { namespace: stage.namespace, query: mine(stage, query) })).count === count, `${count} with ${query}`);

async function startBatch(stage: Stage, name: string, request: Init<StartBatchOperationRequest>): Promise<void> {
  await eventually(
    () =>
      stage.call(StartBatchOperation, { namespace: stage.namespace, jobId: stage.id(name), reason: 'clean up', ...request }).then(
        () => true,
        (error: unknown) => {
          if (refusedWith(Code.RESOURCE_EXHAUSTED)(error)) return false;
          throw error;
        },
      ),
    'room for a batch operation',
    PATIENCE_MS,
  );
}

async function batch(stage: Stage, name: string, request: Init<StartBatchOperationRequest>): Promise<DescribeBatchOperationResponse> {
  await startBatch(stage, name, request);
  return eventually(async () => {
    const described = await job(stage, name);
    return described.state !== BatchOperationState.RUNNING && described;
  }, 'the end of the batch operation', PATIENCE_MS);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'all that a query finds is terminated with the reason of the job; what has ended before is left alone',
    covers: ['rpc:StartBatchOperation', 'rpc:DescribeBatchOperation', 'rpc:ListBatchOperations', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const [first, second, third] = await begin(stage, ['a', 'b', 'c']);
      assert.ok(first && second && third);
      await third.terminate('earlier');
      await listed(stage, "ExecutionStatus = 'Terminated'", 1);
      const done = await batch(stage, 'job', { visibilityQuery: mine(stage), terminationOperation: { identity: 'operator' } });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 2, 2, 0]);
      assert.deepEqual([done.jobId, done.operationType, done.identity, done.reason], [stage.id('job'), BatchOperationType.TERMINATE_WORKFLOW, 'operator', 'clean up']);
      assert.ok(done.startTime !== undefined && done.closeTime !== undefined);
      for (const { workflowId } of [first, second]) {
        assert.equal((await stage.history(workflowId)).at(-1)?.workflowExecutionTerminatedEventAttributes?.reason, 'clean up');
      }
      assert.equal((await stage.history(third.workflowId)).at(-1)?.workflowExecutionTerminatedEventAttributes?.reason, 'earlier');
      await eventually(async () => {
        const { operationInfo } = await stage.call(ListBatchOperations, { namespace: stage.namespace });
        return operationInfo.some(({ jobId, state }) => jobId === stage.id('job') && state === BatchOperationState.COMPLETED);
      }, 'the job in the list');
    },
  },
  {
    name: 'executions that are named are signaled, each once, with or without run id; one that does not exist is no failure',
    covers: ['rpc:StartBatchOperation', 'event:WORKFLOW_EXECUTION_SIGNALED'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const [first, second] = await begin(stage, ['a', 'b']);
      assert.ok(first && second);
      const { runId = '' } = (await describe(stage, first.workflowId)).workflowExecutionInfo?.execution ?? {};
      const executions = [{ workflowId: first.workflowId, runId }, { workflowId: second.workflowId }, { workflowId: stage.id('nobody') }];
      const done = await batch(stage, 'job', { executions, signalOperation: { signal: 'add', input: json('finish'), identity: 'operator' } });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 3, 3, 0]);
      for (const { workflowId } of [first, second]) {
        assert.deepEqual(await stage.client.workflow.getHandle(workflowId).result(), ['finish']);
        const signals = (await stage.history(workflowId)).flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled ?? []);
        assert.deepEqual(signals.map(({ signalName, identity }) => [signalName, identity]), [['add', 'operator']]);
      }
    },
  },
  {
    name: 'all that a query finds is asked to cancel',
    covers: ['rpc:StartBatchOperation', 'event:WORKFLOW_EXECUTION_CANCEL_REQUESTED', 'event:WORKFLOW_EXECUTION_CANCELED'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const handles = await begin(stage, ['a', 'b']);
      const done = await batch(stage, 'job', { visibilityQuery: mine(stage), cancellationOperation: { identity: 'operator' } });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        await eventually(async () => (await describe(stage, workflowId)).workflowExecutionInfo?.status === WorkflowExecutionStatus.CANCELED, 'the cancellation');
      }
    },
  },
  {
    name: 'all that a query finds is deleted, closed or not',
    covers: ['rpc:StartBatchOperation'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const handles = await begin(stage, ['a', 'b']);
      await handles[0]?.terminate('earlier');
      await listed(stage, "ExecutionStatus = 'Terminated'", 1);
      const done = await batch(stage, 'job', { visibilityQuery: mine(stage), deletionOperation: { identity: 'operator' } });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        await eventually(() => describe(stage, workflowId).then(() => false, refusedWith(Code.NOT_FOUND)), 'the end of the deletion', PATIENCE_MS);
      }
    },
  },
  {
    name: 'all that a query finds is reset to its first workflow task, then to its last one',
    covers: ['rpc:StartBatchOperation', 'cause:workflowTask.RESET_WORKFLOW'],
    timeoutMs: 150_000,
    run: async (stage) => {
      const handles = await begin(stage, ['a', 'b']);
      for (const handle of handles) {
        await handle.signal('add', 'one');
        await eventually(async () => (await stage.history(handle.workflowId)).filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED).length === 2, 'the second task');
      }
      const first = await batch(stage, 'first', { visibilityQuery: mine(stage, "ExecutionStatus = 'Running'"), resetOperation: { resetType: ResetType.FIRST_WORKFLOW_TASK, identity: 'operator' } });
      assert.deepEqual(counters(first), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        assert.equal((await stage.history(workflowId))[3]?.eventType, EventType.WORKFLOW_TASK_FAILED);
        await eventually(async () => (await stage.history(workflowId)).at(-1)?.eventType === EventType.WORKFLOW_TASK_COMPLETED, 'the task after the reset');
      }
      await listed(stage, "ExecutionStatus = 'Running'", 2);
      await listed(stage, "ExecutionStatus = 'Terminated'", 2);
      const last = await batch(stage, 'last', { visibilityQuery: mine(stage, "ExecutionStatus = 'Running'"), resetOperation: { options: { lastWorkflowTask: {} }, identity: 'operator' } });
      assert.deepEqual(counters(last), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        assert.deepEqual(await stage.client.workflow.getHandle(workflowId).query('values'), ['one']);
        await stage.client.workflow.getHandle(workflowId).signal('add', 'finish');
        assert.deepEqual(await stage.client.workflow.getHandle(workflowId).result(), ['one', 'finish']);
      }
    },
  },
  {
    name: 'the options of all that a query finds are changed',
    covers: ['rpc:StartBatchOperation', 'event:WORKFLOW_EXECUTION_OPTIONS_UPDATED'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const handles = await begin(stage, ['a', 'b']);
      const workflowExecutionOptions = { priority: Priority.encode({ priorityKey: 4 }) };
      const done = await batch(stage, 'job', {
        visibilityQuery: mine(stage),
        updateWorkflowOptionsOperation: { workflowExecutionOptions, updateMask: { paths: ['priority.priority_key'] }, identity: 'operator' },
      });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        const { priority } = (await describe(stage, workflowId)).workflowExecutionInfo ?? {};
        assert.equal(priority && Priority.decode(priority).priorityKey, 4);
        await stage.client.workflow.getHandle(workflowId).terminate();
      }
    },
  },
  {
    name: 'activities are given other options, unpaused and reset in all that a query finds',
    covers: ['rpc:StartBatchOperation', 'event:ACTIVITY_TASK_COMPLETED'],
    timeoutMs: 180_000,
    varies: 'an attempt may begin before or after the next operation',
    run: async (stage) => {
      const handles = await begin(stage, ['a', 'b'], 'attempts');
      const pending = async (workflowId: string) => (await describe(stage, workflowId)).pendingActivities[0];
      for (const { workflowId } of handles) await eventually(async () => (await pending(workflowId))?.attempt === 2, 'the first failure');
      const visibilityQuery = mine(stage);
      const update = await batch(stage, 'update', {
        visibilityQuery,
        updateActivityOptionsOperation: { type: 'attempted', activityOptions: { startToCloseTimeout: 33_000 }, updateMask: { paths: ['start_to_close_timeout'] }, identity: 'operator' },
      });
      assert.deepEqual(counters(update), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) {
        assert.equal((await pending(workflowId))?.activityOptions?.startToCloseTimeout, 33_000);
        await stage.call(PauseActivity, { namespace: stage.namespace, execution: { workflowId }, type: 'attempted', identity: 'operator' });
      }
      await listed(stage, "TemporalPauseInfo = 'property:activityType=attempted'", 2);
      const reset = await batch(stage, 'reset', { visibilityQuery, resetActivitiesOperation: { type: 'attempted', keepPaused: true, identity: 'operator' } });
      assert.deepEqual(counters(reset), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) assert.deepEqual([(await pending(workflowId))?.attempt, (await pending(workflowId))?.paused], [1, true]);
      const unpause = await batch(stage, 'unpause', { visibilityQuery, unpauseActivitiesOperation: { type: 'attempted', identity: 'operator' } });
      assert.deepEqual(counters(unpause), [BatchOperationState.COMPLETED, 2, 2, 0]);
      for (const { workflowId } of handles) assert.equal(await stage.client.workflow.getHandle(workflowId).result(), 'attempt 1');
    },
  },
  {
    name: 'a job that is stopped has failed; one that has ended cannot be stopped',
    covers: ['rpc:StopBatchOperation', 'rpc:StartBatchOperation'],
    timeoutMs: 120_000,
    varies: 'how far the job comes is a matter of timing',
    run: async (stage) => {
      await begin(stage, ['a', 'b', 'c']);
      const stop = (name: string) => stage.call(StopBatchOperation, { namespace: stage.namespace, jobId: stage.id(name), reason: 'enough', identity: 'operator' });
      await startBatch(stage, 'job', { visibilityQuery: mine(stage), maxOperationsPerSecond: 0.5, signalOperation: { signal: 'add', input: json('x') } });
      const wasRunning = await stop('job').then(() => true, (error: unknown) => !refusedWith(Code.NOT_FOUND)(error));
      const { state } = await job(stage, 'job');
      assert.equal(state, wasRunning ? BatchOperationState.FAILED : BatchOperationState.COMPLETED);
      await assert.rejects(stop('job'), refusedWith(Code.NOT_FOUND));
      await assert.rejects(stop('nothing'), refusedWith(Code.NOT_FOUND));
      const end = await batch(stage, 'end', { visibilityQuery: mine(stage), terminationOperation: {} });
      assert.equal(end.state, BatchOperationState.COMPLETED);
    },
  },
  {
    name: 'a job that cannot be carried out is refused, and so is another one with the same id',
    covers: ['rpc:StartBatchOperation', 'rpc:DescribeBatchOperation'],
    timeoutMs: 120_000,
    run: async (stage) => {
      const visibilityQuery = mine(stage);
      const call = (request: Init<StartBatchOperationRequest>) => stage.call(StartBatchOperation, { namespace: stage.namespace, jobId: stage.id('bad'), reason: 'clean up', ...request });
      await assert.rejects(call({ visibilityQuery }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(call({ terminationOperation: {} }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(call({ visibilityQuery, terminationOperation: {}, reason: '' }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(call({ visibilityQuery, resetOperation: { options: {} } }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(call({ visibilityQuery, unpauseActivitiesOperation: { type: '' } }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(job(stage, 'bad'), refusedWith(Code.NOT_FOUND));
      const done = await batch(stage, 'good', { visibilityQuery, terminationOperation: {} });
      assert.deepEqual(counters(done), [BatchOperationState.COMPLETED, 0, 0, 0]);
      await eventually(
        () => call({ jobId: stage.id('good'), visibilityQuery, cancellationOperation: {} }).then(
          () => assert.fail('the job was started again'),
          (error: unknown) => (refusedWith(Code.RESOURCE_EXHAUSTED)(error) ? false : refusedWith(Code.ALREADY_EXISTS)(error) || assert.fail(String(error))),
        ),
        'the refusal',
      );
    },
  },
];
