/** The workflows that the benchmark runs, the same text for every SDK: only the package name of the imports differs. */
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  startChild,
} from 'perdure/workflow';
import type * as activities from './activities.js';

const { echo, moment } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });
const local = proxyLocalActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

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

/** Has done something and waits for what may never come. */
export async function parked(): Promise<string> {
  let done = false;
  setHandler(poke, () => {
    done = true;
  });
  const value = await echo('x');
  await condition(() => done);
  return value;
}

export async function timers3(): Promise<string> {
  for (let i = 0; i < 3; i++) await sleep(1);
  return 'done';
}

export const add = defineUpdate<number, [number]>('add');

export async function updates5(): Promise<number> {
  let total = 0;
  let count = 0;
  setHandler(add, (amount: number) => {
    count++;
    return (total += amount);
  });
  await condition(() => count >= 5);
  return total;
}

export async function children10(): Promise<number> {
  const results = await Promise.all(Array.from({ length: 10 }, () => executeChild(noop)));
  return results.length;
}

export async function continueAsNew5(generation = 0): Promise<number> {
  if (generation === 5) return generation;
  return continueAsNew<typeof continueAsNew5>(generation + 1);
}

export async function localActivities5(): Promise<string> {
  let value = 'x';
  for (let i = 0; i < 5; i++) value = await local.echo(value);
  return value;
}

export async function timers250(): Promise<string> {
  for (let i = 0; i < 250; i++) await sleep(1);
  return 'done';
}

/** How many of its children have closed. */
export const grown = defineQuery<number>('grown');

/** A tree: so many children at once, each with so many activities at once. Returns how many activities ran. */
export async function tree(children: number, activitiesEach: number): Promise<number> {
  let closed = 0;
  setHandler(grown, () => closed);
  const branches = Array.from({ length: children }, async () => {
    const count = await executeChild(branch, { args: [activitiesEach] });
    closed++;
    return count;
  });
  return (await Promise.all(branches)).reduce((sum, count) => sum + count, 0);
}

export async function branch(activitiesEach: number): Promise<number> {
  const results = await Promise.all(Array.from({ length: activitiesEach }, () => echo('x')));
  return results.length;
}

/** Five signals to another execution, one after the other. */
export async function signalsExternal5(): Promise<number> {
  const child = await startChild(signals5);
  const external = getExternalWorkflowHandle(child.workflowId);
  for (let i = 0; i < 5; i++) await external.signal(poke, i);
  return child.result();
}

/**
 * One execution with a long history: activities one after the other. Returns when each of the given steps was done, in milliseconds, as
 * the workers saw it. Afterwards it waits to be poked, so that it can be replayed.
 */
export async function longHistory(steps: number, marks: number[]): Promise<[number, number][]> {
  const times: [number, number][] = [];
  let finished = false;
  setHandler(poke, () => {
    finished = true;
  });
  setHandler(marksReached, () => times);
  for (let step = 1; step <= steps; step++) {
    const time = await moment();
    if (marks.includes(step)) times.push([step, time]);
  }
  await condition(() => finished);
  return times;
}

export const marksReached = defineQuery<[number, number][]>('marksReached');
