/** Workflow types that no function has, and handlers for names that nobody has set. */
import assert from 'node:assert/strict';
import { eventually, execute, start, type Scenario } from '../scenario.js';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the default export takes every workflow type that has no function of its own',
    covers: ['command:COMPLETE_WORKFLOW_EXECUTION'],
    run: async (stage) => {
      assert.equal(await execute(stage, 'named'), 'by name');
      assert.deepEqual(await execute(stage, 'whatever'), { type: 'whatever', args: [], told: [] });
    },
  },
  {
    name: 'default handlers take what has no handler of its own',
    covers: ['rpc:QueryWorkflow', 'rpc:SignalWorkflowExecution', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'some type', [2], { workflowId: stage.id('some') });
      await handle.signal('note', 1, 'two');
      await eventually(async () => ((await handle.query('count')) as unknown[]).at(-1) === 1);
      assert.deepEqual(await handle.query('count', 'x'), ['count', 'x', 1]);
      assert.equal(await handle.executeUpdate('change', { args: [3] as [number] }), 'change done');
      assert.deepEqual(await handle.result(), { type: 'some type', args: [2], told: [['note', 1, 'two'], ['change', 3]] });
    },
  },
];
