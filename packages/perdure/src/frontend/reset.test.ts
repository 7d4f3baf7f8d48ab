/**
 * Resets as clients ask for them. What only shows here: the copy is made while the run goes on, so nothing that was acknowledged
 * meanwhile may get lost; a reset that was answered survives a crash at any commit, and asked again it is the same one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, VirtualClock } from '../ports/index.js';
import { Code, CommandType, HistoryEventFilterType, RpcError, WorkflowExecutionStatus, WorkflowService, type Command, type HistoryEvent, type Init, type Method, type ResetWorkflowExecutionRequest } from '../protocol/index.js';
import { openEngine, type Engine } from '../server/engine.js';
import { completeWorkflow, eventsOf, NAMESPACE, payloads, Stage, startRequest, startTimer, sticky, typeName } from '../server/testing/stage.js';
import { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreOperation } from '../store/simulated/simulated-store.js';

const refusedWith = (code: Code) => (error: unknown) => error instanceof RpcError && error.code === code;
const signalsOf = (events: readonly HistoryEvent[]): string[] => events.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
const types = (events: readonly HistoryEvent[]): string[] => events.map(({ eventType }) => typeName(eventType));

const request = (workflowTaskFinishEventId: number, more: Init<ResetWorkflowExecutionRequest> = {}): Init<ResetWorkflowExecutionRequest> => ({
  namespace: NAMESPACE,
  workflowExecution: { workflowId: 'w' },
  workflowTaskFinishEventId,
  requestId: 'reset',
  reason: 'bad deploy',
  ...more,
});
const reset = async (stage: Stage, finish: number, more?: Init<ResetWorkflowExecutionRequest>): Promise<string> =>
  (await stage.call(WorkflowService.ResetWorkflowExecution, request(finish, more))).runId;

test('a reset run goes on after a restart, from a history that says what happened', async () => {
  await using stage = await Stage.open();
  const base = await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 60_000)], sticky);
  await stage.signal('w', 's');
  const runId = await reset(stage, 4);
  const events = await stage.events('w', runId);
  assert.deepEqual(types(events).slice(2), ['WORKFLOW_TASK_STARTED', 'WORKFLOW_TASK_FAILED', 'WORKFLOW_EXECUTION_SIGNALED', 'WORKFLOW_TASK_SCHEDULED']);
  await stage.restart();
  assert.deepEqual(await stage.events('w'), events);
  assert.equal(await reset(stage, 4), runId, 'the same request again');
  const task = await stage.pollWorkflow();
  assert.deepEqual(types(eventsOf(task)), [...types(events), 'WORKFLOW_TASK_STARTED']);
  await stage.complete(task, [completeWorkflow()]);
  assert.equal(types(await stage.events('w', base)).at(-1), 'WORKFLOW_EXECUTION_TERMINATED');
});

test('signals that arrive while the reset is prepared are all there, in order, once', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow());
  const names = Array.from({ length: 300 }, (_, n) => `s${n}`);
  const sent = names.map((name) => stage.signal('w', name));
  const runId = await reset(stage, 4);
  await Promise.all(sent);
  const events = await stage.events('w', runId);
  assert.deepEqual(signalsOf(events), names);
  assert.equal(types(events).slice(4).filter((type) => type === 'WORKFLOW_TASK_SCHEDULED').length, 1);
});

const largeMarker = (bytes: number): Init<Command> => ({
  commandType: CommandType.RECORD_MARKER,
  recordMarkerCommandAttributes: { markerName: 'm', details: new Map([['data', payloads('x'.repeat(bytes))]]) },
});

test('a long history is copied in pieces that are written before the reset is decided', async () => {
  await using stage = await Stage.open();
  const base = await stage.start('w');
  for (let n = 0; n < 6; n++) {
    await stage.complete(await stage.pollWorkflow(), [largeMarker(700_000)], { forceCreateNewWorkflowTask: true });
  }
  await stage.signal('w', 's');
  const task = await stage.pollWorkflow();
  const runId = await reset(stage, task.startedEventId);
  const events = await stage.events('w', runId);
  assert.deepEqual(events.slice(0, task.startedEventId - 1), (await stage.events('w', base)).slice(0, task.startedEventId - 1));
  assert.equal((await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } })).workflowExecutionInfo?.execution?.runId, runId);
  await stage.restart();
  assert.deepEqual(await stage.events('w'), events);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
});

test('what cannot be reset is refused, and says why', async () => {
  await using stage = await Stage.open();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), [startTimer('t', 60_000)]);
  const unknown = '0198c7aa-0000-7000-8000-000000000000';
  for (const finish of [0, 1, 2, 5, 6, 99]) await assert.rejects(reset(stage, finish), refusedWith(Code.INVALID_ARGUMENT), `${finish}`);
  await assert.rejects(reset(stage, 4, { requestId: '' }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(reset(stage, 4, { workflowExecution: { workflowId: '' } }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(reset(stage, 4, { workflowExecution: { workflowId: 'w', runId: unknown } }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(reset(stage, 4, { workflowExecution: { workflowId: 'unknown' } }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(reset(stage, 4, { resetReapplyType: 99 as 0 }), refusedWith(Code.INVALID_ARGUMENT));
  await assert.rejects(reset(stage, 4, { postResetOperations: [{}] }), refusedWith(Code.INVALID_ARGUMENT));
  assert.equal((await stage.events('w')).length, 5, 'nothing has changed');
});

for (const [size, markerBytes] of [
  ['short', 10],
  ['long', 1_500_000],
] as const) {
  test(`a crash at any write while a ${size} history is reset: it happened or it did not, and nothing is left over`, async () => {
    let answered = 0;
    for (let crashAt = 1; crashAt <= 12; crashAt++) {
      for (const moment of ['beforeWrite', 'afterWrite'] as const) {
        const disk = new SimulatedDisk();
        const first = await scene(disk, markerBytes, crashAt, moment);
        const engine = await engineOn(first.clock, disk);
        await first.clock.settle();
        if (first.signalled) {
          const { runId } = await engine.transport.call(WorkflowService.ResetWorkflowExecution, request(7));
          if (first.runId !== undefined) assert.equal(runId, first.runId);
          if (first.runId !== undefined) answered += 1;
          const { history } = await engine.transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId: 'w', runId } });
          assert.deepEqual(signalsOf(eventsOf({ history })), ['s']);
          await first.clock.settle();
          assert.equal(await runsOn(disk, engine), 2);
        }
        await engine.close();
      }
    }
    assert.ok(answered > 0, 'some crashes came after the answer');
  });
}

test('a reset that is refused after a part was copied leaves nothing', async () => {
  const disk = new SimulatedDisk();
  const { clock, signalled, runId } = await scene(disk, 1_500_000, Number.POSITIVE_INFINITY, 'beforeWrite', 6);
  assert.deepEqual([signalled, runId], [true, undefined]);
  await using engine = await engineOn(clock, disk);
  assert.equal(await runsOn(disk, engine), 1);
});

/** How many runs the disk holds, seen by anybody or not. */
async function runsOn(disk: SimulatedDisk, engine: Engine): Promise<number> {
  const { namespaceInfo } = await engine.transport.call(WorkflowService.DescribeNamespace, { namespace: NAMESPACE });
  return disk.machines({ kind: 'workflow', namespace: namespaceInfo?.id ?? '' }, { limit: 9 }).items.length;
}

