/** A report of the day before, each morning. The schedule starts it; what day it is about comes from the time at which it was due. */
import { proxyActivities, workflowInfo } from 'perdure/workflow';
import type * as activities from './activities.js';

const { revenueOf, send } = proxyActivities<typeof activities>({ startToCloseTimeout: '5 minutes' });

export async function dailyReport(recipient: string): Promise<string> {
  // A start that was late, or made up for after an outage, still reports on its own day.
  const due = workflowInfo().searchAttributes['TemporalScheduledStartTime']?.[0];
  const dueAt = due instanceof Date ? due : new Date();
  const day = new Date(dueAt.getTime() - 24 * 3_600_000).toISOString().slice(0, 10);
  const cents = await revenueOf(day);
  const text = `${day}: ${(cents / 100).toFixed(2)}`;
  await send(recipient, text);
  return text;
}
