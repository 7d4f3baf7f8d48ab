/**
 * Every interleaving of what can happen to an activity, to a certain depth: worker, deadlines, operators, the workflow and the clock take
 * steps in all orders. Each step is taken by a state that was just restored from its snapshot, as after a restart of the server, and
 * proves that the record folds to the same state, that debts are what the touched keys say, and that the rules of activities hold. Finally
 * each way is followed to its end: an activity that is left alone never stays pending.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  activityEnd,
  Code,
  History,
  RespondWorkflowTaskCompletedRequest,
  RpcError,
  SignalWorkflowExecutionRequest,
  WorkflowSnapshot,
  type Command,
  type HistoryEvent,
  type Init,
} from '../../../protocol/index.js';
import type { DebtKey, HostInput } from '../../machine.js';
import { inOrder, keepBooks, owedBy } from '../../testing/books.js';
import { createWorkflowMachine, type ActivityTaskTokenParts, type WorkflowInput, type WorkflowReply, type WorkflowTaskTokenParts } from '../index.js';
import { NAMESPACE_ID, WORKFLOW_ID, command, eventName, failure, payloads, startedWorkflow } from '../testing/test-run.js';

const SCHEDULED = 5;
const KEY: DebtKey = `activity:${SCHEDULED}`;
const machine = createWorkflowMachine();

/** Where the world stands. Never changed: each step makes a new one. */
interface World {
  readonly snapshot: Uint8Array;
  readonly now: number;
  readonly lastEventId: number;
  /** The ends of the activity in the history. */
  readonly ends: readonly string[];
  /** Of the attempt that was handed out last, and of the one before. */
  readonly token?: ActivityTaskTokenParts | undefined;
  readonly oldToken?: ActivityTaskTokenParts | undefined;
  readonly polls: number;
  readonly task?: WorkflowTaskTokenParts | undefined;
  readonly way: readonly string[];
}

type Step = (world: World) => World | undefined;

// ── one step, and what must hold after it ────────────────────────────────────────────────────────────────────────────────────────────

function send(world: World, input: WorkflowInput | HostInput): { world: World; reply: WorkflowReply | RpcError; isWritten: boolean } {
  const state = machine.restore(world.snapshot);
  const owed = owedBy(machine, state);
  let ids = 0;
  const self = { kind: 'workflow', namespace: NAMESPACE_ID, key: WORKFLOW_ID, machine: 'run' };
  const outcome = machine.transition(state, input, { now: world.now, newId: () => `id-${world.way.length}-${ids++}` }, self);
  assert.equal(outcome.state, state);
  const snapshot = machine.snapshot(state);
  const folded = machine.restore(world.snapshot);
  if (outcome.record !== undefined) machine.fold(folded, outcome.record);
  assert.deepEqual(Buffer.from(machine.snapshot(folded)), Buffer.from(snapshot), 'the record folds to the live state');
  keepBooks(owed, machine, state, outcome.touched);
  assert.deepEqual(inOrder(owed), inOrder(owedBy(machine, machine.restore(snapshot))), 'touched keys tell every change of what is owed');
  const events = outcome.record?.history === undefined ? [] : History.decode(outcome.record.history.bytes).events;
  return { world: advance(world, snapshot, events), reply: outcome.reply, isWritten: outcome.record !== undefined };
}

function advance(world: World, snapshot: Uint8Array, events: readonly HistoryEvent[]): World {
  const ends = [...world.ends];
  let { lastEventId } = world;
  let started = 0;
  for (const event of events) {
    assert.equal(event.eventId, ++lastEventId, 'event ids are contiguous');
    if (event.activityTaskStartedEventAttributes?.scheduledEventId === SCHEDULED) {
      assert.ok(event.activityTaskStartedEventAttributes.attempt >= 1);
      started = event.eventId;
    }
    const end = endOf(event);
    if (end === undefined) continue;
    assert.equal(end.startedEventId, started, 'the end names the Started event that was written with it');
    ends.push(eventName(event.eventType));
  }
  assert.ok(ends.length <= 1, `one outcome: ${ends.join(', ')}`);
  return { ...world, snapshot, lastEventId, ends };
}

function endOf(event: HistoryEvent): { startedEventId: number } | undefined {
  const end = activityEnd(event);
  return end?.scheduledEventId === SCHEDULED ? end : undefined;
}

function proveRules(world: World, maximumAttempts: number): void {
  const state = machine.restore(world.snapshot);
  const activity = state.activities.get(SCHEDULED);
  const owed = machine.debt(state, KEY);
  if (activity === undefined) {
    assert.equal(world.ends.length, 1, 'it is pending until its end is written');
    assert.equal(owed, undefined, 'what has ended owes nothing');
    return;
  }
  assert.equal(world.ends.length, 0);
  assert.ok(activity.attempt >= 1 && activity.attempt <= maximumAttempts, `attempt ${activity.attempt}`);
  assert.equal(owed?.dispatch !== undefined, activity.ready && !activity.started && !activity.paused && !activity.closing, 'ready attempts are offered, no others');
  if (activity.paused || activity.closing) assert.equal(owed?.wakeAt, undefined, 'no deadline counts while it is paused, or once its end is buffered');
  else assert.notEqual(owed?.wakeAt, undefined, 'it never hangs: some deadline counts');
  if (activity.started) assert.equal(world.token?.stamp, activity.stamp, 'the latest token is the valid one');
}

