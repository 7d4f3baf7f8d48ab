/**
 * Drives workflow machines by hand, for tests: a clock that is set, ids that are counted, workers that do what they are told.
 *
 * After every transition it proves what must always hold (see `#prove`), so that a test only has to say what its scenario is about.
 */
import assert from 'node:assert/strict';
import {
  CommandType,
  EventType,
  Failure,
  History,
  RespondWorkflowTaskCompletedRequest,
  RespondWorkflowTaskFailedRequest,
  RpcError,
  SignalWorkflowExecutionRequest,
  StartWorkflowExecutionRequest,
} from '../../../protocol/index.js';
import type { Command, Encoded, HistoryEvent, Init, Payloads } from '../../../protocol/index.js';
import type { Listing, MadeListing } from '../../listing.js';
import type { Debt, DebtKey, HostInput, JournalRecord, Poller } from '../../machine.js';
import { inOrder, keepBooks, owedBy } from '../../testing/books.js';
import { createWorkflowMachine } from '../index.js';
import type {
  ActivityAddress,
  ActivityTaskReply,
  CompleteWorkflowTaskReply,
  StartSignal,
  WorkflowInput,
  WorkflowLimits,
  WorkflowReply,
  WorkflowState,
  WorkflowTaskReply,
} from '../index.js';
import { isMessageKey } from '../messages/messages.js';
import { jsonPayloads } from '../payloads.js';

export class TestRun {
  state: WorkflowState | undefined;
  readonly records: JournalRecord[] = [];
  /** What the host would believe is owed: updated only by the keys that transitions touch. */
  readonly owed = new Map<DebtKey, Debt>();
  /** Every activity attempt that was handed out. */
  readonly handedOut: string[] = [];
  /** The fold of the records so far, record by record, as after a crash. */
  folded: WorkflowState | undefined;
  lastEventId = 0;
  /** After the last transition; nobody has looked at it. */
  listing: Listing | undefined;
  /** What it told then. */
  listed: MadeListing | undefined;
  /** What those who wait were told. */
  readonly notices: unknown[] = [];

  constructor(readonly runId: string) {}

  /** The process died: the run is loaded again, from its records or from a snapshot of them. */
  reload(state: WorkflowState): void {
    this.state = state;
  }

  get live(): WorkflowState {
    assert.ok(this.state, 'the run exists');
    return this.state;
  }

  events(): HistoryEvent[] {
    return this.records.flatMap((record) => (record.history ? History.decode(record.history.bytes).events : []));
  }

  /** For example `['WORKFLOW_EXECUTION_STARTED', 'WORKFLOW_TASK_SCHEDULED']`. */
  eventNames(): string[] {
    return this.events().map((event) => eventName(event.eventType));
  }

  event(eventId: number): HistoryEvent {
    const event = this.events()[eventId - 1];
    assert.ok(event, `event ${eventId} exists`);
    return event;
  }
}

export const NAMESPACE_ID = 'namespace-id';
export const WORKFLOW_ID = 'order-1';
const WORKER: Poller = { identity: 'worker', requestId: '', sticky: false };

export class TestWorkflow {
  now = 1_700_000_000_000;
  readonly machine;
  /** The runs of the workflow id, latest last. */
  readonly runs: TestRun[] = [];
  /** Proving costs much more than deciding: a long scenario may switch it off. */
  proving = true;
  #ids = 0;

  constructor(limits: Partial<WorkflowLimits> = {}) {
    this.machine = createWorkflowMachine(limits);
  }

  get run(): TestRun {
    const latest = this.runs.at(-1);
    assert.ok(latest, 'a run exists');
    return latest;
  }

  newId(): string {
    return `id-${++this.#ids}`;
  }

  // ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends an input to the latest run, as the host does. */
  send(input: WorkflowInput | HostInput, run = this.runs.at(-1)): WorkflowReply | RpcError {
    const outcome = this.machine.transition(run?.state, input, this.#moment(), this.#self(run?.runId ?? ''));
    if (run !== undefined) {
      assert.equal(outcome.state, run.state, 'a run keeps its state object');
      this.#take(run, outcome.record, outcome.touched);
      run.notices.push(...(outcome.notices ?? []));
    } else assert.equal(outcome.state, undefined, 'a run is created by a successor only');
    if (outcome.successor === undefined) return outcome.reply;
    const next = new TestRun(outcome.successor.machine);
    const created = this.machine.transition(undefined, outcome.successor.input as WorkflowInput, this.#moment(), this.#self(next.runId));
    next.state = created.state;
    for (const record of created.inherited ?? []) this.#inherit(next, record);
    this.runs.push(next);
    this.#take(next, created.record, created.touched);
    return outcome.successor.answers ? created.reply : outcome.reply;
  }

  /** Sends, and expects a reply of this kind. */
  expect<K extends WorkflowReply['kind']>(kind: K, input: WorkflowInput | HostInput): Extract<WorkflowReply, { kind: K }> {
    const reply = this.send(input);
    if (reply instanceof RpcError) throw reply;
    assert.equal(reply.kind, kind);
    return reply as Extract<WorkflowReply, { kind: K }>;
  }

  /** Sends, and expects a refusal. */
  refused(input: WorkflowInput | HostInput): RpcError {
    const reply = this.send(input);
    assert.ok(reply instanceof RpcError, 'the input is refused');
    return reply;
  }

  start(request: Init<StartWorkflowExecutionRequest> = {}, signal?: StartSignal): WorkflowReply | RpcError {
    return this.send(this.startInput(request, signal));
  }

  startInput(request: Init<StartWorkflowExecutionRequest> = {}, signal?: StartSignal): WorkflowInput {
    const full = StartWorkflowExecutionRequest.create({
      namespace: 'default',
      workflowId: WORKFLOW_ID,
      workflowType: { name: 'order' },
      taskQueue: { name: 'orders' },
      requestId: this.newId(),
      identity: 'client',
      ...request,
    });
    return { type: 'start', namespace: 'default', request: full, signal };
  }

  signal(signalName: string, requestId = this.newId()): WorkflowReply | RpcError {
    return this.send({ type: 'signal', request: SignalWorkflowExecutionRequest.create({ signalName, requestId, identity: 'client' }) });
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets time pass; wakes the run at every moment that it asked for on the way. */
  pass(milliseconds: number): void {
    const until = this.now + milliseconds;
    for (let at = this.nextWake(); at !== undefined && at <= until; at = this.nextWake()) {
      this.now = Math.max(this.now, at);
      this.send({ type: 'wake' });
    }
    this.now = until;
  }

  nextWake(): number | undefined {
    const times = [...this.run.owed.values()].flatMap(({ wakeAt }) => wakeAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  // ── workers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Polls for the workflow task, on whichever queue it is owed. */
  pollWorkflowTask(poller: Partial<Poller> = {}): WorkflowTaskReply {
    const sticky = this.run.owed.get('workflow-task')?.dispatch?.sticky ?? false;
    return this.expect('workflow-task', { type: 'dispatch', key: 'workflow-task', poller: { ...WORKER, requestId: this.newId(), sticky, ...poller } });
  }

  completionInput(
    task: WorkflowTaskReply,
    commands: readonly Init<Command>[],
    request: Init<RespondWorkflowTaskCompletedRequest> = {},
  ): WorkflowInput {
    const full = RespondWorkflowTaskCompletedRequest.create({ identity: 'worker', commands, ...request });
    return { type: 'complete-workflow-task', token: task.token, request: full };
  }

  complete(
    task: WorkflowTaskReply,
    commands: readonly Init<Command>[] = [],
    request: Init<RespondWorkflowTaskCompletedRequest> = {},
  ): CompleteWorkflowTaskReply {
    return this.expect('workflow-task-completed', this.completionInput(task, commands, request));
  }

  /** Polls for the workflow task and completes it. */
  step(commands: readonly Init<Command>[] = [], request: Init<RespondWorkflowTaskCompletedRequest> = {}): CompleteWorkflowTaskReply {
    return this.complete(this.pollWorkflowTask(), commands, request);
  }

  failTask(task: WorkflowTaskReply): WorkflowReply | RpcError {
    const request = RespondWorkflowTaskFailedRequest.create({ identity: 'worker', cause: 14, failure: failure('broken') });
    return this.send({ type: 'fail-workflow-task', token: task.token, request });
  }

  /** Polls for the ready attempt of the activity with this scheduled event id. */
  pollActivity(scheduledEventId: number, requestId = this.newId()): ActivityTaskReply {
    const poller = { ...WORKER, requestId };
    const task = this.expect('activity-task', { type: 'dispatch', key: `activity:${scheduledEventId}`, poller });
    this.run.handedOut.push(`${task.token.scheduledEventId}/${task.token.stamp}`);
    return task;
  }

  completeActivity(task: ActivityTaskReply): WorkflowReply | RpcError {
    return this.send({ type: 'complete-activity', activity: byToken(task), identity: 'worker', result: payloads('result') });
  }

  failActivity(task: ActivityTaskReply, failed: Encoded<Failure> = failure('broken')): WorkflowReply | RpcError {
    return this.send({ type: 'fail-activity', activity: byToken(task), identity: 'worker', failure: failed });
  }

  heartbeat(task: ActivityTaskReply, details = 'progress'): WorkflowReply | RpcError {
    return this.send({ type: 'heartbeat-activity', activity: byToken(task), identity: 'worker', details: payloads(details) });
  }

  // ── what always holds ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #take(run: TestRun, record: JournalRecord | undefined, touched: readonly DebtKey[]): void {
    if (record !== undefined) run.records.push(record);
    keepBooks(run.owed, this.machine, run.live, touched);
    if (this.proving) this.#prove(run, record);
  }

  /** A record of another run's history, with which this one begins: its state is checked after the last one. */
  #inherit(run: TestRun, record: JournalRecord): void {
    run.records.push(record);
    run.folded = this.machine.fold(run.folded, record);
    run.lastEventId = record.history?.lastEventId ?? run.lastEventId;
  }

  /** Lists may look at a listing much later: it still tells of the moment at which it was given. */
  #proveListing(run: TestRun, made: Listing | undefined): void {
    assert.deepEqual(lookAt(run.listing), run.listed, 'a listing stays as it is while the run goes on');
    run.listed = lookAt(made);
    run.listing = this.machine.listing?.(run.live);
    const values = [...(run.listed?.attributes.values() ?? [])].filter((value) => typeof value === 'number');
    assert.ok(values.every(Number.isFinite), 'whatever is listed can be put in order');
  }

  #prove(run: TestRun, record: JournalRecord | undefined): void {
    const { machine } = this;
    const snapshot = Buffer.from(machine.snapshot(run.live));
    if (record !== undefined) run.folded = machine.fold(run.folded, record);
    assert.ok(run.folded !== undefined && snapshot.equals(machine.snapshot(run.folded)), 'fold(records) equals the live state');
    const restored = machine.restore(snapshot);
    assert.ok(snapshot.equals(machine.snapshot(restored)), 'restore(snapshot) equals the live state');
    assert.equal(machine.sizeBytes(restored), machine.sizeBytes(run.live), 'sizes agree');
    assert.equal(restored.pausedActivities, run.live.pausedActivities, 'what is counted is what is there');
    this.#proveListing(run, machine.listing?.(restored));

    for (const event of record?.history ? History.decode(record.history.bytes).events : []) {
      assert.equal(event.eventId, ++run.lastEventId, 'event ids are contiguous');
    }
    assert.equal(run.live.run.lastEventId, run.lastEventId);
    assert.equal(record?.history?.lastEventId ?? run.lastEventId, run.lastEventId);

    const owed = shown(run.owed);
    for (const state of [run.live, run.folded, restored]) {
      const recomputed = owedBy(machine, state);
      assert.equal(shown(recomputed), owed, 'touched keys tell every change of what is owed');
      if (!machine.isOpen(state)) assert.equal(recomputed.size, 0, 'a closed run owes nothing');
      else if (!state.isOpen) assert.ok([...recomputed.keys()].every((key) => isMessageKey(key) || key === 'deletion'), 'a closed run owes nothing but messages');
    }
    assert.equal(new Set(run.handedOut).size, run.handedOut.length, 'no attempt is handed out twice');
  }

  #moment(): { now: number; newId(): string } {
    return { now: this.now, newId: () => this.newId() };
  }

