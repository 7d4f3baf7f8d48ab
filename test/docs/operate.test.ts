/** The pages for operators: batch jobs, schedules, lists, namespaces, task queues and versions of workers, as their code shows them. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ScheduleClient, type Client, type ScheduleOptions } from 'perdure/client';
import { openPages } from './pages.js';
import { Stage } from './stage.js';
import { temporal } from './temporal-tool.js';
import { Command } from './command.js';
import { eventually } from './waiting.js';

const pages = openPages('batch', 'schedules', 'visibility', 'namespaces', 'task-queues', 'worker-versioning');
const said = (t: TestContext): (() => unknown[][]) => {
  const log = t.mock.method(console, 'log', () => undefined);
  return () => log.mock.calls.map(({ arguments: words }) => words as unknown[]);
};

test('batch: what the query finds is terminated, and the rest is left alone', async (t) => {
  const page = pages.batch;
  const lines = said(t);
  await using stage = await Stage.open(t, { startTime: '2025-12-31T23:00:00Z' });
  const { client } = stage.env;
  const start = (type: string, workflowId: string) => client.workflow.start(type, { taskQueue: 'nobody', workflowId });
  for (const id of ['a', 'b', 'c']) await start('import', id);
  await start('import2', 'other');
  await stage.env.sleep('2 hours');
  await start('import', 'new');
  const job = page.load('batch');
  await stage.env.sleep('1 minute');
  await job;
  assert.deepEqual(lines().at(-1), ['3 of 3, 0 failed']);
  const running: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) running.push(workflowId);
  assert.deepEqual(running.sort(), ['new', 'other']);
  const refused = page.run('ts', 0, { connection: stage.env.connection });
  await assert.rejects(refused, ({ code, message }: Error & { code: number }) => code === 5 && /ended/.test(message));
});

test('schedules: the program of the page', async (t) => {
  const page = pages.schedules;
  const lines = said(t);
  const created: ScheduleOptions[] = [];
  const create = ScheduleClient.prototype.create;
  t.mock.method(ScheduleClient.prototype, 'create', function (this: ScheduleClient, options: ScheduleOptions) {
    created.push(options);
    return create.call(this, options);
  });
  await using stage = await Stage.open(t, { startTime: '2026-01-31T12:00:00Z' });
  const { env } = stage;
  const { client } = env;
  const reports: string[] = [];
  const workflowsPath = page.write('report.ts', `import { workflowInfo, sleep } from 'perdure/workflow';
    export const report = async (what) => { const last = workflowInfo().lastResult ?? 'none'; await sleep('1 minute'); return what + ' after ' + last; };`);
  await env.worker({ workflowsPath, taskQueue: 'reports' });
  await client.schedule.create({ scheduleId: 'paused', spec: {}, action: { type: 'startWorkflow', workflowType: 'report', taskQueue: 'reports' }, state: { paused: true, note: 'until the audit is over' } });
  await page.load('schedules');
  const [told, listed] = lines() as [[Date[], { action: { workflow: { workflowId: string } } }[], number], unknown[]];
  assert.deepEqual(listed, ['paused', 'until the audit is over']);
  const [next, recent, skipped] = told;
  assert.ok(next.every((time) => time.getUTCHours() === 6 && time.getUTCMinutes() === 0), 'the updated spec');
  assert.equal(recent.length >= 1, true);
  assert.equal(skipped, 0);
  // What it started goes on after the schedule is gone.
  await env.sleep('10 minutes');
  for await (const { workflowId, status } of client.workflow.list({ query: "WorkflowType = 'report'" })) reports.push(`${workflowId} ${status.name}`);
  assert.ok(reports.length >= 1 && reports.every((line) => /^nightly-report-workflow-.*COMPLETED$/.test(line)), reports.join());

  // The same schedule left alone: its times, its ids, and the result of the run before.
  const options = created.find(({ scheduleId }) => scheduleId === 'nightly-report') ?? assert.fail();
  const { jitter: _, ...spec } = options.spec;
  const handle = await client.schedule.create({ ...options, spec });
  await env.sleep('3 days');
  const { info } = await handle.describe();
  const ids = info.recentActions.map(({ action }) => action.workflow.workflowId);
  assert.deepEqual(ids, ['nightly-report-workflow-2026-02-02T01:30:00Z', 'nightly-report-workflow-2026-02-03T01:30:00Z']);
  assert.ok(page.text.includes(ids[0] as string));
  assert.equal(await client.workflow.getHandle(ids[1] as string).result(), 'sales after sales after none');
  await handle.pause();
  await env.sleep('1 day');
  await handle.unpause();
  const missed = await handle.skippedActions();
  assert.deepEqual(missed.map(({ reason }) => reason), ['PAUSED']);
});

test('visibility: the list, the counts and each query of the page', async (t) => {
  const page = pages.visibility;
  const lines = said(t);
  await using stage = await Stage.open(t, { searchAttributes: { Tags: 'KeywordList', Note: 'Text' } });
  const { client } = stage.env;
  const workflowsPath = page.write('orders.ts', "import { ApplicationFailure } from 'perdure/common';\nexport const order = async (fails) => { if (fails) throw ApplicationFailure.nonRetryable('the card was declined'); };");
  const start = (workflowId: string, taskQueue: string, args: unknown[] = []) => client.workflow.start('order', { workflowId, taskQueue, args, searchAttributes: { Tags: ['x'], Note: ['a silver fox'] } });
  await start('order-17', 'nobody');
  await stage.env.worker({ workflowsPath, taskQueue: 'orders' });
  await assert.rejects((await start('order-18', 'orders', [true])).result());
  const { count, groups } = (await page.run('ts', 0, { client }, ['count', 'groups'])) as { count: number; groups: { count: number; groupValues: unknown[] }[] };
  assert.equal(count, 2);
  assert.deepEqual(groups.map(({ count, groupValues }) => `${groupValues.join()} ${count}`).sort(), ['Failed 1', 'Running 1']);
  const [first] = lines();
  assert.equal(first?.[0], 'order-17');
  assert.ok(first?.[1] instanceof Date);

  const found = async (query: string): Promise<string> => {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
    return ids.sort().join();
  };
  const both = 'order-17,order-18';
  const expected: Record<string, string> = {
    "WorkflowType = 'order'": both,
    "WorkflowId STARTS_WITH 'order-'": both,
    'CloseTime IS NULL': 'order-17',
    'CloseTime IS NOT NULL': 'order-18',
    "ExecutionDuration > '1h30m'": '',
    "Tags = 'x'": both,
    "Tags IN ('x', 'y')": both,
    "Note = 'fox dog'": both,
    "Note = 'silver-fox'": both,
    "FailureMessage = 'declined'": 'order-18',
    'FailureMessage IS NOT NULL': 'order-18',
    'ORDER BY CloseTime DESC': both,
  };
  for (const [query, ids] of Object.entries(expected)) {
    assert.ok(page.text.includes(`\`${query}\``), query);
    assert.equal(await found(query), ids, query);
  }
  for (const [, status] of page.text.match(/^\| a status \|.*$/m)?.[0].matchAll(/`'(\w+)'`/g) ?? []) assert.equal(await found(`ExecutionStatus = '${status}'`), { Running: 'order-17', Failed: 'order-18' }[status as string] ?? '', status);
  assert.deepEqual(await Promise.all(page.block('').trim().split('\n').map(found)), ['order-17', 'order-18']);

  for (const words of page.commands()) await temporal(stage.env.connection, words);
  await client.workflow.start('order', { workflowId: 'of-ada', taskQueue: 'nobody', searchAttributes: { Customer: ['ada'] } });
  assert.equal(await found("Customer = 'ada'"), 'of-ada');
  assert.equal(await found("Customer != 'x'"), 'of-ada', 'what has no value is not found');
});

test('namespaces: made, changed, left to their retention, exported and deleted', async (t) => {
  const page = pages.namespaces;
  await using stage = await Stage.openServer(t);
  const { connection } = stage.env;
  const { workflowService } = connection;
  const [create, update, remove] = page.commands(0) as [string[], string[], string[]];
  await temporal(connection, create);
  // For the very next request.
  assert.equal((await workflowService.describeNamespace({ namespace: 'orders' })).config?.workflowExecutionRetentionTtl, 168 * 3_600_000);
  await temporal(connection, update);
  const { namespaceInfo, config } = await workflowService.describeNamespace({ namespace: 'orders' });
  assert.deepEqual([config?.workflowExecutionRetentionTtl, namespaceInfo?.data.get('team')], [24 * 3_600_000, 'payments']);

  fs.mkdirSync(path.join(page.folder, 'src'), { recursive: true });
  page.write('workflows.ts', 'export const order = async () => "done";');
  await stage.env.worker({ workflowsPath: page.workflows('workflows') });
  for (const workflowId of ['o-1', 'o-2']) await stage.env.run('order', { args: [], workflowId });
  const { address } = stage;
  const [exports, replay] = page.commands(1) as [string[], string[]];
  const exported = await Command.perdure(t, [...exports, '--address', address], page.folder).ended();
  assert.equal(exported.code, 0, exported.output);
  const replayed = await Command.perdure(t, replay, page.folder).ended();
  assert.equal(replayed.code, 0, replayed.output);
  assert.match(replayed.output, /2/);
  const written = new Map<string, string>();
  await page.run('ts', 0, { client: stage.env.client, query: "WorkflowType = 'order'", writeFile: async (file: string, text: string) => void written.set(file, text) });
  assert.deepEqual([...written.keys()].sort(), ['o-1.json', 'o-2.json']);

  const { deletedNamespace } = (await temporal(connection, remove)) as { deletedNamespace: string };
  assert.match(deletedNamespace, new RegExp(`^orders-deleted-${namespaceInfo?.id.slice(0, 5)}`));
  await assert.rejects(workflowService.describeNamespace({ namespace: 'orders' }), ({ code }: Error & { code: number }) => code === 5);
});

test('namespaces: a closed run goes when its retention has ended', async (t) => {
  assert.match(pages.namespaces.text, /`default`: 72 hours/);
  const workflowsPath = pages.namespaces.write('closing.ts', 'export const order = async () => "done";');
  await using stage = await Stage.open(t, { retentionMs: 72 * 3_600_000 });
  await stage.env.worker({ workflowsPath });
  await stage.env.run('order', { args: [], workflowId: 'o-1' });
  const handle = stage.env.client.workflow.getHandle('o-1');
  await stage.env.sleep('71.9 hours');
  await handle.describe();
  await stage.env.sleep('10 minutes');
  await assert.rejects(handle.describe(), { name: 'WorkflowNotFoundError' });
});

test('task-queues: who goes first, and how fast', async (t) => {
  const page = pages['task-queues'];
  const workflowsPath = page.write('invoices.ts', `import { proxyActivities, workflowInfo } from 'perdure/workflow';
    const { seen } = proxyActivities({ startToCloseTimeout: '1 minute', allowEagerDispatch: false });
    export const invoice = async () => seen(workflowInfo().workflowId);`);
  await using stage = await Stage.open(t);
  const { env } = stage;
  const order: string[] = [];
  await page.run('ts', 0, { client: env.client, workflowId: 'second', tenant: 'acme' });
  const { priority } = await env.client.workflow.getHandle('second').describe();
  assert.deepEqual({ ...priority }, { priorityKey: 2, fairnessKey: 'acme', fairnessWeight: 1 });
  await env.client.workflow.start('invoice', { taskQueue: 'billing', workflowId: 'last', priority: { priorityKey: 5 } });
  await env.client.workflow.start('invoice', { taskQueue: 'billing', workflowId: 'first', priority: { priorityKey: 1 } });
  await env.client.workflow.start('invoice', { taskQueue: 'billing', workflowId: 'third' });
  // The activities wait until all are there.
  await env.worker({ workflowsPath, taskQueue: 'billing', enableNonLocalActivities: false });
  const ids = ['first', 'second', 'third', 'last'];
  for (const id of ids) await eventually('its activity', async () => (await env.client.workflow.getHandle(id).fetchHistory()).events.length >= 5 || undefined);
  const { workflowService } = env.connection;
  const { stats } = await workflowService.describeTaskQueue({ namespace: 'default', taskQueue: { name: 'billing' }, taskQueueType: 2, reportStats: true });
  assert.equal(stats?.approximateBacklogCount, 4);
  await env.worker({ taskQueue: 'billing', maxConcurrentActivityTaskExecutions: 1, maxConcurrentActivityTaskPolls: 1, activities: { seen: async (id: string) => void order.push(id) } });
  for (const id of ids) await env.client.workflow.getHandle(id).result();
  assert.deepEqual(order, ids);

  // A limit of 0 stops the queue, also for activities that come later.
  const limit = (requestsPerSecond: number | undefined) => workflowService.updateTaskQueueConfig({ namespace: 'default', taskQueue: 'billing', taskQueueType: 2, updateQueueRateLimit: { reason: 'month end', ...(requestsPerSecond !== undefined && { rateLimit: { requestsPerSecond } }) } });
  await limit(0);
  await env.client.workflow.start('invoice', { taskQueue: 'billing', workflowId: 'held' });
  await env.sleep('1 hour');
  assert.equal((await env.client.workflow.getHandle('held').describe()).status.name, 'RUNNING');
  await limit(undefined);
  await env.client.workflow.getHandle('held').result();
});

test('worker-versioning: a deployment from its first poll to a version that may go', async (t) => {
  const page = pages['worker-versioning'];
  const workflowsPath = page.workflows('pinned-workflow');
  fs.copyFileSync(workflowsPath, path.join(page.folder, 'workflows.ts'));
  const { run } = await page.load<{ run(buildId: string): Promise<void> }>('versioned-worker');
  const { tryOut } = await page.load<{ tryOut(client: Client): Promise<void> }>('override');
  await using stage = await Stage.open(t);
  const { connection, client } = stage.env;
  const [setCurrent, setRamping, describe] = page.commands() as [string[], string[], string[]];
  const versions = () => temporal(connection, describe).then((answer) => (answer as { workerDeploymentInfo?: { versionSummaries: { deploymentVersion?: { buildId: string } }[] } }).workerDeploymentInfo?.versionSummaries.map(({ deploymentVersion }) => deploymentVersion?.buildId).sort().join(), () => '');
  const runsOn = async (workflowId: string) => (await client.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
  const began = (workflowId: string) => eventually(`the first task of ${workflowId}`, async () => (await client.workflow.getHandle(workflowId).fetchHistory()).events.length >= 4 || undefined);
  const start = (workflowId: string) => client.workflow.start('subscription', { taskQueue: 'orders', workflowId });

  await stage.during(run('7'), async () => {
    await eventually('version 7', async () => (await versions()) === '7' || undefined);
    await start('early');
    await stage.env.sleep('1 hour');
    assert.equal((await client.workflow.getHandle('early').fetchHistory()).events.length, 2, 'no version is current');
    await temporal(connection, setCurrent);
    await start('pinned');
    await Promise.all(['early', 'pinned'].map(began));
    await stage.during(run('8'), async () => {
      await eventually('version 8', async () => (await versions()) === '7,8' || undefined);
      await tryOut(client);
      await began('try-out');
      assert.deepEqual([await runsOn('pinned'), await runsOn('try-out')], ['7', '8']);
      await temporal(connection, setRamping);
      await temporal(connection, setCurrent.map((word) => (word === '7' ? '8' : word)));
      assert.equal(await runsOn('pinned'), '7');
      // The workflow task after the signal tells the run that another version is current: its next run moves.
      for (const id of ['pinned', 'early']) {
        const { runId } = await client.workflow.getHandle(id).describe();
        await client.workflow.getHandle(id).signal('tick');
        await eventually(`the next run of ${id}`, async () => (await client.workflow.getHandle(id).describe()).runId !== runId || undefined);
        await eventually(`${id} on version 8`, async () => (await runsOn(id)) === '8' || undefined);
      }
      const drainage = async () => (await connection.workflowService.describeWorkerDeploymentVersion({ namespace: 'default', deploymentVersion: { deploymentName: 'shop', buildId: '7' } })).workerDeploymentVersionInfo?.drainageInfo?.status;
      assert.equal(await drainage(), 1); // draining
      await stage.env.sleep('7 minutes');
      assert.equal(await drainage(), 2); // drained
    });
  });
});
