/**
 * The door against an independent client: whatever Temporal's SDKs may send must be answered as gRPC prescribes, and no client can make
 * the server hold memory or long polls for it beyond its limits.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import grpc from '@grpc/grpc-js';
import { Code, Health, HealthCheckResponse, NamespaceNotFoundFailure, RpcError, Status, WorkflowService } from '../../protocol/index.js';
import { connectGrpc } from '../../transport/grpc-client.js';
import { Router, type CallContext } from '../../transport/transport.js';
import { openGrpcDoor, type GrpcDoor, type GrpcDoorOptions } from './door.js';
import { foreignClient, type ForeignClient } from './testing-grpc-js.js';

const { DescribeNamespace, PollActivityTaskQueue, StartWorkflowExecution } = WorkflowService;
const MIB = 1024 * 1024;

/** Long polls that wait until they are answered. */
class Polls {
  readonly waiting = new Set<() => void>();
  #changed: () => void = () => {};

  readonly handler = (_: unknown, context: CallContext) =>
    new Promise<{ activityId: string }>((resolve, reject) => {
      const answer = (): void => this.#remove(answer, () => resolve({ activityId: 'a1' }));
      context.signal.addEventListener('abort', () => this.#remove(answer, () => reject(context.signal.reason as Error)));
      this.waiting.add(answer);
      this.#changed();
    });

  #remove(answer: () => void, settle: () => void): void {
    if (!this.waiting.delete(answer)) return;
    settle();
    this.#changed();
  }

  /** Resolves once this many wait. */
  async reach(count: number): Promise<void> {
    while (this.waiting.size !== count) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

interface Setup {
  readonly router: Router;
  readonly polls: Polls;
  readonly door: GrpcDoor;
  readonly client: ForeignClient;
  /** A bare HTTP/2 connection, for what no gRPC library sends. */
  readonly raw: ClientHttp2Session;
}

function doorTest(title: string, run: (setup: Setup) => Promise<void>, options: Partial<GrpcDoorOptions> = {}): void {
  test(title, { timeout: 60_000 }, async () => {
    const polls = new Polls();
    const router = new Router()
      .add(DescribeNamespace, ({ namespace }) => ({ namespaceInfo: { name: namespace } }))
      .add(StartWorkflowExecution, ({ input }) => ({ runId: String(input?.byteLength ?? 0) }))
      .add(PollActivityTaskQueue, polls.handler);
    const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0, ...options });
    const client = foreignClient(door.address);
    const raw = http2.connect(`http://${door.address}`);
    raw.on('error', () => {});
    try {
      await run({ router, polls, door, client, raw });
    } finally {
      client.close();
      raw.destroy();
      await door.close(0);
    }
  });
}

interface RawReply {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number | undefined;
}

function rawCall(session: ClientHttp2Session, body: Buffer | undefined, headers: IncomingHttpHeaders = {}): Promise<RawReply> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': StartWorkflowExecution.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const reply = { headers: {}, trailers: {}, chunks: [] as Buffer[] };
    stream.on('response', (received) => (reply.headers = received));
    stream.on('trailers', (received) => (reply.trailers = received));
    stream.on('data', (chunk: Buffer) => reply.chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => resolve({ ...reply, body: Buffer.concat(reply.chunks), rstCode: stream.rstCode }));
    stream.end(body);
  });
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.from([flag, 0, 0, 0, 0]);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

async function foreignFailure(call: Promise<unknown>): Promise<grpc.ServiceError> {
  return call.then(() => assert.fail('the call should have failed'), (error: grpc.ServiceError) => error);
}

doorTest('a call and its metadata', async ({ client, router }) => {
  router.add(DescribeNamespace, ({ namespace }, { metadata }) => {
    assert.equal(metadata['temporal-namespace'], 'shop');
    assert.equal(metadata['trace-bin'], undefined);
    return { namespaceInfo: { name: namespace } };
  });
  const reply = await client.call(DescribeNamespace, { namespace: 'shop' }, { metadata: { 'temporal-namespace': 'shop' } });
  assert.equal(reply.namespaceInfo?.name, 'shop');
});

