/** The handlers of the area's service, made with either SDK: `nexusServices` of a worker. */
import type { NexusSdk } from '../../../bench/sdk.js';
import { cards, type Charge } from './service.js';

/** How often each operation was asked for, by the name that its input gives. */
export const asked = new Map<string, number>();

/** @param taskQueue of the workflow behind `charge` */
export function handlers({ nexus, rpc }: NexusSdk, taskQueue: string): object[] {
  return [
    rpc.serviceHandler(cards, {
      quote: (_context: unknown, { how, id = '' }: Charge) => {
        const times = (asked.get(id) ?? 0) + 1;
        asked.set(id, times);
        if (how === 'fail') return Promise.reject(new rpc.OperationError('failed', 'too dear'));
        if (how === 'cancel') return Promise.reject(new rpc.OperationError('canceled', 'not any more'));
        if (how === 'refuse') return Promise.reject(new rpc.HandlerError('BAD_REQUEST', 'what is that'));
        if (how === 'fail twice' && times < 3) return Promise.reject(new rpc.HandlerError('UNAVAILABLE', 'later'));
        return Promise.resolve(`quote: ${how}`);
      },
      charge: new nexus.WorkflowRunOperationHandler<Charge, string>((context, { how, id = '' }) =>
        nexus.startWorkflow(context, 'charging', { workflowId: id, taskQueue, args: [how] }),
      ),
      byHand: {
        start: (_context: unknown, { id = '' }: Charge) => Promise.resolve(rpc.HandlerStartOperationResult.async(id)),
        cancel: () => Promise.reject(new rpc.HandlerError('NOT_IMPLEMENTED', 'there is no way back')),
      },
    }),
  ];
}
