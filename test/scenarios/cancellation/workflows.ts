/** Workflows that are cancelled. The text runs with our SDK and, its imports renamed, with the official one. */
import { ActivityCancellationType, CancellationScope, condition, defineSignal, isCancellation, proxyActivities, setHandler, sleep } from 'perdure/workflow';
import type { Activities } from './activities.js';

const { failsWhenCancelled } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '2s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '10ms' },
});

export async function cancelsWhatFails(): Promise<void> {
  const scope = new CancellationScope();
  const running = scope.run(() => failsWhenCancelled());
  await sleep(300);
  scope.cancel();
  await running;
}

/** Ends by a signal, or by a cancel request. */
export async function endsSomehow(): Promise<string> {
  let done = false;
  setHandler(defineSignal('finish'), () => {
    done = true;
  });
  try {
    await condition(() => done);
    return 'finished';
  } catch (error) {
    if (isCancellation(error)) return 'cancelled';
    throw error;
  }
}
