/** The workflows that the benchmark runs, the same text for every SDK: only the package name of the imports differs. */
import { condition, defineSignal, proxyActivities, setHandler, sleep } from 'perdure/workflow';
import type * as activities from './activities.js';

const { echo } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

export async function noop(): Promise<string> {
  return 'done';
}

export async function activities3(): Promise<string> {
  let value = 'x';
  for (let i = 0; i < 3; i++) value = await echo(value);
  return value;
}

export async function parallel50(): Promise<number> {
  const results = await Promise.all(Array.from({ length: 50 }, (_, i) => echo(`item ${i}`)));
  return results.length;
}

export const poke = defineSignal<[number]>('poke');

export async function signals5(): Promise<number> {
  let received = 0;
  setHandler(poke, () => {
    received++;
  });
  await condition(() => received >= 5);
  return received;
}

export async function timers3(): Promise<string> {
  for (let i = 0; i < 3; i++) await sleep(1);
  return 'done';
}
