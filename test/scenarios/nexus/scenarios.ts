/**
 * Nexus: workflows call operations of a service by the name of an endpoint; workers answer at once, or a workflow stands behind the
 * operation. What the caller sees must be the same whatever fails on the way.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Callback, CommandType, EventType, OperatorService, Payloads, PendingNexusOperationState, WorkflowService, type PollNexusTaskQueueResponse, type PollWorkflowTaskQueueResponse } from '#perdure/protocol/index';
import { loadNexus } from '../../../bench/sdk.js';
import { eventually, failure, start, type Scenario, type ServerControl, type Stage } from '../scenario.js';
import { asked, handlers } from './handlers.js';
import { cancelCommand, json, scheduleCommand } from './by-hand.js';

/** Endpoints are known to Temporal's server a moment after they are created. */
const ENDPOINT_KNOWN_MS = 1500;

/** An endpoint of the scenario's own whose workers poll `taskQueue`. */
async function endpoint(stage: Stage, taskQueue = stage.taskQueue, namespace = stage.namespace): Promise<string> {
  const name = `e-${stage.id('endpoint').replace(/[^a-zA-Z0-9]/g, '-')}`;
  await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name, target: { worker: { namespace, taskQueue } } } });
  await delay(ENDPOINT_KNOWN_MS);
  return name;
}

/** A worker of the scenario's own, with the workflows and the handlers. */
async function worker(stage: Stage, options: object = {}): Promise<AsyncDisposable> {
  return stage.worker({ nexusServices: handlers(await loadNexus(stage.sdk), stage.taskQueue), ...options });
}

async function restart(stage: Stage): Promise<void> {
  const server = stage.server as ServerControl;
  await server.kill();
  await server.start();
}

const names = async (stage: Stage, workflowId: string): Promise<string[]> =>
  (await stage.history(workflowId)).map(({ eventType }) => Object.entries(EventType).find(([, value]) => value === eventType)?.[0] ?? '').filter((name) => name.startsWith('NEXUS'));

const pendingOperation = async (stage: Stage, workflowId: string) =>
  (await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId } })).pendingNexusOperations[0];

const isStarted = (stage: Stage, workflowId: string) =>
  eventually(async () => (await pendingOperation(stage, workflowId))?.state === PendingNexusOperationState.STARTED, 'the start of the operation');

const pollNexus = (stage: Stage): Promise<PollNexusTaskQueueResponse> =>
  eventually(async () => {
    const task = await stage.call(WorkflowService.PollNexusTaskQueue, { namespace: stage.namespace, taskQueue: { name: stage.taskQueue }, identity: 'hand' });
    return task.taskToken.byteLength > 0 && task;
  }, 'a Nexus task');

