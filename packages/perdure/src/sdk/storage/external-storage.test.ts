/** Large payloads go to a store, whichever way they travel; what cannot be stored or found again fails a task that is tried again. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Replayer, TestWorkflowEnvironment } from '../../testing/index.js';
import { Payload as WirePayload, Payloads } from '../../protocol/index.js';
import { Client, type WorkflowFailedError } from '../client/index.js';
import { ApplicationFailure, decodeText, defaultPayloadConverter, encodeText, type Payload } from '../common/index.js';
import { payloadFromBytes, payloadToBytes } from '../common/payload-bytes.js';
import { externalPayloadsOf } from '../common/payload-converter.js';
import { Worker } from '../worker/index.js';
import { EncryptionCodec } from '../codec/index.js';
import { ExternalStorage, ExternalStorageError, ExternalStorageNotConfiguredError, FileSystemStorageDriver, StorageDriverClaim, type StorageDriver } from './index.js';
import { storageCodec } from './storage-codec.js';
import { add, collect, echo, fails, finish, oversized, replaceAll, soFar } from './testing-workflows.js';

const workflowsPath = fileURLToPath(new URL('./testing-workflows.js', import.meta.url));
const activities = {
  twice: async (text: string) => text + text,
  refuse: async (text: string) => {
    throw ApplicationFailure.nonRetryable('refused', 'Refused', text);
  },
};

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-storage-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const filesIn = (folder: string) => fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

/** Keeps payloads in memory; fails when it is told to. */
class MemoryDriver implements StorageDriver {
  readonly type = 'test';
  readonly kept: Payload[] = [];
  failing: Error | undefined;
  /** So many calls fail, and then no more. */
  failures = Infinity;
  calls = 0;

  constructor(readonly name: string) {}

  async store(_context: object, payloads: Payload[]): Promise<StorageDriverClaim[]> {
    this.calls += 1;
    if (this.failing && this.failures-- > 0) throw this.failing;
    return payloads.map((payload) => new StorageDriverClaim({ index: String(this.kept.push(payload) - 1) }));
  }

  async retrieve(_context: object, claims: StorageDriverClaim[]): Promise<Payload[]> {
    this.calls += 1;
    if (this.failing && this.failures-- > 0) throw this.failing;
    return claims.map(({ claimData }) => this.kept[Number(claimData['index'])]!);
  }
}

const payloadOf = (value: unknown) => defaultPayloadConverter.toPayload(value);

test('arguments, results, signals, queries, updates, memos, children and local activities', async (t) => {
  const directory = temporaryFolder(t);
  const key = new Uint8Array(32).fill(3);
  const dataConverter = {
    payloadCodecs: [new EncryptionCodec({ keyId: 'k', keys: { k: key } })],
    externalStorage: new ExternalStorage({ drivers: [new FileSystemStorageDriver({ directory })], payloadSizeThreshold: 1_000 }),
  };
  await using env = await TestWorkflowEnvironment.create({ dataConverter });
  const { client } = env;
  // Without a cache every task replays, so everything is read back from the store again and again.
  const worker = await Worker.create({ connection: env.nativeConnection, namespace: env.namespace!, taskQueue: 'q', workflowsPath, activities, dataConverter, maxCachedWorkflows: 0 });
  const text = 'secret '.repeat(200);
  const history = await worker.runUntil(async () => {
    const handle = await client.workflow.start(collect, { args: [text], taskQueue: 'q', workflowId: 'w', memo: { note: text } });
    await handle.signal(add, 'b'.repeat(2_000));
    assert.equal(await handle.executeUpdate(replaceAll, { args: ['c'.repeat(3_000)] }), 'c'.repeat(3_000));
    assert.ok((await handle.query(soFar, 'd'.repeat(1_500))).endsWith('d'.repeat(1_500)));
    await handle.signal(finish);
    assert.ok((await handle.result()).length > 1_000);
    assert.deepEqual((await handle.describe()).memo, { note: text });
    await assert.rejects(client.workflow.execute(fails, { args: [text], taskQueue: 'q', workflowId: 'f' }), (error) => {
      const failure = (error as WorkflowFailedError).cause?.cause;
      return failure instanceof ApplicationFailure && failure.details?.[0] === text;
    });
    return handle.fetchHistory();
  });

  const stored = filesIn(directory);
  assert.ok(stored.length >= 7, `${stored.length} payloads were stored`);
  for (const file of stored) assert.ok(!fs.readFileSync(path.join(file.parentPath, file.name)).includes('secret'), 'what is stored is encrypted');
  const input = Payloads.decode(history.events[0]!.workflowExecutionStartedEventAttributes!.input!).payloads[0]!;
  assert.deepEqual(Object.fromEntries(Object.entries(input.metadata).map(([name, value]) => [name, decodeText(value)])), {
    encoding: 'json/protobuf',
    messageType: 'temporal.api.sdk.v1.ExternalStorageReference',
  });
  const reference = JSON.parse(decodeText(input.data)) as { driverName: string; claimData: Record<string, string> };
  assert.equal(reference.driverName, 'perdure.filesystem');
  assert.match(reference.claimData['key'] ?? '', /^v0\/d\/sha256\/[0-9a-f]{64}$/);
  assert.ok((input.externalPayloads[0]?.sizeBytes ?? 0) > text.length);

  await using replayer = await Replayer.create({ workflowsPath, dataConverter });
  assert.equal((await replayer.replay({ workflowId: 'w', history })).outcome, 'replayed');
  await using forgetful = await Replayer.create({ workflowsPath });
  assert.match((await forgetful.replay({ workflowId: 'w', history })).message ?? '', /lies in external storage/);
});

