/** Completion callbacks against a real HTTP server: what it is told, how often, and that neither a crash nor a refusal loses or repeats too much. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import {
  Acceptance,
  Callback,
  CallbackState,
  Code,
  CommandType,
  Failure,
  RpcError,
  UpdateRequest,
  UpdateResponse,
  UpdateWorkflowExecutionLifecycleStage,
  WorkflowIdConflictPolicy,
  WorkflowService,
  pack,
  type Command,
  type Init,
} from '../protocol/index.js';
import type { HttpCaller, HttpRequest } from '../ports/index.js';
import { completeWorkflow, NAMESPACE, payloads, Stage, startRequest } from './testing/stage.js';

const { DescribeWorkflowExecution, StartWorkflowExecution, TerminateWorkflowExecution } = WorkflowService;

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with these statuses, then with 200. */
async function receiver(statuses: readonly number[] = []) {
  const calls: Call[] = [];
  const left = [...statuses];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      calls.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
      response.statusCode = left.shift() ?? 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    calls,
    url: `http://127.0.0.1:${address.port}/done`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

const callback = (url: string, header: [string, string][] = []) => Callback.encode({ nexus: { url, header: new Map(header) } });
const LOOPBACK = { callbackAddresses: ['http://127.0.0.1:*'] };

async function infos(stage: Stage, workflowId = 'w') {
  return (await stage.call(DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } })).callbacks;
}

/** The call is on a real socket: real time passes, in small steps, until something shows. */
async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let n = 0; n < 1000; n++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail('it does not come');
}

const inState = (stage: Stage, state: CallbackState) => until(async () => (await infos(stage)).every((info) => info.state === state));

test('the end of the run is posted with its result, and again until it is taken', async () => {
  await using stage = await Stage.open(LOOPBACK);
  await using there = await receiver([503, 429]);
  await stage.start('w', { completionCallbacks: [callback(there.url, [['X-Token', 'abc']])] });
  assert.equal((await infos(stage))[0]?.state, CallbackState.STANDBY);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow('res')]);
  for (const pause of [1000, 2000]) {
    await inState(stage, CallbackState.BACKING_OFF);
    const [info] = await infos(stage);
    assert.match(Failure.decode(info?.lastAttemptFailure ?? new Uint8Array(0)).message, /handler error/);
    assert.equal((info?.nextAttemptScheduleTime ?? 0) - stage.clock.now(), pause);
    await stage.clock.advance(pause);
  }
  await inState(stage, CallbackState.SUCCEEDED);
  assert.equal(there.calls.length, 3);
  const { headers, body } = there.calls[2] as Call;
  assert.equal(body, '"res"');
  assert.deepEqual([headers['x-token'], headers['nexus-operation-state'], headers['content-type']], ['abc', 'succeeded', 'application/json']);
  assert.match(String(headers['nexus-link']), /workflows\/w\/.*eventID=1&eventType=WorkflowExecutionStarted/);
});

test('failures, cancellation and termination are told as such; a refusal is not repeated', async () => {
  await using stage = await Stage.open(LOOPBACK);
  await using there = await receiver([400]);
  const ends: [string, Init<Command> | undefined][] = [
    ['failed', { commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: { failure: Failure.encode(Failure.create({ message: 'boom', stackTrace: 'at x', applicationFailureInfo: { type: 'E', nonRetryable: true } })) } }],
    ['canceled', { commandType: CommandType.CANCEL_WORKFLOW_EXECUTION, cancelWorkflowExecutionCommandAttributes: {} }],
    ['failed', undefined],
  ];
  for (const [index, [state, command]] of ends.entries()) {
    await stage.start(`w${index}`, { completionCallbacks: [callback(there.url)] });
    const task = await stage.pollWorkflow();
    if (command) await stage.complete(task, [command]);
    else await stage.call(TerminateWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: `w${index}` } });
    await until(() => there.calls.length === index + 1);
    assert.equal(there.calls[index]?.headers['nexus-operation-state'], state);
  }
  await until(async () => (await infos(stage, 'w0'))[0]?.state === CallbackState.FAILED);
  assert.deepEqual(JSON.parse(there.calls[0]?.body ?? ''), {
    message: 'boom',
    stackTrace: 'at x',
    metadata: { type: 'temporal.api.failure.v1.Failure' },
    details: { applicationFailureInfo: { type: 'E', nonRetryable: true } },
  });
  assert.deepEqual(JSON.parse(there.calls[2]?.body ?? ''), {
    message: 'operation terminated',
    metadata: { type: 'temporal.api.failure.v1.Failure' },
    details: { terminatedFailureInfo: {} },
  });
});

test('a process that dies during the call, or during the pause, calls again', async () => {
  const asked: HttpRequest[] = [];
  let answers = false;
  const httpCaller: HttpCaller = {
    post: (request) => {
      asked.push(request);
      return answers ? Promise.resolve({ status: 500 }) : new Promise(() => {});
    },
    close: () => {},
  };
  await using stage = await Stage.open({ ...LOOPBACK, httpCaller });
  await stage.start('w', { completionCallbacks: [callback('http://127.0.0.1:1/x')] });
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await until(() => asked.length === 1);
  await stage.restart();
  await until(() => asked.length === 2);
  assert.equal((await infos(stage))[0]?.attempt, 0, 'no answer was noted');
  answers = true;
  await stage.restart();
  await inState(stage, CallbackState.BACKING_OFF);
  await stage.restart();
  await inState(stage, CallbackState.BACKING_OFF);
  assert.equal(asked.length, 3);
  await stage.clock.advance(1000);
  await until(() => asked.length === 4);
});

