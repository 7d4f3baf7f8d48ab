/**
 * Starts workflow executions and gives handles of them.
 *
 * Each method is one request to the server, made through the connection's retries. Request ids are chosen before the first attempt, so a
 * request that is sent twice takes effect once.
 */
import { randomUUID } from 'node:crypto';
import {
  Code,
  QueryFailedFailure,
  RpcError,
  WorkflowService,
  type History,
  type HistoryEvent,
  type Init,
  type Method,
} from '../../protocol/index.js';
import {
  decodeArrayFromPayloads,
  decodeFromBytesAtIndex,
  encodeToBytes,
  extractWorkflowType,
  queryRejectConditions,
  WorkflowExecutionAlreadyStartedError,
  type QueryDefinition,
  type QueryRejectCondition,
  type SignalDefinition,
  type WithWorkflowArgs,
  type Workflow,
  type WorkflowResultType,
} from '../common/index.js';
import { BaseClient, type BaseClientOptions } from './base-client.js';
import { QueryNotRegisteredError, QueryRejectedError } from './errors.js';
import { rethrowRequestError, type RequestSubject } from './request-errors.js';
import { descriptionFromRaw, executionInfoFromRaw, type WorkflowExecutionDescription, type WorkflowExecutionInfo } from './workflow-description.js';
import type {
  GetWorkflowHandleOptions,
  WorkflowHandle,
  WorkflowHandleWithFirstExecutionRunId,
  WorkflowHandleWithSignaledRunId,
  WorkflowResultOptions,
} from './workflow-handle.js';
import { startRequest, type WorkflowOptions, type WorkflowSignalWithStartOptions, type WorkflowStartOptions } from './workflow-options.js';
import { decodeFailureBytes, eventsOf, waitForResult } from './workflow-result.js';

export interface WorkflowClientOptions extends BaseClientOptions {
  /** Refuses queries by the execution's status. Default: none is refused. */
  queryRejectCondition?: QueryRejectCondition;
}

export interface ListOptions {
  /** Which executions, and in what order, in the list query language. Default: all, newest first. */
  query?: string;
  /** How many the server gives at a time. Default: the server's. */
  pageSize?: number;
}

/** A count, in total and for each group if the query groups. */
export interface CountWorkflowExecution {
  readonly count: number;
  readonly groups: readonly { readonly count: number; readonly groupValues: unknown[] }[];
}

/** Which runs a handle's methods are about. */
interface Target {
  readonly workflowId: string;
  readonly runId?: string | undefined;
  readonly firstExecutionRunId?: string | undefined;
}

export class WorkflowClient extends BaseClient {
  readonly #queryRejectCondition: QueryRejectCondition | undefined;

  constructor(options: WorkflowClientOptions = {}) {
    super(options);
    this.#queryRejectCondition = options.queryRejectCondition;
  }

