/**
 * `npm run demo`: orders through a saga, and a SIGKILL in the middle of one.
 *
 * The shop's process (`service.ts`) holds engine and worker. This process is its customer: it starts the orders of `orders.json` over
 * gRPC, approves one, kills the shop in the middle of the last order, starts it again, and shows that nothing was lost and no completed
 * step ran again. It exits with 1 if any of that does not hold.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowFailedError, type WorkflowHandleWithFirstExecutionRunId } from 'perdure/client';
import { readLedger } from './ledger.js';
import type { Order } from './order.js';
import { Shop } from './shop.js';
import { eventCount, timeline } from './timeline.js';
import { approve, status, type orderSaga } from './workflows.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const orders = JSON.parse(fs.readFileSync(path.join(root, 'examples/order-saga/orders.json'), 'utf8')) as Order[];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-demo-'));
const shop = new Shop(folder);
const KILLED = 'A-1008';

await shop.start();
console.log(`Engine and worker: process ${shop.processId}, gRPC on ${shop.address}\nData: ${shop.database}\n`);
const client = new Client({ connection: await Connection.connect({ address: shop.address }) });
type Handle = WorkflowHandleWithFirstExecutionRunId<typeof orderSaga>;

function place(order: Order): Promise<Handle> {
  return client.workflow.start<typeof orderSaga>('orderSaga', { taskQueue: 'orders', workflowId: `order-${order.id}`, args: [order] });
}

/** Waits for the end of an order and prints what happened. */
async function report(order: Order, handle: Handle): Promise<void> {
  const outcome = await handle.result().then(
    (receipt) => `shipped as ${receipt.trackingCode}`,
    (error: unknown) => `refused: ${reason(error)}`,
  );
  const { events } = await handle.fetchHistory();
  console.log(`${order.id}  ${order.customer}: ${outcome}  (${eventCount(events)} events)`);
  for (const line of timeline(events)) console.log(`    ${line}`);
}

function reason(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return error instanceof WorkflowFailedError ? (cause as Error).message : String(error);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain: ${what}`);
}

// 1. All orders but one, at the same time.
const placed = await Promise.all(orders.filter((order) => order.id !== KILLED).map(async (order) => ({ order, handle: await place(order) })));
const bike = placed.find(({ order }) => order.id === 'A-1005') as (typeof placed)[number];
await until('the expensive order asks for approval', async () => (await bike.handle.query(status)) === 'waiting for approval');
await bike.handle.signal(approve, 'Grace');
for (const { order, handle } of placed) await report(order, handle);

// 2. One order, killed in the middle.
const order = orders.find((candidate) => candidate.id === KILLED) as Order;
const handle = await place(order);
await until('the payment is recorded', async () => (await handle.query(status)) === 'shipping');
const before = (await handle.fetchHistory()).events;
const killed = shop.processId;
await shop.kill();
console.log(`\nkill -9 ${killed}: engine and worker are gone, order ${KILLED} is paid and not shipped (${eventCount(before)} events)`);
await shop.start();
console.log(`started again: process ${shop.processId}, the same file\n`);
await report(order, handle);

// 3. The proof.
const ledger = readLedger(shop.ledger);
const done = ledger.filter((line) => line.outcome === 'done');
assert.equal(new Set(done.map((line) => line.key)).size, done.length, 'a step took effect twice');
const mine = done.filter((line) => line.orderId === KILLED);
assert.deepEqual(mine.map((line) => line.step), ['reserveInventory', 'chargePayment', 'createShipment']);
assert.deepEqual(mine.map((line) => line.processId === killed), [true, true, false], 'the first two steps ran before the kill, the last one after');
assert.equal(ledger.filter((line) => line.orderId === KILLED && line.outcome === 'repeated').length, 0, 'a completed step ran again');
console.log(`
Ledger of ${KILLED} (what really happened outside):`);
for (const line of mine) console.log(`    ${line.step.padEnd(18)} by process ${line.processId}  ${line.result}`);
console.log(`No completed step ran again: ${done.length} effects, ${new Set(done.map((line) => line.key)).size} keys.

Database  ${shop.database}
Ledger    ${shop.ledger}
API       gRPC, ${shop.address} while it ran: npm exec perdure -- server start-dev --db-filename ${shop.database}
Console   not part of this version`);
await client.connection.close();
await shop.stop();