test('nobody hears of an end that is not durable yet', async () => {
  const seen: string[] = [];
  let describeNow: () => Promise<unknown> = () => Promise.resolve();
  const httpCaller: HttpCaller = {
    post: async () => {
      seen.push('called');
      await describeNow();
      return { status: 200 };
    },
    close: () => {},
  };
  await using stage = await Stage.open({ ...LOOPBACK, httpCaller });
  await stage.start('w', { completionCallbacks: [callback('http://127.0.0.1:1/x')] });
  const task = await stage.pollWorkflow();
  const completed = stage.complete(task, [completeWorkflow()]).then(() => seen.push('answered'));
  // The receiver may ask back at once, and finds the run closed.
  describeNow = () => stage.events('w').then((events) => seen.push(`events ${events.length}`));
  await completed;
  await inState(stage, CallbackState.SUCCEEDED);
  assert.ok(seen.includes('events 5'), seen.join());
});

test('a receiver that hangs does not keep another one waiting', async () => {
  const asked: string[] = [];
  const httpCaller: HttpCaller = {
    post: ({ url }) => {
      asked.push(url);
      return url.includes(':1/') ? new Promise(() => {}) : Promise.resolve({ status: 200 });
    },
    close: () => {},
  };
  await using stage = await Stage.open({ ...LOOPBACK, httpCaller });
  for (let n = 0; n < 100; n++) {
    await stage.start(`slow${n}`, { completionCallbacks: [callback('http://127.0.0.1:1/x')] });
    await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  }
  await stage.start('w', { completionCallbacks: [callback('http://127.0.0.1:2/x')] });
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await inState(stage, CallbackState.SUCCEEDED);
  assert.equal(asked.filter((url) => url.includes(':1/')).length, 16);
});

test('only addresses that the operator lists are called', async () => {
  await using stage = await Stage.open({ callbackAddresses: ['https://*.example.com', 'http://localhost:8080'] });
  let started = 0;
  const start = (url: string, header: [string, string][] = []) => stage.start(`w${++started}`, { completionCallbacks: [callback(url, header)] });
  await start('https://a.b.example.com/x?y');
  await start('https://a.example.com:443/');
  await start('http://localhost:8080/');
  await start('temporal://system');
  const refused: [string, RegExp][] = [
    ['http://a.example.com/', /does not match any configured callback address/],
    ['https://example.com.evil.org/', /does not match/],
    ['https://a.example.com:8443/', /does not match/],
    ['http://localhost/', /does not match/],
    ['http://127.0.0.1:8080/', /does not match/],
    ['https://aexample.com/', /does not match/],
    ['ftp://a.example.com/', /unknown scheme/],
    ['http://', /missing host/],
    [`https://a.example.com/${'x'.repeat(1000)}`, /url length longer/],
  ];
  for (const [url, says] of refused) {
    await assert.rejects(start(url), (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT && says.test(error.message), url);
  }
  await assert.rejects(start('http://localhost:8080/', [['a', 'x'.repeat(9000)]]), /header size longer/);
  await assert.rejects(start('http://localhost:8080/', [['a', 'b\r\nc: d']]), /no header that HTTP can carry/);
  await assert.rejects(Stage.open({ callbackAddresses: ['example.com'] }), TypeError);
});

test('a callback that is attached to a run names the start that attached it', async () => {
  await using stage = await Stage.open(LOOPBACK);
  await using there = await receiver();
  await stage.start('w');
  const attach = startRequest('w', { requestId: 'other', workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING, onConflictOptions: { attachRequestId: true, attachCompletionCallbacks: true }, completionCallbacks: [callback(there.url)] });
  await stage.call(StartWorkflowExecution, attach);
  await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
  await until(() => there.calls.length === 1);
  assert.match(String(there.calls[0]?.headers['nexus-link']), /eventType=WorkflowExecutionOptionsUpdated&referenceType=RequestIdReference&requestID=other/);
});

test('the outcome of an update is posted while its run goes on', async () => {
  await using stage = await Stage.open(LOOPBACK);
  await using there = await receiver();
  await stage.start('w');
  await stage.complete(await stage.pollWorkflow(), []);
  const update = (url: string, requestId: string) =>
    stage.call(WorkflowService.UpdateWorkflowExecution, {
      namespace: NAMESPACE,
      workflowExecution: { workflowId: 'w' },
      waitPolicy: { lifecycleStage: UpdateWorkflowExecutionLifecycleStage.COMPLETED },
      request: { meta: { updateId: 'u' }, input: { name: 'set' }, requestId, completionCallbacks: [callback(url)] },
    });
  await assert.rejects(update('http://elsewhere/', 'request'), (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT);
  await assert.rejects(update(there.url, ''), (error) => error instanceof RpcError && error.code === Code.INVALID_ARGUMENT);
  const updated = update(there.url, 'request');
  const task = await stage.pollWorkflow();
  const [request] = task.messages;
  const body = pack(Acceptance, { acceptedRequestMessageId: request?.id, acceptedRequest: UpdateRequest.decode(request?.body?.value ?? new Uint8Array(0)) });
  const done = pack(UpdateResponse, { meta: { updateId: 'u' }, outcome: { success: payloads('res') } });
  await stage.complete(task, [], { messages: [{ id: 'accept', protocolInstanceId: 'u', body }, { id: 'done', protocolInstanceId: 'u', body: done }] });
  await updated;
  await inState(stage, CallbackState.SUCCEEDED);
  const { headers, body: posted } = there.calls[0] as Call;
  assert.deepEqual([posted, headers['nexus-operation-state']], ['"res"', 'succeeded']);
  assert.match(String(headers['nexus-link']), /eventType=WorkflowExecutionUpdateAccepted&referenceType=RequestIdReference&requestID=request/);
  assert.equal((await infos(stage))[0]?.trigger?.updateWorkflowExecutionCompleted?.updateId, 'u');
});
