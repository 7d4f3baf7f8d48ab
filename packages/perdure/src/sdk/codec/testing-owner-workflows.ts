/** A workflow that sends and receives data in all the ways there are. Bundled as a user's would be; only tests name this file. */
import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  proxyActivities,
  proxyLocalActivities,
  rootCause,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  workflowInfo,
  type ActivityInterfaceFor,
} from 'perdure/workflow';

interface Activities {
  greet(name: string): Promise<string>;
  beating(name: string): Promise<string>;
  silent(): Promise<void>;
  failing(detail: string): Promise<void>;
  elsewhere(): Promise<string>;
}

const timeouts = { startToCloseTimeout: '1 minute', summary: 'for people' } as const;
const { greet, beating, elsewhere }: ActivityInterfaceFor<Activities> = proxyActivities<Activities>(timeouts);
const { failing } = proxyActivities<Activities>({ ...timeouts, activityId: 'chosen', retry: { maximumAttempts: 1 } });
const { silent } = proxyActivities<Activities>({ ...timeouts, heartbeatTimeout: '1 second', retry: { maximumAttempts: 1 } });
const local = proxyLocalActivities<Activities>(timeouts);

export const note = defineSignal<[string]>('note');
export const noted = defineQuery<string[], [string]>('noted');
export const add = defineUpdate<string, [string]>('add');

const causeOf = (error: unknown): string => {
  // The failure of a local activity stands for itself.
  const { cause = error } = error as { cause?: unknown };
  const { details, lastHeartbeatDetails } = cause as { details?: unknown[]; lastHeartbeatDetails?: unknown };
  return `${rootCause(error)} ${JSON.stringify(details ?? lastHeartbeatDetails)}`;
};

export async function everything(again: boolean): Promise<string[]> {
  const notes: string[] = [];
  setHandler(note, (text) => void notes.push(text));
  setHandler(noted, (prefix) => notes.map((text) => prefix + text));
  setHandler(add, (text) => {
    if (text === 'bad') throw ApplicationFailure.nonRetryable('bad update', 'Bad', { text });
    notes.push(text);
    return text;
  });
  if (again) {
    upsertMemo({ kept: 'memo' });
    return continueAsNew<typeof everything>(false);
  }
  notes.push(JSON.stringify(workflowInfo().memo));
  await condition(() => notes.includes('signal'));
  notes.push(await greet('Ada'), await beating('Bob'), await local.greet('Cleo'), await elsewhere());
  for (const call of [() => failing('activity'), () => local.failing('local'), silent, () => executeChild(refusing, { args: ['child'] })]) {
    notes.push(await (call as () => Promise<unknown>)().then(() => 'nothing', causeOf));
  }
  const child = await startChild(listening, { workflowId: 'child', memo: { of: 'parent' }, staticSummary: 'a child' });
  await child.signal(note, 'from the parent');
  await getExternalWorkflowHandle('child').signal(note, 'from afar');
  notes.push(...(await child.result()));
  await sleep(1, { summary: 'a while' });
  return notes;
}

export async function listening(): Promise<string[]> {
  const heard: string[] = [JSON.stringify(workflowInfo().memo)];
  setHandler(note, (text) => void heard.push(text));
  await condition(() => heard.length === 3);
  return heard;
}

export async function refusing(detail: string): Promise<void> {
  throw ApplicationFailure.nonRetryable('refused', 'Refused', { detail });
}

export async function asking(): Promise<unknown> {
  return executeChild('refusing', { args: ['child'] });
}
