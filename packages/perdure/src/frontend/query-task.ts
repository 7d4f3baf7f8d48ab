/**
 * A direct query on its way to a worker.
 *
 * On a sticky queue the worker has the run in its cache and gets no history. On the normal queue it gets all of it. Either way nothing
 * is started and nothing is written.
 */
import type { Namespace } from '../machines/namespace/inputs.js';
import { WORKFLOW_KIND } from '../machines/workflow/index.js';
import { EMPTY, TaskQueueKind, type Init, type PollWorkflowTaskQueueResponse } from '../protocol/index.js';
import { readPage } from './history-page.js';
import type { PendingQuery } from './pending-queries.js';
import { executionNotFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { viewRun } from './run-view.js';
import { historyPageToken, queryTaskToken } from './task-token.js';

/** What matching carries from the asker to the poll. */
export class QueryTask {
  constructor(
    readonly pending: PendingQuery,
    readonly workflowId: string,
    readonly sticky: boolean,
  ) {}
}

export async function queryTaskResponse(rooms: Rooms, namespace: Namespace, { pending, workflowId, sticky }: QueryTask): Promise<Init<PollWorkflowTaskQueueResponse>> {
  const { runId } = pending;
  const run = await rooms.host.read({ kind: WORKFLOW_KIND, namespace: namespace.id, key: workflowId, machine: runId }, viewRun);
  if (run === undefined) throw executionNotFound(workflowId, runId);
  const page = sticky ? { bytes: EMPTY, lastEventId: 0, more: false } : await readPage(rooms.host, runId, 1, run.lastEventId);
  return {
    taskToken: queryTaskToken(namespace.id, pending.id),
    workflowExecution: { workflowId, runId },
    workflowType: { name: run.workflowType },
    previousStartedEventId: run.previousStartedEventId,
    startedEventId: 0,
    attempt: 1,
    history: page.bytes,
    nextPageToken: page.more
      ? historyPageToken({ namespaceId: namespace.id, workflowId, runId, nextEventId: page.lastEventId + 1, lastEventId: run.lastEventId })
      : EMPTY,
    workflowExecutionTaskQueue: { name: run.taskQueue, kind: TaskQueueKind.NORMAL },
    query: pending.query,
  };
}
