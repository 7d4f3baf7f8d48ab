/** Failures cross processes: the class, the type, the details and the causes must arrive, whatever was thrown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../protocol/index.js';
import { decodeFailure, encodeFailure } from './data-converter.js';
import { cutoffStackTrace, DefaultFailureConverter, errorToFailure, failureToError } from './failure-converter.js';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  ensureTemporalFailure,
  MAX_CAUSE_DEPTH,
  NexusOperationFailure,
  rootCause,
  ServerFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from './failure.js';
import { defaultPayloadConverter, type Payload } from './payload-converter.js';

/** Through the wire form, as between two processes. */
const sent = (error: unknown): Error => failureToError(Failure.decode(Failure.encode(errorToFailure(error))));

test('an ApplicationFailure arrives with everything it carries', () => {
  const failure = ApplicationFailure.create({
    message: 'declined',
    type: 'CardDeclined',
    nonRetryable: true,
    details: [{ code: 51 }, undefined, 'x'],
    nextRetryDelay: '2 minutes',
    category: 'BENIGN',
    cause: new RangeError('limit'),
  });
  const arrived = sent(failure);
  assert.ok(arrived instanceof ApplicationFailure);
  assert.equal(arrived.name, 'ApplicationFailure');
  assert.equal(arrived.message, 'declined');
  assert.equal(arrived.type, 'CardDeclined');
  assert.equal(arrived.nonRetryable, true);
  assert.deepEqual(arrived.details, [{ code: 51 }, undefined, 'x']);
  assert.equal(arrived.nextRetryDelay, 120_000);
  assert.equal(arrived.category, 'BENIGN');
  assert.ok(arrived.cause instanceof ApplicationFailure);
  assert.equal(arrived.cause.type, 'RangeError');
  assert.equal(arrived.stack, failure.stack === undefined ? '' : cutoffStackTrace(failure.stack));
});

test('every other kind of failure arrives as its class', () => {
  const cause = ApplicationFailure.retryable('inner');
  const activity = sent(new ActivityFailure('Activity task failed', 'charge', '5', 'MAXIMUM_ATTEMPTS_REACHED', 'worker-1', cause));
  assert.ok(activity instanceof ActivityFailure && activity.cause instanceof ApplicationFailure);
  assert.deepEqual([activity.activityType, activity.activityId, activity.retryState, activity.identity], ['charge', '5', 'MAXIMUM_ATTEMPTS_REACHED', 'worker-1']);
  const child = sent(new ChildWorkflowFailure('default', { workflowId: 'w', runId: 'r' }, 'ship', 'TIMEOUT', activity));
  assert.ok(child instanceof ChildWorkflowFailure && child.cause instanceof ActivityFailure);
  assert.deepEqual([child.namespace, child.execution, child.workflowType, child.retryState], ['default', { workflowId: 'w', runId: 'r' }, 'ship', 'TIMEOUT']);
  assert.equal(rootCause(child), 'inner');
  const timeout = sent(new TimeoutFailure('slow', { at: 3 }, 'HEARTBEAT'));
  assert.ok(timeout instanceof TimeoutFailure);
  assert.deepEqual([timeout.timeoutType, timeout.lastHeartbeatDetails], ['HEARTBEAT', { at: 3 }]);
  const cancelled = sent(new CancelledFailure('stop', ['why']));
  assert.ok(cancelled instanceof CancelledFailure);
  assert.deepEqual(cancelled.details, ['why']);
  assert.ok(sent(new TerminatedFailure('killed')) instanceof TerminatedFailure);
  const server = sent(new ServerFailure('lost', true));
  assert.ok(server instanceof ServerFailure && server.nonRetryable);
  const nexus = sent(new NexusOperationFailure('op', 7, 'endpoint', 'service', 'operation', 'token'));
  assert.ok(nexus instanceof NexusOperationFailure && nexus.operationToken === 'token' && nexus.scheduledEventId === 7);
});

test('the type of an error is the name of its class, which few classes write into `name`', () => {
  class OutOfStock extends Error {}
  class Renamed extends Error {
    override name = 'another name';
  }
  const types = [new OutOfStock(), new Renamed(), new RangeError('x'), Object.assign(new Error('x'), { name: 'Given' }), new Error('x')].map(
    (error) => errorToFailure(error).applicationFailureInfo?.type,
  );
  assert.deepEqual(types, ['OutOfStock', 'Renamed', 'RangeError', 'Given', 'Error']);
  assert.equal(ApplicationFailure.fromError(new OutOfStock()).type, 'OutOfStock');
  const withoutType = sent(ApplicationFailure.create({ message: 'x' }));
  assert.equal(withoutType instanceof ApplicationFailure ? withoutType.type : 'not a failure', undefined);
});

