/**
 * ResetWorkflowExecution.
 *
 * The history before the reset point is copied page by page, and what came after it is searched for what is to be told again, while the
 * runs go on. Only then is the reset decided, by whichever run is current at that moment, with everything that this run has written by
 * then. If another run has become current meanwhile, all begins again.
 */
import { HistoryFork, ReapplyCollector, WORKFLOW_KIND, reapplyKinds, type ForkedRun, type ResetInput, type StartReply } from '../machines/workflow/index.js';
import type { ServedNamespace } from './namespace-registry.js';
import { Code, ResetReapplyExcludeType, ResetReapplyType, RpcError, WorkflowExecutionStatus, WorkflowService, type ResetWorkflowExecutionRequest, type WorkflowExecution } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { sliceHistory } from './history-events.js';
import { readPage } from './history-page.js';
import { busyWorkflow, executionNotFound, invalidArgument, overloaded } from './refusals.js';
import type { Rooms } from './rooms.js';
import { viewRun, type QueryableRun } from './run-view.js';
import type { NamespaceLimits } from './request-limits.js';
import { checkBlob, checkLength, checkLinks, required, requiredExecution } from './validation.js';
import { executionKey } from './workflow.js';

/** Resets that are prepared at the same time: each holds a state and a page or two of history. */
const AT_ONCE = 100;
/** Events copied in one go: a few milliseconds. */
const PAGE_EVENTS = 2_000;
/** Copied history beyond this is written before the reset is decided, so that no commit gets long. */
const PREPARED_BYTES = 1024 * 1024;
/** How often the current run may change, or write more than memory holds, while a reset is prepared. */
const ATTEMPTS = 10;

export function addResetHandlers(router: Router, rooms: Rooms): void {
  let underWay = 0;
  router.add(WorkflowService.ResetWorkflowExecution, async (request) => {
    const namespace = rooms.namespaces.get(request.namespace);
    const execution = requiredExecution(request.workflowExecution);
    required('RequestId', request.requestId, namespace.limits);
    checkLength('Reason', request.reason, namespace.limits);
    checkLength('Identity', request.identity, namespace.limits);
    checkWhat(request, namespace.limits);
    if (underWay >= AT_ONCE) throw overloaded(`${AT_ONCE} resets are being prepared, which is the limit. Send the request again later.`);
    underWay += 1;
    try {
      return { runId: await resetRun(rooms, namespace, execution, request) };
    } finally {
      underWay -= 1;
    }
  });
}

/** What ResetWorkflowExecution does with a request that was checked. */
export async function resetRun(rooms: Rooms, namespace: ServedNamespace, execution: WorkflowExecution, request: ResetWorkflowExecutionRequest): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const reset = new Reset(rooms, namespace, execution, request);
    try {
      const runId = await reset.run();
      if (runId !== undefined) return runId;
    } finally {
      await reset.cleanUp();
    }
  }
  throw busyWorkflow('The workflow changed again and again while its reset was prepared. Send the request again.');
}

/** @throws RpcError INVALID_ARGUMENT if what is to be told again, or done to the new run, cannot be. */
export function checkWhat({ postResetOperations, resetReapplyType, resetReapplyExcludeTypes }: Pick<ResetWorkflowExecutionRequest, 'postResetOperations' | 'resetReapplyType' | 'resetReapplyExcludeTypes'>, limits: NamespaceLimits): void {
  if (!Object.values<number>(ResetReapplyType).includes(resetReapplyType)) throw invalidArgument(`ResetReapplyType ${resetReapplyType} is unknown.`);
  const unknown = resetReapplyExcludeTypes.find((type) => !Object.values<number>(ResetReapplyExcludeType).includes(type));
  if (unknown !== undefined) throw invalidArgument(`ResetReapplyExcludeType ${unknown} is unknown.`);
  for (const { signalWorkflow } of postResetOperations) {
    if (signalWorkflow === undefined) continue;
    checkLength('SignalName', signalWorkflow.signalName, limits);
    checkBlob('Signal input', signalWorkflow.input, limits);
    checkLinks(signalWorkflow.links, limits);
  }
}

class Reset {
  readonly #collector: ReapplyCollector;
  readonly #newRunId: string;

  constructor(
    readonly rooms: Rooms,
    readonly namespace: ServedNamespace,
    readonly execution: WorkflowExecution,
    readonly request: ResetWorkflowExecutionRequest,
  ) {
    this.#collector = new ReapplyCollector(reapplyKinds(request));
    this.#newRunId = rooms.random.uuid();
  }

  /** The new run's id; `undefined`: another run has become current meanwhile. */
  async run(): Promise<string | undefined> {
    const { requestId, workflowTaskFinishEventId: finish } = this.request;
    const latest = await this.#find('');
    if (latest !== undefined && latest.resetRequestId === requestId) return latest.runId;
    const base = latest !== undefined && this.execution.runId === '' ? latest : await this.#view(this.execution.runId);
    // The latest run may have been deleted. Then the base is the one that decides, as long as there is no other.
    const current = latest ?? base;
    if (finish <= 1 || finish > base.lastEventId) throw invalidArgument(`WorkflowTaskFinishEventId must be > 1 and <= the last event id of the run, which is ${base.lastEventId}.`);
    const fork = await this.#fork(base, finish);
    const chainEnd = await this.#collectChain(base, finish, current.runId);
    return this.#decide(base, fork, current.runId, chainEnd, latest === undefined);
  }

