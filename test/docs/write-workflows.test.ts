/** The pages about workflow code and its activities do what they say, on the engine and in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from 'perdure/common';
import type { Client, Connection } from 'perdure/client';
import { TestEnvironment } from 'perdure/testing';
import { openPages, type Page } from './pages.js';
import { Stage } from './stage.js';

type Functions = Record<string, (...args: never[]) => unknown>;
const pages = openPages('first-workflow', 'workflows', 'sagas', 'updates', 'definitions', 'interceptors', 'cpu-bound', 'sandbox');

/** An environment with a worker for a page's workflows. */
async function open(page: Page, workflows: string, activities: object = {}, taskQueue = 'test'): Promise<TestEnvironment> {
  const workflowsPath = page.workflows(workflows);
  const env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities, taskQueue });
  return env;
}

test('first-workflow: the worker and the client of the page', async (t) => {
  const page = pages['first-workflow'];
  const said = t.mock.method(console, 'log', () => undefined);
  await using stage = await Stage.open(t);
  await stage.during(page.load('worker'), async () => {
    await page.load('client');
    const lines = said.mock.calls.map(({ arguments: [line] }) => String(line));
    assert.equal(lines[0], 'waiting for approval');
    const [, receipt, result] = lines as [string, string, string];
    assert.match(result, /^receipt for ada, key /);
    assert.equal(receipt, `to ada: ${result}`);
    const { purchase } = await page.load<{ purchase(customer: string, cents: number): Promise<string> }>('workflows');
    const options = { taskQueue: 'purchases', workflowId: 'purchase-2' };
    assert.equal(await stage.env.client.workflow.execute(purchase, { ...options, args: ['ada', 25_000] }), 'expired');
    await assert.rejects(stage.env.client.workflow.execute(purchase, { ...options, args: ['ada', 0] }), ({ cause }: Error) => /the amount must be positive/.test(String((cause as Error).cause)));
  });
  assert.deepEqual(page.commands(0), [['npm', 'install', 'perdure']]);
  assert.deepEqual(page.commands(1), [['npx', 'perdure', 'server', 'start-dev']]);
});

test('workflows', async () => {
  const page = pages.workflows;
  const reminded: string[] = [];
  let cleanedUp = 0;
  await using env = await open(page, 'reminders', { remind: async (who: string) => void reminded.push(who), cleanUp: async () => void cleanedUp++ });
  const handle = await env.start('reminders', { args: ['ada'] });
  await env.sleep('49 hours');
  await handle.signal('done');
  assert.equal(await handle.result(), 'done');
  assert.deepEqual(reminded, ['ada', 'ada']);
  const cancelled = await env.start('reminders', { args: ['bob'] });
  await env.sleep('1 hour');
  for (const query of ['__stack_trace', '__enhanced_stack_trace', '__temporal_workflow_metadata']) {
    assert.ok(page.text.includes(query));
    assert.ok(await cancelled.query(query));
  }
  assert.match(await cancelled.query<string>('__stack_trace'), /reminders\.ts:\d+/);
  await cancelled.cancel();
  await assert.rejects(cancelled.result());
  assert.equal(cleanedUp, 1);
  const before = env.currentTime().getTime();
  await assert.rejects(env.run('impatient', { args: [] }));
  assert.equal(env.currentTime().getTime() - before, 600_000);
});

test('workflows: a loop that races', async () => {
  const page = pages.workflows;
  page.workflows('races');
  page.write('racing.ts', `import { proxyActivities, defineSignal, setHandler, Trigger } from 'perdure/workflow';
    import { poller } from './races.js';
    const { poll } = proxyActivities({ startToCloseTimeout: '1 minute' });
    export async function racing() {
      const stopped = new Trigger();
      setHandler(defineSignal('stop'), () => stopped.resolve('stop'));
      await poller(poll, stopped);
    }`);
  let polls = 0;
  await using env = await open(page, 'racing', { poll: async () => void polls++ });
  const handle = await env.start('racing', { args: [] });
  await env.sleep('10.5 minutes');
  await handle.signal('stop');
  await handle.result();
  assert.equal(polls, 10);
});

test('sagas: a step that fails undoes the steps before', async () => {
  const done: string[] = [];
  const note = (step: string) => async (): Promise<string> => {
    done.push(step);
    return step;
  };
  const charge = (): never => {
    throw ApplicationFailure.nonRetryable('no cover');
  };
  await using env = await open(pages.sagas, 'saga', { reserveSeats: note('reserve'), releaseSeats: note('release'), charge, refund: note('refund') });
  await assert.rejects(env.run('book', { args: ['t-1'] }));
  assert.deepEqual(done, ['reserve', 'refund', 'release']);
});

test('sagas: turns and versions', async () => {
  const packed: string[] = [];
  const activities = { priceOf: async (article: string) => article.length, pack: async (article: string) => void packed.push(article) };
  await using env = await open(pages.sagas, 'turns', activities);
  const packing = await env.start('packing', { args: [] });
  for (const article of ['tea', 'cup']) await packing.signal('order', article);
  await packing.signal('close');
  await packing.result();
  assert.deepEqual(packed, ['tea', 'cup']);
  const cart = await env.start('cart', { args: [] });
  assert.deepEqual(await Promise.all(['tea', 'cups'].map((article) => cart.executeUpdate('add', { args: [article] }))), [3, 7]);

  const charged: string[] = [];
  const ways = Object.fromEntries(['chargeOldWay', 'charge', 'chargeInParts'].map((name) => [name, async () => void charged.push(name)]));
  await using other = await open(pages.sagas, 'versions', ways);
  await other.run('billing', { args: [] });
  assert.deepEqual(charged, ['chargeInParts']);
});