// ── what can happen ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const isRefused = (reply: WorkflowReply | RpcError): reply is RpcError => reply instanceof RpcError;

function poll(world: World): World | undefined {
  const state = machine.restore(world.snapshot);
  if (machine.debt(state, KEY)?.dispatch === undefined) return undefined;
  const poller = { identity: 'worker', requestId: `poll-${world.polls}`, sticky: false };
  const first = send(world, { type: 'dispatch', key: KEY, poller });
  assert.ok(!isRefused(first.reply) && first.reply.kind === 'activity-task', 'what is owed is handed out');
  const again = send(first.world, { type: 'dispatch', key: KEY, poller });
  assert.deepEqual(again.reply, first.reply, 'the same poll gets the same attempt');
  const other = send(first.world, { type: 'dispatch', key: KEY, poller: { ...poller, requestId: 'other' } });
  assert.ok(isRefused(other.reply) && !other.isWritten, 'nobody else gets it');
  assert.notDeepEqual(first.reply.token, world.token, 'each attempt has a token of its own');
  return { ...first.world, token: first.reply.token, oldToken: world.token, polls: world.polls + 1 };
}

type WorkerInput = (token: ActivityTaskTokenParts) => WorkflowInput;
const by = (token: ActivityTaskTokenParts) => ({ by: 'token', ...token }) as const;

const WORKER: Readonly<Record<string, WorkerInput>> = {
  complete: (token) => ({ type: 'complete-activity', activity: by(token), identity: 'worker', result: payloads('done') }),
  fail: (token) => ({ type: 'fail-activity', activity: by(token), identity: 'worker', failure: failure('broken') }),
  'fail for good': (token) => ({ type: 'fail-activity', activity: by(token), identity: 'worker', failure: failure('broken', { nonRetryable: true }) }),
  heartbeat: (token) => ({ type: 'heartbeat-activity', activity: by(token), identity: 'worker', details: payloads('half') }),
  'say cancelled': (token) => ({ type: 'cancel-activity', activity: by(token), identity: 'worker' }),
};

/** A worker speaks for its attempt; if that is over it is refused, and nothing changes. */
function worker(input: WorkerInput): Step {
  return (world) => {
    if (world.token === undefined) return undefined;
    if (world.oldToken !== undefined) {
      const stale = send(world, input(world.oldToken));
      assert.ok(isRefused(stale.reply) && !stale.isWritten, 'an attempt that is over says nothing any more');
    }
    const activity = machine.restore(world.snapshot).activities.get(SCHEDULED);
    const isCurrent = activity?.started === true && !activity.closing && activity.stamp === world.token.stamp;
    const { world: next, reply, isWritten } = send(world, input(world.token));
    if (!isCurrent) {
      assert.ok(isRefused(reply) && !isWritten, 'nor does one whose activity has ended or waits for its next attempt');
      return undefined;
    }
    if (!isRefused(reply) && reply.kind === 'heartbeat') {
      assert.deepEqual([reply.cancelRequested, reply.activityPaused], [activity.cancelRequestedEventId > 0, activity.paused]);
    }
    return isRefused(reply) ? undefined : next;
  };
}

function byId(world: World): World | undefined {
  const { world: next, reply } = send(world, { type: 'complete-activity', activity: { by: 'id', activityId: 'a' }, identity: 'client' });
  return isRefused(reply) ? undefined : next;
}

/** The earliest deadline comes. */
function wake(world: World): World | undefined {
  const times = [...owedBy(machine, machine.restore(world.snapshot)).values()].flatMap(({ wakeAt }) => wakeAt ?? []);
  return times.length === 0 ? undefined : send({ ...world, now: Math.max(world.now, Math.min(...times)) }, { type: 'wake' }).world;
}

/** The clock is set back by an hour. Whatever is due early is not done. */
const stepBack: Step = (world) => (world.way.includes('clock steps back') ? undefined : send({ ...world, now: world.now - 3_600_000 }, { type: 'wake' }).world);

/** A worker takes the workflow task: what happens to the activity meanwhile waits in the buffer. */
function hold(world: World): World | undefined {
  if (world.task !== undefined) return undefined;
  const signalled = machine.restore(world.snapshot).workflowTask
    ? world
    : send(world, { type: 'signal', request: SignalWorkflowExecutionRequest.create({ signalName: 'go', requestId: `signal-${world.way.length}` }) }).world;
  const poller = { identity: 'worker', requestId: `task-${world.way.length}`, sticky: false };
  const { world: next, reply } = send(signalled, { type: 'dispatch', key: 'workflow-task', poller });
  assert.ok(!isRefused(reply) && reply.kind === 'workflow-task');
  return { ...next, task: reply.token };
}

