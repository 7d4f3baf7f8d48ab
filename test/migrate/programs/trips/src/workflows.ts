import { ApplicationFailure, CancellationScope, getExternalWorkflowHandle, log, proxyActivities, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Activities } from './activities';

const { book, cancelBooking, printTickets, giveUp } = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: 5, maximumAttempts: 2, nonRetryableErrorTypes: ['SoldOut'] },
});

export async function trip(wish: string): Promise<string[]> {
  const done: string[] = [];
  const compensations: string[] = [];
  try {
    for (const what of ['car', 'hotel', 'flight']) {
      compensations.unshift(what);
      done.push(await book(what, wish));
    }
    return done;
  } catch (err) {
    await CancellationScope.nonCancellable(async () => {
      for (const what of compensations) done.push(await cancelBooking(what));
    });
    log.debug('the trip is off', { done });
    throw ApplicationFailure.create({ message: 'no trip', nonRetryable: true, details: [done], cause: err as Error });
  }
}

export async function tickets(): Promise<string> {
  return printTickets(5);
}

export async function moody(): Promise<void> {
  await giveUp();
}

export async function letter(): Promise<void> {
  await getExternalWorkflowHandle('nobody').signal('hello');
}

/** Attributes without types have a typed form as well; an empty list takes one away. */
export async function found(): Promise<unknown[]> {
  upsertSearchAttributes({ ReportPages: [7], ReportTags: ['a', 'b'], ReportRegion: [] });
  const { searchAttributes, typedSearchAttributes } = workflowInfo();
  const typed = typedSearchAttributes.getAll().map(({ key, value }) => `${key.name} ${key.type} ${String(value)}`);
  return [searchAttributes, typed.sort()];
}
