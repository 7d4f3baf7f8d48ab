/** Turns a started activity attempt into what a worker receives. One without a workflow names its own run in the token. */
import type { Namespace } from '../machines/namespace/inputs.js';
import type { ActivityTaskReply } from '../machines/workflow/index.js';
import type { Init, PollActivityTaskQueueResponse } from '../protocol/index.js';
import { activityTaskToken } from './task-token.js';

export function activityTaskResponse(namespace: Namespace, { task, token }: ActivityTaskReply): Init<PollActivityTaskQueueResponse> {
  const execution = task.workflowExecution;
  return {
    ...task,
    taskToken: activityTaskToken(namespace.id, {
      ...token,
      workflowId: execution?.workflowId,
      runId: execution?.runId || task.activityRunId,
      activityId: task.activityId,
    }),
  };
}
