/** Requests are repeated for reasons that pass, and only for those, within the deadline: otherwise clients lose or multiply work. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError, WorkflowService } from '../../protocol/index.js';
import { callWithRetries, DEFAULT_RETRY, isRetryable, type RetryEnvironment } from './retry.js';
import { ScriptedTransport } from './scripted-transport.js';

const { SignalWorkflowExecution } = WorkflowService;
const request = { namespace: 'default', requestId: 'request-1', signalName: 'go' };

/** A clock that only sleeping moves. */
function environment(chance = 0.5): RetryEnvironment & { readonly slept: number[] } {
  let now = 1_000_000;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    random: () => chance,
    async sleep(millis) {
      slept.push(millis);
      now += millis;
    },
  };
}

test('an attempt that failed for a passing reason is made again with the same request', async () => {
  const transport = new ScriptedTransport().onSequence(
    SignalWorkflowExecution,
    new RpcError(Code.UNAVAILABLE, 'restarting'),
    new RpcError(Code.ABORTED, 'moved'),
    {},
  );
  const time = environment();
  await callWithRetries(transport, SignalWorkflowExecution, request, {}, time);
  assert.deepEqual(transport.requests(SignalWorkflowExecution).map((sent) => sent.requestId), ['request-1', 'request-1', 'request-1']);
  assert.deepEqual(time.slept, [100, 170]);
});

test('other failures are final at once', async () => {
  for (const code of [Code.INTERNAL, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNIMPLEMENTED]) {
    const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, new RpcError(code, 'no'));
    await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, {}, environment()), { code });
    assert.equal(transport.calls.length, 1, `code ${code}`);
  }
});

test('an overloaded server is asked more slowly; a request that is too large is not asked again', async () => {
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, new RpcError(Code.RESOURCE_EXHAUSTED, 'too many requests'), {});
  const time = environment();
  await callWithRetries(transport, SignalWorkflowExecution, request, {}, time);
  assert.deepEqual(time.slept, [1000]);
  assert.equal(isRetryable(new RpcError(Code.RESOURCE_EXHAUSTED, 'grpc: received message larger than max (5000000 vs. 4194304)')), false);
});

test('retries end: by number, and intervals have a cap and jitter', async () => {
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, new RpcError(Code.UNAVAILABLE, 'gone'));
  const time = environment(1);
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, {}, time), { code: Code.UNAVAILABLE, message: 'gone' });
  assert.equal(transport.calls.length, DEFAULT_RETRY.maxRetries + 1);
  assert.ok(Math.max(...time.slept) <= DEFAULT_RETRY.maxIntervalMs * (1 + DEFAULT_RETRY.jitter));
  assert.equal(time.slept[0], 120);
});

test('retries end: by the deadline, which every attempt is told', async () => {
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, new RpcError(Code.UNAVAILABLE, 'gone'));
  const time = environment();
  const deadline = time.now() + 300;
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, { deadline }, time), { code: Code.UNAVAILABLE });
  assert.deepEqual(transport.calls.map((call) => call.options?.timeoutMs), [300, 200, 30]);
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, { deadline: time.now() }, time), { code: Code.DEADLINE_EXCEEDED });
});

test('when time runs out in a last attempt, the error still tells why the attempts before it failed', async () => {
  const transport = new ScriptedTransport().onSequence(
    SignalWorkflowExecution,
    new RpcError(Code.UNAVAILABLE, 'connection refused'),
    new RpcError(Code.DEADLINE_EXCEEDED, 'no connection within 19 ms'),
  );
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, {}, environment()), {
    code: Code.DEADLINE_EXCEEDED,
    message: 'connection refused (retried until the deadline)',
  });
});

test('an aborted signal ends retries, also while waiting for the next attempt', async () => {
  const controller = new AbortController();
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, new RpcError(Code.UNAVAILABLE, 'gone'));
  const time: RetryEnvironment = { ...environment(), sleep: async () => controller.abort() };
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, { signal: controller.signal }, time));
  assert.equal(transport.calls.length, 1);
  await assert.rejects(callWithRetries(transport, SignalWorkflowExecution, request, { signal: controller.signal }, time), { code: Code.CANCELLED });
  assert.equal(transport.calls.length, 1);
});
