/**
 * Converters and codecs are told whose payloads they convert, and both sides are told the same: with converters that write the owner into
 * each payload and refuse to read it as somebody else's, everything arrives. And who has no converters of his own pays nothing for it.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '../../testing/index.js';
import { activityInfo, cancelled, CompleteAsyncError, heartbeat } from '../activity/index.js';
import { ActivityExecutionFailedError, type Client, WorkflowFailedError } from '../client/index.js';
import { ApplicationFailure, defaultDataConverter, ExternalStorage, type DataConverter } from '../common/index.js';
import { inActivity, inWorkflow } from '../common/serialization-context.js';
import { FileSystemStorageDriver } from '../storage/index.js';
import { Worker } from '../worker/index.js';
import { OwnerCodec } from './testing-owner-converter.js';
import { add, asking, everything, note, noted, refusing } from './testing-owner-workflows.js';

const converterPath = fileURLToPath(new URL('./testing-owner-converter.js', import.meta.url));
const workflowsPath = fileURLToPath(new URL('./testing-owner-workflows.js', import.meta.url));

const converterWith = (codec: OwnerCodec): DataConverter => ({ payloadConverterPath: converterPath, failureConverterPath: converterPath, payloadCodecs: [codec] });

const causeOf = (error: unknown): unknown => error instanceof Error && error.cause instanceof Error && error.cause.message;

/** Activities; those that end from outside are ended by the client. */
const activitiesOf = (client: () => Client) => ({
  greet: async (name: string) => `hello ${name}`,
  beating: async (name: string) => {
    const { attempt, heartbeatDetails } = activityInfo();
    if (attempt > 1) return `${name} ${JSON.stringify(heartbeatDetails)}`;
    heartbeat({ at: 5 });
    throw new Error('once more');
  },
  silent: async () => {
    heartbeat('the last words');
    await cancelled();
  },
  failing: async (detail: string) => {
    throw ApplicationFailure.nonRetryable('failed', 'Failed', { detail });
  },
  elsewhere: async () => {
    const { activityId, workflowExecution } = activityInfo();
    setImmediate(() => void client().activity.complete({ activityId, workflowId: workflowExecution!.workflowId }, 'by id'));
    throw new CompleteAsyncError();
  },
});

for (const maxCachedWorkflows of [10, 0]) {
  test(`everything arrives that is sent to its owner, with ${maxCachedWorkflows} runs kept`, { timeout: 60_000 }, async () => {
    const [ofClient, ofWorker] = [new OwnerCodec(), new OwnerCodec()];
    await using env = await TestWorkflowEnvironment.create({ dataConverter: converterWith(ofClient) });
    const { client } = env;
    const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, activities: activitiesOf(() => client), dataConverter: converterWith(ofWorker), maxCachedWorkflows });
    await worker.runUntil(async () => {
      const handle = await client.workflow.start(everything, { args: [true], taskQueue: 'q', workflowId: 'w', memo: { first: 1 }, staticSummary: 'all of it' });
      assert.equal(await handle.executeUpdate(add, { args: ['update'] }), 'update');
      await assert.rejects(handle.executeUpdate(add, { args: ['bad'] }), (error) => causeOf(error) === 'bad update');
      await client.workflow.getHandle('w').signal(note, 'signal');
      const latest = client.workflow.getHandle<typeof everything>('w');
      const notes = await latest.result();
      const expected = [
        'signal', 'hello Ada', 'Bob {"at":5}', 'hello Cleo', 'by id', 'failed [{"detail":"activity"}]', 'failed [{"detail":"local"}]',
        'activity Heartbeat timeout "the last words"', 'refused [{"detail":"child"}]', '{"of":"parent"}', 'from the parent', 'from afar',
      ];
      assert.deepEqual(notes.filter((text) => expected.includes(text)).sort(), [...expected].sort(), JSON.stringify(notes));
      assert.ok(notes.includes('{"first":1,"kept":"memo"}'), JSON.stringify(notes));
      assert.ok((await latest.query(noted, '> ')).includes('> signal'));
      const described = await handle.describe();
      assert.equal(await described.staticSummary(), 'all of it');
      assert.equal(described.memo?.['first'], 1);
      for await (const { workflowId, memo } of client.workflow.list({ query: "WorkflowType = 'everything'" })) assert.equal(workflowId === 'w' && memo?.['first'], 1);
      await assert.rejects(client.workflow.execute(refusing, { args: ['x'], taskQueue: 'q', workflowId: 'f' }), (error) => error instanceof WorkflowFailedError && causeOf(error) === 'refused');
    });
    const owners = new Set(ofWorker.encoded);
    for (const owner of ['workflow default/w', 'workflow default/child', 'activity default/w/1', 'activity default/w/chosen', 'local activity default/w/3']) {
      assert.ok(owners.has(owner), `${owner} is not among ${[...owners].join(', ')}`);
    }
    assert.deepEqual([...new Set(ofClient.encoded)].sort(), ['activity default/w/4', 'workflow default/f', 'workflow default/w']);
  });
}

