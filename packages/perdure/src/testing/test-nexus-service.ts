/** A service and its handlers, for the tests of this folder. */
import { HandlerError, operation, service, serviceHandler } from 'nexus-rpc';
import { startWorkflow, TemporalOperationHandler, WorkflowRunOperationHandler } from '../sdk/nexus/index.js';
import { ledger } from './test-nexus-workflows.js';
import { approve } from './test-nexus-definitions.js';

export const office = service('office', {
  greet: operation<string, string>(),
  flaky: operation<number, number>(),
  book: operation<string, string>(),
  approve: operation<string, string>(),
});

export const seen: { headers: Record<string, string>[]; attempts: number; requestIds: Set<string> } = { headers: [], attempts: 0, requestIds: new Set() };

export const officeService = serviceHandler(office, {
  async greet(context, name) {
    seen.headers.push({ ...context.headers });
    return `hello ${name}`;
  },
  async flaky(context, failures) {
    seen.attempts += 1;
    seen.requestIds.add(context.requestId);
    if (seen.attempts <= failures) throw new HandlerError('UNAVAILABLE', 'try later');
    return seen.attempts;
  },
  book: new WorkflowRunOperationHandler((context, entry) => startWorkflow(context, ledger, { args: [entry], workflowId: `ledger-${entry}` })),
  approve: new TemporalOperationHandler<string, string>({
    start: (_context, client, entry) => client.getWorkflowHandle(`ledger-${entry}`).update(approve, { args: ['the boss'] }),
  }),
});
