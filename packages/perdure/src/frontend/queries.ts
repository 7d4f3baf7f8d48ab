/**
 * QueryWorkflow and the answers to it.
 *
 * The answer reflects every event that happened before the question. So a query goes to a worker directly only while the worker knows all
 * there is: a workflow task was completed, and none is scheduled or started (or the run is closed). Otherwise it rides on the next
 * workflow task; if that ends without an answer, the question is looked at anew.
 */
import { WORKFLOW_KIND, type DoneReply, type WorkflowInput } from '../machines/workflow/index.js';
import type { TaskQueueAddress } from '../machines/machine.js';
import {
  Code,
  QueryRejectCondition,
  QueryResultType,
  RpcError,
  WorkflowExecutionStatus,
  WorkflowService,
  type Init,
  type QueryWorkflowResponse,
} from '../protocol/index.js';
import type { CallContext, Router } from '../transport/transport.js';
import type { PendingQuery, QueryAnswer } from './pending-queries.js';
import { QueryTask } from './query-task.js';
import { executionNotFound, invalidArgument, notFound, queryFailed, workflowNotReady } from './refusals.js';
import type { ServedNamespace } from './namespace-registry.js';
import type { NamespaceLimits } from './request-limits.js';
import type { Rooms } from './rooms.js';
import { viewRun, type QueryableRun } from './run-view.js';
import { readTaskToken } from './task-token.js';
import { checkBlob, required, requiredExecution } from './validation.js';
import { untilSeen, within } from './waiting.js';
import { executionKey } from './workflow.js';

/** A workflow task that failed this often is not about to answer. */
const FAILING_ATTEMPT = 3;
/** A worker that took a query and stays silent may be gone: then another one is asked. */
const ASK_AGAIN_MS = 30_000;
const DEFAULT_STICKY_MS = 10_000;
/** Why a wait is ended that nobody needs any more. Without a reason a signal makes an exception with a stack for each. */
const OVER = 'over';
/** Longer than anybody waits; the caller's deadline ends the wait. */
const LONG_MS = 86_400_000;

export function addQueryHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces, queries, random } = rooms;

  router.add(WorkflowService.QueryWorkflow, async (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const execution = requiredExecution(request.execution);
    if (request.query === undefined) throw invalidArgument('Query is not set on request.');
    required('QueryType', request.query.queryType, namespace.limits);
    checkBlob('Query arguments', request.query.queryArgs, namespace.limits);
    const run = await host.read(executionKey(namespace, execution), viewRun);
    if (run === undefined) throw executionNotFound(execution.workflowId, execution.runId);
    if (run.isPaused) return { queryRejected: { status: WorkflowExecutionStatus.PAUSED } };
    if (isRejected(request.queryRejectCondition, run)) return { queryRejected: { status: run.status } };
    const pending = queries.open(random.uuid(), run.runId, request.query);
    try {
      return toResponse(await ask(rooms, namespace, run, pending, context), namespace.limits);
    } finally {
      queries.close(pending);
    }
  });

  router.add(WorkflowService.RespondQueryTaskCompleted, (request) => {
    const { namespaceId, task } = readTaskToken(request.taskToken, 'queryTask');
    namespaces.ofToken(namespaceId, request.namespace);
    if (!queries.answerDirect(task.queryId, request)) throw notFound('Query task not found: whoever asked does not wait any more.');
    return {};
  });
}

function isRejected(condition: QueryRejectCondition, { isOpen, status }: QueryableRun): boolean {
  if (condition === QueryRejectCondition.NOT_OPEN) return !isOpen;
  if (condition === QueryRejectCondition.NOT_COMPLETED_CLEANLY) return !isOpen && status !== WorkflowExecutionStatus.COMPLETED;
  return false;
}

async function ask(rooms: Rooms, namespace: ServedNamespace, seen: QueryableRun, pending: PendingQuery, context: CallContext): Promise<QueryAnswer> {
  let run = seen;
  if (!isIdle(run)) {
    const outcome = await askWithTask(rooms, namespace, run, pending, context);
    if (outcome.answer !== undefined) return outcome.answer;
    run = outcome.run;
  }
  return askDirectly(rooms, namespace, run, pending, context);
}

/** The worker knows all there is. @throws RpcError FAILED_PRECONDITION if no worker will ever, or soon, be able to answer. */
function isIdle(run: QueryableRun, deadline?: number): boolean {
  if (!run.isOpen && run.previousStartedEventId === 0) {
    throw workflowNotReady('The workflow execution closed before a worker had run it: it has no state to query.');
  }
  if (run.workflowTask !== undefined && run.workflowTask.attempt >= FAILING_ATTEMPT) {
    throw workflowNotReady('The workflow task of this execution fails again and again, so it cannot answer. Look at its history, and repair the workflow code.');
  }
  if (deadline !== undefined && run.firstTaskAtMs > deadline) {
    throw workflowNotReady('The workflow execution starts only after this query would have expired.');
  }
  return !run.isOpen || (run.previousStartedEventId > 0 && run.workflowTask === undefined);
}

