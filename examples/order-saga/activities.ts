/**
 * What an order does to the world: stock, money, parcels. Each effect goes through the ledger, once per key.
 *
 * The key is `idempotencyKey`: the same in every attempt of a step. Real systems take it as well (payment providers call it
 * "idempotency key"), and it is what turns "at least once" into "once".
 */
import { ApplicationFailure, activityInfo, sleep } from 'perdure/activity';
import type { Ledger } from './ledger.js';
import { totalCentsOf, type Order } from './order.js';

export type Activities = ReturnType<typeof createActivities>;

/** @param latencyMs how long the outside world takes to answer */
export function createActivities(ledger: Ledger, latencyMs = 0) {
  /** One step of one order. Returns the id that the outside world gave it. */
  async function perform(step: string, order: Order, effect: () => string): Promise<string> {
    const { idempotencyKey, attempt } = activityInfo();
    await sleep(latencyMs);
    return ledger.once({ key: idempotencyKey, step, orderId: order.id, attempt }, effect);
  }

  /** Undoes a step, if it happened. */
  async function revoke(step: string, undoing: string, order: Order): Promise<void> {
    const done = ledger.find(order.id, undoing);
    if (done !== undefined) await perform(step, order, () => `${done.result} undone`);
  }

  return {
    async reserveInventory(order: Order): Promise<string> {
      return perform('reserveInventory', order, () => `reservation-${order.id}`);
    },

    async chargePayment(order: Order): Promise<string> {
      return perform('chargePayment', order, () => {
        // No retry changes a bank's mind: the saga ends here and undoes what it did.
        if (order.card.endsWith('0002')) throw ApplicationFailure.nonRetryable(`Card ${order.card} was declined`, 'CardDeclined');
        return `payment-${order.id}-${totalCentsOf(order)}`;
      });
    },

    async createShipment(order: Order): Promise<string> {
      return perform('createShipment', order, () => {
        if (order.country === 'AQ') throw ApplicationFailure.nonRetryable('No carrier goes to Antarctica', 'Undeliverable');
        // An ordinary error: the step is tried again, here until the third attempt.
        if (order.country === 'IS' && activityInfo().attempt < 3) throw new Error('Carrier answered 503');
        return `parcel-${order.id}`;
      });
    },

    releaseInventory: (order: Order) => revoke('releaseInventory', 'reserveInventory', order),
    refundPayment: (order: Order) => revoke('refundPayment', 'chargePayment', order),
    cancelShipment: (order: Order) => revoke('cancelShipment', 'createShipment', order),
  };
}
