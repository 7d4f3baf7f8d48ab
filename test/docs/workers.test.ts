/** The pages about workers: programs run as they stand, and what they say of slots, versions, plugins and reloads is so. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DefaultLogger, Runtime, type LogEntry, type WorkerOptions } from 'perdure/worker';
import type { SimplePlugin } from 'perdure/plugin';
import { openPages } from './pages.js';
import { Stage } from './stage.js';
import { eventually } from './waiting.js';

const pages = openPages('workers', 'plugins', 'development');

/** What a page's worker needs beside it: a workflow that calls an activity. */
const callsOne = (activity: string): string => `import { proxyActivities } from 'perdure/workflow';
  const { ${activity} } = proxyActivities({ startToCloseTimeout: '1 minute' });
  export const order = async (id) => ${activity}(id);`;

test('workers: the program of the page', async (t) => {
  const page = pages.workers;
  page.write('workflows.ts', callsOne('charge'));
  await using stage = await Stage.open(t);
  await stage.during(page.load('worker'), async () => {
    assert.equal(await stage.env.run('order', { taskQueue: 'orders', args: ['o-1'] }), 'charged o-1');
  });
  assert.deepEqual(stage.workers.map((worker) => worker.getState()), ['STOPPED']);
});

test('workers: the tuners of the page give slots, and the defaults are those of the page', async (t) => {
  const page = pages.workers;
  const workflowsPath = page.write('charging.ts', callsOne('charge'));
  const tuners = await page.load<Record<'byLoad' | 'mixed', WorkerOptions['tuner'] & object>>('tuner');
  await using stage = await Stage.open(t);
  for (const [name, tuner] of Object.entries(tuners)) {
    await using _ = await stage.env.worker({ workflowsPath, activities: { charge: async (id: string) => id }, taskQueue: name, tuner });
    assert.deepEqual(await Promise.all(['1', '2', '3'].map((id) => stage.env.run('order', { taskQueue: name, args: [id] }))), ['1', '2', '3']);
  }
  const { options } = await stage.env.createWorker({ workflowsPath, activities: {} });
  const names = ['maxConcurrentWorkflowTaskExecutions', 'maxConcurrentActivityTaskExecutions', 'maxConcurrentLocalActivityExecutions', 'maxConcurrentNexusTaskExecutions'] as const;
  for (const name of names) {
    const told = new RegExp(`\`${name}\` \\((\\d+)\\)`).exec(page.text.replace(/\n/g, ' '))?.[1];
    const value: unknown = (options as unknown as Record<string, unknown>)[name];
    if (value !== undefined) assert.equal(String(value), told, name);
    assert.ok(told, `${name} has a default on the page`);
  }
});

