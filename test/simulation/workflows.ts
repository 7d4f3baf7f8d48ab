/** What the engine's own simulation runs: each workflow uses another part of the engine, and says in its result what it saw. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  startChild,
  upsertSearchAttributes,
} from 'perdure/workflow';
import type { Activities } from './activities.js';

const { step, slowStep } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '200 ms', maximumInterval: '2 seconds' } });
const { slowStep: watchedStep } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', heartbeatTimeout: '3 seconds', retry: { initialInterval: '200 ms' } });
const { step: localStep } = proxyLocalActivities<Activities>({ startToCloseTimeout: '5 seconds', retry: { initialInterval: '100 ms' } });

export const add = defineSignal<[string]>('add');
export const addAndTell = defineUpdate<number, [string]>('addAndTell');
export const finish = defineSignal('finish');

/** Activities one after the other and side by side, some of which fail at first, with timers in between. */
export async function steps(name: string, count: number): Promise<string[]> {
  const seen: string[] = [];
  for (let index = 0; index < count; index++) {
    seen.push(await step(`${name}-${index}`, index % 3));
    await sleep(500 * index);
  }
  seen.push(...(await Promise.all([slowStep(`${name}-slow`, 1_500), watchedStep(`${name}-watched`, 4_000), step(`${name}-last`, 0)])));
  return seen;
}

export async function locally(name: string): Promise<string[]> {
  const seen = [await localStep(`${name}-a`, 1)];
  await sleep('1 second');
  return [...seen, ...(await Promise.all([localStep(`${name}-b`, 0), localStep(`${name}-c`, 0)]))];
}

/** Keeps everything that it is told, over any number of runs. */
export async function collector(kept: string[] = []): Promise<string[]> {
  let finished = false;
  let news = 0;
  const keep = (value: string): number => {
    kept.push(value);
    news += 1;
    return kept.length;
  };
  setHandler(add, (value) => void keep(value));
  setHandler(addAndTell, async (value) => {
    await sleep(300);
    return keep(value);
  });
  setHandler(finish, () => {
    finished = true;
  });
  await condition(() => finished || news >= 4);
  await condition(allHandlersFinished);
  if (!finished) await continueAsNew<typeof collector>(kept);
  return kept;
}

export async function parent(name: string, collectorId: string): Promise<string[]> {
  const children = [executeChild(steps, { workflowId: `${name}/steps`, args: [`${name}/steps`, 2] }), executeChild(twice, { workflowId: `${name}/twice`, args: [`${name}/twice`] })];
  await getExternalWorkflowHandle(collectorId).signal(add, `from ${name}`);
  return (await Promise.all(children)).flat();
}

/** Has two children that end, and one that its own end ends. Says of how many it knows the end, which may be that of an earlier run. */
export async function family(name: string): Promise<number> {
  const ended = [executeChild(steps, { workflowId: `${name}/steps`, args: [`${name}/steps`, 1] }), executeChild(twice, { workflowId: `${name}/twice`, args: [`${name}/twice`] })];
  const waiter = startChild(listener, { workflowId: `${name}/waiter` });
  const [outcomes] = await Promise.all([Promise.allSettled(ended), waiter.catch(() => undefined)]);
  return outcomes.length;
}

/** Keeps what it is told, in one run. */
export async function listener(): Promise<string[]> {
  const kept: string[] = [];
  let finished = false;
  setHandler(add, (value) => void kept.push(value));
  setHandler(finish, () => {
    finished = true;
  });
  await condition(() => finished);
  return kept;
}

/** Goes on as a new run once. */
export async function twice(name: string, again = true): Promise<string[]> {
  const seen = await step(`${name}-${again ? 'first' : 'second'}`, 1);
  if (again) await continueAsNew<typeof twice>(name, false);
  return [seen];
}

/** Is cancelled, and cleans up. */
export async function patient(name: string): Promise<string> {
  try {
    await sleep('30 days');
    return 'not cancelled';
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return await CancellationScope.nonCancellable(() => step(`${name}-cleanup`, 1));
  }
}

export async function tick(): Promise<string> {
  return step('tick', 0);
}

/** Shows in lists how far it is. */
export async function stages(name: string, attribute: string, count: number): Promise<string> {
  for (let stage = 0; stage < count; stage++) {
    upsertSearchAttributes({ [attribute]: [`stage ${stage}`] });
    await (stage % 2 === 0 ? sleep(700) : step(`${name}-${stage}`, 1));
  }
  return `stage ${count - 1}`;
}

/** Takes its time, and cleans up when it is cancelled. */
export async function lasting(name: string, ms: number): Promise<void> {
  try {
    await sleep(ms);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => step(`${name}-cleanup`, 1));
  }
}

export * from './service-workflows.js';
