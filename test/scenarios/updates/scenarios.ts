/** Updates: validated, accepted, completed, rejected, deduplicated, across lost workers, servers and runs; and update-with-start. */
import assert from 'node:assert/strict';
import { Code, EventType, RpcError, UpdateWorkflowExecutionLifecycleStage, WorkflowService } from '#perdure/protocol/index';
import type { WithStartWorkflowOperation, WorkflowHandle } from 'perdure/client';
import { loadClient } from '../../../bench/sdk.js';
import { eventually, failure, start, type Scenario, type Stage } from '../scenario.js';

const eventTypes = async (stage: Stage, workflowId: string): Promise<EventType[]> => (await stage.history(workflowId)).map(({ eventType }) => eventType);

/** The first task is over: what comes now comes to an idle run. */
async function idle(stage: Stage, workflowId: string): Promise<void> {
  await eventually(async () => (await eventTypes(stage, workflowId)).includes(EventType.WORKFLOW_TASK_COMPLETED));
}

async function startIdle(stage: Stage, type: string, args: unknown[] = []): Promise<WorkflowHandle> {
  const handle = await start(stage, type, args);
  await idle(stage, handle.workflowId);
  return handle;
}

async function startOperation(stage: Stage, type: string, options: object): Promise<WithStartWorkflowOperation<never>> {
  const { WithStartWorkflowOperation: Operation } = (await loadClient(stage.sdk)) as unknown as { WithStartWorkflowOperation: new (type: string, options: object) => WithStartWorkflowOperation<never> };
  return new Operation(type, { taskQueue: stage.taskQueue, workflowId: stage.id(type), ...options });
}

