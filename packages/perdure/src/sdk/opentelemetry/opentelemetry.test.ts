/** Traces lead from the client through workflows to activities and children, join those of other SDKs, and a replay adds nothing to them. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AsyncLocalStorage } from 'node:async_hooks';
import { context, ROOT_CONTEXT, SpanStatusCode, trace, type Context, type ContextManager } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import * as v1 from 'opentelemetry-sdk-trace-base-v1';
import { TestEnvironment } from '../../testing/index.js';
import { officeService } from '../../testing/test-nexus-service.js';
import { caller } from '../../testing/test-nexus-workflows.js';
import { defaultPayloadConverter, DefaultLogger, type LogEntry } from '../common/index.js';
import { log } from '../activity/index.js';
import { History } from '../../protocol/index.js';
import { Worker } from '../worker/index.js';
import { OpenTelemetryPlugin, TRACE_HEADER } from './index.js';
import { change, failing, go, state, stumbling, traced } from './test-traced.js';

const workflowsPath = fileURLToPath(new URL('./test-traced.js', import.meta.url));

/** What programs get from OpenTelemetry's SDK for Node. */
class AsyncContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = (): Context => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (active, run, self, ...args) => this.#storage.run(active, () => run.apply(self as ThisParameterType<typeof run>, args) as ReturnType<typeof run>);
  bind<T>(_active: Context, target: T): T {
    return target;
  }
  enable = (): this => this;
  disable = (): this => this;
}

before(() => context.setGlobalContextManager(new AsyncContext()));

function tracing() {
  const exporter = new InMemorySpanExporter();
  const spanProcessor = new SimpleSpanProcessor(exporter);
  const provider = new BasicTracerProvider({ spanProcessors: [spanProcessor] });
  const tracer = provider.getTracer('test');
  const plugin = new OpenTelemetryPlugin({ resource: {}, spanProcessor, tracer });
  return { plugin, tracer, spans: (): ReadableSpan[] => exporter.getFinishedSpans() };
}

let attempts = 0;
const activities = {
  async work(what: string): Promise<string> {
    log.info('at work');
    if (what === 'child' && ++attempts % 2 === 1) throw new Error('try again');
    return `${what} done`;
  },
  async near(): Promise<void> {},
};

const idOf = (span: ReadableSpan): string => span.spanContext().spanId;

/** `name < parent < … < root` */
function chain(spans: readonly ReadableSpan[], span: ReadableSpan): string {
  const parent = spans.find((other) => idOf(other) === span.parentSpanContext?.spanId);
  return parent === undefined ? span.name : `${span.name} < ${chain(spans, parent)}`;
}

async function run(maxCachedWorkflows: number) {
  const { plugin, tracer, spans } = tracing();
  const lines: LogEntry[] = [];
  await using env = await TestEnvironment.create({ startTime: 0, client: { plugins: [plugin] }, workerLogger: new DefaultLogger('INFO', (entry) => void lines.push(entry)) });
  await env.worker({ workflowsPath, activities, plugins: [plugin], maxCachedWorkflows });
  attempts = 0;
  const workflowId = 'traced-1';
  const { handle, root } = await tracer.startActiveSpan('request', async (span) => {
    const handle = await env.client.workflow.start(traced, { workflowId, taskQueue: env.taskQueue });
    assert.equal(await handle.query(state), 'fine');
    assert.equal(await handle.executeUpdate(change, { args: ['good'] }), 'good done');
    await assert.rejects(handle.executeUpdate(change, { args: ['bad'] }));
    await handle.signal(go);
    await handle.result();
    span.end();
    return { handle, root: span.spanContext() };
  });
  const history = await handle.fetchHistory();
  return { spans: spans(), lines, root, history: History.create(history), result: await handle.result() };
}

