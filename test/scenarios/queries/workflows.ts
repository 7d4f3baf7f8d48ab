/** Workflows of the query scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { ApplicationFailure, condition, defineQuery, defineSignal, setHandler } from 'perdure/workflow';

export const add = defineSignal<[number]>('add');
export const finish = defineSignal<[boolean]>('finish');
export const total = defineQuery<number>('total');
export const broken = defineQuery<number>('broken');

/** Counts what it is sent, until it is told to finish; then it succeeds or fails. */
export async function counter(): Promise<number> {
  let sum = 0;
  let succeeds: boolean | undefined;
  setHandler(add, (value) => void (sum += value));
  setHandler(finish, (value) => void (succeeds = value));
  setHandler(total, () => sum);
  setHandler(broken, () => {
    throw new Error('no answer');
  });
  await condition(() => succeeds !== undefined);
  if (succeeds === false) throw ApplicationFailure.nonRetryable('told to fail');
  return sum;
}
