/** A test file as it is written for Temporal's test package; only the imports have changed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Context } from '../sdk/activity/index.js';
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType } from '../sdk/common/index.js';
import { Worker } from '../sdk/worker/index.js';
import { MockActivityEnvironment, TestWorkflowEnvironment } from './index.js';
import * as activities from './test-activities.js';
import { approval, approve, order, parent, parcel, pays } from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

describe('TestWorkflowEnvironment', () => {
  let testEnv: TestWorkflowEnvironment;

  before(async () => {
    testEnv = await TestWorkflowEnvironment.createTimeSkipping({ client: { identity: 'the test' }, server: { extraArgs: ['--log-level', 'warn'] } });
  });
  after(async () => {
    await testEnv?.teardown();
  });

  it('runs a workflow of a day in no time', async () => {
    const { client, nativeConnection, namespace } = testEnv;
    const worker = await Worker.create({ connection: nativeConnection, namespace, taskQueue: 'test', workflowsPath, activities });
    const from = await testEnv.currentTimeMs();
    const result = await worker.runUntil(client.workflow.execute(approval, { args: ['o-1'], workflowId: 'approval', taskQueue: 'test' }));
    assert.equal(result, 'o-1 expired');
    assert.ok((await testEnv.currentTimeMs()) - from >= 24 * 3_600_000);
    assert.equal((await client.workflow.getHandle('approval').fetchHistory()).events[0]?.workflowExecutionStartedEventAttributes?.identity, 'the test');
  });

  it('sleeps between signals', async () => {
    const worker = await Worker.create({ connection: testEnv.nativeConnection, taskQueue: 'test', workflowsPath });
    await worker.runUntil(async () => {
      const handle = await testEnv.client.workflow.start(approval, { args: ['o-2'], workflowId: 'signalled', taskQueue: 'test' });
      await testEnv.sleep('23 hours');
      await handle.signal(approve, 'Ada');
      assert.equal(await handle.result(), 'o-2 approved by Ada');
    });
  });

  it('takes activities of its own', async () => {
    let calls = 0;
    const mocked: Partial<typeof activities> = {
      charge: async () => {
        calls += 1;
        if (calls < 3) throw ApplicationFailure.retryable('busy');
        return 'paid';
      },
    };
    const worker = await Worker.create({ connection: testEnv.nativeConnection, taskQueue: 'test', workflowsPath, activities: mocked });
    assert.equal(await worker.runUntil(testEnv.client.workflow.execute(pays, { args: ['o-3'], workflowId: 'pays', taskQueue: 'test' })), 'paid');
    assert.equal(calls, 3);
  });

  it('lets mocks reach a worker that is made by hand', async () => {
    const charge = testEnv.mock.activity(activities.charge).throwsOnce(new Error('busy')).returns('receipt', { after: '20 seconds' });
    testEnv.mock.activity(activities.notify).returns(undefined);
    testEnv.mock.childWorkflow(parcel).returns('mocked parcel', { after: '3 days' });
    const worker = await Worker.create({ connection: testEnv.nativeConnection, taskQueue: 'test', workflowsPath, activities: { ship: async () => 'shipped' } });
    await worker.runUntil(async () => {
      assert.equal(await testEnv.client.workflow.execute(order, { args: ['o-4'], workflowId: 'order', taskQueue: 'test' }), 'receipt shipped');
      assert.equal(await testEnv.client.workflow.execute(parent, { args: ['o-4'], workflowId: 'parent', taskQueue: 'test' }), 'mocked parcel');
    });
    assert.deepEqual(charge.calls.map(({ attempt, outcome }) => [attempt, outcome]), [[1, 'threw'], [2, 'returned']]);
    testEnv.mock.restore();
  });
});

describe('a local environment', () => {
  it('has real time, and the search attributes that it was asked for', async () => {
    const customer = defineSearchAttributeKey('CustomerId', SearchAttributeType.KEYWORD_LIST);
    await using env = await TestWorkflowEnvironment.createLocal({ server: { searchAttributes: [customer], namespace: 'mine', ui: false } });
    assert.equal(env.supportsTimeSkipping, false);
    assert.equal(env.namespace, 'mine');
    const { customAttributes } = await env.connection.operatorService.listSearchAttributes({ namespace: 'mine' });
    assert.ok(customAttributes.has('CustomerId'));
  });
});

describe('plugins of an environment', () => {
  it('configure its client', async () => {
    await using env = await TestWorkflowEnvironment.createTimeSkipping({ plugins: [{ name: 'named', configureClient: (options) => ({ ...options, identity: 'by a plugin' }) }] });
    assert.equal(env.client.options.identity, 'by a plugin');
  });
});

describe('MockActivityEnvironment', () => {
  it('runs an activity in a context', async () => {
    const env = new MockActivityEnvironment({ attempt: 2 });
    assert.equal(env.context.info.attempt, 2);
    const heartbeats: unknown[] = [];
    env.on('heartbeat', (details: unknown) => heartbeats.push(details));
    const run = async (x: number): Promise<number> => {
      Context.current().heartbeat(6);
      return x + Context.current().info.attempt;
    };
    assert.equal(await env.run(run, 1), 3);
    assert.deepEqual(heartbeats, [6]);
  });

  it('cancels', async () => {
    const env = new MockActivityEnvironment();
    env.on('heartbeat', () => env.cancel('CANCELLED'));
    await assert.rejects(
      env.run(async () => {
        Context.current().heartbeat();
        await Context.current().cancelled;
      }),
      { name: 'CancelledFailure' },
    );
    assert.equal(env.context.cancellationSignal.aborted, true);
  });

  it('has interceptors', async () => {
    const env = new MockActivityEnvironment({}, { interceptors: [() => ({ inbound: { execute: async (input, next) => `intercepted ${String(await next(input))}` } })] });
    assert.equal(await env.run(async (name: string) => name, 'Ada'), 'intercepted Ada');
  });
});
