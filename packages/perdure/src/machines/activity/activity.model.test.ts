/**
 * Every interleaving of what can happen to an activity without a workflow, to a certain depth: worker, deadlines, clients and operators take
 * steps in all orders. Each step is taken by a state that was just restored from its snapshot, as after a restart, and proves that the
 * record folds to the same state, that debts are what the touched keys say, and that the rules hold. Finally each way is followed to its
 * end: one that is left alone never stays open.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActivityExecutionStatus, Code, Failure, RpcError, StartActivityExecutionRequest } from '../../protocol/index.js';
import type { DebtKey, HostInput } from '../machine.js';
import { inOrder, keepBooks, owedBy } from '../testing/books.js';
import { DEFAULT_LIMITS, type ActivityTaskTokenParts } from '../workflow/index.js';
import { ACTIVITY_KIND, createActivityMachine, outcomeOf, type ActivityInput, type ActivityReply, type StandaloneState } from './index.js';

const machine = createActivityMachine(() => DEFAULT_LIMITS);
const SELF = { kind: ACTIVITY_KIND, namespace: 'namespace-id', key: 'a', machine: 'run' };
const ATTEMPT: DebtKey = 'attempt';
const MAXIMUM_ATTEMPTS = 2;
const DEPTH = 5;

interface World {
  readonly snapshot: Uint8Array;
  readonly now: number;
  /** Of the attempt that was handed out last, and of the one before. */
  readonly token?: ActivityTaskTokenParts | undefined;
  readonly oldToken?: ActivityTaskTokenParts | undefined;
  readonly way: readonly string[];
}

interface Taken {
  readonly world: World;
  readonly reply: ActivityReply | RpcError;
  readonly isWritten: boolean;
}

function send(world: World, input: ActivityInput | HostInput): Taken {
  const before = machine.restore(world.snapshot);
  const wasOpen = before.isOpen;
  const owed = owedBy(machine, before);
  const outcome = machine.transition(before, input, { now: world.now, newId: () => 'next-run' }, SELF);
  const state = outcome.state;
  assert.ok(state !== undefined);
  const snapshot = machine.snapshot(state);
  const folded = machine.restore(world.snapshot);
  if (outcome.record !== undefined) machine.fold(folded, outcome.record);
  assert.deepEqual(Buffer.from(machine.snapshot(folded)), Buffer.from(snapshot), 'the record folds to the live state');
  keepBooks(owed, machine, state, outcome.touched);
  assert.deepEqual(inOrder(owed), inOrder(owedBy(machine, machine.restore(snapshot))), 'touched keys tell every change of what is owed');
  if (!wasOpen) assert.equal(outcome.record, undefined, 'what is closed stays as it is');
  proveRules(state);
  return { world: { ...world, snapshot }, reply: outcome.reply, isWritten: outcome.record !== undefined };
}

function proveRules(state: StandaloneState): void {
  const { activity, isOpen } = state;
  const owed = machine.debt(state, ATTEMPT);
  assert.equal(owed?.dispatch !== undefined, isOpen && activity.ready && !activity.started && !activity.paused, 'offered exactly while it is ready');
  if (isOpen) assert.ok(owed?.wakeAt !== undefined, 'the deadline of the whole always counts');
  else assert.equal(owed, undefined, 'nothing is owed any more');
  assert.equal(outcomeOf(state) !== undefined, !isOpen, 'an outcome exactly at the end');
  assert.ok(activity.attempt >= 1 && activity.attempt <= MAXIMUM_ATTEMPTS, `attempt ${activity.attempt}`);
}

// ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Step = (world: World) => World | undefined;

const failure = Failure.encode({ message: 'no', applicationFailureInfo: { type: 'No' } });
const byToken = (token: ActivityTaskTokenParts) => ({ by: 'token', ...token }) as const;

/** Refused in one way only, and then nothing is written. */
function accepted({ reply, isWritten, world }: Taken, code: Code): World | undefined {
  if (!(reply instanceof RpcError)) return world;
  assert.equal(reply.code, code, reply.message);
  assert.equal(isWritten, false, 'a refusal changes nothing');
  return undefined;
}

function ofWorker(make: (activity: ReturnType<typeof byToken>) => ActivityInput, endsAttempt: boolean): Step {
  return (world) => {
    const { token, oldToken } = world;
    if (oldToken !== undefined) assert.equal(accepted(send(world, make(byToken(oldToken))), Code.NOT_FOUND), undefined, 'an old token leads nowhere');
    const next = token && accepted(send(world, make(byToken(token))), Code.NOT_FOUND);
    // An attempt ends once, whoever says it again.
    if (next !== undefined && token !== undefined && endsAttempt) assert.equal(accepted(send(next, make(byToken(token))), Code.NOT_FOUND), undefined, 'its end was taken twice');
    return next;
  };
}

/** The same request again is answered alike and changes nothing. */
function ofClient(input: ActivityInput): Step {
  return (world) => {
    const taken = send(world, input);
    const next = accepted(taken, Code.FAILED_PRECONDITION);
    if (next === undefined) return undefined;
    const again = send(next, input);
    assert.equal(again.isWritten, false, 'the same request again changes nothing');
    assert.deepEqual(again.reply, taken.reply);
    return next;
  };
}

