/** A polled activity task as `Info`. */
import { Priority, type PollActivityTaskQueueResponse } from '../../protocol/index.js';
import type { Info } from '../activity/info.js';
import { decodePriority, decompileRetryPolicy } from '../common/index.js';

export function activityInfo(
  task: PollActivityTaskQueueResponse,
  worker: { readonly namespace: string; readonly taskQueue: string },
  heartbeatDetails: unknown,
): Info {
  const { namespace, taskQueue } = worker;
  // A standalone activity comes with empty ids in place of a workflow.
  const execution = task.workflowExecution?.workflowId ? task.workflowExecution : undefined;
  return {
    taskToken: task.taskToken,
    get base64TaskToken() {
      return Buffer.from(task.taskToken).toString('base64');
    },
    activityId: task.activityId,
    activityType: task.activityType?.name ?? '',
    namespace,
    activityNamespace: namespace,
    attempt: task.attempt,
    isLocal: false,
    workflowExecution: execution && { workflowId: execution.workflowId, runId: execution.runId },
    workflowNamespace: execution && (task.workflowNamespace || namespace),
    workflowType: execution && task.workflowType?.name,
    scheduledTimestampMs: task.scheduledTime ?? 0,
    currentAttemptScheduledTimestampMs: task.currentAttemptScheduledTime ?? task.scheduledTime ?? 0,
    scheduleToCloseTimeoutMs: task.scheduleToCloseTimeout ?? 0,
    startToCloseTimeoutMs: task.startToCloseTimeout ?? 0,
    heartbeatTimeoutMs: task.heartbeatTimeout || undefined,
    heartbeatDetails,
    taskQueue,
    priority: task.priority && decodePriority(Priority.decode(task.priority)),
    retryPolicy: decompileRetryPolicy(task.retryPolicy),
    activityRunId: task.activityRunId || undefined,
    inWorkflow: execution !== undefined,
    idempotencyKey: execution ? `${execution.workflowId}/${execution.runId}/${task.activityId}` : `${task.activityId}/${task.activityRunId}`,
  };
}
