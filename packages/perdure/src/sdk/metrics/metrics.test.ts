/** What users and dashboards see: metrics of workflows, activities and the SDK itself, at Prometheus' door, at a collector's, in a buffer. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from '../../testing/index.js';
import { metricMeter } from '../activity/index.js';
import { DefaultLogger, type LogEntry } from '../common/index.js';
import { MetricsBuffer, Runtime, type ActivityInterceptorsFactory, type TelemetryOptions } from '../worker/index.js';
import { failing, metered } from '../opentelemetry/test-traced.js';
import { MetricAggregation } from './aggregation.js';
import { SDK_METRICS } from './sdk-metrics.js';

const workflowsPath = fileURLToPath(new URL('../opentelemetry/test-traced.js', import.meta.url));
const activities = {
  async work(what: string): Promise<string> {
    metricMeter.createCounter('worked').add(1, { what });
    return what;
  },
  async near(): Promise<void> {},
};
const tagged: ActivityInterceptorsFactory = () => ({ outbound: { getMetricTags: (tags, next) => next({ ...tags, zone: 'a' }) } });

async function installed(metrics: NonNullable<TelemetryOptions['metrics']>): Promise<{ readonly runtime: Runtime; readonly logged: LogEntry[]; [Symbol.asyncDispose](): Promise<void> }> {
  await Runtime.instance().shutdown();
  const logged: LogEntry[] = [];
  const runtime = Runtime.install({ logger: new DefaultLogger('WARN', (entry) => void logged.push(entry)), telemetryOptions: { metrics } });
  return { runtime, logged, [Symbol.asyncDispose]: () => runtime.shutdown() };
}

async function runWorkflows(options: { readonly maxCachedWorkflows?: number } = {}): Promise<void> {
  await using env = await TestEnvironment.create({ startTime: 0 });
  await using _worker = await env.worker({ workflowsPath, activities, taskQueue: 'meters', interceptors: { activity: [tagged] }, ...options });
  await env.run(metered, { taskQueue: 'meters' });
  await assert.rejects(env.run(failing, { taskQueue: 'meters', retry: { maximumAttempts: 1 } }));
}

/** Lines of one metric without labels that are always the same. */
function linesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name}{`)).map((line) => line.slice(name.length).replace('namespace="default",', '').replace('service_name="temporal-core-sdk",', ''));
}

test('Prometheus finds the metrics of workflow code, of activities and of the SDK', async () => {
  await using runtime = await installed({ globalTags: { fleet: 'blue' }, prometheus: { bindAddress: '127.0.0.1:0' } });
  await runWorkflows();
  runtime.runtime.metricMeter.createUpDownCounter('outside').add(-2);
  const address = `http://127.0.0.1:${await runtime.runtime.metricsPort}`;
  const reply = await fetch(`${address}/metrics`);
  assert.match(reply.headers.get('content-type') ?? '', /^text\/plain; version=0.0.4/);
  const text = await reply.text();
  // Once each, although tasks were many: a replay counts nothing.
  assert.deepEqual(linesOf(text, 'orders'), [
    '{fleet="blue",kind="express",taskQueue="meters",workflowType="metered"} 2',
    '{fleet="blue",kind="slow",taskQueue="meters",workflowType="metered"} 1',
  ]);
  assert.match(text, /# HELP orders Orders that came in\n# TYPE orders counter\n/);
  assert.deepEqual(linesOf(text, 'size_sum'), ['{fleet="blue",region="eu",taskQueue="meters",workflowType="metered"} 7.5']);
  assert.deepEqual(linesOf(text, 'level'), ['{fleet="blue",taskQueue="meters",workflowType="metered"} -3']);
  assert.deepEqual(linesOf(text, 'worked'), ['{activityType="work",fleet="blue",taskQueue="meters",what="measure",zone="a"} 1']);
  assert.match(text, /\noutside\{fleet="blue"\} -2\n/);
  const queue = 'fleet="blue",task_queue="meters"';
  assert.deepEqual(linesOf(text, 'temporal_workflow_completed'), [`{${queue},workflow_type="metered"} 1`]);
  assert.deepEqual(linesOf(text, 'temporal_workflow_failed'), [`{${queue},workflow_type="failing"} 1`]);
  assert.deepEqual(linesOf(text, 'temporal_workflow_endtoend_latency_count'), [`{${queue},workflow_type="metered"} 1`, `{${queue},workflow_type="failing"} 1`]);
  assert.deepEqual(linesOf(text, 'temporal_activity_execution_latency_count'), [`{activity_type="work",${queue},workflow_type="metered"} 1`]);
  assert.deepEqual(linesOf(text, 'temporal_worker_start'), [`{${queue}} 1`]);
  assert.equal(linesOf(text, 'temporal_activity_task_received').length, 1);
  assert.match(linesOf(text, 'temporal_sticky_cache_hit').join(), /workflow_type="metered"\} [1-9]/);
  assert.deepEqual(linesOf(text, 'temporal_sticky_cache_miss'), []);
  assert.match(text, /temporal_request\{fleet="blue",namespace="default",operation="RespondWorkflowTaskCompleted",service_name="temporal-core-sdk"\} [1-9]/);
  // The worker has stopped: its gauges say so.
  assert.ok(linesOf(text, 'temporal_num_pollers').every((line) => line.endsWith(' 0')));
  assert.equal((await fetch(`${address}/other`)).status, 404);
});

