/** The drivers: what is kept comes back, is checked, and is never half there; S3 requests are signed as AWS documents it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { defaultPayloadConverter, StorageDriverClaim } from '../common/index.js';
import { FileSystemStorageDriver, S3StorageDriver, type S3StorageDriverOptions } from './index.js';
import { encodedPath, signedHeaders } from './s3-signature.js';

const payloadOf = (value: unknown) => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0] | undefined) => payload && defaultPayloadConverter.fromPayload<unknown>(payload);

function folderOf(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-driver-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const files = (folder: string) => fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));

test('files: equal payloads share one, many at once are no trouble, nothing unfinished is left', async (t) => {
  const directory = path.join(folderOf(t), 'made', 'on demand');
  const driver = new FileSystemStorageDriver({ directory });
  const values = Array.from({ length: 100 }, (_, index) => `value ${index % 50}`);
  const claims = await driver.store({}, values.map(payloadOf));
  assert.equal(files(directory).length, 50);
  assert.deepEqual((await driver.retrieve({}, claims)).map(valueOf), values);
  assert.deepEqual(await driver.store({}, [payloadOf('value 0')]), [claims[0]]);
  assert.ok(files(directory).every((file) => /\/[0-9a-f]{64}$/.test(file)));
});

test('files: one that was cut off by a crash is written again; one that was changed is refused', async (t) => {
  const directory = folderOf(t);
  const driver = new FileSystemStorageDriver({ directory });
  const [claim] = await driver.store({}, [payloadOf('value')]);
  const [file] = files(directory);
  fs.truncateSync(file!, 3);
  await assert.rejects(driver.retrieve({}, [claim!]), /was changed since it was stored, or is damaged/);
  await driver.store({}, [payloadOf('value')]);
  assert.equal(valueOf((await driver.retrieve({}, [claim!]))[0]), 'value');
  fs.rmSync(file!);
  await assert.rejects(driver.retrieve({}, [claim!]), /is not there: it was deleted/);
});

test('files: a claim does not lead out of the directory', async (t) => {
  const driver = new FileSystemStorageDriver({ directory: folderOf(t) });
  const digest = 'a'.repeat(64);
  for (const key of ['../../etc/passwd', `v0/../../../d/sha256/${digest}`, `/v0/d/sha256/${digest}`, `v0/ns/../d/sha256/${digest}`, `v0/d/sha256/${digest}/..`, 'v0/d/sha256/\0']) {
    await assert.rejects(driver.retrieve({}, [new StorageDriverClaim({ key })]), /cannot have written/, key);
  }
  await assert.rejects(driver.retrieve({}, [new StorageDriverClaim({})]), /has no "key"/);
});

test('files: what is too large is refused with the limit; an aborted batch stops', async (t) => {
  const directory = folderOf(t);
  const driver = new FileSystemStorageDriver({ directory, maxPayloadSize: 1_000 });
  await assert.rejects(driver.store({}, [payloadOf('x'.repeat(2_000))]), /at most 1000; raise its maxPayloadSize/);
  await assert.rejects(driver.store({ abortSignal: AbortSignal.abort() }, [payloadOf('x')]), { name: 'AbortError' });
  assert.equal(files(directory).length, 0);
});

// The published examples of AWS: "Signature Calculations for the Authorization Header", with their keys.
const AWS_EXAMPLE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const EXAMPLE_TIME = new Date('2013-05-24T00:00:00Z');
const signatureOf = (headers: Record<string, string>) => /Signature=(.*)$/.exec(headers['authorization'] ?? '')?.[1];

test('S3: signatures are those of the published examples', () => {
  const get = signedHeaders({ method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'), headers: { range: 'bytes=0-9' }, body: new Uint8Array() }, AWS_EXAMPLE, 'us-east-1', EXAMPLE_TIME);
  assert.equal(signatureOf(get), 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
  const put = signedHeaders(
    {
      method: 'PUT',
      url: new URL(`https://examplebucket.s3.amazonaws.com/${encodedPath('test$file.text')}`),
      headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      body: Buffer.from('Welcome to Amazon S3.'),
    },
    AWS_EXAMPLE,
    'us-east-1',
    EXAMPLE_TIME,
  );
  assert.equal(signatureOf(put), '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
  const list = signedHeaders({ method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J'), headers: {}, body: new Uint8Array() }, AWS_EXAMPLE, 'us-east-1', EXAMPLE_TIME);
  assert.equal(signatureOf(list), '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7');
});

interface Bucket {
  readonly options: S3StorageDriverOptions;
  readonly objects: Map<string, Buffer>;
  readonly requests: string[];
  /** Statuses to answer the next requests with, instead of serving them. */
  readonly troubles: (number | 'cut')[];
}