test('who was not told of the store says so; a missing payload fails the task until it is there again', async (t) => {
  const directory = temporaryFolder(t);
  const dataConverter = { externalStorage: new ExternalStorage({ drivers: [new FileSystemStorageDriver({ directory })], payloadSizeThreshold: 100 }) };
  await using env = await TestWorkflowEnvironment.create({ failAfterTaskFailures: Infinity });
  const client = new Client({ connection: env.connection, dataConverter });
  const text = 'x'.repeat(500);
  const handle = await client.workflow.start(echo, { args: [text], taskQueue: 'q', workflowId: 'w' });
  const moved = `${directory}-moved`;
  t.after(() => fs.rmSync(moved, { recursive: true, force: true }));
  fs.renameSync(directory, moved);

  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities, dataConverter });
  await worker.runUntil(async () => {
    let failed: string | undefined;
    while (failed === undefined) {
      const { events } = await handle.fetchHistory();
      const attributes = events.find((event) => event.workflowTaskFailedEventAttributes)?.workflowTaskFailedEventAttributes;
      failed = attributes && `${attributes.cause} ${JSON.stringify(attributes.failure && decodeText(attributes.failure))}`;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.match(failed, /^38 .*could not give a payload.*is not there/);
    fs.renameSync(moved, directory);
    assert.equal(await handle.result(), text);
  });
  await assert.rejects(env.client.workflow.getHandle('w').result(), ExternalStorageNotConfiguredError);
  fs.rmSync(directory, { recursive: true });
  await assert.rejects(handle.result(), (error) => error instanceof ExternalStorageError && /is not there: it was deleted/.test(error.message));
});

test('an activity that cannot store its result, or read its arguments, is tried again', async () => {
  const driver = new MemoryDriver('memory');
  const dataConverter = { externalStorage: new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 100 }) };
  await using env = await TestWorkflowEnvironment.create();
  const client = new Client({ connection: env.connection, dataConverter });
  let attempts = 0;
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: 'q',
    workflowsPath,
    dataConverter,
    activities: {
      ...activities,
      twice: async (text: string) => {
        attempts += 1;
        // The result of the first attempt is not stored, and the arguments of the second are not read.
        if (attempts === 1) [driver.failing, driver.failures] = [new Error('the store is away'), 2];
        return text + text;
      },
    },
  });
  const text = 'x'.repeat(80);
  const outcome = await worker.runUntil(async () => {
    const handle = await client.workflow.start(collect, { args: [text], taskQueue: 'q', workflowId: 'w' });
    await handle.signal(finish);
    return handle.result();
  });
  assert.equal(outcome, text.repeat(4));
  assert.equal(attempts, 3, 'one failed, one succeeded, one was local');
});

test('only payloads of the threshold and above are stored; a batch is one call for each driver', async () => {
  const [small, large] = [new MemoryDriver('small'), new MemoryDriver('large')];
  const codec = storageCodec(
    new ExternalStorage({
      drivers: [small, large],
      payloadSizeThreshold: 100,
      driverSelector: (_context, { data }) => (data.byteLength > 10_000 ? null : data.byteLength > 1_000 ? large : small),
    }),
  );
  const values = ['tiny', 'a'.repeat(200), 'b'.repeat(2_000), 'c'.repeat(300), 'd'.repeat(20_000)];
  const encoded = await codec.encode(values.map(payloadOf));
  assert.deepEqual([small.kept.length, large.kept.length], [2, 1]);
  assert.deepEqual([small.calls, large.calls], [1, 1]);
  assert.deepEqual(encoded.map((payload) => externalPayloadsOf(payload).length), [0, 1, 1, 1, 0]);
  // What is a reference already is not stored again.
  assert.deepEqual(await codec.encode(encoded), encoded);
  const decoded = await codec.decode(encoded);
  assert.deepEqual(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload)), values);
  assert.deepEqual([small.calls, large.calls], [2, 2]);
});

