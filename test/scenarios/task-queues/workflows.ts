/** Workflows of the task queue scenarios. */
import { proxyActivities, workflowInfo } from 'perdure/workflow';
import type { Activities } from './activities.js';

export interface Errand {
  readonly name: string;
  readonly priority?: { readonly priorityKey?: number; readonly fairnessKey?: string; readonly fairnessWeight?: number };
}

/** Runs the errands at the same time, each as an activity on that queue. Eager ones would not go through the queue. */
export async function errands(taskQueue: string, list: readonly Errand[]): Promise<void> {
  const { workflowId } = workflowInfo();
  await Promise.all(
    list.map(({ name, priority }) =>
      proxyActivities<Activities>({ taskQueue, startToCloseTimeout: '1 minute', allowEagerDispatch: false, ...(priority && { priority }) }).note(workflowId, name),
    ),
  );
}

export async function nothing(): Promise<void> {}
