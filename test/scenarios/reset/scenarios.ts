/** Resets and deletions of workflow executions, as an operator asks for them. */
import assert from 'node:assert/strict';
import { Code, EventType, Priority, RpcError, WorkflowService, type HistoryEvent, type Init, type ResetWorkflowExecutionRequest } from '#perdure/protocol/index';
import type { WorkflowHandle } from 'perdure/client';
import { eventually, failure, start, type Scenario, type Stage } from '../scenario.js';

type Matches = (event: HistoryEvent, index: number, events: readonly HistoryEvent[]) => boolean;
const isSignal = (event: HistoryEvent): boolean => event.eventType === EventType.WORKFLOW_EXECUTION_SIGNALED;
const isSignalNumber =
  (count: number): Matches =>
  (event, index, events) =>
    isSignal(event) && events.slice(0, index + 1).filter(isSignal).length === count;

/** Id of the first WorkflowTaskCompleted behind the event that matches; waits until it is there. */
async function taskAfter(stage: Stage, handle: WorkflowHandle, matches: Matches = (event) => event.eventId === 1, runId?: string): Promise<number> {
  return eventually(async () => {
    const events = await stage.history(handle.workflowId, runId);
    const at = events.findIndex(matches);
    return at >= 0 && events.slice(at).find((event) => event.eventType === EventType.WORKFLOW_TASK_COMPLETED)?.eventId;
  }, 'a completed workflow task');
}

/** Sends a signal, and waits until a workflow task has taken it. Returns the id of the event that ended that task. */
async function tell(stage: Stage, handle: WorkflowHandle, value: string): Promise<number> {
  const before = (await stage.history(handle.workflowId)).filter(isSignal).length;
  await handle.signal('add', value);
  return taskAfter(stage, handle, isSignalNumber(before + 1));
}

async function reset(stage: Stage, workflowId: string, workflowTaskFinishEventId: number, more: Init<ResetWorkflowExecutionRequest> = {}): Promise<string> {
  const { runId } = await stage.call(WorkflowService.ResetWorkflowExecution, {
    namespace: stage.namespace,
    workflowExecution: { workflowId },
    workflowTaskFinishEventId,
    requestId: `${workflowId}/${workflowTaskFinishEventId}/${JSON.stringify(more)}`,
    reason: 'bad deploy',
    identity: 'operator',
    ...more,
  });
  return runId;
}

const remove = (stage: Stage, workflowId: string, runId = ''): Promise<unknown> =>
  stage.call(WorkflowService.DeleteWorkflowExecution, { namespace: stage.namespace, workflowExecution: { workflowId, runId } });

const describe = (stage: Stage, workflowId: string, runId = '') => stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: stage.namespace, execution: { workflowId, runId } });

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
/** Other servers delete in the background. */
const gone = (stage: Stage, workflowId: string, runId = ''): Promise<true> =>
  eventually(() => describe(stage, workflowId, runId).then(() => false, (error: unknown) => refusedWith(Code.NOT_FOUND)(error)), 'the end of the deletion', 50_000);
