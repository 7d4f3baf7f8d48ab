/** Activities of the scenarios, written for whichever SDK `bind` is given. */
import type * as OurActivity from 'perdure/activity';

let sdk: typeof OurActivity;
/** Task tokens of activities that wait to be completed from outside, by workflow id. */
export const tokens = new Map<string, Uint8Array>();

/** Tells the activities which SDK they run in. */
export function bind(activitySdk: typeof OurActivity): void {
  sdk = activitySdk;
}

export async function greet(name: string): Promise<string> {
  return `[${name}]`;
}

/** Fails that many attempts, then answers the number of the attempt. */
export async function failTimes(failures: number): Promise<number> {
  const { attempt } = sdk.Context.current().info;
  if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
  return attempt;
}

export async function decline(reason: string): Promise<void> {
  throw sdk.ApplicationFailure.nonRetryable(reason, 'Declined');
}

export async function heartbeatForever(): Promise<void> {
  const context = sdk.Context.current();
  for (;;) {
    context.heartbeat();
    await context.sleep(20);
  }
}

/** Attempt 1 reports progress and then hangs past its heartbeat timeout; attempt 2 answers the progress it found. */
export async function resume(): Promise<number> {
  const context = sdk.Context.current();
  if (context.info.attempt === 1) {
    context.heartbeat(42);
    await context.sleep(60_000);
  }
  return context.info.heartbeatDetails as number;
}

export async function completedElsewhere(): Promise<string> {
  const { info } = sdk.Context.current();
  tokens.set(info.workflowExecution?.workflowId ?? '', info.taskToken);
  throw new sdk.CompleteAsyncError();
}
