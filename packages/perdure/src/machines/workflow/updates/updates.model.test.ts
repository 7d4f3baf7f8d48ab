/**
 * Every interleaving, up to a depth, of what clients, a worker, time and crashes can do to a run with two updates.
 *
 * The search walks the graph of states, so that ways which lead to the same state are walked once. After each step it proves: the record
 * folds to the state (a restart at this point loses nothing), event ids are contiguous, the history is one that a worker can replay, a
 * worker with a cache gets exactly the events that it lacks, no update is lost, accepted twice or completed twice, a repeated request
 * finds its update, and a completion with a token that is not the latest is refused.
 *
 * `PERDURE_DEPTH` searches deeper.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EventType, History, RequestCancelWorkflowExecutionRequest, RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest, RpcError, SignalWorkflowExecutionRequest, TerminateWorkflowExecutionRequest } from '../../../protocol/index.js';
import type { HistoryEvent, Init, Message } from '../../../protocol/index.js';
import type { HostInput } from '../../machine.js';
import { createWorkflowMachine } from '../index.js';
import type { UpdateNotice, WorkflowInput, WorkflowReply, WorkflowState, WorkflowTaskReply } from '../index.js';
import { NAMESPACE_ID, STICKY, TestWorkflow, WORKFLOW_ID, command } from '../testing/test-run.js';
import { CAN_DISCARD, acceptance, protocolMessage, rejection, response, updateInput } from '../testing/updates.js';

const DEPTH = Number(process.env['PERDURE_DEPTH'] ?? 6);
const machine = createWorkflowMachine({ continueAsNewMinimumRunMs: 0 });
const UPDATES = ['a', 'b'] as const;

/** What the client side knows of an update: the latest admission, and what became of it. */
interface Known {
  readonly admission: number;
  /** A task took it to the worker. */
  readonly delivered: boolean;
  readonly end: 'waiting' | 'accepted' | 'over';
}

interface World {
  readonly snapshot: Uint8Array;
  readonly now: number;
  readonly events: readonly HistoryEvent[];
  readonly known: ReadonlyMap<string, Known>;
  /** The task that the worker holds, as it believes. */
  readonly task: WorkflowTaskReply | undefined;
  /** A task that it held before. */
  readonly lost: WorkflowTaskReply | undefined;
  /** The last event that the worker's cache has processed; 0: nothing is cached. */
  readonly cachedTo: number;
  readonly path: readonly string[];
}

type Answer = 'accept' | 'reject' | 'accept and complete' | 'first accepted, others rejected' | 'ignore' | 'complete the accepted' | 'close';
const ANSWERS: readonly Answer[] = ['accept', 'reject', 'accept and complete', 'first accepted, others rejected', 'ignore', 'complete the accepted', 'close'];

function actions(world: World, state: WorkflowState): Record<string, () => World> {
  const possible: Record<string, () => World> = {};
  for (const id of UPDATES) possible[`update ${id}`] = () => sendUpdate(world, id);
  const dispatch = machine.debt(state, 'workflow-task')?.dispatch;
  if (dispatch !== undefined) possible['poll'] = () => poll(world, dispatch.sticky);
  if (world.task !== undefined) {
    for (const answer of ANSWERS) possible[answer] = () => complete(world, answer, false);
    possible['reject, inline'] = () => complete(world, 'reject', true);
    possible['fail'] = () => step(world, failInput(world.task as WorkflowTaskReply), { task: undefined, lost: world.task, cachedTo: 0 }).world;
  }
  const wakeAt = machine.debt(state, 'workflow-task')?.wakeAt;
  if (wakeAt !== undefined) possible['time out'] = () => step({ ...world, now: wakeAt }, { type: 'wake' }, { task: undefined, lost: world.task, cachedTo: 0 }).world;
  possible['signal'] = () => step(world, { type: 'signal', request: SignalWorkflowExecutionRequest.create({ signalName: 's' }) }).world;
  possible['cancel'] = () => step(world, { type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}) }).world;
  possible['terminate'] = () => step(world, { type: 'terminate', request: TerminateWorkflowExecutionRequest.create({}) }, { task: undefined, lost: world.task }).world;
  return possible;
}

