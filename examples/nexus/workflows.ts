/**
 * Calling another team: the shop's order asks the bank, by a contract and the name of an endpoint.
 *
 * Where the bank runs, in which language, and whether an operation takes a millisecond or a month is not the shop's business. What it waits for is
 * durable on both sides: either may be down for a day.
 */
import { CancellationScope, createNexusServiceClient, isCancellation } from 'perdure/workflow';
import { bank, type Receipt } from './service.js';

const client = createNexusServiceClient({ endpoint: 'bank', service: bank });

export async function order(orderId: string, cents: number): Promise<string> {
  const fee = await client.executeOperation('fee', cents, { scheduleToCloseTimeout: '1 minute' });
  try {
    const receipt = await CancellationScope.withTimeout('1 week', () => client.executeOperation('collect', { orderId, cents: cents + fee }, { summary: `invoice of ${orderId}` }));
    return shipped(receipt);
  } catch (error) {
    // After a week the operation is cancelled, and the bank has withdrawn its request by the time that this is heard.
    if (isCancellation(error)) return `${orderId}: not paid in time`;
    throw error;
  }
}

function shipped({ orderId, cents }: Receipt): string {
  return `${orderId}: paid ${cents}, shipped`;
}
