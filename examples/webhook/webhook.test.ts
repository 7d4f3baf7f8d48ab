import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import { activitiesWith } from './activities.js';
import { webhook } from './webhook.js';
import { collect } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

/** A shop with its webhook, and a provider that remembers what it was asked. */
async function open() {
  const env = await TestEnvironment.create();
  const asked = deferred<string>();
  const provider = { request: async (_invoice: string, _cents: number, callback: string) => asked.resolve(callback) };
  await env.worker({ workflowsPath, activities: activitiesWith(provider) });
  const server = webhook(env.client).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    env,
    callback: asked.promise,
    call: async (body: unknown) => (await fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })).status,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await env[Symbol.asyncDispose]();
    },
  };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  return { promise: new Promise<T>((settle) => (resolve = settle)), resolve };
}

test('the webhook completes the activity; a second call does no harm', async () => {
  await using shop = await open();
  const handle = await shop.env.start(collect, { args: ['i-1', 500] });
  const callback = await shop.callback;
  assert.equal(await shop.call({ callback, paid: { reference: 'p-9' } }), 200);
  assert.equal(await handle.result(), 'paid: p-9');
  assert.equal(await shop.call({ callback, paid: { reference: 'p-9' } }), 200);
});

test('a refusal fails the activity; nonsense is turned away', async () => {
  await using shop = await open();
  const handle = await shop.env.start(collect, { args: ['i-1', 500] });
  const callback = await shop.callback;
  assert.equal(await shop.call('{'), 400);
  assert.equal(await shop.call({ paid: {} }), 400);
  assert.equal(await shop.call({ callback, refused: 'card expired' }), 200);
  assert.match(await handle.result(), /^refused: .*card expired/);
});

test('after two days without a call, nobody paid', async () => {
  await using shop = await open();
  const handle = await shop.env.start(collect, { args: ['i-1', 500] });
  await shop.callback;
  await shop.env.sleep('2 days');
  assert.equal(await handle.result(), 'nobody paid');
});
