/** The workflow as it was when the oldest runs began. Kept for the test, which shows that such runs go on. */
import { proxyActivities, sleep } from 'perdure/workflow';
import type * as activities from './activities.js';

const { charge, ship } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

export async function subscription(customer: string): Promise<string[]> {
  await sleep('30 days');
  return [await ship(customer), await charge(customer)];
}