function release(commands: readonly Init<Command>[]): Step {
  return (world) => {
    if (world.task === undefined) return undefined;
    const request = RespondWorkflowTaskCompletedRequest.create({ identity: 'worker', commands });
    const { world: next, reply } = send(world, { type: 'complete-workflow-task', token: world.task, request });
    // The task may have timed out meanwhile, or the activity may have ended, so that there is nothing to cancel.
    assert.ok(!isRefused(reply) || reply.code === Code.NOT_FOUND || commands.length > 0, 'a completion without commands has no fault');
    return { ...next, task: undefined };
  };
}

const ALL = { by: 'all' } as const;
const NOW = { withinMs: 0, seed: 0 };

function operate(input: WorkflowInput): Step {
  return (world) => {
    const { world: next, reply, isWritten } = send(world, input);
    return isRefused(reply) || !isWritten ? undefined : next;
  };
}

const STEPS: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['poll', poll],
  ...Object.entries(WORKER).map(([name, input]) => [name, worker(input)] as const),
  ['complete by id', byId],
  ['deadline', wake],
  ['hold', hold],
  ['release', release([])],
  ['cancel', release([command.cancelActivity(SCHEDULED)])],
  ['pause', operate({ type: 'pause-activity', selection: ALL, identity: 'operator', reason: '', requestId: '' })],
  ['unpause', operate({ type: 'unpause-activity', selection: ALL, resetAttempts: false, resetHeartbeat: false, jitter: NOW })],
  ['reset', operate({ type: 'reset-activity', selection: ALL, resetHeartbeat: true, keepPaused: false, restoreOriginalOptions: false, jitter: NOW })],
  ['clock steps back', stepBack],
]);

// ── the exploration ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Worlds that differ only in what no decision looks at are the same. */
function identityOf(world: World): string {
  const snapshot = WorkflowSnapshot.decode(world.snapshot);
  const run = snapshot.run && { ...snapshot.run, transitions: 0, historySizeBytes: 0, signalCount: 0 };
  const bytes = WorkflowSnapshot.encode({ ...snapshot, run, signalRequestIds: [] });
  return `${Buffer.from(bytes).toString('latin1')}|${world.now}|${JSON.stringify([world.token, world.oldToken, world.task, world.way.includes('clock steps back')])}`;
}

function begin(attributes: Init<Command>['scheduleActivityTaskCommandAttributes']): World {
  const workflow = startedWorkflow();
  workflow.step([command.activity('a', attributes)]);
  const { live, lastEventId } = workflow.run;
  return { snapshot: machine.snapshot(live), now: workflow.now, lastEventId, ends: [], polls: 0, way: [] };
}

/** Left alone, unpaused, without a worker: the activity ends. */
function proveItEnds(world: World, maximumAttempts: number): void {
  let current = release([])(world) ?? world;
  current = STEPS.get('unpause')?.(current) ?? current;
  for (let left = 40; left > 0 && current.ends.length === 0; left--) {
    const task = machine.restore(current.snapshot).workflowTask;
    current = wake(current) ?? current;
    if (task !== undefined) proveRules(current, maximumAttempts);
  }
  assert.equal(current.ends.length, 1, 'an activity that is left alone ends');
}

function explore(attributes: Init<Command>['scheduleActivityTaskCommandAttributes'], depth: number, maximumAttempts: number): number {
  let worlds = [begin(attributes)];
  const seen = new Set<string>();
  for (let level = 0; level < depth; level++) {
    const next: World[] = [];
    for (const world of worlds) {
      for (const [name, step] of STEPS) {
        let reached: World | undefined;
        try {
          reached = step(world);
          if (reached === undefined) continue;
          reached = { ...reached, way: [...world.way, name] };
          const identity = identityOf(reached);
          if (seen.has(identity)) continue;
          seen.add(identity);
          proveRules(reached, maximumAttempts);
          if (level === depth - 1) proveItEnds(reached, maximumAttempts);
        } catch (error) {
          throw new Error(`after ${[...world.way, name].join(', ')}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
        if (reached.ends.length === 0) next.push(reached);
      }
    }
    worlds = next;
  }
  return seen.size;
}

const retryPolicy = { initialInterval: 1000, backoffCoefficient: 1, maximumAttempts: 2, nonRetryableErrorTypes: [] };

test('an activity with all four timeouts and two attempts', () => {
  const timeouts = { scheduleToCloseTimeout: 8000, scheduleToStartTimeout: 3000, startToCloseTimeout: 2500, heartbeatTimeout: 2000 };
  const worlds = explore({ ...timeouts, retryPolicy }, 6, 2);
  assert.ok(worlds > 2000, `${worlds} states were seen`);
});

test('an activity without a retry, whose attempt may take long', () => {
  const worlds = explore({ scheduleToCloseTimeout: 60_000, retryPolicy: { ...retryPolicy, maximumAttempts: 1 } }, 7, 1);
  assert.ok(worlds > 500, `${worlds} states were seen`);
});
