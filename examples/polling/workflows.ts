/**
 * Waiting for something outside that does not call back: two ways to ask again and again.
 *
 * *Seldom* (from a minute up): let the retry policy do it. An attempt that finds nothing yet fails, and the server starts the next one
 * after the interval. The history stays short: it shows one activity, however many attempts there were.
 *
 * *Often* (seconds): ask in a loop within one attempt, and heartbeat. If the worker dies, the heartbeat stops and another takes over.
 */
import { proxyActivities } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { checkOnce } = proxyActivities<Activities>({
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '7 days', // the end of all waiting
  retry: { initialInterval: '10 minutes', backoffCoefficient: 1 },
});

const { checkInLoop } = proxyActivities<Activities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second' },
});

export async function seldom(job: string): Promise<string> {
  return checkOnce(job);
}

export async function often(job: string): Promise<string> {
  return checkInLoop(job);
}
