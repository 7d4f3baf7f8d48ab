/** Limits of the server that a workflow meets, on a server where they are low. */
import assert from 'node:assert/strict';
import { Code, RpcError, WorkflowService } from '#perdure/protocol/index';
import { eventually, start, type Scenario } from '../scenario.js';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a run takes so many signals and no more, whoever sends them',
    server: 'own',
    settings: { 'history.maximumSignalsPerExecution': 3 },
    covers: ['cause:signalExternal.SIGNAL_COUNT_LIMIT_EXCEEDED', 'event:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED'],
    run: async (stage) => {
      const target = await start(stage, 'poked');
      assert.match(String(await (await start(stage, 'pokes', [target.workflowId])).result()), /signal/i);
      await assert.rejects(
        stage.call(WorkflowService.SignalWorkflowExecution, { namespace: stage.namespace, workflowExecution: { workflowId: target.workflowId }, signalName: 'poke' }),
        (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT,
      );
      // While the worker holds a task they wait outside the history.
      const signals = async () => (await stage.history(target.workflowId)).filter((event) => event.workflowExecutionSignaledEventAttributes);
      await eventually(async () => (await signals()).length === 3, 'three signals');
    },
  },
];