function sendUpdate(world: World, id: string): World {
  const before = world.known.get(id);
  const { reply, world: next } = step(world, updateInput(id));
  if (reply instanceof RpcError) {
    assert.ok(before === undefined || before.end === 'over', `a known update is found: ${reply.message}`);
    return next;
  }
  assert.equal(reply.kind, 'update');
  if (reply.kind !== 'update') return next;
  const known = next.known.get(id);
  if (known?.end === 'waiting' || known?.end === 'accepted') {
    assert.equal(reply.admission, known.admission, 'a repeated request finds the update that is under way');
    assert.equal(next.snapshot, world.snapshot, 'and changes nothing');
    return next;
  }
  if (reply.stage === 3) return next;
  assert.equal(reply.stage, 1, 'an update that is over and not completed starts anew');
  return { ...next, known: new Map([...next.known, [id, { admission: reply.admission, delivered: false, end: 'waiting' }]]) };
}

function poll(world: World, sticky: boolean): World {
  const { reply, world: next } = step(world, { type: 'dispatch', key: 'workflow-task', poller: { identity: 'w', requestId: `poll ${world.path.length}`, sticky } });
  assert.ok(!(reply instanceof RpcError) && reply.kind === 'workflow-task', 'what is owed is handed out');
  return deliver(next, reply);
}

/** The worker takes the task: does it have exactly the events up to its Started event? */
function deliver(world: World, task: WorkflowTaskReply): World {
  const suffix = task.transientSuffix === undefined ? [] : History.decode(task.transientSuffix).events;
  const ids = [...world.events.slice(task.historyFrom - 1, task.historyTo), ...suffix].map(({ eventId }) => eventId);
  assert.deepEqual(ids, ids.map((_, index) => task.historyFrom + index), 'the shipped history has no gaps');
  assert.equal(ids.at(-1), task.startedEventId, 'and ends with the Started event of the task');
  if (task.sticky) assert.equal(task.historyFrom, world.cachedTo + 1, 'a worker with a cache gets what it lacks');
  else assert.equal(task.historyFrom, 1);
  const known = new Map(world.known);
  for (const { eventId, protocolInstanceId: id = '' } of task.messages) {
    assert.equal(eventId, task.startedEventId - 1);
    const update = known.get(id);
    assert.equal(update?.end, 'waiting', 'only what waits is delivered');
    if (update !== undefined) known.set(id, { ...update, delivered: true });
  }
  return { ...world, known, task, lost: world.task ?? world.lost, cachedTo: task.startedEventId };
}

function complete(world: World, answer: Answer, inline: boolean): World {
  const task = world.task as WorkflowTaskReply;
  const input = completion(world, task, answer, inline);
  const { reply, world: next } = step(world, input, { task: undefined, lost: task });
  if (reply instanceof RpcError) {
    const isStale = !sameToken(machine.restore(world.snapshot), task);
    assert.equal(reply.code, isStale ? Code.NOT_FOUND : Code.INVALID_ARGUMENT, reply.message);
    return { ...next, cachedTo: 0 };
  }
  assert.ok(reply.kind === 'workflow-task-completed');
  const cachedTo = reply.resetHistoryEventId > 0 ? reply.resetHistoryEventId : world.cachedTo;
  if (reply.resetHistoryEventId > 0) assert.equal(next.events.length, world.events.length, 'a dropped task leaves no event');
  else checkWritten(next.events, task);
  const settled = { ...next, cachedTo };
  return reply.newWorkflowTask === undefined ? settled : deliver(settled, reply.newWorkflowTask);
}

/** The history shows the task as the worker saw it. */
function checkWritten(events: readonly HistoryEvent[], task: WorkflowTaskReply): void {
  for (const seen of task.transientSuffix === undefined ? [] : History.decode(task.transientSuffix).events) {
    const written = events[seen.eventId - 1];
    assert.deepEqual([written?.eventType, written?.eventTime], [seen.eventType, seen.eventTime]);
  }
}

function completion(world: World, task: WorkflowTaskReply, answer: Answer, inline: boolean): WorkflowInput {
  const messages: Init<Message>[] = [];
  for (const [index, request] of task.messages.entries()) {
    const id = request.protocolInstanceId ?? '';
    if (answer === 'reject' || (answer === 'first accepted, others rejected' && index > 0)) messages.push(rejection(request));
    else if (answer === 'accept' || answer === 'first accepted, others rejected') messages.push(acceptance(request));
    else if (answer === 'accept and complete') messages.push(acceptance(request), response(id));
  }
  if (answer === 'complete the accepted') {
    for (const { updateId, acceptedEventId } of machine.restore(world.snapshot).updates.values()) if (acceptedEventId > 0) messages.push(response(updateId));
  }
  const commands = messages.filter(({ id }) => id?.endsWith('/reject') !== true).map(protocolMessage);
  if (answer === 'close') commands.push(command.complete());
  const request = RespondWorkflowTaskCompletedRequest.create({ identity: 'w', commands, messages, returnNewWorkflowTask: inline, ...STICKY, ...CAN_DISCARD });
  return { type: 'complete-workflow-task', token: task.token, request };
}

