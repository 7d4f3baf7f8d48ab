/** Workflows that live through the death of the server. The text runs with our SDK and, its imports renamed, with the official one. */
import { condition, defineSignal, defineUpdate, executeChild, proxyActivities, setHandler, sleep, workflowInfo } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { failTimes, completedElsewhere } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '700ms', backoffCoefficient: 1 },
});

/** A timer, an activity that is tried again, a signal, a child: all of them pending when the server dies. */
export async function manyThings(): Promise<(string | number)[]> {
  let said: string | undefined;
  setHandler(defineSignal<[string]>('say'), (word) => {
    said = word;
  });
  const timer = sleep(1500).then(() => 'timer');
  const retried = failTimes(2);
  const child = executeChild(napping, { workflowId: `${workflowInfo().workflowId}-child`, args: [1000] });
  await condition(() => said !== undefined);
  return [said ?? '', await timer, await retried, await child];
}

export async function napping(ms: number): Promise<string> {
  await sleep(ms);
  return 'child';
}

export async function waitsForOutside(): Promise<string> {
  return completedElsewhere();
}

/** The update ends when the signal comes. */
export async function slowUpdate(): Promise<string> {
  let released = false;
  let result: string | undefined;
  setHandler(defineSignal('release'), () => {
    released = true;
  });
  setHandler(defineUpdate<string, [string]>('change'), async (to) => {
    await condition(() => released);
    result = `changed to ${to}`;
    return result;
  });
  await condition(() => result !== undefined);
  return result ?? '';
}
