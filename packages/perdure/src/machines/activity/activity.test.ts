/** The rules that hold for an activity because no workflow waits for it: its ends, its pauses and resets, its start delay, its id. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ActivityExecutionAlreadyStartedFailure,
  ActivityExecutionStatus,
  ActivityIdConflictPolicy,
  ActivityIdReusePolicy,
  Code,
  Failure,
  Link,
  PendingActivityState,
  RetryState,
  RpcError,
  StartActivityExecutionRequest,
  TimeoutType,
  type ActivityExecutionInfo,
  type Init,
} from '../../protocol/index.js';
import type { HostInput } from '../machine.js';
import { DEFAULT_LIMITS, type ActivityAddress } from '../workflow/index.js';
import { ACTIVITY_KIND, createActivityMachine, describeActivity, outcomeOf, type ActivityInput, type ActivityReply, type StandaloneState } from './index.js';

const { COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT, PAUSED } = ActivityExecutionStatus;
const machine = createActivityMachine(() => DEFAULT_LIMITS);
const START_MS = 1_000_000;
const jitter = { withinMs: 0, seed: 0 };

/** One activity, driven by hand. */
class Driven {
  now = START_MS;
  state: StandaloneState | undefined;
  successor: unknown;
  #run = 'run-1';
  #polls = 0;

  static started(request: Init<StartActivityExecutionRequest> = {}): Driven {
    const driven = new Driven();
    driven.start(request);
    return driven;
  }

  start(request: Init<StartActivityExecutionRequest> = {}): ActivityReply | RpcError {
    const full = StartActivityExecutionRequest.create({ activityId: 'a', activityType: { name: 'charge' }, taskQueue: { name: 'q' }, requestId: 'start', startToCloseTimeout: 10_000, ...request });
    return this.send({ type: 'start', namespace: 'default', request: full });
  }

