/** Activities that clients start by themselves, for whichever SDK they are given. */
import type * as Activity from 'perdure/activity';

/** Task tokens of activities that wait to be completed from outside, by activity id. */
export const tokens = new Map<string, Uint8Array>();

export const activities = (sdk: typeof Activity) => ({
  async greet(name: string): Promise<string> {
    return `[${name}]`;
  },

  async whoAmI() {
    const { activityId, activityRunId, inWorkflow, workflowExecution, workflowType, attempt } = sdk.Context.current().info;
    return { activityId, activityRunId, inWorkflow, workflowExecution: workflowExecution ?? null, workflowType: workflowType ?? null, attempt };
  },

  /** Fails that many attempts, then answers the number of the attempt. */
  async failTimes(failures: number): Promise<number> {
    const { attempt } = sdk.Context.current().info;
    if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
    return attempt;
  },

  async decline(reason: string): Promise<void> {
    throw sdk.ApplicationFailure.nonRetryable(reason, 'Declined', { code: 402 });
  },

  async heartbeatForever(): Promise<void> {
    const context = sdk.Context.current();
    for (;;) {
      context.heartbeat('beat');
      await context.sleep(20);
    }
  },

  /** Attempt 1 reports progress and then hangs past its heartbeat timeout; attempt 2 answers the progress it found. */
  async resume(): Promise<unknown> {
    const context = sdk.Context.current();
    if (context.info.attempt > 1) return context.info.heartbeatDetails;
    context.heartbeat(42);
    await context.sleep(60_000);
    return undefined;
  },

  async hang(): Promise<void> {
    await sdk.Context.current().sleep(60_000);
  },

  async fromOutside(): Promise<void> {
    const { activityId, taskToken } = sdk.Context.current().info;
    tokens.set(activityId, taskToken);
    throw new sdk.CompleteAsyncError();
  },
});
