/**
 * A service whose operations end in every way there is, its handlers, and what is noted of what they were asked.
 *
 * An operation is asked for under one request id, however often: handlers rely on it to start what stands behind it once.
 */
import { HandlerError, HandlerStartOperationResult, OperationError, serviceHandler, type StartOperationContext } from 'nexus-rpc';
import { startWorkflow, TemporalOperationHandler, WorkflowRunOperationHandler } from 'perdure/nexus';
import type { approver } from './workflows.js';
import { desk, type Asked, type Behind, type Call } from './desk.js';

/** With what somebody can end an operation from outside. */
export interface OperationCallback {
  readonly url: string;
  readonly header: ReadonlyMap<string, string>;
}

/** What handlers were told, over all lives of the workers. */
export class OperationNotes {
  readonly problems: string[] = [];
  readonly callbacks = new Map<string, OperationCallback>();
  readonly #requests = new Map<string, string>();
  readonly #times = new Map<string, number>();

  /** @returns how often this operation was asked for, this time included */
  asked({ requestId }: StartOperationContext, { call }: Call): number {
    const known = this.#requests.get(call);
    if (known !== undefined && known !== requestId) this.problems.push(`the operation ${call} was asked for under two request ids`);
    this.#requests.set(call, requestId);
    const times = (this.#times.get(call) ?? 0) + 1;
    this.#times.set(call, times);
    return times;
  }
}

/** A server takes no update while the workflow task has failed some times in a row. */
function isNotReady(error: unknown): boolean {
  return error instanceof Error && (error.message.includes('Workflow Task in failed state') || isNotReady(error.cause));
}

/** Handlers of {@link desk}, whose workflows run on this queue. */
export function createServices(notes: OperationNotes, taskQueue: string) {
  return [
    serviceHandler(desk, {
      async quote(context, call) {
        if (notes.asked(context, call) <= (call.failures ?? 0)) throw new HandlerError('UNAVAILABLE', 'not yet, as planned');
        return `${call.call} quoted`;
      },
      async refuse(context, call) {
        notes.asked(context, call);
        throw new OperationError('failed', 'refused, as planned');
      },
      charge: new WorkflowRunOperationHandler<Behind, string>((context, call) => {
        notes.asked(context, call);
        return startWorkflow(context, 'charging', { workflowId: call.workflowId, taskQueue, args: [call.workflowId, call.how], workflowIdConflictPolicy: 'USE_EXISTING' });
      }),
      approve: new TemporalOperationHandler<Asked, string>({
        async start(context, client, call) {
          notes.asked(context, call);
          try {
            return await client.getWorkflowHandle<typeof approver>(call.workflowId).update<string, [string]>('approve', { args: [call.call] });
          } catch (error) {
            throw isNotReady(error) ? new HandlerError('UNAVAILABLE', 'its workers have just died', { cause: error }) : error;
          }
        },
      }),
      byHand: {
        async start(context, call) {
          notes.asked(context, call);
          const header = new Map([...Object.entries(context.callbackHeaders ?? {}), ['nexus-operation-token', call.call]]);
          notes.callbacks.set(call.call, { url: context.callbackUrl ?? '', header });
          return HandlerStartOperationResult.async(call.call);
        },
        cancel: () => Promise.reject(new HandlerError('NOT_IMPLEMENTED', 'there is no way back')),
      },
    }),
  ];
}
