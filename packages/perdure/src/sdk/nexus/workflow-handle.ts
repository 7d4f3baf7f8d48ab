/**
 * Workflows as what stands behind an operation: started, signalled, asked and updated so that caller and workflow know of each other.
 *
 * Each call carries the links of the operation's request, and what the server answers with goes back to the caller. What backs the operation
 * (a run, or an update) carries the caller's callback too: the server calls it when it has ended, and that ends the operation. The request id
 * of the operation makes a handler that is asked twice start one execution.
 */
import { HandlerError, OperationError, type StartOperationContext } from 'nexus-rpc';
import { Callback, type Encoded, type Link } from '../../protocol/index.js';
import { CALL_EXTRAS, type CallExtras, type CallExtrasCarrier } from '../client/call-extras.js';
import type { GetWorkflowHandleOptions, WorkflowSignalWithStartOptions as ClientSignalWithStartOptions, WorkflowStartOptions as ClientStartOptions } from '../client/index.js';
import { isError, type QueryDefinition, type SignalDefinition, type UpdateDefinition, type WithWorkflowArgs, type Workflow, type WorkflowResultType } from '../common/index.js';
import { handlerContext, log } from './context.js';
import { fromNexusLink, toNexusLink } from './links.js';
import { encodeOperationToken } from './operation-token.js';
import { TemporalOperationResult } from './operation-result.js';

declare const workflowResult: unique symbol;

/** An execution that is tied to the running operation. */
export interface WorkflowHandle<T> {
  readonly workflowId: string;
  readonly runId?: string;
  signal<Args extends unknown[] = []>(definition: SignalDefinition<Args, string> | string, ...args: Args): Promise<void>;
  query<Ret, Args extends unknown[] = []>(definition: QueryDefinition<Ret, Args> | string, ...args: Args): Promise<Ret>;
  /** Stands for nothing at run time: it lets the compiler tell handles of different results apart. */
  readonly [workflowResult]: T;
}

export interface NexusUpdateWorkflowOptions {
  /** Default: the request id of the operation, so that a request that comes twice makes one update. */
  readonly updateId?: string;
}

type UpdateOptions<Args extends unknown[]> = Args extends [unknown, ...unknown[]]
  ? [options: NexusUpdateWorkflowOptions & { readonly args: Args }]
  : [options?: NexusUpdateWorkflowOptions & { readonly args?: Args }];

/** A {@link WorkflowHandle} whose updates can stand behind the operation. */
export interface UpdatableWorkflowHandle<T> extends WorkflowHandle<T> {
  /**
   * Sends an update that backs the operation: it ends when the update has. Resolves as soon as the workflow has accepted it.
   *
   * @throws HandlerError if the operation is backed already, or the caller gave no callback; OperationError if the update has failed already.
   */
  update<Ret, Args extends unknown[] = []>(definition: UpdateDefinition<Ret, Args> | string, ...options: UpdateOptions<Args>): Promise<TemporalOperationResult<Ret>>;
}

/** As of a client, but the task queue may be left out: it is then the worker's. */
export type WorkflowStartOptions<T extends Workflow> = Omit<ClientStartOptions<T>, 'taskQueue'> & { taskQueue?: string };

/** As of a client, but the task queue may be left out: it is then the worker's. */
export type WorkflowSignalWithStartOptions<SignalArgs extends unknown[] = []> = Omit<ClientSignalWithStartOptions<SignalArgs>, 'taskQueue'> & { taskQueue?: string };

/** For a start that finds what it would start. */
export const ATTACH_TO_EXISTING = { attachLinks: true, attachCompletionCallbacks: true, attachRequestId: true } as const;

/** Says whether an operation may be backed by one more thing, and takes note of it. */
export type Backing = <T>(start: () => Promise<T>) => Promise<T>;

/**
 * Starts the workflow that backs the running operation. Its result, or failure, is that of the operation, also after it continued as new.
 *
 * @throws WorkflowExecutionAlreadyStartedError, which the caller gets as a handler error.
 * @example
 * const charge = new WorkflowRunOperationHandler<Order, Receipt>((context, order) =>
 *   startWorkflow(context, chargeWorkflow, { args: [order], workflowId: `charge-${order.id}` }),
 * );
 */
export function startWorkflow<T extends Workflow>(context: StartOperationContext, workflow: T, options: WorkflowStartOptions<T>): Promise<WorkflowHandle<WorkflowResultType<T>>>;
/** By name nobody knows what the workflow gives: `never` fits every operation. */
export function startWorkflow(context: StartOperationContext, workflowType: string, options: WorkflowStartOptions<Workflow>): Promise<WorkflowHandle<never>>;
export function startWorkflow<T extends Workflow>(context: StartOperationContext, workflowTypeOrFunc: string | T, options: WorkflowStartOptions<T>): Promise<WorkflowHandle<WorkflowResultType<T>>>;
export async function startWorkflow<T extends Workflow>(
  context: StartOperationContext,
  workflowTypeOrFunc: string | T,
  options: WorkflowStartOptions<T>,
): Promise<WorkflowHandle<WorkflowResultType<T>>> {
  const { client, namespace, taskQueue } = handlerContext();
  const { workflowId }: { readonly workflowId: string } = options;
  const extras: CallExtras = {
    ...backingExtras(context, encodeOperationToken({ kind: 'workflow-run', namespace, workflowId })),
    onConflictOptions: ATTACH_TO_EXISTING,
  };
  // Only the task queue differs, and it is there now.
  const complete = { ...options, taskQueue: options.taskQueue ?? taskQueue, [CALL_EXTRAS]: extras } as unknown as ClientStartOptions<T>;
  const handle = await client.workflow.start(workflowTypeOrFunc, complete);
  answerLink(context, extras.responseLink);
  return new OperationWorkflowHandle(context, workflowId, handle.firstExecutionRunId, alreadyBacked);
}