doorTest('an error carries code, message and details', async ({ client, router }) => {
  router.add(DescribeNamespace, () => {
    throw RpcError.with(Code.NOT_FOUND, 'Namespace "größe" is not found: 100 %', NamespaceNotFoundFailure, { namespace: 'größe' });
  });
  const error = await foreignFailure(client.call(DescribeNamespace, {}));
  assert.equal(error.code, grpc.status.NOT_FOUND);
  assert.equal(error.details, 'Namespace "größe" is not found: 100 %');
  const [bytes] = error.metadata.get('grpc-status-details-bin') as Buffer[];
  const status = Status.decode(bytes as Buffer);
  assert.equal(status.code, Code.NOT_FOUND);
  assert.equal(status.details[0]?.typeUrl, 'type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure');
});

doorTest('details that no header block can carry are left out; code and message still arrive', async ({ client, router }) => {
  router.add(DescribeNamespace, () => {
    throw RpcError.with(Code.NOT_FOUND, 'm'.repeat(100_000), NamespaceNotFoundFailure, { namespace: 'n'.repeat(200_000) });
  });
  const error = await foreignFailure(client.call(DescribeNamespace, {}));
  assert.equal(error.code, grpc.status.NOT_FOUND);
  assert.match(error.details, /^m{4096}…$/);
  assert.deepEqual(error.metadata.get('grpc-status-details-bin'), []);
});

doorTest('a deadline ends the call on both sides', async ({ client, polls }) => {
  const error = await foreignFailure(client.call(PollActivityTaskQueue, {}, { deadline: Date.now() + 50 }));
  assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
  await polls.reach(0);
});

doorTest('cancelling a poll frees its handler', async ({ client, polls }) => {
  let cancel = (): void => {};
  const call = foreignFailure(client.call(PollActivityTaskQueue, {}, { onCall: (made) => (cancel = () => made.cancel()) }));
  await polls.reach(1);
  cancel();
  assert.equal((await call).code, grpc.status.CANCELLED);
  await polls.reach(0);
});