test('without a cache each value still counts once, and misses are seen', async () => {
  await using runtime = await installed({ prometheus: { bindAddress: '127.0.0.1:0', countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true, histogramBucketOverrides: { workflow_endtoend_latency: [3, 1] } } });
  await runWorkflows({ maxCachedWorkflows: 0 });
  const text = await (await fetch(`http://127.0.0.1:${await runtime.runtime.metricsPort}/metrics`)).text();
  assert.deepEqual(linesOf(text, 'orders_total').map((line) => line.split(' ')[1]), ['2', '1']);
  assert.match(linesOf(text, 'temporal_sticky_cache_miss_total').join(), / [1-9]/);
  assert.deepEqual([...text.matchAll(/temporal_workflow_endtoend_latency_seconds_bucket\{.*workflow_type="failing",le="([^"]+)"/g)].map(([, bound]) => bound), ['1', '3', '+Inf']);
  assert.equal(linesOf(text, 'size_kg_count').length, 1);
});

test('a buffer holds single values until they are fetched, and no more than it may', async () => {
  const buffer = new MetricsBuffer({ maxBufferSize: 3 });
  await using runtime = await installed({ buffer });
  const counter = runtime.runtime.metricMeter.createCounter('orders', 'pieces');
  for (const kind of ['a', 'b', 'a', 'c']) counter.add(1, { kind });
  const [first, second, third, ...more] = [...buffer.retrieveUpdates()];
  assert.deepEqual([first?.metric.name, first?.metric.unit, first?.value, first?.attributes], ['orders', 'pieces', 1, { kind: 'a' }]);
  assert.equal(first?.attributes, third?.attributes);
  assert.notEqual(first?.attributes, second?.attributes);
  assert.deepEqual([more.length, buffer.dropped], [0, 1]);
  assert.deepEqual([...buffer.retrieveUpdates()], []);
});

test('a collector gets totals, or differences, as OTLP in JSON; one that fails is tried again', async () => {
  const bodies: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(bodies.length === 1 ? 503 : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`;
  try {
    const { runtime, logged } = await installed({ otel: { url, http: true, temporality: 'delta', metricsExportInterval: '20ms' } });
    runtime.metricMeter.createCounter('orders').add(3);
    runtime.metricMeter.createHistogram('size').record(60);
    while (bodies.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await runtime.shutdown();
    const [first, second] = bodies.map((body) => (JSON.parse(body) as { resourceMetrics: [{ scopeMetrics: [{ metrics: Record<string, unknown>[] }] }] }).resourceMetrics[0].scopeMetrics[0].metrics);
    const values = (metrics: typeof first) => metrics?.map(({ name, sum, histogram }) => [name, (sum as { dataPoints: { asDouble: number }[] } | undefined)?.dataPoints[0]?.asDouble ?? (histogram as { dataPoints: { bucketCounts: string[] }[] }).dataPoints[0]?.bucketCounts]);
    assert.deepEqual(values(first), [['orders', 3], ['size', ['0', '1', '0', '0', '0', '0', '0']]]);
    assert.deepEqual(values(second), [['orders', 0], ['size', ['0', '0', '0', '0', '0', '0', '0']]]);
    assert.match(logged[0]?.message ?? '', /cannot be sent .* answered 503/);
  } finally {
    server.close();
  }
});

test('tags that take ever new values, and one name for two kinds, are told once and harm nothing', () => {
  const warned: string[] = [];
  const logger = new DefaultLogger('WARN', ({ message }) => void warned.push(message));
  const aggregation = new MetricAggregation({ prefix: '', globalTags: {}, serviceName: undefined, useSecondsForDurations: false, bucketOverrides: {}, logger });
  const counter = { name: 'orders', kind: 'counter', valueType: 'int' } as const;
  for (let id = 0; id < 10_100; id++) aggregation.seriesOf(counter, { id }).record(1);
  aggregation.seriesOf({ ...counter, kind: 'gauge' }, {}).record(1);
  const [[, samples] = assert.fail()] = [...aggregation.registry.read()];
  assert.equal([...samples].length, 10_000);
  assert.deepEqual(warned.map((line) => line.slice(0, 40)), ['More than 10000 metric series: further o', "The metric 'orders' is a counter elsewhe"].map((line) => line.slice(0, 40)));
});

test('wrong options and values say what is wrong', async () => {
  await Runtime.instance().shutdown();
  assert.throws(() => Runtime.install({ telemetryOptions: { metrics: { prometheus: { bindAddress: '9464' } } } }), /bindAddress must be 'host:port'/);
  assert.throws(() => Runtime.install({ telemetryOptions: { metrics: { otel: { url: 'grpc://collector:4317' } } } }), /needs http: true/);
  assert.throws(() => Runtime.instance().metricMeter.createCounter('a').add(-1), /at least 0; 'a' got -1/);
});

test('no two of the SDK\'s metrics have one name', () => {
  const names = Object.values(SDK_METRICS).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