const jitter = { withinMs: 0, seed: 0 };
const common = { identity: 'i', reason: 'r' };
const anew = { type: 'reset', resetHeartbeat: true, restoreOriginalOptions: false, jitter } as const;

const STEPS: Readonly<Record<string, Step>> = {
  poll(world) {
    const poller = { identity: 'worker', requestId: `poll-${world.way.length}`, sticky: false };
    const { world: next, reply, isWritten } = send(world, { type: 'dispatch', key: ATTEMPT, poller });
    if (reply instanceof RpcError) return assert.equal(isWritten, false) ?? undefined;
    assert.ok(reply.kind === 'activity-task' && reply.task.attempt === machine.restore(next.snapshot).activity.attempt);
    const again = send(next, { type: 'dispatch', key: ATTEMPT, poller });
    assert.deepEqual([again.reply, again.isWritten], [reply, false], 'the same poll gets the same answer');
    return { ...next, token: reply.token, oldToken: world.token };
  },
  complete: ofWorker((activity) => ({ type: 'complete-activity', activity, identity: 'w' }), true),
  fail: ofWorker((activity) => ({ type: 'fail-activity', activity, identity: 'w', failure }), true),
  heartbeat: ofWorker((activity) => ({ type: 'heartbeat-activity', activity, identity: 'w' }), false),
  cancelled(world) {
    const { token } = world;
    if (token === undefined) return undefined;
    const { isCancelRequested, activity } = machine.restore(world.snapshot);
    const isHeld = activity.started && activity.stamp === token.stamp;
    return accepted(send(world, { type: 'cancel-activity', activity: byToken(token), identity: 'w' }), isHeld && !isCancelRequested ? Code.INVALID_ARGUMENT : Code.NOT_FOUND);
  },
  completeById: (world) => accepted(send(world, { type: 'complete-activity', activity: { by: 'id', activityId: 'a' }, identity: 'w' }), Code.NOT_FOUND),
  requestCancel: ofClient({ type: 'request-cancel', requestId: 'c', ...common }),
  terminate: ofClient({ type: 'terminate', requestId: 't', ...common }),
  pause: ofClient({ type: 'pause', requestId: '1', ...common }),
  unpause: ofClient({ type: 'unpause', requestId: '2', jitter }),
  reset: ofClient({ ...anew, requestId: '3', keepPaused: false }),
  resetPaused: ofClient({ ...anew, requestId: '4', keepPaused: true }),
  options: ofClient({ type: 'update-options', requestId: '5', change: { kind: 'merge', options: { startToCloseTimeout: 3_000 }, paths: ['start_to_close_timeout'] } }),
  deadline(world) {
    const at = machine.debt(machine.restore(world.snapshot), ATTEMPT)?.wakeAt;
    return at === undefined ? undefined : send({ ...world, now: Math.max(world.now, at) }, { type: 'wake' }).world;
  },
};

// ── the walk ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function started(startDelay: number): World {
  const request = StartActivityExecutionRequest.create({
    activityId: 'a',
    activityType: { name: 'charge' },
    taskQueue: { name: 'q' },
    requestId: 'start',
    scheduleToCloseTimeout: 60_000,
    scheduleToStartTimeout: 20_000,
    startToCloseTimeout: 5_000,
    heartbeatTimeout: 2_000,
    retryPolicy: { initialInterval: 1_000, backoffCoefficient: 2, maximumAttempts: MAXIMUM_ATTEMPTS },
    startDelay,
  });
  const now = 1_000_000;
  const outcome = machine.transition(undefined, { type: 'create', namespace: 'default', request }, { now, newId: () => 'id' }, SELF);
  assert.ok(outcome.state !== undefined);
  return { snapshot: machine.snapshot(outcome.state), now, way: [] };
}

/** Nobody does anything any more. */
function end(world: World): ActivityExecutionStatus {
  let at = world;
  for (let turn = 0; turn < 20; turn++) {
    const state = machine.restore(at.snapshot);
    if (!state.isOpen) return state.status;
    at = STEPS['deadline']?.(at) ?? assert.fail('it owes no wake');
  }
  return assert.fail(`left alone it stays open: ${world.way.join(', ')}`);
}

for (const [what, startDelay] of [
  ['at once', 0],
  ['after a start delay', 10_000],
] as const) {
  test(`every interleaving of an activity that starts ${what}`, () => {
    const seen = new Set<string>();
    const ends = new Set<ActivityExecutionStatus>();
    let layer: World[] = [started(startDelay)];
    for (let depth = 0; depth < DEPTH; depth++) {
      const next: World[] = [];
      for (const world of layer) {
        for (const [name, step] of Object.entries(STEPS)) {
          const way = [...world.way, name];
          try {
            const taken = step({ ...world, way });
            const key = taken && `${taken.now} ${taken.token?.stamp} ${taken.oldToken?.stamp} ${Buffer.from(taken.snapshot).toString('latin1')}`;
            if (taken === undefined || key === undefined || seen.has(key)) continue;
            seen.add(key);
            ends.add(end(taken));
            next.push(taken);
          } catch (error) {
            throw new Error(`after ${way.join(', ')}`, { cause: error });
          }
        }
      }
      layer = next;
    }
    assert.ok(seen.size > 300, `${seen.size} states`);
    const { COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT } = ActivityExecutionStatus;
    assert.deepEqual([...ends].sort(), [COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT].sort());
  });
}
