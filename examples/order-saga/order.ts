/** What the shop knows of an order, and what it says about one. */

export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly items: readonly Item[];
  readonly card: string;
  readonly country: string;
  /** Reserve and charge at the same time. */
  readonly express?: boolean;
  /** How long a person may take to approve a large order. Default: 10 minutes. */
  readonly approveWithinMs?: number;
}

export interface Item {
  readonly sku: string;
  readonly quantity: number;
  readonly unitPriceCents: number;
}

export interface Receipt {
  readonly orderId: string;
  readonly totalCents: number;
  readonly reservationId: string;
  readonly paymentId: string;
  readonly trackingCode: string;
}

export type OrderStatus = 'received' | 'waiting for approval' | 'reserving' | 'charging' | 'shipping' | 'shipped' | 'failed';

export function totalCentsOf(order: Order): number {
  return order.items.reduce((total, item) => total + item.quantity * item.unitPriceCents, 0);
}
