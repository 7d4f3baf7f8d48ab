/**
 * A step that somebody else finishes: a payment provider that calls our webhook when the money has come.
 *
 * The activity asks the provider and ends without a result; the webhook completes it, minutes or days later. To the workflow it looks like
 * any other activity: it has a result, a failure or a timeout.
 */
import { ActivityFailure, proxyActivities, rootCause, TimeoutFailure } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { requestPayment } = proxyActivities<Activities>({
  // From the request to the call of the webhook.
  startToCloseTimeout: '2 days',
  retry: { maximumAttempts: 1 },
});

export async function collect(invoice: string, cents: number): Promise<string> {
  try {
    const { reference } = await requestPayment(invoice, cents);
    return `paid: ${reference}`;
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure) return 'nobody paid';
    if (error instanceof ActivityFailure) return `refused: ${rootCause(error)}`;
    throw error;
  }
}
