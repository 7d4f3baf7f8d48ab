/** An operation that a workflow run stands behind. */
import { HandlerError, HandlerStartOperationResult, type CancelOperationContext, type OperationHandler, type StartOperationContext } from 'nexus-rpc';
import { getClient, handlerContext } from './context.js';
import { decodeOperationToken, encodeOperationToken, type OperationToken } from './operation-token.js';
import type { WorkflowHandle } from './workflow-handle.js';

/** Starts the workflow with `startWorkflow` and gives its handle. */
export type WorkflowRunOperationStartHandler<I, O> = (context: StartOperationContext, input: I) => Promise<WorkflowHandle<O>>;

/** The operation ends as the workflow does; cancelling it cancels the workflow. */
export class WorkflowRunOperationHandler<I, O> implements OperationHandler<I, O> {
  constructor(readonly handler: WorkflowRunOperationStartHandler<I, O>) {}

  async start(context: StartOperationContext, input: I): Promise<HandlerStartOperationResult<O>> {
    const { namespace } = handlerContext();
    const { workflowId } = await this.handler(context, input);
    return HandlerStartOperationResult.async(encodeOperationToken({ kind: 'workflow-run', namespace, workflowId }));
  }

  async cancel(_context: CancelOperationContext, token: string): Promise<void> {
    const decoded = tokenFrom(token);
    if (decoded.kind !== 'workflow-run') throw new HandlerError('BAD_REQUEST', `The token is of an operation of another kind: ${decoded.kind}`);
    await getClient().workflow.getHandle(decoded.workflowId).cancel();
  }
}

/** @throws HandlerError for text that is no token. */
export function tokenFrom(text: string): OperationToken {
  try {
    return decodeOperationToken(text);
  } catch (cause) {
    throw new HandlerError('BAD_REQUEST', 'Invalid operation token', { cause });
  }
}
