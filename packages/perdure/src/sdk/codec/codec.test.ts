import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { deflateSync } from 'node:zlib';
import { defaultPayloadConverter, decodeText, encodeText, encodePayloadsWithCodecs, decodePayloadsWithCodecs, ValueError, type Payload } from '../common/index.js';
import { CompressionCodec, createCodecServer, EncryptionCodec, type CodecServerOptions } from './index.js';

const KEY = new Uint8Array(32).fill(7);
const payloadOf = (value: unknown) => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Payload | undefined) => payload && defaultPayloadConverter.fromPayload<unknown>(payload);
const encodingOf = (payload: Payload | undefined) => decodeText(payload?.metadata['encoding'] ?? new Uint8Array());

test('what is encrypted shows nothing, and comes back as it was', async () => {
  const codec = new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } });
  const [first, second] = await codec.encode([payloadOf('secret word'), payloadOf('secret word')]);
  assert.ok(first && second);
  assert.equal(encodingOf(first), 'binary/encrypted');
  assert.ok(!Buffer.from(first.data).includes('secret'));
  assert.notDeepEqual(first.data, second.data, 'each payload has its own nonce');
  assert.deepEqual((await codec.decode([first, second])).map(valueOf), ['secret word', 'secret word']);
});

test('the layout is the one that other languages write: nonce, text, tag, of the whole payload', async () => {
  // Field 1: metadata {encoding: json/plain}; field 2: data "5". Written by hand, as another program would.
  const entry = Buffer.concat([Buffer.from([0x0a, 8]), Buffer.from('encoding'), Buffer.from([0x12, 10]), Buffer.from('json/plain')]);
  const plain = Buffer.concat([Buffer.from([0x0a, entry.length]), entry, Buffer.from([0x12, 1]), Buffer.from('5')]);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce);
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const codec = new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } });
  const metadata = { encoding: encodeText('binary/encrypted'), 'encryption-key-id': encodeText('k1') };
  assert.deepEqual((await codec.decode([{ metadata, data }])).map(valueOf), [5]);
});

test('a key can change without a restart; what the old one wrote is still read', async () => {
  let keyId = 'old';
  const codec = new EncryptionCodec({ keyId: () => keyId, keys: { old: KEY, new: new Uint8Array(32).fill(9) } });
  const before = await codec.encode([payloadOf(1)]);
  keyId = 'new';
  const after = await codec.encode([payloadOf(2)]);
  assert.deepEqual([...before, ...after].map(({ metadata }) => decodeText(metadata['encryption-key-id'] ?? new Uint8Array())), ['old', 'new']);
  assert.deepEqual((await codec.decode([...before, ...after])).map(valueOf), [1, 2]);
});

test('a key that is fetched is fetched once; a fetch that failed is made again', async () => {
  let fetches = 0;
  const codec = new EncryptionCodec({
    keyId: 'k1',
    keys: async () => {
      if (++fetches === 1) throw new Error('key service is down');
      return KEY;
    },
  });
  await assert.rejects(codec.encode([payloadOf(1)]), /key service is down/);
  const encoded = await codec.encode([payloadOf(1)]);
  await codec.decode(await codec.encode(encoded));
  assert.equal(fetches, 2);
});

test('a payload that was changed, cut off, or needs an unknown key is refused and says why', async () => {
  const codec = new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } });
  const [good] = await codec.encode([payloadOf(1)]);
  assert.ok(good);
  const changed = good.data.slice();
  changed[20] = (changed[20] ?? 0) ^ 1;
  const refused = (payload: Payload, message: RegExp) => assert.rejects(codec.decode([payload]), (error: unknown) => error instanceof ValueError && message.test(error.message));
  await refused({ ...good, data: changed }, /cannot be decrypted with the key "k1"/);
  await refused({ ...good, data: good.data.subarray(0, 20) }, /too short/);
  await refused({ ...good, metadata: { ...good.metadata, 'encryption-key-id': encodeText('lost') } }, /no encryption key "lost"/);
  await refused({ ...good, metadata: { ...good.metadata, 'encryption-key-id': encodeText('toString') } }, /no encryption key "toString"/);
  await refused({ ...good, metadata: { encoding: encodeText('binary/encrypted') } }, /does not say which key/);
  assert.throws(() => new EncryptionCodec({ keyId: 'k1', keys: { k1: new Uint8Array(16) } }), /must have 32 bytes, not 16/);
  assert.throws(() => new EncryptionCodec({ keyId: 'k2', keys: { k1: KEY } }), /no encryption key "k2"/);
});

test('compression: what gets smaller is wrapped, the rest stays, and both come back', async () => {
  const codec = new CompressionCodec({ minimumBytes: 100 });
  const values = ['short', 'long '.repeat(1_000), randomBytes(2_000)];
  const encoded = await codec.encode(values.map(payloadOf));
  assert.deepEqual(encoded.map(encodingOf), ['json/plain', 'binary/zlib', 'binary/plain']);
  assert.ok((encoded[1]?.data.byteLength ?? 0) < 200);
  assert.deepEqual((await codec.decode(encoded)).map(valueOf).map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)), values);
});

