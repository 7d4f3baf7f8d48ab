/** Queries: their answers reflect all that happened before, they are typed when they fail, and they leave nothing behind. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { QueryRejectCondition, WorkflowExecutionStatus, WorkflowService, type Init, type QueryWorkflowRequest, type QueryWorkflowResponse } from '#perdure/protocol/index';
import { eventually, failure, start, type Scenario, type Stage } from '../scenario.js';

function query(stage: Stage, workflowId: string, request: Init<QueryWorkflowRequest> = {}): Promise<QueryWorkflowResponse> {
  return stage.call(WorkflowService.QueryWorkflow, { namespace: stage.namespace, execution: { workflowId }, query: { queryType: 'total' }, ...request });
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a query sees every signal that was sent before it',
    covers: ['rpc:QueryWorkflow'],
    varies: 'whether signals share a workflow task',
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      for (let sent = 1; sent <= 10; sent++) {
        await handle.signal('add', 1);
        assert.equal(await handle.query('total'), sent);
      }
      await handle.signal('finish', true);
      assert.equal(await handle.result(), 10);
      assert.equal(await handle.query('total'), 10, 'also after the end');
    },
  },
  {
    name: 'many queries at once are all answered',
    covers: ['rpc:RespondQueryTaskCompleted'],
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      assert.equal(await handle.query('total'), 0);
      const answers = await Promise.all(Array.from({ length: 20 }, () => handle.query('total')));
      assert.deepEqual(new Set(answers), new Set([0]));
      await handle.signal('finish', true);
      await handle.result();
    },
  },
  {
    name: 'a query without a handler and one whose handler throws fail with what went wrong',
    covers: [],
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      assert.equal((await failure(handle.query('nothing'))).name, 'QueryNotRegisteredError');
      assert.match((await failure(handle.query('broken'))).message, /no answer/);
      await handle.signal('finish', true);
      assert.equal(await handle.result(), 0, 'the workflow never noticed');
      assert.equal((await stage.history(handle.workflowId)).filter((event) => event.workflowTaskFailedEventAttributes).length, 0);
    },
  },
  {
    name: 'a query can be made conditional on the state of the workflow',
    covers: ['policy:queryReject.NONE', 'policy:queryReject.NOT_OPEN', 'policy:queryReject.NOT_COMPLETED_CLEANLY'],
    run: async (stage) => {
      const conditions = [QueryRejectCondition.NONE, QueryRejectCondition.NOT_OPEN, QueryRejectCondition.NOT_COMPLETED_CLEANLY];
      const asked = async (workflowId: string): Promise<(WorkflowExecutionStatus | undefined)[]> => {
        const answers = await Promise.all(conditions.map((queryRejectCondition) => query(stage, workflowId, { queryRejectCondition })));
        return answers.map(({ queryRejected }) => queryRejected?.status);
      };
      const [good, bad] = await Promise.all(['good', 'bad'].map((name) => start(stage, 'counter', [], { workflowId: stage.id(name) })));
      assert.ok(good && bad);
      await good.query('total');
      assert.deepEqual(await asked(good.workflowId), [undefined, undefined, undefined]);
      await good.signal('finish', true);
      await good.result();
      assert.deepEqual(await asked(good.workflowId), [undefined, WorkflowExecutionStatus.COMPLETED, undefined]);
      await bad.signal('finish', false);
      await failure(bad.result());
      assert.deepEqual(await asked(bad.workflowId), [undefined, WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.FAILED]);
    },
  },
  {
    name: 'a query waits for the first workflow task',
    worker: 'own',
    covers: ['rpc:QueryWorkflow'],
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      const answer = query(stage, handle.workflowId);
      await delay(50);
      await using _ = await stage.worker();
      assert.notEqual((await answer).queryResult, undefined);
      await handle.signal('finish', true);
      await handle.result();
    },
  },
  {
    name: 'a workflow that ended before any worker ran it cannot be queried',
    worker: 'own',
    covers: [],
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      await handle.terminate('never ran');
      await assert.rejects(query(stage, handle.workflowId), (error: { code?: number }) => error.code === 9);
    },
  },
  {
    name: 'a query is answered by another worker after the one with the run in its cache is gone',
    worker: 'own',
    covers: ['rpc:QueryWorkflow'],
    varies: 'which worker takes which task',
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      {
        await using _ = await stage.worker();
        await handle.signal('add', 5);
        assert.equal(await handle.query('total'), 5);
      }
      await using _ = await stage.worker();
      assert.equal(await eventually(() => handle.query('total') as Promise<number>), 5);
      await handle.signal('finish', true);
      await handle.result();
    },
  },
];
