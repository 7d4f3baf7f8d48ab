/**
 * Drives a schedule by hand, as the host does: messages are answered at once, wakes come when they are due. After every transition the
 * fold of its records equals its live state, and every debt that changed was touched.
 */
import assert from 'node:assert/strict';
import { EventType, HistoryEvent, RpcError, Schedule, SchedulePatch, WorkflowExecutionStatus } from '../../protocol/index.js';
import type { Init, ScheduleSpec, StartWorkflowExecutionRequest } from '../../protocol/index.js';
import type { DebtKey, HostInput, JournalRecord, Outcome } from '../machine.js';
import type { StartInput, StartReply, WorkflowInput } from '../workflow/inputs.js';
import { canonicalSpec } from './canonical-spec.js';
import { describeSchedule, scheduleMachine } from './index.js';
import type { CreateScheduleInput, ScheduleInput, ScheduleMachineState, ScheduleReply } from './index.js';

export const NAMESPACE_ID = 'namespace-id';
export const START = Date.UTC(2030, 0, 1);

export type StartAnswer = (request: StartWorkflowExecutionRequest) => StartReply | RpcError;

interface Sent {
  readonly key: DebtKey;
  readonly input: WorkflowInput;
}

export class TestSchedule {
  now = START;
  state: ScheduleMachineState | undefined;
  /** All that it told workflow executions, in order. */
  readonly sent: Sent[] = [];
  /** What a start is answered with. Default: a run with a new id. */
  answerStart: StartAnswer = () => this.#started();
  /** False: messages wait until `deliver` is called. */
  delivers = true;
  handedOn = 0;
  #machine = 'machine-0';
  #ids = 0;
  #folded: ScheduleMachineState | undefined;
  #books = new Map<DebtKey, string>();

  get live(): ScheduleMachineState {
    assert.ok(this.state, 'the schedule exists');
    return this.state;
  }

  get starts(): StartWorkflowExecutionRequest[] {
    return this.sent.flatMap(({ input }) => (input.type === 'start' ? [input.request] : []));
  }

  get info() {
    const { info } = describeSchedule(this.live);
    assert.ok(info);
    return info;
  }

  newId = (): string => `id-${(this.#ids += 1)}`;

  /** Creates it. The spec may be as clients write it. */
  create(spec: Init<ScheduleSpec>, schedule: Init<Schedule> = {}, input: Partial<CreateScheduleInput> = {}): ScheduleReply {
    return this.accept({ type: 'create', namespace: 'default', requestId: 'create', schedule: scheduleOf(spec, schedule), ...input });
  }

  patch(patch: Init<SchedulePatch>, requestId = this.newId()): ScheduleReply {
    return this.accept({ type: 'patch', requestId, patch: SchedulePatch.create(patch) });
  }

  accept(input: ScheduleInput | HostInput): ScheduleReply {
    const { reply } = this.tell(input);
    if (reply instanceof RpcError) throw reply;
    return reply;
  }

