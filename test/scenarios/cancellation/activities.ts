/** Activities of the cancellation scenarios, for whichever SDK they are given. */
import type * as Activity from 'perdure/activity';

export const activities = (sdk: typeof Activity) => ({
  /** Fails when it is cancelled. */
  async failsWhenCancelled(): Promise<void> {
    const context = sdk.Context.current();
    for (;;) {
      context.heartbeat();
      try {
        await context.sleep(20);
      } catch {
        throw sdk.ApplicationFailure.retryable('the work is broken', 'Broken');
      }
    }
  },
});

export type Activities = ReturnType<typeof activities>;
