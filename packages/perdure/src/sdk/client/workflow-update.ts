/**
 * Updates of executions from a client: types of handles and options, the requests, and waiting for the outcome.
 *
 * An update id is chosen before the first request, so a request that is sent twice has the effect of one. The server holds each request
 * for some seconds and answers with the stage that the update has reached; requests are repeated until it is the stage asked for.
 */
import {
  Code,
  RpcError,
  UpdateWorkflowExecutionLifecycleStage as WireStage,
  WorkflowService,
  type Encoded,
  type Header,
  type Init,
  type Link,
  type Outcome,
  type UpdateWorkflowExecutionRequest,
  type UpdateWorkflowExecutionResponse,
} from '../../protocol/index.js';
import { decodeFromBytesAtIndex, encodeArgumentsToBytes, type LoadedDataConverter, type PayloadTypeInfo, type TypeInfo } from '../common/index.js';
import { inWorkflow } from '../common/serialization-context.js';
import { extrasOf } from './call-extras.js';
import type { Connection } from './connection.js';
import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from './errors.js';
import { rethrowRequestError } from './request-errors.js';
import { PATIENT_RETRY } from './retry.js';
import { decodeFailureBytes } from './workflow-result.js';

/** How far an update has come. */
export const WorkflowUpdateStage = {
  /** The server has it. Nobody can wait for this stage: it may still be lost. */
  ADMITTED: 'ADMITTED',
  /** The workflow has accepted it, or rejected it. */
  ACCEPTED: 'ACCEPTED',
  /** The handler has ended. */
  COMPLETED: 'COMPLETED',
} as const;
export type WorkflowUpdateStage = (typeof WorkflowUpdateStage)[keyof typeof WorkflowUpdateStage];

export interface WorkflowUpdateOptions {
  /**
   * Names the update within its execution; best an id from the business. A second update with the same id gives the first one's outcome.
   * Default: random.
   */
  readonly updateId?: string;
  /** How arguments and result travel, of an update that is given by name. A definition says it itself. */
  readonly typeInfo?: PayloadTypeInfo;
}

export interface WorkflowUpdateHandle<Ret> {
  readonly updateId: string;
  readonly workflowId: string;
  /** The run that has the update. */
  readonly workflowRunId?: string;
  /**
   * What the handler returns.
   *
   * @throws WorkflowUpdateFailedError if it was rejected or the handler failed; WorkflowUpdateRPCTimeoutOrCancelledError if the waiting
   * was cut off, which says nothing of the update; WorkflowNotFoundError.
   */
  result(): Promise<Ret>;
}

export interface GetWorkflowUpdateHandleOptions {
  /** The run that has the update. Default: that of the workflow handle, or the current one. */
  readonly workflowRunId?: string;
  /** How the result travels. */
  readonly typeInfo?: Pick<PayloadTypeInfo, 'outputType'>;
}

/** Options with the handler's arguments, which may be left out if it takes none. */
export type WithUpdateArgs<Args extends unknown[], Options> = Options &
  (Args extends [unknown, ...unknown[]] ? { readonly args: Args | Readonly<Args> } : { readonly args?: Args | Readonly<Args> });

/** What all requests of a client have in common. */
export interface UpdateContext {
  readonly connection: Connection;
  readonly dataConverter: LoadedDataConverter;
  readonly namespace: string;
  readonly identity: string;
}

export interface UpdateTarget {
  readonly workflowId: string;
  readonly runId?: string | undefined;
  readonly firstExecutionRunId?: string | undefined;
}

export interface StartedUpdate {
  readonly updateId: string;
  readonly runId: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly link?: Encoded<Link> | undefined;
  readonly outputType?: TypeInfo | undefined;
}

const STAGES: Readonly<Record<'ACCEPTED' | 'COMPLETED', WireStage>> = { ACCEPTED: WireStage.ACCEPTED, COMPLETED: WireStage.COMPLETED };

