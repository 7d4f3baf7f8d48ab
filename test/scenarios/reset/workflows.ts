/** Workflows of the reset scenarios: each can be stopped at a known workflow task. The text runs with both SDKs. */
import { condition, continueAsNew, defineQuery, defineSignal, defineUpdate, executeChild, proxyActivities, setHandler, sleep } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { stepped, attempted } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '5 seconds', backoffCoefficient: 1 } });

export const add = defineSignal<[string]>('add');
export const finish = defineSignal('finish');
export const values = defineQuery<string[]>('values');

/** Collects what it is sent until it is told to finish. */
export async function collect(): Promise<string[]> {
  const collected: string[] = [];
  let done = false;
  setHandler(add, (value) => void collected.push(value));
  setHandler(finish, () => void (done = true));
  setHandler(values, () => collected);
  await condition(() => done);
  return collected;
}

/** The same in several runs: `next` continues as new. */
export async function collectInRuns(before: string[]): Promise<string[]> {
  const collected = [...before];
  let done = false;
  let next = false;
  setHandler(add, (value) => void collected.push(value));
  setHandler(finish, () => void (done = true));
  setHandler(defineSignal('next'), () => void (next = true));
  await condition(() => done || next);
  return done ? collected : continueAsNew<typeof collectInRuns>([...collected, 'next']);
}

/** A timer is running while signals come. */
export async function sleeps(milliseconds: number): Promise<string[]> {
  const collected: string[] = [];
  setHandler(add, (value) => void collected.push(value));
  await sleep(milliseconds);
  return collected;
}

/** An activity is pending while signals come. */
export async function works(key: string): Promise<string[]> {
  const collected: string[] = [];
  setHandler(add, (value) => void collected.push(value));
  collected.push(await attempted(key));
  return collected;
}

/** Steps, one after the other. */
export async function steps(count: number): Promise<number[]> {
  const done: number[] = [];
  for (let n = 0; n < count; n++) done.push(await stepped(n));
  return done;
}

export async function parent(childId: string): Promise<string[]> {
  const collected: string[] = [];
  setHandler(add, (value) => void collected.push(value));
  const child = await executeChild(collect, { workflowId: childId });
  return [...collected, ...child];
}

export const set = defineUpdate<string, [string]>('set');

/** Answers updates until it is told to finish. */
export async function updatable(): Promise<string[]> {
  const collected: string[] = [];
  let done = false;
  setHandler(set, (value) => {
    collected.push(value);
    return `set ${value}`;
  });
  setHandler(add, (value) => void collected.push(value));
  setHandler(finish, () => void (done = true));
  await condition(() => done);
  return collected;
}
