/** The pages about connections and data: certificates and scopes against a real server, payloads as the pages say they look. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { serialize } from 'node:v8';
import { Client, Connection, type ConnectionOptions } from 'perdure/client';
import type { DataConverter, Payload, PayloadCodec } from 'perdure/common';
import { startServer, type Server } from 'perdure/server';
import { historyToJson, TestEnvironment } from 'perdure/testing';
import type { Worker } from 'perdure/worker';
import { Router } from '#perdure/transport/transport';
import { Command } from './command.js';
import { openPages } from './pages.js';
import { Stage } from './stage.js';

const pages = openPages('connections', 'data', 'encryption', 'large-payloads');
const KEY = 'PAYLOAD_KEY_2031_01';
const ENVIRONMENT = { [KEY]: Buffer.alloc(32, 7).toString('base64'), AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
const saved = { ...process.env };

before(() => void Object.assign(process.env, ENVIRONMENT));
after(() => void (process.env = saved));

/** A server with certificates of an authority of its own, which tells what came with each request. */
async function encryptedServer(t: TestContext, folder: string, seen: { path: string; metadata: Readonly<Record<string, string>> }[]): Promise<Server> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  fs.writeFileSync(path.join(folder, 'names'), 'subjectAltName=DNS:perdure.example\n');
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-days', '2', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-out', `${name}.pem`);
  }
  const pem = (name: string): Buffer => fs.readFileSync(path.join(folder, name));
  const server = await startServer({
    ephemeral: true,
    port: 0,
    namespaces: ['shop'],
    tls: { cert: pem('server.pem'), key: pem('server.key'), clientCa: pem('ca.pem') },
    routerOf: ({ router }) => {
      const watched = new Router();
      for (const path of router.paths()) {
        const { method, handler } = router.find(path) ?? assert.fail();
        watched.add(method, (request, context) => {
          seen.push({ path, metadata: context.metadata });
          return handler(request, context) as Promise<object>;
        });
      }
      return watched;
    },
  });
  t.after(() => server.close());
  return server;
}

test('connections: certificates, scopes, and a profile of a file', async (t) => {
  const page = pages.connections;
  const said = t.mock.method(console, 'log', () => undefined);
  const seen: { path: string; metadata: Readonly<Record<string, string>> }[] = [];
  const server = await encryptedServer(t, page.folder, seen);
  const asked: ConnectionOptions[] = [];
  const lazy = Connection.lazy.bind(Connection);
  const client = { crt: fs.readFileSync(path.join(page.folder, 'client.pem')), key: fs.readFileSync(path.join(page.folder, 'client.key')) };
  // In place of a name server: the address leads to this machine, under the name of the page.
  t.mock.method(Connection, 'lazy', (options: ConnectionOptions) => {
    asked.push(options);
    const given = typeof options.tls === 'object' ? options.tls : { serverRootCACertificate: fs.readFileSync(path.join(page.folder, 'ca.pem')), clientCertPair: client };
    return lazy({ ...options, address: server.address, tls: { ...given, serverNameOverride: 'perdure.example' } });
  });
  const withDeadline = Connection.prototype.withDeadline;
  t.mock.method(Connection.prototype, 'withDeadline', function <R>(this: Connection, deadline: number | Date, fn: () => Promise<R>) {
    // The page waits for 5 seconds.
    return withDeadline.call(this, Number(deadline) - 4_700, fn);
  });

  const { client: shop } = await page.load<{ client: Client }>('connect');
  await shop.workflow.start('order', { taskQueue: 'orders', workflowId: 'order-4711' });
  assert.equal((await shop.workflowService.describeNamespace({ namespace: 'shop' })).namespaceInfo?.name, 'shop');
  await page.load('scopes');
  assert.deepEqual(said.mock.calls.map(({ arguments: [line] }) => line), ['not done yet']);
  const sent = (name: string) => seen.filter(({ path }) => path.endsWith(`/${name}`)).map(({ metadata }) => [metadata['x-request-id'], metadata['authorization']]);
  assert.deepEqual(sent('SignalWorkflowExecution'), [['17', undefined]]);
  assert.deepEqual(sent('TerminateWorkflowExecution'), [[undefined, 'Bearer key-of-an-admin']]);
  const description = await shop.workflow.getHandle('order-4711').describe();
  assert.equal(description.status.name, 'TERMINATED');

  fs.writeFileSync(path.join(page.folder, 'temporal.toml'), page.block('toml').replace('…', 'key-of-production'));
  process.env['TEMPORAL_CONFIG_FILE'] = path.join(page.folder, 'temporal.toml');
  const { client: fromFile } = await page.load<{ client: Client }>('from-environment');
  assert.equal(fromFile.namespace, 'shop');
  assert.equal(asked.at(-1)?.address, 'perdure.example:7233');
  await fromFile.workflow.getHandle('order-4711').describe();
  assert.equal(seen.at(-1)?.metadata['authorization'], 'Bearer key-of-production');
  process.env['TEMPORAL_ADDRESS'] = 'elsewhere:1';
  const { loadClientConnectConfig } = await import('perdure/envconfig');
  assert.equal(loadClientConnectConfig({ profile: 'production' }).connectionOptions.address, 'elsewhere:1', 'variables win over the file');
  delete process.env['TEMPORAL_ADDRESS'];
  for (const connected of [shop, fromFile]) await connected.connection.close();
});

