/**
 * An order as a saga: reserve the goods, charge the card, ship; when a step fails for good, undo the earlier ones in reverse order.
 *
 * These are ordinary async functions. Kill the process on any line: they go on from that line, with the same variables, in the next
 * process. What happens outside (stock, money, parcels) is in `activities.ts`.
 */
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  log,
  proxyActivities,
  runSaga,
  setHandler,
} from 'perdure/workflow';
import type { Activities } from './activities.js';
import { totalCentsOf, type Order, type OrderStatus, type Receipt } from './order.js';

const APPROVAL_ABOVE_CENTS = 100_000;

const { reserveInventory, releaseInventory, chargePayment, refundPayment, createShipment, cancelShipment } = proxyActivities<Activities>({
  // A step whose process died is tried again when this is over: a little more than a step ever takes.
  startToCloseTimeout: '3 seconds',
  retry: { initialInterval: '200 ms', maximumInterval: '5 seconds' },
});

export const approve = defineSignal<[approver: string]>('approve');
export const status = defineQuery<OrderStatus>('status');

/** Takes an order from "received" to "shipped", or leaves nothing behind. */
export async function orderSaga(order: Order): Promise<Receipt> {
  let current: OrderStatus = 'received';
  let approver: string | undefined;
  setHandler(status, () => current);
  setHandler(approve, (name) => {
    approver ??= name;
  });

  if (totalCentsOf(order) > APPROVAL_ABOVE_CENTS) {
    current = 'waiting for approval';
    if (!(await condition(() => approver !== undefined, order.approveWithinMs ?? '10 minutes'))) {
      current = 'failed';
      throw ApplicationFailure.nonRetryable(`Nobody approved order ${order.id} in time`, 'NotApproved');
    }
    log.info('Order approved', { orderId: order.id, approver });
  }

  try {
    return await runSaga(async (saga) => {
      // Each step is noted before it runs: when its answer is lost, it may have taken effect. Undoing what never happened does no harm.
      const reserve = () => {
        current = 'reserving';
        saga.compensate(() => releaseInventory(order), 'release inventory');
        return reserveInventory(order);
      };
      const charge = () => {
        current = 'charging';
        saga.compensate(() => refundPayment(order), 'refund payment');
        return chargePayment(order);
      };
      const [reservationId, paymentId] = order.express ? await both(reserve(), charge()) : [await reserve(), await charge()];
      current = 'shipping';
      saga.compensate(() => cancelShipment(order), 'cancel shipment');
      const trackingCode = await createShipment(order);
      current = 'shipped';
      return { orderId: order.id, totalCents: totalCentsOf(order), reservationId, paymentId, trackingCode };
    });
  } catch (error) {
    // Everything is undone by now, also when the order itself was cancelled.
    current = 'failed';
    throw error;
  }
}

/** Like `Promise.all`, but waits for both even when one fails: a step that still runs could not be undone. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}
