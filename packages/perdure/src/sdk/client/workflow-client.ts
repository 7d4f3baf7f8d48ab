/**
 * Starts workflow executions and gives handles of them.
 *
 * Each method is one request to the server, made through the interceptors and the connection's retries; see `workflow-calls.ts`.
 */
import {
  WorkflowService,
  type History,
  type HistoryEvent,
  type Init,
  type Method,
} from '../../protocol/index.js';
import {
  checkArguments,
  decodeSearchAttributeValue,
  extractWorkflowTypeAndConfig,
  type PayloadTypeInfo,
  type QueryDefinition,
  type QueryRejectCondition,
  type SignalTypeInfo,
  typeInfoOf,
  type SignalDefinition,
  type UpdateDefinition,
  WorkflowNotFoundError,
  type LoadedDataConverter,
  type WorkflowQueryOptions,
  type WithWorkflowArgs,
  type Workflow,
  type WorkflowResultType,
} from '../common/index.js';
import { inWorkflow } from '../common/serialization-context.js';
import { BaseClient, type BaseClientOptions } from './base-client.js';
import { carried, extrasOf, type CallExtras } from './call-extras.js';
import type { CompiledWorkflowOptions, WorkflowClientInterceptor, WorkflowExecutionIds } from './interceptors.js';
import { rethrowRequestError } from './request-errors.js';
import { callUpdate, callUpdateWithStart } from './update-calls.js';
import { interceptedCalls, type CallContext, type WorkflowCalls } from './workflow-calls.js';
import { descriptionFromRaw, executionInfoFromRaw, type WorkflowExecutionInfo } from './workflow-description.js';
import type {
  GetWorkflowHandleOptions,
  WorkflowHandle,
  WorkflowHandleWithStartDetails,
  WorkflowHandleWithSignaledRunId,
  WorkflowResultOptions,
} from './workflow-handle.js';
import type { WorkflowOptions, WorkflowSignalWithStartOptions, WorkflowStartOptions } from './workflow-options.js';
import { workflowList, type AsyncWorkflowListIterable } from './workflow-list.js';
import { eventsOf, waitForResult } from './workflow-result.js';
import type { WithStartWorkflowOperation } from './update-with-start.js';
import {
  startStage,
  updateHandle,
  type GetWorkflowUpdateHandleOptions,
  type WithUpdateArgs,
  type WorkflowUpdateHandle,
  type WorkflowUpdateOptions,
} from './workflow-update.js';

export interface WorkflowClientOptions extends BaseClientOptions {
  /** Refuses queries by the execution's status. Default: none is refused. */
  queryRejectCondition?: QueryRejectCondition;
  /** Code around each call. The first is the outermost. */
  interceptors?: readonly WorkflowClientInterceptor[];
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

type GivenUpdateOptions = WorkflowUpdateOptions & { readonly args?: readonly unknown[] };

/** Which runs a handle's methods are about. */
interface Target {
  readonly workflowId: string;
  readonly runId?: string | undefined;
  readonly firstExecutionRunId?: string | undefined;
}

/** An update by its definition, as far as a request needs it. */
interface NamedUpdate {
  readonly name: string;
  readonly typeInfo?: PayloadTypeInfo;
}

/** Of which run a handle's `result` is, and how it travels. */
interface OfResult {
  readonly runId: string | undefined;
  readonly followRuns?: boolean | undefined;
  readonly typeInfo?: PayloadTypeInfo | undefined;
}

export class WorkflowClient extends BaseClient {
  readonly #rejection: { readonly queryRejectCondition?: QueryRejectCondition };
  readonly #interceptors: readonly WorkflowClientInterceptor[];
  readonly #calls: WorkflowCalls;

