/** Workflows for the tests of what happens to payloads on their way. Bundled as a user's would be; only tests name this file. */
import { condition, defineQuery, defineSignal, defineUpdate, executeChild, proxyActivities, proxyLocalActivities, setHandler } from 'perdure/workflow';

interface Activities {
  twice(text: string): Promise<string>;
  refuse(text: string): Promise<void>;
}

const { twice, refuse } = proxyActivities<Activities>({ startToCloseTimeout: '10 minutes', retry: { initialInterval: '1 second' } });
const local = proxyLocalActivities<Activities>({ startToCloseTimeout: '10 minutes' });

export const add = defineSignal<[string]>('add');
export const soFar = defineQuery<string, [string]>('soFar');
export const replaceAll = defineUpdate<string, [string]>('replaceAll');
export const finish = defineSignal('finish');

/** Collects texts from everywhere that payloads come from. */
export async function collect(first: string): Promise<string> {
  let text = first;
  let finished = false;
  setHandler(add, (more) => {
    text += more;
  });
  setHandler(soFar, (suffix) => text + suffix);
  setHandler(replaceAll, (other) => (text = other));
  setHandler(finish, () => {
    finished = true;
  });
  text = await twice(text);
  text = await local.twice(text);
  text = await executeChild(echo, { args: [text] });
  await condition(() => finished);
  return text;
}

export async function echo(text: string): Promise<string> {
  return text;
}

/** Ends with the failure of an activity, which has details. */
export async function fails(text: string): Promise<void> {
  await refuse(text);
}

/** Gives an activity more than servers take in one field. */
export async function oversized(length: number): Promise<number> {
  return (await twice('x'.repeat(length))).length;
}
