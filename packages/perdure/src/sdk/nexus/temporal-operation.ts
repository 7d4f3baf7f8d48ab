/**
 * An operation that does what it likes with the engine: it ends at once, or a workflow run, an update of a running workflow or an activity stands
 * behind it.
 *
 * One thing can back an operation, because it has one end. The client that a start handler gets keeps to that.
 */
import { HandlerError, type HandlerStartOperationResult, type OperationHandler, type StartOperationContext } from 'nexus-rpc';
import type { Client } from '../client/index.js';
import type { WithWorkflowArgs, Workflow, WorkflowResultType } from '../common/index.js';
import { startActivity, type ActivityOptions, type NexusTypedActivityClient } from './activity-operation.js';
import { getClient, handlerContext, type TemporalCancelOperationContext, type TemporalStartOperationContext } from './context.js';
import { startResultOf, TemporalOperationResult } from './operation-result.js';
import { encodeOperationToken } from './operation-token.js';
import {
  OperationWorkflowHandle,
  signalWithStartWorkflow,
  startWorkflow,
  type Backing,
  type UpdatableWorkflowHandle,
  type WorkflowSignalWithStartOptions,
  type WorkflowStartOptions,
} from './workflow-handle.js';
import { tokenFrom } from './workflow-run-operation.js';

/** For the start of one operation: calls that caller and callee find again in each other's history. */
export interface TemporalNexusClient {
  /** For calls that have nothing to do with the operation. */
  readonly client: Client;
  /** Starts the workflow that backs the operation. */
  startWorkflow<T extends Workflow>(workflow: T, options: WorkflowStartOptions<T>): Promise<TemporalOperationResult<WorkflowResultType<T>>>;
  /** By name nobody knows what the workflow gives: `never` fits every operation. */
  startWorkflow(workflowType: string, options: WorkflowStartOptions<Workflow>): Promise<TemporalOperationResult<never>>;
  startWorkflow<T extends Workflow>(workflowTypeOrFunc: string | T, options: WorkflowStartOptions<T>): Promise<TemporalOperationResult<WorkflowResultType<T>>>;
  /** A handle of an execution that exists; makes no request. Without `runId` it means the latest run at the time of each call. */
  getWorkflowHandle<T extends Workflow>(workflowId: string, runId?: string): UpdatableWorkflowHandle<WorkflowResultType<T>>;
  /** Signals an execution, and starts it first if it is not running. Does not back the operation. */
  signalWithStartWorkflow<T extends Workflow, SignalArgs extends unknown[] = []>(
    workflowTypeOrFunc: string | T,
    options: WithWorkflowArgs<T, WorkflowSignalWithStartOptions<SignalArgs>>,
  ): Promise<void>;
  /** Starts the activity that backs the operation: one without a workflow. */
  startActivity<R = never>(activity: string, options: ActivityOptions): Promise<TemporalOperationResult<R>>;
  /** This client, with the types of these activities. */
  typedActivity<T>(): NexusTypedActivityClient<T>;
}

export type TemporalOperationStartHandler<I, O> = (context: TemporalStartOperationContext, client: TemporalNexusClient, input: I) => Promise<TemporalOperationResult<O>>;

export interface CancelWorkflowRunOptions {
  readonly workflowId: string;
}

export interface CancelWorkflowUpdateOptions {
  readonly workflowId: string;
  /** Empty if the update was for the current run. */
  readonly runId: string;
  readonly updateId: string;
}

export interface CancelActivityOptions {
  readonly activityId: string;
  readonly runId: string;
}

export interface TemporalOperationHandlerOptions {
  /** Cancels an operation that a run stands behind. Default: cancels the workflow. */
  cancelWorkflowRun?: (context: TemporalCancelOperationContext, options: CancelWorkflowRunOptions) => Promise<void>;
  /** Cancels an operation that an update stands behind. Default: refuses, because an update cannot be cancelled without the workflow's help. */
  cancelWorkflowUpdate?: (context: TemporalCancelOperationContext, options: CancelWorkflowUpdateOptions) => Promise<void>;
  /** Cancels an operation that an activity stands behind. Default: asks the activity to stop. */
  cancelActivity?: (context: TemporalCancelOperationContext, options: CancelActivityOptions) => Promise<void>;
}

