/** Workflows of the tests of this room. */
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  proxySinks,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from 'perdure/workflow';

const { withdraw, deposit } = proxyActivities<{ withdraw(cents: number): Promise<void>; deposit(cents: number): Promise<void> }>({
  startToCloseTimeout: '5 seconds',
  retry: { initialInterval: '100 ms' },
});

export const confirm = defineSignal('confirm');
export const add = defineUpdate<number, [number]>('add');
export const total = defineQuery<number>('total');

export async function transfer(cents: number): Promise<string> {
  await withdraw(cents);
  await sleep('1 hour');
  await deposit(cents);
  return 'moved';
}

/** Goes another way when it is replayed. */
export async function forgetful(): Promise<void> {
  await withdraw(1);
  if (workflowInfo().unsafe.isReplaying) await sleep('1 second');
  await deposit(1);
}

export async function waiting(): Promise<void> {
  let confirmed = false;
  setHandler(confirm, () => {
    confirmed = true;
  });
  await condition(() => confirmed);
}

export async function broken(): Promise<void> {
  await withdraw(1);
  throw new TypeError('not a failure of the workflow, but of its code');
}

export async function sums(): Promise<number> {
  let sum = 0;
  setHandler(add, async (value) => {
    await sleep('1 minute');
    sum += value;
    return sum;
  });
  setHandler(total, () => sum);
  await condition(() => sum === 6);
  return sum;
}

export async function parent(): Promise<string> {
  return executeChild<(what: string) => Promise<string>>('shipment', { args: ['lamp'] });
}

const elsewhere = proxyActivities<{ pack(what: string): Promise<string> }>({ startToCloseTimeout: '5 seconds', taskQueue: 'warehouse', retry: { initialInterval: '100 ms' } });
const here = proxyLocalActivities<{ weigh(what: string): Promise<number> }>({ startToCloseTimeout: '5 seconds' });
const { audit } = proxySinks<{ audit: { note(text: string): void } }>();

/** Uses what lies outside of it: another task queue, a sink, a search attribute, a child that goes on as another run. */
export async function program(what: string): Promise<string> {
  upsertSearchAttributes({ Stage: ['packing'] });
  const weight = await here.weigh(what);
  const parcel = await elsewhere.pack(what);
  audit.note(`packed ${what}`);
  await executeChild(delivery, { args: [parcel], taskQueue: 'warehouse' });
  return `${parcel} of ${weight}`;
}

export async function delivery(parcel: string, day = 0): Promise<void> {
  await sleep('1 day');
  if (day < 2) await continueAsNew<typeof delivery>(parcel, day + 1);
}
