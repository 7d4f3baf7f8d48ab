import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from './activities';
import type { Order, Receipt } from './shared';

const { reserve, charge, refund, release, entriesOf } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: 10, backoffCoefficient: 1.5, maximumAttempts: 5 },
});
const { ship } = proxyActivities<Pick<Activities, 'ship'>>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '20ms', nonRetryableErrorTypes: ['TypeError'] },
});
const { waitForPickup } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

interface Compensation {
  readonly name: string;
  readonly run: () => Promise<void>;
}

async function compensate(compensations: Compensation[]): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    for (const { name, run } of compensations.reverse()) {
      log.info('compensating', { name });
      try {
        await run();
      } catch (err) {
        log.error('compensation failed', { name, err });
      }
    }
  });
}

export async function order(given: Order): Promise<Receipt> {
  const compensations: Compensation[] = [];
  try {
    compensations.unshift({ name: 'release', run: () => release(given) });
    await reserve(given);
    const { paymentId, attempts } = await charge(given);
    compensations.push({ name: 'refund', run: () => refund(given) });
    const parcel = await ship(given);
    return { orderId: given.id, paymentId, parcel, paymentAttempts: attempts };
  } catch (err) {
    await compensate(compensations);
    if (err instanceof ActivityFailure && err.cause instanceof ApplicationFailure) {
      throw ApplicationFailure.create({ message: `Order ${given.id} failed`, type: 'OrderFailed', details: [workflowInfo().workflowId], cause: err });
    }
    throw err;
  }
}

/** Reserved goods wait for the customer until the order is cancelled. */
export async function collect(given: Order): Promise<string> {
  await reserve(given);
  try {
    await waitForPickup(given);
    return 'collected';
  } catch (err) {
    if (!isCancellation(err)) throw err;
    await CancellationScope.nonCancellable(() => release(given));
    throw err;
  }
}

export async function patient(): Promise<void> {
  await sleep('30 days');
}

export async function audit(orderId: string): Promise<string[]> {
  return entriesOf(orderId);
}
