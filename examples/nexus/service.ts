/** The contract between the shop and the bank: all that the two teams share. It has no code of either. */
import { operation, service } from 'nexus-rpc';

export interface Invoice {
  readonly orderId: string;
  readonly cents: number;
}

export interface Receipt {
  readonly orderId: string;
  readonly cents: number;
  readonly paidAt: number;
}

export const bank = service('bank', {
  /** Answers at once. */
  fee: operation<number, number>(),
  /** Takes as long as money takes. */
  collect: operation<Invoice, Receipt>(),
});
