/**
 * Random programs of everything that an activity id can be told: whatever clients, workers, operators, clocks and crashes do in whatever
 * order, its journal folds to its state, what is owed follows from the touched keys, what is refused changes nothing, each attempt ends
 * once, and a run that has ended stays as it is.
 *
 * `testing/programs.ts` plays them, and says how to play more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../ports/random.js';
import { ActivityExecutionStatus, ActivityOptions, ActivityIdConflictPolicy, ActivityIdReusePolicy, Code, Failure, Link, RpcError, StartActivityExecutionRequest } from '../../protocol/index.js';
import type { Debt, DebtKey, HostInput, JournalRecord } from '../machine.js';
import { keepBooks, owedBy } from '../testing/books.js';
import { programTests } from '../testing/programs.js';
import { DEFAULT_LIMITS, type ActivityTaskTokenParts } from '../workflow/index.js';
import { ACTIVITY_KIND, createActivityMachine, describeActivity, outcomeOf, type ActivityInput, type ActivityReply, type StandaloneState } from './index.js';

const STEPS = 40;
const machine = createActivityMachine(() => DEFAULT_LIMITS);

// ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type OperatorStep = 'request-cancel' | 'terminate' | 'pause' | 'unpause' | 'reset' | 'change';

type Step =
  | { readonly do: 'start'; readonly request?: number; readonly conflict?: ActivityIdConflictPolicy; readonly reuse?: ActivityIdReusePolicy; readonly delay?: number; readonly attempts?: number; readonly links?: boolean }
  | { readonly do: 'poll'; readonly again?: boolean }
  /** `back`: of an attempt so many before the latest one. */
  | { readonly do: 'complete' | 'fail' | 'cancel' | 'heartbeat'; readonly back?: number; readonly byId?: boolean; readonly final?: boolean }
  /** `request`: its number; the same one comes again now and then. */
  | { readonly do: OperatorStep; readonly request?: number; readonly how?: number }
  | { readonly do: 'delete' }
  | { readonly do: 'wait'; readonly ms?: number }
  | { readonly do: 'wake' }
  | { readonly do: 'crash'; readonly fold?: boolean };

function randomProgram(seed: number): readonly Step[] {
  const random = seededRandom(seed, { now: () => 0 });
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const chance = (probability: number): boolean => random.next() < probability;
  const of = <T>(...from: readonly T[]): T => from[below(from.length)] as T;
  const start = (): Step => ({ do: 'start', request: below(4), conflict: of(...Object.values(ActivityIdConflictPolicy)), reuse: of(...Object.values(ActivityIdReusePolicy)), delay: chance(0.3) ? 500 : 0, attempts: below(4), links: chance(0.3) });
  const makes: readonly (readonly [number, () => Step])[] = [
    [5, start],
    [10, () => ({ do: 'poll', again: chance(0.2) })],
    [10, () => ({ do: of('complete', 'fail', 'fail', 'cancel', 'heartbeat', 'heartbeat'), back: chance(0.2) ? 1 + below(3) : 0, byId: chance(0.15), final: chance(0.2) })],
    [9, () => ({ do: of<OperatorStep>('request-cancel', 'pause', 'pause', 'unpause', 'unpause', 'reset', 'reset', 'change', 'change'), request: below(6), how: below(12) })],
    [0.5, () => ({ do: 'terminate', request: below(3) })],
    [0.5, () => ({ do: 'delete' })],
    [3, () => ({ do: 'wait', ms: chance(0.1) ? -2_000 : below(600) })],
    [6, () => ({ do: 'wake' })],
    [3, () => ({ do: 'crash', fold: chance(0.5) })],
  ];
  const weight = makes.reduce((sum, [each]) => sum + each, 0);
  const step = (): Step => {
    let left = random.next() * weight;
    return (makes.find(([each]) => (left -= each) < 0)?.[1] ?? start)();
  };
  return [start(), ...Array.from({ length: STEPS - 1 }, step)];
}

// ── what they do ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Held {
  readonly run: Run;
  readonly token: ActivityTaskTokenParts;
}

/** One run, with its journal and what is owed of it, as a host keeps them. */
class Run {
  readonly records: JournalRecord[] = [];
  readonly owed = new Map<DebtKey, Debt>();
  readonly polls: string[] = [];
  state: StandaloneState | undefined;
  folded: StandaloneState | undefined;

  constructor(readonly id: string) {}

  fold(): StandaloneState | undefined {
    return this.records.reduce<StandaloneState | undefined>((state, record) => machine.fold(state, record), undefined);
  }
}

const failure = Failure.encode({ message: 'no', applicationFailureInfo: { type: 'No' } });
const final = Failure.encode({ message: 'no', applicationFailureInfo: { type: 'No', nonRetryable: true } });
const CHANGED = ActivityOptions.create({ startToCloseTimeout: 700, retryPolicy: { initialInterval: 50 }, startDelay: 900 });
const link = Link.encode({ workflowEvent: { namespace: 'n', workflowId: 'w', runId: 'r' } });

