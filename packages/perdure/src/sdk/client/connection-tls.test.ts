/**
 * Connections as they are configured for real servers: encryption with an authority and a client certificate of one's own, API keys that
 * change, metadata in scopes. The server is an independent implementation of gRPC.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import grpc from '@grpc/grpc-js';
import { foreignServer, type ForeignServer } from '../../frontend/grpc/testing-grpc-js.js';
import { openGrpcDoor } from '../../frontend/grpc/door.js';
import { Code, TestService, WorkflowService } from '../../protocol/index.js';
import { testProxy } from '../../transport/testing-proxy.js';
import { Router } from '../../transport/transport.js';
import { Connection, type TLSConfig } from './connection.js';
import { ServiceError } from './errors.js';

let folder: string;
let server: ForeignServer;
const seen: Record<string, unknown>[] = [];
const pem = (name: string): Buffer => fs.readFileSync(path.join(folder, name));

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-connection-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.crt');
  fs.writeFileSync(path.join(folder, 'names'), 'subjectAltName=DNS:perdure.test\n');
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-out', `${name}.crt`);
  }
  const credentials = grpc.ServerCredentials.createSsl(pem('ca.crt'), [{ private_key: pem('server.key'), cert_chain: pem('server.crt') }], true);
  server = await foreignServer(
    WorkflowService.GetSystemInfo,
    (call, reply) => {
      seen.push(call.metadata.getMap());
      reply(null, { serverVersion: '1' });
    },
    {},
    credentials,
  );
});

after(() => {
  server.server.forceShutdown();
  fs.rmSync(folder, { recursive: true });
});

const trusted = (): TLSConfig => ({ serverRootCACertificate: pem('ca.crt'), serverNameOverride: 'perdure.test', clientCertPair: { crt: pem('client.crt'), key: pem('client.key') } });

test('mutual TLS: the right authority, name and certificate connect, and each wrong one says so', async () => {
  const connection = await Connection.connect({ address: server.address, tls: trusted() });
  assert.equal((await connection.workflowService.getSystemInfo({})).serverVersion, '1');
  await connection.close();
  const { clientCertPair, ...anonymous } = trusted();
  for (const tls of [anonymous, { ...trusted(), serverNameOverride: 'other.test' }, { serverNameOverride: 'perdure.test', clientCertPair }, true, false]) {
    await assert.rejects(Connection.connect({ address: server.address, tls, connectTimeout: 1_000 } as Parameters<typeof Connection.connect>[0]), (error) => error instanceof ServiceError && /^Cannot connect to 127\.0\.0\.1:\d+: /.test(error.message));
  }
});

test('an API key is asked for with each request, can change, as metadata can, and can be another one in a scope', async () => {
  seen.length = 0;
  let count = 0;
  const connection = await Connection.connect({ address: server.address, tls: trusted(), metadata: { 'X-Team': 'shop' }, apiKey: () => `key-${++count}` });
  const ask = () => connection.workflowService.getSystemInfo({});
  await ask();
  await connection.withApiKey('other', () => connection.withMetadata({ Trace: 't' }, ask));
  connection.setApiKey('static');
  await ask();
  connection.setMetadata({ 'X-Team': 'bar' });
  await ask();
  await connection.close();
  const sent = seen.map((metadata) => [metadata['authorization'], metadata['x-team'], metadata['trace']]);
  assert.deepEqual(sent, [['Bearer key-1', 'shop', undefined], ['Bearer key-2', 'shop', undefined], ['Bearer other', 'shop', 't'], ['Bearer static', 'shop', undefined], ['Bearer static', 'bar', undefined]]);
});

test('TLS ends at the server, not at a proxy on the way', async (t) => {
  const proxy = await testProxy(t, 'user:word');
  const basicAuth = { username: 'user', password: 'word' };
  const connection = await Connection.connect({ address: server.address, tls: trusted(), proxy: { type: 'http-connect', targetHost: proxy.address, basicAuth } });
  assert.equal((await connection.workflowService.getSystemInfo({})).serverVersion, '1');
  await connection.close();
  assert.deepEqual(proxy.asked, [server.address]);
  const wrong = Connection.connect({ address: server.address, tls: trusted(), proxy: { type: 'http-connect', targetHost: proxy.address }, connectTimeout: 500 });
  await assert.rejects(wrong, (error) => error instanceof ServiceError && error.message.includes(`through the proxy ${proxy.address}: it answered 407`));
});

test('an API key turns encryption on', async () => {
  const door = await openGrpcDoor({ router: new Router(), host: '127.0.0.1', port: 0 });
  await assert.rejects(Connection.connect({ address: door.address, apiKey: 'k', connectTimeout: 1_000 }), /Cannot connect/);
  const plain = await Connection.connect({ address: door.address, apiKey: 'k', tls: false });
  await plain.close();
  await door.close(0);
});

test('health, services in their raw form, and a keep-alive that is off', async () => {
  const router = new Router().add(WorkflowService.GetSystemInfo, () => ({})).add(TestService.GetCurrentTime, () => ({ time: 5 }));
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0 });
  const connection = Connection.lazy({ address: door.address, keepAlive: false });
  assert.equal((await connection.testService.getCurrentTime({})).time, 5);
  assert.equal((await connection.healthService.check({})).status, 1);
  assert.equal((await connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' })).status, 1);
  await assert.rejects(connection.operatorService.listSearchAttributes({}), { code: Code.UNIMPLEMENTED });
  await connection.close();
  await door.close(0);
});