  constructor(options: WorkflowClientOptions = {}) {
    super(options);
    const { queryRejectCondition, interceptors = [] } = options;
    this.#rejection = queryRejectCondition === undefined ? {} : { queryRejectCondition };
    this.#interceptors = interceptors;
    this.#calls = interceptedCalls(this.#callContext(), interceptors);
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
  ): Promise<WorkflowHandleWithStartDetails<T>> {
    const { type: workflowType, typeInfo } = extractWorkflowTypeAndConfig(workflowTypeOrFunc, options.typeInfo);
    await checkArguments(workflowTypeOrFunc, withArgs(options).args);
    const { runId, eagerlyStarted } = await this.#calls.startWithDetails({ workflowType, headers: {}, options: withArgs(options, typeInfo) });
    const target = { workflowId: options.workflowId, firstExecutionRunId: runId };
    return Object.assign(this.#handle<T>(target, { runId, followRuns: options.followRuns, typeInfo }), { firstExecutionRunId: runId, eagerlyStarted });
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
    const { type: workflowType, typeInfo } = extractWorkflowTypeAndConfig(workflowTypeOrFunc, options.typeInfo);
    const given: WorkflowOptions & { args?: readonly unknown[]; signal: { name: string; typeInfo?: SignalTypeInfo } | string; signalArgs?: readonly unknown[]; signalTypeInfo?: SignalTypeInfo } = options;
    const { signal, signalArgs = [], signalTypeInfo: ofCall, ...rest } = given;
    const signalTypeInfo = typeInfoOf(signal, ofCall);
    await checkArguments(workflowTypeOrFunc, withArgs(rest).args);
    await checkArguments(signal, signalArgs);
    const runId = await this.#calls.signalWithStart({ workflowType, signalName: nameOf(signal), signalArgs, ...(signalTypeInfo && { signalTypeInfo }), headers: {}, options: withArgs(rest, typeInfo) });
    const handle = this.#handle<T>({ workflowId: given.workflowId }, { runId, followRuns: given.followRuns, typeInfo });
    return Object.assign(handle, { signaledRunId: runId });
  }

  /**
   * A handle of an execution that exists; makes no request. Without `runId` it means the latest run at the time of each call.
   *
   * @example const handle = client.workflow.getHandle<typeof orderWorkflow>('order-4711');
   */
  getHandle<T extends Workflow>(workflowId: string, runId?: string, options: GetWorkflowHandleOptions = {}): WorkflowHandle<T> {
    const { firstExecutionRunId, followRuns, typeInfo } = options;
    return this.#handle<T>({ workflowId, runId, firstExecutionRunId }, { runId: runId ?? firstExecutionRunId, followRuns, typeInfo }, extrasOf(options));
  }

  /** The outcome of an execution, by ids. @throws WorkflowFailedError, WorkflowContinuedAsNewError, WorkflowNotFoundError, ServiceError */
  async result<T extends Workflow>(workflowId: string, runId?: string, options: WorkflowResultOptions = {}): Promise<WorkflowResultType<T>> {
    const { connection, namespace } = this;
    const dataConverter = inWorkflow(this.dataConverter, namespace, workflowId);
    const request = { connection, dataConverter, namespace, workflowId, runId, followRuns: options.followRuns ?? true, outputType: options.typeInfo?.outputType };
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
  list(options: ListOptions = {}): AsyncWorkflowListIterable & AsyncGenerator<WorkflowExecutionInfo, void, undefined> {
    const fetch = (workflowId: string, runId: string): Promise<History | undefined> =>
      this.#fetchHistory({ workflowId, runId }).catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      });
    return workflowList(() => this.#list(options), fetch);
  }

  async *#list(options: ListOptions): AsyncGenerator<WorkflowExecutionInfo, void, undefined> {
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const request = { namespace: this.namespace, query: options.query, pageSize: options.pageSize, nextPageToken };
      const page = await this.#request(WorkflowService.ListWorkflowExecutions, request, 'Cannot list workflow executions');
      for (const info of page.executions) yield await executionInfoFromRaw(info, this.#converterOf(info.execution?.workflowId ?? ''), info);
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
  }

  /** How many executions match a query. */
  async count(query?: string): Promise<CountWorkflowExecution> {
    const request = { namespace: this.namespace, query };
    const { count, groups } = await this.#request(WorkflowService.CountWorkflowExecutions, request, 'Cannot count workflow executions');
    // Values of search attributes: neither codecs nor converters have a part in them.
    return { count, groups: groups.map((group) => ({ count: group.count, groupValues: group.groupValues.map(decodeSearchAttributeValue) })) };
  }

  /**
   * Sends an update; starts the execution first if none with the id is running. Both or neither happen. Waits for the update's result.
   *
   * @throws WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowExecutionAlreadyStartedError
   */
  async executeUpdateWithStart<T extends Workflow, Ret, Args extends unknown[] = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WithUpdateArgs<Args, WorkflowUpdateOptions & { readonly startWorkflowOperation: WithStartWorkflowOperation<T> }>,
  ): Promise<Ret> {
    const handle = await this.#updateWithStart<T, Ret>(def, options, 'COMPLETED');
    return handle.result();
  }

  /** Like {@link executeUpdateWithStart}, but waits only until the workflow has accepted the update. */
  async startUpdateWithStart<T extends Workflow, Ret, Args extends unknown[] = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WithUpdateArgs<
      Args,
      WorkflowUpdateOptions & { readonly waitForStage: 'ACCEPTED'; readonly startWorkflowOperation: WithStartWorkflowOperation<T> }
    >,
  ): Promise<WorkflowUpdateHandle<Ret>> {
    return this.#updateWithStart<T, Ret>(def, options, startStage(options.waitForStage));
  }

  async #updateWithStart<T extends Workflow, Ret>(
    def: NamedUpdate | string,
    options: WorkflowUpdateOptions & { readonly args?: readonly unknown[]; readonly startWorkflowOperation: WithStartWorkflowOperation<T> },
    stage: 'ACCEPTED' | 'COMPLETED',
  ): Promise<WorkflowUpdateHandle<Ret>> {
    const operation = options.startWorkflowOperation;
    operation.use();
    try {
      const given: WorkflowOptions & { args?: readonly unknown[] } = operation.options;
      const { type: workflowType, typeInfo } = extractWorkflowTypeAndConfig(operation.workflowTypeOrFunc, given.typeInfo);
      const { workflowId } = given;
      const { args = [], startWorkflowOperation: _, typeInfo: ofCall, ...updateOptions } = options;
      const updateTypeInfo = typeInfoOf(def, ofCall);
      await checkArguments(operation.workflowTypeOrFunc, given.args ?? []);
      await checkArguments(def, args);
      const input = {
        workflowType,
        workflowStartOptions: withArgs(given, typeInfo),
        workflowStartHeaders: {},
        updateName: nameOf(def),
        updateArgs: args,
        ...(updateTypeInfo && { updateTypeInfo }),
        updateOptions,
        updateHeaders: {},
      };
      const started = await callUpdateWithStart(this.#callContext(), this.#interceptors, stage, input, (runId) =>
        operation.started(this.#handle<T>({ workflowId, firstExecutionRunId: runId }, { runId, followRuns: given.followRuns, typeInfo })),
      );
      return updateHandle<Ret>(this.#callContext(), { workflowId }, started);
    } catch (error) {
      operation.failed(error);
      throw error;
    }
  }

  #handle<T extends Workflow>(target: Target, ofResult: OfResult, extras?: CallExtras): WorkflowHandle<T> {
    const { typeInfo } = ofResult;
    const resultOptions = { followRuns: ofResult.followRuns ?? true, ...(typeInfo && { typeInfo }) };
    const ids = { workflowExecution: executionOf(target), ...carried(extras) };
    const chain = target.firstExecutionRunId === undefined ? {} : { firstExecutionRunId: target.firstExecutionRunId };
    return {
      client: this,
      workflowId: target.workflowId,
      ...(target.runId === undefined ? {} : { runId: target.runId }),
      result: () => this.result<T>(target.workflowId, ofResult.runId, resultOptions),
      signal: async <Args extends unknown[]>(def: SignalDefinition<Args> | string, ...args: Args) => {
        await checkArguments(def, args);
        await this.#calls.signal({ signalName: nameOf(def), args, ...hints(typeInfoOf(def)), headers: {}, ...ids });
      },
      signalWithOptions: (signalName, { args = [], typeInfo }) => this.#calls.signal({ signalName, args, ...hints(typeInfo), headers: {}, ...ids }),
      query: async <Ret, Args extends unknown[]>(def: QueryDefinition<Ret, Args> | string, ...args: Args) => {
        await checkArguments(def, args);
        return (await this.#calls.query({ queryType: nameOf(def), args, ...hints(typeInfoOf(def)), headers: {}, ...ids, ...this.#rejection })) as Ret;
      },
      queryWithOptions: async <Ret>(queryType: string, { args = [], typeInfo }: WorkflowQueryOptions<unknown[]>) =>
        (await this.#calls.query({ queryType, args, ...hints(typeInfo), headers: {}, ...ids, ...this.#rejection })) as Ret,
      executeUpdate: async <Ret>(def: NamedUpdate | string, options?: GivenUpdateOptions) =>
        (await this.#update<Ret>(target, def, options ?? {}, 'COMPLETED')).result(),
      startUpdate: <Ret>(def: NamedUpdate | string, options: GivenUpdateOptions & { readonly waitForStage: 'ACCEPTED' }) =>
        this.#update<Ret>(target, def, options, startStage(options.waitForStage)),
      getUpdateHandle: <Ret>(updateId: string, options: GetWorkflowUpdateHandleOptions = {}) =>
        updateHandle<Ret>(this.#callContext(), target, { updateId, runId: options.workflowRunId ?? target.runId, outcome: undefined, outputType: options.typeInfo?.outputType }),
      cancel: () => this.#calls.cancel({ ...ids, ...chain }),
      terminate: (reason?: string) => this.#calls.terminate({ ...ids, ...chain, ...(reason !== undefined && { reason }) }),
      describe: async () => descriptionFromRaw(await this.#calls.describe(ids), this.#converterOf(target.workflowId)),
      fetchHistory: () => this.#fetchHistory(target),
    };
  }

  async #update<Ret>(target: Target, def: NamedUpdate | string, options: GivenUpdateOptions, stage: 'ACCEPTED' | 'COMPLETED'): Promise<WorkflowUpdateHandle<Ret>> {
    const { args = [], typeInfo, ...rest } = options;
    await checkArguments(def, args);
    const { firstExecutionRunId } = target;
    const input = {
      updateName: nameOf(def),
      args,
      ...hints(typeInfoOf(def, typeInfo)),
      workflowExecution: executionOf(target),
      headers: {},
      options: rest,
      ...(firstExecutionRunId !== undefined && { firstExecutionRunId }),
    };
    const started = await callUpdate(this.#callContext(), this.#interceptors, stage, input);
    return updateHandle<Ret>(this.#callContext(), target, started);
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

  #converterOf(workflowId: string): LoadedDataConverter {
    return inWorkflow(this.dataConverter, this.namespace, workflowId);
  }

  #callContext(): CallContext {
    return { connection: this.connection, namespace: this.namespace, identity: this.identity, dataConverter: this.dataConverter };
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

function hints<Info extends PayloadTypeInfo>(typeInfo: Info | undefined): { readonly typeInfo?: Info } {
  return typeInfo === undefined ? {} : { typeInfo };
}

function executionOf({ workflowId, runId }: Target): WorkflowExecutionIds {
  return { workflowId, ...(runId === undefined ? {} : { runId }) };
}

function withArgs(options: WorkflowOptions & { readonly args?: readonly unknown[] }, typeInfo?: PayloadTypeInfo): CompiledWorkflowOptions {
  return { ...options, args: options.args ?? [], ...hints(typeInfo) };
}
