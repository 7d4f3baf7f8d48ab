/** TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE name the server to test against; without it the environment brings its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment, TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { createActivities, type Activities } from './activities.js';
import { due, pages, region, tags } from './search-attributes.js';
import { reminder, summary } from './workflows.js';

const address = process.env['TEMPORAL_ADDRESS'];
const namespace = process.env['TEMPORAL_NAMESPACE'];
const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

describe('reports', () => {
  let env: TestWorkflowEnvironment;
  /** Search attributes must be made before they are used. */
  let withAttributes: TestWorkflowEnvironment;

  before(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    if (address === undefined) {
      env = await TestWorkflowEnvironment.createTimeSkipping();
      withAttributes = await TestWorkflowEnvironment.createLocal({ server: { searchAttributes: [region, pages, tags, due] } });
    } else env = withAttributes = await TestWorkflowEnvironment.createFromExistingServer({ address, namespace });
  });
  after(async () => {
    await env.teardown();
    if (withAttributes !== env) await withAttributes.teardown();
  });

  const workerOf = (taskQueue: string, activities: Partial<Activities> = {}) =>
    Worker.create({ connection: env.nativeConnection, namespace: env.namespace ?? 'default', taskQueue, workflowsPath, activities });

  it('summarizes without a region', async () => {
    const worker = await workerOf('test-summary');
    const result = await worker.runUntil(env.client.workflow.execute(summary, { args: ['daily'], taskQueue: 'test-summary', workflowId: 'test-summary' }));
    assert.equal(result, 'daily of undefined');
  });

  it('mocks activities by giving others', async () => {
    const written: string[] = [];
    const { client, nativeConnection, namespace = 'default' } = withAttributes;
    const activities: Partial<Activities> = { write: async (region) => written.push(region), sign: async () => 'a mock' };
    const worker = await Worker.create({ connection: nativeConnection, namespace, taskQueue: 'test-report', workflowsPath, activities });
    const history = await worker.runUntil(async () => {
      const handle = await client.workflow.start('report', { args: ['east'], taskQueue: 'test-report', workflowId: 'test-report' });
      assert.equal(await handle.result(), 'east: 1 pages, written, undefined, signed by a mock');
      return handle.fetchHistory();
    });
    assert.deepEqual(written, ['east']);
    await Worker.runReplayHistory({ workflowsPath }, history, 'test-report');
  });

  it('reminds for a month', { skip: address !== undefined && 'time is real on a server elsewhere' }, async () => {
    const worker = await workerOf('test-reminder');
    const begin = await env.currentTimeMs();
    assert.equal(await worker.runUntil(env.client.workflow.execute(reminder, { taskQueue: 'test-reminder', workflowId: 'test-reminder' })), 30);
    assert.ok((await env.currentTimeMs()) - begin >= 30 * 86_400_000);
  });

  it('runs an activity alone', async () => {
    const { countTo } = createActivities({ waiting: () => undefined });
    const activityEnv = new MockActivityEnvironment({ heartbeatDetails: 7 });
    const heartbeats: unknown[] = [];
    activityEnv.on('heartbeat', (details: unknown) => {
      heartbeats.push(details);
      if (details === 9) activityEnv.cancel();
    });
    await assert.rejects(activityEnv.run(countTo, 20), CancelledFailure);
    assert.deepEqual(heartbeats, [8, 9]);
  });
});
