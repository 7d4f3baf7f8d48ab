/**
 * The order saga of the examples, as a user would simulate it: a warehouse and a bank in memory, an approval by chance, and what must hold
 * whatever dies: no order is charged twice, and one that fails leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { activityInfo } from 'perdure/activity';
import type { SimulationOptions } from 'perdure/testing';
import type { orderSaga } from '../../examples/order-saga/workflows.js';
import type { Order } from '../../examples/order-saga/order.js';

const order: Order = {
  id: 'order-1',
  customer: 'ada',
  items: [{ sku: 'lamp', quantity: 2, unitPriceCents: 60_000 }],
  card: '4242424242424242',
  country: 'DE',
  express: true,
};

/** What the activities change. Each effect happens once per key, as payment providers do it. */
export class Shop {
  readonly done = new Map<string, string>();
  charged = 0;
  reserved = 0;
  shipped = 0;

  once(effect: () => void, result: string): string {
    const key = activityInfo().idempotencyKey;
    if (!this.done.has(key)) {
      effect();
      this.done.set(key, result);
    }
    return result;
  }
}

export function shopActivities(shop: Shop) {
  return {
    reserveInventory: async () => shop.once(() => (shop.reserved += 1), 'reservation'),
    releaseInventory: async () => void shop.once(() => (shop.reserved -= 1), 'released'),
    chargePayment: async () => shop.once(() => (shop.charged += 1), 'payment'),
    refundPayment: async () => void shop.once(() => (shop.charged -= 1), 'refunded'),
    createShipment: async () => {
      if (activityInfo().attempt < 2) throw new Error('the carrier answered 503');
      return shop.once(() => (shop.shipped += 1), 'parcel');
    },
    cancelShipment: async () => void shop.once(() => (shop.shipped -= 1), 'cancelled'),
  };
}

export const orderSimulation: SimulationOptions<typeof orderSaga, Shop> = {
  workflowsPath: fileURLToPath(new URL('../../../examples/order-saga/workflows.ts', import.meta.url)),
  args: [order],
  setup: () => new Shop(),
  activities: shopActivities,
  messages: [
    { name: 'approve', send: (handle) => handle.signal('approve', 'bob'), within: '12 minutes', optional: true },
    { name: 'status', send: (handle) => handle.query('status'), within: '5 minutes' },
  ],
  always: ({ state }) => {
    assert.ok(state.charged <= 1 && state.reserved <= 1 && state.shipped <= 1, 'no step takes effect twice');
  },
  finally: ({ state, result, error }) => {
    const { charged, reserved, shipped } = state;
    if (error === undefined) assert.deepEqual({ charged, reserved, shipped, id: result?.orderId }, { charged: 1, reserved: 1, shipped: 1, id: order.id });
    else assert.deepEqual({ charged, reserved, shipped }, { charged: 0, reserved: 0, shipped: 0 });
  },
};
