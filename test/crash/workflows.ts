/** The workflow of the crash test: waits for signals, runs one activity for each, sleeps between, and ends when all have come. */
import { condition, defineQuery, defineSignal, proxyActivities, setHandler, sleep } from 'perdure/workflow';

export const add = defineSignal<[number]>('add');
export const seen = defineQuery<number[]>('seen');

const { work } = proxyActivities<{ work(n: number): Promise<number> }>({
  startToCloseTimeout: '3 seconds',
  retry: { initialInterval: '50ms', maximumInterval: '200ms' },
});

/** @returns the numbers in the order in which their work was done */
export async function collector(expected: number): Promise<number[]> {
  const waiting: number[] = [];
  const done: number[] = [];
  setHandler(add, (n) => void waiting.push(n));
  setHandler(seen, () => done);
  while (done.length < expected) {
    await condition(() => waiting.length > 0);
    const next = waiting.shift() as number;
    done.push(await work(next));
    await sleep(5);
  }
  return done;
}

const { step } = proxyActivities<{ step(n: number): Promise<number> }>({
  startToCloseTimeout: '1 second',
  retry: { initialInterval: '10ms' },
});

/** Three steps, one after the other. */
export async function steps(): Promise<number[]> {
  return [await step(1), await step(2), await step(3)];
}
