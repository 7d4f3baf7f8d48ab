/** Workflows of the workflow task scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { condition, defineQuery, defineSignal, proxyActivities, setHandler } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { greet } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds' });

export async function multiStep(): Promise<string> {
  let text = '';
  for (let i = 0; i < 5; i++) text += await greet(String(i));
  return text;
}

export const push = defineSignal<[number]>('push');
export const pushed = defineQuery<number[]>('pushed');
export async function ordered(count: number): Promise<number[]> {
  const values: number[] = [];
  setHandler(push, (value) => void values.push(value));
  setHandler(pushed, () => values);
  await condition(() => values.length >= count);
  return values;
}