/** Signals an execution, and starts it first if it is not running. Does not back the operation. */
export async function signalWithStartWorkflow<T extends Workflow, SignalArgs extends unknown[] = []>(
  context: StartOperationContext,
  workflowTypeOrFunc: string | T,
  options: WithWorkflowArgs<T, WorkflowSignalWithStartOptions<SignalArgs>>,
): Promise<WorkflowHandle<WorkflowResultType<T>>> {
  const { client, taskQueue } = handlerContext();
  const extras: CallExtras = { links: linksOf(context) };
  const given: { readonly taskQueue?: string } = options;
  const complete = { ...options, taskQueue: given.taskQueue ?? taskQueue, [CALL_EXTRAS]: extras } as unknown as WithWorkflowArgs<T, ClientSignalWithStartOptions<SignalArgs>>;
  const handle = await client.workflow.signalWithStart(workflowTypeOrFunc, complete);
  answerLink(context, extras.responseLink);
  return new OperationWorkflowHandle(context, handle.workflowId, handle.signaledRunId, alreadyBacked);
}

export class OperationWorkflowHandle<T> implements UpdatableWorkflowHandle<T> {
  declare readonly [workflowResult]: T;
  readonly workflowId: string;
  readonly runId?: string;
  readonly #context: StartOperationContext;
  readonly #backing: Backing;

  constructor(context: StartOperationContext, workflowId: string, runId: string | undefined, backing: Backing) {
    this.workflowId = workflowId;
    if (runId !== undefined) this.runId = runId;
    this.#context = context;
    this.#backing = backing;
  }

  async signal<Args extends unknown[]>(definition: SignalDefinition<Args, string> | string, ...args: Args): Promise<void> {
    const extras: CallExtras = { links: linksOf(this.#context) };
    await this.#handle(extras).signal(definition, ...args);
    answerLink(this.#context, extras.responseLink);
  }

  async query<Ret, Args extends unknown[]>(definition: QueryDefinition<Ret, Args> | string, ...args: Args): Promise<Ret> {
    const extras: CallExtras = {};
    try {
      return await this.#handle(extras).query<Ret, Args>(definition, ...args);
    } finally {
      answerLink(this.#context, extras.responseLink);
    }
  }

  async update<Ret, Args extends unknown[]>(definition: UpdateDefinition<Ret, Args> | string, ...[options]: UpdateOptions<Args>): Promise<TemporalOperationResult<Ret>> {
    if (!this.#context.callbackUrl) throw new HandlerError('BAD_REQUEST', 'An update can only back an operation whose caller waits for it: the request has no callback URL.');
    return this.#backing(() => this.#update<Ret>(definition, options?.updateId ?? this.#context.requestId, options?.args ?? []));
  }

  async #update<Ret>(definition: { readonly name: string } | string, updateId: string, args: readonly unknown[]): Promise<TemporalOperationResult<Ret>> {
    const { client, namespace } = handlerContext();
    const target = { kind: 'workflow-update', namespace, workflowId: this.workflowId, updateId } as const;
    const extras = backingExtras(this.#context, encodeOperationToken({ ...target, runId: this.runId ?? '' }));
    const name = typeof definition === 'string' ? definition : definition.name;
    const handle = await client.workflow.getHandle(this.workflowId, this.runId).startUpdate<Ret, unknown[]>(name, { args: [...args], updateId, waitForStage: 'ACCEPTED', ...{ [CALL_EXTRAS]: extras } });
    answerLink(this.#context, extras.responseLink);
    if (extras.outcome === undefined) return TemporalOperationResult.async<Ret>(encodeOperationToken({ ...target, runId: handle.workflowRunId ?? this.runId ?? '' }));
    try {
      return TemporalOperationResult.sync(await handle.result());
    } catch (error) {
      throw new OperationError('failed', isError(error) ? error.message : String(error), isError(error) ? { cause: error } : {});
    }
  }

  #handle(extras: CallExtras) {
    const options: GetWorkflowHandleOptions & CallExtrasCarrier = { [CALL_EXTRAS]: extras };
    return handlerContext().client.workflow.getHandle(this.workflowId, this.runId, options);
  }
}

/** What ties what backs an operation to its caller. @param token goes with the callback: the end may be told before the start is recorded. */
export function backingExtras(context: StartOperationContext, token: string): CallExtras {
  const links = linksOf(context);
  const { callbackUrl, callbackHeaders, requestId } = context;
  if (!callbackUrl) return { requestId, links };
  const header = new Map(Object.entries({ ...callbackHeaders, 'nexus-operation-token': token }));
  // The links twice, because older servers look for them in the callback; newer ones count each once.
  return { requestId, links, completionCallbacks: [Callback.encode({ nexus: { url: callbackUrl, header }, links })] };
}

/** Tells the caller where the call of this operation has left its trace. */
export function answerLink(context: StartOperationContext, link: Encoded<Link> | undefined): void {
  if (link === undefined || link.byteLength === 0) return;
  try {
    context.outboundLinks.push(toNexusLink(link));
  } catch (error) {
    log.warn('A link of the server cannot be given to the caller', { error });
  }
}

function linksOf(context: StartOperationContext): Encoded<Link>[] {
  const links: Encoded<Link>[] = [];
  for (const link of context.inboundLinks) {
    try {
      links.push(fromNexusLink(link));
    } catch (error) {
      log.warn('A link of the caller is left out', { error });
    }
  }
  return links;
}

const alreadyBacked: Backing = () => {
  throw new HandlerError('BAD_REQUEST', 'This operation is backed by the workflow that was started. One thing can back an operation; for other calls use getClient().');
};
