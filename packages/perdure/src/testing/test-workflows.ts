/** Workflows that the tests of this folder run. Bundled as a user's would be; only tests name this file. */
import {
  condition,
  CancellationScope,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  upsertSearchAttributes,
} from 'perdure/workflow';
import type * as activities from './test-activities.js';

const { charge, ship, notify } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 minutes', heartbeatTimeout: '30 seconds' });
const quick = proxyActivities<typeof activities>({ startToCloseTimeout: '1 second', retry: { maximumAttempts: 2 } });
const callback = proxyActivities<typeof activities>({ startToCloseTimeout: '10 days', retry: { maximumAttempts: 1 } });
const withinHalfADay = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute', scheduleToCloseTimeout: '12 hours' });
const local = proxyLocalActivities<typeof activities>({ startToCloseTimeout: '10 minutes' });

export const approve = defineSignal<[string]>('approve');
export const state = defineQuery<string>('state');
export const raise = defineUpdate<number, [number]>('raise');

/** An order waits for a day for somebody's approval. */
export async function approval(orderId: string): Promise<string> {
  let by: string | undefined;
  setHandler(approve, (name) => {
    by = name;
  });
  setHandler(state, () => (by === undefined ? 'waiting' : `approved by ${by}`));
  return (await condition(() => by !== undefined, '24 hours')) ? `${orderId} approved by ${by}` : `${orderId} expired`;
}

/** Waits for an approval, however long it takes. */
export async function forever(): Promise<string> {
  let by: string | undefined;
  setHandler(approve, (name) => {
    by = name;
  });
  await condition(() => by !== undefined);
  return `approved by ${by}`;
}

export async function nap(ms: number): Promise<number> {
  const before = Date.now();
  await sleep(ms);
  return Date.now() - before;
}

export async function order(orderId: string): Promise<string> {
  const receipt = await charge(orderId, 10);
  const parcel = await ship(orderId);
  await notify(`${receipt} ${parcel}`);
  return `${receipt} ${parcel}`;
}

export async function paysByCallback(orderId: string): Promise<string> {
  return callback.charge(orderId, 10);
}

export async function paysWithinHalfADay(orderId: string): Promise<string> {
  return withinHalfADay.charge(orderId, 10);
}

export async function pays(orderId: string): Promise<string> {
  return charge(orderId, 10);
}

export async function paysQuickly(orderId: string): Promise<string> {
  return quick.charge(orderId, 10);
}

export async function paysLocally(orderId: string): Promise<string> {
  return local.charge(orderId, 10);
}

/** How long an activity took by the workflow's clock. */
export async function timed(ms: number, how: 'sleeps' | 'works'): Promise<number> {
  const before = Date.now();
  await proxyActivities<typeof activities>({ startToCloseTimeout: '2 hours' })[how](ms);
  return Date.now() - before;
}

export async function callsSomethingUnknown(): Promise<void> {
  await proxyActivities<{ frobnicate(): Promise<void> }>({ startToCloseTimeout: '1 minute' }).frobnicate();
}

export async function parcel(orderId: string): Promise<string> {
  await sleep('1 minute');
  return `parcel of ${orderId}`;
}

export async function parent(orderId: string): Promise<string> {
  return executeChild(parcel, { args: [orderId] });
}

export async function parentOfUnknown(): Promise<void> {
  await executeChild('nowhere', {});
}

export async function cancellableParent(): Promise<string> {
  try {
    await CancellationScope.withTimeout('1 hour', () => executeChild(parcel, { args: ['late'] }));
    return 'done';
  } catch (error) {
    return isCancellation(error) ? 'cancelled' : 'failed';
  }
}

export async function broken(): Promise<void> {
  (undefined as unknown as { explode(): void }).explode();
}

/** Sets a search attribute that does not exist. */
export async function unregistered(): Promise<void> {
  upsertSearchAttributes({ NobodyKnows: ['x'] });
}

/** Takes an update that needs a day. */
export async function patient(): Promise<number> {
  let total = 0;
  setHandler(raise, async (by) => {
    await sleep('1 day');
    return (total += by);
  });
  await condition(() => total > 2);
  return total;
}

export async function tick(): Promise<void> {
  await notify('tick');
}

/** Starts as many timers for the same instant as asked for and says in which order they fired. */
export async function together(count: number): Promise<number[]> {
  const fired: number[] = [];
  await Promise.all(Array.from({ length: count }, (_, index) => sleep('1 hour').then(() => fired.push(index))));
  return fired;
}
