/** A polled activity task, or a local activity, as `Info`. */
import { Priority, RetryPolicy, type PollActivityTaskQueueResponse } from '../../protocol/index.js';
import type { Info } from '../activity/info.js';
import { systemTime, type WorkerTime } from '../common/worker-time.js';
import type { LocalActivityRequest } from '../replay/local-activities.js';
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

/** The info of an attempt of a local activity. No task token leads to it: the server does not know it. */
export function localActivityInfo(
  request: LocalActivityRequest,
  attempt: number,
  scheduledTimestampMs: number,
  worker: { readonly namespace: string; readonly taskQueue: string; readonly time?: WorkerTime | undefined },
): Info {
  const { namespace, taskQueue, time = systemTime } = worker;
  const { workflowId, runId, workflowType, activityId, activityType, retryPolicy } = request;
  return {
    taskToken: new Uint8Array(0),
    base64TaskToken: '',
    activityId,
    activityType,
    namespace,
    activityNamespace: namespace,
    attempt,
    isLocal: true,
    workflowExecution: { workflowId, runId },
    workflowNamespace: namespace,
    workflowType,
    scheduledTimestampMs,
    currentAttemptScheduledTimestampMs: time.now(),
    scheduleToCloseTimeoutMs: request.scheduleToCloseTimeoutMs ?? 0,
    startToCloseTimeoutMs: request.startToCloseTimeoutMs ?? 0,
    heartbeatDetails: undefined,
    taskQueue,
    retryPolicy: retryPolicy && decompileRetryPolicy(RetryPolicy.create(retryPolicy)),
    inWorkflow: true,
    idempotencyKey: `${workflowId}/${runId}/${activityId}`,
  };
}
