/** The bank's side: what stands behind `collect`. Callers know nothing of it. */
import { CancelledFailure, CancellationScope, proxyActivities, sleep } from 'perdure/workflow';
import type * as activities from './bank-activities.js';
import type { Invoice, Receipt } from './service.js';

const { requestDebit, withdrawRequest } = proxyActivities<typeof activities>({ startToCloseTimeout: '30 seconds' });

export async function collect({ orderId, cents }: Invoice): Promise<Receipt> {
  const days = await requestDebit(orderId);
  try {
    await sleep(`${days} days`);
  } catch (error) {
    // The caller wants it no more: cancelling the operation cancels this workflow.
    if (error instanceof CancelledFailure) await CancellationScope.nonCancellable(() => withdrawRequest(orderId));
    throw error;
  }
  return { orderId, cents, paidAt: Date.now() };
}
