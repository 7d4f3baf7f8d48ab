/**
 * Random programs of inputs: whatever clients, workers, clocks and crashes do in whatever order, the driver's proofs hold after every
 * transition (contiguous ids, fold = live = restored, debts = touched, closed owes nothing, an attempt is handed out once).
 *
 * `PERDURE_SEED` replays one program, `PERDURE_PROGRAMS` runs more of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, RequestCancelWorkflowExecutionRequest, RpcError, TerminateWorkflowExecutionRequest } from '../../protocol/index.js';
import type { Command, HistoryEvent, Init } from '../../protocol/index.js';
import type { ActivityTaskReply, WorkflowInput, WorkflowReply, WorkflowTaskReply } from './inputs.js';
import { STICKY, TestWorkflow, byToken, command, failure, payloads } from './testing.js';
import type { TestRun } from './testing.js';

const PROGRAMS = Number(process.env['PERDURE_PROGRAMS'] ?? 1500);
const STEPS = 40;

class Program {
  readonly workflow = new TestWorkflow({ bufferedEvents: 6, signalsPerRun: 30, pendingActivities: 6, continueAsNewMinimumRunMs: 10 });
  readonly log: string[] = [];
  /** Tasks that workers hold, those that they have lost without knowing it included. */
  readonly workflowTasks: WorkflowTaskReply[] = [];
  readonly activityTasks: ActivityTaskReply[] = [];
  #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  run(): void {
    this.#send(this.workflow.startInput({
      workflowRunTimeout: this.#chance(0.2) ? 20_000 : 0,
      workflowStartDelay: this.#chance(0.2) ? 500 : 0,
      ...(this.#chance(0.3) ? { retryPolicy: { maximumAttempts: 2, initialInterval: 50 } } : {}),
    }));
    for (let i = 0; i < STEPS; i++) this.#step();
    for (const run of this.workflow.runs) proveHistory(run);
  }

  #step(): void {
    const { workflow } = this;
    const actions: readonly (readonly [number, () => void])[] = [
      [10, () => this.#dispatch()],
      [8, () => this.#endWorkflowTask()],
      [8, () => this.#endActivity()],
      [5, () => this.#time()],
      [4, () => this.#send({ ...this.#signal(), type: 'signal' })],
      [1, () => this.#send({ type: 'request-cancel', request: RequestCancelWorkflowExecutionRequest.create({}) })],
      [0.3, () => this.#send({ type: 'terminate', request: TerminateWorkflowExecutionRequest.create({ reason: 'chance' }) })],
      [1, () => void workflow.send({ type: 'sticky-unavailable', key: 'workflow-task' })],
      [0.5, () => this.#send({ type: 'reset-sticky' })],
      [0.5, () => this.#send({ type: 'complete-activity', activity: { by: 'id', activityId: this.#pick(['a', 'b', 'c']) ?? '' }, identity: 'console' })],
      [0.5, () => this.#send(workflow.startInput({ workflowIdConflictPolicy: this.#pick([0, 1, 2, 3]) }))],
      [2, () => this.#crash()],
    ];
    let left = this.#random() * actions.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, act] of actions) {
      left -= weight;
      if (left < 0) return act();
    }
  }

  #dispatch(): void {
    const ready = [...this.workflow.run.owed].flatMap(([key, { dispatch }]) => (dispatch ? [[key, dispatch] as const] : []));
    const found = this.#pick(ready);
    if (found === undefined) return;
    const [key, { sticky }] = found;
    const reply = this.#send({ type: 'dispatch', key, poller: { identity: 'worker', requestId: this.workflow.newId(), sticky } });
    assert.ok(!(reply instanceof RpcError), 'what is owed is handed out');
  }

  #endWorkflowTask(): void {
    const task = this.#chance(0.8) ? this.workflowTasks.at(-1) : this.#pick(this.workflowTasks);
    if (task === undefined) return;
    if (this.#chance(0.15)) {
      this.log.push('fail task');
      this.#keep(this.workflow.failTask(task));
      return;
    }
    const commands = Array.from({ length: Math.floor(this.#random() * 4) }, () => this.#command());
    if (this.#chance(0.05)) commands.push(this.#pick([command.complete(), command.fail(), command.cancel(), command.continueAsNew()]) ?? {});
    this.#send(this.workflow.completionInput(task, commands, {
      ...(this.#chance(0.5) ? STICKY : {}),
      returnNewWorkflowTask: this.#chance(0.5),
      forceCreateNewWorkflowTask: this.#chance(0.1),
    }));
  }

  #command(): Init<Command> {
    const { activities, timers } = this.workflow.run.live;
    const known = [...activities.keys(), 5];
    return this.#pick([
      () => command.activity(this.#pick(['a', 'b', 'c', 'd']) ?? '', {
        startToCloseTimeout: 1000,
        heartbeatTimeout: this.#chance(0.3) ? 300 : 0,
        scheduleToCloseTimeout: this.#chance(0.3) ? 1500 : 0,
        requestEagerExecution: this.#chance(0.3),
        retryPolicy: { initialInterval: 100, maximumAttempts: this.#pick([0, 1, 3]) ?? 0 },
      }),
      () => command.timer(this.#pick(['1', '2', '3']) ?? '', this.#pick([0, 1, 50, 2000]) ?? 0),
      () => command.cancelTimer(this.#pick([...timers.keys(), '1']) ?? ''),
      () => command.cancelActivity(this.#pick(known) ?? 0),
      () => command.marker('m'),
    ])?.() ?? {};
  }

  #endActivity(): void {
    const task = this.#pick(this.activityTasks);
    if (task === undefined) return;
    const activity = byToken(task);
    const identity = 'worker';
    const inputs: readonly WorkflowInput[] = [
      { type: 'complete-activity', activity, identity, result: payloads('r') },
      { type: 'complete-activity', activity, identity, result: payloads('r') },
      { type: 'fail-activity', activity, identity, failure: failure('f'), lastHeartbeatDetails: payloads('h') },
      { type: 'cancel-activity', activity, identity },
      { type: 'heartbeat-activity', activity, identity, details: payloads('h') },
    ];
    this.#send(this.#pick(inputs) ?? { type: 'reset-sticky' });
  }

  #time(): void {
    const { workflow } = this;
    const wake = workflow.nextWake();
    if (this.#chance(0.1)) workflow.now -= 5000;
    else if (wake !== undefined && this.#chance(0.7)) workflow.now = Math.max(workflow.now, wake);
    else workflow.now += Math.floor(this.#random() * 400);
    this.#send({ type: 'wake' });
    for (const [key, { wakeAt }] of workflow.run.owed) {
      // A retry that became ready may be past its next deadline already: that is the next wake's.
      assert.ok(wakeAt === undefined || wakeAt > workflow.now || key.startsWith('activity:'), `${key} was due`);
    }
  }

  #crash(): void {
    const { run, machine } = this.workflow;
    this.log.push('crash');
    if (this.#chance(0.5)) run.reload(machine.restore(machine.snapshot(run.live)));
    else run.reload(run.records.reduce<ReturnType<typeof machine.fold> | undefined>((state, record) => machine.fold(state, record), undefined) ?? run.live);
  }

  #signal(): Pick<Extract<WorkflowInput, { type: 'signal' }>, 'request'> {
    const requestId = this.#chance(0.2) ? 'same' : this.workflow.newId();
    return { request: { ...EMPTY_SIGNAL, signalName: 's', requestId, input: payloads('i') } };
  }

  #send(input: Parameters<TestWorkflow['send']>[0]): WorkflowReply | RpcError {
    this.log.push(JSON.stringify(input, (_, value: unknown) => (value instanceof Uint8Array ? undefined : value)));
    const reply = this.workflow.send(input);
    this.#keep(reply);
    return reply;
  }

  #keep(reply: WorkflowReply | RpcError): void {
    if (reply instanceof RpcError) return;
    if (reply.kind === 'workflow-task') this.workflowTasks.push(reply);
    if (reply.kind === 'activity-task') this.#keepActivity(reply);
    if (reply.kind !== 'workflow-task-completed') return;
    if (reply.newWorkflowTask) this.workflowTasks.push(reply.newWorkflowTask);
    reply.activityTasks.forEach((task) => this.#keepActivity(task));
  }

  #keepActivity(task: ActivityTaskReply): void {
    this.activityTasks.push(task);
    this.workflow.run.handedOut.push(`${task.token.scheduledEventId}/${task.token.attempt}`);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}

const EMPTY_SIGNAL = { namespace: '', signalName: '', identity: 'client', requestId: '', control: '', links: [] };

/** The traps that replay falls into: order around workflow tasks, references between events, nothing behind the end. */
function proveHistory(run: TestRun): void {
  const events = run.events();
  const open = new Set<number>();
  const startedIds = new Map<number, number>();
  let completedId = 0;
  events.forEach((event, index) => {
    const behind = event.eventType === EventType.WORKFLOW_TASK_COMPLETED || event.eventType === EventType.WORKFLOW_TASK_FAILED;
    const before = events[index - 1]?.eventType;
    if (behind) assert.equal(before, EventType.WORKFLOW_TASK_STARTED, 'nothing stands between a started task and its end');
    if (event.eventType === EventType.WORKFLOW_TASK_COMPLETED) completedId = event.eventId;
    const of = commandOf(event);
    if (of !== undefined) assert.equal(of, completedId, 'a command event names the completion before it');
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) open.add(event.eventId);
    const started = event.activityTaskStartedEventAttributes;
    if (started) startedIds.set(started.scheduledEventId, event.eventId);
    const end =
      event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ?? event.activityTaskCanceledEventAttributes;
    if (end === undefined) return;
    assert.ok(open.delete(end.scheduledEventId), 'an activity ends once');
    assert.equal(end.startedEventId, startedIds.get(end.scheduledEventId) ?? 0, 'the end of an activity names its Started event');
  });
  const { closeEventId } = run.live.run;
  if (closeEventId > 0) assert.equal(closeEventId, events.length, 'the close event is the last');
}

function commandOf(event: HistoryEvent): number | undefined {
  return (
    event.activityTaskScheduledEventAttributes ?? event.timerStartedEventAttributes ?? event.timerCanceledEventAttributes ??
    event.markerRecordedEventAttributes ?? event.activityTaskCancelRequestedEventAttributes ?? event.workflowExecutionCompletedEventAttributes
  )?.workflowTaskCompletedEventId;
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

test('random programs of inputs', () => {
  const only = process.env['PERDURE_SEED'];
  const seeds = only === undefined ? Array.from({ length: PROGRAMS }, (_, index) => index * 7919 + 1) : [Number(only)];
  const seen = new Set<EventType>();
  for (const seed of seeds) {
    const program = new Program(seed);
    try {
      program.run();
    } catch (error) {
      throw new Error(`seed ${seed}:\n${program.log.join('\n')}`, { cause: error });
    }
    for (const run of program.workflow.runs) for (const event of run.events()) seen.add(event.eventType);
  }
  if (only === undefined) assert.ok(seen.size >= 23, `the programs reach every kind of event (${seen.size})`);
});