test('activities without a workflow, ends by token, and schedules', { timeout: 60_000 }, async () => {
  const codec = new OwnerCodec();
  await using env = await TestWorkflowEnvironment.create({ dataConverter: converterWith(codec) });
  const { client } = env;
  const activities = {
    ...activitiesOf(() => client),
    byToken: async () => {
      const { taskToken, activityId, namespace } = activityInfo();
      const serializationContext = { type: 'activity', namespace, activityId, isLocal: false } as const;
      setImmediate(() => void client.activity.complete(taskToken, 'by token', { serializationContext }));
      throw new CompleteAsyncError();
    },
  };
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', activities, dataConverter: converterWith(new OwnerCodec()) });
  await worker.runUntil(async () => {
    const options = { taskQueue: 'q', startToCloseTimeout: '1 minute', retry: { maximumAttempts: 1 } } as const;
    assert.equal(await client.activity.execute('greet', { ...options, id: 'a', args: ['Ada'], summary: 'a greeting' }), 'hello Ada');
    assert.equal(await client.activity.execute('byToken', { ...options, id: 't' }), 'by token');
    await assert.rejects(client.activity.execute('failing', { ...options, id: 'f', args: ['x'] }), (error) => error instanceof ActivityExecutionFailedError && causeOf(error) === 'failed');
    const described = await client.activity.getHandle('a').describe({ includeInput: true, includeOutcome: true });
    assert.deepEqual([await described.getInput(), await described.getResult(), await described.getSummary()], [['Ada'], 'hello Ada', 'a greeting']);
  });
  const schedule = await client.schedule.create({
    scheduleId: 's',
    spec: { intervals: [{ every: '1 day' }] },
    action: { type: 'startWorkflow', workflowType: 'everything', taskQueue: 'q', workflowId: 'nightly', args: ['x'], memo: { of: 's' }, staticSummary: 'nightly' },
  });
  const { action } = await schedule.describe();
  assert.deepEqual([action.args, action.memo, action.staticSummary], [['x'], { of: 's' }, 'nightly']);
  assert.deepEqual([...new Set(codec.encoded)], ['activity default//a', 'activity default//t', 'activity default//f', 'workflow default/nightly']);
});

test('a mocked child is given and gives what is its own', { timeout: 60_000 }, async () => {
  await using env = await TestWorkflowEnvironment.create({ dataConverter: converterWith(new OwnerCodec()) });
  env.mock.childWorkflow('refusing').returns('mocked');
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: 'q', workflowsPath, dataConverter: converterWith(new OwnerCodec()) });
  assert.equal(await worker.runUntil(env.client.workflow.execute(asking, { taskQueue: 'q', workflowId: 'w' })), 'mocked');
});

test('a storage driver is told whose payload it keeps', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-owners-'));
  try {
    const driver = new FileSystemStorageDriver({ directory });
    const targets: unknown[] = [];
    const externalStorage = new ExternalStorage({
      drivers: [driver, new FileSystemStorageDriver({ directory, name: 'other' })],
      payloadSizeThreshold: 0,
      driverSelector: ({ target }) => (targets.push(target), driver),
    });
    await using env = await TestWorkflowEnvironment.create({ dataConverter: { externalStorage } });
    await env.client.workflow.start('everything', { args: [1], taskQueue: 'q', workflowId: 'w' });
    assert.deepEqual(targets, [{ kind: 'workflow', namespace: 'default', id: 'w' }]);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});

test('the default converter is not wrapped', () => {
  assert.equal(inWorkflow(defaultDataConverter, 'default', 'w'), defaultDataConverter);
  assert.equal(inActivity(defaultDataConverter, 'default', 'a'), defaultDataConverter);
});
