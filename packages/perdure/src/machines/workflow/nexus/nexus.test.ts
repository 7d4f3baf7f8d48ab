/**
 * A Nexus operation: asked for until it is answered, ended once, and never twice. A caller must be able to rely on it that an operation that
 * the handler has taken is never forgotten, whatever dies on the way, and that what it sees is what Temporal's server shows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Failure, Link, ResetReapplyExcludeType, RpcError, TimeoutType, WorkflowTaskFailedCause, type HistoryEvent } from '../../../protocol/index.js';
import { describe } from '../describe.js';
import { resetInput } from '../testing/reset.js';
import { answer } from '../testing/family.js';
import { cancelKey, cancelOperation, completionOfOperation, completionWithEndpoints, owedRequest, payload, reply, scheduleOperation, startKey, stepWith, succeeded } from '../testing/nexus.js';
import { E, command, failure, startedWorkflow, type TestWorkflow } from '../testing/test-run.js';

/** The operation has the event id 5. */
function scheduled(attributes: Parameters<typeof scheduleOperation>[0] = {}, ...more: Parameters<typeof stepWith>[1][]): TestWorkflow {
  const workflow = startedWorkflow();
  stepWith(workflow, scheduleOperation(attributes), ...more);
  return workflow;
}

function startedOperation(attributes: Parameters<typeof scheduleOperation>[0] = {}): TestWorkflow {
  const workflow = scheduled(attributes);
  answer(workflow, startKey(5), reply.started());
  return workflow;
}

const lastEvent = (workflow: TestWorkflow, fromEnd = 0): HistoryEvent => {
  const event = workflow.run.events().at(-1 - fromEnd);
  assert.ok(event);
  return event;
};
const cause = (encoded: Uint8Array | undefined): Failure => {
  assert.ok(encoded);
  const { message, nexusOperationExecutionFailureInfo: info, cause: inner } = Failure.decode(encoded as never);
  assert.equal(message, 'nexus operation completed unsuccessfully');
  assert.deepEqual([info?.scheduledEventId, info?.endpoint, info?.service, info?.operation], [5, 'payments', 'cards', 'charge']);
  assert.ok(inner);
  return inner;
};
const pending = (workflow: TestWorkflow) => describe(workflow.run.live).pendingNexusOperations?.[0];
const wakeAt = (workflow: TestWorkflow, key: string): number | undefined => {
  const at = workflow.run.owed.get(key)?.wakeAt;
  return at === undefined ? undefined : at - workflow.now;
};

