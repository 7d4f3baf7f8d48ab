export const TASK_QUEUE = 'orders';

export interface Order {
  readonly id: string;
  readonly article: string;
  readonly cents: number;
  readonly card: string;
}

export interface Receipt {
  readonly orderId: string;
  readonly paymentId: string;
  readonly parcel: string;
  readonly paymentAttempts: number;
}
