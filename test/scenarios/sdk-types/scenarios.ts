/** Values of classes: what definitions and calls say of types, the same in both SDKs. */
import assert from 'node:assert/strict';
import { eventually, execute, type Scenario } from '../scenario.js';
import { Money, money, takesAndGives } from './types.js';

const cents = (amount: unknown): bigint | string => (amount instanceof Money ? amount.cents : `not Money but ${typeof amount}`);

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'arguments, results, signals, queries and updates of a class',
    timeoutMs: 20_000,
    covers: ['command:CONTINUE_AS_NEW_WORKFLOW_EXECUTION', 'event:WORKFLOW_EXECUTION_SIGNALED', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'rpc:QueryWorkflow'],
    run: async (stage) => {
      const { workflow } = stage.client;
      const workflowId = stage.id('account');
      await workflow.start('account', { taskQueue: stage.taskQueue, workflowId, args: [new Money(5n), true], typeInfo: takesAndGives });
      await eventually(async () => (await stage.history(workflowId))[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId !== '');
      const handle = workflow.getHandle(workflowId, undefined, { typeInfo: takesAndGives });
      await handle.signalWithOptions('deposit', { args: [new Money(2n)], typeInfo: { inputTypes: [money] } });
      assert.equal(cents(await handle.executeUpdate('spend', { args: [new Money(1n)], typeInfo: takesAndGives })), 11n);
      assert.equal(cents(await handle.queryWithOptions('balance', { args: [new Money(100n)], typeInfo: takesAndGives })), 111n);
      await handle.signal('close');
      assert.equal(cents(await handle.result()), 44n);
      assert.equal(await workflow.getHandle(workflowId).result(), '44', 'without a hint one gets what travels');
    },
  },
  {
    name: 'a child and its parent pass values of a class',
    timeoutMs: 20_000,
    covers: ['command:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => assert.equal(await execute(stage, 'parent', stage.id('child')), '24'),
  },
];