function engineOn(clock: VirtualClock, disk: SimulatedDisk, crash?: { readonly at: number; readonly moment: 'beforeWrite' | 'afterWrite' }): Promise<Engine> {
  let writes = 0;
  const isWrite = (operation: StoreOperation): boolean => operation === 'commit' || operation === 'delete';
  const store = new SimulatedStore({ clock, disk, faults: (operation) => (isWrite(operation) && ++writes === crash?.at ? { kind: 'crash', moment: crash.moment } : undefined) });
  return openEngine({ store, clock, logger: silentLogger, verify: true });
}

interface Scene {
  readonly clock: VirtualClock;
  signalled: boolean;
  runId: string | undefined;
}

/** A workflow is started, takes a step, gets a signal, and is reset, in a process that dies at one of its writes. */
async function scene(disk: SimulatedDisk, markerBytes: number, at: number, moment: 'beforeWrite' | 'afterWrite', finish = 7): Promise<Scene> {
  const clock = new VirtualClock();
  const seen: Scene = { clock, signalled: false, runId: undefined };
  const play = async (): Promise<void> => {
    const { transport } = await engineOn(clock, disk, { at, moment });
    const call = <Request, Response>(method: Method<Request, Response>, message: Init<Request>): Promise<Response> => transport.call(method, message);
    await call(WorkflowService.StartWorkflowExecution, startRequest('w'));
    const task = await call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: 'queue' } });
    const commands = [largeMarker(markerBytes)];
    await call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken: task.taskToken, namespace: NAMESPACE, commands, forceCreateNewWorkflowTask: true });
    await call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: 'queue' } });
    await call(WorkflowService.SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, signalName: 's', requestId: 'signal' });
    seen.signalled = true;
    seen.runId = (await call(WorkflowService.ResetWorkflowExecution, request(finish))).runId;
  };
  play().catch(() => {});
  for (let turn = 0; turn < 20; turn++) await clock.settle();
  return seen;
}