doorTest('gzip requests are accepted and answered with gzip', async ({ door, raw }) => {
  const client = foreignClient(door.address, undefined, { 'grpc.default_compression_algorithm': 2 });
  const reply = await client.call(DescribeNamespace, { namespace: 'n'.repeat(100_000) });
  assert.equal(reply.namespaceInfo?.name.length, 100_000);
  client.close();
  const message = DescribeNamespace.request.encode({ namespace: 'n'.repeat(100_000) });
  const gzip = { ':path': DescribeNamespace.path, 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity,gzip' };
  const compressed = await rawCall(raw, frame(gzipSync(message), 1), gzip);
  assert.equal(compressed.headers['grpc-encoding'], 'gzip');
  assert.ok(compressed.body.length < 1000);
  const plain = await rawCall(raw, frame(message), { ':path': DescribeNamespace.path, 'grpc-accept-encoding': 'gzip' });
  assert.equal(plain.headers['grpc-encoding'], undefined);
});

doorTest('compression that cannot be undone is refused by its reason', async ({ raw }) => {
  const message = Buffer.alloc(20);
  const expect = async (body: Buffer, encoding: string | undefined, code: number): Promise<void> => {
    const { headers } = await rawCall(raw, body, encoding === undefined ? {} : { 'grpc-encoding': encoding });
    assert.equal(headers['grpc-status'], String(code), `${encoding}: ${String(headers['grpc-message'])}`);
    assert.equal(headers['grpc-accept-encoding'], 'identity,gzip');
  };
  await expect(frame(message, 1), undefined, Code.INTERNAL);
  await expect(frame(message, 1), 'identity', Code.INTERNAL);
  await expect(frame(message, 1), 'snappy', Code.UNIMPLEMENTED);
  await expect(frame(message, 1), 'gzip', Code.INTERNAL);
  await expect(frame(message, 7), 'gzip', Code.INTERNAL);
  const bomb = await rawCall(raw, frame(gzipSync(Buffer.alloc(100 * MIB)), 1), { 'grpc-encoding': 'gzip' });
  assert.equal(bomb.headers['grpc-status'], String(Code.RESOURCE_EXHAUSTED));
  assert.match(String(bomb.headers['grpc-message']), /^grpc: received message after decompression larger than max 4194304/);
});

doorTest('a request above 4 MiB is refused and the connection goes on', async ({ client }) => {
  const input = Buffer.alloc(5 * MIB);
  for (let i = 0; i < 10; i++) {
    const error = await foreignFailure(client.call(StartWorkflowExecution, { input }));
    assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.match(error.details, /^grpc: received message larger than max \(52428\d\d vs\. 4194304\)$/);
    assert.equal((await client.call(StartWorkflowExecution, { input: input.subarray(0, 4 * MIB - 100) })).runId, String(4 * MIB - 100));
  }
});

doorTest('a message that announces too much is refused before it arrives', async ({ raw }) => {
  const stream = raw.request({ ':method': 'POST', ':path': StartWorkflowExecution.path, 'content-type': 'application/grpc' });
  stream.on('error', () => {});
  stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  assert.equal(headers['grpc-status'], String(Code.RESOURCE_EXHAUSTED));
  assert.match(String(headers['grpc-message']), /4294967295 vs\. 4194304/);
});

doorTest(
  'what unfinished requests hold together is limited',
  async ({ raw, client }) => {
    const half = frame(Buffer.alloc(MIB)).subarray(0, 300_000);
    const open = Array.from({ length: 4 }, () => {
      const stream = raw.request({ ':method': 'POST', ':path': StartWorkflowExecution.path, 'content-type': 'application/grpc' });
      stream.on('error', () => {});
      stream.write(half);
      return stream;
    });
    const [headers] = (await Promise.race(open.map((stream) => once(stream, 'response')))) as [IncomingHttpHeaders];
    assert.equal(headers['grpc-status'], String(Code.RESOURCE_EXHAUSTED));
    // Whoever leaves gives back what it held.
    await Promise.all(open.map((stream) => (stream.close(8), once(stream, 'close'))));
    assert.equal((await client.call(StartWorkflowExecution, { input: Buffer.alloc(900_000) })).runId, '900000');
  },
  { limits: { unfinishedRequestBytes: MIB } },
);

doorTest('a request in many small pieces is put together', async ({ raw }) => {
  const whole = frame(StartWorkflowExecution.request.encode({ input: Buffer.alloc(5000, 9) }));
  const stream = raw.request({ ':method': 'POST', ':path': StartWorkflowExecution.path, 'content-type': 'application/grpc+proto' });
  for (const byte of whole) stream.write(Buffer.from([byte]));
  stream.end();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [trailers] = (await once(stream, 'trailers')) as [IncomingHttpHeaders];
  assert.equal(trailers['grpc-status'], '0');
  assert.equal(StartWorkflowExecution.response.decode(Buffer.concat(chunks).subarray(5)).runId, '5000');
});

doorTest('malformed requests are refused by their reason', async ({ raw }) => {
  const cases: [string, Buffer | undefined, IncomingHttpHeaders, number][] = [
    ['not protobuf', frame(Buffer.from([0xff, 0xff, 0xff])), {}, Code.INVALID_ARGUMENT],
    ['no message', undefined, {}, Code.INTERNAL],
    ['half a message', frame(Buffer.alloc(10)).subarray(0, 8), {}, Code.INTERNAL],
    ['half a header', Buffer.from([0, 0]), {}, Code.INTERNAL],
    ['two messages', Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]), {}, Code.UNIMPLEMENTED],
    ['timeout without unit', frame(Buffer.alloc(0)), { 'grpc-timeout': '12' }, Code.INTERNAL],
    ['no such method', frame(Buffer.alloc(0)), { ':path': '/temporal.api.workflowservice.v1.WorkflowService/Nope' }, Code.UNIMPLEMENTED],
    ['no such service', frame(Buffer.alloc(0)), { ':path': '/a.B/C' }, Code.UNIMPLEMENTED],
    ['not a method name', frame(Buffer.alloc(0)), { ':path': '/' }, Code.UNIMPLEMENTED],
  ];
  for (const [what, body, headers, code] of cases) {
    const reply = await rawCall(raw, body, headers);
    assert.equal(reply.headers[':status'], 200, what);
    assert.equal(reply.headers['grpc-status'], String(code), `${what}: ${String(reply.headers['grpc-message'])}`);
    assert.ok(String(reply.headers['grpc-message']).length > 0, what);
  }
  assert.equal((await rawCall(raw, frame(Buffer.alloc(0)))).trailers['grpc-status'], '0');
});

