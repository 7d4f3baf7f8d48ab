/** Activities of the activity scenarios, for whichever SDK they are given. */
import type * as Activity from 'perdure/activity';

/** Task tokens of activities that wait to be completed from outside, by workflow id. */
export const tokens = new Map<string, Uint8Array>();

/** Workflow ids whose `failUntilAllowed` may succeed. */
export const allowed = new Set<string>();

export const activities = (sdk: typeof Activity) => ({
  async greet(name: string): Promise<string> {
    return `[${name}]`;
  },

  /** Fails that many attempts, then answers the number of the attempt. */
  async failTimes(failures: number): Promise<number> {
    const { attempt } = sdk.Context.current().info;
    if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
    return attempt;
  },

  async decline(reason: string): Promise<void> {
    throw sdk.ApplicationFailure.nonRetryable(reason, 'Declined');
  },

  async heartbeatForever(): Promise<void> {
    const context = sdk.Context.current();
    for (;;) {
      context.heartbeat();
      await context.sleep(20);
    }
  },

  /** Attempt 1 reports progress and then hangs past its heartbeat timeout; attempt 2 answers the progress it found. */
  async resume(): Promise<number> {
    const context = sdk.Context.current();
    if (context.info.attempt === 1) {
      context.heartbeat(42);
      await context.sleep(60_000);
    }
    return context.info.heartbeatDetails as number;
  },

  /** Fails and asks for the next attempt soon, whatever the retry policy says; attempt 2 succeeds. */
  async failAskingForDelay(nextRetryDelayMs: number): Promise<number> {
    const { attempt } = sdk.Context.current().info;
    if (attempt === 1) throw sdk.ApplicationFailure.create({ message: 'not yet', nextRetryDelay: nextRetryDelayMs });
    return attempt;
  },

  async failAs(type: string): Promise<void> {
    throw sdk.ApplicationFailure.retryable(`a ${type} failure`, type);
  },

  async sleepWithoutHeartbeat(ms: number): Promise<void> {
    await sdk.Context.current().sleep(ms);
  },

  /** Fails until the scenario allows it to succeed, then answers the number of the attempt. */
  async failUntilAllowed(): Promise<number> {
    const { info } = sdk.Context.current();
    if (!allowed.has(info.workflowExecution?.workflowId ?? '')) throw new Error('not allowed yet');
    return info.attempt;
  },

  /** Works until it is told to stop; then waits for the worker to be rid of it, or ends as cancelled. */
  async untilCancelled(): Promise<string> {
    const context = sdk.Context.current();
    for (let beat = 0; ; beat++) {
      context.heartbeat(beat);
      await context.sleep(20);
    }
  },

  async completedElsewhere(): Promise<string> {
    const { info } = sdk.Context.current();
    tokens.set(info.workflowExecution?.workflowId ?? '', info.taskToken);
    throw new sdk.CompleteAsyncError();
  },
});

export type Activities = ReturnType<typeof activities>;
