/** Start, result, failure, terminate, ids, describe: what every user meets first. */
import assert from 'node:assert/strict';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

/** The current run has done its first task: what comes now has its place in the history. */
async function firstTaskOf(stage: Stage): Promise<void> {
  await eventually(async () => (await stage.history(stage.id('waitsForRelease'))).some((event) => event.workflowTaskCompletedEventAttributes));
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a workflow without steps returns its result',
    covers: [
      'rpc:StartWorkflowExecution',
      'rpc:GetWorkflowExecutionHistory',
      'rpc:PollWorkflowTaskQueue',
      'rpc:RespondWorkflowTaskCompleted',
      'command:COMPLETE_WORKFLOW_EXECUTION',
      'event:WORKFLOW_EXECUTION_STARTED',
      'event:WORKFLOW_TASK_SCHEDULED',
      'event:WORKFLOW_TASK_STARTED',
      'event:WORKFLOW_TASK_COMPLETED',
      'event:WORKFLOW_EXECUTION_COMPLETED',
    ],
    run: async (stage) => assert.equal(await execute(stage, 'hello', 'Ada'), 'hello, Ada'),
  },
  {
    name: 'ten timers of one millisecond',
    covers: ['command:START_TIMER', 'event:TIMER_STARTED', 'event:TIMER_FIRED'],
    run: async (stage) => assert.equal(await execute(stage, 'manySleeps', 10), 10),
  },
  {
    name: 'a business failure keeps type and details',
    covers: ['command:FAIL_WORKFLOW_EXECUTION', 'event:WORKFLOW_EXECUTION_FAILED', 'policy:retryState.RETRY_POLICY_NOT_SET'],
    run: async (stage) => {
      const { cause } = await failure(execute(stage, 'businessFailure'));
      assert.equal(cause?.type, 'OutOfStock');
      assert.deepEqual(cause?.details, ['sku-1', 3]);
    },
  },
  {
    name: 'terminate ends a workflow at once',
    covers: ['rpc:TerminateWorkflowExecution', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    run: async (stage) => {
      const handle = await start(stage, 'waitsForRelease');
      await firstTaskOf(stage);
      await handle.terminate('enough');
      const error = await failure(handle.result());
      assert.equal(error.cause?.name, 'TerminatedFailure');
      assert.equal((await handle.describe()).status.name, 'TERMINATED');
      assert.equal((await failure(handle.signal('release', 'late'))).name, 'WorkflowNotFoundError');
    },
  },
  {
    name: 'a workflow id is unique among running workflows and free again after',
    covers: ['rpc:StartWorkflowExecution'],
    run: async (stage) => {
      const first = await start(stage, 'waitsForRelease');
      await firstTaskOf(stage);
      assert.equal((await failure(start(stage, 'waitsForRelease'))).name, 'WorkflowExecutionAlreadyStartedError');
      await first.signal('release', 'x');
      assert.equal(await first.result(), 'released by x');
      const second = await start(stage, 'waitsForRelease');
      await firstTaskOf(stage);
      await second.signal('release', 'y');
      assert.equal(await second.result(), 'released by y');
    },
  },
  {
    name: 'time, random numbers and ids of a workflow are its own',
    covers: [],
    varies: 'its random numbers',
    run: async (stage) => {
      const handle = await start(stage, 'deterministic');
      const result = (await handle.result()) as { first: string; second: string; random: number; elapsed: number; runId: string };
      assert.notEqual(result.first, result.second);
      assert.ok(result.random >= 0 && result.random < 1);
      assert.ok(result.elapsed >= 20, 'workflow time passes with its timers');
      assert.equal(result.runId, (await handle.describe()).runId);
    },
  },
  {
    name: 'a memo given at the start is described',
    covers: ['rpc:DescribeWorkflowExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'hello', ['x'], { memo: { note: 'kept' } });
      await handle.result();
      assert.deepEqual((await handle.describe()).memo, { note: 'kept' });
    },
  },
  {
    name: 'a result that is asked for twice, and of an unknown workflow',
    covers: ['rpc:GetWorkflowExecutionHistory'],
    run: async (stage) => {
      const handle = await start(stage, 'hello', ['x']);
      assert.equal(await handle.result(), 'hello, x');
      assert.equal(await stage.client.workflow.getHandle(handle.workflowId).result(), 'hello, x');
      const error = await failure(stage.client.workflow.getHandle(stage.id('nobody')).result());
      assert.equal(error.name, 'WorkflowNotFoundError');
    },
  },
];
