/** Handlers of updates, signals and queries: validators, order, default handlers, what is said of them; memo; a condition of zero. */
import assert from 'node:assert/strict';
import { EventType } from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

async function begun(stage: Stage, type: string) {
  const handle = await start(stage, type);
  // The first task is over: later updates come in tasks of their own.
  await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.workflowTaskCompletedEventAttributes !== undefined));
  return handle;
}

const accepted = (events: Awaited<ReturnType<Stage['history']>>) => events.filter((event) => event.eventType === EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED).length;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a validator rejects without a trace, a handler fails with one',
    covers: ['command:PROTOCOL_MESSAGE', 'event:WORKFLOW_EXECUTION_UPDATE_ACCEPTED', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    run: async (stage) => {
      const handle = await begun(stage, 'counter');
      assert.equal(await handle.executeUpdate('add', { args: [2] }), 2);
      const rejected = await failure(handle.executeUpdate('add', { args: [-1] }));
      assert.deepEqual([rejected.name, rejected.cause?.name, rejected.cause?.message], ['WorkflowUpdateFailedError', 'ApplicationFailure', 'negative: -1 (add)']);
      const failed = await failure(handle.executeUpdate('say', { args: ['x', 'fail'] }));
      assert.deepEqual([failed.cause?.type, failed.cause?.details], ['Mute', ['x']]);
      const unknown = await failure(handle.executeUpdate('nonsense', { args: [] }));
      assert.match(unknown.cause?.message ?? '', /nonsense/);
      assert.equal(await handle.query('total'), 2);
      await handle.signal('finish');
      assert.deepEqual(await handle.result(), { sum: 2, log: ['add 2', 'begin x'] });
      assert.equal(accepted(await stage.history(handle.workflowId)), 2);
    },
  },
  {
    name: 'update handlers run beside each other and the workflow, over activities, local activities and timers',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'rpc:PollWorkflowExecutionUpdate'],
    varies: 'which updates share a task',
    run: async (stage) => {
      const handle = await begun(stage, 'counter');
      const slow = await handle.startUpdate<string, [string, string]>('say', { args: ['slow', 'activity'], waitForStage: 'ACCEPTED', updateId: 'slow' });
      const both = await Promise.all([handle.executeUpdate('say', { args: ['quick', 'local'] }), handle.executeUpdate('add', { args: [5] })]);
      assert.deepEqual(both, ['quick', 5]);
      assert.equal(await slow.result(), 'slow');
      assert.equal(await handle.getUpdateHandle<string>('slow').result(), 'slow');
      await handle.signal('finish');
      const { sum, log } = (await handle.result()) as { sum: number; log: string[] };
      assert.equal(sum, 5);
      assert.deepEqual([...log].sort(), ['add 5', 'begin quick', 'begin slow', 'end quick', 'end slow']);
    },
  },
  {
    name: 'an update that comes before its handler is refused',
    covers: ['rpc:UpdateWorkflowExecution'],
    varies: 'when the refused update comes',
    run: async (stage) => {
      const handle = await begun(stage, 'late');
      const early = await failure(handle.executeUpdate('add', { args: [1] }));
      assert.match(early.cause?.message ?? '', /No registered handler for update: add/);
      await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.timerFiredEventAttributes !== undefined));
      await eventually(async () => {
        const given: unknown = await handle.executeUpdate('add', { args: [2] }).catch(() => undefined);
        return given === 2;
      });
      assert.equal(await handle.result(), 2);
    },
  },
  {
    name: 'an update that comes with the start waits for the handler that the first task sets',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    worker: 'own',
    run: async (stage) => {
      const handle = await start(stage, 'soon');
      const update = handle.executeUpdate('add', { args: [7] });
      await using _ = await stage.worker();
      assert.deepEqual([await update, await handle.result()], [7, 7]);
    },
  },
  {
    name: 'default handlers take what has no handler of its own',
    covers: ['event:WORKFLOW_EXECUTION_SIGNALED', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'rpc:QueryWorkflow'],
    run: async (stage) => {
      const handle = await begun(stage, 'catchAll');
      assert.deepEqual(await handle.query('anything', 1), ['query', 'anything', 1]);
      assert.equal(await handle.executeUpdate('whatever', { args: [1, 'two'] }), 1);
      await handle.signal('someSignal', true);
      assert.deepEqual(await handle.result(), [['update', 'whatever', 1, 'two'], ['signal', 'someSignal', true]]);
    },
  },
  {
    name: 'a workflow says what it can be told',
    covers: ['rpc:QueryWorkflow'],
    run: async (stage) => {
      const handle = await begun(stage, 'counter');
      const said = (await handle.query('__temporal_workflow_metadata')) as {
        definition: Record<'queryDefinitions' | 'signalDefinitions' | 'updateDefinitions', { name: string; description?: string }[]> & { type: string };
        currentDetails: string;
      };
      assert.deepEqual([said.definition.type, said.currentDetails], ['counter', 'counting']);
      assert.deepEqual(said.definition.updateDefinitions.map(({ name, description }) => [name, description]), [['add', 'Adds an amount.'], ['say', undefined]]);
      assert.ok(said.definition.queryDefinitions.some(({ name, description }) => name === 'total' && description === 'The sum so far.'));
      assert.deepEqual(said.definition.signalDefinitions.map(({ name }) => name), ['finish']);
      await handle.signal('finish');
      await handle.result();
    },
  },
  {
    name: 'a memo is changed field by field',
    covers: ['command:MODIFY_WORKFLOW_PROPERTIES', 'event:WORKFLOW_PROPERTIES_MODIFIED'],
    run: async (stage) => {
      const handle = await start(stage, 'remembers', [], { memo: { first: 'yes' } });
      assert.deepEqual(await handle.result(), { first: 'yes', step: 2, kept: true });
      const { memo } = await handle.describe();
      assert.deepEqual(memo, { first: 'yes', step: 2, kept: true });
    },
  },
  {
    name: 'a condition with a timeout of zero is over at once, and its history says that it knew',
    covers: ['command:RECORD_MARKER', 'event:MARKER_RECORDED'],
    run: async (stage) => assert.equal(await execute(stage, 'zero'), false),
  },
];