test('an operation that is answered at once has no Started event', () => {
  const workflow = scheduled({ nexusHeader: new Map([['X-Key', 'v']]) });
  const request = owedRequest(workflow.run, 'start-operation', 5);
  assert.deepEqual([request.endpointId, request.service, request.operation, request.header.get('x-key'), request.namespace], ['endpoint-id', 'cards', 'charge', 'v', 'default']);
  assert.deepEqual(request.input?.data, Buffer.from('"in"'));
  answer(workflow, startKey(5), reply.ended(succeeded('out')));
  assert.deepEqual(workflow.run.eventNames().slice(4), [E.NEXUS_OPERATION_SCHEDULED, E.NEXUS_OPERATION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  const { nexusOperationCompletedEventAttributes: completed } = workflow.run.event(6);
  assert.deepEqual([completed?.scheduledEventId, completed?.requestId, Buffer.from(completed?.result?.data ?? []).toString()], [5, request.requestId, '"out"']);
  assert.equal(workflow.run.owed.has(startKey(5)), false);
  assert.equal(workflow.run.live.payloadBytes, 0, 'nothing of it is held any more');
});

test('an operation that goes on is completed later, and only once', () => {
  const workflow = scheduled();
  const link = Link.encode({ workflow: { namespace: 'other', workflowId: 'w', runId: 'r' } });
  answer(workflow, startKey(5), { kind: 'operation-started', operationToken: 'token', links: [link] });
  const { nexusOperationStartedEventAttributes: started, links } = workflow.run.event(6);
  assert.deepEqual([started?.operationToken, started?.operationId, links.length], ['token', 'token', 1]);
  assert.equal(pending(workflow)?.state, 3);
  assert.equal(workflow.run.owed.has(startKey(5)), false, 'a request that was answered is not made again');
  stepWith(workflow);
  const completion = completionOfOperation(workflow.run, 5);
  workflow.expect('done', completion);
  assert.deepEqual(workflow.run.eventNames().slice(-2), [E.NEXUS_OPERATION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  const events = workflow.run.events().length;
  assert.equal(workflow.refused(completion).code, Code.NOT_FOUND);
  assert.equal(workflow.run.events().length, events);
});

test('a completion of another request is refused', () => {
  const workflow = startedOperation();
  assert.equal(workflow.refused(completionOfOperation(workflow.run, 5, undefined, { requestId: 'guessed' })).code, Code.NOT_FOUND);
  assert.equal(workflow.refused(completionOfOperation(workflow.run, 6)).code, Code.NOT_FOUND);
});

test('a completion that is quicker than the answer to the start starts the operation with it', () => {
  const workflow = scheduled();
  workflow.expect('done', completionOfOperation(workflow.run, 5));
  assert.deepEqual(workflow.run.eventNames().slice(4, 7), [E.NEXUS_OPERATION_SCHEDULED, E.NEXUS_OPERATION_STARTED, E.NEXUS_OPERATION_COMPLETED]);
  const events = workflow.run.events().length;
  answer(workflow, startKey(5), reply.started());
  assert.equal(workflow.run.events().length, events, 'the late answer changes nothing');
});

test('what happens while a worker holds a task waits, in the order in which a worker can replay it', () => {
  const workflow = scheduled();
  workflow.signal('go');
  const task = workflow.pollWorkflowTask();
  answer(workflow, startKey(5), reply.started());
  const completion = completionOfOperation(workflow.run, 5);
  workflow.expect('done', completion);
  workflow.expect('done', completion);
  workflow.signal('again');
  assert.equal(workflow.run.owed.has(startKey(5)), false);
  const before = workflow.run.events().length;
  workflow.expect('workflow-task-completed', completionWithEndpoints(workflow, task, []));
  assert.deepEqual(workflow.run.eventNames().slice(before + 1), [E.NEXUS_OPERATION_STARTED, E.WORKFLOW_EXECUTION_SIGNALED, E.NEXUS_OPERATION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
});

test('a handler that fails for a passing reason is asked again, with the same request id, later and later', () => {
  const workflow = scheduled();
  const { requestId } = owedRequest(workflow.run, 'start-operation', 5);
  for (const pauseMs of [1000, 2000, 4000]) {
    answer(workflow, startKey(5), reply.failed(true));
    assert.equal(workflow.run.owed.get(startKey(5))?.message, undefined);
    assert.equal(wakeAt(workflow, startKey(5)), pauseMs);
    assert.equal(pending(workflow)?.state, 2);
    workflow.pass(pauseMs);
    assert.equal(owedRequest(workflow.run, 'start-operation', 5).requestId, requestId);
  }
  assert.equal(pending(workflow)?.attempt, 3);
  assert.equal(workflow.run.eventNames().at(-1), E.NEXUS_OPERATION_SCHEDULED, 'attempts are not in the history');
  answer(workflow, startKey(5), new RpcError(Code.NOT_FOUND, 'nobody brings it there'));
  assert.equal(wakeAt(workflow, startKey(5)), 8000, 'a refusal of the surroundings is a passing reason');
});

test('a handler that fails for good ends the operation, and so does an end that it tells', () => {
  for (const [given, type, field] of [
    [reply.failed(false), E.NEXUS_OPERATION_FAILED, 'nexusOperationFailedEventAttributes'],
    [reply.ended({ kind: 'failed', failure: failure('no') }), E.NEXUS_OPERATION_FAILED, 'nexusOperationFailedEventAttributes'],
    [reply.ended({ kind: 'canceled', failure: failure('stopped') }), E.NEXUS_OPERATION_CANCELED, 'nexusOperationCanceledEventAttributes'],
  ] as const) {
    const workflow = scheduled();
    answer(workflow, startKey(5), given);
    assert.equal(workflow.run.eventNames()[5], type);
    const expected = given.kind === 'handler-failed' ? 'handler' : given.kind === 'operation-ended' && given.outcome.kind === 'failed' ? 'no' : 'stopped';
    assert.equal(cause(workflow.run.event(6)[field]?.failure).message, expected);
  }
});

test('each timeout counts from its own beginning', () => {
  const toStart = scheduled({ scheduleToStartTimeout: 5000, scheduleToCloseTimeout: 60_000, startToCloseTimeout: 2000 });
  toStart.pass(5000);
  assert.equal(cause(lastEvent(toStart, 1).nexusOperationTimedOutEventAttributes?.failure).timeoutFailureInfo?.timeoutType, TimeoutType.SCHEDULE_TO_START);

  const toClose = scheduled({ scheduleToCloseTimeout: 3000 });
  answer(toClose, startKey(5), reply.failed(true));
  toClose.pass(3000);
  assert.equal(cause(lastEvent(toClose, 1).nexusOperationTimedOutEventAttributes?.failure).timeoutFailureInfo?.timeoutType, TimeoutType.SCHEDULE_TO_CLOSE);
  assert.equal(toClose.run.owed.size, 1, 'a request that waits for its turn is given up: only the workflow task is owed');

  const startToClose = scheduled({ scheduleToStartTimeout: 5000, startToCloseTimeout: 2000 });
  startToClose.pass(4000);
  answer(startToClose, startKey(5), reply.started());
  startToClose.pass(1999);
  assert.equal(startToClose.run.live.nexusOperations.size, 1);
  startToClose.pass(1);
  assert.equal(cause(lastEvent(startToClose).nexusOperationTimedOutEventAttributes?.failure).timeoutFailureInfo?.timeoutType, TimeoutType.START_TO_CLOSE);
});

test('no timeout outlasts the one that bounds it', () => {
  const workflow = startedWorkflow({ workflowRunTimeout: 100_000 });
  stepWith(workflow, scheduleOperation({ scheduleToCloseTimeout: 2_000_000, startToCloseTimeout: 300_000 }), scheduleOperation(), scheduleOperation({ scheduleToCloseTimeout: 5000, scheduleToStartTimeout: 9000, startToCloseTimeout: 10 }));
  const timeouts = [5, 6, 7].map((eventId) => {
    const { scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout } = workflow.run.event(eventId).nexusOperationScheduledEventAttributes ?? {};
    return [scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout];
  });
  assert.deepEqual(timeouts, [[100_000, undefined, 100_000], [100_000, undefined, undefined], [5000, 5000, 10]]);
});

test('a cancellation goes to the handler, and its answer to the workflow', () => {
  const workflow = startedOperation();
  stepWith(workflow, cancelOperation(5));
  const requested = workflow.run.events().length;
  assert.equal(owedRequest(workflow.run, 'cancel-operation', 5).operationToken, 'token');
  assert.equal(pending(workflow)?.cancellationInfo?.state, 1);
  answer(workflow, cancelKey(5), reply.failed(true));
  assert.deepEqual([pending(workflow)?.cancellationInfo?.state, wakeAt(workflow, cancelKey(5))], [2, 1000]);
  workflow.pass(1000);
  answer(workflow, cancelKey(5), reply.cancelTaken);
  const { nexusOperationCancelRequestCompletedEventAttributes: completed } = lastEvent(workflow, 1);
  assert.deepEqual([completed?.requestedEventId, completed?.scheduledEventId], [requested, 5]);
  assert.deepEqual([pending(workflow)?.cancellationInfo?.state, pending(workflow)?.cancellationInfo?.attempt], [3, 2]);
  assert.equal(workflow.run.owed.has(cancelKey(5)), false);
  workflow.expect('done', completionOfOperation(workflow.run, 5, { kind: 'canceled', failure: failure('stopped') }));
  assert.equal(workflow.run.eventNames().at(-1), E.NEXUS_OPERATION_CANCELED);
});

test('a cancellation that the handler refuses for good is told to the workflow, and the operation goes on', () => {
  const workflow = startedOperation();
  stepWith(workflow, cancelOperation(5));
  answer(workflow, cancelKey(5), reply.failed(false));
  assert.equal(Failure.decode(lastEvent(workflow, 1).nexusOperationCancelRequestFailedEventAttributes?.failure ?? failure('')).message, 'handler');
  assert.equal(workflow.run.live.nexusOperations.size, 1);
});

test('an operation that has not started cannot be told: its cancellation waits for its name', () => {
  const workflow = scheduled();
  workflow.signal('go');
  stepWith(workflow, cancelOperation(5));
  assert.equal(workflow.run.owed.has(cancelKey(5)), false);
  assert.equal(pending(workflow)?.cancellationInfo?.state, 0);
  answer(workflow, startKey(5), reply.started());
  assert.equal(owedRequest(workflow.run, 'cancel-operation', 5).operationToken, 'token');
});

test('an operation may be cancelled by the task that schedules it, or when its end waits in the buffer', () => {
  const atOnce = scheduled({}, cancelOperation(5));
  assert.deepEqual(atOnce.run.eventNames().slice(4), [E.NEXUS_OPERATION_SCHEDULED, E.NEXUS_OPERATION_CANCEL_REQUESTED]);

  const late = startedOperation();
  const task = late.pollWorkflowTask();
  late.expect('done', completionOfOperation(late.run, 5));
  late.expect('workflow-task-completed', completionWithEndpoints(late, task, [cancelOperation(5)]));
  assert.deepEqual(late.run.eventNames().slice(-3), [E.NEXUS_OPERATION_CANCEL_REQUESTED, E.NEXUS_OPERATION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  assert.equal(late.run.owed.has(cancelKey(5)), false);
});

test('bad commands fail the workflow task, with the cause and the text that clients know', () => {
  const { BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES: bad, PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED: tooMany, BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES: badCancel } = WorkflowTaskFailedCause;
  const operation = 'ScheduleNexusOperationCommandAttributes';
  for (const [commands, expected, message] of [
    [[scheduleOperation({ endpoint: 'nowhere' })], bad, 'endpoint "nowhere" not found'],
    [[scheduleOperation({ service: 's'.repeat(1001) })], bad, `${operation}.Service exceeds length limit of 1000`],
    [[scheduleOperation({ operation: 's'.repeat(1001) })], bad, `${operation}.Operation exceeds length limit of 1000`],
    [[scheduleOperation({ nexusHeader: new Map([['a', 'b'.repeat(8192)]]) })], bad, `${operation}.NexusHeader exceeds size limit`],
    [[scheduleOperation({ nexusHeader: new Map([['Request-Timeout', '1s']]) })], bad, `${operation}.NexusHeader contains a disallowed header key: "request-timeout"`],
    [[scheduleOperation({ startToCloseTimeout: -1 })], bad, `${operation}.StartToCloseTimeout is invalid: negative duration`],
    [[{ commandType: 17 }], bad, `empty ${operation}`],
    [Array.from({ length: 31 }, () => scheduleOperation()), tooMany, 'workflow has reached the pending nexus operation limit of 30 for this namespace'],
    [[cancelOperation(5)], badCancel, 'requested cancelation for a non-existing or already completed operation with scheduled event ID of 5'],
    [[scheduleOperation(), cancelOperation(5), cancelOperation(5)], badCancel, 'cancelation was already requested for an operation with scheduled event ID 5'],
  ] as const) {
    const workflow = startedWorkflow();
    const refusal = workflow.refused(completionWithEndpoints(workflow, workflow.pollWorkflowTask(), commands));
    assert.ok(refusal.message.endsWith(`: ${message}`), refusal.message);
    assert.equal(workflow.run.event(4).workflowTaskFailedEventAttributes?.cause, expected);
    assert.equal(workflow.run.live.nexusOperations.size, 0, 'nothing of the list is done');
  }
});

test('an input that is too large ends the run', () => {
  const workflow = startedWorkflow({}, { blobSizeBytes: 10 });
  workflow.refused(completionWithEndpoints(workflow, workflow.pollWorkflowTask(), [scheduleOperation({ input: payload('more than ten') })]));
  assert.equal(workflow.run.eventNames().at(-1), E.WORKFLOW_EXECUTION_TERMINATED);
});

test('what is too large to be kept fails the operation', () => {
  const tooLong = scheduled();
  answer(tooLong, startKey(5), reply.started('t'.repeat(5000)));
  assert.match(cause(tooLong.run.event(6).nexusOperationFailedEventAttributes?.failure).message, /operation token/);

  const tooLarge = startedWorkflow({}, { blobSizeBytes: 20 });
  stepWith(tooLarge, scheduleOperation());
  answer(tooLarge, startKey(5), reply.ended(succeeded('more than twenty bytes')));
  assert.equal(tooLarge.run.eventNames()[5], E.NEXUS_OPERATION_FAILED);
});

test('a run that closes gives its operations up', () => {
  const workflow = startedOperation();
  stepWith(workflow, cancelOperation(5), command.complete());
  assert.equal(workflow.run.owed.size, 0);
  assert.equal(workflow.refused(completionOfOperation(workflow.run, 5)).code, Code.NOT_FOUND);
});

test('the inputs of operations that have started are not held', () => {
  const workflow = scheduled({ input: payload('x'.repeat(10_000)) });
  assert.ok(workflow.run.live.payloadBytes > 10_000);
  answer(workflow, startKey(5), reply.started());
  assert.ok(workflow.run.live.payloadBytes < 500);
});

test('a reset keeps the operations of before, and sends their completions on', () => {
  const workflow = startedOperation();
  const base = workflow.run;
  stepWith(workflow);
  const completion = completionOfOperation(base, 5);
  workflow.expect('started', resetInput(workflow, base.events().length));
  const next = workflow.run;
  assert.notEqual(next, base);
  assert.equal(next.live.nexusOperations.get(5)?.started, true);
  const moved = workflow.send(completion, base);
  assert.ok(!(moved instanceof RpcError) && moved.kind === 'moved' && moved.runId === next.runId);
  workflow.expect('done', completion);
  assert.equal(next.eventNames().at(-1), E.NEXUS_OPERATION_COMPLETED);
});

test('what became of an operation after the reset point is told again, unless it is excluded', () => {
  for (const excluded of [false, true]) {
    const workflow = scheduled();
    workflow.signal('go');
    stepWith(workflow);
    const point = workflow.run.events().length;
    answer(workflow, startKey(5), reply.started());
    workflow.expect('done', completionOfOperation(workflow.run, 5));
    const request = excluded ? { resetReapplyExcludeTypes: [ResetReapplyExcludeType.NEXUS] } : {};
    workflow.expect('started', resetInput(workflow, point, { request }));
    const names = workflow.run.eventNames();
    assert.equal(names.includes(E.NEXUS_OPERATION_COMPLETED), !excluded);
    if (excluded) assert.ok(owedRequest(workflow.run, 'start-operation', 5), 'the new run asks again, with the same request id');
    else assert.deepEqual(names.slice(-3), [E.NEXUS_OPERATION_STARTED, E.NEXUS_OPERATION_COMPLETED, E.WORKFLOW_TASK_SCHEDULED]);
  }
});