test('any thrown thing becomes an ApplicationFailure with its name as type', () => {
  class InsufficientFunds extends Error {
    override name = 'InsufficientFunds';
  }
  const failure = errorToFailure(new InsufficientFunds('no money'));
  assert.equal(failure.source, 'TypeScriptSDK');
  assert.equal(failure.applicationFailureInfo?.type, 'InsufficientFunds');
  assert.equal(failure.applicationFailureInfo?.nonRetryable, false);
  assert.match(failure.stackTrace, /no money\n\s+at /);
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  for (const [thrown, shown] of [
    ['text', /^text \[/],
    [42, /^42 \[/],
    [undefined, /^undefined \[/],
    [null, /^null \[/],
    [{ code: 1 }, /^\{"code":1\} \[/],
    [cyclic, /^a thrown object \[/],
    [Object.create(null), /^\{\} \[/],
    [Symbol('s'), /^Symbol\(s\) \[/],
    [() => 1, /\[A value that is not an Error/],
  ] as const) {
    const converted = errorToFailure(thrown);
    assert.match(converted.message, shown);
    assert.ok(converted.applicationFailureInfo);
  }
});

test('a failure that came from the wire goes on unchanged', () => {
  const wire = Failure.decode(Failure.encode(errorToFailure(new ActivityFailure('m', 'charge', '5', 'TIMEOUT', undefined))));
  wire.source = 'GoSDK';
  wire.stackTrace = 'goroutine 1';
  const error = failureToError(wire);
  assert.equal(error.stack, 'goroutine 1');
  assert.equal(errorToFailure(error), wire);
  assert.equal(errorToFailure(ApplicationFailure.create({ cause: error })).cause, wire);
});

test('causes that form a cycle end', () => {
  const error = new Error('round');
  error.cause = error;
  let depth = 0;
  for (let failure: Failure | undefined = errorToFailure(error); failure; failure = failure.cause) depth += 1;
  assert.equal(depth, MAX_CAUSE_DEPTH + 1);
  assert.ok(Failure.encode(errorToFailure(error)).byteLength > 0);
});

test('kinds of failure that this version does not know are still failures', () => {
  const error = failureToError(Failure.create({ message: 'from the future' }));
  assert.ok(error instanceof TemporalFailure);
  assert.equal(error.message, 'from the future');
});

test('classes are recognised across copies of the package, subclasses by users stay their own', () => {
  class OutOfStock extends ApplicationFailure {}
  assert.ok(new OutOfStock('x') instanceof OutOfStock);
  assert.ok(new OutOfStock('x') instanceof ApplicationFailure);
  assert.ok(!(new ApplicationFailure('x') instanceof OutOfStock));
  assert.ok(!(new ApplicationFailure('x') instanceof CancelledFailure));
  assert.ok(!((null as unknown) instanceof TemporalFailure));
  const foreign = Object.create({ [Symbol.for('perdure.error.TemporalFailure')]: true, [Symbol.for('perdure.error.ApplicationFailure')]: true }) as unknown;
  assert.ok(foreign instanceof ApplicationFailure);
});

test('ensureTemporalFailure and fromError keep message, name and stack', () => {
  const reason = new Error('why');
  const error = new TypeError('bad', { cause: reason });
  const failure = ensureTemporalFailure(error);
  assert.ok(failure instanceof ApplicationFailure);
  assert.deepEqual([failure.message, failure.type, failure.stack, failure.cause], ['bad', 'TypeError', error.stack, reason]);
  assert.equal(ensureTemporalFailure(failure), failure);
  assert.equal(ApplicationFailure.fromError(error, { nonRetryable: true, type: 'Mine' }).type, 'Mine');
  assert.equal(ApplicationFailure.nonRetryable('m').nonRetryable, true);
});

test('messages and stacks can travel as a payload, so that codecs can hide them', async () => {
  const converter = new DefaultFailureConverter({ encodeCommonAttributes: true });
  const codec = {
    encode: async (payloads: Payload[]) => payloads.map((payload) => ({ ...payload, data: payload.data.map((byte) => byte ^ 1) })),
    decode: async (payloads: Payload[]) => payloads.map((payload) => ({ ...payload, data: payload.data.map((byte) => byte ^ 1) })),
  };
  const error = ApplicationFailure.create({ message: 'secret', details: ['hidden'], cause: new Error('deep secret') });
  const failure = await encodeFailure([codec], converter.errorToFailure(error, defaultPayloadConverter));
  const bytes = Failure.encode(failure);
  assert.ok(!Buffer.from(bytes).includes('secret') && !Buffer.from(bytes).includes('hidden'));
  assert.equal(failure.message, 'Encoded failure');
  const arrived = converter.failureToError(await decodeFailure([codec], Failure.decode(bytes)), defaultPayloadConverter);
  assert.ok(arrived instanceof ApplicationFailure);
  assert.equal(arrived.message, 'secret');
  assert.deepEqual(arrived.details, ['hidden']);
  assert.equal(arrived.cause?.message, 'deep secret');
});

test('stacks end with the last frame of the user', () => {
  const stack = [
    'Error: x',
    '    at charge (/app/activities.js:3:9)',
    '    at run (/app/node_modules/perdure/dist/sdk/worker/activity-runner.js:10:5)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  ];
  assert.equal(cutoffStackTrace(stack.join('\n')), stack.slice(0, 2).join('\n'));
  assert.equal(cutoffStackTrace([stack[0], stack[3]].join('\n')), [stack[0], stack[3]].join('\n'));
  assert.equal(cutoffStackTrace(undefined), '');
});
