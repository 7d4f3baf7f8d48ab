/** The order saga of the examples, simulated as a user would do it: nothing of it happens twice, and nothing is left behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate, SimulationError } from 'perdure/testing';
import type { orderSaga } from '../../examples/order-saga/workflows.js';
import { orderSimulation, shopActivities, type Shop } from './order-saga.js';

test('the order saga survives 200 seeds', async () => {
  const { faults } = await simulate<typeof orderSaga, Shop>('orderSaga', { ...orderSimulation, seeds: 200 });
  assert.ok((faults.serverCrash ?? 0) > 50 && (faults.workerCrash ?? 0) > 50, JSON.stringify(faults));
});

test('a payment without idempotency key is found', async () => {
  const careless = (shop: Shop) => ({ ...shopActivities(shop), chargePayment: async () => `payment ${(shop.charged += 1)}` });
  await assert.rejects(simulate<typeof orderSaga, Shop>('orderSaga', { ...orderSimulation, activities: careless }), (error) => {
    assert.ok(error instanceof SimulationError);
    assert.match(error.message, /no step takes effect twice/);
    assert.equal(error.faults.length, 1);
    return true;
  });
});