doorTest('what is not gRPC gets an HTTP status', async ({ raw }) => {
  assert.equal((await rawCall(raw, Buffer.from('{}'), { 'content-type': 'application/json' })).headers[':status'], 415);
  assert.equal((await rawCall(raw, Buffer.from('{}'), { 'content-type': 'application/grpc-web' })).headers[':status'], 415);
  assert.equal((await rawCall(raw, undefined, { ':method': 'PUT' })).headers[':status'], 405);
});

doorTest('10,000 polls wait on 4 connections and are all answered', async ({ door, polls }) => {
  const transports = await Promise.all(Array.from({ length: 4 }, () => connectGrpc({ address: door.address })));
  const calls = Array.from({ length: 10_000 }, (_, i) => transports[i % 4]?.call(PollActivityTaskQueue, { identity: `worker ${i}` }, { timeoutMs: 600_000 }));
  await polls.reach(10_000);
  // The connections still take ordinary calls.
  assert.equal((await transports[0]?.call(DescribeNamespace, { namespace: 'n' }))?.namespaceInfo?.name, 'n');
  for (const answer of polls.waiting) answer();
  for (const reply of await Promise.all(calls)) assert.equal(reply?.activityId, 'a1');
  await Promise.all(transports.map((transport) => transport.close()));
});

doorTest('thousands of polls given up at once are freed, and the calls beside them live on', async ({ door, polls }) => {
  const transport = await connectGrpc({ address: door.address });
  const staying = transport.call(PollActivityTaskQueue, {});
  await polls.reach(1);
  const [answer] = polls.waiting;
  const caller = new AbortController();
  const calls = Array.from({ length: 3000 }, () => transport.call(PollActivityTaskQueue, {}, { signal: caller.signal }).catch((error: RpcError) => error));
  await polls.reach(3001);
  caller.abort();
  for (const error of await Promise.all(calls)) assert.equal(error instanceof RpcError && error.code, Code.CANCELLED);
  // A call made now must not end up on the connection that is on its way out.
  const next = transport.call(PollActivityTaskQueue, {});
  answer?.();
  assert.equal((await staying).activityId, 'a1');
  await polls.reach(1);
  for (const last of polls.waiting) last();
  assert.equal((await next).activityId, 'a1');
  await transport.close();
});

doorTest('a connection that breaks frees all its polls', async ({ door, polls }) => {
  const proxy = net.createServer((inner) => {
    const outer = net.connect(door.port, '127.0.0.1');
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on('error', () => {});
    inner.on('close', () => outer.destroy());
    broken = () => inner.resetAndDestroy();
  });
  let broken = (): void => {};
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const transport = await connectGrpc({ address: `127.0.0.1:${(proxy.address() as net.AddressInfo).port}` });
  const calls = Array.from({ length: 20 }, () => transport.call(PollActivityTaskQueue, {}).catch((error: RpcError) => error));
  await polls.reach(20);
  broken();
  for (const error of await Promise.all(calls)) {
    assert.ok(error instanceof RpcError);
    assert.equal(error.code, Code.UNAVAILABLE);
  }
  await polls.reach(0);
  await transport.close();
  proxy.close();
});