test('a deleted run is not found any more, not even by who waits for its result; its id can be used again', async () => {
  await using stage = await Stage.open();
  const runId = await stage.start('w');
  const waiting = stage.call(WorkflowService.GetWorkflowExecutionHistory, {
    namespace: NAMESPACE,
    execution: { workflowId: 'w', runId },
    waitNewEvent: true,
    historyEventFilterType: HistoryEventFilterType.CLOSE_EVENT,
  });
  const outcome = assert.rejects(waiting, refusedWith(Code.NOT_FOUND));
  const remove = (execution: { workflowId: string; runId?: string }) => stage.call(WorkflowService.DeleteWorkflowExecution, { namespace: NAMESPACE, workflowExecution: execution });
  await remove({ workflowId: 'w' });
  await outcome;
  await assert.rejects(stage.events('w'), refusedWith(Code.NOT_FOUND));
  await assert.rejects(remove({ workflowId: 'w' }), refusedWith(Code.NOT_FOUND));
  await assert.rejects(stage.signal('w', 's'), refusedWith(Code.NOT_FOUND));
  const next = await stage.start('w');
  assert.notEqual(next, runId, 'also the request id of the first start is forgotten');
  await stage.restart();
  await assert.rejects(stage.events('w', runId), refusedWith(Code.NOT_FOUND));
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
});

test('an older run can be reset after the latest one was deleted, unless its id is in use by then', async () => {
  await using stage = await Stage.open();
  const terminate = () => stage.call(WorkflowService.TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' } });
  const runs: string[] = [];
  for (const requestId of ['first', 'second']) {
    runs.push(await stage.start('w', { requestId }));
    await stage.complete(await stage.pollWorkflow(), [startTimer('t', 60_000)]);
    await terminate();
  }
  const [oldest = '', latest = ''] = runs;
  await stage.call(WorkflowService.DeleteWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w', runId: latest } });
  await assert.rejects(reset(stage, 4), refusedWith(Code.NOT_FOUND));
  const ofOldest = { workflowExecution: { workflowId: 'w', runId: oldest } };
  const [runId, started] = await Promise.all([reset(stage, 4, ofOldest), stage.start('w', { requestId: 'meanwhile', workflowIdConflictPolicy: 2 })]);
  assert.equal(await reset(stage, 4, ofOldest), runId, 'the same request again');
  await stage.restart();
  const current = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  assert.equal(current.workflowExecutionInfo?.execution?.runId, runId);
  const other = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w', runId: started } });
  assert.equal(started === runId || other.workflowExecutionInfo?.status === WorkflowExecutionStatus.TERMINATED, true, 'one of them is open');
});

test('what came to a chain is told again by a reset, as far as its runs are left', async () => {
  await using stage = await Stage.open();
  const first = await stage.start('w');
  const [second, last] = [await nextRun(stage, 'a'), await nextRun(stage, 'b')];
  await stage.signal('w', 'c');
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  const remove = (runId: string) => stage.call(WorkflowService.DeleteWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w', runId } });
  await remove(last);
  const made = await reset(stage, 4, { workflowExecution: { workflowId: 'w', runId: first } });
  assert.deepEqual(signalsOf(await stage.events('w', made)), ['a', 'b']);
  await remove(second);
  const again = await reset(stage, 4, { workflowExecution: { workflowId: 'w', runId: first }, requestId: 'again' });
  assert.deepEqual(signalsOf(await stage.events('w', again)), ['a']);
});

/** The current run takes a signal and continues as new. */
async function nextRun(stage: Stage, signal: string): Promise<string> {
  await stage.complete(await stage.pollWorkflow(), []);
  await stage.signal('w', signal);
  await stage.complete(await stage.pollWorkflow(), [{ commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} }]);
  await stage.clock.advance(1_000);
  const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
  return workflowExecutionInfo?.execution?.runId ?? '';
}
