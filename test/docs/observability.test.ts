/** The page about logs, metrics and traces: its installations work, and what comes out has the names and attributes that it lists. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { Client } from 'perdure/client';
import { DefaultLogger, Runtime, type RuntimeOptions, type WorkerPlugin } from 'perdure/worker';
import { openPages } from './pages.js';
import { Stage } from './stage.js';

const { observability: page } = openPages('observability');

/** The attributes that the page lists for lines of workflows, activities or the worker. */
function listed(from: string): string[] {
  const row = new RegExp(`^\\| (?:the )?${from} \\| (.*) \\|$`, 'm').exec(page.text)?.[1] ?? assert.fail(`no row of ${from}`);
  return [...row.matchAll(/`(\w+)(?:: '\w+')?`/g)].map(([, name]) => name as string).sort();
}

test('logs: lines of JSON, with the attributes of the page', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const write = process.stdout.write.bind(process.stdout);
  t.mock.method(process.stdout, 'write', (text: string | Uint8Array, ...rest: never[]) => {
    if (typeof text === 'string' && text.startsWith('{"level"')) return lines.push(JSON.parse(text) as Record<string, unknown>) > 0;
    return write(text, ...rest);
  });
  await Runtime.instance().shutdown();
  (await page.load<{ install(): void }>('logging')).install();
  page.write('logs.ts', `import { log, proxyActivities } from 'perdure/workflow';
    const { notes } = proxyActivities({ startToCloseTimeout: '1 minute' });
    export const logs = async () => { log.info('from a workflow'); await notes(); };`);
  const { log } = await import('perdure/activity');
  await using stage = await Stage.open(t);
  const { Worker } = await import('perdure/worker');
  const worker = await Worker.create({ connection: stage.env.nativeConnection, taskQueue: 'logs', workflowsPath: path.join(page.folder, 'logs.ts'), activities: { notes: async () => log.info('from an activity') } });
  await worker.runUntil(stage.env.run('logs', { taskQueue: 'logs', args: [] }));
  const attributesOf = (message: string): string[] => {
    const { level, message: _, timestampNanos: __, ...attributes } = lines.find((line) => line['message'] === message) ?? assert.fail(`no line '${message}'`);
    assert.equal(level, 'INFO');
    return Object.keys(attributes).sort();
  };
  assert.deepEqual(attributesOf('from a workflow'), listed('workflows'));
  assert.deepEqual(attributesOf('from an activity'), listed('activities'));
  assert.ok(lines.filter(({ sdkComponent }) => sdkComponent === 'worker').length >= 2, 'the worker tells its start and its end');
  assert.ok(lines.every(({ level }) => level !== 'DEBUG'));
});

test('metrics: Prometheus finds the counters of workflows and activities with their tags', async (t) => {
  await Runtime.instance().shutdown();
  const install = Runtime.install.bind(Runtime);
  const mock = t.mock.method(Runtime, 'install', (options: RuntimeOptions) => {
    const { metrics } = options.telemetryOptions ?? {};
    // The page's port may be taken on this machine.
    return install({ ...options, logger: new DefaultLogger('ERROR'), telemetryOptions: { metrics: { ...metrics, prometheus: { bindAddress: '127.0.0.1:0' } } } });
  });
  (await page.load<{ install(): void }>('metrics')).install();
  mock.mock.restore();
  await using stage = await Stage.open(t);
  const { Worker } = await import('perdure/worker');
  const activities = await page.load<object>('activities');
  const worker = await Worker.create({ connection: stage.env.nativeConnection, taskQueue: 'shop', workflowsPath: page.workflows('workflows'), activities });
  await worker.runUntil(async () => {
    for (const kind of ['express', 'express', 'normal']) await stage.env.run('order', { taskQueue: 'shop', args: [kind] });
  });
  const port = await Runtime.instance().metricsPort;
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const series = (name: string, ...tags: string[]): string | undefined => text.split('\n').find((line) => line.startsWith(name) && tags.every((tag) => line.includes(tag)));
  const tags = ['namespace="default"', 'region="eu"'];
  assert.match(series('orders', 'kind="express"', 'workflow_type="order"', ...tags) ?? series('orders', 'kind="express"', 'workflowType="order"', ...tags) ?? text, / 2$/);
  assert.match(series('charged_sum', ...tags) ?? text, / 30$/);
  assert.match(series('charged_count', 'charge', ...tags) ?? text, / 3$/);
  await Runtime.instance().shutdown();
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});

test('traces: one request is one trace', async (t) => {
  const spans: ReadableSpan[] = [];
  const send = InMemorySpanExporter.prototype.export;
  t.mock.method(InMemorySpanExporter.prototype, 'export', function (this: InMemorySpanExporter, ...args: Parameters<typeof send>) {
    spans.push(...args[0]);
    return send.apply(this, args);
  });
  await using stage = await Stage.openServer(t);
  const { main } = await page.load<{ main(): Promise<void> }>('tracing');
  await stage.during(main(), async () => {
    const plugins = stage.connected.find((options) => options.plugins !== undefined)?.plugins ?? assert.fail('the program gives a plugin');
    // The program's worker has workflows only.
    await stage.env.worker({ taskQueue: 'orders', activities: await page.load<object>('activities'), plugins: plugins as WorkerPlugin[] });
    const { Connection } = await import('perdure/client');
    await using connection = await Connection.connect({ plugins });
    const client = new Client({ connection });
    await client.workflow.execute('order', { taskQueue: 'orders', workflowId: 'traced', args: ['express'] });
  });
  const told = /One request is one trace: ([^,]*),/.exec(page.text)?.[1] ?? assert.fail('the page shows a trace');
  const chain = [...told.matchAll(/`([^`]+)`/g)].map(([, name]) => spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`));
  assert.equal(chain.length, 4);
  assert.deepEqual(chain.slice(1).map((span) => span.parentSpanContext?.spanId), chain.slice(0, -1).map((span) => span.spanContext().spanId));
  assert.equal(new Set(chain.map((span) => span.spanContext().traceId)).size, 1);
});
