/** Workflows of the scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  uuid4,
  workflowInfo,
} from 'perdure/workflow';
import type * as activities from './activities.js';

const fast = proxyActivities<typeof activities>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: '10ms', backoffCoefficient: 1 } });
const once = proxyActivities<typeof activities>({ startToCloseTimeout: '20 seconds', retry: { maximumAttempts: 1 } });
const watched = proxyActivities<typeof activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '500ms',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '10ms', maximumAttempts: 3 },
});

export async function hello(name: string): Promise<string> {
  return `hello, ${name}`;
}

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

export async function manySleeps(count: number): Promise<number> {
  for (let i = 0; i < count; i++) await sleep(1);
  return count;
}

export const approve = defineSignal<[string]>('approve');
export async function approval(timeoutMs: number): Promise<string> {
  let by: string | undefined;
  setHandler(approve, (name) => {
    by = name;
  });
  const inTime = await condition(() => by !== undefined, timeoutMs);
  return inTime ? `approved by ${by}` : 'timed out';
}

export const push = defineSignal<[number]>('push');
export const pushed = defineQuery<number[]>('pushed');
export async function ordered(count: number): Promise<number[]> {
  const values: number[] = [];
  setHandler(push, (value) => void values.push(value));
  setHandler(pushed, () => values);
  await condition(() => values.length >= count);
  return values;
}

export async function cleansUp(): Promise<string> {
  try {
    await sleep('1 hour');
    return 'slept';
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => fast.greet('cleanup'));
    throw error;
  }
}

export async function cancelsActivity(): Promise<string> {
  const scope = new CancellationScope();
  const running = scope.run(() => watched.heartbeatForever());
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

export async function businessFailure(): Promise<void> {
  throw ApplicationFailure.create({ message: 'no stock', type: 'OutOfStock', nonRetryable: true, details: ['sku-1', 3] });
}

export async function asyncCompletion(): Promise<string> {
  return once.completedElsewhere();
}

export async function deterministic(): Promise<{ first: string; second: string; random: number; elapsed: number; runId: string }> {
  const from = Date.now();
  const first = uuid4();
  const random = Math.random();
  await sleep(20);
  return { first, second: uuid4(), random, elapsed: Date.now() - from, runId: workflowInfo().runId };
}

export async function multiStep(): Promise<string> {
  let text = '';
  for (let i = 0; i < 5; i++) text += await fast.greet(String(i));
  return text;
}

export async function neverPolled(): Promise<string> {
  const nobody = proxyActivities<typeof activities>({ taskQueue: 'nobody-listens', scheduleToStartTimeout: '100ms', startToCloseTimeout: '1s' });
  return nobody.greet('x');
}
