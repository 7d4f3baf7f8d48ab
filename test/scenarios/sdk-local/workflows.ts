/** Workflows of the local activity scenarios. The text runs with our SDK and, its imports renamed, with the official one. */
import { CancellationScope, proxyActivities, proxyLocalActivities, sleep, type ActivityCancellationType, type ActivityFailure } from 'perdure/workflow';
import type { Activities } from './activities.js';

const local = proxyLocalActivities<Activities>({ startToCloseTimeout: '10 seconds' });
const remote = proxyActivities<Activities>({ startToCloseTimeout: '10 seconds' });

interface Seen {
  name: string;
  message: string;
  cause?: Seen;
}

function seen(error: unknown): Seen {
  const { name, message, cause } = error as ActivityFailure;
  return cause === undefined ? { name, message } : { name, message, cause: seen(cause) };
}

export async function localResults(): Promise<unknown[]> {
  const one = await local.plusOne(1);
  const nothing = await local.nothing();
  const several = await Promise.all([local.plusOne(10), remote.plusOne(20), local.plusOne(30)]);
  await sleep(1);
  return [one, nothing === undefined, several];
}

export async function localRetried(): Promise<unknown> {
  return proxyLocalActivities<Activities>({ startToCloseTimeout: '10 seconds', retry: { initialInterval: '20ms' } }).flaky(2);
}

export async function localBackedOff(): Promise<unknown> {
  const backingOff = proxyLocalActivities<Activities>({
    startToCloseTimeout: '10 seconds',
    localRetryThreshold: '50ms',
    retry: { initialInterval: '100ms', backoffCoefficient: 1 },
  });
  return backingOff.flaky(2);
}

export async function localFailures(): Promise<Seen[]> {
  const once = { startToCloseTimeout: '100ms', retry: { maximumAttempts: 1 } } as const;
  const errors: Seen[] = [];
  for (const call of [
    () => proxyLocalActivities<Activities>(once).fail(),
    () => local.decline(),
    () => proxyLocalActivities<Activities>(once).slow(1_000),
    () => proxyLocalActivities<Activities>({ scheduleToCloseTimeout: '100ms' }).slow(1_000),
  ]) {
    await call().then(undefined, (error: unknown) => errors.push(seen(error)));
  }
  await sleep(1);
  return errors;
}

export async function localCancelled(cancellationType: ActivityCancellationType): Promise<Seen | string> {
  const activities = proxyLocalActivities<Activities>({ startToCloseTimeout: '10 seconds', cancellationType });
  const scope = new CancellationScope();
  const outcome = scope.run(() => activities.untilCancelled()).catch(seen);
  await local.plusOne(1);
  scope.cancel();
  const ended = await outcome;
  await sleep(1);
  return ended;
}

export async function localLong(millis: number): Promise<string> {
  const text = await local.slow(millis);
  await sleep(1);
  return text;
}

/** Time passes with each local activity, and replay agrees. */
export async function localTime(): Promise<boolean> {
  const times = [Date.now()];
  for (let round = 0; round < 2; round++) {
    await local.slow(30);
    times.push(Date.now());
    await sleep(1);
    times.push(Date.now());
  }
  return times.every((time, index) => index === 0 || time >= times[index - 1]!) && times[1]! > times[0]!;
}