test('a payload that would unfold beyond the limit, or is damaged, is refused', async () => {
  const bomb = { metadata: { encoding: encodeText('binary/zlib') }, data: deflateSync(Buffer.alloc(5_000_000)) };
  await assert.rejects(new CompressionCodec({ maximumBytes: 1_000_000 }).decode([bomb]), /more than 1000000 bytes; raise maximumBytes/);
  await assert.rejects(new CompressionCodec().decode([{ ...bomb, data: bomb.data.subarray(0, 50) }]), /damaged/);
  await assert.rejects(new CompressionCodec().decode([{ ...bomb, data: deflateSync(Buffer.from([0xff, 0xff, 0xff])) }]), /no payload/);
});

test('both together, and payloads from before there was a codec', async () => {
  const codecs = [new CompressionCodec({ minimumBytes: 10 }), new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } })];
  const values = ['a'.repeat(500), null, { b: [1] }];
  const encoded = await encodePayloadsWithCodecs(codecs, values.map(payloadOf));
  assert.ok(encoded.every((payload) => encodingOf(payload) === 'binary/encrypted'));
  assert.ok((encoded[0]?.data.byteLength ?? 0) < 200, 'compressed before it was encrypted');
  assert.deepEqual((await decodePayloadsWithCodecs(codecs, [...encoded, payloadOf('plain')])).map(valueOf), [...values, 'plain']);
});

async function serve(t: TestContext, options: CodecServerOptions) {
  const server = createCodecServer(options);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (path: string, init: RequestInit = {}) => fetch(url + path, { method: 'POST', ...init });
}

const json = (payload: Payload) => ({
  metadata: Object.fromEntries(Object.entries(payload.metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  data: Buffer.from(payload.data).toString('base64'),
});

test('the codec server decodes and encodes, by namespace', async (t) => {
  const codec = new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } });
  const ask = await serve(t, { codecs: (namespace) => (namespace === 'secret' ? [codec] : []) });
  const [encrypted] = await codec.encode([payloadOf('word')]);
  assert.ok(encrypted);
  const body = JSON.stringify({ payloads: [json(encrypted)] });
  const decoded = await ask('/decode', { body, headers: { 'x-namespace': 'secret' } });
  assert.deepEqual(await decoded.json(), { payloads: [json(payloadOf('word'))] });
  assert.deepEqual(await (await ask('/api/decode', { body })).json(), { payloads: [json(encrypted)] });

  const encoded = (await (await ask('/encode', { body: JSON.stringify({ payloads: [json(payloadOf(3))] }), headers: { 'x-namespace': 'secret' } })).json()) as { payloads: { metadata: { encoding: string } }[] };
  assert.equal(Buffer.from(encoded.payloads[0]?.metadata.encoding ?? '', 'base64').toString(), 'binary/encrypted');
});

test('the codec server asks who may, lets in the origins it knows, and refuses nonsense', async (t) => {
  const ask = await serve(t, {
    codecs: [new EncryptionCodec({ keyId: 'k1', keys: { k1: KEY } })],
    authorize: ({ authorization, operation }) => operation === 'encode' || authorization === 'Bearer right',
    allowedOrigins: ['https://console.example'],
    maxBodyBytes: 1_000,
  });
  const status = async (path: string, init?: RequestInit) => (await ask(path, init)).status;
  const body = '{"payloads":[]}';
  assert.equal(await status('/decode', { body }), 401);
  assert.equal(await status('/decode', { body, headers: { authorization: 'Bearer wrong' } }), 403);
  assert.equal(await status('/decode', { body, headers: { authorization: 'Bearer right' } }), 200);
  assert.equal(await status('/encode', { body: '{' }), 400);
  assert.equal(await status('/encode', { body: '{"payloads":[{"data":1}]}' }), 400);
  assert.equal(await status('/encode', { body: JSON.stringify({ payloads: [{ data: 'a'.repeat(2_000) }] }) }), 413);
  assert.equal(await status('/other', { body }), 404);
  assert.equal(await status('/encode', { method: 'GET' }), 405);
  const lost = { metadata: { encoding: 'YmluYXJ5L2VuY3J5cHRlZA==', 'encryption-key-id': 'bG9zdA==' }, data: '' };
  const failed = await ask('/decode', { body: JSON.stringify({ payloads: [lost] }), headers: { authorization: 'Bearer right' } });
  assert.deepEqual([failed.status, await failed.json()], [400, { message: 'There is no encryption key "lost". Give it in `keys`.' }]);

  const preflight = await ask('/decode', { method: 'OPTIONS', headers: { origin: 'https://console.example' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://console.example');
  const stranger = await ask('/decode', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
  assert.equal(stranger.headers.get('access-control-allow-origin'), null);
});