for (const cached of [10, 0]) {
  test(`one trace, from the request to the child's activity (${cached} runs cached)`, async () => {
    const { spans, root, lines, result } = await run(cached);
    assert.deepEqual(new Set(spans.map((span) => span.spanContext().traceId)), new Set([root.traceId]));
    assert.equal(new Set(spans.map(idOf)).size, spans.length, 'no span comes twice');
    const run1 = 'RunWorkflow:traced < StartWorkflow:traced < request';
    const child = `RunWorkflow:tracedChild < StartChildWorkflow:tracedChild < ${run1}`;
    assert.deepEqual(spans.map((span) => chain(spans, span)).sort(), [
      'request',
      'StartWorkflow:traced < request',
      run1,
      `StartActivity:near < ${run1}`,
      `RunActivity:near < StartActivity:near < ${run1}`,
      `StartActivity:work < ${run1}`,
      `RunActivity:work < StartActivity:work < ${run1}`,
      'QueryWorkflow:state < request',
      'HandleQuery:state < QueryWorkflow:state < request',
      'StartWorkflowUpdate:change < request',
      'ValidateUpdate:change < StartWorkflowUpdate:change < request',
      'HandleUpdate:change < StartWorkflowUpdate:change < request',
      'StartActivity:work < HandleUpdate:change < StartWorkflowUpdate:change < request',
      'RunActivity:work < StartActivity:work < HandleUpdate:change < StartWorkflowUpdate:change < request',
      'StartWorkflowUpdate:change < request',
      'ValidateUpdate:change < StartWorkflowUpdate:change < request',
      'SignalWorkflow:go < request',
      'HandleSignal:go < SignalWorkflow:go < request',
      'StartActivity:work < HandleSignal:go < SignalWorkflow:go < request',
      'RunActivity:work < StartActivity:work < HandleSignal:go < SignalWorkflow:go < request',
      `StartChildWorkflow:tracedChild < ${run1}`,
      child,
      `StartActivity:work < ${child}`,
      `RunActivity:work < StartActivity:work < ${child}`,
      `RunActivity:work < StartActivity:work < ${child}`,
    ].sort());
    const refused = spans.filter(({ name, status }) => name === 'ValidateUpdate:change' && status.code === SpanStatusCode.ERROR);
    assert.deepEqual(refused.map(({ events }) => events[0]?.attributes?.['exception.message']), ['no']);
    const runOfWorkflow = spans.find(({ name }) => name === 'RunWorkflow:traced');
    assert.equal(runOfWorkflow?.attributes['temporalWorkflowId'], 'traced-1');
    assert.equal(lines.find(({ message }) => message === 'begun')?.meta?.['trace_id'], root.traceId);
    assert.equal(lines.find(({ message }) => message === 'begun')?.meta?.['span_id'], runOfWorkflow && idOf(runOfWorkflow));
    assert.equal(lines.find(({ message }) => message === 'at work')?.meta?.['trace_id'], root.traceId);
    assert.match(result, /^[0-9a-f-]{36}$/);
  });
}

test('a history replays without a new span, with tracing and without', async () => {
  const { history } = await run(10);
  const { plugin, spans } = tracing();
  await Worker.runReplayHistory({ workflowsPath, plugins: [plugin] }, history);
  assert.deepEqual(spans(), []);
  await Worker.runReplayHistory({ workflowsPath }, history);
});

test('the header is that of other SDKs', async () => {
  const { history } = await run(10);
  const headers = history.events.flatMap((event) => event.activityTaskScheduledEventAttributes?.header ?? []);
  assert.ok(headers.length > 0);
  const { Header } = await import('../../protocol/index.js');
  const payload = Header.decode(headers[0]!).fields.get(TRACE_HEADER);
  assert.match(defaultPayloadConverter.fromPayload<{ traceparent: string }>(payload!).traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test('version 1 of the tracing SDK takes the spans too; a workflow that nobody traced begins a trace; a failure shows', async () => {
  const exporter = new v1.InMemorySpanExporter();
  const spanProcessor = new v1.SimpleSpanProcessor(exporter);
  const tracer = new v1.BasicTracerProvider({ spanProcessors: [spanProcessor] }).getTracer('test');
  const plugin = new OpenTelemetryPlugin({ resource: {}, spanProcessor, tracer });
  await using env = await TestEnvironment.create({ startTime: 0 });
  await env.worker({ workflowsPath, activities, plugins: [plugin] });
  await assert.rejects(env.client.workflow.execute(failing, { workflowId: 'failing-1', taskQueue: env.taskQueue, retry: { maximumAttempts: 1 } }));
  // Its task is tried again and again, so it has not ended.
  await assert.rejects(env.client.workflow.execute(stumbling, { workflowId: 'stumbling-1', taskQueue: env.taskQueue }));
  await spanProcessor.forceFlush();
  const [span, ...more] = exporter.getFinishedSpans();
  assert.deepEqual(more, []);
  assert.deepEqual([span?.name, span?.parentSpanId, span?.status], ['RunWorkflow:failing', undefined, { code: SpanStatusCode.ERROR, message: 'on purpose' }]);
  assert.ok(trace.isSpanContextValid(span!.spanContext()));
});

test('a trace goes on across a Nexus operation, into the workflow behind it', async () => {
  const { plugin, spans } = tracing();
  await using env = await TestEnvironment.create({ client: { plugins: [plugin] } });
  await env.createNexusEndpoint('office');
  await env.worker({ workflowsPath: fileURLToPath(new URL('../../testing/test-nexus-workflows.js', import.meta.url)), nexusServices: [officeService], plugins: [plugin] });
  assert.equal(await env.run(caller, { args: ['book', 'tea'] }), 'tea booked');
  const behind = spans().find(({ name }) => name === 'RunWorkflow:ledger');
  assert.equal(
    chain(spans(), behind!),
    'RunWorkflow:ledger < StartWorkflow:ledger < RunStartNexusOperation:office/book < StartNexusOperation:office/book < RunWorkflow:caller < StartWorkflow:caller',
  );
});

test('a program that set no context manager has its traces all the same', async () => {
  context.disable();
  const { plugin, spans } = tracing();
  await using env = await TestEnvironment.create({ startTime: 0, client: { plugins: [plugin] } });
  await env.worker({ workflowsPath, activities, plugins: [plugin] });
  await assert.rejects(env.client.workflow.execute(failing, { workflowId: 'failing-1', taskQueue: env.taskQueue, retry: { maximumAttempts: 1 } }));
  assert.deepEqual(spans().map((span) => chain(spans(), span)), ['StartWorkflow:failing', 'RunWorkflow:failing < StartWorkflow:failing']);
});