test('exactly at the threshold counts the bytes on the wire', async () => {
  const payload = payloadOf('x'.repeat(500));
  const size = payloadToBytes(payload).byteLength;
  for (const [threshold, stored] of [[size, 1], [size + 1, 0], [0, 1]] as const) {
    const driver = new MemoryDriver('memory');
    await storageCodec(new ExternalStorage({ drivers: [driver], payloadSizeThreshold: threshold })).encode([payload]);
    assert.equal(driver.kept.length, stored);
  }
});

test('a reference survives the wire with its size, and both spellings of its fields are read', async () => {
  const driver = new MemoryDriver('memory');
  const codec = storageCodec(new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 0 }));
  const [reference] = await codec.encode([payloadOf('value')]);
  const bytes = payloadToBytes(Object.assign({ ...reference! }, { externalPayloads: [{ sizeBytes: 5_000_000_000 }, { sizeBytes: 1 }] }));
  assert.deepEqual(WirePayload.decode(bytes).externalPayloads, [{ sizeBytes: 5_000_000_000 }, { sizeBytes: 1 }]);
  const [value] = await codec.decode([payloadFromBytes(bytes)]);
  assert.equal(defaultPayloadConverter.fromPayload(value!), 'value');
  const snake = { ...reference!, data: encodeText('{"driver_name":"memory","claim_data":{"index":"0"}}') };
  assert.equal(defaultPayloadConverter.fromPayload((await codec.decode([snake]))[0]!), 'value');
  for (const data of ['', '{}', '[]', '{"driverName":""}', '{"driverName":"memory","claimData":{"index":1}}']) {
    await assert.rejects(codec.decode([{ ...reference!, data: encodeText(data) }]), { name: 'ValueError' }, data);
  }
});

test('a driver that fails, loses payloads, is unknown, or was not registered is named', async () => {
  const driver = new MemoryDriver('memory');
  const storage = new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 0 });
  const codec = storageCodec(storage);
  const [reference] = await codec.encode([payloadOf('value')]);
  driver.failing = new Error('disk is full');
  await assert.rejects(codec.encode([payloadOf('value')]), (error) => error instanceof ExternalStorageError && /"memory" could not keep a payload: disk is full/.test(error.message) && error.cause === driver.failing);
  driver.failing = undefined;
  driver.retrieve = async () => [];
  await assert.rejects(codec.decode([reference!, reference!]), /could not give 2 payloads: it was given 2 and gave back 0/);
  const other = storageCodec(new ExternalStorage({ drivers: [new MemoryDriver('other')] }));
  await assert.rejects(other.decode([reference!]), /the storage driver "memory", which this client or worker does not have \(it has: other\)/);
  const stranger = storageCodec(new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 0, driverSelector: () => new MemoryDriver('stranger') }));
  await assert.rejects(stranger.encode([payloadOf(1)]), /"stranger", which is not among/);
});

test('options that make no sense are refused', () => {
  const driver = new MemoryDriver('a');
  assert.throws(() => new ExternalStorage({ drivers: [] }), /at least one driver/);
  assert.throws(() => new ExternalStorage({ drivers: [driver, new MemoryDriver('b')] }), /driverSelector/);
  assert.throws(() => new ExternalStorage({ drivers: [driver, new MemoryDriver('a')], driverSelector: () => null }), /same name/);
  assert.throws(() => new ExternalStorage({ drivers: [driver], payloadSizeThreshold: -1 }), /0 or more/);
  assert.equal(new ExternalStorage({ drivers: [driver] }).payloadSizeThreshold, 256 * 1024);
});

test('a command that is too large fails the task, not the run; with a store it is not too large', async () => {
  await using env = await TestWorkflowEnvironment.create({ failAfterTaskFailures: Infinity });
  const handle = await env.client.workflow.start(oversized, { args: [3_000_000], taskQueue: 'q', workflowId: 'w' });
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities });
  await worker.runUntil(async () => {
    let failed: string | undefined;
    while (failed === undefined) {
      const { events } = await handle.fetchHistory();
      const attributes = events.find((event) => event.workflowTaskFailedEventAttributes)?.workflowTaskFailedEventAttributes;
      failed = attributes?.failure && `${attributes.cause} ${decodeText(attributes.failure)}`;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.match(failed, /^37 [^]*scheduleActivityTask\.input of 'twice' has 30000\d\d bytes, and the namespace takes at most 2097152/);
  });
  assert.equal((await handle.describe()).status.name, 'RUNNING');
  const dataConverter = { externalStorage: new ExternalStorage({ drivers: [new MemoryDriver('memory')] }) };
  const mended = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities, dataConverter });
  assert.equal(await mended.runUntil(handle.result()), 6_000_000);
});