  /** What was written of a new run that nobody got. */
  async cleanUp(): Promise<void> {
    await this.rooms.host.discard(this.#newRunId);
  }

  #newRunKey() {
    return { kind: WORKFLOW_KIND, namespace: this.namespace.id, key: this.execution.workflowId, machine: this.#newRunId };
  }

  #find(runId: string): Promise<QueryableRun | undefined> {
    return this.rooms.host.read(executionKey(this.namespace, { ...this.execution, runId }), viewRun);
  }

  async #view(runId: string): Promise<QueryableRun> {
    const view = await this.#find(runId);
    if (view === undefined) throw executionNotFound(this.execution.workflowId, runId);
    return view;
  }

  async #fork(base: QueryableRun, finish: number): Promise<ForkedRun> {
    const { host, clock } = this.rooms;
    const created = {
      namespaceId: this.namespace.id,
      namespace: this.namespace.name,
      workflowId: base.workflowId,
      runId: this.#newRunId,
      requestId: base.createRequestId,
      scheduleWatch: base.scheduleWatch,
    };
    const fork = new HistoryFork(created, clock.now());
    while (fork.nextEventId < finish) {
      const page = await readPage(host, base.runId, fork.nextEventId, finish - 1, { maxEvents: PAGE_EVENTS });
      if (page.lastEventId < fork.nextEventId) throw executionNotFound(base.workflowId, base.runId);
      fork.add(new Uint8Array(page.bytes), page.lastEventId);
      if (fork.sizeBytes > PREPARED_BYTES) await host.prepare(this.#newRunKey(), fork.takeRecords());
      else await this.#turn();
    }
    const forked = fork.end();
    if (forked === undefined) {
      throw invalidArgument(`Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: ${finish}. Name the event that ended a workflow task.`);
    }
    return forked;
  }

  /** Collects what came later, up to the durable end of the last run of the chain that is left. Tells how far the run was read that decides. */
  async #collectChain(base: QueryableRun, finish: number, currentRunId: string): Promise<number | undefined> {
    let readTo: number | undefined;
    let from = finish;
    for (let run: QueryableRun | undefined = base; run !== undefined; run = await this.#nextOf(run)) {
      const end: number = await this.#collect(run, from, run === base);
      if (run.runId === currentRunId) readTo = end;
      from = 1;
    }
    return readTo;
  }

  /** A run that was deleted ends the chain. */
  async #nextOf({ status, successorRunId }: QueryableRun): Promise<QueryableRun | undefined> {
    return status === WorkflowExecutionStatus.CONTINUED_AS_NEW ? await this.#find(successorRunId) : undefined;
  }

  async #collect(run: QueryableRun, from: number, isBase: boolean): Promise<number> {
    let next = from;
    for (let more = true; more; ) {
      const page = await readPage(this.rooms.host, run.runId, next, run.lastEventId);
      this.#collector.add(page.bytes, isBase);
      this.#checkSize();
      await this.#turn();
      more = page.more && page.lastEventId >= next;
      next = page.lastEventId + 1;
    }
    return next - 1;
  }

  /** Reads from memory and from the store may come at once: everybody else has to have a turn as well. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.rooms.clock.defer(resolve));
  }

  #checkSize(): void {
    const { historySizeBytes } = this.namespace.limits;
    if (this.#collector.sizeBytes <= historySizeBytes) return;
    throw new RpcError(Code.FAILED_PRECONDITION, `What is to be reapplied is larger than a history may be (${historySizeBytes} bytes). Exclude some of it with reset_reapply_exclude_types.`);
  }

  async #decide(base: QueryableRun, fork: ForkedRun, currentRunId: string, readTo: number | undefined, isLast: boolean): Promise<string | undefined> {
    const { requestId, reason, identity, postResetOperations: operations } = this.request;
    const inChain = readTo !== undefined;
    const reply = await this.rooms.host.sendAfterHistory<StartReply>(
      executionKey(this.namespace, { ...this.execution, runId: isLast ? base.runId : '' }),
      readTo ?? Number.POSITIVE_INFINITY,
      (machine, newer): ResetInput | undefined => {
        if (machine !== currentRunId) return undefined;
        for (const { bytes, lastEventId } of newer) this.#collector.add(sliceHistory(bytes, (readTo ?? 0) + 1, lastEventId).bytes, machine === base.runId);
        const { events: reapply, kinds } = this.#collector;
        return { type: 'reset', requestId, reason, identity, operations, baseRunId: base.runId, fork, reapply, ownKinds: inChain ? kinds : undefined };
      },
    );
    return reply?.runId;
  }
}
