/**
 * Histories: pages forwards and backwards, waiting for new events, and waiting for the end.
 *
 * Rules that clients depend on: an expired wait answers no events and a token that is not empty, or clients start over at once; a wait
 * for the end answers exactly one event, the close event; a token pins the run. Everybody but the command line tool and the console also
 * gets the events of a transient workflow task, because a worker that fetches history needs it up to its task's Started event.
 */
import { EMPTY, HistoryEventFilterType, WorkflowService, type GetWorkflowExecutionHistoryRequest, type GetWorkflowExecutionHistoryResponse, type HistoryPageToken, type Init } from '../protocol/index.js';
import { WORKFLOW_KIND, type WorkflowState } from '../machines/workflow/index.js';
import type { MachineKey } from '../machines/machine.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import type { CallContext, Router } from '../transport/transport.js';
import { reverseHistory } from './history-events.js';
import { readPage, readPageBefore } from './history-page.js';
import { waitMs } from './long-poll.js';
import type { ServedNamespace } from './namespace-registry.js';
import { executionNotFound, invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { viewRunWithSuffix, type RunWithSuffix } from './run-view.js';
import { historyPageToken, readHistoryPageToken } from './task-token.js';
import { requiredExecution } from './validation.js';
import { untilSeen } from './waiting.js';
import { append } from './workflow-task-response.js';
import { executionKey } from './workflow.js';

const WITHOUT_TRANSIENT_EVENTS = new Set(['temporal-cli', 'temporal-ui']);

export function addHistoryHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces } = rooms;

  /** The run that is meant, as it is now. */
  const look = async (key: MachineKey): Promise<RunWithSuffix> => {
    const run = await host.read(key, viewRunWithSuffix);
    if (run === undefined) throw executionNotFound(key.key, key.machine);
    return run;
  };

  router.add(WorkflowService.GetWorkflowExecutionHistory, async (request, context) => {
    const namespace = namespaces.get(request.namespace);
    const token = readToken(request, namespace, false);
    const key = token === undefined ? executionKey(namespace, requiredExecution(request.execution)) : tokenKey(token);
    const run = await look(key);
    const pinned = { ...key, machine: run.runId };
    const nextToken = (nextEventId: number): Uint8Array =>
      historyPageToken({
        namespaceId: namespace.id,
        workflowId: run.workflowId,
        runId: run.runId,
        nextEventId,
        workflowTask: token?.workflowTask,
        lastEventId: token?.lastEventId,
      });
    const wait: Wait = (seen, matters) => {
      const lookAgain = async (): Promise<RunWithSuffix | undefined> => {
        const now = await look(pinned);
        return seen(now) ? now : undefined;
      };
      return untilSeen(rooms, run.runId, lookAgain, waitMs(namespace.limits.historyLongPollMs, context, rooms.clock), context.signal, matters);
    };
    const maxBatches = pageBatches(request.maximumPageSize, namespace);
    const read: Read = (from, to) => readPage(host, run.runId, from, to, { maxBatches });
    return request.historyEventFilterType === HistoryEventFilterType.CLOSE_EVENT
      ? closeEvent(rooms, request, run, wait, nextToken)
      : events(request, run, token, context, { wait, read, nextToken });
  });

  router.add(WorkflowService.GetWorkflowExecutionHistoryReverse, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const token = readToken(request, namespace, true);
    const run = await look(token === undefined ? executionKey(namespace, requiredExecution(request.execution)) : tokenKey(token));
    const to = token?.nextEventId ?? run.lastEventId;
    const { bytes, firstEventId } = await readPageBefore(host, run.runId, to, pageBatches(request.maximumPageSize, namespace));
    return {
      history: reverseHistory(bytes),
      nextPageToken:
        firstEventId > 1
          ? historyPageToken({ namespaceId: namespace.id, workflowId: run.workflowId, runId: run.runId, nextEventId: firstEventId - 1, descending: true })
          : EMPTY,
    };
  });
}