/**
 * @example
 * const approve = new TemporalOperationHandler<Approval, void>({
 *   start: (_context, client, approval) => client.getWorkflowHandle(`order-${approval.orderId}`).update('approve', { args: [approval] }),
 * });
 */
export class TemporalOperationHandler<I, O> implements OperationHandler<I, O> {
  readonly #options: { readonly start: TemporalOperationStartHandler<I, O> } & TemporalOperationHandlerOptions;

  constructor(options: { start: TemporalOperationStartHandler<I, O> } & TemporalOperationHandlerOptions) {
    this.#options = options;
  }

  async start(context: StartOperationContext, input: I): Promise<HandlerStartOperationResult<O>> {
    return startResultOf(await this.#options.start(context, new OperationClient(context), input));
  }

  async cancel(context: TemporalCancelOperationContext, token: string): Promise<void> {
    const { cancelWorkflowRun = cancelRun, cancelWorkflowUpdate = refuseUpdate, cancelActivity = stopActivity } = this.#options;
    const target = tokenFrom(token);
    switch (target.kind) {
      case 'workflow-run':
        return cancelWorkflowRun(context, { workflowId: target.workflowId });
      case 'workflow-update':
        return cancelWorkflowUpdate(context, { workflowId: target.workflowId, runId: target.runId, updateId: target.updateId });
      case 'activity':
        return cancelActivity(context, { activityId: target.activityId, runId: target.runId });
    }
  }
}

class OperationClient implements TemporalNexusClient {
  readonly #context: StartOperationContext;
  #isBacked = false;

  constructor(context: StartOperationContext) {
    this.#context = context;
  }

  get client(): Client {
    return getClient();
  }

  async startWorkflow<T extends Workflow>(workflowTypeOrFunc: string | T, options: WorkflowStartOptions<T>): Promise<TemporalOperationResult<never>> {
    return this.#back(async () => {
      const { workflowId } = await startWorkflow(this.#context, workflowTypeOrFunc, options);
      return TemporalOperationResult.async<never>(encodeOperationToken({ kind: 'workflow-run', namespace: handlerContext().namespace, workflowId }));
    });
  }

  getWorkflowHandle<T extends Workflow>(workflowId: string, runId?: string): UpdatableWorkflowHandle<WorkflowResultType<T>> {
    return new OperationWorkflowHandle(this.#context, workflowId, runId, this.#back);
  }

  async signalWithStartWorkflow<T extends Workflow, SignalArgs extends unknown[] = []>(
    workflowTypeOrFunc: string | T,
    options: WithWorkflowArgs<T, WorkflowSignalWithStartOptions<SignalArgs>>,
  ): Promise<void> {
    await signalWithStartWorkflow<T, SignalArgs>(this.#context, workflowTypeOrFunc, options);
  }

  async startActivity<R>(activity: string, options: ActivityOptions): Promise<TemporalOperationResult<R>> {
    return this.#back(() => startActivity<R>(this.#context, activity, options));
  }

  typedActivity<T>(): NexusTypedActivityClient<T> {
    // The same calls, with names and arguments that the compiler knows.
    return this as NexusTypedActivityClient<T>;
  }

  /** What failed to start backs nothing. */
  readonly #back: Backing = async (start) => {
    if (this.#isBacked) throw new HandlerError('BAD_REQUEST', 'Something backs this operation already. One thing can; for other calls use the property `client`.');
    this.#isBacked = true;
    try {
      return await start();
    } catch (error) {
      this.#isBacked = false;
      throw error;
    }
  };
}

async function cancelRun(_context: TemporalCancelOperationContext, { workflowId }: CancelWorkflowRunOptions): Promise<void> {
  await getClient().workflow.getHandle(workflowId).cancel();
}

async function stopActivity(_context: TemporalCancelOperationContext, { activityId, runId }: CancelActivityOptions): Promise<void> {
  await getClient().activity.getHandle(activityId, runId).cancel('The Nexus operation was cancelled');
}

function refuseUpdate(): Promise<void> {
  throw new HandlerError('NOT_IMPLEMENTED', 'A workflow update stands behind this operation. To cancel it give the handler the option cancelWorkflowUpdate.');
}
