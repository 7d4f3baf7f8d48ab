/** The pages about ways to offer and start work: services for other teams, activities without a workflow, the engine in a program, HTTP. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { operation, service, serviceHandler, type OperationHandler } from 'nexus-rpc';
import { Client, Connection } from 'perdure/client';
import { openEngine } from 'perdure/server';
import { Worker } from 'perdure/worker';
import { root } from '../../bench/processes.js';
import { Command } from './command.js';
import { openPages } from './pages.js';
import { Stage } from './stage.js';
import { eventually } from './waiting.js';

const pages = openPages('nexus', 'standalone-activities', 'embedded', 'http', 'README');

/** The causes of an error, as `Name: message`. */
function causes(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}; ${causes(error.cause)}` : '';
}

test('nexus: two teams, an operation that answers at once and one that takes two days', async (t) => {
  const page = pages.nexus;
  await using stage = await Stage.open(t);
  const { env } = stage;
  const { approve } = await page.load<{ approve: OperationHandler<{ orderId: string }, string> }>('handlers');
  const approvals = service('approvals', { approve: operation<{ orderId: string }, string>() });
  page.write('asks.ts', `import { createNexusServiceClient, condition, defineUpdate, setHandler } from 'perdure/workflow';
    import { operation, service } from 'nexus-rpc';
    const approvals = service('approvals', { approve: operation() });
    export const asks = (orderId) => createNexusServiceClient({ endpoint: 'approvals', service: approvals }).executeOperation('approve', { orderId }, { scheduleToCloseTimeout: '1 minute' });
    export const waits = async () => { let done = false; setHandler(defineUpdate('approve'), () => { done = true; return 'approved'; }); await condition(() => done); };`);
  await stage.during(page.load('worker'), async () => {
    await page.load('endpoint');
    await env.worker({ workflowsPath: page.workflows('workflows'), taskQueue: 'orders' });
    const order = (orderId: string, cents: number) => env.start('order', { taskQueue: 'orders', workflowId: orderId, args: [orderId, cents] });
    const before = env.currentTime().getTime();
    assert.equal(await (await order('o-1', 100)).result(), 'collected 102');
    const took = env.currentTime().getTime() - before;
    assert.ok(took >= 2 * 86_400_000 && took < 2.1 * 86_400_000, String(took));
    assert.equal((await env.client.workflow.getHandle('collect-o-1').describe()).status.name, 'COMPLETED');

    // What a handler throws decides what happens.
    await assert.rejects((await order('bad', 0)).result(), (error) => /HandlerError: .*cents must be above 0/.test(causes(error)));
    await assert.rejects((await order('large', 2_000_000)).result(), (error) => /too much for this bank/.test(causes(error)));

    // Cancelling the caller cancels the workflow behind the operation.
    const cancelled = await order('o-2', 100);
    await eventually('the collecting workflow', () => env.client.workflow.getHandle('collect-o-2').describe().catch(() => undefined));
    await cancelled.cancel();
    // The page's workflow takes a cancelled operation for one that was not paid.
    assert.match(String(await cancelled.result()), /^not paid: /);
    await env.sleep('1 minute');
    assert.equal((await env.client.workflow.getHandle('collect-o-2').describe()).status.name, 'CANCELLED');
  });

  await env.createNexusEndpoint('approvals', 'approvals');
  await env.worker({ workflowsPath: path.join(page.folder, 'asks.ts'), taskQueue: 'approvals', nexusServices: [serviceHandler(approvals, { approve })] });
  await env.start('waits', { taskQueue: 'approvals', workflowId: 'order-o-9', args: [] });
  assert.equal(await env.run('asks', { taskQueue: 'approvals', args: ['o-9'] }), 'approved');
});

test('standalone-activities: the program of the page', async (t) => {
  const page = pages['standalone-activities'];
  const log = t.mock.method(console, 'log', () => undefined);
  await using stage = await Stage.open(t);
  await page.load('standalone');
  const [file, cause, ...listed] = log.mock.calls.map(({ arguments: words }) => words);
  assert.deepEqual(file, ['cat.png@200']);
  assert.equal((cause?.[0] as Error | undefined)?.name, 'CancelledFailure');
  assert.deepEqual(listed.map((words) => words.join(' ')).sort(), ['resize-cat COMPLETED', 'resize-dog CANCELED']);

  const { client } = stage.env;
  const activities = await page.load<{ resize(image: string, width: number): Promise<string> }>('activities');
  const options = { taskQueue: 'images', startToCloseTimeout: '1 minute', id: 'later' } as const;
  const waiting = await client.activity.start(activities.resize, { ...options, args: ['owl.png', 10], startDelay: '1 day' });
  await assert.rejects(client.activity.start(activities.resize, { ...options, args: ['owl.png', 10] }), { name: 'ActivityExecutionAlreadyStartedError' });
  const same = await client.activity.start(activities.resize, { ...options, args: ['owl.png', 10], idConflictPolicy: 'USE_EXISTING' });
  assert.equal(same.activityId, 'later');
  await stage.env.worker({ taskQueue: 'images', activities });
  const before = stage.env.currentTime().getTime();
  assert.equal(await waiting.result(), 'owl.png@10');
  assert.ok(stage.env.currentTime().getTime() - before >= 86_400_000, 'the delay was skipped');
  assert.equal(await client.activity.typed<typeof activities>().execute('resize', { ...options, id: 'by name', args: ['fox.png', 5] }), 'fox.png@5');
  assert.equal((await client.activity.count("ActivityType = 'resize'")).count, 4);
  assert.equal((await client.workflow.count()).count, 0);
});

test('README: the program in one file goes on after it was killed', async (t) => {
  const page = pages.README;
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const words of page.commands(0)) {
    const name = words.slice(words.indexOf('&&') + 1).find((word) => word !== 'npm' && word !== 'run') ?? '';
    assert.ok(scripts[name], `npm run ${name}`);
  }
  page.use('main');
  const DB = path.join(page.folder, 'app.db');
  const program = path.join(page.folder, 'main.js');
  const first = Command.node(t, program, page.folder, { DB });
  await first.said(/Worker started/);
  // The start has been written; the workflow sleeps for a second.
  const log = (): number => fs.statSync(`${DB}-wal`).size;
  const before = log();
  await eventually('the start in the log', () => log() > before || undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const killedAt = Date.now();
  await first.kill('SIGKILL');
  const { code, output } = await Command.node(t, program, page.folder, { DB }).ended();
  assert.equal(code, 0, output);
  assert.match(output, /^hello, Ada$/m);
  const engine = await openEngine({ filename: DB });
  const runs: string[] = [];
  for await (const { status, startTime } of new Client({ connection: Connection.from(engine.transport) }).workflow.list()) runs.push(`${status.name} ${startTime.getTime() < killedAt ? 'from before' : 'new'}`);
  await engine.close();
  assert.deepEqual(runs, ['COMPLETED from before']);
});

test('README: the server of its own', async (t) => {
  const page = pages.README;
  const [words] = page.commands(1) as [string[]];
  const server = Command.perdure(t, [...words, '--port', '0'], page.folder);
  const [, address = ''] = await server.said(/Server +(127\.0\.0\.1:\d+)[\s\S]*stops it/);
  await using _ = await Connection.connect({ address });
  assert.ok(fs.existsSync(path.join(page.folder, '.perdure/dev.db')));
  assert.equal((await server.kill('SIGTERM')).code, 0);
});

test('embedded: a port for other processes, and one owner of the file', async (t) => {
  const page = pages.embedded;
  page.use('with-port');
  // Ports of this machine may be taken.
  page.write('free-port.ts', fs.readFileSync(path.join(page.folder, 'with-port.ts'), 'utf8').replace('7233', '0'));
  const server = Command.node(t, path.join(page.folder, 'free-port.js'), page.folder);
  const [, address = ''] = await server.said(/gRPC on (127\.0\.0\.1:\d+)/);
  const connection = await Connection.connect({ address });
  await connection.close();
  await assert.rejects(openEngine({ filename: path.join(page.folder, 'app.db') }), { name: 'StoreLockedError' });
  const { code, output } = await server.kill('SIGTERM');
  assert.equal(code, 0, output);
  await (await openEngine({ filename: path.join(page.folder, 'app.db') })).close();
});

/** Sends what curl would send. @param words the command of the page */
async function curl(words: readonly string[], httpAddress: string): Promise<{ status: number; body: string }> {
  const [name, ...rest] = words;
  assert.equal(name, 'curl');
  let [method, body, url] = ['GET', undefined as string | undefined, ''];
  for (let index = 0; index < rest.length; index++) {
    if (rest[index] === '-X') method = rest[++index] as string;
    else if (rest[index] === '-d') [method, body] = ['POST', rest[++index]];
    else url = rest[index] as string;
  }
  // curl says of a body that it is a form.
  const form = body !== undefined && { body, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const response = await fetch(`http://${url.replace('localhost:7243', httpAddress)}`, { method, ...form });
  return { status: response.status, body: await response.text() };
}