/** Runs a page's client and worker, and tells what history shows of it. */
async function roundTrip(env: TestEnvironment, { client, worker }: { client: Client; worker: Worker }, options: { args: unknown[]; workflowId: string; taskQueue: string }) {
  const result = await worker.runUntil(client.workflow.execute('same', options));
  return { result, history: await env.client.workflow.getHandle(options.workflowId).fetchHistory() };
}
const bytesOf = (history: object): Buffer => serialize(history);
const same = 'export const same = async (value) => ({ value, kinds: [value.at instanceof Date, typeof value.total] });';

test('data: dates and big integers arrive as what they are, and the payload stays plain JSON', async (t) => {
  const page = pages.data;
  const { dataConverter } = await page.load<{ dataConverter: DataConverter }>('data-converter');
  await using stage = await Stage.open(t);
  const { env } = stage;
  const workflowsPath = page.write('same.ts', same);
  const parts = await page.run('ts', 0, { Client, Worker: { create: (options: object) => env.createWorker(options) }, connection: env.connection, dataConverter, taskQueue: 'data', workflowsPath, activities: {} }, ['client', 'worker']);
  const value = { at: new Date(0), total: 12345678901234567890n };
  const { result, history } = await roundTrip(env, parts as { client: Client; worker: Worker }, { args: [value], workflowId: 'd-1', taskQueue: 'data' });
  assert.deepEqual(result, { value, kinds: [true, 'bigint'] });
  assert.ok(bytesOf(history).includes('1970-01-01T00:00:00.000Z') && bytesOf(history).includes('12345678901234567890'));
});

test('data: each tenant has its own key', async (t) => {
  const page = pages.data;
  const { TenantCodec } = await page.load<{ TenantCodec: new (codecOf: (tenant: string) => PayloadCodec) => PayloadCodec }>('tenant-codec');
  const { EncryptionCodec } = await import('perdure/codec');
  const codecs = new Map(['acme', 'bravo'].map((tenant, index) => [tenant, new EncryptionCodec({ keyId: tenant, keys: { [tenant]: Buffer.alloc(32, index + 1) } })]));
  const dataConverter = { payloadCodecs: [new TenantCodec((tenant) => codecs.get(tenant) ?? assert.fail(`nobody is '${tenant}'`))] };
  const workflowsPath = page.write('tenants.ts', "import { proxyActivities } from 'perdure/workflow';\nconst { same } = proxyActivities({ startToCloseTimeout: '1 minute' });\nexport const order = async (text) => same(text);");
  await using stage = await Stage.open(t, { dataConverter });
  await stage.env.worker({ workflowsPath, activities: { same: async (text: string) => text } });
  for (const tenant of codecs.keys()) {
    assert.equal(await stage.env.run('order', { args: [`of ${tenant}`], workflowId: `${tenant}/1` }), `of ${tenant}`);
    const bytes = bytesOf(await stage.env.client.workflow.getHandle(`${tenant}/1`).fetchHistory());
    // The key's name stands beside what it sealed.
    const keys = [...bytes.toString('latin1').matchAll(/encryption-key-id[^a-z]*(acme|bravo)/g)].map(([, key]) => key);
    assert.ok(keys.length > 0 && keys.every((key) => key === tenant), keys.join());
    assert.ok(!bytes.includes(`of ${tenant}`));
  }
});

