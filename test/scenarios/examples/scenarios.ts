/** The examples under both SDKs: their workflow files run unchanged but for the name of the package. */
import assert from 'node:assert/strict';
import { eventually, execute, start, type Scenario } from '../scenario.js';
import { payments } from './activities.js';

const expense = { purpose: 'a chair', cents: 20_000, approvers: ['ann', 'bob', 'cy'], needed: 2, boss: 'dora' };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'approval: as many say yes as it needs, and nobody twice',
    covers: ['event:WORKFLOW_EXECUTION_SIGNALED', 'rpc:QueryWorkflow'],
    varies: 'some votes come before the first task, some after it',
    run: async (stage) => {
      const handle = await start(stage, 'approval', [expense]);
      for (const by of ['ann', 'ann', 'nobody', 'bob']) await handle.signal('vote', { by, approves: true });
      const votes = [{ by: 'ann', approves: true }, { by: 'bob', approves: true }];
      assert.deepEqual(await handle.result(), { outcome: 'approved', votes });
      assert.deepEqual(await handle.query('votes'), votes);
    },
  },
  {
    name: 'pipeline: parts in parallel, and how far it is',
    covers: ['event:ACTIVITY_TASK_COMPLETED', 'rpc:QueryWorkflow'],
    varies: 'the parts are transformed at the same time',
    run: async (stage) => {
      const handle = await start(stage, 'pipeline', ['bucket']);
      assert.equal(await handle.result(), 3_000);
      assert.deepEqual(await handle.query('progress'), { stage: 'done', transformed: 3, parts: 3 });
    },
  },
  {
    name: 'polling: seldom and often',
    covers: ['event:ACTIVITY_TASK_SCHEDULED'],
    run: async (stage) => {
      assert.equal(await execute(stage, 'seldom', 'job'), 'job is done');
      assert.equal(await execute(stage, 'often', 'job'), 'job is done');
    },
  },
  {
    name: 'scheduled report: a start by hand reports on the day before',
    covers: ['event:WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => assert.match(String(await execute(stage, 'dailyReport', 'ann')), /^\d{4}-\d\d-\d\d: 1234\.50$/),
  },
  {
    name: 'webhook: an activity that somebody else completes, or refuses',
    covers: ['rpc:RespondActivityTaskCompleted', 'rpc:RespondActivityTaskFailed'],
    run: async (stage) => {
      const [paid, refused] = [stage.id('paid'), stage.id('refused')];
      const asked = await Promise.all([paid, refused].map((invoice) => start(stage, 'collect', [invoice, 100], { workflowId: invoice })));
      const token = (invoice: string) => eventually(() => payments.get(invoice), 'the request of a payment');
      await stage.client.activity.complete(await token(paid), { reference: 'r-1' });
      await stage.client.activity.fail(await token(refused), new Error('no cover'));
      assert.deepEqual(await Promise.all(asked.map((handle) => handle.result())), ['paid: r-1', 'refused: no cover']);
    },
  },
];
