import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WorkflowUpdateFailedError } from 'perdure/client';
import { ApplicationFailure } from 'perdure/common';
import { TestEnvironment } from 'perdure/testing';
import * as activities from './activities.js';
import { addItem, cart, checkOut, lines, removeItem } from './workflows.js';

const workflowsPath = fileURLToPath(new URL('./workflows.js', import.meta.url));

test('a cart takes articles, answers with the total, and becomes an order once', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const orders = env.mock.activity(activities.placeOrder).returns('order 7');
  const handle = await env.start(cart, { args: ['ada'] });

  assert.equal(await handle.executeUpdate(addItem, { args: ['apple', 3] }), 120);
  assert.equal(await handle.executeUpdate(addItem, { args: ['bread', 1] }), 440);
  assert.equal(await handle.executeUpdate(removeItem, { args: ['apple'] }), 320);
  assert.deepEqual(await handle.query(lines), [{ article: 'bread', quantity: 1, cents: 320 }]);

  const [first, second] = await Promise.all([handle.executeUpdate(checkOut), handle.result()]);
  assert.deepEqual([first, second], ['order 7', 'order 7']);
  assert.equal(orders.calls.length, 1);
});

test('what cannot be is refused, and the cart goes on', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const handle = await env.start(cart, { args: ['ada'] });
  const refused = (type: string) => (error: unknown) =>
    error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure && error.cause.type === type;

  await assert.rejects(handle.executeUpdate(checkOut), refused('EmptyCart'));
  await assert.rejects(handle.executeUpdate(addItem, { args: ['apple', 0] }), refused('BadQuantity'));
  assert.equal(await handle.executeUpdate(addItem, { args: ['cheese', 1] }), 750);
});

test('a cart that nobody touches for 30 days is forgotten', async () => {
  await using env = await TestEnvironment.create();
  await env.worker({ workflowsPath, activities });
  const handle = await env.start(cart, { args: ['ada'] });
  await env.sleep('29 days');
  await handle.executeUpdate(addItem, { args: ['apple', 1] });
  const before = env.currentTime().getTime();
  assert.equal(await handle.result(), 'forgotten');
  assert.equal(env.currentTime().getTime() - before, 30 * 24 * 3_600_000);
});
