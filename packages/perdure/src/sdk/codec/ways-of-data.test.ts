/**
 * Converters and codecs in a client, a worker and the replayer together: values arrive as what they were, also inside workflow code; a codec
 * that fails holds its task up, and nothing is lost.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type protobuf from 'protobufjs';
import { History } from '../../protocol/index.js';
import { TestWorkflowEnvironment } from '../../testing/index.js';
import { Client, type WorkflowFailedError } from '../client/index.js';
import { ApplicationFailure, decodeText, ValueError, type DataConverter, type Payload, type PayloadCodec } from '../common/index.js';
import { Worker } from '../worker/index.js';
import { EncryptionCodec } from './index.js';
import { root } from './testing-converter.js';
import { echo, go, parcel, refused, typed } from './testing-workflows.js';

const moduleAt = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const workflowsPath = moduleAt('./testing-workflows.js');
const byPath: DataConverter = { payloadConverterPath: moduleAt('./testing-converter.js') };
const activities = { later: async (at: Date, byMs: bigint) => new Date(at.getTime() + Number(byMs)) };

const workerIn = (env: TestWorkflowEnvironment, dataConverter: DataConverter) =>
  Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities, dataConverter });

test('a converter by path: dates, big integers and sets are such in workflows, activities and signals', async () => {
  await using env = await TestWorkflowEnvironment.create({ dataConverter: byPath });
  const worker = await workerIn(env, byPath);
  const result = await worker.runUntil(async () => {
    const handle = await env.client.workflow.start(typed, { args: [new Date(1_000), 2n ** 70n], taskQueue: 'q', workflowId: 'w' });
    await handle.signal(go, new Set(['Ada']));
    return handle.result();
  });
  assert.deepEqual(result, { kinds: ['true', 'bigint', 'true', 'true'], later: new Date(1_005), total: 2n ** 71n, names: new Set(['Ada']) });
});

test('messages of protobufjs go in and come out of workflow code', async () => {
  await using env = await TestWorkflowEnvironment.create({ dataConverter: byPath });
  const worker = await workerIn(env, byPath);
  const Parcel = root.lookupType('shop.v1.Parcel');
  const given = Parcel.create({ address: 'Main Street 1', weightGrams: 7 }) as protobuf.Message & { address: string; weightGrams: number };
  const result = (await worker.runUntil(env.client.workflow.execute(parcel, { args: [given], taskQueue: 'q', workflowId: 'w' }))) as protobuf.Message;
  assert.equal(result.$type, Parcel);
  assert.deepEqual(Parcel.toObject(result, { longs: Number, bytes: String }), { address: 'Main Street 1, true, 7', weightGrams: 5, label: 'AQI=' });
});

test('with encoded attributes and encryption, nothing of a failure is readable on the server', async () => {
  const dataConverter: DataConverter = { failureConverterPath: moduleAt('./testing-converter.js'), payloadCodecs: [new EncryptionCodec({ keyId: 'k', keys: { k: new Uint8Array(32) } })] };
  await using env = await TestWorkflowEnvironment.create({ dataConverter });
  const worker = await workerIn(env, dataConverter);
  await worker.runUntil(
    assert.rejects(env.client.workflow.execute(refused, { args: ['password'], taskQueue: 'q', workflowId: 'w' }), (error) => {
      const { cause } = error as WorkflowFailedError;
      return cause instanceof ApplicationFailure && cause.message === 'the password is out' && cause.details?.[0] === 'password' && cause.stack?.includes('testing-workflows') === true;
    }),
  );
  const { events } = await new Client({ connection: env.connection }).workflow.getHandle('w').fetchHistory();
  const bytes = Buffer.from(History.encode({ events }));
  assert.ok(!bytes.includes('password') && !bytes.includes('is out') && !bytes.includes('testing-workflows'));
  assert.ok(bytes.includes('Encoded failure'));
});

/** Adds a mark; fails when it is told to. */
class MovingCodec implements PayloadCodec {
  failing: 'encode' | 'decode' | undefined;
  failures = 0;

  async encode(payloads: Payload[]): Promise<Payload[]> {
    this.#fail('encode');
    return payloads.map(({ metadata, data }) => ({ metadata, data: data.map((byte) => byte ^ 0x55) }));
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    this.#fail('decode');
    return payloads.map(({ metadata, data }) => ({ metadata, data: data.map((byte) => byte ^ 0x55) }));
  }