test('data: classes travel by their definitions', async (t) => {
  const page = pages.data;
  const { Money } = await page.load<{ Money: new (cents: bigint) => { cents: bigint } }>('money');
  const { order } = await page.load<{ order(amount: object): Promise<object> }>('workflows');
  const activities = await page.load<{ charge(amount: object): Promise<object> }>('activities');
  await using stage = await Stage.open(t);
  await stage.env.worker({ workflowsPath: page.workflows('workflows'), activities });
  const result = await stage.env.run(order, { args: [new Money(5n)] });
  assert.ok(result instanceof Money);
  assert.equal((result as { cents: bigint }).cents, 5n);
});

test('data: messages of protobufjs', async (t) => {
  const page = pages.data;
  fs.mkdirSync(path.join(page.folder, 'generated'), { recursive: true });
  const json = { nested: { shop: { nested: { v1: { nested: { Parcel: { fields: { weight: { type: 'int32', id: 1 }, label: { type: 'string', id: 2 } } } } } } } } };
  fs.writeFileSync(path.join(page.folder, 'generated/messages.js'), `import $protobuf from 'protobufjs/light.js';\nconst $root = new $protobuf.Root().addJSON(${JSON.stringify(json.nested)});\nexport { $root as default };\n`);
  const payloadConverterPath = page.write('protobuf-converter.ts', page.block('ts part')).replace(/\.ts$/, '.js');
  const told = /`createMessage\(root\.lookupType\('shop\.v1\.Parcel'\), \{ … \}\)`/.exec(page.text);
  assert.ok(told);
  const workflowsPath = page.write('parcels.ts', `import { createMessage } from 'perdure/protobufs';
    import root from './generated/messages.js';
    export const heavier = async (parcel) => createMessage(root.lookupType('shop.v1.Parcel'), { weight: parcel.weight + 1, label: parcel.label });`);
  await using stage = await Stage.open(t, { dataConverter: { payloadConverterPath } });
  const { default: root } = (await import(path.join(page.folder, 'generated/messages.js'))) as { default: { lookupType(name: string): { create(fields: object): object } } };
  await stage.env.worker({ workflowsPath });
  const result = (await stage.env.run('heavier', { args: [root.lookupType('shop.v1.Parcel').create({ weight: 2, label: 'books' })] })) as object;
  assert.deepEqual({ ...result }, { weight: 3, label: 'books' });
});

