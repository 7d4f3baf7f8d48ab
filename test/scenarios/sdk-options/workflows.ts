/** Workflows of the option scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { executeChild, makeContinueAsNewFunc, proxyActivities, upsertMemo, upsertSearchAttributes, workflowInfo } from 'perdure/workflow';
import type { Activities } from './activities.js';

const key = (name: string, type: string) => ({ name, type }) as never;

export async function parent(childId: string): Promise<unknown> {
  const told = await executeChild<typeof child>('child', {
    workflowId: childId,
    memo: { note: 'from the parent' },
    typedSearchAttributes: [{ key: key('ScenarioKeyword', 'KEYWORD'), value: 'k' as never }],
    priority: { priorityKey: 2, fairnessKey: 'tenant-1', fairnessWeight: 2 },
    staticSummary: 'a child',
    staticDetails: 'of a parent',
    retry: { maximumAttempts: 3 },
    workflowRunTimeout: '1 minute',
  });
  const { priority } = proxyActivities<Activities>({ startToCloseTimeout: '10s', priority: { priorityKey: 4 }, summary: 'an activity' });
  return [told, await priority()];
}

export async function child(): Promise<unknown> {
  const { memo, searchAttributes, priority, retryPolicy, runTimeoutMs, parent: from } = workflowInfo();
  return [memo, searchAttributes, priority, retryPolicy?.maximumAttempts, runTimeoutMs, from?.workflowId];
}

export async function goesOn(round: number): Promise<unknown> {
  if (round === 0) {
    upsertMemo({ changed: true });
    upsertSearchAttributes([{ key: key('ScenarioInt', 'INT'), value: 5 as never }]);
    await makeContinueAsNewFunc<typeof goesOn>({ workflowRunTimeout: '2 minutes', memo: { given: 1 } })(1);
  }
  if (round === 1) {
    await makeContinueAsNewFunc<typeof goesOn>({ typedSearchAttributes: [{ key: key('ScenarioKeyword', 'KEYWORD'), value: 'new' as never }] })(2);
  }
  const { memo, searchAttributes, retryPolicy, runTimeoutMs, continuedFromExecutionRunId } = workflowInfo();
  return [memo, searchAttributes, retryPolicy?.maximumAttempts, runTimeoutMs, continuedFromExecutionRunId !== undefined];
}