test('updates', async (t) => {
  const page = pages.updates;
  const said = t.mock.method(console, 'log', () => undefined);
  await using env = await open(page, 'workflows', await page.load<object>('activities'), 'carts');
  await (await page.load<{ shop(client: Client): Promise<void> }>('client')).shop(env.client);
  assert.deepEqual(said.mock.calls.map(({ arguments: [line] }) => line), ['refused: count must be a whole number above 0', 'order over 600']);
  assert.equal(await (await page.load<{ check(client: Client, ids: readonly string[]): Promise<boolean> }>('replay')).check(env.client, ['cart-7']), true);
});

test('definitions: the client of the page, and what arrives from elsewhere', async (t) => {
  const page = pages.definitions;
  const said = t.mock.method(console, 'log', () => undefined);
  await using stage = await Stage.open(t);
  const { env } = stage;
  await env.worker({ workflowsPath: page.workflows('order'), activities: await page.load<object>('activities'), taskQueue: 'orders' });
  await page.load('client');
  const issues = said.mock.calls[0]?.arguments[0] as { message: string; path: string }[];
  assert.deepEqual(issues.map(({ path, message }) => `${path}: ${message}`), ['quantity: Invalid input: expected int, received number']);
  assert.ok(page.text.includes("The input of update 'addItem' does not fit its schema: quantity: Invalid input: expected int, received number"));
  assert.equal(await env.client.workflow.getHandle('o-1').result(), 'o-1: 1 items');
  // From elsewhere: without the definition, nothing is refused before it is sent.
  const handle = await env.client.workflow.start('order', { taskQueue: 'orders', workflowId: 'o-2', args: [{ id: 'o-2', items: [{ sku: 'pen' }] }] });
  await handle.signal('pay', { cents: -1 });
  await assert.rejects(handle.executeUpdate('addItem', { args: [{ sku: 'ink', quantity: 0.5 }] }));
  assert.equal(await handle.query('paid'), 0);
  await assert.rejects(env.run('order', { taskQueue: 'orders', args: [{ id: 'o-3', items: [] }] }), ({ cause }: Error) => (cause as ApplicationFailure).type === 'SchemaValidationError');
});

test('interceptors', async (t) => {
  const page = pages.interceptors;
  const said = t.mock.method(console, 'log', () => undefined);
  page.workflows('workflows');
  await using env = await TestEnvironment.create();
  await (await page.load<{ main(connection: Connection): Promise<void> }>('program')).main(env.client.connection as Connection);
  assert.deepEqual(said.mock.calls.map(({ arguments: line }) => line), [['order', 'express']]);
  const { events } = await env.client.workflow.getHandle('order-1').fetchHistory();
  assert.ok(Buffer.from(events[0]?.workflowExecutionStartedEventAttributes?.header ?? []).includes('trace'), 'what the client put into the headers of the start');
});

test('cpu-bound', async () => {
  const page = pages['cpu-bound'];
  page.write('both.ts', `import { proxyActivities } from 'perdure/workflow';
    const { digest, convert } = proxyActivities({ startToCloseTimeout: '1 minute' });
    export const both = async () => [await digest(new Uint8Array(3), 2), await convert('file')];`);
  await using env = await open(page, 'both', await page.load<Functions>('activities'));
  const [hash, file] = (await env.run('both', { args: [] })) as [string, string];
  assert.match(hash, /^[\da-f]{64}$/);
  assert.equal(file, 'file');
});

test('sandbox: what is refused, and what is there', async () => {
  const page = pages.sandbox;
  page.write('tries.ts', `
    import { sleep } from 'perdure/workflow';
    export async function tries(code) {
      const ways = {
        fetch: () => fetch('http://x'), setInterval: () => setInterval(() => {}, 1), setImmediate: () => setImmediate(() => {}), WeakRef: () => new WeakRef({}),
        eval: () => eval('1'), Function: () => new Function('return 1'),
      };
      let thrown = 'nothing';
      try { await ways[code](); } catch (error) { thrown = error.message; }
      return thrown;
    }
    export async function finds() {
      const absent = ['process', 'Buffer', 'performance', 'window', 'WebAssembly', 'SharedArrayBuffer', 'Atomics'].filter((name) => globalThis[name] === undefined);
      const before = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 86_400_000));
      const present = [URL, TextEncoder, TextDecoder, structuredClone, AbortController, queueMicrotask].every((it) => typeof it === 'function');
      return { absent: absent.length, present, sleptMs: Date.now() - before, id: crypto.randomUUID() };
    }`);
  await using env = await TestEnvironment.create({ failAfterTaskFailures: 1 });
  await env.worker({ workflowsPath: page.workflows('tries') });
  const found = (await env.run('finds', { args: [] })) as { absent: number; present: boolean; sleptMs: number };
  assert.equal(found.absent, 7);
  assert.ok(found.present);
  assert.equal(found.sleptMs, 86_400_000);
  for (const name of ['eval', 'Function']) assert.match(String(await env.run('tries', { args: [name] })), /disallowed/, name);
  for (const name of ['fetch', 'setInterval', 'setImmediate', 'WeakRef']) {
    await assert.rejects(env.run('tries', { args: [name] }), ({ cause }: Error) => (cause as Error).message.includes(name), name);
  }
  page.write('reads.ts', `import { readFileSync } from 'node:fs';\nexport const reads = async () => readFileSync('x').length;`);
  await assert.rejects(env.worker({ workflowsPath: page.workflows('reads') }), /reads\.ts:1[\s\S]*node:fs|node:fs[\s\S]*reads\.ts/);
});
