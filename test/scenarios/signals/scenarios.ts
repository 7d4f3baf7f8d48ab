/** Signals, queries, cancellation requests: what is sent to a running workflow. */
import assert from 'node:assert/strict';
import { eventually, failure, start, type Scenario } from '../scenario.js';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an approval signal in time, and one that never comes',
    covers: ['rpc:SignalWorkflowExecution', 'event:WORKFLOW_EXECUTION_SIGNALED', 'command:START_TIMER'],
    run: async (stage) => {
      const handle = await start(stage, 'approval', [30_000]);
      await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.timerStartedEventAttributes !== undefined));
      await handle.signal('approve', 'Grace');
      assert.equal(await handle.result(), 'approved by Grace');
      const late = await start(stage, 'approval', [50], { workflowId: stage.id('late') });
      assert.equal(await late.result(), 'timed out');
    },
  },
  {
    name: 'a hundred signals keep their order, and a query sees each signal that was acknowledged before it',
    covers: ['rpc:QueryWorkflow', 'event:WORKFLOW_EXECUTION_SIGNALED'],
    varies: 'how many signals a task takes along',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [100]);
      for (let i = 0; i < 100; i++) {
        await handle.signal('push', i);
        if (i % 25 === 0) assert.deepEqual(await handle.query('pushed'), Array.from({ length: i + 1 }, (_, n) => n));
      }
      const expected = Array.from({ length: 100 }, (_, n) => n);
      assert.deepEqual(await handle.result(), expected);
      assert.deepEqual(await handle.query('pushed'), expected, 'a closed run answers queries');
    },
  },
  {
    name: 'signals in parallel while tasks run all arrive',
    covers: ['event:WORKFLOW_EXECUTION_SIGNALED'],
    varies: 'the order in which they arrive',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [60]);
      await Promise.all(Array.from({ length: 60 }, (_, i) => handle.signal('push', i)));
      assert.equal(new Set((await handle.result()) as number[]).size, 60);
    },
  },
  {
    name: 'an unknown query is a typed error',
    covers: ['rpc:QueryWorkflow'],
    varies: 'a query may come with the first task or after it',
    run: async (stage) => {
      const handle = await start(stage, 'ordered', [1]);
      const error = await failure(handle.query('nonsense'));
      assert.equal(error.name, 'QueryNotRegisteredError');
      await handle.signal('push', 1);
      await handle.result();
    },
  },
  {
    name: 'a cancelled workflow cleans up and ends as cancelled',
    covers: [
      'rpc:RequestCancelWorkflowExecution',
      'event:WORKFLOW_EXECUTION_CANCEL_REQUESTED',
      'event:WORKFLOW_EXECUTION_CANCELED',
      'command:CANCEL_WORKFLOW_EXECUTION',
      'command:CANCEL_TIMER',
      'event:TIMER_CANCELED',
    ],
    run: async (stage) => {
      const handle = await start(stage, 'cleansUp');
      await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.timerStartedEventAttributes !== undefined));
      await handle.cancel();
      const error = await failure(handle.result());
      assert.equal(error.cause?.name, 'CancelledFailure');
      assert.equal((await handle.describe()).status.name, 'CANCELLED');
    },
  },
];
