/** A plugin reaches whatever it is given to: connections, clients, workers, bundles, replays; once each, in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type ClientPlugin, type WorkflowClientInterceptor } from '../client/index.js';
import { TestEnvironment } from '../../testing/index.js';
import { configuredBundle } from '../sandbox/bundle.js';
import { Worker, type ActivityInterceptorsFactory, type WorkerPlugin } from '../worker/index.js';
import { SimplePlugin } from './index.js';

const workflowsPath = fileURLToPath(new URL('../opentelemetry/test-traced.js', import.meta.url));

class Activities {
  readonly #suffix = '!';
  work(what: string): Promise<string> {
    return Promise.resolve(what + this.#suffix);
  }
}

test('a simple plugin adds to what is there: activities, interceptors, a context around the run', async () => {
  const seen: string[] = [];
  const noting = (name: string): ActivityInterceptorsFactory => () => ({
    inbound: {
      async execute(input, next) {
        seen.push(`${name} ${String(await next(input))}`);
        return '';
      },
    },
  });
  const plugin = new SimplePlugin({
    name: 'acme.noting',
    workflowsPath,
    activities: { near: () => seen.push('near') },
    workerInterceptors: { activity: [noting('plugin')] },
    runContext: async (next) => {
      seen.push('opened');
      await next();
      seen.push('closed');
    },
  });
  {
    await using env = await TestEnvironment.create({ startTime: 0 });
    await env.worker({ activities: new Activities(), interceptors: { activity: [noting('own')] }, plugins: [plugin] });
    await env.run('metered', {});
  }
  // The first interceptor is the outermost, so it is the last to see the result.
  assert.deepEqual(seen, ['opened', 'plugin measure!', 'own ', 'closed']);
});

test('a plugin of the connection configures it, its clients and its workers; given twice it counts once', async () => {
  const seen: string[] = [];
  const interceptor: WorkflowClientInterceptor = { describe: (input, next) => (seen.push('describe'), next(input)) };
  const plugin = new SimplePlugin({ name: 'acme.client', apiKey: (given) => `${given}-extended`, clientInterceptors: { workflow: [interceptor] } });
  const connection = Connection.lazy({ apiKey: 'key', plugins: [plugin] });
  assert.deepEqual(connection.plugins, [plugin]);
  assert.deepEqual(plugin.configureConnection({ apiKey: 'key' }).apiKey, 'key-extended');
  const own = (): string => 'mine';
  assert.equal(plugin.configureConnection({ apiKey: own }).apiKey, own);
  const client = new Client({ connection, plugins: [plugin] });
  await client.withDeadline(Date.now() - 1, () => client.workflow.getHandle('x').describe()).catch(() => undefined);
  assert.deepEqual(seen, ['describe']);
  await connection.close();
});

test('plugins are applied in order, and the first is the outermost around the run', async () => {
  const seen: string[] = [];
  const named = (name: string): WorkerPlugin & ClientPlugin => ({
    name,
    configureWorker: async (options) => (seen.push(`${name} configures`), { ...options, identity: `${options.identity ?? ''}${name}` }),
    async runWorker(worker, next) {
      seen.push(`${name} before`);
      await next(worker).finally(() => seen.push(`${name} after`));
    },
  });
  await using env = await TestEnvironment.create({ startTime: 0 });
  const worker = await env.createWorker({ workflowsPath, identity: '', plugins: [named('a'), named('b')] });
  assert.equal(worker.options.identity, 'ab');
  await worker.runUntil(Promise.resolve());
  assert.deepEqual(seen, ['a configures', 'b configures', 'a before', 'b before', 'b after', 'a after']);
  assert.equal(worker.getState(), 'STOPPED');
});

test('a plugin that fails around the run fails the run', async () => {
  await using env = await TestEnvironment.create({ startTime: 0 });
  const plugin: WorkerPlugin = { name: 'broken', runWorker: () => Promise.reject(new Error('no database')) };
  const worker = await env.createWorker({ workflowsPath, plugins: [plugin] });
  await assert.rejects(worker.run(), /no database/);
  assert.equal(worker.getState(), 'FAILED');
});

test('a bundle has the modules of its plugins, once', async () => {
  const plugin = new SimplePlugin({ name: 'acme.modules', workerInterceptors: { workflowModules: ['./a.js', './b.js'] } });
  const configured = configuredBundle({ workflowsPath, workflowInterceptorModules: ['./a.js'], plugins: [plugin] });
  assert.deepEqual(configured.workflowInterceptorModules, ['./a.js', './b.js']);
  assert.equal(configured.workflowsPath, workflowsPath);
});

test('a plugin configures replays', async () => {
  const asked: string[] = [];
  const plugin: WorkerPlugin = { name: 'replays', configureReplayWorker: (options) => (asked.push('asked'), { ...options, workflowsPath }) };
  for await (const result of Worker.runReplayHistories({ plugins: [plugin] }, [])) assert.fail(result.workflowId);
  assert.deepEqual(asked, ['asked']);
});
