/** Cancel requests where they meet something else: a failure, a reset. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ResetReapplyExcludeType, ResetReapplyType, WorkflowService } from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

async function firstTaskOf(stage: Stage, workflowId: string): Promise<number> {
  return eventually(async () => (await stage.history(workflowId)).find((event) => event.workflowTaskCompletedEventAttributes)?.eventId, 'the first task');
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an activity that fails after its cancel request is not tried again',
    covers: ['policy:retryState.CANCEL_REQUESTED', 'command:REQUEST_CANCEL_ACTIVITY_TASK'],
    run: async (stage) => {
      const error = await failure(execute(stage, 'cancelsWhatFails'));
      assert.equal(error.cause?.name, 'ActivityFailure');
      assert.equal(error.cause?.retryState, 'CANCEL_REQUESTED');
      assert.equal(error.cause?.cause?.type, 'Broken');
    },
  },
  {
    name: 'a reset does not tell the new run of a cancel request behind the reset point, excluded or not',
    covers: ['policy:resetExclude.CANCEL_REQUEST', 'policy:resetExclude.NEXUS', 'policy:resetReapply.ALL_ELIGIBLE', 'event:WORKFLOW_EXECUTION_CANCEL_REQUESTED'],
    run: async (stage) => {
      const reset = async (name: string, exclude: ResetReapplyExcludeType[]) => {
        const handle = await start(stage, 'endsSomehow', [], { workflowId: stage.id(name) });
        const workflowTaskFinishEventId = await firstTaskOf(stage, handle.workflowId);
        await handle.cancel();
        assert.equal(await handle.result(), 'cancelled');
        const { runId } = await stage.call(WorkflowService.ResetWorkflowExecution, {
          namespace: stage.namespace,
          workflowExecution: { workflowId: handle.workflowId, runId: (await handle.describe()).runId },
          reason: 'try again',
          requestId: randomUUID(),
          workflowTaskFinishEventId,
          resetReapplyType: ResetReapplyType.ALL_ELIGIBLE,
          resetReapplyExcludeTypes: exclude,
        });
        return stage.client.workflow.getHandle(handle.workflowId, runId);
      };
      for (const spared of [await reset('all', []), await reset('some', [ResetReapplyExcludeType.CANCEL_REQUEST, ResetReapplyExcludeType.NEXUS])]) {
        await firstTaskOf(stage, spared.workflowId);
        await spared.signal('finish');
        assert.equal(await spared.result(), 'finished');
      }
    },
  },
];
