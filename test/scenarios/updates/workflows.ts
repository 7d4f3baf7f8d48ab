/** Workflows of the update scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { ApplicationFailure, allHandlersFinished, condition, continueAsNew, defineQuery, defineSignal, defineUpdate, proxyActivities, setHandler, sleep } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { note } = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds' });

export const add = defineUpdate<number, [number]>('add');
export const finish = defineSignal('finish');
export const total = defineQuery<number>('total');

/** Sums what updates add; refuses negative numbers; a number above 100 breaks the handler. */
export async function counter(): Promise<number> {
  let sum = 0;
  let finished = false;
  setHandler(
    add,
    (value) => {
      if (value > 100) throw ApplicationFailure.nonRetryable('too much', 'TooMuch', value);
      sum += value;
      return sum;
    },
    {
      validator: (value) => {
        if (value < 0) throw new Error('only positive numbers');
      },
    },
  );
  setHandler(finish, () => void (finished = true));
  setHandler(total, () => sum);
  await condition(() => finished);
  return sum;
}

export const slow = defineUpdate<string, [string]>('slow');
export const release = defineSignal('release');

/** Its update handler runs an activity and then waits for a signal. */
export async function patient(): Promise<string> {
  let released = false;
  const done: string[] = [];
  setHandler(slow, async (name) => {
    const noted = await note(name);
    await condition(() => released);
    done.push(noted);
    return noted;
  });
  setHandler(release, () => void (released = true));
  await condition(() => released && done.length > 0);
  await condition(allHandlersFinished);
  return done.join();
}

/** Ends when told, whether or not its handlers have. */
export async function impatient(): Promise<string> {
  let finished = false;
  setHandler(slow, async () => {
    await sleep('1 hour');
    return 'never';
  });
  setHandler(finish, () => void (finished = true));
  await condition(() => finished);
  return 'over';
}

export const join = defineUpdate<number, [string]>('join');

/** Each run takes two updates. */
export async function chained(runs: number, names: string[] = []): Promise<string[]> {
  let taken = 0;
  setHandler(join, (name) => {
    taken += 1;
    names.push(name);
    return names.length;
  });
  await condition(() => taken >= 2);
  await condition(allHandlersFinished);
  return runs > 1 ? continueAsNew<typeof chained>(runs - 1, names) : names;
}

/** Its first update ends it, in the same task. */
export async function once(): Promise<string> {
  let by = '';
  setHandler(slow, (name) => {
    by = name;
    return `taken by ${name}`;
  });
  await condition(() => by !== '');
  return by;
}