  #fail(way: 'encode' | 'decode'): void {
    if (this.failing !== way) return;
    this.failures += 1;
    if (this.failures === 2) this.failing = undefined;
    throw new ValueError('the key service is away');
  }
}

for (const way of ['decode', 'encode'] as const) {
  test(`a codec that cannot ${way}: the workflow task fails with the reason, and succeeds once it can`, async () => {
    const [ofClient, ofWorker] = [new MovingCodec(), new MovingCodec()];
    await using env = await TestWorkflowEnvironment.create({ dataConverter: { payloadCodecs: [ofClient] }, failAfterTaskFailures: Infinity });
    const worker = await workerIn(env, { payloadCodecs: [ofWorker] });
    ofWorker.failing = way;
    const handle = await env.client.workflow.start(echo, { args: ['text'], taskQueue: 'q', workflowId: 'w' });
    assert.equal(await worker.runUntil(handle.result()), 'text');
    assert.equal(ofWorker.failures, 2);
    const { events } = await handle.fetchHistory();
    const failed = events.filter((event) => event.workflowTaskFailedEventAttributes).map((event) => event.workflowTaskFailedEventAttributes!);
    assert.equal(failed.length, 1, 'the second failure of a task is not written');
    assert.match(decodeText(failed[0]!.failure!), /the key service is away/);
  });
}

test('a query whose answer cannot be encoded is answered with the reason', async () => {
  const codec = new MovingCodec();
  await using env = await TestWorkflowEnvironment.create();
  const worker = await workerIn(env, { payloadCodecs: [codec] });
  await worker.runUntil(async () => {
    const handle = await new Client({ connection: env.connection, dataConverter: { payloadCodecs: [new MovingCodec()] } }).workflow.start(echo, { args: ['x'], taskQueue: 'q', workflowId: 'w' });
    await handle.result();
    codec.failing = 'encode';
    await assert.rejects(handle.query('__stack_trace'), /the key service is away/);
  });
});

test('perdure replay reads what codecs wrote, and says so when it cannot', async () => {
  const key = new Uint8Array(32).fill(4);
  const dataConverter: DataConverter = { ...byPath, payloadCodecs: [new EncryptionCodec({ keyId: 'k', keys: { k: key } })] };
  await using env = await TestWorkflowEnvironment.create({ dataConverter });
  const worker = await workerIn(env, dataConverter);
  const handle = await env.client.workflow.start(typed, { args: [new Date(0), 1n], taskQueue: 'q', workflowId: 'w' });
  await handle.signal(go, new Set());
  await worker.runUntil(handle.result());
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-replay-'));
  try {
    const history = path.join(folder, 'w.bin');
    fs.writeFileSync(history, History.encode(await handle.fetchHistory()));
    const converter = (keyByte: number) => {
      const file = path.join(folder, `converter-${keyByte}.mjs`);
      const codec = JSON.stringify(new URL('./index.js', import.meta.url).href);
      fs.writeFileSync(
        file,
        `import { EncryptionCodec } from ${codec};\nexport const dataConverter = { payloadConverterPath: ${JSON.stringify(byPath.payloadConverterPath)}, payloadCodecs: [new EncryptionCodec({ keyId: 'k', keys: { k: new Uint8Array(32).fill(${keyByte}) } })] };\n`,
      );
      return file;
    };
    const replay = (...flags: string[]) => {
      const bin = moduleAt('../../../bin/perdure.js');
      const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'replay', '--workflows-path', workflowsPath, '--history', history, ...flags], { encoding: 'utf8' });
      return { status, said: stdout + stderr };
    };
    assert.match(replay('--data-converter', converter(4)).said, /1 replayed, 0 not/);
    const wrong = replay('--data-converter', converter(5));
    assert.match(wrong.said, /cannot be decrypted with the key "k"/);
    assert.equal(wrong.status, 1);
    assert.match(replay('--data-converter', path.join(folder, 'nothing.mjs')).said, /Cannot load/);
    fs.writeFileSync(path.join(folder, 'wrong.mjs'), 'export const dataConverter = 5;');
    assert.match(replay('--data-converter', path.join(folder, 'wrong.mjs')).said, /must export `dataConverter`/);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
