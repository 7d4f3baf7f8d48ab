/** Workflows that call Nexus operations, for the tests of this folder. */
import { HandlerError, operation, service } from 'nexus-rpc';
import { CancellationScope, condition, createNexusServiceClient, isCancellation, NexusOperationFailure, sleep, type NexusOperationCancellationType } from 'perdure/workflow';

class Money {
  constructor(readonly cents: number) {}
}

const inCents = { transferTypeConverter: { toTransferType: (money: Money) => money.cents, fromTransferType: (cents: unknown) => new Money(Number(cents)) } };

const bank = service('bank', {
  charge: operation<string, string>(),
  double: operation<Money, Money>({ name: 'double-it', inputType: inCents, outputType: inCents }),
});

const client = createNexusServiceClient({ endpoint: 'bank-endpoint', service: bank });

export async function charge(order: string): Promise<string> {
  return client.executeOperation('charge', order, { scheduleToCloseTimeout: '1 minute', startToCloseTimeout: 30_000, summary: 'the money' });
}

export async function double(cents: number): Promise<string> {
  const result = await client.executeOperation(bank.operations.double, new Money(cents));
  return `${result instanceof Money} ${result.cents}`;
}

export async function started(): Promise<string> {
  const handle = await client.startOperation('charge', 'order-1');
  return `${handle.service}/${handle.operation}/${handle.token} ${await handle.result()}`;
}

/** Between the start and the end nothing is lost, however long it takes. */
export async function awaitedLate(): Promise<string> {
  const handle = await client.startOperation('charge', 'order-1');
  await sleep(1_000);
  return handle.result();
}

export async function refused(): Promise<string> {
  try {
    return await client.executeOperation('charge', 'order-1');
  } catch (error) {
    if (!(error instanceof NexusOperationFailure)) throw error;
    const { cause } = error;
    return cause instanceof HandlerError ? `${error.operation}: ${cause.type} ${cause.rawErrorType} ${cause.retryable} ${cause.message}` : `${error.operation}: ${String(cause)}`;
  }
}

/** What the failure is made of goes on to whoever started this workflow. */
export async function passesOn(): Promise<string> {
  return client.executeOperation('charge', 'order-1');
}

export async function cancelled(cancellationType: NexusOperationCancellationType, when: 'before' | 'after'): Promise<string> {
  const scope = new CancellationScope();
  let hasStarted = false;
  const result = scope.run(async () => {
    const handle = await client.startOperation('charge', 'order-1', { cancellationType });
    hasStarted = true;
    return handle.result();
  });
  result.catch(() => undefined);
  if (when === 'after') await condition(() => hasStarted);
  scope.cancel();
  try {
    return await result;
  } catch (error) {
    return `${isCancellation(error)} ${(error as Error).message}`;
  }
}

export async function unknownOperation(): Promise<string> {
  return client.executeOperation('chrage' as 'charge', '');
}
