import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { activityInfo, Context, heartbeat, log, sleep } from '@temporalio/activity';
import type { Order } from './shared';

/** What the shop's other systems have seen. */
export interface Book {
  readonly entries: Map<string, string[]>;
}

export function createActivities(book: Book) {
  const note = (orderId: string, entry: string): void => {
    const entries = book.entries.get(orderId) ?? [];
    entries.push(entry);
    book.entries.set(orderId, entries);
  };

  return {
    async reserve(order: Order): Promise<void> {
      if (order.article === 'unicorn') {
        throw ApplicationFailure.create({ message: 'There is none', type: 'OutOfStock', nonRetryable: true, details: [order.article, 0] });
      }
      note(order.id, 'reserved');
    },

    async charge(order: Order): Promise<{ paymentId: string; attempts: number }> {
      const { attempt, workflowExecution, activityType } = activityInfo();
      if (order.card === 'declined') throw ApplicationFailure.nonRetryable('The bank said no', 'CardDeclined', { card: order.card });
      if (order.card === 'slow-bank' && attempt < 3) {
        log.warn('The bank is busy', { attempt });
        throw new Error('busy');
      }
      note(order.id, 'charged');
      return { paymentId: `${activityType}:${workflowExecution?.workflowId}`, attempts: attempt };
    },

    async ship(order: Order): Promise<string> {
      if (order.article === 'anvil') throw new TypeError('Too heavy');
      // Each attempt goes on from where the one before stopped.
      const first = (Context.current().info.heartbeatDetails as number | undefined) ?? 0;
      for (let step = first; step < 3; step++) {
        heartbeat(step + 1);
        if (order.article === 'vase' && step === 1 && activityInfo().attempt === 1) throw new Error('The van broke down');
        await sleep(5);
      }
      note(order.id, `shipped from step ${first}`);
      return `parcel of ${order.article}`;
    },

    async waitForPickup(order: Order): Promise<void> {
      try {
        for (;;) {
          heartbeat();
          await sleep('50ms');
        }
      } catch (err) {
        if (err instanceof CancelledFailure) note(order.id, 'pickup called off');
        throw err;
      }
    },

    async refund(order: Order): Promise<void> {
      note(order.id, 'refunded');
    },

    async release(order: Order): Promise<void> {
      note(order.id, 'released');
    },

    async entriesOf(orderId: string): Promise<string[]> {
      return book.entries.get(orderId) ?? [];
    },
  };
}

export type Activities = ReturnType<typeof createActivities>;
