/**
 * Turns a started workflow task into what a worker receives.
 *
 * The history is spliced from stored bytes and ends exactly with the Started event of this task: workers refuse anything else. What does
 * not fit into one page is fetched by the worker with the page token.
 */
import type { Namespace } from '../machines/namespace/inputs.js';
import type { WorkflowTaskReply } from '../machines/workflow/index.js';
import { EMPTY, TaskQueueKind, type Init, type PollWorkflowTaskQueueResponse } from '../protocol/index.js';
import { readPage } from './history-page.js';
import type { Rooms } from './rooms.js';
import { historyPageToken, workflowTaskToken } from './task-token.js';

export async function workflowTaskResponse(rooms: Rooms, namespace: Namespace, task: WorkflowTaskReply): Promise<Init<PollWorkflowTaskQueueResponse>> {
  const attempt = { workflowId: task.workflowId, runId: task.runId, ...task.token };
  const page = await readPage(rooms.host, task.runId, task.historyFrom, task.historyTo);
  const queries = rooms.queries.attach(task.runId, task.token.stamp);
  return {
    taskToken: workflowTaskToken(namespace.id, attempt),
    workflowExecution: { workflowId: task.workflowId, runId: task.runId },
    workflowType: { name: task.workflowType },
    previousStartedEventId: task.previousStartedEventId,
    startedEventId: task.startedEventId,
    attempt: task.attempt,
    history: page.more || task.transientSuffix === undefined ? page.bytes : append(page.bytes, task.transientSuffix),
    nextPageToken: page.more
      ? historyPageToken({
          namespaceId: namespace.id,
          workflowId: task.workflowId,
          runId: task.runId,
          nextEventId: page.lastEventId + 1,
          workflowTask: attempt,
          lastEventId: task.historyTo,
        })
      : EMPTY,
    workflowExecutionTaskQueue: { name: task.taskQueue, kind: TaskQueueKind.NORMAL },
    scheduledTime: task.scheduledTime,
    startedTime: task.startedTime,
    messages: task.messages,
    ...(queries !== undefined && { queries }),
  };
}

export const append = (history: Uint8Array, suffix: Uint8Array): Uint8Array => (history.byteLength === 0 ? suffix : Buffer.concat([history, suffix]));
