/** Workflows of the handler scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setDefaultQueryHandler,
  setDefaultSignalHandler,
  setDefaultUpdateHandler,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from 'perdure/workflow';
import type { Activities } from './activities.js';

const { echo } = proxyActivities<Activities>({ startToCloseTimeout: '10 seconds' });
const local = proxyLocalActivities<Activities>({ startToCloseTimeout: '10 seconds' });

export const add = defineUpdate<number, [amount: number]>('add');
export const say = defineUpdate<string, [text: string, how: 'activity' | 'local' | 'fail']>('say');
export const finish = defineSignal('finish');
export const total = defineQuery<number>('total');

export async function counter(): Promise<unknown> {
  let sum = 0;
  let finished = false;
  const log: string[] = [];
  setHandler(total, () => sum, { description: 'The sum so far.' });
  setHandler(finish, () => void (finished = true));
  setHandler(
    add,
    (amount) => {
      log.push(`${currentUpdateInfo()?.name} ${amount}`);
      return (sum += amount);
    },
    {
      description: 'Adds an amount.',
      validator: (amount) => {
        if (amount < 0) throw new Error(`negative: ${amount} (${currentUpdateInfo()?.name})`);
      },
    },
  );
  setHandler(say, async (text, how) => {
    log.push(`begin ${text}`);
    if (how === 'fail') throw ApplicationFailure.create({ message: 'cannot say', type: 'Mute', details: [text] });
    const said = await (how === 'local' ? local : { echo }).echo(text);
    await sleep(1);
    log.push(`end ${said}`);
    return said;
  });
  setCurrentDetails('counting');
  await condition(() => finished);
  await condition(allHandlersFinished);
  return { sum, log };
}

/** Sets its handler only after a timer: what comes before is refused. */
export async function late(): Promise<unknown> {
  let amount: number | undefined;
  await condition(() => false, '1 second');
  setHandler(add, (given) => (amount = given));
  await condition(() => amount !== undefined);
  return amount;
}

/** Sets its handler after an await that does not wait: an update that came with the start is handled. */
export async function soon(): Promise<unknown> {
  let amount: number | undefined;
  await Promise.resolve();
  setHandler(add, (given) => (amount = given));
  await condition(() => amount !== undefined);
  await condition(allHandlersFinished);
  return amount;
}

export async function catchAll(): Promise<unknown> {
  const seen: unknown[] = [];
  setDefaultSignalHandler((name, ...args) => void seen.push(['signal', name, ...args]));
  setDefaultUpdateHandler(async (name, ...args) => seen.push(['update', name, ...args]));
  setDefaultQueryHandler((name, ...args) => ['query', name, ...args]);
  await condition(() => seen.length >= 2);
  await condition(allHandlersFinished);
  return seen;
}

export async function remembers(): Promise<unknown> {
  upsertMemo({ step: 1, gone: 'soon', kept: true });
  await sleep(1);
  upsertMemo({ step: 2, gone: null });
  const { memo } = workflowInfo();
  return memo;
}

export async function zero(): Promise<boolean> {
  return condition(() => false, 0);
}
