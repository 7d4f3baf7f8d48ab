/** The server is killed in the middle of things and started again on its file: whoever waited goes on waiting, and nothing is lost. */
import assert from 'node:assert/strict';
import { History, Payload, Payloads, UpdateWorkflowExecutionLifecycleStage, WorkflowService } from '#perdure/protocol/index';
import { eventually, start, type Scenario, type ServerControl, type Stage } from '../scenario.js';
import { tokens } from './activities.js';

async function restart(stage: Stage): Promise<void> {
  const server = stage.server as ServerControl;
  await server.kill();
  await server.start();
}

const json = (value: unknown): Payload => Payload.create({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a timer, a retried activity, a child and a signal outlive the server',
    server: 'own',
    covers: ['event:TIMER_FIRED', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED', 'event:WORKFLOW_EXECUTION_SIGNALED'],
    run: async (stage) => {
      const handle = await start(stage, 'manyThings');
      await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.childWorkflowExecutionStartedEventAttributes), 'the child');
      await handle.signal('say', 'hello');
      await restart(stage);
      assert.deepEqual(await handle.result(), ['hello', 'timer', 3, 'child']);
      const signals = (await stage.history(handle.workflowId)).filter((event) => event.workflowExecutionSignaledEventAttributes);
      assert.equal(signals.length, 1);
    },
  },
  {
    name: 'a task token of before is good after',
    server: 'own',
    covers: ['rpc:RespondActivityTaskCompleted'],
    run: async (stage) => {
      const handle = await start(stage, 'waitsForOutside');
      const token = await eventually(() => tokens.get(handle.workflowId), 'the token');
      await restart(stage);
      await stage.client.activity.complete(token, 'from outside');
      assert.equal(await handle.result(), 'from outside');
    },
  },
  {
    name: 'an update that was accepted before ends after, and its answer is kept',
    server: 'own',
    covers: ['rpc:UpdateWorkflowExecution', 'rpc:PollWorkflowExecutionUpdate', 'event:WORKFLOW_EXECUTION_UPDATE_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'slowUpdate');
      const { namespace } = stage;
      const workflowExecution = { workflowId: handle.workflowId };
      const request = { meta: { updateId: 'one' }, input: { name: 'change', args: Payloads.encode({ payloads: [json('blue')] }) } };
      const ask = () =>
        stage.call(WorkflowService.UpdateWorkflowExecution, { namespace, workflowExecution, request, waitPolicy: { lifecycleStage: UpdateWorkflowExecutionLifecycleStage.ACCEPTED } });
      assert.equal((await ask()).outcome, undefined);
      await restart(stage);
      assert.equal((await ask()).outcome, undefined, 'the same update, still under way');
      await handle.signal('release');
      assert.equal(await handle.result(), 'changed to blue');
      await restart(stage);
      const { outcome } = await stage.call(WorkflowService.PollWorkflowExecutionUpdate, {
        namespace,
        updateRef: { workflowExecution, updateId: 'one' },
        waitPolicy: { lifecycleStage: UpdateWorkflowExecutionLifecycleStage.COMPLETED },
      });
      assert.match(Buffer.from(outcome?.success ?? []).toString(), /changed to blue/);
      const accepted = (await stage.history(handle.workflowId)).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes);
      assert.equal(accepted.length, 1);
    },
  },
  {
    name: 'a page token of a history is good after',
    server: 'own',
    covers: ['rpc:GetWorkflowExecutionHistory'],
    run: async (stage) => {
      const handle = await start(stage, 'napping', [1]);
      await handle.result();
      const page = (nextPageToken?: Uint8Array) =>
        stage.call(WorkflowService.GetWorkflowExecutionHistory, {
          namespace: stage.namespace,
          execution: { workflowId: handle.workflowId },
          maximumPageSize: 3,
          ...(nextPageToken && { nextPageToken }),
        });
      let at = await page();
      const ids: number[] = [];
      for (;;) {
        if (at.history !== undefined) ids.push(...History.decode(at.history).events.map((event) => event.eventId));
        if (at.nextPageToken.byteLength === 0) break;
        if (ids.length <= 3) await restart(stage);
        at = await page(at.nextPageToken);
      }
      assert.deepEqual(ids, (await stage.history(handle.workflowId)).map((event) => event.eventId));
    },
  },
];