test('workers: errors that end a workflow, by type and for all', async (t) => {
  const page = pages.workers;
  const told = /`workflowFailureErrorTypes: (\{[^`]+\})`/.exec(page.text)?.[1];
  assert.equal(told, "{ '*': ['RangeError'], report: ['NondeterminismError'] }");
  const workflowsPath = page.write('failing.ts', 'export const fails = async (kind) => { throw kind === "range" ? new RangeError("out of range") : new TypeError("a bug"); };');
  await using stage = await Stage.open(t, { failAfterTaskFailures: Infinity });
  await stage.env.worker({ workflowsPath, workflowFailureErrorTypes: { '*': ['RangeError'], report: ['NondeterminismError'] } });
  await assert.rejects(stage.env.run('fails', { args: ['range'] }), ({ cause }: Error) => (cause as Error).message === 'out of range');
  const stays = await stage.env.start('fails', { args: ['bug'] });
  await stage.env.sleep('1 minute');
  assert.equal((await stage.env.client.workflow.getHandle(stays.workflowId).describe()).status.name, 'RUNNING');
});

test('workers: an eager start, when client and worker share the connection', async (t) => {
  const page = pages.workers;
  const workflowsPath = page.write('charging.ts', callsOne('charge'));
  assert.match(page.text, /`requestEagerStart: true`[\s\S]*`eagerlyStarted`/);
  await using stage = await Stage.openServer(t);
  const { Client, Connection } = await import('perdure/client');
  const { Worker } = await import('perdure/worker');
  const connection = await Connection.connect();
  const worker = await Worker.create({ connection, taskQueue: 'eager', workflowsPath, activities: { charge: async (id: string) => id } });
  await worker.runUntil(async () => {
    const handle = await new Client({ connection }).workflow.start('order', { taskQueue: 'eager', workflowId: 'e-1', args: ['e-1'], requestEagerStart: true });
    assert.equal(handle.eagerlyStarted, true);
    assert.equal(await handle.result(), 'e-1');
  });
  await connection.close();
  assert.equal(stage.connected.length > 0, true);
});

test('workers: a version is told, and what it runs carries it', async (t) => {
  const page = pages.workers;
  const workflowsPath = page.write('charging.ts', callsOne('charge'));
  const { workerDeploymentOptions } = await page.load<{ workerDeploymentOptions: NonNullable<WorkerOptions['workerDeploymentOptions']> }>('versions');
  await using stage = await Stage.open(t);
  await stage.env.worker({ workflowsPath, activities: { charge: async (id: string) => id }, workerDeploymentOptions });
  const { workflowService } = stage.env.connection;
  const { deploymentName, buildId } = workerDeploymentOptions.version;
  const request = { namespace: 'default', deploymentName };
  await eventually('the version', () => workflowService.describeWorkerDeployment(request).then(({ workerDeploymentInfo: info }) => info?.versionSummaries.length === 1 || undefined, () => undefined));
  await workflowService.setWorkerDeploymentCurrentVersion({ ...request, buildId });
  const handle = await stage.env.start('order', { args: ['v-1'] });
  assert.equal(await handle.result(), 'v-1');
  const { raw } = await handle.describe();
  assert.equal(raw.workflowExecutionInfo?.versioningInfo?.behavior, 2); // AUTO_UPGRADE
  assert.equal(raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId, '2026-11-21.3');
});

test('plugins: what a connection is given, its workers have', async (t) => {
  const page = pages.plugins;
  page.write('workflows.ts', callsOne('writeAudit'));
  const lines: LogEntry[] = [];
  await Runtime.instance().shutdown();
  Runtime.install({ logger: new DefaultLogger('INFO', (entry) => lines.push(entry)) });
  const steps: string[] = [];
  await using stage = await Stage.openServer(t);
  const { main } = await page.load<{ main(): Promise<void> }>('program');
  await stage.during(main(), async () => {
    assert.equal(await stage.env.run('order', { taskQueue: 'orders', args: ['four'] }), 4);
  });
  assert.ok(lines.some(({ message, meta }) => message === 'begins' && meta?.['activityType'] === 'writeAudit'));
  assert.deepEqual(stage.connected.flatMap(({ plugins }) => plugins?.map(({ name }) => name) ?? []), ['acme.auditing']);

  const { auditing } = await page.load<{ auditing(open: () => Promise<() => Promise<void>>): SimplePlugin }>('plugin');
  const { NativeConnection, Worker } = await import('perdure/worker');
  const open = async (): Promise<() => Promise<void>> => (steps.push('open'), async () => void steps.push('close'));
  const plugin = auditing(open);
  const connection = await NativeConnection.connect({ plugins: [plugin] });
  // Given twice, here and there, it counts once.
  const worker = await Worker.create({ connection, taskQueue: 'twice', workflowsPath: path.join(page.folder, 'src/workflows.ts'), plugins: [plugin] });
  await worker.runUntil(async () => void steps.push('runs'));
  await connection.close();
  assert.deepEqual(steps, ['open', 'runs', 'close']);
});

test('development: a file is saved while workflows run', async (t) => {
  const page = pages.development;
  const lines: string[] = [];
  await Runtime.instance().shutdown();
  Runtime.install({ logger: new DefaultLogger('INFO', ({ message }) => lines.push(message)) });
  const code = (steps: string, label: string): string => `import { condition, defineSignal, proxyActivities, setHandler, sleep } from 'perdure/workflow';
const { charge } = proxyActivities({ startToCloseTimeout: '1 minute' });
export async function order() {
  let done = false;
  setHandler(defineSignal('done'), () => void (done = true));
  ${steps}
  await condition(() => done);
  return '${label}';
}
`;
  page.write('workflows.ts', code('await charge();', 'old'));
  await using stage = await Stage.open(t, { timeSkipping: false });
  await stage.env.worker({ taskQueue: 'activities', activities: {} });
  const { client } = stage.env;
  const begin = async (workflowId: string): Promise<void> => {
    const handle = await client.workflow.start('order', { taskQueue: 'orders', workflowId });
    await eventually('its first task', async () => (await handle.fetchHistory()).events.length >= 5 || undefined);
  };
  await stage.during(page.load('worker'), async () => {
    await begin('order-7');
    // A label is no step: the run goes on with it.
    fs.writeFileSync(path.join(page.folder, 'workflows.ts'), code('await charge();', 'new label'));
    await eventually('the reload', () => lines.find((line) => line.startsWith('Workflow code reloaded; 1 of 1 runs')));
    lines.length = 0;
    fs.writeFileSync(path.join(page.folder, 'workflows.ts'), code("await sleep('1 minute');", 'new step'));
    const warning = await eventually('the warning', () => lines.find((line) => line.includes('does not replay on the changed code')));
    const told = warning.replace(/\s+/g, ' ').replace(/run [0-9a-f-]{36}/, 'run 01a1…').replace('(workflows.ts', '(src/workflows.ts');
    const shown = page.block('').replace(/\s+/g, ' ').split(' …')[0] as string;
    assert.equal(told.slice(0, shown.length), shown);
    lines.length = 0;
    fs.writeFileSync(path.join(page.folder, 'workflows.ts'), 'export const order = (');
    await eventually('what cannot be bundled is told', () => lines.find((line) => /the worker goes on with the code from before[\s\S]*workflows\.ts:1/.test(line)));
  });
});