/** A store that speaks as much of S3 as the driver needs, and checks what AWS would check. */
async function bucketOf(t: TestContext, options: Partial<S3StorageDriverOptions> = {}): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const troubles: (number | 'cut')[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const key = decodeURIComponent(request.url ?? '');
      requests.push(`${request.method} ${key}`);
      const trouble = troubles.shift();
      if (trouble === 'cut') return request.socket.destroy();
      if (trouble !== undefined) return response.writeHead(trouble).end('<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>');
      const body = Buffer.concat(chunks);
      if (!isSigned(request, body)) return response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code><Message>Check your key.</Message></Error>');
      if (request.method === 'PUT') objects.set(key, body);
      const object = objects.get(key);
      response.writeHead(object === undefined ? 404 : 200).end(request.method === 'GET' ? object : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { options: { bucket: 'payloads', region: 'eu-central-1', endpoint, credentials: AWS_EXAMPLE, ...options }, objects, requests, troubles };
}

/** Signed over what arrived, by the right key, of now. */
function isSigned({ method, url, headers }: IncomingMessage, body: Buffer): boolean {
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']));
  if (date === null || headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) return false;
  const at = new Date(`${date[1]}-${date[2]}-${date[3]}T${date[4]}:${date[5]}:${date[6]}Z`);
  const token = headers['x-amz-security-token'];
  const credentials = { ...AWS_EXAMPLE, ...(typeof token === 'string' && { sessionToken: token }) };
  const expected = signedHeaders({ method: method!, url: new URL(`http://${headers.host}${url}`), headers: {}, body }, credentials, 'eu-central-1', at);
  return expected['authorization'] === headers.authorization;
}

test('S3: objects are stored once under their digest, in the form of other SDKs, and come back', async (t) => {
  const bucket = await bucketOf(t);
  const driver = new S3StorageDriver(bucket.options);
  assert.deepEqual([driver.name, driver.type], ['aws.s3driver', 'aws.s3driver']);
  const [claim] = await driver.store({}, [payloadOf('value')]);
  const digest = claim!.claimData['hash_value']!;
  assert.deepEqual(claim!.claimData, { bucket: 'payloads', key: `v0/d/sha256/${digest}`, hash_algorithm: 'sha256', hash_value: digest });
  assert.equal(createHash('sha256').update(bucket.objects.get(`/payloads/v0/d/sha256/${digest}`)!).digest('hex'), digest);
  await driver.store({}, [payloadOf('value')]);
  assert.deepEqual(bucket.requests.map((request) => request.split(' ')[0]), ['HEAD', 'PUT', 'HEAD']);
  assert.equal(valueOf((await driver.retrieve({}, [claim!]))[0]), 'value');

  // The key that another SDK's driver wrote, with namespace and workflow id.
  const key = `v0/ns/default/wfi/order%2F1/d/sha256/${digest}`;
  bucket.objects.set(`/payloads/${key}`, bucket.objects.get(`/payloads/v0/d/sha256/${digest}`)!);
  assert.equal(valueOf((await driver.retrieve({}, [new StorageDriverClaim({ ...claim!.claimData, key })]))[0]), 'value');
});

test('S3: temporary credentials are asked for anew; the bucket can depend on the payload', async (t) => {
  let asked = 0;
  const bucket = await bucketOf(t, {
    bucket: (_context, { data }) => (data.byteLength > 100 ? 'large' : 'small'),
    credentials: async () => ({ ...AWS_EXAMPLE, sessionToken: `token ${++asked}` }),
  });
  const driver = new S3StorageDriver(bucket.options);
  await driver.store({}, [payloadOf('x'), payloadOf('x'.repeat(200))]);
  assert.deepEqual([...bucket.objects.keys()].map((key) => key.split('/')[1]).sort(), ['large', 'small']);
  assert.equal(asked, 4);
});

test('S3: overload and lost connections are tried again; refusals and missing objects are told', async (t) => {
  const bucket = await bucketOf(t);
  const driver = new S3StorageDriver(bucket.options);
  bucket.troubles.push(503, 'cut');
  const [claim] = await driver.store({}, [payloadOf('value')]);
  bucket.troubles.push(500);
  assert.equal(valueOf((await driver.retrieve({}, [claim!]))[0]), 'value');
  bucket.troubles.push(503, 503, 503, 503);
  await assert.rejects(driver.retrieve({}, [claim!]), /was answered 503: SlowDown: Please reduce your request rate/);
  const [key] = bucket.objects.keys();
  bucket.objects.set(key!, Buffer.from('something else'));
  await assert.rejects(driver.retrieve({}, [claim!]), /was changed since it was stored/);
  bucket.objects.clear();
  await assert.rejects(driver.retrieve({}, [claim!]), /the bucket "payloads" has no object/);
  const stranger = new S3StorageDriver({ ...bucket.options, credentials: { accessKeyId: 'wrong', secretAccessKey: 'wrong' } });
  const before = bucket.requests.length;
  await assert.rejects(stranger.store({}, [payloadOf('value')]), /was answered 403: SignatureDoesNotMatch/);
  assert.equal(bucket.requests.length - before, 2, 'a refusal is not tried again');
});

test('S3: options that make no sense are refused', async () => {
  assert.throws(() => new S3StorageDriver({ bucket: 'b', endpoint: 'minio' }), /is a URL, not "minio"/);
});
