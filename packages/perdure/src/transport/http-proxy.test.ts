/**
 * Connections through a proxy: the calls are the same, the proxy is asked as it wants to be, and a proxy that refuses, talks nonsense or
 * falls silent is named in the error.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { openGrpcDoor } from '../frontend/grpc/door.js';
import { Code, RpcError, WorkflowService } from '../protocol/index.js';
import { connectGrpc, type GrpcClientOptions } from './grpc-client.js';
import { listening, testProxy } from './testing-proxy.js';
import { Router } from './transport.js';

const { DescribeNamespace } = WorkflowService;

async function serverOf(t: TestContext): Promise<string> {
  const router = new Router().add(DescribeNamespace, ({ namespace }) => ({ namespaceInfo: { name: namespace } }));
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0 });
  t.after(() => door.close(0));
  return door.address;
}

async function nameThrough(t: TestContext, options: GrpcClientOptions): Promise<string | undefined> {
  const transport = await connectGrpc({ connectTimeoutMs: 2_000, ...options });
  t.after(() => transport.close());
  return (await transport.call(DescribeNamespace, { namespace: 'through' })).namespaceInfo?.name;
}

test('calls go through the tunnel; the proxy learns the address of the server and the password', async (t) => {
  const address = await serverOf(t);
  const proxy = await testProxy(t, 'user:secret word');
  const basicAuth = { username: 'user', password: 'secret word' };
  assert.equal(await nameThrough(t, { address, proxy: { type: 'http-connect', targetHost: `http://${proxy.address}`, basicAuth } }), 'through');
  assert.deepEqual(proxy.asked, [address]);
  // A connection that is lost is made again the same way.
  const open = await testProxy(t);
  assert.equal(await nameThrough(t, { address, proxy: { type: 'http-connect', targetHost: open.address } }), 'through');
});

test('a proxy that refuses says why, and what to give', async (t) => {
  const address = await serverOf(t);
  const proxy = await testProxy(t, 'user:right');
  const refused = (basicAuth?: { username: string; password: string }) => nameThrough(t, { address, proxy: { type: 'http-connect', targetHost: proxy.address, ...(basicAuth && { basicAuth }) } });
  const says = (text: string) => (error: unknown) => error instanceof RpcError && error.code === Code.UNAVAILABLE && error.message.includes(`no connection to ${address} through the proxy ${proxy.address}: ${text}`);
  await assert.rejects(refused(), says('it answered 407 Proxy Authentication Required. Give `proxy.basicAuth`'));
  await assert.rejects(refused({ username: 'user', password: 'wrong' }), says('it answered 407 Proxy Authentication Required. Check `proxy.basicAuth`'));
});

test('one that talks nonsense, too much or nothing, or hangs up, is given up', async (t) => {
  const behaviours: [answer: (socket: net.Socket) => void, reason: RegExp][] = [
    [(socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'), /its answer is not HTTP$/],
    [(socket) => socket.write('x'.repeat(20_000)), /its answer is not that of a proxy$/],
    [(socket) => void socket.end(), /the proxy closed the connection$/],
    [() => undefined, /no answer within 300 ms$/],
  ];
  for (const [answer, reason] of behaviours) {
    const targetHost = await listening(t, net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    }));
    await assert.rejects(nameThrough(t, { address: '127.0.0.1:1', connectTimeoutMs: 300, proxy: { type: 'http-connect', targetHost } }), reason);
  }
});

test('what the server says first is not lost, even if it comes with the answer of the proxy', async (t) => {
  const address = await serverOf(t);
  // Holds its answer back until the server has spoken, and gives both at once.
  const targetHost = await listening(t, net.createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', () => {
      const [host, port] = address.split(':');
      const upstream = net.connect({ host: host ?? '', port: Number(port) });
      t.after(() => upstream.destroy());
      upstream.on('error', () => undefined);
      upstream.once('data', (settings: Buffer) => {
        client.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), settings]));
        upstream.pipe(client).pipe(upstream);
      });
    });
  }));
  assert.equal(await nameThrough(t, { address, proxy: { type: 'http-connect', targetHost } }), 'through');
});

test('a configuration that names no proxy is refused before anything is sent', async () => {
  for (const targetHost of ['proxy', 'https://proxy:3128', 'proxy:port', 'http://user:word@proxy:3128', '::1:3128']) {
    await assert.rejects(connectGrpc({ address: '127.0.0.1:1', proxy: { type: 'http-connect', targetHost } }), /proxy\.targetHost is host:port/);
  }
  await assert.rejects(connectGrpc({ address: '127.0.0.1:1', proxy: { type: 'http-connect', targetHost: '[::1]:3128', basicAuth: { username: 'a:b', password: 'c' } } }), /must not contain/);
});
