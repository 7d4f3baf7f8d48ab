/** Options that workflow code gives: of children, of the next run, of activities. */
import assert from 'node:assert/strict';
import { UserMetadata } from '#perdure/protocol/index';
import { start, type Scenario } from '../scenario.js';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a child has the memo, attributes, priority, summary and limits that its parent gave it',
    timeoutMs: 15_000,
    covers: ['command:START_CHILD_WORKFLOW_EXECUTION', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'parent', [stage.id('child')]);
      const priority = { priorityKey: 2, fairnessKey: 'tenant-1', fairnessWeight: 2 };
      const told = [{ note: 'from the parent' }, { ScenarioKeyword: ['k'] }, priority, 3, 60_000, handle.workflowId];
      assert.deepEqual(await handle.result(), [told, 4]);
      const events = await stage.history(handle.workflowId);
      const initiated = events.find((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
      const text = (metadata: UserMetadata) => [metadata.summary, metadata.details].map((payload) => Buffer.from(payload?.data ?? []).toString());
      assert.deepEqual(text(UserMetadata.decode(initiated?.userMetadata ?? new Uint8Array())), ['"a child"', '"of a parent"']);
      const scheduled = events.find((event) => event.activityTaskScheduledEventAttributes);
      assert.equal(text(UserMetadata.decode(scheduled?.userMetadata ?? new Uint8Array()))[0], '"an activity"');
    },
  },
  {
    name: 'the next run keeps what is not given anew',
    timeoutMs: 15_000,
    covers: ['command:CONTINUE_AS_NEW_WORKFLOW_EXECUTION', 'event:WORKFLOW_EXECUTION_CONTINUED_AS_NEW'],
    run: async (stage) => {
      const handle = await start(stage, 'goesOn', [0], { retry: { maximumAttempts: 2 }, memo: { first: 1 } });
      const [memo, attributes, attempts, runTimeoutMs, continued] = (await handle.result()) as unknown[];
      assert.deepEqual([memo, attributes, attempts, continued], [{ given: 1 }, { ScenarioKeyword: ['new'] }, 2, true]);
      assert.equal(runTimeoutMs, 120_000);
    },
  },
];