const ACCEPTED = { waitForStage: 'ACCEPTED' } as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an update is validated, accepted and answered',
    covers: ['rpc:UpdateWorkflowExecution', 'command:PROTOCOL_MESSAGE', 'event:WORKFLOW_EXECUTION_UPDATE_ACCEPTED', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'policy:updateWait.COMPLETED'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      assert.equal(await handle.executeUpdate('add', { args: [2] }), 2);
      assert.equal(await handle.executeUpdate('add', { args: [3] }), 5);
      assert.equal(await handle.query('total'), 5);
      await handle.signal('finish');
      assert.equal(await handle.result(), 5);
    },
  },
  {
    name: 'a rejected update leaves no trace, and the run goes on',
    covers: ['rpc:UpdateWorkflowExecution'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const before = await eventTypes(stage, handle.workflowId);
      for (let i = 0; i < 3; i++) {
        const rejected = await failure(handle.executeUpdate('add', { args: [-1], updateId: `rejected ${i}` }));
        assert.deepEqual([rejected.name, rejected.cause?.message], ['WorkflowUpdateFailedError', 'only positive numbers']);
      }
      assert.deepEqual(await eventTypes(stage, handle.workflowId), before);
      assert.equal(await handle.executeUpdate('add', { args: [4], updateId: 'rejected 0' }), 4, 'the id of a rejected update is free');
      await handle.signal('finish');
      assert.equal(await handle.result(), 4);
    },
  },
  {
    name: 'an update without a handler is rejected by name',
    covers: ['rpc:UpdateWorkflowExecution'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const rejected = await failure(handle.executeUpdate('nonsense'));
      assert.equal(rejected.name, 'WorkflowUpdateFailedError');
      await handle.signal('finish');
      await handle.result();
    },
  },
  {
    name: 'the failure of an update handler is the outcome, and the run goes on',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const failed = await failure(handle.executeUpdate('add', { args: [101] }));
      assert.deepEqual([failed.name, failed.cause?.type, failed.cause?.message, failed.cause?.details], ['WorkflowUpdateFailedError', 'TooMuch', 'too much', [101]]);
      await handle.signal('finish');
      assert.equal(await handle.result(), 0);
    },
  },
  {
    name: 'an update is accepted first and completed later, and its handle waits for that',
    covers: ['policy:updateWait.ACCEPTED', 'rpc:PollWorkflowExecutionUpdate', 'event:WORKFLOW_EXECUTION_UPDATE_ACCEPTED'],
    varies: 'the activity may end before or after the update is polled for',
    run: async (stage) => {
      const handle = await startIdle(stage, 'patient');
      const update = await handle.startUpdate('slow', { args: ['a'], updateId: 'one', ...ACCEPTED });
      assert.equal(update.updateId, 'one');
      await handle.signal('release');
      assert.equal(await update.result(), 'noted a');
      assert.equal(await handle.getUpdateHandle('one').result(), 'noted a', 'a handle made of the id finds it');
      assert.equal(await handle.result(), 'noted a');
      assert.equal(await handle.getUpdateHandle('one').result(), 'noted a', 'also when the run is closed');
    },
  },
  {
    name: 'the same update id is one update, however often it is sent',
    covers: ['rpc:UpdateWorkflowExecution'],
    varies: 'how many of the requests come before the first answer',
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const same = { args: [7] as [number], updateId: 'seven' };
      const answers = await Promise.all(Array.from({ length: 5 }, () => handle.executeUpdate('add', same)));
      assert.deepEqual(answers, [7, 7, 7, 7, 7]);
      assert.equal(await handle.executeUpdate('add', { ...same, args: [1] }), 7, 'its first arguments count');
      await handle.signal('finish');
      assert.equal(await handle.result(), 7);
      assert.equal(await handle.executeUpdate('add', same), 7, 'the closed run knows it');
      const late = await failure(handle.executeUpdate('add', { args: [1], updateId: 'late' }));
      assert.match(`${late.name} ${late.message} ${late.cause?.message}`, /NotFound|already completed/);
    },
  },
  {
    name: 'updates in parallel are all answered, with signals in between',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'event:WORKFLOW_EXECUTION_SIGNALED'],
    varies: 'how many updates a task takes along',
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const answers = Array.from({ length: 8 }, (_, i) => handle.executeUpdate('add', { args: [1], updateId: `parallel ${i}` }));
      await handle.signal('unhandled').catch(() => {});
      assert.deepEqual((await Promise.all(answers)).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
      await handle.signal('finish');
      assert.equal(await handle.result(), 8);
    },
  },
  {
    name: 'an update that comes before the first task is taken along by it',
    worker: 'own',
    covers: ['rpc:UpdateWorkflowExecution'],
    varies: 'the update may be sent while the worker comes up',
    run: async (stage) => {
      const handle = await start(stage, 'once');
      const answer = handle.executeUpdate('slow', { args: ['early'] });
      await using _ = await stage.worker();
      assert.equal(await answer, 'taken by early');
      assert.equal(await handle.result(), 'early');
    },
  },
  {
    name: 'an update that ends its run is answered with what its handler returned',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_COMPLETED', 'command:COMPLETE_WORKFLOW_EXECUTION'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'once');
      assert.equal(await handle.executeUpdate('slow', { args: ['Grace'] }), 'taken by Grace');
      assert.equal(await handle.result(), 'Grace');
    },
  },
  {
    name: 'a run that ends before its update fails the update',
    covers: ['event:WORKFLOW_EXECUTION_UPDATE_ACCEPTED', 'rpc:PollWorkflowExecutionUpdate'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'impatient');
      const update = await handle.startUpdate('slow', { args: ['a'], updateId: 'a', ...ACCEPTED });
      await handle.signal('finish');
      assert.equal(await handle.result(), 'over');
      const failed = await failure(update.result());
      assert.deepEqual([failed.name, failed.cause?.type], ['WorkflowUpdateFailedError', 'AcceptedUpdateCompletedWorkflow']);
    },
  },
  {
    name: 'a terminated run fails its accepted update',
    covers: ['rpc:TerminateWorkflowExecution', 'event:WORKFLOW_EXECUTION_TERMINATED'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'impatient');
      const update = await handle.startUpdate('slow', { args: ['a'], updateId: 'a', ...ACCEPTED });
      await handle.terminate('enough');
      const failed = await failure(update.result());
      assert.deepEqual([failed.name, failed.cause?.type], ['WorkflowUpdateFailedError', 'AcceptedUpdateCompletedWorkflow']);
    },
  },
  {
    name: 'updates that race continue-as-new reach one of the runs, each once',
    covers: ['command:CONTINUE_AS_NEW_WORKFLOW_EXECUTION', 'event:WORKFLOW_EXECUTION_CONTINUED_AS_NEW'],
    varies: 'which run takes which update',
    run: async (stage) => {
      const handle = await startIdle(stage, 'chained', [3]);
      const latest = stage.client.workflow.getHandle(handle.workflowId);
      for (let i = 0; i < 6; i++) {
        await eventually(async () => latest.executeUpdate('join', { args: [`u${i}`], updateId: `u${i}` }).then(() => true, () => false));
      }
      const names = (await latest.result()) as string[];
      assert.deepEqual(names, ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']);
    },
  },
  {
    name: 'a worker that is lost between acceptance and completion is replaced by another one',
    worker: 'own',
    covers: ['policy:updateWait.ACCEPTED', 'rpc:PollWorkflowExecutionUpdate'],
    varies: 'what the first worker has done when it is stopped',
    run: async (stage) => {
      const handle = await start(stage, 'patient');
      const update = await (async () => {
        await using _ = await stage.worker();
        return await handle.startUpdate('slow', { args: ['a'], updateId: 'a', ...ACCEPTED });
      })();
      await handle.signal('release');
      await using _ = await stage.worker();
      assert.equal(await update.result(), 'noted a');
      assert.equal(await handle.result(), 'noted a');
    },
  },
  {
    name: 'the server is killed while an update is admitted, and while it is accepted: it is answered all the same',
    worker: 'own',
    server: 'own',
    covers: ['rpc:PollWorkflowExecutionUpdate'],
    varies: 'what was under way when the server died',
    run: async (stage) => {
      assert.ok(stage.server);
      const handle = await start(stage, 'patient');
      const request = { meta: { updateId: 'a' }, input: { name: 'slow', args: undefined } };
      const admitted = stage.call(WorkflowService.UpdateWorkflowExecution, { namespace: stage.namespace, workflowExecution: { workflowId: handle.workflowId }, request });
      admitted.catch(() => {});
      const ref = { workflowExecution: { workflowId: handle.workflowId }, updateId: 'a' };
      const standing = () => stage.call(WorkflowService.PollWorkflowExecutionUpdate, { namespace: stage.namespace, updateRef: ref }).then(({ stage: reached }) => reached, () => undefined);
      await eventually(standing, 'the update is admitted');
      await stage.server.kill();
      await stage.server.start();
      assert.equal(await eventually(standing), UpdateWorkflowExecutionLifecycleStage.ADMITTED);
      await using _ = await stage.worker();
      await eventually(async () => (await standing()) === UpdateWorkflowExecutionLifecycleStage.ACCEPTED, 'the update is accepted');
      await stage.server.kill();
      await stage.server.start();
      await eventually(() => handle.signal('release').then(() => true, () => false));
      await handle.getUpdateHandle('a').result();
      await handle.result();
      const types = await eventTypes(stage, handle.workflowId);
      assert.equal(types.filter((type) => type === EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED).length, 1);
    },
  },
  {
    name: 'updates that are sent again and again while the server is killed take effect once each',
    worker: 'own',
    server: 'own',
    covers: ['rpc:UpdateWorkflowExecution', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    varies: 'what was under way when the server died',
    timeoutMs: 120_000,
    run: async (stage) => {
      const { server } = stage;
      assert.ok(server);
      const handle = await start(stage, 'counter');
      await using _ = await stage.worker();
      const send = (i: number) => eventually(() => handle.executeUpdate('add', { args: [1], updateId: `u${i}` }).then(() => true, () => false), `update ${i}`, 60_000);
      const all = Promise.all(Array.from({ length: 4 }, async (_unused, lane) => {
        for (let i = 0; i < 8; i++) await send(lane * 8 + i);
      }));
      for (let kills = 0; kills < 4; kills++) {
        const done = async () => (await eventTypes(stage, handle.workflowId)).filter((type) => type === EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED).length;
        await eventually(() => done().then((count) => count >= 6 * kills + 1, () => false), 'some updates', 60_000);
        await server.kill();
        await server.start();
      }
      await all;
      await eventually(() => handle.signal('finish').then(() => true, () => false));
      assert.equal(await handle.result(), 32);
    },
  },
  {
    name: 'update-with-start begins a run, uses a running one, and finds its update again',
    covers: ['rpc:ExecuteMultiOperation', 'policy:idConflict.USE_EXISTING'],
    varies: 'the first task may be over before the second update comes',
    run: async (stage) => {
      const use = { workflowIdConflictPolicy: 'USE_EXISTING' };
      const first = await startOperation(stage, 'counter', use);
      const add = (startWorkflowOperation: WithStartWorkflowOperation<never>, value: number, updateId: string) =>
        stage.client.workflow.executeUpdateWithStart('add', { args: [value], updateId, startWorkflowOperation } as never) as Promise<unknown>;
      assert.equal(await add(first, 2, 'two'), 2);
      const handle = await first.workflowHandle();
      assert.equal(await add(await startOperation(stage, 'counter', use), 3, 'three'), 5);
      assert.equal(await add(await startOperation(stage, 'counter', use), 2, 'two'), 2, 'a known update is answered again');
      await handle.signal('finish');
      assert.equal(await handle.result(), 5);
      assert.equal(await add(await startOperation(stage, 'counter', use), 3, 'three'), 5, 'also by the closed run');
    },
  },
  {
    name: 'update-with-start that must not find a running workflow is refused, and nothing is sent',
    covers: ['rpc:ExecuteMultiOperation', 'policy:idConflict.FAIL'],
    run: async (stage) => {
      const handle = await startIdle(stage, 'counter');
      const operation = await startOperation(stage, 'counter', { workflowIdConflictPolicy: 'FAIL' });
      const refused = await failure(stage.client.workflow.executeUpdateWithStart('add', { args: [2], startWorkflowOperation: operation } as never));
      assert.equal(refused.name, 'WorkflowExecutionAlreadyStartedError');
      await handle.signal('finish');
      assert.equal(await handle.result(), 0);
    },
  },
  {
    name: 'update-with-start whose update is rejected has begun the run',
    covers: ['rpc:ExecuteMultiOperation'],
    run: async (stage) => {
      const operation = await startOperation(stage, 'counter', { workflowIdConflictPolicy: 'FAIL' });
      const rejected = await failure(stage.client.workflow.executeUpdateWithStart('add', { args: [-2], startWorkflowOperation: operation } as never));
      assert.equal(rejected.name, 'WorkflowUpdateFailedError');
      const handle = await operation.workflowHandle();
      await handle.signal('finish');
      assert.equal(await handle.result(), 0);
    },
  },
  {
    name: 'an update that no worker takes is admitted; the eleventh in flight is refused',
    worker: 'own',
    covers: ['rpc:UpdateWorkflowExecution', 'rpc:PollWorkflowExecutionUpdate'],
    run: async (stage) => {
      const handle = await start(stage, 'counter');
      const send = (updateId: string) =>
        stage.call(WorkflowService.UpdateWorkflowExecution, {
          namespace: stage.namespace,
          workflowExecution: { workflowId: handle.workflowId },
          request: { meta: { updateId }, input: { name: 'add' } },
        });
      const standing = (updateId: string) =>
        stage.call(WorkflowService.PollWorkflowExecutionUpdate, { namespace: stage.namespace, updateRef: { workflowExecution: { workflowId: handle.workflowId }, updateId } });
      const unknown = await failure(standing('nobody sent this'));
      assert.ok(unknown instanceof RpcError && unknown.code === Code.NOT_FOUND);
      const waiting = Array.from({ length: 10 }, (_, i) => send(`u${i}`).catch(() => {}));
      for (let i = 0; i < 10; i++) await eventually(() => standing(`u${i}`).then(() => true, () => false));
      const refused = await failure(send('one more'));
      assert.ok(refused instanceof RpcError && refused.code === Code.RESOURCE_EXHAUSTED);
      assert.match(refused.message, /in-flight updates has been reached \(10\)/);
      await handle.terminate('over');
      await Promise.all(waiting);
    },
  },
];
