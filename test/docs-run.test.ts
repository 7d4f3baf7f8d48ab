/**
 * The code of the guide does what the pages say: its blocks are written out, compiled and run on the engine, in virtual time. (That all blocks
 * compile, and that the page about tests runs, is in `docs.test.ts`.)
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ApplicationFailure, type Payload, type PayloadCodec, type PayloadConverter } from 'perdure/common';
import type { Client, Connection } from 'perdure/client';
import { TestEnvironment } from 'perdure/testing';
import { root } from '../bench/processes.js';

const target = path.join(root, 'build/docs-run');
const start = process.cwd();
const KEY = 'PAYLOAD_KEY_2031_01';
const folderOf = (page: string): string => path.join(target, page);
const load = async <Module>(page: string, file: string): Promise<Module> => (await import(path.join(folderOf(page), `${file}.js`))) as Module;

/** An environment with a worker for a page's workflows. Paths in the page's code begin at the page's folder. */
async function open(page: string, workflows: string, activities: object = {}, taskQueue = 'test'): Promise<TestEnvironment> {
  process.chdir(folderOf(page));
  const env = await TestEnvironment.create();
  await env.worker({ workflowsPath: path.join(folderOf(page), `${workflows}.ts`), activities, taskQueue });
  return env;
}

describe('the code of the guide', () => {
  before(() => {
    fs.rmSync(target, { recursive: true, force: true });
    const pages = fs.readdirSync(path.join(root, 'docs/guide'));
    for (const page of pages) {
      const folder = folderOf(path.basename(page, '.md'));
      for (const [, file, code] of fs.readFileSync(path.join(root, 'docs/guide', page), 'utf8').matchAll(/```ts file=(\S+)\n([\s\S]*?)```/g)) {
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, file as string), code as string);
        // Programs name their workflows as a project would: './src/workflows.ts'.
        fs.mkdirSync(path.join(folder, 'src'), { recursive: true });
        fs.writeFileSync(path.join(folder, 'src', file as string), code as string);
      }
    }
    const compilerOptions = { outDir: '.', rootDir: '.', declaration: false, incremental: false, tsBuildInfoFile: null };
    fs.writeFileSync(path.join(target, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*/*.ts'], exclude: [] }));
    const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', target], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    process.env[KEY] = Buffer.alloc(32, 7).toString('base64');
  });
  after(() => {
    process.chdir(start);
    delete process.env[KEY];
  });

  test('first-workflow', async () => {
    const activities = await load<Record<string, (...args: never[]) => unknown>>('first-workflow', 'activities');
    await using env = await open('first-workflow', 'workflows', { ...activities, email: async () => undefined });
    const large = await env.start('purchase', { args: ['ada', 25_000] });
    assert.equal(await large.query('status'), 'waiting for approval');
    await large.signal('approve', 'grace');
    assert.match(String(await large.result()), /^receipt for ada, key /);
    assert.equal(await env.run('purchase', { args: ['ada', 25_000] }), 'expired');
  });

  test('workflows', async () => {
    const reminded: string[] = [];
    let cleanedUp = 0;
    await using env = await open('workflows', 'reminders', { remind: async (who: string) => void reminded.push(who), cleanUp: async () => void cleanedUp++ });
    const handle = await env.start('reminders', { args: ['ada'] });
    await env.sleep('49 hours');
    await handle.signal('done');
    assert.equal(await handle.result(), 'done');
    assert.deepEqual(reminded, ['ada', 'ada']);
    const cancelled = await env.start('reminders', { args: ['bob'] });
    await env.sleep('1 hour');
    await cancelled.cancel();
    await assert.rejects(cancelled.result());
    assert.equal(cleanedUp, 1);
    await assert.rejects(env.run('impatient', { args: [] }));
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
    await using env = await open('sagas', 'saga', { reserveSeats: note('reserve'), releaseSeats: note('release'), charge, refund: note('refund') });
    await assert.rejects(env.run('book', { args: ['t-1'] }));
    assert.deepEqual(done, ['reserve', 'refund', 'release']);
  });

  test('sagas: turns and versions', async () => {
    const packed: string[] = [];
    const activities = { priceOf: async (article: string) => article.length, pack: async (article: string) => void packed.push(article) };
    await using env = await open('sagas', 'turns', activities);
    const packing = await env.start('packing', { args: [] });
    for (const article of ['tea', 'cup']) await packing.signal('order', article);
    await packing.signal('close');
    await packing.result();
    assert.deepEqual(packed, ['tea', 'cup']);
    const cart = await env.start('cart', { args: [] });
    assert.deepEqual(await Promise.all(['tea', 'cups'].map((article) => cart.executeUpdate('add', { args: [article] }))), [3, 7]);

    const charged: string[] = [];
    const ways = Object.fromEntries(['chargeOldWay', 'charge', 'chargeInParts'].map((name) => [name, async () => void charged.push(name)]));
    await using other = await open('sagas', 'versions', ways);
    await other.run('billing', { args: [] });
    assert.deepEqual(charged, ['chargeInParts']);
  });

  test('updates', async (t) => {
    const said = t.mock.method(console, 'log', () => undefined);
    await using env = await open('updates', 'workflows', await load<object>('updates', 'activities'), 'carts');
    await (await load<{ shop(client: Client): Promise<void> }>('updates', 'client')).shop(env.client);
    assert.deepEqual(said.mock.calls.map(({ arguments: [line] }) => line), ['refused: count must be a whole number above 0', 'order over 600']);
    assert.equal(await (await load<{ check(client: Client, ids: readonly string[]): Promise<boolean> }>('updates', 'replay')).check(env.client, ['cart-7']), true);
  });

  test('definitions', async () => {
    await using env = await open('definitions', 'order', await load<object>('definitions', 'activities'));
    const { order } = await load<{ order: () => Promise<string> }>('definitions', 'order');
    const handle = await env.client.workflow.start(order as never, { taskQueue: 'test', workflowId: 'o-1', args: [{ id: 'o-1', items: [{ sku: 'pen' }] }] as never });
    await handle.signal('pay', { cents: 120 });
    assert.equal(await handle.result(), 'o-1: 1 items');
    await assert.rejects(env.client.workflow.start(order as never, { taskQueue: 'test', workflowId: 'o-2', args: [{ id: 'o-2', items: [] }] as never }), /items/);
  });

  test('data and encryption', async () => {
    const { payloadConverter } = await load<{ payloadConverter: PayloadConverter }>('data', 'payload-converter');
    const value = { at: new Date(0), total: 12345678901234567890n };
    const payload = payloadConverter.toPayload(value) as Payload;
    assert.deepEqual(payloadConverter.fromPayload(payload), value);
    const { codecs } = await load<{ codecs: readonly PayloadCodec[] }>('encryption', 'codecs');
    let [coded] = [payload];
    for (const codec of codecs) [coded] = (await codec.encode([coded])) as [Payload];
    assert.ok(!Buffer.from(coded.data ?? []).includes('12345678901234567890'));
    for (const codec of [...codecs].reverse()) [coded] = (await codec.decode([coded])) as [Payload];
    assert.deepEqual(payloadConverter.fromPayload(coded), value);
  });

  test('interceptors', async (t) => {
    const said = t.mock.method(console, 'log', () => undefined);
    process.chdir(folderOf('interceptors'));
    await using env = await TestEnvironment.create();
    await (await load<{ main(connection: Connection): Promise<void> }>('interceptors', 'program')).main(env.client.connection as Connection);
    assert.deepEqual(said.mock.calls.map(({ arguments: line }) => line), [['order', 'express']]);
  });

  test('cpu-bound', async () => {
    const workflows = "import { proxyActivities } from 'perdure/workflow';\nconst { digest, convert } = proxyActivities({ startToCloseTimeout: '1 minute' });\nexport const both = async () => [await digest(new Uint8Array(3), 2), await convert('file')];\n";
    fs.writeFileSync(path.join(folderOf('cpu-bound'), 'both.ts'), workflows);
    await using env = await open('cpu-bound', 'both', await load<object>('cpu-bound', 'activities'));
    const [hash, file] = (await env.run('both', { args: [] })) as [string, string];
    assert.match(hash, /^[\da-f]{64}$/);
    assert.equal(file, 'file');
  });
});
