/** What can be done with one execution from outside: the type of handles. */
import type {
  History,
  RequestCancelWorkflowExecutionResponse,
  TerminateWorkflowExecutionResponse,
} from '../../protocol/index.js';
import type { BaseWorkflowHandle, PayloadTypeInfo, QueryDefinition, UpdateDefinition, Workflow, WorkflowQueryOptions } from '../common/index.js';
import type { WorkflowClient } from './workflow-client.js';
import type { WorkflowExecutionDescription } from './workflow-description.js';
import type {
  GetWorkflowUpdateHandleOptions,
  WithUpdateArgs,
  WorkflowUpdateHandle,
  WorkflowUpdateOptions,
} from './workflow-update.js';

/**
 * A handle of one workflow execution.
 *
 * All methods throw `WorkflowNotFoundError` if there is no such execution (or none open, where that is needed), and `ServiceError` if
 * the server cannot be asked or refuses.
 */
export interface WorkflowHandle<T extends Workflow = Workflow> extends BaseWorkflowHandle<T> {
  /**
   * Asks the workflow's query handler, given by definition or by name. Closed executions answer too, as long as a worker runs.
   *
   * @throws QueryNotRegisteredError if there is no such handler, or it threw; QueryRejectedError if the status forbids it.
   * @example const status = await handle.query(getStatus);
   */
  query<Ret, Args extends unknown[] = []>(def: QueryDefinition<Ret, Args> | string, ...args: Args): Promise<Ret>;
  /** Asks a query handler by name, with hints of types; a definition has its own. @throws what `query` throws */
  queryWithOptions<Ret, Args extends unknown[] = []>(queryName: string, options: WorkflowQueryOptions<Args>): Promise<Ret>;
  /**
   * Asks the workflow to do something and waits for the result of its update handler.
   *
   * @throws WorkflowUpdateFailedError if it is rejected or fails; WorkflowUpdateRPCTimeoutOrCancelledError if the waiting is cut off.
   * @example const total = await handle.executeUpdate(addItem, { args: [item] });
   */
  executeUpdate<Ret, Args extends unknown[] = []>(
    def: UpdateDefinition<Ret, Args> | string,
    ...options: UpdateArguments<WithUpdateArgs<Args, WorkflowUpdateOptions>, Args>
  ): Promise<Ret>;
  /**
   * Asks the workflow to do something and waits until it has accepted. Needs a worker that runs.
   *
   * @throws WorkflowUpdateRPCTimeoutOrCancelledError if the waiting is cut off. A rejection is thrown by the handle's `result`.
   */
  startUpdate<Ret, Args extends unknown[] = []>(
    def: UpdateDefinition<Ret, Args> | string,
    options: WithUpdateArgs<Args, WorkflowUpdateOptions & { readonly waitForStage: 'ACCEPTED' }>,
  ): Promise<WorkflowUpdateHandle<Ret>>;
  /** A handle of an update that was made before, by its id. Makes no request. */
  getUpdateHandle<Ret>(updateId: string, options?: GetWorkflowUpdateHandleOptions): WorkflowUpdateHandle<Ret>;
  /** Ends the execution at once; workflow code is not told. */
  terminate(reason?: string): Promise<TerminateWorkflowExecutionResponse>;
  /** Requests cancellation; workflow code decides what it does about it. */
  cancel(): Promise<RequestCancelWorkflowExecutionResponse>;
  describe(): Promise<WorkflowExecutionDescription>;
  /** All events so far, in the types of the protocol. Payloads in it are as they were sent. */
  fetchHistory(): Promise<History>;
  /** The run that the handle is bound to; without it, the latest run. */
  readonly runId?: string;
  readonly client: WorkflowClient;
}

type UpdateArguments<Options, Args extends unknown[]> = Args extends [unknown, ...unknown[]] ? [options: Options] : [options?: Options];

/** A handle that `start` gave. */
export interface WorkflowHandleWithFirstExecutionRunId<T extends Workflow = Workflow> extends WorkflowHandle<T> {
  /** The run id of the first run of the chain that was started. */
  readonly firstExecutionRunId: string;
}

/** A handle that `start` gave, with how it started. */
export interface WorkflowHandleWithStartDetails<T extends Workflow = Workflow> extends WorkflowHandleWithFirstExecutionRunId<T> {
  /** The first workflow task came with the answer, to a worker of this process. */
  readonly eagerlyStarted: boolean;
}

/** A handle that `signalWithStart` gave. */
export interface WorkflowHandleWithSignaledRunId<T extends Workflow = Workflow> extends WorkflowHandle<T> {
  /** The run that got the signal; it may have been running before. */
  readonly signaledRunId: string;
}

export interface WorkflowResultOptions {
  /** Wait for runs that follow as well: continue-as-new, retries, cron. Default true. */
  followRuns?: boolean;
  /** How the result travels. Default: as it is. */
  typeInfo?: PayloadTypeInfo;
}

export interface GetWorkflowHandleOptions extends WorkflowResultOptions {
  /** Makes `cancel` and `terminate` refuse executions of another chain with the same workflow id. */
  firstExecutionRunId?: string;
}