async function serve(t: TestContext, words: readonly string[], folder: string): Promise<{ address: string; http: string; metrics: string }> {
  const free = words.map((word, index) => (words[index - 1]?.endsWith('port') ? '0' : word));
  const server = Command.perdure(t, [...free, '--port', '0', '--ephemeral'], folder);
  const [, address = '', http = '', metrics = ''] = await server.said(/Server +(\S+)[\s\S]*HTTP API +http:\/\/([^/\s]+)[\s\S]*Metrics +http:\/\/([^/\s]+)/);
  return { address, http, metrics };
}

test('http: the calls, probes and metrics of the page', async (t) => {
  const page = pages.http;
  const { address, http, metrics } = await serve(t, page.commands(0)[0] as string[], page.folder);
  const connection = await Connection.connect({ address });
  t.after(() => connection.close());
  const workflowsPath = page.write('orders.ts', `import { condition, defineSignal, setHandler } from 'perdure/workflow';
    export const order = async ({ total }) => { let when; setHandler(defineSignal('pay'), (given) => void (when = given)); await condition(() => when !== undefined); return total + ' ' + when; };`);
  const worker = await Worker.create({ connection, taskQueue: 'orders', workflowsPath });
  await worker.runUntil(async () => {
    const [start, pay, list, history] = page.commands(1) as [string[], string[], string[], string[]];
    const started = await curl(start, http);
    assert.equal(started.status, 200, started.body);
    assert.ok((JSON.parse(started.body) as { runId: string }).runId);
    const again = await curl(start, http);
    assert.deepEqual([again.status, (JSON.parse(again.body) as { code: number }).code], [409, 6]);
    const listed = JSON.parse((await curl(list, http)).body) as { executions: { execution: { workflowId: string } }[] };
    assert.deepEqual(listed.executions.map(({ execution }) => execution.workflowId), ['order-17']);
    assert.equal((await curl(pay, http)).status, 200);
    assert.equal(await new Client({ connection }).workflow.getHandle('order-17').result(), '5 now');
    const { body } = await curl(history, http);
    const { events } = (JSON.parse(body) as { history: { events: { eventType: string; workflowExecutionStartedEventAttributes?: { input: unknown } }[] } }).history;
    assert.equal(events[0]?.eventType, 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    assert.deepEqual(events[0]?.workflowExecutionStartedEventAttributes?.input, [{ total: 5 }], 'payloads are plain values');
  });

  const missing = await fetch(`http://${http}/api/v1/namespaces/default/workflows/nobody`);
  assert.deepEqual([missing.status, ((await missing.json()) as { code: number }).code], [404, 5]);
  assert.equal((await fetch(`http://${http}/api/v1/namespaces/default/workflows/order-17`, { method: 'PUT' })).status, 405);
  assert.equal((await fetch(`http://${http}/api/v1/cluster-info`, { headers: { origin: 'https://console.example.com' } })).status, 403);
  assert.match(await (await fetch(`http://${http}/openapi.json`)).text(), /"openapi": ?"3/);
  assert.match(await (await fetch(`http://${http}/swagger.json`)).text(), /"swagger": ?"2/);
  for (const door of [http, metrics]) for (const probe of ['healthz', 'readyz']) assert.equal((await fetch(`http://${door}/${probe}`)).status, 200, probe);
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  for (const [, name] of page.text.slice(page.text.indexOf('Good first alerts')).matchAll(/\b((?:perdure|nodejs)_\w+)/g)) assert.match(text, new RegExp(`^${name}`, 'm'));
});
