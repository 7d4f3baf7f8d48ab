/** Workflows of the signal, query and cancellation scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { CancellationScope, condition, defineQuery, defineSignal, isCancellation, proxyActivities, setHandler, sleep } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { note } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds' });

export const approve = defineSignal<[string]>('approve');
export async function approval(timeoutMs: number): Promise<string> {
  let by: string | undefined;
  setHandler(approve, (name) => {
    by = name;
  });
  const inTime = await condition(() => by !== undefined, timeoutMs);
  return inTime ? `approved by ${by}` : 'timed out';
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

export async function cleansUp(): Promise<string> {
  try {
    await sleep('1 hour');
    return 'slept';
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => note('cleanup'));
    throw error;
  }
}
