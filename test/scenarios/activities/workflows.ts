/** Workflows of the activity scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  type ActivityOptions,
} from 'perdure/workflow';
import type { Activities } from './activities.js';

const fast = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '10ms', backoffCoefficient: 1 } });
const once = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { maximumAttempts: 1 } });
const watched = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '500ms',
  retry: { initialInterval: '10ms', maximumAttempts: 3 },
});

/** Workers send heartbeats after four fifths of the timeout: the rest must do on a busy machine. */
const asked = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '3 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { maximumAttempts: 1 },
});

export async function greetByActivity(name: string): Promise<string> {
  return fast.greet(name);
}

export async function flaky(failures: number): Promise<number> {
  return fast.failTimes(failures);
}

export async function declined(): Promise<void> {
  await fast.decline('card declined');
}

export async function failsOnce(): Promise<void> {
  await once.failTimes(5);
}

export async function cancelsActivity(): Promise<string> {
  const scope = new CancellationScope();
  const running = scope.run(() => asked.heartbeatForever());
  await sleep(100);
  scope.cancel();
  try {
    await running;
    return 'completed';
  } catch (error) {
    return isCancellation(error) ? 'cancelled' : `failed: ${String(error)}`;
  }
}

export async function resumesFromHeartbeat(): Promise<number> {
  return watched.resume();
}

export async function parallel(count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => fast.greet(String(i))));
}

export async function asyncCompletion(): Promise<string> {
  return once.completedElsewhere();
}

/** An attempt that fails waits for an hour, unless somebody intervenes. */
const patient = proxyActivities<Activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '1 hour', nonRetryableErrorTypes: ['Fatal'] } });

export async function asksForDelay(): Promise<number> {
  return patient.failAskingForDelay(10);
}

export async function failsFatally(): Promise<void> {
  await patient.failAs('Fatal');
}

export async function patientActivity(): Promise<number> {
  return patient.failUntilAllowed();
}

export async function cancelsWaitingActivity(): Promise<string> {
  const scope = new CancellationScope();
  const waiting = scope.run(() => cancellable(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED).failUntilAllowed());
  await condition(() => cancelNow);
  scope.cancel();
  return outcome(waiting);
}

let cancelNow = false;
export const cancelIt = defineSignal('cancelIt');

function cancellable(cancellationType: ActivityCancellationType) {
  setHandler(cancelIt, () => void (cancelNow = true));
  return proxyActivities<Activities>({ startToCloseTimeout: '1 minute', heartbeatTimeout: '10 seconds', cancellationType, retry: { initialInterval: '1 hour' } });
}

async function outcome(running: Promise<unknown>): Promise<string> {
  try {
    await running;
    return 'completed';
  } catch (error) {
    return isCancellation(error) ? 'cancelled' : `failed: ${String(error)}`;
  }
}

/** The scope is cancelled when the signal comes; what becomes of the activity depends on the cancellation type. */
export async function cancelsByType(type: 'TRY_CANCEL' | 'ABANDON'): Promise<string> {
  const scope = new CancellationScope();
  const running = scope.run(() => cancellable(ActivityCancellationType[type]).untilCancelled());
  await condition(() => cancelNow);
  scope.cancel();
  return outcome(running);
}

export async function timesOut(options: ActivityOptions): Promise<void> {
  await proxyActivities<Activities>(options).sleepWithoutHeartbeat(30_000);
}

export async function runsOutOfTime(): Promise<void> {
  const hurried = proxyActivities<Activities>({ scheduleToCloseTimeout: '2s', retry: { initialInterval: '10s' } });
  await hurried.failTimes(100);
}

export async function neverPolled(): Promise<string> {
  const nobody = proxyActivities<Activities>({ taskQueue: 'nobody-listens', scheduleToStartTimeout: '100ms', startToCloseTimeout: '1s' });
  return nobody.greet('x');
}
