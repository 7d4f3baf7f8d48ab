/** Batch operations as clients see them: start, stop, describe, list. The work is the batch machine's (`machines/batch/`). */
import { BATCH_KIND, describeBatch, targetKind, type BatchReply, type BatchState, type StartBatchInput } from '../machines/batch/index.js';
import type { MachineKey } from '../machines/machine.js';
import { BatchOperationInfo, StartBatchOperationRequest, WorkflowExecutionStatus, WorkflowService } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { checkBatch, digestOf, executionsOf, queryOf } from './batch-validation.js';
import { listPage, totalOf } from './list-page.js';
import type { ServedNamespace } from './namespace-registry.js';
import { concurrentLimit, invalidArgument, notFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { listedOf } from './standalone-list.js';
import { checkLength, pageSize, required } from './validation.js';
import { listQuery } from './visibility.js';

export function addBatchHandlers(router: Router, rooms: Rooms): void {
  const { host, namespaces } = rooms;
  const starts = new StartsUnderWay(rooms);

  router.add(WorkflowService.StartBatchOperation, async (request) => {
    // Also in a namespace that is deprecated: what runs there has to be brought to an end.
    const namespace = namespaces.get(request.namespace);
    checkBatch(request, namespace.limits);
    await starts.start(namespace, request);
    return {};
  });

  router.add(WorkflowService.StopBatchOperation, async ({ namespace: name, jobId, reason, identity }) => {
    const namespace = namespaces.get(name);
    required('JobId', jobId, namespace.limits);
    required('Reason', reason, namespace.limits);
    checkLength('Identity', identity, namespace.limits);
    await host.send<BatchReply>(batchKey(namespace, jobId), { type: 'stop', reason, identity });
    return {};
  });

  router.add(WorkflowService.DescribeBatchOperation, async ({ namespace: name, jobId }) => {
    const namespace = namespaces.get(name);
    required('JobId', jobId, namespace.limits);
    const described = await host.read(batchKey(namespace, jobId), (state: BatchState | undefined) => state && describeBatch(state));
    if (described === undefined) throw notFound(`There is no batch operation "${jobId}".`);
    return described;
  });

  router.add(WorkflowService.ListBatchOperations, async (request) => {
    const namespace = namespaces.get(request.namespace);
    const limit = pageSize(request.pageSize, namespace.limits.listPageSize, namespace.limits);
    const { items, nextPageToken } = await listPage(host, { kind: BATCH_KIND, namespace: namespace.id, limit }, request.nextPageToken);
    const operationInfo = items.flatMap(({ listing }) => (listing === undefined ? [] : BatchOperationInfo.decode(listing)));
    return { operationInfo, nextPageToken };
  });
}

function batchKey(namespace: ServedNamespace, jobId: string): MachineKey {
  return { kind: BATCH_KIND, namespace: namespace.id, key: jobId };
}

/** Jobs of a namespace that run are counted in the list; those that are being started are not in it yet. */
class StartsUnderWay {
  readonly #counts = new Map<string, number>();

  constructor(readonly rooms: Rooms) {}

  async start(namespace: ServedNamespace, request: StartBatchOperationRequest): Promise<void> {
    const { id, limits } = namespace;
    const others = this.#counts.get(id) ?? 0;
    this.#counts.set(id, others + 1);
    try {
      const input = await this.#input(namespace, request);
      const isKnown = await this.rooms.host.read(batchKey(namespace, request.jobId), (state: BatchState | undefined) => state !== undefined);
      if (!isKnown && (await this.#running(namespace)) + others >= limits.batchJobs) {
        throw concurrentLimit(`Max concurrent batch operations is reached: ${limits.batchJobs} run in this namespace. Start this one when another has ended.`);
      }
      await this.rooms.host.send<BatchReply>(batchKey(namespace, request.jobId), input);
    } finally {
      const left = (this.#counts.get(id) ?? 1) - 1;
      if (left === 0) this.#counts.delete(id);
      else this.#counts.set(id, left);
    }
  }

  async #running({ id }: ServedNamespace): Promise<number> {
    const condition = { kind: 'compare', attribute: 'ExecutionStatus', operator: '=', value: WorkflowExecutionStatus.RUNNING } as const;
    return totalOf(await this.rooms.host.count({ kind: BATCH_KIND, namespace: id, condition }));
  }

  async #input(namespace: ServedNamespace, request: StartBatchOperationRequest): Promise<StartBatchInput> {
    const { limits } = namespace;
    const executions = executionsOf(request, limits);
    const query = queryOf(request);
    const { maxOperationsPerSecond: asked } = request;
    const most = limits.batchOperationsPerSecond;
    return {
      type: 'start',
      request: { ...request, executions, targetExecutions: [] },
      query,
      digest: digestOf(StartBatchOperationRequest.encode(request)),
      expected: query === '' ? executions.length : await this.#found(namespace, request, query),
      perSecond: asked > 0 && (most === 0 || asked < most) ? asked : most,
      window: limits.batchConcurrency,
      pageSize: limits.batchPageSize,
    };
  }

  async #found(namespace: ServedNamespace, request: StartBatchOperationRequest, query: string): Promise<number> {
    const now = this.rooms.clock.now();
    const kind = targetKind(request);
    const listed = listedOf(kind);
    // First as it was written: then positions in a refusal are those of the client's text.
    const { order } = listQuery(request.visibilityQuery, namespace, now, listed);
    if (order.length > 0) throw invalidArgument("invalid query: operation is not supported: 'ORDER BY' clause in a batch operation. Leave it out.");
    const { condition } = listQuery(query, namespace, now, listed);
    return totalOf(await this.rooms.host.count({ kind, namespace: namespace.id, condition }));
  }
}