class ProgramRun {
  now = 1_000_000;
  readonly seen = new Set<string>();
  readonly #held: Held[] = [];
  readonly #ended = new Set<string>();
  #runs = 0;
  #polls = 0;
  #latest: Run | undefined;

  take(step: Step): void {
    const run = this.#latest;
    if (step.do === 'start') return this.#start(step);
    if (step.do === 'wait') this.now += step.ms ?? 0;
    if (run?.state === undefined) return;
    switch (step.do) {
      case 'poll':
        return this.#poll(run, step.again === true);
      case 'wait':
        return void this.#send(run, { type: 'wake' });
      case 'wake':
        this.now = Math.max(this.now, run.owed.get('attempt')?.wakeAt ?? 0);
        return void this.#send(run, { type: 'wake' });
      case 'delete':
        assert.deepEqual(this.#send(run, { type: 'delete' }), { kind: 'done' });
        assert.deepEqual([...run.owed], [['deletion', { deletion: true }]], 'what is deleted owes that and nothing else');
        this.#latest = undefined;
        return;
      case 'crash':
        run.state = step.fold === true ? run.fold() : machine.restore(machine.snapshot(run.state));
        return;
      case 'complete':
      case 'fail':
      case 'cancel':
      case 'heartbeat':
        return this.#answer(step, run);
      default:
        return this.#operate(run, operation(step));
    }
  }

  #start({ request = 0, conflict = 0, reuse = 0, delay = 0, attempts = 0, links = false }: Extract<Step, { do: 'start' }>): void {
    const full = StartActivityExecutionRequest.create({
      activityId: 'a',
      activityType: { name: 'charge' },
      taskQueue: { name: 'q' },
      requestId: `start-${request}`,
      startToCloseTimeout: 1_000,
      scheduleToStartTimeout: 3_000,
      scheduleToCloseTimeout: 20_000,
      heartbeatTimeout: 400,
      retryPolicy: { initialInterval: 100, maximumAttempts: attempts },
      idConflictPolicy: conflict,
      idReusePolicy: reuse,
      startDelay: delay,
      ...(links && { links: [link], onConflictOptions: { attachLinks: true } }),
    });
    const before = this.#latest;
    const wasOpen = before?.state?.isOpen;
    const reply = this.#send(before, { type: 'start', namespace: 'default', request: full });
    if (reply instanceof RpcError) return assert.equal(reply.code, Code.ALREADY_EXISTS, reply.message);
    assert.ok(reply.kind === 'activity-started');
    if (wasOpen === true) assert.equal(reply.runId, before?.id, 'while one runs there is no other');
    if (before?.state?.scheduled.requestId === full.requestId) assert.equal(reply.runId, before.id, 'the same start makes no other run');
  }

  #poll(run: Run, again: boolean): void {
    const requestId = again ? (run.polls.at(-1) ?? 'none') : `poll-${(this.#polls += 1)}`;
    const isOffered = run.owed.get('attempt')?.dispatch !== undefined;
    const latest = this.#held.at(-1);
    const reply = this.#send(run, { type: 'dispatch', key: 'attempt', poller: { identity: 'worker', requestId, sticky: false } });
    if (reply instanceof RpcError) return assert.ok(!isOffered, 'what is owed is handed out');
    assert.ok(reply.kind === 'activity-task');
    if (again && !isOffered) return assert.deepEqual(reply.token, latest?.token, 'the same poll gets the same attempt');
    for (const { run: other, token } of this.#held) assert.ok(other !== run || token.stamp !== reply.token.stamp, 'no two attempts have the same token');
    run.polls.push(requestId);
    this.#held.push({ run, token: reply.token });
  }

  #answer({ do: what, back = 0, byId, final: isFinal }: Extract<Step, { do: 'complete' | 'fail' | 'cancel' | 'heartbeat' }>, latest: Run): void {
    const held = this.#held.at(-1 - back);
    const run = byId === true ? latest : held?.run;
    const activity = byId === true ? ({ by: 'id', activityId: 'a' } as const) : held && ({ by: 'token', ...held.token } as const);
    if (run?.state === undefined || activity === undefined) return;
    const { attempt } = run.state.activity;
    const inputs: Record<typeof what, ActivityInput> = {
      complete: { type: 'complete-activity', activity, identity: 'worker' },
      fail: { type: 'fail-activity', activity, identity: 'worker', failure: isFinal === true ? final : failure },
      cancel: { type: 'cancel-activity', activity, identity: 'worker' },
      heartbeat: { type: 'heartbeat-activity', activity, identity: 'worker' },
    };
    const reply = this.#send(run, inputs[what]);
    if (reply instanceof RpcError || what === 'heartbeat') return;
    if (what === 'fail' && run.state.isOpen && run.state.activity.attempt !== 1) assert.equal(run.state.activity.attempt, attempt + 1, 'a failed attempt counts once');
    if (byId === true) return;
    const name = `${run.id}/${held?.token.stamp}`;
    assert.ok(!this.#ended.has(name), 'an attempt ends once');
    this.#ended.add(name);
  }

