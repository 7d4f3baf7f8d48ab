/**
 * Resets one execution for a batch job: the courier of such messages. It finds the event to reset to, which depends on the run's history,
 * and then does what ResetWorkflowExecution does.
 *
 * The message may come twice. The request id tells: the base knows the run that its reset made, and that run knows the request.
 */
import type { Courier } from '../host/host.js';
import { BATCH_RESET_KIND, type BatchResetMessage } from '../machines/batch/index.js';
import type { DoneReply, WorkflowState } from '../machines/workflow/index.js';
import { Code, EventType, History, ResetType, ResetWorkflowExecutionRequest, RpcError, type HistoryEvent } from '../protocol/index.js';
import { executionNotFound, invalidArgument } from './refusals.js';
import { readPage } from './history-page.js';
import { resetRun } from './reset.js';
import type { Rooms } from './rooms.js';
import { executionKey } from './workflow.js';

/** Each holds a state and a page or two of history. */
const AT_ONCE = 8;
const PAGE_EVENTS = 500;

interface Base {
  readonly runId: string;
  readonly lastEventId: number;
  /** The run that the latest reset of this one made; empty without one. */
  readonly resetRunId: string;
  readonly resetRequestId: string;
  readonly resetPoints: readonly { readonly buildId: string; readonly runId: string; readonly eventId: number; readonly resettable: boolean }[];
}

interface Target {
  readonly runId: string;
  readonly eventId: number;
}

export class BatchResetCourier implements Courier {
  readonly kind = BATCH_RESET_KIND;
  readonly #waiting: (() => void)[] = [];
  #rooms: Rooms | undefined;
  #underWay = 0;

  /** Until then nothing is reached: the host needs its couriers before there is anything to read. */
  open(rooms: Rooms): void {
    this.#rooms = rooms;
  }

  async deliver(input: unknown): Promise<DoneReply | RpcError> {
    if (this.#rooms === undefined) throw new RpcError(Code.UNAVAILABLE, 'The server is starting.');
    // What waits is bounded by the windows of the jobs.
    if (this.#underWay >= AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#underWay += 1;
    try {
      await reset(this.#rooms, input as BatchResetMessage);
      return { kind: 'done' };
    } catch (error) {
      if (error instanceof RpcError) return error;
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }
}

async function reset(rooms: Rooms, message: BatchResetMessage): Promise<void> {
  const { workflowId, runId, requestId, reason, operation } = message;
  const base = await baseOf(rooms, message, runId);
  if (base.resetRequestId === requestId || (await isDone(rooms, message, base))) return;
  const target = await targetOf(rooms, message, base);
  const { options, identity, postResetOperations } = operation;
  const namespace = rooms.namespaces.getById(message.namespace);
  const request = ResetWorkflowExecutionRequest.create({
    requestId,
    reason,
    identity,
    postResetOperations,
    workflowTaskFinishEventId: target.eventId,
    resetReapplyType: options?.resetReapplyType ?? operation.resetReapplyType,
    resetReapplyExcludeTypes: options?.resetReapplyExcludeTypes ?? [],
  });
  await resetRun(rooms, namespace, { workflowId, runId: target.runId }, request);
}

async function baseOf({ host, namespaces }: Rooms, { namespace, workflowId }: BatchResetMessage, runId: string): Promise<Base> {
  const base = await host.read(executionKey(namespaces.getById(namespace), { workflowId, runId }), (state: WorkflowState | undefined): Base | undefined => {
    if (state === undefined) return undefined;
    const { run } = state;
    const resetPoints = run.resetPoints.map((point) => ({ buildId: point.buildId, runId: point.runId || run.runId, eventId: point.firstWorkflowTaskCompletedId, resettable: point.resettable }));
    return { runId: run.runId, lastEventId: run.lastEventId, resetRunId: run.resetRunId, resetRequestId: run.resetRequestId, resetPoints };
  });
  if (base === undefined) throw executionNotFound(workflowId, runId);
  return base;
}

/** An earlier delivery of the same message has reset it. */
async function isDone(rooms: Rooms, message: BatchResetMessage, { resetRunId }: Base): Promise<boolean> {
  if (resetRunId === '') return false;
  const made = await baseOf(rooms, message, resetRunId).catch(() => undefined);
  return made?.resetRequestId === message.requestId;
}

async function targetOf(rooms: Rooms, { operation }: BatchResetMessage, base: Base): Promise<Target> {
  const { options } = operation;
  const { runId } = base;
  if (options?.workflowTaskId !== undefined) return { runId, eventId: options.workflowTaskId };
  if (options?.buildId !== undefined) return buildTarget(base, options.buildId, options.currentRunOnly);
  const isFirst = options === undefined ? operation.resetType === ResetType.FIRST_WORKFLOW_TASK : options.firstWorkflowTask !== undefined;
  const eventId = isFirst ? await firstTask(rooms, base) : await lastTask(rooms, base);
  if (eventId === undefined) throw invalidArgument('unable to find any scheduled or completed task');
  return { runId, eventId };
}

function buildTarget({ runId, resetPoints }: Base, buildId: string, currentRunOnly: boolean): Target {
  const point = resetPoints.find((candidate) => candidate.buildId === buildId && candidate.resettable);
  if (point === undefined) throw invalidArgument(`Can't find reset point for Build ID "${buildId}".`);
  if (point.runId !== runId && currentRunOnly) throw invalidArgument(`The reset point for Build ID "${buildId}" is in an earlier run, and the reset is limited to the current one.`);
  return point;
}

/** The end of the first workflow task; of one that has not ended, the place where it will. */
async function firstTask({ host }: Rooms, { runId, lastEventId }: Base): Promise<number | undefined> {
  let scheduled: number | undefined;
  for (let from = 1; from <= lastEventId; ) {
    const page = await readPage(host, runId, from, lastEventId, { maxEvents: PAGE_EVENTS });
    for (const event of eventsOf(page.bytes)) {
      if (event.eventType === EventType.WORKFLOW_TASK_COMPLETED) return event.eventId;
      if (event.eventType === EventType.WORKFLOW_TASK_SCHEDULED) scheduled ??= event.eventId + 1;
    }
    if (page.lastEventId < from) break;
    from = page.lastEventId + 1;
  }
  return scheduled;
}

/** The end of the last workflow task that completed; without one, as for the first. */
async function lastTask(rooms: Rooms, base: Base): Promise<number | undefined> {
  for (let to = base.lastEventId; to > 0; to -= PAGE_EVENTS) {
    const events = await eventsBetween(rooms, base.runId, Math.max(1, to - PAGE_EVENTS + 1), to);
    const completed = events.findLast((event) => event.eventType === EventType.WORKFLOW_TASK_COMPLETED);
    if (completed !== undefined) return completed.eventId;
  }
  return firstTask(rooms, base);
}

/** A page may end early, if its events are large. */
async function eventsBetween({ host }: Rooms, runId: string, first: number, last: number): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (let from = first; from <= last; ) {
    const page = await readPage(host, runId, from, last, { maxEvents: PAGE_EVENTS });
    if (page.lastEventId < from) break;
    events.push(...eventsOf(page.bytes));
    from = page.lastEventId + 1;
  }
  return events;
}

const eventsOf = (bytes: Uint8Array): readonly HistoryEvent[] => History.decode(new Uint8Array(bytes)).events;
