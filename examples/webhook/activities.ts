import { activityInfo, CompleteAsyncError } from 'perdure/activity';

export interface Paid {
  readonly reference: string;
}

/** What we need of the payment provider. */
export interface Provider {
  /** `callback` comes back with the call of the webhook. The same `key` twice is one request. */
  request(invoice: string, cents: number, callback: string, key: string): Promise<void>;
}

export function activitiesWith(provider: Provider) {
  return {
    async requestPayment(invoice: string, cents: number): Promise<Paid> {
      const { base64TaskToken, idempotencyKey } = activityInfo();
      await provider.request(invoice, cents, base64TaskToken, idempotencyKey);
      throw new CompleteAsyncError(); // the webhook goes on from here
    },
  };
}

export type Activities = ReturnType<typeof activitiesWith>;