doorTest(
  'a peer that falls silent is found by ping, and its polls are freed',
  async ({ door, polls }) => {
    let frozen = false;
    const proxy = net.createServer((inner) => {
      const outer = net.connect(door.port, '127.0.0.1');
      inner.on('data', (chunk) => frozen || outer.write(chunk));
      outer.on('data', (chunk) => frozen || inner.write(chunk));
      for (const socket of [inner, outer]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const transport = await connectGrpc({ address: `127.0.0.1:${(proxy.address() as net.AddressInfo).port}` });
    const call = transport.call(PollActivityTaskQueue, {}).catch((error: RpcError) => error);
    await polls.reach(1);
    frozen = true;
    await polls.reach(0);
    await transport.close();
    await call;
    proxy.close();
  },
  { keepAlive: { intervalMs: 30, timeoutMs: 30 } },
);

doorTest('a reply to a client that has just gone does no harm', async ({ client, polls, door }) => {
  const leaving = foreignClient(door.address);
  const call = foreignFailure(leaving.call(PollActivityTaskQueue, {}));
  await polls.reach(1);
  const [answer] = polls.waiting;
  leaving.close();
  answer?.();
  await call.catch(() => {});
  assert.equal((await client.call(DescribeNamespace, { namespace: 'n' })).namespaceInfo?.name, 'n');
});

doorTest('what does not speak HTTP/2 is turned away', async ({ door, client }) => {
  const socket = net.connect(door.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  assert.equal((await client.call(DescribeNamespace, { namespace: 'n' })).namespaceInfo?.name, 'n');
});

test('closing lets calls under way finish, takes no new ones, and cuts off what stays', { timeout: 30_000 }, async () => {
  const polls = new Polls();
  const router = new Router().add(PollActivityTaskQueue, polls.handler);
  let closing = 0;
  const options = { router, host: '127.0.0.1', port: 0, onClosing: () => void (closing += 1) };
  const door = await openGrpcDoor(options);
  const transport = await connectGrpc({ address: door.address });
  const answered = transport.call(PollActivityTaskQueue, {});
  await polls.reach(1);
  const [answer] = polls.waiting;
  const closed = door.close(20_000);
  assert.equal(closing, 1);
  await assert.rejects(transport.call(PollActivityTaskQueue, {}), { code: Code.UNAVAILABLE });
  answer?.();
  assert.equal((await answered).activityId, 'a1');
  await closed;

  const second = await openGrpcDoor({ ...options, port: door.port });
  const cut = transport.call(PollActivityTaskQueue, {});
  await polls.reach(1);
  const outcome = assert.rejects(cut, { code: Code.UNAVAILABLE });
  await second.close(10);
  await outcome;
  await polls.reach(0);
  await transport.close();
});

test('closing does not wait for peers that are silent or never finished a handshake', { timeout: 20_000 }, async () => {
  const router = new Router().add(PollActivityTaskQueue, () => ({ taskToken: Buffer.alloc(32 * MIB) }));
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0 });
  const mute = net.connect(door.port, '127.0.0.1');
  const raw = http2.connect(`http://${door.address}`);
  for (const peer of [mute, raw]) peer.on('error', () => {});
  const stream = raw.request({ ':method': 'POST', ':path': PollActivityTaskQueue.path, 'content-type': 'application/grpc' });
  stream.on('error', () => {});
  stream.end(frame(Buffer.alloc(0)));
  await once(stream, 'response'); // never read: the server cannot write the rest
  await door.close(50);
  raw.destroy();
  mute.destroy();
});

test('a port in use is an error of openGrpcDoor', async () => {
  const door = await openGrpcDoor({ router: new Router(), host: '127.0.0.1', port: 0 });
  await assert.rejects(openGrpcDoor({ router: new Router(), host: '127.0.0.1', port: door.port }), { code: 'EADDRINUSE' });
  await door.close(0);
});

let isReady = true;
doorTest('health: a server that is not ready says so', async ({ client }) => {
  const { Check } = Health;
  assert.equal((await client.call(Check, {})).status, 1);
  isReady = false;
  assert.equal((await client.call(Check, {})).status, 2);
}, { isReady: () => isReady });

doorTest('health: Check and Watch', async ({ client, door }) => {
  const check = (service: string): Promise<number> =>
    new Promise((resolve, reject) =>
      client.client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        () => Buffer.concat([Buffer.from([10, service.length]), Buffer.from(service)]),
        (bytes) => HealthCheckResponse.decode(bytes).status,
        {},
        (error, status) => (error === null ? resolve(status as number) : reject(error)),
      ),
    );
  assert.equal(await check(''), 1);
  assert.equal(await check('temporal.api.workflowservice.v1.WorkflowService'), 1);
  await assert.rejects(check('nope'), { code: grpc.status.NOT_FOUND });

  const watch = client.client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', () => Buffer.alloc(0), (bytes) => HealthCheckResponse.decode(bytes).status, {});
  const statuses: number[] = [];
  watch.on('data', (status: number) => {
    statuses.push(status);
    if (statuses.length === 1) void door.close(5000);
  });
  const [status] = (await once(watch, 'status')) as [grpc.StatusObject];
  assert.deepEqual(statuses, [1, 2]);
  assert.equal(status.code, grpc.status.OK);
});