  #self(machine: string): { kind: string; namespace: string; key: string; machine: string } {
    return { kind: 'workflow', namespace: NAMESPACE_ID, key: WORKFLOW_ID, machine };
  }
}

function shown(owed: ReadonlyMap<DebtKey, Debt>): string {
  return JSON.stringify(inOrder(owed), bytesAsText);
}

/** The same bytes are the same, whether in a `Buffer` or in a plain array. */
function bytesAsText(this: unknown, key: string, value: unknown): unknown {
  const own: unknown = (this as Record<string, unknown>)[key];
  return own instanceof Uint8Array ? Buffer.from(own).toString('base64') : value;
}

export function byToken(task: ActivityTaskReply): ActivityAddress {
  return { by: 'token', ...task.token };
}

export function payloads(text: string): Encoded<Payloads> {
  return jsonPayloads(text);
}

export function failure(message: string, info: Init<NonNullable<Failure['applicationFailureInfo']>> = {}): Encoded<Failure> {
  return Failure.encode({ message, source: 'TypeScriptSDK', applicationFailureInfo: { type: 'Error', ...info } });
}

export function eventName(type: EventType): string {
  return Object.entries(EventType).find(([, value]) => value === type)?.[0] ?? String(type);
}

/** Event names, for comparing with {@link TestRun.eventNames}. */
export const E = Object.fromEntries(Object.keys(EventType).map((name) => [name, name])) as Record<keyof typeof EventType, string>;

