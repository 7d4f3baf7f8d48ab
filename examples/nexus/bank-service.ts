/** The bank's side: which code serves which operation. */
import { HandlerError, OperationError, serviceHandler } from 'nexus-rpc';
import { startWorkflow, WorkflowRunOperationHandler } from 'perdure/nexus';
import { collect } from './bank-workflows.js';
import { bank } from './service.js';

export const bankService = serviceHandler(bank, {
  async fee(_context, cents) {
    // The caller's mistake: nobody tries again.
    if (!Number.isInteger(cents) || cents < 1) throw new HandlerError('BAD_REQUEST', 'cents must be a whole number above 0');
    // The answer is no, and that is an answer.
    if (cents > 1_000_000) throw new OperationError('failed', 'too much for this bank');
    return Math.ceil(cents / 50);
  },
  // The id comes from the business: an invoice that is sent twice is collected once.
  collect: new WorkflowRunOperationHandler((context, invoice) => startWorkflow(context, collect, { args: [invoice], workflowId: `collect-${invoice.orderId}` })),
});
