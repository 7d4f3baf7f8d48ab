import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestEnvironment } from 'perdure/testing';
import { createActivities } from './activities.js';
import { Ledger } from './ledger.js';
import type { Order } from './order.js';
import { approve, orderSaga, status } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));
const item = { sku: 'espresso-machine', quantity: 1, unitPriceCents: 34_900 };
const order: Order = { id: 'A-1', customer: 'Ada', items: [item], card: '4242', country: 'DE' };

async function open(t: TestContext) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-shop-'));
  const ledger = new Ledger(path.join(folder, 'ledger.jsonl'));
  t.after(() => {
    ledger.close();
    fs.rmSync(folder, { recursive: true });
  });
  const env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities: createActivities(ledger) });
  return { env, steps: () => ledger.lines.map(({ step, outcome }) => `${step} ${outcome}`) };
}

test('an order is reserved, charged and shipped; a carrier that is down for a moment is asked again', async (t) => {
  const { env, steps } = await open(t);
  await using _ = env;
  const receipt = await env.run(orderSaga, { args: [{ ...order, country: 'IS' }] });
  assert.equal(receipt.totalCents, 34_900);
  assert.deepEqual(steps(), ['reserveInventory done', 'chargePayment done', 'createShipment failed', 'createShipment failed', 'createShipment done']);
});

test('a declined card, or a country without a carrier: what was done is undone, the last first', async (t) => {
  const { env, steps } = await open(t);
  await using _ = env;
  await assert.rejects(env.run(orderSaga, { args: [{ ...order, card: '4000 0002' }] }));
  assert.deepEqual(steps(), ['reserveInventory done', 'chargePayment failed', 'releaseInventory done']);
  await assert.rejects(env.run(orderSaga, { args: [{ ...order, id: 'A-2', country: 'AQ' }] }));
  assert.deepEqual(steps().slice(3), ['reserveInventory done', 'chargePayment done', 'createShipment failed', 'refundPayment done', 'releaseInventory done']);
});

test('a large order waits for a person, for ten minutes', async (t) => {
  const { env } = await open(t);
  await using _ = env;
  const large: Order = { ...order, items: [{ ...item, quantity: 10 }] };
  const approved = await env.start(orderSaga, { args: [large] });
  await env.sleep('9 minutes');
  assert.equal(await approved.query(status), 'waiting for approval');
  await approved.signal(approve, 'Bo');
  assert.equal((await approved.result()).totalCents, 349_000);
  await assert.rejects(env.run(orderSaga, { args: [{ ...large, id: 'A-2' }] }), (error: Error) => /Nobody approved/.test(String((error.cause as Error).message)));
});
