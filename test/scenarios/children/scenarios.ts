/** Children, and workflows that write to other workflows. */
import assert from 'node:assert/strict';
import {
  CommandType,
  EventType,
  Memo,
  ParentClosePolicy,
  TaskQueueKind,
  WorkflowExecutionStatus,
  WorkflowService,
  type Command,
  type Init,
  type RpcError,
} from '#perdure/protocol/index';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

const { DescribeWorkflowExecution, PollWorkflowTaskQueue, RespondWorkflowTaskCompleted } = WorkflowService;

async function statusOf(stage: Stage, workflowId: string): Promise<WorkflowExecutionStatus | undefined> {
  const { workflowExecutionInfo } = await stage.call(DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId } });
  return workflowExecutionInfo?.status;
}

const becomes = (stage: Stage, workflowId: string, status: WorkflowExecutionStatus): Promise<true> =>
  eventually(async () => (await statusOf(stage, workflowId).catch(() => undefined)) === status, `status ${status} of ${workflowId}`);

/** Waits until the workflow has an event of this type. */
const happens = (stage: Stage, workflowId: string, type: EventType): Promise<true> =>
  eventually(async () => (await stage.history(workflowId).catch(() => [])).some(({ eventType }) => eventType === type), `event ${type} of ${workflowId}`);

/** Completes the next task of the stage's queue with these commands; the refusal, if there is one. */
async function complete(stage: Stage, commands: readonly Init<Command>[]): Promise<RpcError | undefined> {
  const taskQueue = { name: stage.taskQueue, kind: TaskQueueKind.NORMAL };
  const { taskToken } = await stage.call(PollWorkflowTaskQueue, { namespace: stage.namespace, taskQueue, identity: 'by hand' });
  return stage.call(RespondWorkflowTaskCompleted, { namespace: stage.namespace, taskToken, commands, identity: 'by hand' }).then(
    () => undefined,
    (error: unknown) => error as RpcError,
  );
}

const child = (workflowId: string, attributes: Init<Command>['startChildWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
  startChildWorkflowExecutionCommandAttributes: { workflowId, workflowType: { name: 'child' }, ...attributes },
});
const signal = (workflowId: string, attributes: Init<Command>['signalExternalWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
  signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId }, signalName: 'go', ...attributes },
});
const cancel = (workflowId: string, attributes: Init<Command>['requestCancelExternalWorkflowExecutionCommandAttributes'] = {}): Init<Command> => ({
  commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
  requestCancelExternalWorkflowExecutionCommandAttributes: { workflowId, ...attributes },
});

/** Starts a workflow by hand, completes its first task with these commands, and ends it. */
async function refused(stage: Stage, name: string, commands: readonly Init<Command>[]): Promise<RpcError | undefined> {
  const handle = await start(stage, 'byHand', [], { workflowId: stage.id(name) });
  const refusal = await complete(stage, commands);
  await handle.terminate();
  return refusal;
}

function leaving(stage: Stage): Record<'terminated' | 'abandoned' | 'cancelled', string> {
  return { terminated: stage.id('terminated'), abandoned: stage.id('abandoned'), cancelled: stage.id('cancelled') };
}

async function policiesApply(stage: Stage, ids: ReturnType<typeof leaving>): Promise<void> {
  await becomes(stage, ids.terminated, WorkflowExecutionStatus.TERMINATED);
  await becomes(stage, ids.cancelled, WorkflowExecutionStatus.CANCELED);
  assert.equal(await statusOf(stage, ids.abandoned), WorkflowExecutionStatus.RUNNING);
  await stage.client.workflow.getHandle(ids.abandoned).signal('go', 'x');
  assert.equal(await stage.client.workflow.getHandle(ids.abandoned).result(), 'x');
}