const resultOf = (stage: Stage, handle: WorkflowHandle, runId?: string): Promise<unknown> => stage.client.workflow.getHandle(handle.workflowId, runId).result();
const types = (events: readonly HistoryEvent[]): number[] => events.map((event) => event.eventType);

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'what came before the reset point stays, what came later is told again, and the old run is terminated',
    covers: ['rpc:ResetWorkflowExecution', 'cause:workflowTask.RESET_WORKFLOW', 'event:WORKFLOW_EXECUTION_TERMINATED', 'event:WORKFLOW_TASK_FAILED'],
    run: async (stage) => {
      const handle = await start(stage, 'collect');
      await taskAfter(stage, handle);
      const point = await tell(stage, handle, 'before');
      await tell(stage, handle, 'after');
      const { runId: base } = (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution ?? {};
      const runId = await reset(stage, handle.workflowId, point);
      assert.notEqual(runId, base);
      assert.equal((await failure(resultOf(stage, handle, base))).cause?.name, 'TerminatedFailure');
      await taskAfter(stage, handle, (event) => event.eventType === EventType.WORKFLOW_TASK_FAILED);
      assert.deepEqual(await stage.client.workflow.getHandle(handle.workflowId).query('values'), ['before', 'after']);
      await stage.client.workflow.getHandle(handle.workflowId).signal('finish');
      assert.deepEqual(await resultOf(stage, handle, runId), ['before', 'after']);
      const extended = (await describe(stage, handle.workflowId, base)).workflowExtendedInfo;
      assert.equal(extended?.resetRunId, runId);
      const info = (await describe(stage, handle.workflowId)).workflowExecutionInfo;
      assert.equal(info?.autoResetPoints?.points[0]?.runId, runId);
      assert.equal(info?.firstRunId, base);
    },
  },
  {
    name: 'signals that are excluded are not told again',
    covers: ['policy:resetReapply.NONE', 'policy:resetReapply.SIGNAL', 'policy:resetReapply.ALL_ELIGIBLE', 'policy:resetExclude.SIGNAL'],
    run: async (stage) => {
      const handle = await start(stage, 'collect');
      const point = await taskAfter(stage, handle);
      const { runId } = (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution ?? {};
      await tell(stage, handle, 'later');
      const from = { workflowExecution: { workflowId: handle.workflowId, runId: runId ?? '' } };
      const cases: readonly [Init<ResetWorkflowExecutionRequest>, string[]][] = [
        [{ ...from, resetReapplyType: 2 }, []],
        [{ ...from, resetReapplyType: 1 }, ['later']],
        [{ ...from, resetReapplyExcludeTypes: [1] }, []],
        [{ ...from, resetReapplyType: 3 }, ['later']],
      ];
      for (const [request, expected] of cases) {
        await reset(stage, handle.workflowId, point, request);
        await taskAfter(stage, handle, (event) => event.eventType === EventType.WORKFLOW_TASK_FAILED);
        assert.deepEqual(await stage.client.workflow.getHandle(handle.workflowId).query('values'), expected);
      }
      await stage.client.workflow.getHandle(handle.workflowId).signal('finish');
      assert.deepEqual(await resultOf(stage, handle), ['later']);
    },
  },
  {
    name: 'the new run gets other options before its first task',
    covers: ['rpc:ResetWorkflowExecution', 'event:WORKFLOW_EXECUTION_OPTIONS_UPDATED'],
    run: async (stage) => {
      const handle = await start(stage, 'collect');
      const point = await taskAfter(stage, handle);
      await tell(stage, handle, 'a');
      const updateWorkflowOptions = { workflowExecutionOptions: { priority: Priority.encode({ priorityKey: 2 }) }, updateMask: { paths: ['priority.priority_key'] } };
      await reset(stage, handle.workflowId, point, { postResetOperations: [{ updateWorkflowOptions }] });
      await taskAfter(stage, handle, (event) => event.eventType === EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED);
      await stage.client.workflow.getHandle(handle.workflowId).signal('finish');
      assert.deepEqual(await resultOf(stage, handle), ['a']);
      await assert.rejects(reset(stage, handle.workflowId, point, { postResetOperations: [{}] }), refusedWith(Code.INVALID_ARGUMENT));
    },
  },
  {
    name: 'a timer that was running goes on',
    covers: ['rpc:ResetWorkflowExecution', 'event:TIMER_FIRED'],
    run: async (stage) => {
      const handle = await start(stage, 'sleeps', [3_000]);
      await taskAfter(stage, handle);
      const point = await tell(stage, handle, 'a');
      await reset(stage, handle.workflowId, point);
      assert.deepEqual(await resultOf(stage, handle), ['a']);
      assert.equal(types(await stage.history(handle.workflowId)).filter((type) => type === EventType.TIMER_STARTED).length, 1);
    },
  },
  {
    name: 'a pending activity begins at its first attempt again, and completes the new run',
    covers: ['rpc:ResetWorkflowExecution', 'event:ACTIVITY_TASK_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'works', [stage.id('key')]);
      await taskAfter(stage, handle);
      const point = await tell(stage, handle, 'a');
      await eventually(async () => ((await describe(stage, handle.workflowId)).pendingActivities[0]?.attempt ?? 0) > 1, 'a second attempt');
      await reset(stage, handle.workflowId, point);
      assert.deepEqual(await resultOf(stage, handle), ['a', 'attempt 1']);
    },
  },
  {
    name: 'a completed workflow is reset to its first workflow task, and does its steps again',
    covers: ['rpc:ResetWorkflowExecution', 'cause:workflowTask.RESET_WORKFLOW'],
    run: async (stage) => {
      const handle = await start(stage, 'steps', [3]);
      assert.deepEqual(await handle.result(), [1, 2, 3]);
      const { runId } = (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution ?? {};
      await reset(stage, handle.workflowId, 4);
      assert.deepEqual(await resultOf(stage, handle), [1, 2, 3]);
      assert.equal(types(await stage.history(handle.workflowId, runId)).at(-1), EventType.WORKFLOW_EXECUTION_COMPLETED);
      const second = (await stage.history(handle.workflowId)).filter((event) => event.eventType === EventType.WORKFLOW_TASK_COMPLETED)[1];
      await reset(stage, handle.workflowId, second?.eventId ?? 0);
      assert.deepEqual(await resultOf(stage, handle), [1, 2, 3]);
    },
  },
  {
    name: 'a child that runs keeps running, and its result comes to the new run',
    covers: ['rpc:ResetWorkflowExecution', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'parent', [stage.id('kid')]);
      await taskAfter(stage, handle, (event) => event.eventType === EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
      const point = await tell(stage, handle, 'to the parent');
      await reset(stage, handle.workflowId, point);
      const child = stage.client.workflow.getHandle(stage.id('kid'));
      await taskAfter(stage, child);
      await tell(stage, child, 'to the child');
      await child.signal('finish');
      assert.deepEqual(await resultOf(stage, handle), ['to the parent', 'to the child']);
    },
  },
  {
    name: 'a child that ended behind the reset point is not started again',
    covers: ['rpc:ResetWorkflowExecution', 'event:CHILD_WORKFLOW_EXECUTION_COMPLETED'],
    run: async (stage) => {
      const handle = await start(stage, 'parent', [stage.id('kid')]);
      await taskAfter(stage, handle, (event) => event.eventType === EventType.CHILD_WORKFLOW_EXECUTION_STARTED);
      const point = await tell(stage, handle, 'to the parent');
      await stage.client.workflow.getHandle(stage.id('kid')).signal('finish');
      assert.deepEqual(await handle.result(), ['to the parent']);
      await reset(stage, handle.workflowId, point);
      assert.deepEqual(await resultOf(stage, handle), ['to the parent']);
    },
  },
  {
    name: 'an update that was accepted behind the reset point is asked again',
    covers: ['rpc:ResetWorkflowExecution', 'event:WORKFLOW_EXECUTION_UPDATE_ADMITTED'],
    run: async (stage) => {
      const handle = await start(stage, 'updatable');
      const point = await taskAfter(stage, handle);
      assert.equal(await handle.executeUpdate('set', { args: ['x'], updateId: 'first' }), 'set x');
      await tell(stage, handle, 'a');
      await reset(stage, handle.workflowId, point);
      await eventually(async () => types(await stage.history(handle.workflowId)).includes(EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED), 'the end of the update');
      await stage.client.workflow.getHandle(handle.workflowId).signal('finish');
      assert.deepEqual([...((await resultOf(stage, handle)) as string[])].sort(), ['a', 'x']);
    },
  },
  {
    name: 'updates that are excluded are not asked again',
    covers: ['policy:resetExclude.UPDATE'],
    run: async (stage) => {
      const handle = await start(stage, 'updatable');
      const point = await taskAfter(stage, handle);
      assert.equal(await handle.executeUpdate('set', { args: ['x'], updateId: 'first' }), 'set x');
      await reset(stage, handle.workflowId, point, { resetReapplyExcludeTypes: [2] });
      await taskAfter(stage, handle, (event) => event.eventType === EventType.WORKFLOW_TASK_FAILED);
      await stage.client.workflow.getHandle(handle.workflowId).signal('finish');
      assert.deepEqual(await resultOf(stage, handle), []);
    },
  },
  {
    name: 'a run that continued as new is reset, with the signals of the runs after it',
    covers: ['rpc:ResetWorkflowExecution', 'event:WORKFLOW_EXECUTION_CONTINUED_AS_NEW'],
    run: async (stage) => {
      const handle = await start(stage, 'collectInRuns', [[]]);
      const { runId } = (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution ?? {};
      await taskAfter(stage, handle);
      const point = await tell(stage, handle, 'a');
      await tell(stage, handle, 'b');
      await handle.signal('next');
      const current = stage.client.workflow.getHandle(handle.workflowId);
      await eventually(async () => (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution?.runId !== runId, 'the next run');
      await taskAfter(stage, current);
      await tell(stage, current, 'c');
      const made = await reset(stage, handle.workflowId, point, { workflowExecution: { workflowId: handle.workflowId, runId: runId ?? '' } });
      // The signal that continued the run as new comes again too, so another run follows.
      await eventually(async () => (await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution?.runId !== made, 'the run after the new one');
      await current.signal('finish');
      assert.deepEqual(await resultOf(stage, handle), ['a', 'b', 'c', 'next']);
    },
    varies: 'a run that continues as new early is delayed for the rest of a second',
  },
  {
    name: 'a run whose later runs are deleted is reset, with what came to those that are left',
    covers: ['rpc:ResetWorkflowExecution', 'rpc:DeleteWorkflowExecution'],
    timeoutMs: 80_000,
    run: async (stage) => {
      const handle = await start(stage, 'collectInRuns', [[]]);
      const current = stage.client.workflow.getHandle(handle.workflowId);
      const runs: string[] = [];
      let point = 0;
      for (const value of ['a', 'b', 'c']) {
        const isNext = (runId: string | undefined) => runId !== undefined && !runs.includes(runId) && runId;
        runs.push(await eventually(async () => isNext((await describe(stage, handle.workflowId)).workflowExecutionInfo?.execution?.runId), 'the next run'));
        await taskAfter(stage, current);
        const told = await tell(stage, current, value);
        if (value === 'a') point = told;
        await current.signal(value === 'c' ? 'finish' : 'next');
      }
      const [first = '', , last = ''] = runs;
      await stage.client.workflow.getHandle(handle.workflowId, last).result();
      await remove(stage, handle.workflowId, last);
      await gone(stage, handle.workflowId, last);
      const made = await reset(stage, handle.workflowId, point, { workflowExecution: { workflowId: handle.workflowId, runId: first } });
      const values = (await stage.history(handle.workflowId, made)).filter(isSignal).map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
      assert.deepEqual(values, ['add', 'next', 'add', 'next']);
      await stage.client.workflow.getHandle(handle.workflowId).terminate('enough');
    },
    varies: 'a run that continues as new early is delayed for the rest of a second',
  },
  {
    name: 'what cannot be reset to is refused',
    covers: ['rpc:ResetWorkflowExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'collect');
      await taskAfter(stage, handle);
      const { length } = await stage.history(handle.workflowId);
      for (const finish of [0, 1, 2, length + 1]) await assert.rejects(reset(stage, handle.workflowId, finish), refusedWith(Code.INVALID_ARGUMENT), `${finish}`);
      const unknown = { workflowId: handle.workflowId, runId: '0198c7aa-0000-7000-8000-000000000000' };
      await assert.rejects(reset(stage, handle.workflowId, 4, { workflowExecution: unknown }), refusedWith(Code.NOT_FOUND));
      await assert.rejects(reset(stage, handle.workflowId, 4, { requestId: '' }), refusedWith(Code.INVALID_ARGUMENT));
      await assert.rejects(reset(stage, stage.id('unknown'), 4), refusedWith(Code.NOT_FOUND));
      await handle.signal('finish');
      await handle.result();
    },
  },
  {
    name: 'a running workflow is deleted, and its id can be used again',
    covers: ['rpc:DeleteWorkflowExecution'],
    run: async (stage) => {
      const handle = await start(stage, 'collect');
      await taskAfter(stage, handle);
      await remove(stage, handle.workflowId);
      await gone(stage, handle.workflowId);
      await assert.rejects(stage.history(handle.workflowId), refusedWith(Code.NOT_FOUND));
      await assert.rejects(remove(stage, handle.workflowId), refusedWith(Code.NOT_FOUND));
      const next = await start(stage, 'collect', [], { workflowIdReusePolicy: 'REJECT_DUPLICATE' });
      await taskAfter(stage, next);
      await next.signal('finish');
      assert.deepEqual(await next.result(), []);
    },
  },
  {
    name: 'a closed run of a chain is deleted, and the others stay',
    covers: ['rpc:DeleteWorkflowExecution'],
    timeoutMs: 80_000,
    run: async (stage) => {
      const first = await start(stage, 'steps', [1]);
      await first.result();
      const { runId } = (await describe(stage, first.workflowId)).workflowExecutionInfo?.execution ?? {};
      const second = await start(stage, 'steps', [2]);
      assert.deepEqual(await second.result(), [1, 2]);
      await remove(stage, first.workflowId, runId);
      await gone(stage, first.workflowId, runId);
      assert.deepEqual(await resultOf(stage, second), [1, 2]);
    },
  },
];