  send(input: ActivityInput | HostInput): ActivityReply | RpcError {
    const self = { kind: ACTIVITY_KIND, namespace: 'n', key: 'a', machine: this.#run };
    const outcome = machine.transition(this.state, input, { now: this.now, newId: () => `run-${Number(this.#run.slice(4)) + 1}` }, self);
    this.state = outcome.state;
    if (outcome.successor === undefined) return outcome.reply;
    this.#run = outcome.successor.machine;
    this.state = undefined;
    return this.send(outcome.successor.input as ActivityInput);
  }

  /** Until this many milliseconds have passed, waking it whenever it wants. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at = this.wakeAt; at !== undefined && at <= end; at = this.wakeAt) {
      this.now = Math.max(this.now, at);
      this.send({ type: 'wake' });
    }
    this.now = end;
  }

  get wakeAt(): number | undefined {
    return this.state && machine.debt(this.state, 'attempt')?.wakeAt;
  }

  poll(): ActivityAddress {
    const reply = this.send({ type: 'dispatch', key: 'attempt', poller: { identity: 'worker', requestId: `poll ${this.#polls++}`, sticky: false } });
    assert.ok(!(reply instanceof RpcError) && reply.kind === 'activity-task', `${reply}`);
    return { by: 'token', ...reply.token };
  }

  fail(activity: ActivityAddress, options: { readonly nonRetryable?: boolean; readonly nextRetryDelay?: number } = {}): void {
    const failure = Failure.encode({ message: 'no', applicationFailureInfo: { type: 'No', ...options } });
    this.done({ type: 'fail-activity', activity, identity: 'worker', failure });
  }

  done(input: ActivityInput): void {
    assert.deepEqual(this.send(input), { kind: 'done' });
  }

  get info(): Init<ActivityExecutionInfo> {
    assert.ok(this.state !== undefined);
    return describeActivity(this.state, { includeHeartbeatDetails: true, includeLastFailure: true }, this.now);
  }

  get failure(): Failure {
    const outcome = this.state && outcomeOf(this.state);
    assert.ok(outcome?.failure !== undefined);
    return Failure.decode(outcome.failure);
  }

  get retryState(): RetryState | undefined {
    return this.state && outcomeOf(this.state)?.retryState;
  }
}

const refused = (reply: unknown, code: Code, says: RegExp): void => {
  assert.ok(reply instanceof RpcError && reply.code === code && says.test(reply.message), `${String(reply)}`);
};
const from = { identity: 'operator', reason: 'because' };

test('a failed attempt backs off, and its failure, its heartbeat and its number are seen by the next one', () => {
  const driven = Driven.started();
  const first = driven.poll();
  driven.send({ type: 'heartbeat-activity', activity: first, identity: 'worker', details: Buffer.from('half') });
  driven.fail(first);
  assert.deepEqual([driven.info.attempt, driven.info.runState, driven.info.currentRetryInterval, driven.info.nextAttemptScheduleTime], [2, PendingActivityState.SCHEDULED, 1_000, START_MS + 1_000]);
  driven.pass(1_000);
  const second = driven.poll();
  assert.equal(Buffer.from(driven.info.heartbeatDetails ?? []).toString(), 'half');
  refused(driven.send({ type: 'complete-activity', activity: first, identity: 'worker' }), Code.NOT_FOUND, /activity not found/);
  driven.done({ type: 'complete-activity', activity: second, identity: 'worker', result: Buffer.from('result') });
  assert.deepEqual([driven.info.status, driven.info.totalHeartbeatCount, driven.wakeAt], [COMPLETED, 1, undefined]);
});

test('the delay that a failure asks for is kept, and one that does not fit ends it', () => {
  const driven = Driven.started({ scheduleToCloseTimeout: 60_000 });
  driven.fail(driven.poll(), { nextRetryDelay: 30_000 });
  assert.equal(driven.info.nextAttemptScheduleTime, START_MS + 30_000);
  driven.pass(30_000);
  driven.fail(driven.poll(), { nextRetryDelay: 30_001 });
  assert.deepEqual([driven.info.status, driven.retryState, driven.failure.message], [FAILED, RetryState.TIMEOUT, 'no']);
});

test('each end says why: not retryable, attempts used up, too little time', () => {
  const once = Driven.started({ retryPolicy: { maximumAttempts: 1 } });
  once.fail(once.poll());
  assert.deepEqual([once.info.status, once.retryState], [FAILED, RetryState.MAXIMUM_ATTEMPTS_REACHED]);
  const never = Driven.started();
  never.fail(never.poll(), { nonRetryable: true });
  assert.deepEqual([never.info.status, never.retryState], [FAILED, RetryState.NON_RETRYABLE_FAILURE]);
  const late = Driven.started({ scheduleToCloseTimeout: 5_000, startToCloseTimeout: 4_500 });
  late.poll();
  late.pass(4_500);
  assert.deepEqual([late.info.status, late.retryState, late.failure.timeoutFailureInfo?.timeoutType], [TIMED_OUT, RetryState.TIMEOUT, TimeoutType.SCHEDULE_TO_CLOSE]);
});

test('the four timeouts', () => {
  const waiting = Driven.started({ scheduleToStartTimeout: 3_000 });
  waiting.pass(3_000);
  assert.deepEqual([waiting.info.status, waiting.failure.timeoutFailureInfo?.timeoutType, waiting.failure.message], [TIMED_OUT, TimeoutType.SCHEDULE_TO_START, 'activity ScheduleToStart timeout']);
  const whole = Driven.started({ scheduleToCloseTimeout: 3_000 });
  whole.poll();
  whole.pass(3_000);
  assert.equal(whole.info.status, TIMED_OUT);
  const silent = Driven.started({ heartbeatTimeout: 2_000, retryPolicy: { maximumAttempts: 1 } });
  const attempt = silent.poll();
  silent.pass(1_900);
  silent.send({ type: 'heartbeat-activity', activity: attempt, identity: 'worker' });
  silent.pass(1_999);
  assert.equal(silent.info.runState, PendingActivityState.STARTED);
  silent.pass(1);
  assert.deepEqual([silent.info.status, silent.failure.timeoutFailureInfo?.timeoutType, silent.retryState], [TIMED_OUT, TimeoutType.HEARTBEAT, RetryState.MAXIMUM_ATTEMPTS_REACHED]);
  const slow = Driven.started();
  slow.poll();
  slow.pass(10_000);
  assert.deepEqual([slow.info.attempt, Failure.decode(slow.info.lastFailure ?? new Uint8Array()).message], [2, 'activity StartToClose timeout']);
});

test('a start delay counts before everything else', () => {
  const driven = Driven.started({ startDelay: 60_000, scheduleToCloseTimeout: 5_000 });
  assert.deepEqual([driven.info.executionTime, driven.info.expirationTime], [START_MS + 60_000, START_MS + 65_000]);
  driven.pass(59_999);
  assert.ok(driven.state !== undefined && machine.debt(driven.state, 'attempt')?.dispatch === undefined);
  driven.pass(1);
  driven.poll();
});

test('a cancellation ends at once what no worker holds, and is left to the worker otherwise', () => {
  const waiting = Driven.started();
  waiting.done({ type: 'request-cancel', requestId: 'c', ...from });
  assert.deepEqual([waiting.info.status, waiting.failure.message, waiting.failure.canceledFailureInfo?.identity], [CANCELED, 'Activity canceled', 'operator']);
  waiting.done({ type: 'request-cancel', requestId: 'c', ...from });
  refused(waiting.send({ type: 'request-cancel', requestId: 'other', ...from }), Code.FAILED_PRECONDITION, /terminal state Canceled/);

  const running = Driven.started();
  const attempt = running.poll();
  refused(running.send({ type: 'cancel-activity', activity: attempt, identity: 'worker' }), Code.INVALID_ARGUMENT, /request canceled first/);
  running.done({ type: 'request-cancel', requestId: 'c', ...from });
  refused(running.send({ type: 'request-cancel', requestId: 'other', ...from }), Code.FAILED_PRECONDITION, /already requested with request ID c/);
  assert.deepEqual(running.send({ type: 'heartbeat-activity', activity: attempt, identity: 'worker' }), { kind: 'heartbeat', cancelRequested: true, activityPaused: false, activityReset: false });
  running.fail(attempt);
  assert.deepEqual([running.info.status, running.retryState], [FAILED, RetryState.CANCEL_REQUESTED], 'no further attempt');
});

test('a termination takes the attempt from the worker', () => {
  const driven = Driven.started();
  const attempt = driven.poll();
  driven.done({ type: 'terminate', requestId: 't', ...from });
  assert.deepEqual([driven.info.status, driven.failure.message, driven.failure.terminatedFailureInfo?.identity], [TERMINATED, 'because', 'operator']);
  refused(driven.send({ type: 'heartbeat-activity', activity: attempt, identity: 'worker' }), Code.NOT_FOUND, /not found/);
  refused(driven.send({ type: 'terminate', requestId: 'other', ...from }), Code.FAILED_PRECONDITION, /already terminated with request ID t/);
});

test('paused, no attempt begins and no wait for a worker ends, but the whole times out', () => {
  const driven = Driven.started({ scheduleToStartTimeout: 2_000, scheduleToCloseTimeout: 60_000 });
  driven.done({ type: 'pause', requestId: '1', ...from });
  assert.deepEqual([driven.info.status, driven.info.runState], [PAUSED, PendingActivityState.PAUSED]);
  driven.pass(30_000);
  assert.equal(driven.info.status, PAUSED);
  refused(driven.send({ type: 'pause', requestId: '2', ...from }), Code.FAILED_PRECONDITION, /non-pausable state Paused/);
  driven.pass(30_000);
  assert.equal(driven.info.status, TIMED_OUT);
});

test('unpaused, an attempt waits out its backoff', () => {
  const driven = Driven.started({ retryPolicy: { initialInterval: 60_000, backoffCoefficient: 1 } });
  const attempt = driven.poll();
  driven.done({ type: 'pause', requestId: '1', ...from });
  assert.deepEqual([driven.info.status, driven.info.runState], [ActivityExecutionStatus.RUNNING, PendingActivityState.PAUSE_REQUESTED]);
  driven.fail(attempt);
  assert.equal(driven.info.status, PAUSED);
  driven.pass(10_000);
  driven.done({ type: 'unpause', requestId: '2', jitter });
  assert.equal(driven.info.nextAttemptScheduleTime, START_MS + 60_000);
  refused(driven.send({ type: 'unpause', requestId: '3', jitter }), Code.FAILED_PRECONDITION, /non-unpausable state Scheduled/);
});

test('a reset waits for the attempt that a worker holds, and then begins with attempt 1 at once', () => {
  const driven = Driven.started({ retryPolicy: { initialInterval: 60_000, backoffCoefficient: 1 } });
  driven.fail(driven.poll());
  driven.pass(60_000);
  const attempt = driven.poll();
  driven.send({ type: 'heartbeat-activity', activity: attempt, identity: 'worker', details: Buffer.from('half') });
  driven.done({ type: 'reset', requestId: 'r', resetHeartbeat: true, keepPaused: false, restoreOriginalOptions: false, jitter });
  assert.deepEqual([driven.info.attempt, driven.info.runState], [2, PendingActivityState.STARTED]);
  refused(driven.send({ type: 'reset', requestId: 'r2', resetHeartbeat: true, keepPaused: false, restoreOriginalOptions: false, jitter }), Code.FAILED_PRECONDITION, /pending reset/);
  const said = driven.send({ type: 'heartbeat-activity', activity: attempt, identity: 'worker', details: Buffer.from('more') });
  assert.ok(!(said instanceof RpcError) && said.kind === 'heartbeat' && said.activityReset);
  driven.fail(attempt, { nonRetryable: true });
  assert.deepEqual([driven.info.attempt, driven.info.heartbeatDetails, driven.info.nextAttemptScheduleTime], [1, undefined, undefined]);
  driven.poll();
});

test('options: merged, refused where they cannot be, and given back', () => {
  const driven = Driven.started({ startDelay: 60_000 });
  const update = (options: object, paths: string[], requestId = '') => driven.send({ type: 'update-options', requestId, change: { kind: 'merge', options, paths } });
  update({ taskQueue: { name: 'other' }, startToCloseTimeout: 1_000, startDelay: 5_000 }, ['task_queue.name', 'start_to_close_timeout', 'start_delay'], 'u');
  assert.deepEqual([driven.info.taskQueue, driven.info.startToCloseTimeout, driven.info.nextAttemptScheduleTime], ['other', 1_000, START_MS + 5_000]);
  refused(update({}, ['priorities']), Code.INVALID_ARGUMENT, /unsupported update_mask path: "priorities"/);
  refused(update({ startToCloseTimeout: -1 }, ['start_to_close_timeout']), Code.INVALID_ARGUMENT, /negative/);
  driven.send({ type: 'update-options', requestId: '', change: { kind: 'restore' } });
  assert.deepEqual([driven.info.taskQueue, driven.info.startToCloseTimeout, driven.info.startDelay], ['q', 10_000, 60_000]);
  driven.pass(60_000);
  driven.poll();
  refused(update({ startDelay: 1 }, ['start_delay']), Code.FAILED_PRECONDITION, /already been dispatched/);
});

test('an id that is taken: the same request, the policies, and what is left on the one that runs', () => {
  const driven = Driven.started();
  const runId = driven.info.runId ?? '';
  assert.deepEqual(driven.start(), { kind: 'activity-started', runId, started: true });
  const taken = driven.start({ requestId: 'other' });
  assert.ok(taken instanceof RpcError && taken.code === Code.ALREADY_EXISTS);
  assert.deepEqual({ ...taken.detail(ActivityExecutionAlreadyStartedFailure) }, { startRequestId: 'start', runId });
  const links = [Link.encode({ workflow: { namespace: 'default', workflowId: 'w', runId: '', reason: '' } })];
  const attached = { requestId: 'third', idConflictPolicy: ActivityIdConflictPolicy.USE_EXISTING, links, onConflictOptions: { attachLinks: true } };
  for (let turn = 0; turn < 2; turn++) assert.deepEqual(driven.start(attached), { kind: 'activity-started', runId, started: false });
  assert.equal(driven.info.links?.length, 1, 'the same request leaves its links once');

  driven.done({ type: 'complete-activity', activity: driven.poll(), identity: 'worker' });
  for (const idReusePolicy of [ActivityIdReusePolicy.REJECT_DUPLICATE, ActivityIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY]) {
    refused(driven.start({ requestId: 'other', idReusePolicy }), Code.ALREADY_EXISTS, /already started/);
  }
  driven.start({ requestId: 'other' });
  assert.notEqual(driven.info.runId, runId);
  driven.done({ type: 'terminate', requestId: 't', ...from });
  const again = driven.start({ requestId: 'fourth', idReusePolicy: ActivityIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY });
  assert.ok(!(again instanceof RpcError) && again.kind === 'activity-started' && again.started);
});

test('what cannot be started is refused before anything exists', () => {
  const requests: readonly [Init<StartActivityExecutionRequest>, RegExp][] = [
    [{ startToCloseTimeout: 0 }, /neither/],
    [{ heartbeatTimeout: -1 }, /negative/],
    [{ startDelay: -1 }, /StartDelay/],
    [{ retryPolicy: { maximumAttempts: -1 } }, /attempts/],
  ];
  for (const [request, says] of requests) {
    const driven = new Driven();
    refused(driven.start(request), Code.INVALID_ARGUMENT, says);
    assert.equal(driven.state, undefined);
  }
});

test('a result that is too large fails it, and a deleted one is gone', () => {
  const driven = Driven.started();
  driven.done({ type: 'complete-activity', activity: driven.poll(), identity: 'worker', result: Buffer.alloc(DEFAULT_LIMITS.blobSizeBytes + 1) });
  assert.deepEqual([driven.info.status, driven.failure.message], [FAILED, 'Complete result exceeds size limit.']);
  const deleted = Driven.started();
  deleted.done({ type: 'delete' });
  assert.ok(deleted.state !== undefined && machine.isDeleted?.(deleted.state) && machine.listing?.(deleted.state) === undefined);
  assert.deepEqual([...machine.debtKeys(deleted.state)].map((key) => deleted.state && machine.debt(deleted.state, key)), [{ deletion: true }]);
});
