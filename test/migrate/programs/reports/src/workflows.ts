import { proxyActivities, setHandler, defineQuery, sleep, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Activities } from './activities.js';
import { pages, region, tags } from './search-attributes.js';

const { write, sign } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', heartbeatTimeout: '30s', retry: { maximumAttempts: 3 } });

export const signedBy = defineQuery<string | undefined>('signedBy');

/** Writes the report of a region and has it signed. */
export async function report(place: string): Promise<string> {
  let signature: string | undefined;
  setHandler(signedBy, () => signature);
  const count = await write(place);
  upsertSearchAttributes([
    { key: pages, value: count },
    { key: tags, value: ['written', 'unsigned'] },
  ]);
  signature = await sign(place);
  upsertSearchAttributes([{ key: tags, value: ['written'] }]);
  const known = workflowInfo().typedSearchAttributes;
  return `${place}: ${known.get(pages)} pages, ${known.get(tags)?.join('+')}, ${known.get(region)}, signed by ${signature}`;
}

/** What a schedule starts. */
export async function summary(kind: string): Promise<string> {
  return `${kind} of ${workflowInfo().typedSearchAttributes.get(region)}`;
}

/** Asks again each day, for a month. */
export async function reminder(): Promise<number> {
  let days = 0;
  for (; days < 30; days++) await sleep('1 day');
  return days;
}