  /**
   * Starts an execution; resolves when the server has it.
   *
   * @throws WorkflowExecutionAlreadyStartedError if the id is taken and the id policies refuse.
   * @example const handle = await client.workflow.start(orderWorkflow, { args: [order], taskQueue: 'orders', workflowId: order.id });
   */
  async start<T extends Workflow>(
    workflowTypeOrFunc: string | T,
    options: WorkflowStartOptions<T>,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<T>> {
    const workflowType = extractWorkflowType(workflowTypeOrFunc);
    const request = await startRequest(workflowType, options, this.#startContext());
    const subject = { namespace: this.namespace, workflowId: options.workflowId };
    const { runId } = await this.#startCall(WorkflowService.StartWorkflowExecution, request, workflowType, subject);
    const target = { workflowId: options.workflowId, firstExecutionRunId: runId };
    return Object.assign(this.#handle<T>(target, { runId, followRuns: options.followRuns }), { firstExecutionRunId: runId });
  }

  /** Starts an execution and waits for its result. @throws what `start` and `result` throw. */
  async execute<T extends Workflow>(workflowTypeOrFunc: string | T, options: WorkflowStartOptions<T>): Promise<WorkflowResultType<T>> {
    const handle = await this.start(workflowTypeOrFunc, options);
    return handle.result();
  }

  /** Sends a signal; starts the execution first if none with the id is running. Both or neither happen. */
  async signalWithStart<T extends Workflow, SignalArgs extends unknown[] = []>(
    workflowTypeOrFunc: string | T,
    options: WithWorkflowArgs<T, WorkflowSignalWithStartOptions<SignalArgs>>,
  ): Promise<WorkflowHandleWithSignaledRunId<T>> {
    const workflowType = extractWorkflowType(workflowTypeOrFunc);
    const given: WorkflowOptions & { args?: readonly unknown[]; signal: { name: string } | string; signalArgs?: readonly unknown[] } = options;
    const request = {
      ...(await startRequest(workflowType, given, this.#startContext())),
      signalName: nameOf(given.signal),
      signalInput: await encodeToBytes(this.dataConverter, ...(given.signalArgs ?? [])),
    };
    const subject = { namespace: this.namespace, workflowId: given.workflowId };
    const { runId } = await this.#startCall(WorkflowService.SignalWithStartWorkflowExecution, request, workflowType, subject);
    const handle = this.#handle<T>({ workflowId: given.workflowId }, { runId, followRuns: given.followRuns });
    return Object.assign(handle, { signaledRunId: runId });
  }

  /**
   * A handle of an execution that exists; makes no request. Without `runId` it means the latest run at the time of each call.
   *
   * @example const handle = client.workflow.getHandle<typeof orderWorkflow>('order-4711');
   */
  getHandle<T extends Workflow>(workflowId: string, runId?: string, options: GetWorkflowHandleOptions = {}): WorkflowHandle<T> {
    const { firstExecutionRunId, followRuns } = options;
    return this.#handle<T>({ workflowId, runId, firstExecutionRunId }, { runId: runId ?? firstExecutionRunId, followRuns });
  }

  /** The outcome of an execution, by ids. @throws WorkflowFailedError, WorkflowContinuedAsNewError, WorkflowNotFoundError, ServiceError */
  async result<T extends Workflow>(workflowId: string, runId?: string, options: WorkflowResultOptions = {}): Promise<WorkflowResultType<T>> {
    const { connection, dataConverter, namespace } = this;
    const request = { connection, dataConverter, namespace, workflowId, runId, followRuns: options.followRuns ?? true };
    try {
      return await waitForResult<WorkflowResultType<T>>(request);
    } catch (error) {
      rethrowRequestError(error, `Cannot get the result of workflow '${workflowId}'`, { namespace, workflowId, runId });
    }
  }

  /**
   * The executions that match a query, page by page as they are consumed.
   *
   * @example for await (const execution of client.workflow.list({ query: "WorkflowType = 'order'" })) console.log(execution.workflowId);
   */
  async *list(options: ListOptions = {}): AsyncGenerator<WorkflowExecutionInfo, void, undefined> {
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace: this.namespace, query: options.query, pageSize: options.pageSize, nextPageToken };
      const page = await this.#request(WorkflowService.ListWorkflowExecutions, request, 'Cannot list workflow executions');
      for (const info of page.executions) yield await executionInfoFromRaw(info, this.dataConverter, info);
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
  }

  /** How many executions match a query. */
  async count(query?: string): Promise<CountWorkflowExecution> {
    const request = { namespace: this.namespace, query };
    const { count, groups } = await this.#request(WorkflowService.CountWorkflowExecutions, request, 'Cannot count workflow executions');
    const values = groups.map(async (group) => ({
      count: group.count,
      groupValues: await decodeArrayFromPayloads({ ...this.dataConverter, payloadCodecs: [] }, group.groupValues),
    }));
    return { count, groups: await Promise.all(values) };
  }

  #handle<T extends Workflow>(target: Target, ofResult: { runId: string | undefined; followRuns?: boolean | undefined }): WorkflowHandle<T> {
    const resultOptions = { followRuns: ofResult.followRuns ?? true };
    return {
      client: this,
      workflowId: target.workflowId,
      ...(target.runId === undefined ? {} : { runId: target.runId }),
      result: () => this.result<T>(target.workflowId, ofResult.runId, resultOptions),
      signal: <Args extends unknown[]>(def: SignalDefinition<Args> | string, ...args: Args) => this.#signal(target, nameOf(def), args),
      query: <Ret, Args extends unknown[]>(def: QueryDefinition<Ret, Args> | string, ...args: Args) => this.#query<Ret>(target, nameOf(def), args),
      cancel: () => this.#cancel(target),
      terminate: (reason?: string) => this.#terminate(target, reason),
      describe: () => this.#describe(target),
      fetchHistory: () => this.#fetchHistory(target),
    };
  }

  async #signal(target: Target, signalName: string, args: readonly unknown[]): Promise<void> {
    const request = {
      namespace: this.namespace,
      identity: this.identity,
      requestId: randomUUID(),
      workflowExecution: executionOf(target),
      signalName,
      input: await encodeToBytes(this.dataConverter, ...args),
    };
    await this.#request(WorkflowService.SignalWorkflowExecution, request, 'Cannot signal the workflow', target);
  }

  async #query<Ret>(target: Target, queryType: string, args: readonly unknown[]): Promise<Ret> {
    const request = {
      namespace: this.namespace,
      execution: executionOf(target),
      query: { queryType, queryArgs: await encodeToBytes(this.dataConverter, ...args) },
      queryRejectCondition: queryRejectConditions.encode(this.#queryRejectCondition),
    };
    try {
      const { queryRejected, queryResult } = await this.call(WorkflowService.QueryWorkflow, request);
      if (queryRejected !== undefined) throw new QueryRejectedError(queryRejected.status);
      return await decodeFromBytesAtIndex<Ret>(this.dataConverter, 0, queryResult);
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.INVALID_ARGUMENT) {
        const cause = await decodeFailureBytes(this.dataConverter, error.detail(QueryFailedFailure)?.failure);
        throw new QueryNotRegisteredError(error.message, error.code, cause);
      }
      rethrowRequestError(error, 'Cannot query the workflow', { namespace: this.namespace, ...target });
    }
  }

  #cancel(target: Target) {
    const request = {
      namespace: this.namespace,
      identity: this.identity,
      requestId: randomUUID(),
      workflowExecution: executionOf(target),
      firstExecutionRunId: target.firstExecutionRunId,
    };
    return this.#request(WorkflowService.RequestCancelWorkflowExecution, request, 'Cannot cancel the workflow', target);
  }

