/**
 * The workflows of the crash test. Each says by its result what became of everything that it was told or that it asked for, in order, so that
 * what is lost and what came twice can be read off. Every activity call has a key of its own, which the worker writes into the ledger.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  startChild,
  workflowInfo,
  type ParentClosePolicy,
} from 'perdure/workflow';
import type { Activities } from './activities.js';

/** Children are lost with their workers as well: nothing may wait for ten seconds. */
const TASK_TIMEOUT = { workflowTaskTimeout: '1 second' } as const;

const { work } = proxyActivities<Activities>({
  startToCloseTimeout: '2 seconds',
  heartbeatTimeout: '1 second',
  retry: { initialInterval: '50ms', maximumInterval: '200ms' },
});
const local = proxyLocalActivities<Activities>({ startToCloseTimeout: '5 seconds', retry: { initialInterval: '20ms', maximumInterval: '50ms' } });

/** Unique for each call of an activity, in all runs. */
const keyOf = (what: string | number): string => `${workflowInfo().workflowId}/${what}`;

export const add = defineSignal<[number]>('add');
export const seen = defineQuery<number[]>('seen');

/** Takes signals, does some work for each, and ends when all have come. @returns the numbers in the order in which their work was done */
export async function collector(expected: number): Promise<number[]> {
  const waiting: number[] = [];
  const done: number[] = [];
  setHandler(add, (n) => void waiting.push(n));
  setHandler(seen, () => done);
  while (done.length < expected) {
    await condition(() => waiting.length > 0);
    const next = waiting.shift() as number;
    await work(keyOf(next), next % 3 === 1 ? 2 : 0);
    done.push(next);
    await sleep(5);
  }
  return [...done, ...waiting];
}

export const deposit = defineUpdate<number, [amount: number]>('deposit');
export const close = defineSignal('close');

/** Takes updates, each with an activity between its acceptance and its completion. @returns the amounts in the order of acceptance, and of completion */
export async function account(): Promise<{ accepted: number[]; completed: number[] }> {
  const accepted: number[] = [];
  const completed: number[] = [];
  let closed = false;
  setHandler(close, () => void (closed = true));
  setHandler(
    deposit,
    async (amount) => {
      accepted.push(amount);
      await work(keyOf(amount), amount % 4 === 1 ? 1 : 0);
      if (amount % 2 === 0) await sleep(3);
      completed.push(amount);
      return amount * 10;
    },
    {
      validator: (amount) => {
        if (amount < 0) throw new Error('a deposit is positive');
      },
    },
  );
  await condition(() => closed && allHandlersFinished());
  return { accepted, completed };
}

/** One step a run. @returns the steps of all runs */
export async function chain(hops: number, done: number[] = []): Promise<number[]> {
  const next = done.length;
  await work(keyOf(next), next % 3 === 2 ? 1 : 0);
  await sleep(2);
  const all = [...done, next];
  if (all.length < hops) await continueAsNew<typeof chain>(hops, all);
  return all;
}

/** Local activities: short ones, one that fails at first, one that outlasts a workflow task, and timers between. */
export async function locals(): Promise<string[]> {
  const results = [await local.localWork(keyOf('short'))];
  await sleep(2);
  results.push(...(await Promise.all([local.localWork(keyOf('side')), work(keyOf('remote'), 1), local.localWork(keyOf('flaky'), 0, 2)])));
  results.push(await local.localWork(keyOf('long'), 1300));
  return results;
}

/** Many timers at once, then one after the other. @returns how many fired */
export async function timers(count: number): Promise<number> {
  const fired = await Promise.all(Array.from({ length: count }, (_, index) => sleep(1 + ((index * 37) % 300)).then(() => 1)));
  for (let index = 0; index < 5; index++) await sleep(index * 10);
  return fired.reduce((sum, one) => sum + one, 0);
}

export const note = defineSignal<[string]>('note');

/** @returns the notes in the order in which they came */
export async function inbox(): Promise<string[]> {
  const notes: string[] = [];
  let closed = false;
  setHandler(note, (text) => void notes.push(text));
  setHandler(close, () => void (closed = true));
  await condition(() => closed);
  return notes;
}

/** Sends notes to an inbox, some of them at the same time. */
export async function courier(to: string, count: number): Promise<void> {
  const there = getExternalWorkflowHandle(to);
  const me = workflowInfo().workflowId;
  for (let n = 0; n < count; n += 2) {
    await Promise.all([there.signal(note, `${me} ${n}`), there.signal(note, `${me} ${n + 1}`)]);
    await sleep(3);
  }
}

/** Children that end in every way, and three that go on when it ends, each under another parent close policy. */
export async function family(): Promise<unknown[]> {
  const me = workflowInfo().workflowId;
  const left = (name: string, parentClosePolicy: ParentClosePolicy) =>
    startChild(patient, { ...TASK_TIMEOUT, workflowId: `${me}/${name}`, parentClosePolicy, cancellationType: ChildWorkflowCancellationType.ABANDON });
  await Promise.all([left('terminated', 'TERMINATE'), left('cancelled', 'REQUEST_CANCEL'), left('abandoned', 'ABANDON')]);
  return Promise.all([
    executeChild(chain, { ...TASK_TIMEOUT, workflowId: `${me}/chain`, args: [3] }),
    executeChild(locals, { ...TASK_TIMEOUT, workflowId: `${me}/locals` }),
    executeChild(failing, { ...TASK_TIMEOUT, workflowId: `${me}/failing` }).catch((error: Error) => (error.cause as Error).message),
    cancelledChild(`${me}/stopped`),
  ]);
}

/** A child that is asked to stop, and waited for. */
async function cancelledChild(workflowId: string): Promise<string> {
  const scope = new CancellationScope();
  const outcome = scope.run(() => executeChild(patient, { ...TASK_TIMEOUT, workflowId })).then(
    () => 'completed',
    (error: unknown) => (isCancellation(error) ? 'cancelled' : String(error)),
  );
  await sleep(5);
  scope.cancel();
  return outcome;
}

export async function failing(): Promise<void> {
  await work(keyOf('before'));
  throw ApplicationFailure.nonRetryable('as it was told');
}

/** Waits to be closed. */
export async function patient(): Promise<string> {
  let closed = false;
  setHandler(close, () => void (closed = true));
  await condition(() => closed);
  return 'closed';
}

const { step } = proxyActivities<{ step(n: number): Promise<number> }>({
  startToCloseTimeout: '1 second',
  retry: { initialInterval: '10ms' },
});

/** Three steps, one after the other. */
export async function steps(): Promise<number[]> {
  return [await step(1), await step(2), await step(3)];
}