const raced = 'the server may be quicker or slower than the worker';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a child gives its result to its parent, and knows its parent and its root',
    covers: [
      'command:START_CHILD_WORKFLOW_EXECUTION',
      'event:START_CHILD_WORKFLOW_EXECUTION_INITIATED',
      'event:CHILD_WORKFLOW_EXECUTION_STARTED',
      'event:CHILD_WORKFLOW_EXECUTION_COMPLETED',
    ],
    run: async (stage) => {
      const [root, middle, leaf] = [stage.id('root'), stage.id('middle'), stage.id('leaf')];
      const handle = await start(stage, 'generations', [middle, leaf], { workflowId: root });
      assert.deepEqual(await handle.result(), { parent: middle, root, hasParent: true, workflowId: leaf });
      const alone = (await execute(stage, 'family')) as { hasParent: boolean };
      assert.equal(alone.hasParent, false);
    },
  },
  {
    name: 'the failure of a child arrives with its cause and its retry state',
    covers: ['event:CHILD_WORKFLOW_EXECUTION_FAILED', 'policy:retryState.RETRY_POLICY_NOT_SET'],
    run: async (stage) => {
      const told = (await execute(stage, 'tellsOf', stage.id('child'), 'fails')) as { name: string; retryState: string; cause: object };
      assert.equal(told.name, 'ChildWorkflowFailure');
      assert.equal(told.retryState, 'RETRY_POLICY_NOT_SET');
      assert.deepEqual(told.cause, { name: 'ApplicationFailure', message: 'the child is broken', type: 'Broken' });
    },
  },
  {
    name: 'a child that is cancelled, terminated or too slow is a failure of that kind',
    covers: [
      'event:CHILD_WORKFLOW_EXECUTION_CANCELED',
      'event:CHILD_WORKFLOW_EXECUTION_TERMINATED',
      'event:CHILD_WORKFLOW_EXECUTION_TIMED_OUT',
      'timeout:child.run',
      'timeout:child.execution',
    ],
    run: async (stage) => {
      const ends = async (name: string, options: object, act?: (workflowId: string) => Promise<unknown>): Promise<string> => {
        const workflowId = stage.id(name);
        const handle = await start(stage, 'tellsOf', [workflowId, 'waits', options], { workflowId: stage.id(`parent of ${name}`) });
        if (act) {
          await happens(stage, workflowId, EventType.WORKFLOW_TASK_COMPLETED);
          await act(workflowId);
        }
        const told = (await handle.result()) as { cause: { name: string } };
        return told.cause.name;
      };
      const { workflow } = stage.client;
      assert.equal(await ends('cancelled', {}, (id) => workflow.getHandle(id).cancel()), 'CancelledFailure');
      assert.equal(await ends('terminated', {}, (id) => workflow.getHandle(id).terminate('enough')), 'TerminatedFailure');
      assert.equal(await ends('slow run', { workflowRunTimeout: 2_000 }), 'TimeoutFailure');
      assert.equal(await ends('slow execution', { workflowExecutionTimeout: 2_000 }), 'TimeoutFailure');
    },
  },
  {
    name: 'a parent waits for the last run of a child that continues as new or is retried',
    covers: ['policy:continueAsNew.WORKFLOW', 'policy:continueAsNew.RETRY', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => {
      assert.equal(await execute(stage, 'parentOf', 'child', stage.id('continues'), ['continues', 'last']), 'last');
      const retry = { initialInterval: 100, maximumAttempts: 3 };
      const handle = await start(stage, 'parentOf', ['child', stage.id('retried'), ['fails at first', 'second'], { retry }], { workflowId: stage.id('parent of retried') });
      assert.equal(await handle.result(), 'second');
      const ends = (await stage.history(stage.id('parent of retried'))).filter(({ eventType }) => eventType === EventType.CHILD_WORKFLOW_EXECUTION_FAILED);
      assert.equal(ends.length, 0, 'the first attempt is none of its business');
    },
  },
  {
    name: 'a workflow id that is taken, or may not be used again, refuses the child',
    covers: [
      'event:START_CHILD_WORKFLOW_EXECUTION_FAILED',
      'cause:startChild.WORKFLOW_ALREADY_EXISTS',
      'policy:idReuse.REJECT_DUPLICATE',
      'policy:idReuse.ALLOW_DUPLICATE_FAILED_ONLY',
      'policy:idReuse.ALLOW_DUPLICATE',
    ],
    run: async (stage) => {
      const ask = async (name: string, workflowId: string, options: object): Promise<unknown> => {
        const handle = await start(stage, 'tellsOf', [workflowId, 'completes', options], { workflowId: stage.id(name) });
        const answer = (await handle.result()) as { name: string } | string;
        return typeof answer === 'string' ? answer : answer.name;
      };
      const open = await start(stage, 'child', ['waits'], { workflowId: stage.id('open') });
      assert.equal(await ask('taken', open.workflowId, {}), 'WorkflowExecutionAlreadyStartedError');
      await open.signal('go', 'x');
      await open.result();
      assert.equal(await ask('rejected', open.workflowId, { workflowIdReusePolicy: 'REJECT_DUPLICATE' }), 'WorkflowExecutionAlreadyStartedError');
      assert.equal(await ask('failed only', open.workflowId, { workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' }), 'WorkflowExecutionAlreadyStartedError');
      assert.equal(await ask('again', open.workflowId, { workflowIdReusePolicy: 'ALLOW_DUPLICATE' }), 'done');
    },
  },
  {
    name: 'what becomes of children when their parent completes',
    covers: ['policy:parentClose.TERMINATE', 'policy:parentClose.ABANDON', 'policy:parentClose.REQUEST_CANCEL'],
    varies: raced,
    run: async (stage) => {
      const ids = leaving(stage);
      assert.equal(await execute(stage, 'leaves', ids, 'completes'), 'completed');
      await policiesApply(stage, ids);
    },
  },
  {
    name: 'what becomes of children when their parent is terminated, times out, or continues as new',
    covers: ['policy:parentClose.TERMINATE', 'policy:parentClose.ABANDON', 'policy:parentClose.REQUEST_CANCEL', 'timeout:workflow.run'],
    varies: raced,
    run: async (stage) => {
      const ended = async (name: string, way: string, options: object, act?: (parentId: string) => Promise<unknown>): Promise<void> => {
        const ids = { terminated: stage.id(`${name}-terminated`), abandoned: stage.id(`${name}-abandoned`), cancelled: stage.id(`${name}-cancelled`) };
        const parent = await start(stage, 'leaves', [ids, way], { workflowId: stage.id(name), ...options });
        await happens(stage, ids.cancelled, EventType.WORKFLOW_TASK_COMPLETED);
        await act?.(parent.workflowId);
        await policiesApply(stage, ids);
      };
      await ended('by-hand', 'waits', {}, (id) => stage.client.workflow.getHandle(id).terminate());
      await ended('too-slow', 'waits', { workflowRunTimeout: 10_000 });
      await ended('continued', 'continues', {});
      assert.equal(await stage.client.workflow.getHandle(stage.id('continued')).result(), 'continued');
    },
  },
  {
    name: 'a parent cancels its child, and waits as its cancellation type says',
    covers: [
      'command:REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION',
      'event:REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED',
      'event:EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED',
      'event:WORKFLOW_EXECUTION_CANCEL_REQUESTED',
      'policy:childCancellation.WAIT_CANCELLATION_COMPLETED',
      'policy:childCancellation.WAIT_CANCELLATION_REQUESTED',
      'policy:childCancellation.TRY_CANCEL',
      'policy:childCancellation.ABANDON',
    ],
    varies: raced,
    run: async (stage) => {
      for (const type of ['WAIT_CANCELLATION_COMPLETED', 'WAIT_CANCELLATION_REQUESTED', 'TRY_CANCEL', 'ABANDON']) {
        const handle = await start(stage, 'cancels', [stage.id(`child ${type}`), type, 'waits'], { workflowId: stage.id(type) });
        assert.equal(await handle.result(), 'cancelled', type);
      }
      const stubborn = stage.id('stubborn');
      const handle = await start(stage, 'cancels', [stubborn, 'WAIT_CANCELLATION_COMPLETED', 'waits through cancellation'], { workflowId: stage.id('patient') });
      await happens(stage, stubborn, EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED);
      await stage.client.workflow.getHandle(stubborn).signal('go', 'finished all the same');
      assert.equal(await handle.result(), 'finished all the same');
    },
  },
  {
    name: 'a parent signals its child',
    covers: [
      'command:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION',
      'event:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED',
      'event:EXTERNAL_WORKFLOW_EXECUTION_SIGNALED',
      'event:WORKFLOW_EXECUTION_SIGNALED',
    ],
    varies: raced,
    run: async (stage) => {
      assert.equal(await execute(stage, 'signalsChild', stage.id('child'), 'word'), 'word');
      const sent = (await stage.history(stage.id('child'))).find(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_SIGNALED);
      assert.equal(sent?.workflowExecutionSignaledEventAttributes?.externalWorkflowExecution?.workflowId, stage.id('signalsChild'));
    },
  },
  {
    name: 'a workflow signals and cancels another one, which may be closed or not exist',
    covers: [
      'event:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED',
      'event:REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED',
      'cause:signalExternal.EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND',
      'cause:cancelExternal.EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND',
    ],
    run: async (stage) => {
      const write = async (name: string, ...args: unknown[]): Promise<unknown> => (await start(stage, 'writesTo', args, { workflowId: stage.id(name) })).result();
      const signalled = await start(stage, 'child', ['waits'], { workflowId: stage.id('signalled') });
      await happens(stage, signalled.workflowId, EventType.WORKFLOW_TASK_COMPLETED);
      assert.equal(await write('signals', 'signal', signalled.workflowId), 'delivered');
      assert.equal(await signalled.result(), 'from outside');
      const cancelled = await start(stage, 'child', ['waits'], { workflowId: stage.id('cancelled') });
      await happens(stage, cancelled.workflowId, EventType.WORKFLOW_TASK_COMPLETED);
      assert.equal(await write('cancels', 'cancel', cancelled.workflowId), 'delivered');
      assert.equal((await failure(cancelled.result())).cause?.name, 'CancelledFailure');
      assert.equal(await write('cancels a closed one', 'cancel', cancelled.workflowId), 'delivered');
      for (const [name, what, target] of [
        ['signals a closed one', 'signal', signalled.workflowId],
        ['signals nobody', 'signal', stage.id('nobody')],
        ['signals itself', 'signal', stage.id('signals itself')],
        ['cancels nobody', 'cancel', stage.id('nobody')],
        ['cancels itself', 'cancel', stage.id('cancels itself')],
      ] as const) {
        const told = (await write(name, what, target)) as { name: string };
        assert.equal(typeof told, 'object', name);
      }
    },
  },
  {
    name: 'a hundred children at once',
    covers: ['event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    varies: raced,
    run: async (stage) => assert.equal(await execute(stage, 'fanOut', stage.id('one'), 100), 4950),
  },
  {
    name: 'a child gets its own memo, and describe shows it among the pending ones',
    covers: ['rpc:DescribeWorkflowExecution'],
    run: async (stage) => {
      const workflowId = stage.id('child');
      const parent = await start(stage, 'parentOf', ['child', workflowId, ['waits'], { memo: { note: 'its own' }, parentClosePolicy: 'ABANDON' }], { memo: { note: 'of the parent' } });
      await happens(stage, workflowId, EventType.WORKFLOW_TASK_COMPLETED);
      const describe = (id: string) => stage.call(DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId: id } });
      const { workflowExecutionInfo: info } = await describe(workflowId);
      assert.match(Buffer.from(info?.memo === undefined ? [] : (Memo.decode(info.memo).fields.get('note')?.data ?? [])).toString(), /its own/);
      assert.equal(info?.parentExecution?.workflowId, parent.workflowId);
      assert.equal(info?.rootExecution?.workflowId, parent.workflowId);
      const [pending] = await eventually(async () => {
        const { pendingChildren } = await describe(parent.workflowId);
        return pendingChildren.length > 0 && pendingChildren;
      });
      assert.deepEqual(
        { ...pending },
        { workflowId, runId: info?.execution?.runId, workflowTypeName: 'child', initiatedId: 5, parentClosePolicy: ParentClosePolicy.ABANDON },
      );
      await stage.client.workflow.getHandle(workflowId).signal('go', 'x');
      assert.equal(await parent.result(), 'x');
      assert.deepEqual((await describe(parent.workflowId)).pendingChildren, []);
    },
  },
  {
    name: 'commands that cannot be carried out fail the workflow task with their cause',
    worker: 'own',
    covers: [
      'cause:workflowTask.BAD_START_CHILD_EXECUTION_ATTRIBUTES',
      'cause:workflowTask.BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES',
      'cause:workflowTask.BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES',
    ],
    run: async (stage) => {
      const runId = 'not a uuid';
      const bad: readonly (readonly [string, RegExp, Init<Command>[]])[] = [
        ['child without id', /^BadStartChildExecutionAttributes/, [child('')]],
        ['child without type', /^BadStartChildExecutionAttributes/, [child('x', { workflowType: { name: '' } })]],
        ['child in another namespace', /^BadStartChildExecutionAttributes: cross namespace/, [child('x', { namespace: stage.otherNamespace })]],
        ['signal without id', /^BadSignalWorkflowExecutionAttributes/, [signal('')]],
        ['signal without name', /^BadSignalWorkflowExecutionAttributes/, [signal('x', { signalName: '' })]],
        ['signal to no run', /^BadSignalWorkflowExecutionAttributes/, [signal('x', { execution: { workflowId: 'x', runId } })]],
        ['cancel without id', /^BadRequestCancelExternalWorkflowExecutionAttributes/, [cancel('')]],
        ['cancel of no run', /^BadRequestCancelExternalWorkflowExecutionAttributes/, [cancel('x', { runId })]],
        ['cancel with start', /^BadRequestCancelExternalWorkflowExecutionAttributes: Start and RequestCancel/, [child('x'), cancel('x')]],
      ];
      for (const [name, message, commands] of bad) assert.match((await refused(stage, name, commands))?.message ?? '', message, name);
      const unknown = await refused(stage, 'unknown namespace', [child('x', { namespace: 'nobody registered it' })]);
      assert.match(unknown?.message ?? '', /Namespace nobody registered it is not found/);
    },
  },
  {
    name: 'so many children, signals and cancel requests may be under way, and no more',
    worker: 'own',
    covers: [
      'cause:workflowTask.PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED',
      'cause:workflowTask.PENDING_SIGNALS_LIMIT_EXCEEDED',
      'cause:workflowTask.PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED',
    ],
    run: async (stage) => {
      const many = (make: (workflowId: string) => Init<Command>) => Array.from({ length: 2_001 }, (_, n) => make(`${n}`));
      assert.match((await refused(stage, 'children', many(child)))?.message ?? '', /^PendingChildWorkflowsLimitExceeded/);
      assert.match((await refused(stage, 'signals', many(signal)))?.message ?? '', /^PendingSignalsLimitExceeded/);
      assert.match((await refused(stage, 'cancels', many(cancel)))?.message ?? '', /^PendingRequestCancelLimitExceeded/);
    },
  },
  {
    name: 'a workflow that closes at once gives up what was not sent',
    covers: ['command:START_CHILD_WORKFLOW_EXECUTION', 'command:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION'],
    run: async (stage) => {
      const target = await start(stage, 'child', ['waits'], { workflowId: stage.id('target') });
      await happens(stage, target.workflowId, EventType.WORKFLOW_TASK_COMPLETED);
      await execute(stage, 'closesAtOnce', stage.id('child'), target.workflowId);
      await failure(stage.history(stage.id('child')));
      await target.signal('go', 'in time');
      assert.equal(await target.result(), 'in time', 'the signal of the workflow did not come');
    },
  },
];
