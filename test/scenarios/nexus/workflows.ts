import * as workflow from 'perdure/workflow';
import { cards, type Charge } from './service.js';

type Name = 'quote' | 'charge' | 'byHand';
type Options = Parameters<workflow.NexusServiceClient<typeof cards>['executeOperation']>[2];

/** One operation, and what came of it. */
export async function caller(endpoint: string, name: Name, input: Charge, options: Options = {}): Promise<string> {
  return workflow.createNexusServiceClient({ endpoint, service: cards }).executeOperation(name, input, options);
}

/** Says the operation's token once it has it, and then waits. */
export async function callerWithHandle(endpoint: string, name: Name, input: Charge): Promise<[boolean, string]> {
  const handle = await workflow.createNexusServiceClient({ endpoint, service: cards }).startOperation(name, input);
  return [handle.token !== undefined && handle.token !== '', await handle.result()];
}

/** Cancels the operation when the signal comes, and tells how that ended. */
export async function canceller(endpoint: string, name: Name, input: Charge, options: Options = {}): Promise<string> {
  let cancel = false;
  workflow.setHandler(workflow.defineSignal('cancel'), () => void (cancel = true));
  const scope = new workflow.CancellationScope();
  const result = scope.run(() => workflow.createNexusServiceClient({ endpoint, service: cards }).executeOperation(name, input, options));
  result.catch(() => undefined);
  await workflow.condition(() => cancel);
  scope.cancel();
  try {
    return await result;
  } catch (error) {
    return workflow.isCancellation(error) ? 'cancelled' : `failed: ${String(error)}`;
  }
}

/** So many at the same time. */
export async function many(endpoint: string, count: number): Promise<number> {
  const client = workflow.createNexusServiceClient({ endpoint, service: cards });
  const quotes = await Promise.all(Array.from({ length: count }, () => client.executeOperation('quote', { how: 'succeed' })));
  return quotes.length;
}

/** Behind the operation `charge`. */
export async function charging(how: string): Promise<string> {
  if (how === 'fail') throw workflow.ApplicationFailure.create({ message: 'no cover', type: 'NoCover', nonRetryable: true });
  if (how === 'wait') await workflow.condition(() => false);
  if (how === 'wait all the same') await workflow.CancellationScope.nonCancellable(() => workflow.condition(() => false));
  if (how === 'wait for the signal') {
    let go = false;
    workflow.setHandler(workflow.defineSignal('go'), () => void (go = true));
    await workflow.condition(() => go);
  }
  return `charged: ${how}`;
}
