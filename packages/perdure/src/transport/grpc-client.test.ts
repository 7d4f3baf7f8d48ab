/**
 * The client against an independent server and against servers that misbehave. What must hold: every call settles with a reply or an
 * `RpcError`, once; a lost connection is made again; nothing is queued or waited for without a limit.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import grpc from '@grpc/grpc-js';
import { openGrpcDoor } from '../frontend/grpc/door.js';
import { foreignServer } from '../frontend/grpc/testing-grpc-js.js';
import { Code, NamespaceNotFoundFailure, RpcError, WorkflowService } from '../protocol/index.js';
import { connectGrpc, type GrpcClientOptions } from './grpc-client.js';
import { Router, type Transport } from './transport.js';

const { DescribeNamespace, PollActivityTaskQueue, StartWorkflowExecution } = WorkflowService;

async function withTransport(options: GrpcClientOptions, run: (transport: Transport) => Promise<void>): Promise<void> {
  const transport = await connectGrpc(options);
  try {
    await run(transport);
  } finally {
    await transport.close();
  }
}

const describe = (transport: Transport, namespace = 'n') => transport.call(DescribeNamespace, { namespace });

test('a call to an independent server: metadata, reply, gzip', async () => {
  const seen: unknown[] = [];
  const { server, address } = await foreignServer(
    DescribeNamespace,
    (call, reply) => {
      seen.push(call.metadata.get('authorization')[0], call.metadata.get('client-name')[0]);
      reply(null, { namespaceInfo: { name: call.request.namespace } });
    },
    { 'grpc.default_compression_algorithm': 2 },
  );
  let token = 0;
  await withTransport({ address, metadata: () => ({ authorization: `Bearer ${++token}` }) }, async (transport) => {
    const long = 'n'.repeat(50_000);
    assert.equal((await transport.call(DescribeNamespace, { namespace: long }, { metadata: { 'client-name': 'test' } })).namespaceInfo?.name, long);
    assert.equal((await describe(transport)).namespaceInfo?.name, 'n');
  });
  assert.deepEqual(seen, ['Bearer 1', 'test', 'Bearer 2', undefined]);
  server.forceShutdown();
});

test('an error of an independent server: code, message, details', async () => {
  const { server, address } = await foreignServer(DescribeNamespace, (_, reply) => {
    const metadata = new grpc.Metadata();
    const status = RpcError.with(Code.NOT_FOUND, 'größe 100 %', NamespaceNotFoundFailure, { namespace: 'x' }).toStatus();
    metadata.set('grpc-status-details-bin', Buffer.from(status));
    reply({ code: grpc.status.NOT_FOUND, details: 'größe 100 %', metadata });
  });
  await withTransport({ address }, async (transport) => {
    const error = await describe(transport).catch((reason: RpcError) => reason);
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.message, error.detail(NamespaceNotFoundFailure)?.namespace], [Code.NOT_FOUND, 'größe 100 %', 'x']);
  });
  server.forceShutdown();
});

test('deadline and cancellation reach an independent server', async () => {
  let cancelled = 0;
  const both = withResolvers();
  const entered = withResolvers();
  const { server, address } = await foreignServer(PollActivityTaskQueue, (call) => {
    if (call.request.identity === 'aborts') entered.resolve();
    else assert.ok(Number(call.getDeadline()) < Infinity);
    call.on('cancelled', () => {
      if (++cancelled === 2) both.resolve();
    });
  });
  await withTransport({ address }, async (transport) => {
    await assert.rejects(transport.call(PollActivityTaskQueue, {}, { timeoutMs: 50 }), { code: Code.DEADLINE_EXCEEDED });
    const caller = new AbortController();
    const call = assert.rejects(transport.call(PollActivityTaskQueue, { identity: 'aborts' }, { signal: caller.signal }), { code: Code.CANCELLED });
    await entered.promise;
    caller.abort();
    await call;
    await both.promise;
  });
  server.forceShutdown();
});

test('more calls than the peer takes at once wait their turn', async () => {
  let now = 0;
  let most = 0;
  const { server, address } = await foreignServer(
    DescribeNamespace,
    (call, reply) => {
      most = Math.max(most, ++now);
      setImmediate(() => {
        now -= 1;
        reply(null, { namespaceInfo: { name: call.request.namespace } });
      });
    },
    { 'grpc.max_concurrent_streams': 5 },
  );
  await withTransport({ address }, async (transport) => {
    const caller = new AbortController();
    const calls = Array.from({ length: 100 }, (_, i) => describe(transport, `n${i}`));
    const left = transport.call(DescribeNamespace, {}, { signal: caller.signal });
    caller.abort();
    await assert.rejects(left, { code: Code.CANCELLED });
    assert.deepEqual((await Promise.all(calls)).map((reply) => reply.namespaceInfo?.name), calls.map((_, i) => `n${i}`));
    assert.ok(most <= 5, `${most} at once`);
  });
  server.forceShutdown();
});

test('the queue of waiting calls is bounded', async () => {
  const silent = net.createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  await withTransport({ address: `127.0.0.1:${(silent.address() as AddressInfo).port}`, connectTimeoutMs: 100 }, async (transport) => {
    const outcomes = await Promise.all(Array.from({ length: 10_001 }, () => describe(transport).catch((error: RpcError) => error.code)));
    assert.equal(outcomes.filter((code) => code === Code.RESOURCE_EXHAUSTED).length, 1);
    assert.equal(outcomes.filter((code) => code === Code.UNAVAILABLE).length, 10_000);
  });
  silent.close();
});

test('nobody listens: UNAVAILABLE with the address; a server that comes back is found', async () => {
  const first = await foreignServer(DescribeNamespace, (_, reply) => reply(null, {}));
  const port = Number(first.address.split(':')[1]);
  await withTransport({ address: first.address }, async (transport) => {
    await describe(transport);
    first.server.forceShutdown();
    let error: RpcError;
    do error = await describe(transport).then(() => assert.fail('nobody listens'), (reason: RpcError) => reason);
    while (!error.message.includes('ECONNREFUSED'));
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.ok(error.message.includes(first.address), error.message);
    const second = await foreignServer(DescribeNamespace, (_, reply) => reply(null, {}), {}, undefined, port);
    await describe(transport);
    second.server.forceShutdown();
  });
});

/** A server that answers by hand, for what gRPC libraries never do. */
async function scripted(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: ServerHttp2Session) => void) {
  const server = http2.createServer();
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    onStream(stream, headers, stream.session as ServerHttp2Session);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    close: () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

const OK = { ':status': 200, 'content-type': 'application/grpc' };
const reply = (stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string> = { 'grpc-status': '0' }, headers: Record<string, string> = {}): void => {
  stream.respond({ ...OK, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
};
const EMPTY_MESSAGE = Buffer.alloc(5);

test('replies that break the protocol become errors that say so', async () => {
  const cases: Record<string, [(stream: ServerHttp2Stream) => void, Code, RegExp]> = {
    http503: [(stream) => stream.respond({ ':status': 503 }, { endStream: true }), Code.UNAVAILABLE, /HTTP status 503/],
    http404: [(stream) => stream.respond({ ':status': 404 }, { endStream: true }), Code.UNIMPLEMENTED, /HTTP status 404/],
    noStatus: [(stream) => reply(stream, EMPTY_MESSAGE, { other: 'x' }), Code.UNKNOWN, /no status/],
    noTrailers: [(stream) => (stream.respond(OK), stream.end(EMPTY_MESSAGE)), Code.INTERNAL, /without a status/],
    noMessage: [(stream) => reply(stream, Buffer.alloc(0)), Code.INTERNAL, /without a whole message/],
    twoMessages: [(stream) => reply(stream, Buffer.alloc(10)), Code.UNIMPLEMENTED, /exactly one message/],
    notProtobuf: [(stream) => reply(stream, Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff])), Code.INTERNAL, /malformed reply/],
    unknownCode: [(stream) => reply(stream, Buffer.alloc(0), { 'grpc-status': '99', 'grpc-message': 'odd' }), Code.UNKNOWN, /^odd$/],
    brokenDetails: [(stream) => reply(stream, Buffer.alloc(0), { 'grpc-status': '5', 'grpc-message': '%zz%E7%8A%AC', 'grpc-status-details-bin': '////' }), Code.NOT_FOUND, /^%zz犬$/],
    unasked: [(stream) => reply(stream, Buffer.from([1, 0, 0, 0, 1, 0]), undefined, { 'grpc-encoding': 'snappy' }), Code.INTERNAL, /snappy/],
    tooLarge: [(stream) => reply(stream, Buffer.from([0, 0xff, 0, 0, 0])), Code.RESOURCE_EXHAUSTED, /larger than max \(4278190080 vs\. 1000000\)/],
    bomb: [(stream) => { const z = gzipSync(Buffer.alloc(2_000_000)); const head = Buffer.from([1, 0, 0, 0, 0]); head.writeUInt32BE(z.length, 1); reply(stream, Buffer.concat([head, z]), undefined, { 'grpc-encoding': 'gzip' }); }, Code.RESOURCE_EXHAUSTED, /after decompression larger than max/],
    reset: [(stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), Code.INTERNAL, /HTTP\/2 code 2/],
    calm: [(stream) => stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM), Code.RESOURCE_EXHAUSTED, /too much/],
    cancelled: [(stream) => stream.close(http2.constants.NGHTTP2_CANCEL), Code.CANCELLED, /server cancelled/],
  };
  let script: (stream: ServerHttp2Stream) => void = () => {};
  const server = await scripted((stream) => script(stream));
  await withTransport({ address: server.address, maxReceiveBytes: 1_000_000 }, async (transport) => {
    for (const [name, [act, code, message]] of Object.entries(cases)) {
      script = act;
      const error = await describe(transport).then(() => assert.fail(`${name} should have failed`), (reason: unknown) => reason);
      assert.ok(error instanceof RpcError, name);
      assert.equal(error.code, code, `${name}: ${error.message}`);
      assert.match(error.message, message, name);
    }
    const packed = gzipSync(DescribeNamespace.response.encode({ namespaceInfo: { name: 'packed' } }));
    script = (stream) => reply(stream, Buffer.concat([Buffer.from([1, 0, 0, 0, packed.length]), packed]), undefined, { 'grpc-encoding': 'gzip' });
    assert.equal((await describe(transport)).namespaceInfo?.name, 'packed');
  });
  assert.equal(server.sessions.length, 1, 'none of it costs the connection');
  server.close();
});

