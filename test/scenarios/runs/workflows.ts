/** Workflows of the scenarios about runs. The text runs with our SDK and, its imports renamed, with the official one. */
import { ApplicationFailure, condition, continueAsNew, defineQuery, defineSignal, setHandler, sleep, upsertMemo, upsertSearchAttributes, workflowInfo } from 'perdure/workflow';

export const finish = defineSignal<[string]>('finish');
export const state = defineQuery<string>('state');

/** Waits for its signal and returns what it said. */
export async function waits(): Promise<string> {
  let said: string | undefined;
  setHandler(finish, (value) => void (said = value));
  setHandler(state, () => said ?? 'waiting');
  await condition(() => said !== undefined);
  return said ?? '';
}

/** A run of a schedule: counts on from the run before, fails at the second one. */
export async function counts(): Promise<number> {
  const { lastResult, lastFailure } = workflowInfo();
  const count = typeof lastResult === 'number' ? lastResult : 0;
  if (count === 1 && lastFailure === undefined) throw ApplicationFailure.create({ message: 'the second run fails', type: 'Second' });
  return count + 1;
}

/** Fails until the attempt that it is told. */
export async function failsUntil(attempt: number, nonRetryable = false): Promise<number> {
  const info = workflowInfo();
  if (info.attempt < attempt) throw ApplicationFailure.create({ message: `attempt ${info.attempt}`, type: 'Again', nonRetryable });
  return info.attempt;
}

export async function failsWithDelay(nextRetryDelay: string): Promise<number> {
  const { attempt } = workflowInfo();
  if (attempt === 1) throw ApplicationFailure.create({ message: 'later', nextRetryDelay: nextRetryDelay as '1 second' });
  return attempt;
}

export async function sleeps(duration: string): Promise<void> {
  await sleep(duration as '1 second');
}

/** Continues as new until it has done so `times` times. */
export async function continues(times: number): Promise<string> {
  if (times > 0) await continueAsNew<typeof continues>(times - 1);
  return 'the end of the chain';
}

/** Sets, changes and unsets its memo and search attributes. */
export async function annotates(): Promise<void> {
  upsertSearchAttributes({ ScenarioKeyword: ['changed'], ScenarioInt: [], ScenarioKeywordList: ['a', 'b'] });
  upsertMemo({ kept: 'changed', dropped: null });
}