type Wait = (seen: (run: RunWithSuffix) => boolean, matters: (state: WorkflowState) => boolean) => Promise<RunWithSuffix | undefined>;
type Read = (from: number, to: number) => ReturnType<typeof readPage>;
type Response = Init<GetWorkflowExecutionHistoryResponse>;

async function closeEvent(rooms: Rooms, request: GetWorkflowExecutionHistoryRequest, run: RunWithSuffix, wait: Wait, nextToken: (nextEventId: number) => Uint8Array): Promise<Response> {
  const closed = run.isOpen && request.waitNewEvent ? await wait((now) => !now.isOpen, (state) => !state.isOpen) : run;
  if (closed === undefined) return { history: EMPTY, nextPageToken: nextToken(1) };
  if (closed.isOpen) return { history: EMPTY };
  const page = await readPage(rooms.host, closed.runId, closed.closeEventId, closed.closeEventId);
  return { history: page.bytes };
}

interface Paging {
  readonly wait: Wait;
  readonly read: Read;
  readonly nextToken: (nextEventId: number) => Uint8Array;
}

async function events(
  request: GetWorkflowExecutionHistoryRequest,
  first: RunWithSuffix,
  token: HistoryPageToken | undefined,
  context: CallContext,
  { wait, read, nextToken }: Paging,
): Promise<Response> {
  const from = token?.nextEventId ?? 1;
  const waits = request.waitNewEvent && token?.workflowTask === undefined;
  const run = waits && first.isOpen && first.lastEventId < from ? await wait((now) => now.lastEventId >= from || !now.isOpen, (state) => state.run.lastEventId >= from || !state.isOpen) : first;
  if (run === undefined) return { history: EMPTY, nextPageToken: nextToken(from) };
  const to = token !== undefined && token.lastEventId > 0 ? Math.min(token.lastEventId, run.lastEventId) : run.lastEventId;
  const page = await read(from, to);
  if (page.more || (waits && run.isOpen)) return { history: page.bytes, nextPageToken: nextToken(page.lastEventId + 1) };
  const suffix = wantsSuffix(token, run, context) ? run.suffix : undefined;
  return { history: suffix === undefined ? page.bytes : append(page.bytes, suffix) };
}

/** How many batches a page may have: as many as the caller asks for, up to the limit. As in Temporal's server, what was written at once stays together. */
function pageBatches(maximumPageSize: number, { limits }: ServedNamespace): number {
  return maximumPageSize > 0 ? Math.min(maximumPageSize, limits.historyPageBatches) : limits.historyPageBatches;
}

/** The events of a transient attempt go to workers: to whoever holds exactly this attempt, or started to read without a token. */
function wantsSuffix(token: HistoryPageToken | undefined, run: RunWithSuffix, context: CallContext): boolean {
  if (WITHOUT_TRANSIENT_EVENTS.has(context.metadata['client-name'] ?? '')) return false;
  if (token?.workflowTask !== undefined) return token.workflowTask.stamp === run.startedTaskStamp;
  return token === undefined || token.lastEventId === 0;
}

function readToken(
  request: Pick<GetWorkflowExecutionHistoryRequest, 'nextPageToken' | 'execution'>,
  namespace: Namespace,
  descending: boolean,
): HistoryPageToken | undefined {
  if (request.nextPageToken.byteLength === 0) return undefined;
  const token = readHistoryPageToken(request.nextPageToken);
  const { workflowId = '', runId = '' } = request.execution ?? {};
  const sameRun = (workflowId === '' || workflowId === token.workflowId) && (runId === '' || runId === token.runId);
  if (!sameRun || token.namespaceId !== namespace.id || token.descending !== descending) {
    throw invalidArgument('The page token belongs to another request: send the same namespace and execution with it, or none of it.');
  }
  return token;
}

const tokenKey = (token: HistoryPageToken): MachineKey => ({ kind: WORKFLOW_KIND, namespace: token.namespaceId, key: token.workflowId, machine: token.runId });
