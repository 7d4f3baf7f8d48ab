/** Workflows of the batch scenarios: they wait for what an operator does to all of them. The text runs with both SDKs. */
import { condition, defineQuery, defineSignal, proxyActivities, setHandler } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { attempted } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '1 minute' } });

export const add = defineSignal<[string]>('add');
export const values = defineQuery<string[]>('values');

/** Collects what it is sent, until it is sent `finish`. */
export async function collect(): Promise<string[]> {
  const collected: string[] = [];
  setHandler(add, (value) => void collected.push(value));
  setHandler(values, () => collected);
  await condition(() => collected.at(-1) === 'finish');
  return collected;
}

/** Ends with the number of the attempt that succeeded; the first one fails, the second is a minute away. */
export async function attempts(): Promise<string> {
  return attempted();
}
