/** Activities that the workflows of this area run as local ones. */
import type * as Activity from 'perdure/activity';

const failures = new Map<string, number>();

export const activities = (sdk: typeof Activity) => ({
  async plusOne(value: number): Promise<number> {
    return value + 1;
  },
  async nothing(): Promise<void> {},
  async fail(): Promise<never> {
    throw new Error('boom');
  },
  async decline(): Promise<never> {
    throw sdk.ApplicationFailure.nonRetryable('declined', 'Declined', { code: 7 });
  },
  /** Fails so many times, then says which attempt it is. */
  async flaky(times: number): Promise<[attempt: number, isLocal: boolean]> {
    const { info } = sdk.Context.current();
    const key = `${info.workflowExecution?.runId}/${times}`;
    const before = failures.get(key) ?? 0;
    failures.set(key, before + 1);
    if (before < times) throw new Error(`failure ${before + 1}`);
    return [info.attempt, info.isLocal];
  },
  async slow(millis: number): Promise<string> {
    return new Promise((resolve) => setTimeout(resolve, millis, 'slow'));
  },
  async untilCancelled(): Promise<string> {
    await sdk.sleep(10_000);
    return 'not cancelled';
  },
});

export type Activities = ReturnType<typeof activities>;