  #terminate(target: Target, reason: string | undefined) {
    const request = {
      namespace: this.namespace,
      identity: this.identity,
      workflowExecution: executionOf(target),
      firstExecutionRunId: target.firstExecutionRunId,
      reason,
    };
    return this.#request(WorkflowService.TerminateWorkflowExecution, request, 'Cannot terminate the workflow', target);
  }

  async #describe(target: Target): Promise<WorkflowExecutionDescription> {
    const request = { namespace: this.namespace, execution: executionOf(target) };
    const response = await this.#request(WorkflowService.DescribeWorkflowExecution, request, 'Cannot describe the workflow', target);
    return descriptionFromRaw(response, this.dataConverter);
  }

  async #fetchHistory(target: Target): Promise<History> {
    const events: HistoryEvent[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace: this.namespace, execution: executionOf(target), nextPageToken };
      const page = await this.#request(WorkflowService.GetWorkflowExecutionHistory, request, 'Cannot fetch the history', target);
      events.push(...eventsOf(page));
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
    return { events };
  }

  #startContext() {
    return { namespace: this.namespace, identity: this.identity, dataConverter: this.dataConverter };
  }

  async #startCall<Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    workflowType: string,
    subject: RequestSubject & { workflowId: string },
  ): Promise<Response> {
    try {
      return await this.call(method, request);
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.ALREADY_EXISTS) {
        throw new WorkflowExecutionAlreadyStartedError('Workflow execution already started', subject.workflowId, workflowType);
      }
      rethrowRequestError(error, `Cannot start workflow '${subject.workflowId}'`, { namespace: subject.namespace });
    }
  }

  async #request<Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    what: string,
    target?: Target,
  ): Promise<Response> {
    try {
      return await this.call(method, request);
    } catch (error) {
      rethrowRequestError(error, what, { namespace: this.namespace, ...target });
    }
  }
}

function nameOf(definition: { readonly name: string } | string): string {
  return typeof definition === 'string' ? definition : definition.name;
}

function executionOf({ workflowId, runId }: Target): { workflowId: string; runId: string | undefined } {
  return { workflowId, runId };
}
