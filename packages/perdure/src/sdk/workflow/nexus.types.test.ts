/**
 * What the compiler knows of Nexus: inputs and outputs by the contract, on both sides. Compiling this file is the test: an error that no
 * longer happens makes its `@ts-expect-error` an error.
 */
import { operation, service, serviceHandler } from 'nexus-rpc';
import { startWorkflow, WorkflowRunOperationHandler, type WorkflowHandle } from '../nexus/index.js';
import type { createNexusServiceClient, NexusOperationHandle, NexusServiceClient } from './nexus.js';

const bank = service('bank', { charge: operation<{ cents: number }, string>(), count: operation<void, number>({ name: 'how-many' }) });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

type Client = NexusServiceClient<typeof bank>;
declare const client: Client;
declare const charge: (invoice: { cents: number }) => Promise<string>;
declare const count: () => Promise<number>;

/** Never called: only its types matter. */
export async function types(): Promise<void> {
  const receipt = await client.executeOperation('charge', { cents: 1 });
  holds<Same<typeof receipt, string>>();
  const number = await client.executeOperation(bank.operations.count, undefined);
  holds<Same<typeof number, number>>();
  const handle = await client.startOperation('charge', { cents: 1 }, { cancellationType: 'TRY_CANCEL' });
  holds<Same<typeof handle, NexusOperationHandle<string>>>();
  // @ts-expect-error no such operation
  await client.executeOperation('refund', { cents: 1 });
  // @ts-expect-error the input is another
  await client.executeOperation('charge', { euros: 1 });
  // @ts-expect-error no such way to cancel
  await client.startOperation('charge', { cents: 1 }, { cancellationType: 'SOMEHOW' });
  holds<Same<ReturnType<typeof createNexusServiceClient<typeof bank>>, Client>>();

  serviceHandler(bank, {
    charge: new WorkflowRunOperationHandler(async (context, invoice) => startWorkflow(context, charge, { args: [invoice], workflowId: 'charge' })),
    count: new WorkflowRunOperationHandler(async (context) => startWorkflow(context, 'by-name', { workflowId: 'count' })),
  });
  serviceHandler(bank, {
    // @ts-expect-error the workflow gives a number, the operation a string
    charge: new WorkflowRunOperationHandler<{ cents: number }, string>(async (context) => startWorkflow(context, count, { workflowId: 'count' })),
    count: async () => 1,
  });
  // @ts-expect-error results of handles are told apart
  const wrong: WorkflowHandle<number> = undefined as unknown as WorkflowHandle<string>;
  void wrong;
}
