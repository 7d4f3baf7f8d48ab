/**
 * A million tasks: a parent, a thousand children, a thousand activities each.
 *
 * One history of a million steps would be too long to replay. A tree keeps each history short: the parent sees its children, a child sees
 * its tasks. What fails does not stop the others; it is counted, and said.
 */
import { executeChild, log, ParentClosePolicy, proxyActivities, Semaphore, workflowInfo } from 'perdure/workflow';
import type * as activities from './activities.js';

const { process } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 3 } });

export interface Tally {
  readonly done: number;
  readonly failed: number;
}

/** How many children, and how many activities of a child, run at once: bounded, so that one fan-out does not take all workers. */
const CHILDREN_AT_ONCE = 50;
const TASKS_AT_ONCE = 100;

export async function fanOut(children: number, tasksOfChild: number): Promise<Tally> {
  const { workflowId } = workflowInfo();
  const tallies = await bounded(CHILDREN_AT_ONCE, children, (child) =>
    executeChild(batch, {
      workflowId: `${workflowId}/${child}`,
      args: [child * tasksOfChild, tasksOfChild],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
    }),
  );
  return tallies.reduce((sum, { done, failed }) => ({ done: sum.done + done, failed: sum.failed + failed }), { done: 0, failed: 0 });
}

export async function batch(first: number, count: number): Promise<Tally> {
  const outcomes = await bounded(TASKS_AT_ONCE, count, async (index) => {
    try {
      await process(first + index);
      return true;
    } catch (error) {
      log.warn('Task failed for good', { task: first + index, error });
      return false;
    }
  });
  const done = outcomes.filter(Boolean).length;
  return { done, failed: count - done };
}

/** Runs `count` functions, at most `limit` at once; results in the order of their numbers. */
async function bounded<T>(limit: number, count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  const free = new Semaphore(limit);
  return Promise.all(Array.from({ length: count }, (_, index) => free.run(() => run(index))));
}