function failInput(task: WorkflowTaskReply): WorkflowInput {
  return { type: 'fail-workflow-task', token: task.token, request: RespondWorkflowTaskFailedRequest.create({ cause: 14 }) };
}

function sameToken({ workflowTask: held, isOpen }: WorkflowState, { token }: WorkflowTaskReply): boolean {
  return isOpen && held !== undefined && held.startedEventId > 0 && held.stamp === token.stamp;
}

const SELF = { kind: 'workflow', namespace: NAMESPACE_ID, key: WORKFLOW_ID, machine: 'run' };

function step(world: World, input: WorkflowInput | HostInput, after: Partial<World> = {}): { reply: WorkflowReply | RpcError; world: World } {
  const { record, reply, state, notices = [] } = machine.transition(machine.restore(world.snapshot), input, { now: world.now, newId: () => 'id' }, SELF);
  assert.ok(state !== undefined);
  if (record === undefined) {
    assert.equal(notices.length, 0);
    return { reply, world: { ...world, ...after } };
  }
  const snapshot = machine.snapshot(state);
  const folded = machine.fold(machine.restore(world.snapshot), record);
  assert.ok(Buffer.from(snapshot).equals(machine.snapshot(folded)), 'the record folds to the state');
  const added = record.history === undefined ? [] : History.decode(record.history.bytes).events;
  const events = added.length === 0 ? world.events : [...world.events, ...added];
  const known = new Map(world.known);
  for (const notice of notices as UpdateNotice[]) tell(known, notice);
  const next = { ...world, snapshot, events, known, ...after };
  proveUpdates(next, state);
  if (added.length > 0) proveReplayable(events);
  return { reply, world: next };
}

function tell(known: Map<string, Known>, { updateId, admission, result }: UpdateNotice): void {
  const before = known.get(updateId);
  assert.equal(before?.admission, admission, 'notices are about what is under way');
  assert.notEqual(before?.end, 'over', 'an update ends once');
  if (result.type !== 'aborted') assert.ok(before?.delivered, 'the worker answers only what it got');
  known.set(updateId, { admission, delivered: true, end: result.type === 'accepted' ? 'accepted' : 'over' });
}

function proveUpdates(world: World, state: WorkflowState): void {
  for (const [id, { admission, end }] of world.known) {
    const pending = state.updates.get(id);
    if (end === 'waiting') assert.ok(pending !== undefined && pending.admission === admission && pending.acceptedEventId === 0, `update ${id} is not lost`);
    if (end === 'accepted') assert.ok(pending !== undefined && pending.acceptedEventId > 0, `accepted update ${id} is not lost`);
  }
  const waits = [...state.updates.values()].some(({ acceptedEventId }) => acceptedEventId === 0);
  const unseen = world.events.at(-1)?.eventType;
  const isNews = unseen === EventType.WORKFLOW_EXECUTION_SIGNALED || unseen === EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED;
  if (state.isOpen && isNews) assert.ok(state.workflowTask !== undefined, 'a workflow task is there to tell what is new');
  if (state.buffer.length > 0) assert.ok((state.workflowTask?.startedEventId ?? 0) > 0, 'events wait only while a worker holds a task');
  if (waits) assert.ok(state.isOpen && state.workflowTask !== undefined, 'a workflow task is there to take what waits');
}