const pollWorkflow = (stage: Stage): Promise<PollWorkflowTaskQueueResponse> =>
  eventually(async () => {
    const task = await stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: stage.namespace, taskQueue: { name: stage.taskQueue }, identity: 'hand' });
    return task.taskToken.byteLength > 0 && task;
  }, 'a workflow task');

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an operation is answered at once',
    worker: 'own',
    covers: ['rpc:CreateNexusEndpoint', 'rpc:PollNexusTaskQueue', 'rpc:RespondNexusTaskCompleted', 'command:SCHEDULE_NEXUS_OPERATION', 'event:NEXUS_OPERATION_SCHEDULED', 'event:NEXUS_OPERATION_COMPLETED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const handle = await start(stage, 'caller', [name, 'quote', { how: 'succeed' }]);
      assert.equal(await handle.result(), 'quote: succeed');
    },
  },
  {
    name: 'a workflow stands behind an operation',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_STARTED', 'event:NEXUS_OPERATION_COMPLETED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const behind = stage.id('behind');
      const handle = await start(stage, 'callerWithHandle', [name, 'charge', { how: 'wait for the signal', id: behind }]);
      await isStarted(stage, handle.workflowId);
      await stage.client.workflow.getHandle(behind).signal('go');
      assert.deepEqual(await handle.result(), [true, 'charged: wait for the signal']);
      const started = (await stage.history(handle.workflowId)).find(({ nexusOperationStartedEventAttributes }) => nexusOperationStartedEventAttributes);
      assert.equal(started?.links.length, 1, 'the operation points at the workflow behind it');
    },
  },
  {
    name: 'a workflow behind an operation fails, and so does the operation',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_FAILED'],
    varies: 'the workflow may fail before the answer to the start has come',
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const handle = await start(stage, 'caller', [name, 'charge', { how: 'fail', id: stage.id('behind') }]);
      const { cause } = await failure(handle.result());
      assert.match(String(cause?.name), /NexusOperationFailure/);
      assert.deepEqual([cause?.cause?.message, cause?.cause?.type], ['no cover', 'NoCover']);
    },
  },
  {
    name: 'handlers fail an operation, cancel it, or refuse the request',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_FAILED', 'event:NEXUS_OPERATION_CANCELED', 'rpc:RespondNexusTaskFailed'],
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      for (const [how, event, message] of [
        ['fail', 'NEXUS_OPERATION_FAILED', /too dear/],
        ['cancel', 'NEXUS_OPERATION_CANCELED', /not any more/],
        ['refuse', 'NEXUS_OPERATION_FAILED', /what is that/],
      ] as const) {
        const handle = await start(stage, 'caller', [name, 'quote', { how }], { workflowId: stage.id(how) });
        const { cause } = await failure(handle.result());
        assert.match(String(cause?.cause?.message), message);
        assert.deepEqual(await names(stage, handle.workflowId), ['NEXUS_OPERATION_SCHEDULED', event]);
      }
    },
  },
  {
    name: 'a handler that is not ready is asked again',
    worker: 'own',
    covers: ['rpc:RespondNexusTaskFailed', 'event:NEXUS_OPERATION_COMPLETED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const id = stage.id('twice');
      const handle = await start(stage, 'caller', [name, 'quote', { how: 'fail twice', id }]);
      assert.equal(await handle.result(), 'quote: fail twice');
      assert.equal(asked.get(id), 3);
      assert.deepEqual(await names(stage, handle.workflowId), ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_COMPLETED']);
    },
  },
  {
    name: 'a cancellation reaches the workflow behind an operation',
    worker: 'own',
    covers: ['command:REQUEST_CANCEL_NEXUS_OPERATION', 'event:NEXUS_OPERATION_CANCEL_REQUESTED', 'event:NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED', 'event:NEXUS_OPERATION_CANCELED'],
    varies: 'the end of the workflow behind it and the answer to the request may change places',
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const behind = stage.id('behind');
      const handle = await start(stage, 'canceller', [name, 'charge', { how: 'wait', id: behind }]);
      await isStarted(stage, handle.workflowId);
      await handle.signal('cancel');
      assert.equal(await handle.result(), 'cancelled');
      assert.equal((await stage.client.workflow.getHandle(behind).describe()).status.name, 'CANCELLED');
    },
  },
  {
    name: 'a cancellation waits as its type says, or is not told at all',
    worker: 'own',
    covers: [
      'policy:nexusCancellation.ABANDON',
      'policy:nexusCancellation.TRY_CANCEL',
      'policy:nexusCancellation.WAIT_CANCELLATION_REQUESTED',
      'policy:nexusCancellation.WAIT_CANCELLATION_COMPLETED',
    ],
    varies: 'where nobody waits for it, the answer to the request may come after the end',
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const told = {
        ABANDON: [],
        TRY_CANCEL: ['NEXUS_OPERATION_CANCEL_REQUESTED'],
        WAIT_CANCELLATION_REQUESTED: ['NEXUS_OPERATION_CANCEL_REQUESTED', 'NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED'],
        WAIT_CANCELLATION_COMPLETED: ['NEXUS_OPERATION_CANCEL_REQUESTED', 'NEXUS_OPERATION_CANCELED'],
      } as const;
      for (const [cancellationType, events] of Object.entries(told)) {
        const behind = stage.id(`behind ${cancellationType}`);
        // Only one wait is for the end: for the others there is none, that could come in between.
        const how = cancellationType === 'WAIT_CANCELLATION_COMPLETED' ? 'wait' : 'wait all the same';
        const handle = await start(stage, 'canceller', [name, 'charge', { how, id: behind }, { cancellationType }], { workflowId: stage.id(cancellationType) });
        await isStarted(stage, handle.workflowId);
        await handle.signal('cancel');
        assert.equal(await handle.result(), 'cancelled', cancellationType);
        const seen = await names(stage, handle.workflowId);
        for (const event of events) assert.ok(seen.includes(event), `${cancellationType}: ${seen.join()}`);
        if (events.length === 0) assert.deepEqual(seen, ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_STARTED']);
        await stage.client.workflow.getHandle(behind).terminate().catch(() => undefined);
      }
    },
  },
  {
    name: 'a handler may refuse to cancel',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_CANCEL_REQUEST_FAILED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      const handle = await start(stage, 'canceller', [name, 'byHand', { how: '', id: stage.id('token') }]);
      await isStarted(stage, handle.workflowId);
      // A worker has seen it: else the signal may come before that or after it.
      await eventually(async () => (await stage.history(handle.workflowId)).filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED).length === 2, 'the task after the start');
      await handle.signal('cancel');
      await eventually(async () => {
        const types = (await stage.history(handle.workflowId)).map(({ eventType }) => eventType);
        return types.includes(EventType.NEXUS_OPERATION_CANCEL_REQUEST_FAILED) && types.at(-1) === EventType.WORKFLOW_TASK_COMPLETED;
      }, 'the refusal');
      await handle.terminate();
    },
  },
  {
    name: 'an operation times out: without a worker, and when it does not end',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_TIMED_OUT', 'timeout:nexus.scheduleToClose', 'timeout:nexus.scheduleToStart', 'timeout:nexus.startToClose'],
    run: async (stage) => {
      const [name, nobody] = [await endpoint(stage), stage.id('nobody')];
      await using _ = await worker(stage);
      const alone = `${name}-alone`;
      await stage.call(OperatorService.CreateNexusEndpoint, { spec: { name: alone, target: { worker: { namespace: stage.namespace, taskQueue: nobody } } } });
      await delay(ENDPOINT_KNOWN_MS);
      for (const [calls, operation, options] of [
        [alone, 'quote', { scheduleToCloseTimeout: '1s' }],
        [alone, 'quote', { scheduleToStartTimeout: '1s' }],
        [name, 'byHand', { startToCloseTimeout: '1s' }],
      ] as const) {
        const handle = await start(stage, 'caller', [calls, operation, { how: '', id: 'token' }, options], { workflowId: stage.id(Object.keys(options)[0] ?? '') });
        const { cause } = await failure(handle.result());
        assert.match(String(cause?.cause?.name), /TimeoutFailure/);
      }
    },
  },
  {
    name: 'an endpoint leads to another namespace, and can be changed while nobody looks',
    worker: 'own',
    covers: ['rpc:UpdateNexusEndpoint', 'rpc:GetNexusEndpoint', 'rpc:ListNexusEndpoints', 'rpc:DeleteNexusEndpoint'],
    run: async (stage) => {
      const name = await endpoint(stage, stage.taskQueue, stage.otherNamespace);
      const { endpoints } = await stage.call(OperatorService.ListNexusEndpoints, { name });
      const created = endpoints[0];
      assert.deepEqual([endpoints.length, created?.version, created?.spec?.target?.worker?.namespace], [1, 1, stage.otherNamespace]);
      const id = created?.id ?? '';
      const spec = { name, target: { worker: { namespace: stage.namespace, taskQueue: stage.taskQueue } } };
      await assert.rejects(stage.call(OperatorService.UpdateNexusEndpoint, { id, version: 7, spec }), /version mismatch/);
      assert.equal((await stage.call(OperatorService.UpdateNexusEndpoint, { id, version: 1, spec })).endpoint?.version, 2);
      await delay(ENDPOINT_KNOWN_MS);
      assert.equal((await stage.call(OperatorService.GetNexusEndpoint, { id })).endpoint?.spec?.target?.worker?.namespace, stage.namespace);
      await using _ = await worker(stage);
      assert.equal(await (await start(stage, 'caller', [name, 'quote', { how: 'succeed' }])).result(), 'quote: succeed');
      await stage.call(OperatorService.DeleteNexusEndpoint, { id, version: 2 });
      await assert.rejects(stage.call(OperatorService.CreateNexusEndpoint, { spec: { name: '1', target: {} } }), /must match the regex/);
    },
  },
  {
    name: 'commands that cannot be carried out fail the workflow task',
    worker: 'own',
    covers: ['cause:workflowTask.BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES', 'cause:workflowTask.BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES', 'cause:workflowTask.PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED'],
    unreplayable: 'no workflow made these commands',
    run: async (stage) => {
      const name = await endpoint(stage);
      const { namespace, taskQueue } = stage;
      for (const [what, commands] of [
        ['unknown', [scheduleCommand('nobody-knows')]],
        ['many', Array.from({ length: 31 }, () => scheduleCommand(name))],
        ['header', [scheduleCommand(name, { nexusHeader: new Map([['request-timeout', '1s']]) })],],
        ['cancel', [cancelCommand(5)]],
      ] as const) {
        const workflowId = stage.id(what);
        await stage.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, workflowType: { name: what }, taskQueue: { name: taskQueue }, requestId: workflowId });
        const task = await pollWorkflow(stage);
        await assert.rejects(stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace, taskToken: task.taskToken, commands, identity: 'hand' }));
        await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace, workflowExecution: { workflowId } });
      }
    },
  },
  {
    name: 'a completion that comes twice, or before the operation has started, counts once',
    worker: 'own',
    covers: ['rpc:RespondNexusTaskCompleted', 'event:NEXUS_OPERATION_STARTED', 'event:NEXUS_OPERATION_COMPLETED'],
    unreplayable: 'no workflow made these commands',
    run: async (stage) => {
      const name = await endpoint(stage);
      const { namespace, taskQueue } = stage;
      const callerId = stage.id('caller');
      await stage.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId: callerId, workflowType: { name: 'by hand' }, taskQueue: { name: taskQueue }, requestId: callerId });
      const first = await pollWorkflow(stage);
      await stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace, taskToken: first.taskToken, commands: [scheduleCommand(name)], identity: 'hand' });
      const task = await pollNexus(stage);
      const request = task.request?.startOperation;
      assert.ok(request);
      // Two workflows with the same callback: the operation ends with the first.
      for (const behind of ['one', 'two']) {
        const workflowId = stage.id(behind);
        const callback = Callback.encode({ nexus: { url: request.callback, header: new Map([...request.callbackHeader, ['nexus-operation-token', 'token']]) } });
        await stage.call(WorkflowService.StartWorkflowExecution, { namespace, workflowId, workflowType: { name: 'behind' }, taskQueue: { name: stage.id('behind') }, requestId: workflowId, completionCallbacks: [callback] });
        const behindTask = await stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace, taskQueue: { name: stage.id('behind') }, identity: 'hand' });
        const result = Payloads.encode({ payloads: [json(behind)] });
        await stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace, taskToken: behindTask.taskToken, identity: 'hand', commands: [{ commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: { result } }] });
        await eventually(async () => {
          const { callbacks } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId } });
          return (callbacks[0]?.attempt ?? 0) > 0;
        }, 'the callback');
        // The answer to the start comes when the operation has ended.
        const answer = stage.call(WorkflowService.RespondNexusTaskCompleted, { namespace, identity: 'hand', taskToken: task.taskToken, response: { startOperation: { asyncSuccess: { operationToken: 'token' } } } });
        if (behind === 'one') await answer;
        else await assert.rejects(answer, 'nobody waits for a second answer');
      }
      assert.deepEqual(await names(stage, callerId), ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_STARTED', 'NEXUS_OPERATION_COMPLETED']);
      const completed = (await stage.history(callerId)).find(({ nexusOperationCompletedEventAttributes }) => nexusOperationCompletedEventAttributes);
      assert.equal(Buffer.from(completed?.nexusOperationCompletedEventAttributes?.result?.data ?? []).toString(), '"one"');
      await stage.call(WorkflowService.TerminateWorkflowExecution, { namespace, workflowExecution: { workflowId: callerId } });
    },
  },
  {
    name: 'many operations at the same time',
    worker: 'own',
    covers: ['command:SCHEDULE_NEXUS_OPERATION'],
    varies: 'answers come in any order',
    run: async (stage) => {
      const name = await endpoint(stage);
      await using _ = await worker(stage);
      assert.equal(await (await start(stage, 'many', [name, 30])).result(), 30);
    },
  },
  {
    name: 'the server dies between the command and the start of an operation',
    server: 'own',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_COMPLETED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      const id = stage.id('late');
      const handle = await start(stage, 'caller', [name, 'quote', { how: 'succeed', id }]);
      {
        // Runs workflows, and has no handlers.
        await using _ = await stage.worker();
        await eventually(() => pendingOperation(stage, handle.workflowId), 'the operation');
      }
      await restart(stage);
      await using _ = await worker(stage);
      assert.equal(await handle.result(), 'quote: succeed');
      assert.equal(asked.get(id), 1);
    },
  },
  {
    name: 'the server dies between the start of an operation and its completion',
    server: 'own',
    worker: 'own',
    covers: ['event:NEXUS_OPERATION_STARTED', 'event:NEXUS_OPERATION_COMPLETED'],
    run: async (stage) => {
      const name = await endpoint(stage);
      const behind = stage.id('behind');
      await using _ = await worker(stage);
      const handle = await start(stage, 'caller', [name, 'charge', { how: 'wait for the signal', id: behind }]);
      await isStarted(stage, handle.workflowId);
      await restart(stage);
      await eventually(() => stage.client.workflow.getHandle(behind).signal('go').then(() => true, () => false), 'the server');
      assert.equal(await handle.result(), 'charged: wait for the signal');
      assert.deepEqual(await names(stage, handle.workflowId), ['NEXUS_OPERATION_SCHEDULED', 'NEXUS_OPERATION_STARTED', 'NEXUS_OPERATION_COMPLETED']);
    },
  },
];