  tell(input: ScheduleInput | HostInput): Outcome<ScheduleMachineState | undefined, ScheduleReply> {
    const self = { kind: 'schedule', namespace: NAMESPACE_ID, key: 's', machine: this.#machine };
    const outcome = scheduleMachine.transition(this.state, input, { now: this.now, newId: this.newId }, self);
    this.state = outcome.state;
    this.#check(outcome.record, outcome.touched);
    if (outcome.successor !== undefined) this.#succeed(outcome.successor.machine, outcome.successor.input as ScheduleInput);
    if (this.delivers) this.deliver();
    return outcome;
  }

  /** Answers all that is owed. */
  deliver(): void {
    for (;;) {
      const keys = this.state === undefined ? [] : [...scheduleMachine.debtKeys(this.state)];
      const answers = keys.flatMap((key) => {
        const message = scheduleMachine.debt(this.live, key)?.message;
        return message === undefined ? [] : [{ key, reply: this.#receive(key, message.input as WorkflowInput) }];
      });
      if (answers.length === 0) return;
      this.delivers = false;
      this.tell({ type: 'delivered', answers });
      this.delivers = true;
    }
  }

  /** Time passes; it is woken whenever it wants to be. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const at = this.state && scheduleMachine.nextWake?.(this.state);
      if (at === undefined || at > until) break;
      this.now = Math.max(this.now, at);
      this.accept({ type: 'wake' });
      if (!this.live.isOpen) break;
    }
    this.now = until;
  }

  /** Nobody wakes it: the server is down. Then it is woken once, and again for what is left. */
  outage(ms: number): void {
    this.now += ms;
    this.advance(0);
  }

  /** The oldest running action ends. */
  close(status: WorkflowExecutionStatus = WorkflowExecutionStatus.COMPLETED, event: Init<HistoryEvent> = {}, runId?: string): void {
    const running = this.live.data.running.find((action) => runId === undefined || action.runId === runId);
    assert.ok(running, 'something runs');
    const { workflowId } = running;
    this.accept({ type: 'run-closed', incarnation: this.live.data.incarnation, workflowId, firstExecutionRunId: running.runId, event: HistoryEvent.create({ ...closeEvent(status), ...event }) });
  }

  #receive(key: DebtKey, input: WorkflowInput): unknown {
    this.sent.push({ key, input });
    return input.type === 'start' ? this.answerStart((input as StartInput).request) : { kind: 'done' };
  }

  #started(): StartReply {
    const runId = `run-${this.newId()}`;
    return { kind: 'started', runId, firstExecutionRunId: runId, started: true, status: WorkflowExecutionStatus.RUNNING };
  }

  #succeed(machine: string, input: ScheduleInput): void {
    assert.ok(this.state && scheduleMachine.isDeleted?.(this.state), 'a schedule that is handed on is forgotten');
    this.handedOn += 1;
    this.#machine = machine;
    this.state = undefined;
    this.#folded = undefined;
    this.#books = new Map();
    this.tell(input);
  }

  #check(record: JournalRecord | undefined, touched: readonly DebtKey[]): void {
    if (this.state === undefined) return;
    if (record !== undefined) this.#folded = scheduleMachine.fold(this.#folded, record);
    assert.ok(this.#folded);
    const live = scheduleMachine.snapshot(this.state);
    assert.deepEqual(scheduleMachine.snapshot(this.#folded), live, 'the fold of the records is the live state');
    assert.deepEqual(scheduleMachine.snapshot(scheduleMachine.restore(live)), live, 'a snapshot holds all');
    const owed = new Map([...scheduleMachine.debtKeys(this.state)].flatMap((key) => this.#bookOf(key)));
    for (const key of new Set([...owed.keys(), ...this.#books.keys()])) {
      if (owed.get(key) !== this.#books.get(key)) assert.ok(touched.includes(key), `the debt ${key} changed and was not touched`);
    }
    this.#books = owed;
  }

  #bookOf(key: DebtKey): [DebtKey, string][] {
    const debt = this.state && scheduleMachine.debt(this.state, key);
    return debt === undefined ? [] : [[key, `${debt.wakeAt} ${debt.message?.to.key} ${debt.deletion}`]];
  }
}

export function scheduleOf(spec: Init<ScheduleSpec>, schedule: Init<Schedule> = {}): Schedule {
  const whole = Schedule.create({
    action: { startWorkflow: { workflowId: 'w', workflowType: { name: 'T' }, taskQueue: { name: 'q' } } },
    ...schedule,
    spec,
  });
  return { ...whole, spec: canonicalSpec(whole.spec ?? assert.fail()) };
}

function closeEvent(status: WorkflowExecutionStatus): Init<HistoryEvent> {
  switch (status) {
    case WorkflowExecutionStatus.COMPLETED:
      return { eventType: EventType.WORKFLOW_EXECUTION_COMPLETED, workflowExecutionCompletedEventAttributes: {} };
    case WorkflowExecutionStatus.FAILED:
      return { eventType: EventType.WORKFLOW_EXECUTION_FAILED, workflowExecutionFailedEventAttributes: {} };
    case WorkflowExecutionStatus.TIMED_OUT:
      return { eventType: EventType.WORKFLOW_EXECUTION_TIMED_OUT, workflowExecutionTimedOutEventAttributes: {} };
    case WorkflowExecutionStatus.CANCELED:
      return { eventType: EventType.WORKFLOW_EXECUTION_CANCELED, workflowExecutionCanceledEventAttributes: {} };
    default:
      return { eventType: EventType.WORKFLOW_EXECUTION_TERMINATED, workflowExecutionTerminatedEventAttributes: {} };
  }
}