  /** The same request again is answered alike and changes nothing. */
  #operate(run: Run, input: ActivityInput): void {
    const reply = this.#send(run, input);
    if (reply instanceof RpcError) return;
    const written = run.records.length;
    assert.deepEqual(this.#send(run, input), reply);
    assert.equal(run.records.length, written, 'the same request again changes nothing');
  }

  #send(run: Run | undefined, input: ActivityInput | HostInput): ActivityReply | RpcError {
    const before = run?.state;
    const wasOpen = before?.isOpen ?? true;
    const self = { kind: ACTIVITY_KIND, namespace: 'n', key: 'a', machine: run?.id ?? 'none' };
    const outcome = machine.transition(before, input, { now: this.now, newId: () => `run-${(this.#runs += 1)}` }, self);
    const { successor, state, record, reply } = outcome;
    if (run !== undefined) this.#commit(run, state, record, outcome.touched, wasOpen && input.type !== 'delete' ? undefined : input);
    if (reply instanceof RpcError) assert.equal(record, undefined, 'what is refused changes nothing');
    if (successor === undefined) return reply;
    assert.equal(record, undefined, 'a run that makes room for the next one stays as it is');
    const next = (this.#latest = new Run(successor.machine));
    return this.#send(next, successor.input as ActivityInput);
  }

  #commit(run: Run, state: StandaloneState | undefined, record: JournalRecord | undefined, touched: readonly DebtKey[], late: ActivityInput | HostInput | undefined): void {
    run.state = state;
    if (record !== undefined) run.records.push(record);
    if (state === undefined) return;
    if (late !== undefined && late.type !== 'delete') assert.equal(record, undefined, 'what has ended stays as it is');
    const snapshot = machine.snapshot(state);
    if (record !== undefined) run.folded = machine.fold(run.folded, record);
    assert.ok(run.folded !== undefined);
    assert.deepEqual(Buffer.from(machine.snapshot(run.folded)), Buffer.from(snapshot), 'the journal folds to the live state');
    const restored = machine.restore(snapshot);
    assert.deepEqual(Buffer.from(machine.snapshot(restored)), Buffer.from(snapshot), 'a snapshot restores what it was made of');
    keepBooks(run.owed, machine, state, touched);
    assert.deepEqual([...run.owed], [...owedBy(machine, restored)], 'touched keys tell every change of what is owed');
    this.#rules(state);
  }

  #rules(state: StandaloneState): void {
    const { activity, isOpen, status } = state;
    const { info, shown } = { info: describeActivity(state, { includeHeartbeatDetails: true, includeLastFailure: true }, this.now), shown: machine.listing?.(state) };
    this.seen.add(`${status}`);
    assert.equal(outcomeOf(state) !== undefined, !isOpen, 'an outcome exactly at the end');
    assert.equal(info.status, status);
    assert.equal(shown === undefined, machine.isDeleted?.(state), 'it is listed until it is deleted');
    assert.ok(activity.attempt >= 1 && activity.attempt <= (activity.retryPolicy?.maximumAttempts || Infinity), `attempt ${activity.attempt}`);
    if (isOpen) assert.ok(machine.debt(state, 'attempt')?.wakeAt !== undefined, 'the deadline of the whole always counts');
  }
}

function operation({ do: what, request = 0, how = 0 }: Extract<Step, { do: OperatorStep }>): ActivityInput {
  const common = { identity: 'operator', reason: 'r', requestId: `${what}-${request}` };
  const jitter = how % 4 === 0 ? { withinMs: 300, seed: 0.4 } : { withinMs: 0, seed: 0 };
  switch (what) {
    case 'request-cancel':
    case 'terminate':
    case 'pause':
      return { type: what, ...common };
    case 'unpause':
      return { type: what, jitter, requestId: common.requestId };
    case 'reset':
      return { type: what, jitter, requestId: common.requestId, resetHeartbeat: how % 2 === 0, keepPaused: how % 3 === 0, restoreOriginalOptions: how % 5 === 0 };
    case 'change':
      return { type: 'update-options', requestId: common.requestId, change: how % 4 === 3 ? { kind: 'restore' } : { kind: 'merge', options: CHANGED, paths: [['start_to_close_timeout'], ['retry_policy.initial_interval'], ['start_delay']][how % 3] ?? [] } };
  }
}

// ── the tests ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function play(program: readonly Step[]): ProgramRun {
  const run = new ProgramRun();
  for (const step of program) run.take(step);
  return run;
}

const { skip, playAll } = programTests({ file: 'dist/machines/activity/activity.property.test.js', programs: 1000, play });

test('random programs of inputs', { skip }, () => {
  const seen = new Set<string>();
  playAll(randomProgram, (run) => run.seen.forEach((status) => seen.add(status)));
  const { RUNNING, PAUSED, COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT } = ActivityExecutionStatus;
  assert.deepEqual([...seen].sort(), [RUNNING, PAUSED, COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT].map(String).sort(), 'the programs reach every status');
});
