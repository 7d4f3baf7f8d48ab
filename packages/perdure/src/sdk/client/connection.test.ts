/** What a connection adds to requests: metadata, keys, deadlines; and that it finds out whether a server is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError, WorkflowService } from '../../protocol/index.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import { AsyncCompletionClient } from './async-completion-client.js';
import { Client } from './client.js';
import { Connection } from './connection.js';
import { ActivityCancelledError, ActivityNotFoundError, isGrpcCancelledError, isGrpcDeadlineError, ServiceError } from './errors.js';
import { LazyTransport } from './lazy-transport.js';
import { ScriptedTransport } from './scripted-transport.js';

const { GetSystemInfo, SignalWorkflowExecution } = WorkflowService;

test('scopes set deadline, metadata and signal for the requests made inside, and nest', async () => {
  const transport = new ScriptedTransport().onSequence(SignalWorkflowExecution, {});
  const client = new Client({ connection: Connection.from(transport) });
  const handle = client.workflow.getHandle('w');
  const controller = new AbortController();
  await client.withDeadline(Date.now() + 60_000, () =>
    client.withMetadata({ 'X-Tenant': 'a' }, () =>
      client.withMetadata({ trace: '1' }, () => client.withAbortSignal(controller.signal, () => handle.signal('go'))),
    ),
  );
  await handle.signal('go');
  const [inside, outside] = transport.calls.map((call) => call.options);
  assert.deepEqual(inside?.metadata, { 'x-tenant': 'a', trace: '1' });
  assert.equal(inside?.signal, controller.signal);
  assert.ok(inside?.timeoutMs !== undefined && inside.timeoutMs > 0 && inside.timeoutMs <= 60_000);
  assert.deepEqual(outside, {});
});

test('a passed deadline and an aborted signal are told apart', async () => {
  const client = new Client({ connection: Connection.from(new ScriptedTransport().onSequence(SignalWorkflowExecution, {})) });
  const handle = client.workflow.getHandle('w');
  await assert.rejects(client.withDeadline(0, () => handle.signal('go')), isGrpcDeadlineError);
  await assert.rejects(client.withAbortSignal(AbortSignal.abort(), () => handle.signal('go')), isGrpcCancelledError);
});

test('ensureConnected asks the server once; an old server counts; a refusal does not', async () => {
  const transport = new ScriptedTransport().onSequence(GetSystemInfo, {});
  const connection = Connection.from(transport);
  await Promise.all([connection.ensureConnected(), connection.ensureConnected()]);
  assert.equal(transport.calls.length, 1);
  await Connection.from(new ScriptedTransport()).ensureConnected();
  const refused = Connection.from(new ScriptedTransport().onSequence(GetSystemInfo, new RpcError(Code.UNAUTHENTICATED, 'who?'), {}));
  await assert.rejects(refused.ensureConnected(), (error) => error instanceof ServiceError && error.code === Code.UNAUTHENTICATED);
  await refused.ensureConnected();
});

test('a lazy transport opens once, and again after a failure, and closes what it opened', async () => {
  const transport = new ScriptedTransport().onSequence(GetSystemInfo, {});
  let opened = 0;
  const lazy = new LazyTransport(async () => {
    opened += 1;
    if (opened === 1) throw new TypeError('bad address');
    return transport;
  });
  await assert.rejects(lazy.call(GetSystemInfo, {}), { name: 'RpcError', code: Code.INVALID_ARGUMENT, message: 'bad address' });
  await Promise.all([lazy.call(GetSystemInfo, {}), lazy.call(GetSystemInfo, {})]);
  assert.equal(opened, 2);
  await lazy.close();
  assert.equal(transport.closed, true);
  await assert.rejects(lazy.call(GetSystemInfo, {}), { code: Code.CANCELLED });
});

test('on a clock of its own, a connection is given its time by that clock', async () => {
  const aheadMs = 365 * 86_400_000;
  const time: WorkerTime = { ...systemTime, now: () => Date.now() + aheadMs };
  await Connection.from(new ScriptedTransport().onSequence(GetSystemInfo, {}), { time }).ensureConnected();
});

test('an API key and an authorization entry are not given both', () => {
  assert.throws(() => Connection.lazy({ apiKey: 'k', metadata: { Authorization: 'x' } }), TypeError);
});

test('every RPC is there in its raw form', async () => {
  const transport = new ScriptedTransport().on(WorkflowService.DescribeNamespace, (request) => ({ namespaceInfo: { name: request.namespace } }));
  const { namespaceInfo } = await Connection.from(transport).workflowService.describeNamespace({ namespace: 'shop' });
  assert.equal(namespaceInfo?.name, 'shop');
});

test('activities are completed by token and by id', async () => {
  const transport = new ScriptedTransport()
    .onSequence(WorkflowService.RespondActivityTaskCompleted, {})
    .onSequence(WorkflowService.RespondActivityTaskFailedById, new RpcError(Code.NOT_FOUND, 'not running'))
    .onSequence(WorkflowService.RecordActivityTaskHeartbeat, { cancelRequested: true });
  const client = new AsyncCompletionClient({ connection: Connection.from(transport) });
  await client.complete(new Uint8Array([1]), undefined);
  // One payload even for undefined: a result of none is refused by workers.
  assert.ok((transport.requests(WorkflowService.RespondActivityTaskCompleted)[0]?.result?.byteLength ?? 0) > 0);
  await assert.rejects(client.fail({ workflowId: 'w', activityId: 'a' }, new Error('x')), ActivityNotFoundError);
  assert.equal(transport.requests(WorkflowService.RespondActivityTaskFailedById)[0]?.activityId, 'a');
  await assert.rejects(client.heartbeat(new Uint8Array([1]), { at: 3 }), ActivityCancelledError);
});
