/**
 * One at a time, across workflows: a lock that is a workflow, and workflows that ask it.
 *
 * The keeper serves whoever asked first, and takes the lock back from one that is silent for too long: its holder may have been terminated.
 * Within one workflow `Mutex` and `Semaphore` of `perdure/workflow` are enough.
 */
import {
  condition,
  continueAsNewIfSuggested,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  CancellationScope,
  proxyActivities,
  setHandler,
  sleep,
  uuid4,
  workflowInfo,
} from 'perdure/workflow';
import type * as activities from './activities.js';

const { askKeeper } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 seconds' });

export interface Request {
  readonly workflowId: string;
  readonly ticket: string;
  readonly holdForMs: number;
}

export const request = defineSignal<[Request]>('request');
export const release = defineSignal<[ticket: string]>('release');
const granted = defineSignal<[ticket: string]>('granted');
export const holder = defineQuery<string | undefined>('holder');

/** The keeper of one lock. Its workflow id is the name of the lock; the first request starts it, and it ends when nobody wants the lock. */
export async function keeper(before: readonly Request[] = []): Promise<void> {
  const waiting = [...before];
  const released = new Set<string>();
  let current: Request | undefined;
  setHandler(holder, () => current?.workflowId);
  setHandler(request, (next) => void waiting.push(next));
  setHandler(release, (ticket) => {
    if (current?.ticket === ticket) released.add(ticket);
    // Somebody who gave up before it was his turn.
    const index = waiting.findIndex((one) => one.ticket === ticket);
    if (index !== -1) waiting.splice(index, 1);
  });

  while (await condition(() => waiting.length > 0, '1 minute')) {
    const next = (current = waiting.shift() as Request);
    try {
      await getExternalWorkflowHandle(next.workflowId).signal(granted, next.ticket);
      await condition(() => released.has(next.ticket), next.holdForMs);
    } catch {
      // It is gone: the next one, please.
    }
    released.delete(next.ticket);
    current = undefined;
    await continueAsNewIfSuggested<typeof keeper>(() => [waiting]);
  }
}

/**
 * Runs `fn` while this workflow holds the lock.
 *
 * @param holdForMs when the keeper may take the lock back: longer than `fn` ever takes.
 */
async function withLock<T>(lock: string, holdForMs: number, fn: () => Promise<T>): Promise<T> {
  const ticket = uuid4();
  let mine = false;
  setHandler(granted, (given) => {
    mine ||= given === ticket;
  });
  try {
    await askKeeper(lock, { workflowId: workflowInfo().workflowId, ticket, holdForMs });
    await condition(() => mine);
    return await fn();
  } finally {
    await CancellationScope.nonCancellable(() => getExternalWorkflowHandle(lock).signal(release, ticket).catch(() => undefined));
  }
}

/** Two of them never work on the same machine at the same time. */
export async function maintenance(machine: string): Promise<{ readonly from: number; readonly to: number }> {
  return withLock(`lock/${machine}`, 60 * 60_000, async () => {
    const from = Date.now();
    await sleep('10 minutes');
    return { from, to: Date.now() };
  });
}