test('a call that the server refused unseen is sent once more, not for ever', async () => {
  let refusals = 1;
  let streams = 0;
  const server = await scripted((stream) => {
    streams += 1;
    if (refusals-- > 0) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else reply(stream, EMPTY_MESSAGE);
  });
  await withTransport({ address: server.address }, async (transport) => {
    await describe(transport);
    assert.equal(streams, 2);
    refusals = 2;
    await assert.rejects(describe(transport), { code: Code.UNAVAILABLE });
    assert.equal(streams, 4);
  });
  server.close();
});

test('after GOAWAY calls under way finish and new ones take a new connection', async () => {
  const held: ServerHttp2Stream[] = [];
  const server = await scripted((stream, headers, session) => {
    if (headers[':path'] === PollActivityTaskQueue.path) {
      held.push(stream);
      session.goaway();
    } else reply(stream, EMPTY_MESSAGE);
  });
  await withTransport({ address: server.address }, async (transport) => {
    const poll = transport.call(PollActivityTaskQueue, {});
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    while (server.sessions.length < 2) await describe(transport);
    reply(held[0] as ServerHttp2Stream, EMPTY_MESSAGE);
    assert.equal((await poll).activityId, '');
  });
  server.close();
});

test('a peer that does not answer pings is left', async () => {
  // Accepts, speaks HTTP/2 at first, then falls silent: as a machine that lost its network does.
  const arrived = withResolvers();
  const inner = await scripted(() => arrived.resolve());
  let frozen = false;
  const proxy = net.createServer((socket) => {
    const outer = net.connect(Number(inner.address.split(':')[1]), '127.0.0.1');
    socket.on('data', (chunk) => frozen || outer.write(chunk));
    outer.on('data', (chunk) => frozen || socket.write(chunk));
    for (const end of [socket, outer]) end.on('error', () => {});
    socket.on('close', () => outer.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await withTransport({ address, keepAlive: { intervalMs: 30, timeoutMs: 30 } }, async (transport) => {
    const poll = describe(transport);
    await arrived.promise;
    frozen = true;
    await assert.rejects(poll, { code: Code.UNAVAILABLE, message: /lost the connection/ });
  });
  proxy.close();
  inner.close();
});

test('what cannot be sent is refused before it harms the connection', async () => {
  const server = await scripted((stream) => reply(stream, EMPTY_MESSAGE));
  await assert.rejects(connectGrpc({ address: 'http://127.0.0.1:1' }), TypeError);
  await assert.rejects(connectGrpc({ address: 'localhost' }), TypeError);
  await assert.rejects(connectGrpc({ address: server.address, metadata: { 'Upper-Case': 'x' } }), TypeError);
  await withTransport({ address: server.address }, async (transport) => {
    await describe(transport);
    for (const metadata of [{ 'a b': 'x' }, { a: 'line\nbreak' }, { connection: 'close' }, { ':path': '/x' }, { 'grpc-timeout': '1S' }] as Record<string, string>[]) {
      await assert.rejects(transport.call(DescribeNamespace, {}, { metadata }), { code: Code.INVALID_ARGUMENT });
    }
    await assert.rejects(transport.call(StartWorkflowExecution, { workflowRunTimeout: Number.NaN }), { code: Code.INVALID_ARGUMENT });
    await describe(transport);
  });
  assert.equal(server.sessions.length, 1);
  server.close();
});

test('an idle connection does not keep the process alive, a call under way does', { timeout: 30_000 }, async () => {
  let polls = 0;
  const router = new Router().add(DescribeNamespace, () => ({})).add(PollActivityTaskQueue, () => new Promise((resolve) => setTimeout(() => resolve({ activityId: `${++polls}` }), 300)));
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0 });
  const script = `
    const { connectGrpc } = await import(${JSON.stringify(new URL('./grpc-client.js', import.meta.url).href)});
    const { WorkflowService } = await import(${JSON.stringify(new URL('../protocol/index.js', import.meta.url).href)});
    const transport = await connectGrpc({ address: ${JSON.stringify(door.address)} });
    await transport.call(WorkflowService.DescribeNamespace, {});
    transport.call(WorkflowService.PollActivityTaskQueue, {}, { timeoutMs: 20000 }).then((reply) => console.log('poll', reply.activityId));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = await once(child, 'close');
  assert.deepEqual([code, output], [0, 'poll 1\n']);
  await door.close(0);
});

function withResolvers() {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A throw-away authority and certificates, made by the openssl program. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.crt');
  fs.writeFileSync(path.join(folder, 'names'), 'subjectAltName=DNS:perdure.test');
  for (const name of ['server', 'client']) {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-out', `${name}.crt`);
  }
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('TLS both ways: the right authority and certificate, and every wrong one', { skip: !hasOpenssl() && 'the openssl program makes the certificates' }, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-tls-'));
  try {
    makeCertificates(folder);
    const pem = (name: string): Buffer => fs.readFileSync(path.join(folder, name));
    const router = new Router().add(DescribeNamespace, ({ namespace }) => ({ namespaceInfo: { name: namespace } }));
    const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0, tls: { cert: pem('server.crt'), key: pem('server.key'), clientCa: pem('ca.crt') } });
    const { address } = door;
    const authority = { serverRootCACertificate: pem('ca.crt'), serverNameOverride: 'perdure.test' };
    const clientCertPair = { crt: pem('client.crt'), key: pem('client.key') };
    await withTransport({ address, tls: { ...authority, clientCertPair } }, async (transport) => {
      assert.equal((await describe(transport, 'secret')).namespaceInfo?.name, 'secret');
    });
    for (const tls of [authority, { ...authority, clientCertPair, serverNameOverride: 'other.test' }, { serverNameOverride: 'perdure.test', clientCertPair }, false as const]) {
      await withTransport({ address, tls, connectTimeoutMs: 2000 }, async (transport) => {
        await assert.rejects(describe(transport), { code: Code.UNAVAILABLE });
      });
    }
    const credentials = grpc.credentials.createSsl(pem('ca.crt'), pem('client.key'), pem('client.crt'));
    const { foreignClient } = await import('../frontend/grpc/testing-grpc-js.js');
    const foreign = foreignClient(address, credentials, { 'grpc.ssl_target_name_override': 'perdure.test' });
    assert.equal((await foreign.call(DescribeNamespace, { namespace: 'secret' })).namespaceInfo?.name, 'secret');
    foreign.close();
    await door.close(0);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