export async function updateRequest(
  { connection, namespace, identity, dataConverter: given }: UpdateContext,
  target: UpdateTarget,
  name: string,
  options: WorkflowUpdateOptions & { readonly args?: readonly unknown[] },
  stage: 'ACCEPTED' | 'COMPLETED',
  header?: Encoded<Header>,
): Promise<Init<UpdateWorkflowExecutionRequest>> {
  const { requestId, completionCallbacks, links } = extrasOf(options) ?? {};
  const dataConverter = inWorkflow(given, namespace, target.workflowId);
  return {
    namespace,
    workflowExecution: { workflowId: target.workflowId, runId: target.runId },
    firstExecutionRunId: target.firstExecutionRunId,
    waitPolicy: { lifecycleStage: STAGES[stage] },
    request: {
      ...(requestId !== undefined && { requestId }),
      ...(completionCallbacks && { completionCallbacks }),
      ...(links && { links }),
      meta: { updateId: options.updateId ?? connection.newId(), identity },
      input: { header, name, args: await encodeArgumentsToBytes(dataConverter, options.args ?? [], options.typeInfo?.inputTypes) },
    },
  };
}

/** The stage that `startUpdate` may wait for. @throws TypeError for another. */
export function startStage(stage: unknown): 'ACCEPTED' {
  if (stage === WorkflowUpdateStage.ACCEPTED) return stage;
  throw new TypeError(`waitForStage must be 'ACCEPTED' when an update is started, not ${String(stage)}. To wait for its completion use executeUpdate.`);
}

/** True once the update is safe: it will not be lost any more. */
export function isDurable({ stage }: UpdateWorkflowExecutionResponse): boolean {
  return stage >= WireStage.ACCEPTED;
}

/** Sends the request until the workflow has accepted or rejected the update. @throws what handles throw. */
export async function startUpdate(context: UpdateContext, request: Init<UpdateWorkflowExecutionRequest>, target: UpdateTarget): Promise<StartedUpdate> {
  try {
    for (;;) {
      const response = await context.connection.call(WorkflowService.UpdateWorkflowExecution, request);
      if (isDurable(response)) return startedUpdate(request, response);
    }
  } catch (error) {
    rethrowUpdateError(error, 'Cannot update the workflow', context, target);
  }
}

export function startedUpdate(request: Init<UpdateWorkflowExecutionRequest>, response: UpdateWorkflowExecutionResponse): StartedUpdate {
  return {
    updateId: request.request?.meta?.updateId ?? '',
    runId: response.updateRef?.workflowExecution?.runId || undefined,
    outcome: response.outcome,
    link: response.link,
  };
}

export function updateHandle<Ret>(context: UpdateContext, target: UpdateTarget, { updateId, runId, outcome, outputType }: StartedUpdate): WorkflowUpdateHandle<Ret> {
  let known = outcome;
  const subject = { workflowId: target.workflowId, runId };
  return {
    updateId,
    workflowId: target.workflowId,
    ...(runId === undefined ? {} : { workflowRunId: runId }),
    result: async () => resultOf<Ret>(inWorkflow(context.dataConverter, context.namespace, target.workflowId), (known ??= await pollOutcome(context, subject, updateId)), outputType),
  };
}

/** Waits until the update is complete. */
async function pollOutcome(context: UpdateContext, target: UpdateTarget, updateId: string): Promise<Outcome> {
  const request = {
    namespace: context.namespace,
    identity: context.identity,
    updateRef: { workflowExecution: { workflowId: target.workflowId, runId: target.runId }, updateId },
    waitPolicy: { lifecycleStage: WireStage.COMPLETED },
  };
  try {
    for (;;) {
      const { outcome } = await context.connection.call(WorkflowService.PollWorkflowExecutionUpdate, request, { retry: PATIENT_RETRY });
      if (outcome !== undefined) return outcome;
    }
  } catch (error) {
    rethrowUpdateError(error, 'Cannot get the result of the update', context, target);
  }
}

async function resultOf<Ret>(dataConverter: LoadedDataConverter, outcome: Outcome, outputType: TypeInfo | undefined): Promise<Ret> {
  if (outcome.failure !== undefined) {
    throw new WorkflowUpdateFailedError('Workflow Update failed', await decodeFailureBytes(dataConverter, outcome.failure));
  }
  return decodeFromBytesAtIndex<Ret>(dataConverter, 0, outcome.success, outputType);
}

export function rethrowUpdateError(error: unknown, what: string, { namespace }: UpdateContext, target: UpdateTarget): never {
  if (error instanceof RpcError && (error.code === Code.DEADLINE_EXCEEDED || error.code === Code.CANCELLED)) {
    throw new WorkflowUpdateRPCTimeoutOrCancelledError(error.message || 'Workflow update call timeout or cancelled', { cause: error });
  }
  rethrowRequestError(error, what, { namespace, workflowId: target.workflowId, runId: target.runId });
}