/** What a replaying worker insists on. */
function proveReplayable(events: readonly HistoryEvent[]): void {
  const accepted = new Map<string, number>();
  const completed = new Set<string>();
  let open: 'none' | 'scheduled' | 'started' | 'commands' = 'none';
  let started = 0;
  for (const [index, event] of events.entries()) {
    assert.equal(event.eventId, index + 1, 'ids are contiguous');
    switch (event.eventType) {
      case EventType.WORKFLOW_TASK_SCHEDULED:
        assert.ok(open === 'none' || open === 'commands');
        open = 'scheduled';
        break;
      case EventType.WORKFLOW_TASK_STARTED:
        assert.equal(open, 'scheduled');
        open = 'started';
        assert.ok((event.eventTime ?? 0) >= (events[started - 1]?.eventTime ?? 0), 'workflow time does not step back');
        started = event.eventId;
        break;
      case EventType.WORKFLOW_TASK_COMPLETED:
        assert.equal(events[index - 1]?.eventId, started, 'nothing stands between Started and Completed');
        open = 'commands';
        break;
      case EventType.WORKFLOW_TASK_FAILED:
        assert.equal(open, 'started');
        open = 'none';
        break;
      case EventType.WORKFLOW_TASK_TIMED_OUT:
        assert.ok(open === 'started' || open === 'scheduled');
        open = 'none';
        break;
      case EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED: {
        const attributes = event.workflowExecutionUpdateAcceptedEventAttributes;
        const id = attributes?.protocolInstanceId ?? '';
        assert.equal(open, 'commands', 'stands among the events of commands');
        assert.ok(!accepted.has(id), 'accepted once');
        assert.equal(attributes?.acceptedRequestSequencingEventId, started - 1);
        assert.equal(attributes?.acceptedRequest?.meta?.updateId, id, 'holds the request');
        accepted.set(id, event.eventId);
        break;
      }
      case EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED: {
        const attributes = event.workflowExecutionUpdateCompletedEventAttributes;
        const id = attributes?.meta?.updateId ?? '';
        assert.equal(open, 'commands');
        assert.ok(!completed.has(id), 'completed once');
        assert.equal(attributes?.acceptedEventId, accepted.get(id));
        completed.add(id);
        break;
      }
      case EventType.WORKFLOW_EXECUTION_SIGNALED:
      case EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED:
        assert.notEqual(open, 'started', 'nothing is written while a worker holds a task');
        if (open === 'commands') open = 'none';
        break;
      case EventType.WORKFLOW_EXECUTION_COMPLETED:
      case EventType.WORKFLOW_EXECUTION_TERMINATED:
        assert.equal(index, events.length - 1, 'nothing after the end');
        break;
    }
  }
}

/** A worker that lost its task answers late: refused, and nothing changes. */
function proveStaleIsRefused(world: World, state: WorkflowState): void {
  for (const task of [world.lost]) {
    if (task === undefined || sameToken(state, task)) continue;
    const { reply, world: after } = step(world, completion(world, task, 'accept', false));
    assert.ok(reply instanceof RpcError && reply.code === Code.NOT_FOUND);
    assert.equal(after.snapshot, world.snapshot);
  }
}

/** Counters and sizes aside: they tell ways apart that lead to the same place. */
function placeOf(world: World): string {
  const state = machine.restore(world.snapshot);
  state.run.transitions = 0;
  state.run.historySizeBytes = 0;
  if (state.workflowTask !== undefined) state.workflowTask.historySizeBytes = 0;
  const known = [...world.known].map(([id, { end, delivered }]) => `${id} ${end} ${delivered}`).sort().join();
  return [Buffer.from(machine.snapshot(state)).toString('latin1'), known, world.task?.token.stamp, world.lost?.token.stamp, world.cachedTo, world.now].join('|');
}

/** A run that waits for a timer, with a worker that has it in its cache. */
function beginning(): World {
  const workflow = new TestWorkflow();
  workflow.start();
  workflow.step([command.timer('t', 86_400_000)], STICKY);
  const { live } = workflow.run;
  return { snapshot: machine.snapshot(live), now: workflow.now, events: workflow.run.events(), known: new Map(), task: undefined, lost: undefined, cachedTo: 3, path: [] };
}

test(`updates keep their promises in every interleaving of ${DEPTH} steps`, () => {
  let worlds: World[] = [beginning()];
  const seen = new Set<string>();
  let steps = 0;
  for (let depth = 0; depth < DEPTH; depth++) {
    const next: World[] = [];
    for (const world of worlds) {
      const state = machine.restore(world.snapshot);
      for (const [name, act] of Object.entries(actions(world, state))) {
        steps += 1;
        const path = [...world.path, name];
        try {
          const reached = { ...act(), path };
          proveStaleIsRefused(reached, machine.restore(reached.snapshot));
          const place = placeOf(reached);
          if (seen.has(place)) continue;
          seen.add(place);
          if (machine.isOpen(machine.restore(reached.snapshot))) next.push(reached);
        } catch (error) {
          throw new Error(`after ${path.join(' → ')}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    }
    worlds = next;
  }
  assert.ok(steps > 1000, `${steps} steps were taken`);
});
