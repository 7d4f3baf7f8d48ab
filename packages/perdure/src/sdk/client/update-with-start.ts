/**
 * Starting an execution and updating it in one request, or updating the one that runs.
 *
 * Either both take effect or none. What the start gave is known before the outcome of the update, so it has a promise of its own, on the
 * {@link WithStartWorkflowOperation}.
 */
import { Code, MultiOperationExecutionFailure, RpcError, WorkflowService, type Init, type StartWorkflowExecutionRequest } from '../../protocol/index.js';
import { WorkflowExecutionAlreadyStartedError, type WithWorkflowArgs, type Workflow, type WorkflowIdConflictPolicy } from '../common/index.js';
import type { WorkflowHandle } from './workflow-handle.js';
import type { WorkflowOptions } from './workflow-options.js';
import { isDurable, rethrowUpdateError, startedUpdate, type StartedUpdate, type UpdateContext, type updateRequest } from './workflow-update.js';

/**
 * How to start the execution that an update-with-start is for. Good for one request.
 *
 * @example
 * const start = new WithStartWorkflowOperation(cart, { workflowId: 'cart-7', taskQueue: 'carts', workflowIdConflictPolicy: 'USE_EXISTING' });
 * const total = await client.workflow.executeUpdateWithStart(addItem, { args: [item], startWorkflowOperation: start });
 * const handle = await start.workflowHandle();
 */
export class WithStartWorkflowOperation<T extends Workflow> {
  readonly #handle: Promise<WorkflowHandle<T>>;
  #settle!: { readonly resolve: (handle: WorkflowHandle<T>) => void; readonly reject: (error: unknown) => void };
  #used = false;

  constructor(
    readonly workflowTypeOrFunc: string | T,
    readonly options: WithWorkflowArgs<T, WorkflowOptions> & { workflowIdConflictPolicy: WorkflowIdConflictPolicy },
  ) {
    this.#handle = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // The caller of the update is told of the failure too; nobody has to look here.
    this.#handle.catch(() => undefined);
  }

  /** The execution that was started, or that was running. Rejects if the request fails before that. */
  workflowHandle(): Promise<WorkflowHandle<T>> {
    return this.#handle;
  }

  /** @internal @throws Error when it was used before. */
  use(): void {
    if (this.#used) throw new Error('This WithStartWorkflowOperation was used for a request already. Make a new one for each.');
    this.#used = true;
  }

  /** @internal */
  started(handle: WorkflowHandle<T>): void {
    this.#settle.resolve(handle);
  }

  /** @internal */
  failed(error: unknown): void {
    this.#settle.reject(error);
  }
}

export interface UpdateWithStartCall {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly start: Init<StartWorkflowExecutionRequest>;
  readonly update: Awaited<ReturnType<typeof updateRequest>>;
  /** Called as soon as the execution is known, with its run id. */
  readonly onStarted: (runId: string) => void;
}

/** Sends the request until the update is durable. @throws what `start` and `startUpdate` throw. */
export async function startUpdateWithStart(context: UpdateContext, call: UpdateWithStartCall): Promise<StartedUpdate> {
  const request = { namespace: context.namespace, operations: [{ startWorkflow: call.start }, { updateWorkflow: call.update }] };
  try {
    for (let known = false; ; ) {
      const { responses } = await context.connection.call(WorkflowService.ExecuteMultiOperation, request);
      const [first, second] = responses;
      if (first?.startWorkflow === undefined || second?.updateWorkflow === undefined) throw new Error('The server answered an update-with-start incompletely.');
      if (!known) call.onStarted(first.startWorkflow.runId);
      known = true;
      if (isDurable(second.updateWorkflow)) return startedUpdate(call.update, second.updateWorkflow);
    }
  } catch (thrown) {
    const error = decisive(thrown);
    if (error instanceof RpcError && error.code === Code.ALREADY_EXISTS) {
      throw new WorkflowExecutionAlreadyStartedError('Workflow execution already started', call.workflowId, call.workflowType);
    }
    rethrowUpdateError(error, 'Cannot update the workflow with start', context, { workflowId: call.workflowId });
  }
}

/** Of the statuses of both operations the one that is the reason: the other was only called off. */
function decisive(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const statuses = error.detail(MultiOperationExecutionFailure)?.statuses ?? [];
  const reason = statuses.find(({ code, details }) => code !== Code.OK && !details.some(({ typeUrl }) => typeUrl.endsWith('MultiOperationExecutionAborted')));
  return reason === undefined ? error : new RpcError(codeOf(reason.code) ?? error.code, reason.message || error.message, [], { cause: error });
}

function codeOf(number: number): Code | undefined {
  return Object.values(Code).find((code): code is Code => code === number);
}
