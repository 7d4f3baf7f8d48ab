// Payloads written by our SDK are read by the Python SDK, and the other way round: plain, protocol buffers, and in external storage.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { Payload } from '../packages/perdure/dist/protocol/index.js';
import { TypedJsonPayloadConverter } from '../packages/perdure/dist/sdk/common/index.js';
import { DefaultPayloadConverterWithProtobufs, ProtobufBinaryPayloadConverter } from '../packages/perdure/dist/sdk/protobufs/index.js';
import { ExternalStorage, S3StorageDriver } from '../packages/perdure/dist/sdk/storage/index.js';
import { loadDataConverter } from '../packages/perdure/dist/sdk/client/index.js';

const protobuf = createRequire(import.meta.url)('protobufjs');
const { root: messages } = protobuf.parse('syntax = "proto3"; package temporal.api.common.v1; message WorkflowExecution { string workflow_id = 1; string run_id = 2; }');
const WorkflowExecution = messages.lookupType('temporal.api.common.v1.WorkflowExecution');

/** A bucket that asks nobody who he is: only what is in it counts here. */
async function bucket(objects) {
  const server = createServer((request, response) => {
    const key = decodeURIComponent(request.url).slice(1);
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'PUT') objects.set(key, Buffer.concat(chunks));
      response.writeHead(objects.has(key) ? 200 : 404).end(request.method === 'GET' ? objects.get(key) : undefined);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const fromBase64 = (text) => Payload.decode(Buffer.from(text, 'base64'));

/** True if both sides read everything. */
export async function payloadsAgree(python, folder) {
  const objects = new Map();
  const server = await bucket(objects);
  try {
    const credentials = { accessKeyId: 'any', secretAccessKey: 'any' };
    const driver = new S3StorageDriver({ bucket: 'payloads', endpoint: `http://127.0.0.1:${server.address().port}`, credentials });
    const [storage] = loadDataConverter({ externalStorage: new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 300 }) }).payloadCodecs;
    const converter = new DefaultPayloadConverterWithProtobufs({ protobufRoot: messages });
    const values = {
      dataclass: { id: 'o-2', lines: [{ sku: 'lamp', quantity: 2 }], note: null },
      json: { id: 'o-1', lines: [1, 2.5, null, true], name: 'größe' },
      none: undefined,
      bytes: Uint8Array.of(0, 255, 16),
      message: WorkflowExecution.create({ workflowId: 'w', runId: 'r' }),
      stored: 'large '.repeat(100),
    };
    const payloads = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, converter.toPayload(value)]));
    payloads.typed = new TypedJsonPayloadConverter().toPayload({ at: new Date('2031-02-03T04:05:06.789Z'), total: 123456789012345678901n });
    payloads['binary message'] = new ProtobufBinaryPayloadConverter().toPayload(WorkflowExecution.create({ workflowId: 'w' }));
    for (const [name, payload] of Object.entries(payloads)) [payloads[name]] = await storage.encode([payload]);
    const given = {
      payloads: Object.fromEntries(Object.entries(payloads).map(([name, payload]) => [name, base64(Payload.encode(payload))])),
      objects: Object.fromEntries([...objects].map(([key, value]) => [key, base64(value)])),
    };
    assert.equal(objects.size, 1);
    const { status, stdout, stderr } = spawnSync(python, ['payloads.py'], { cwd: folder, encoding: 'utf8', input: JSON.stringify(given), env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    assert.equal(status, 0, stderr);
    const written = JSON.parse(stdout);
    for (const [key, value] of Object.entries(written.objects)) objects.set(key, Buffer.from(value, 'base64'));
    for (const name of Object.keys(values)) {
      const [payload] = await storage.decode([fromBase64(written.payloads[name])]);
      const read = converter.fromPayload(payload);
      // Python's None is null.
      assert.deepEqual(name === 'message' ? WorkflowExecution.create({ ...read }) : (read ?? undefined), values[name], name);
    }
    assert.match(base64(fromBase64(written.payloads.stored).metadata.messageType), /./);
    console.log('ok   payloads: both SDKs read what the other one wrote');
    return true;
  } catch (error) {
    console.log(`FAIL payloads: ${error.stack}`);
    return false;
  } finally {
    server.close();
  }
}