test('encryption: the server sees nothing, and a replay and a console read it with the key', async (t) => {
  const page = pages.encryption;
  const { codecs } = await page.load<{ codecs: readonly PayloadCodec[] }>('codecs');
  await using stage = await Stage.open(t);
  const { env } = stage;
  const workflowsPath = page.write('same.ts', same);
  const parts = await page.run('ts', 0, { Client, Worker: { create: (options: object) => env.createWorker(options) }, connection: env.connection, codecs, taskQueue: 'secret', workflowsPath, activities: {} }, ['client', 'worker']);
  const { result, history } = await roundTrip(env, parts as { client: Client; worker: Worker }, { args: [{ card: 'number 4711' }], workflowId: 'e-1', taskQueue: 'secret' });
  assert.deepEqual(result, { value: { card: 'number 4711' }, kinds: [false, 'undefined'] });
  assert.ok(!bytesOf(history).includes('4711') && bytesOf(history).includes('binary/encrypted'));

  // What a payload from before there was a codec is: read as it is. With a second key, what the first one wrote is read too.
  const { EncryptionCodec } = await import('perdure/codec');
  const [sealed] = await codecs[1]!.encode([{ metadata: {}, data: Buffer.from('old') } as Payload]);
  const rotated = new EncryptionCodec({ keyId: 'new', keys: { new: Buffer.alloc(32, 9), '2031-01': Buffer.alloc(32, 7) } });
  assert.deepEqual((await rotated.decode([sealed as Payload])).map(({ data }) => Buffer.from(data ?? []).toString()), ['old']);
  assert.deepEqual((await rotated.decode([{ metadata: {}, data: Buffer.from('plain') } as Payload])).map(({ data }) => Buffer.from(data ?? []).toString()), ['plain']);

  page.write('data-converter.ts', "import { codecs } from './codecs.js';\nexport const dataConverter = { payloadCodecs: codecs };\n");
  fs.writeFileSync(path.join(page.folder, 'e-1.json'), historyToJson(history));
  const replay = Command.perdure(t, ['perdure', 'replay', '--data-converter', './data-converter.js', '--workflows-path', 'same.ts', '--history', 'e-1.json'], page.folder, ENVIRONMENT);
  assert.equal((await replay.ended()).code, 0, (await replay.ended()).output);

  const [words] = page.commands();
  const console = Command.perdure(t, [...(words as string[]), '--port', '0'], page.folder, ENVIRONMENT);
  const [, address] = await console.said(/(127\.0\.0\.1:\d+)/);
  const payload = { metadata: Object.fromEntries(Object.entries(sealed?.metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])), data: Buffer.from(sealed?.data ?? []).toString('base64') };
  const answer = await fetch(`http://${address}/decode`, { method: 'POST', headers: { 'content-type': 'application/json', origin: 'http://localhost:8233', 'x-namespace': 'default' }, body: JSON.stringify({ payloads: [payload] }) });
  assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:8233');
  const { payloads } = (await answer.json()) as { payloads: { data: string }[] };
  assert.equal(Buffer.from(payloads[0]?.data ?? '', 'base64').toString(), 'old');
});

test('large-payloads: what is large is in the bucket, and history has a reference', async (t) => {
  const page = pages['large-payloads'];
  const bucket = new Map<string, Uint8Array>();
  t.mock.method(globalThis, 'fetch', async (url: URL | string, { method = 'GET', body }: RequestInit = {}) => {
    assert.match(String(url), /^https:\/\/workflow-payloads\.s3\.eu-central-1\.amazonaws\.com\//);
    const key = String(url);
    if (method === 'PUT') bucket.set(key, Buffer.from(body as Uint8Array));
    const found = bucket.get(key);
    return new Response(method === 'GET' ? (found as Uint8Array<ArrayBuffer> | undefined) : null, { status: found === undefined ? 404 : 200 });
  });
  const { dataConverter } = await page.load<{ dataConverter: DataConverter }>('data-converter');
  const workflowsPath = page.write('same.ts', 'export const same = async (value) => value;');
  await using env = await TestEnvironment.create({ dataConverter });
  await env.worker({ workflowsPath });
  const [large, small] = ['l'.repeat(300_000), 's'.repeat(200_000)];
  assert.equal(await env.run('same', { args: [large], workflowId: 'large' }), large);
  assert.equal(bucket.size, 1, 'equal payloads are stored once');
  assert.equal(await env.run('same', { args: [small], workflowId: 'small' }), small);
  assert.equal(bucket.size, 1, 'below the threshold');
  assert.ok(bytesOf(await env.client.workflow.getHandle('large').fetchHistory()).length < 20_000);
  const stranger = new Client({ connection: env.connection });
  await assert.rejects(stranger.workflow.getHandle('large').result(), { name: 'ExternalStorageNotConfiguredError' });
  bucket.clear();
  await assert.rejects(env.client.workflow.getHandle('large').result(), { name: 'ExternalStorageError' });
});

test('large-payloads: without a store, the client refuses what is too large and says where', async (t) => {
  const page = pages['large-payloads'];
  await using env = await TestEnvironment.create({ namespace: 'shop' });
  t.mock.method(process.stderr, 'write', () => true);
  const told = /`(PayloadsTooLargeError): (StartWorkflowExecution\.input\s+has )3000000( bytes, and namespace 'shop' takes at most 2097152)`/.exec(page.text);
  assert.ok(told);
  const [, name, begin, end] = told;
  await assert.rejects(env.start('same', { args: ['x'.repeat(3_000_000 - 2)] }), (error: Error) => {
    assert.equal(error.name, name);
    return error.message.startsWith((begin as string).replace(/\s+/g, ' ')) && error.message.includes(end as string);
  });
});