/** Lets the query ride on workflow tasks until one answers it, or until the run is idle. */
async function askWithTask(
  rooms: Rooms,
  namespace: ServedNamespace,
  run: QueryableRun,
  pending: PendingQuery,
  context: CallContext,
): Promise<{ answer: QueryAnswer; run: QueryableRun } | { answer: undefined; run: QueryableRun }> {
  const key = { kind: WORKFLOW_KIND, namespace: namespace.id, key: run.workflowId, machine: run.runId };
  rooms.queries.waitForTask(pending, run.startedTaskStamp, namespace.limits.bufferedQueries);
  const lookWhetherIdle = async (): Promise<QueryableRun | undefined> => {
    const now = await rooms.host.read(key, viewRun);
    if (now === undefined) throw executionNotFound(run.workflowId, run.runId);
    return isIdle(now, context.deadline) ? now : undefined;
  };
  const stop = new AbortController();
  try {
    const idle = untilSeen(rooms, run.runId, lookWhetherIdle, LONG_MS, stop.signal);
    const outcome = await within(Promise.race([pending.answered, idle]), LONG_MS, rooms, context.signal);
    if (outcome === undefined) throw ended(rooms);
    return 'resultType' in outcome ? { answer: outcome, run } : { answer: undefined, run: outcome };
  } finally {
    stop.abort(OVER);
    rooms.queries.stopWaiting(pending);
  }
}

/** Asks the worker that has the run in its cache, then any worker. */
async function askDirectly(rooms: Rooms, namespace: ServedNamespace, run: QueryableRun, pending: PendingQuery, context: CallContext): Promise<QueryAnswer> {
  const { matching, host } = rooms;
  const address = (name: string): TaskQueueAddress => ({ namespace: namespace.id, name, type: 'workflow' });
  if (run.stickyQueue !== undefined && run.isOpen) {
    const sticky = address(run.stickyQueue);
    if (matching.hasPoller(sticky)) {
      const waitMs = run.stickyTimeoutMs || DEFAULT_STICKY_MS;
      const answer = await offer(rooms, sticky, new QueryTask(pending, run.workflowId, true), waitMs, context);
      if (answer !== undefined) return answer;
    }
    const input: WorkflowInput = { type: 'reset-sticky' };
    // The run may have ended meanwhile: then there is nothing to reset.
    await host.send<DoneReply>({ ...executionKey(namespace, run) }, input).catch(() => {});
  }
  return askAnyWorker(rooms, namespace, { ...address(run.taskQueue), version: run.pinnedVersion }, run, pending, context);
}

/** Any that may run it: of its version if it is pinned, else of the one that its queue's routing names. */
async function askAnyWorker(rooms: Rooms, { limits }: ServedNamespace, address: TaskQueueAddress, run: QueryableRun, pending: PendingQuery, context: CallContext): Promise<QueryAnswer> {
  const turn = rooms.queries.turns.enter(run.runId);
  try {
    if (!(await within(turn.come, LONG_MS, rooms, context.signal))) throw ended(rooms);
    for (;;) {
      const queue = rooms.matching.resolve(address, run.workflowId);
      // Without any poller a query waits for one to come: a worker may be restarting.
      const waitMs = rooms.matching.hasPoller(queue) ? ASK_AGAIN_MS : limits.noPollerWaitMs;
      const answer = await offer(rooms, address, new QueryTask(pending, run.workflowId, false), waitMs, context);
      if (answer !== undefined) return answer;
      if (!rooms.matching.hasPoller(queue)) {
        throw new RpcError(Code.FAILED_PRECONDITION, `No worker polls the task queue "${run.taskQueue}": a query needs one. Start a worker and query again.`);
      }
    }
  } finally {
    turn.leave();
  }
}

/** Offers the query once. `undefined` if no answer came in time. */
async function offer(rooms: Rooms, queue: TaskQueueAddress, task: QueryTask, timeoutMs: number, context: CallContext): Promise<QueryAnswer | undefined> {
  const withdraw = new AbortController();
  try {
    rooms.matching.offerQuery(queue, task, withdraw.signal, task.workflowId);
    const answer = await within(task.pending.answered, timeoutMs, rooms, context.signal);
    if (answer === undefined) throwIfEnded(rooms, context);
    return answer;
  } finally {
    withdraw.abort(OVER);
  }
}

function toResponse(answer: QueryAnswer, { blobSizeBytes }: NamespaceLimits): Init<QueryWorkflowResponse> {
  if (answer.resultType !== QueryResultType.ANSWERED) throw queryFailed(answer.errorMessage, answer.failure);
  if (answer.answer !== undefined && answer.answer.byteLength > blobSizeBytes) {
    throw queryFailed(`The answer exceeds the size limit of ${blobSizeBytes} bytes.`, undefined);
  }
  return { queryResult: answer.answer };
}

function throwIfEnded(rooms: Rooms, context: CallContext): void {
  if (context.signal.aborted || rooms.closing.begun) throw ended(rooms);
}

const ended = ({ closing }: Rooms): RpcError =>
  closing.begun
    ? new RpcError(Code.UNAVAILABLE, 'The server is shutting down. Query again once it is back.')
    : new RpcError(Code.CANCELLED, 'The caller stopped waiting for the query.');