/** A workflow with one run that was just started. */
export function startedWorkflow(request: Init<StartWorkflowExecutionRequest> = {}, limits: Partial<WorkflowLimits> = {}): TestWorkflow {
  const workflow = new TestWorkflow(limits);
  const reply = workflow.start(request);
  assert.ok(!(reply instanceof RpcError) && reply.kind === 'started' && reply.started);
  return workflow;
}

/** Commands, with what a test does not care about filled in. */
export const command = {
  activity: (activityId: string, attributes: Init<Command>['scheduleActivityTaskCommandAttributes'] = {}): Init<Command> => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: {
      activityId,
      activityType: { name: 'charge' },
      taskQueue: { name: 'orders' },
      startToCloseTimeout: 10_000,
      input: payloads(activityId),
      ...attributes,
    },
  }),
  cancelActivity: (scheduledEventId: number): Init<Command> => ({
    commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK,
    requestCancelActivityTaskCommandAttributes: { scheduledEventId },
  }),
  timer: (timerId: string, startToFireTimeout: number): Init<Command> => ({
    commandType: CommandType.START_TIMER,
    startTimerCommandAttributes: { timerId, startToFireTimeout },
  }),
  cancelTimer: (timerId: string): Init<Command> => ({
    commandType: CommandType.CANCEL_TIMER,
    cancelTimerCommandAttributes: { timerId },
  }),
  complete: (result = 'done'): Init<Command> => ({
    commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
    completeWorkflowExecutionCommandAttributes: { result: payloads(result) },
  }),
  fail: (message = 'broken'): Init<Command> => ({
    commandType: CommandType.FAIL_WORKFLOW_EXECUTION,
    failWorkflowExecutionCommandAttributes: { failure: failure(message) },
  }),
  cancel: (): Init<Command> => ({
    commandType: CommandType.CANCEL_WORKFLOW_EXECUTION,
    cancelWorkflowExecutionCommandAttributes: {},
  }),
  continueAsNew: (): Init<Command> => ({
    commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    continueAsNewWorkflowExecutionCommandAttributes: { input: payloads('next') },
  }),
  marker: (markerName: string): Init<Command> => ({
    commandType: CommandType.RECORD_MARKER,
    recordMarkerCommandAttributes: { markerName, details: new Map([['data', payloads('data')]]) },
  }),
} as const;

/** The attributes of a sticky completion. */
export const STICKY: Init<RespondWorkflowTaskCompletedRequest> = {
  stickyAttributes: { workerTaskQueue: { name: 'sticky' }, scheduleToStartTimeout: 10_000 },
};

function lookAt(listing: Listing | undefined): MadeListing | undefined {
  return listing?.make();
}
