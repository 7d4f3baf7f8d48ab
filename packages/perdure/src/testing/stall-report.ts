/**
 * What a test hears that waits for something that will never come by itself: a signal that it forgot, or a task queue without a worker.
 * Not an error: the test may be about to send the signal.
 */
import { PendingActivityState, WorkflowService, type DescribeWorkflowExecutionResponse } from '../protocol/index.js';
import type { Transport } from '../transport/transport.js';

/** A few lines for each workflow that is waited for. Never rejects. */
export async function stallReport(transport: Transport, namespace: string, workflowIds: readonly string[]): Promise<string> {
  const lines = ['Somebody waits in this test environment, but nobody is at work and no time is skipped: without a signal, a worker, or the completion of an activity from outside, nothing will happen any more.'];
  for (const workflowId of new Set(workflowIds)) {
    const described = await transport.call(WorkflowService.DescribeWorkflowExecution, { namespace, execution: { workflowId } }).catch(() => undefined);
    lines.push(`  Workflow '${workflowId}'${described === undefined ? ' is not known.' : ` waits for: ${pendingOf(described).join('; ')}.`}`);
  }
  return lines.join('\n');
}

function pendingOf({ pendingActivities, pendingChildren, pendingWorkflowTask, executionConfig }: DescribeWorkflowExecutionResponse): string[] {
  const pending: string[] = [];
  if (pendingWorkflowTask !== undefined) pending.push(`a worker that takes its workflow task from "${executionConfig?.taskQueue?.name ?? ''}"`);
  for (const { activityType, activityId, state, attempt } of pendingActivities) {
    const isTaken = state !== PendingActivityState.SCHEDULED;
    pending.push(`activity '${activityType?.name ?? ''}' (id ${activityId}, attempt ${attempt})${isTaken ? '' : ', which no worker has taken'}`);
  }
  for (const { workflowId, workflowTypeName } of pendingChildren) pending.push(`child workflow '${workflowTypeName}' (id ${workflowId})`);
  return pending.length > 0 ? pending : ['a signal, an update or a cancellation'];
}
