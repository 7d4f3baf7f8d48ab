import { CompleteAsyncError, Context, activityInfo, heartbeat } from '@temporalio/activity';

export interface Desk {
  /** Told which activity waits for its signature. */
  readonly waiting: (request: { readonly name: string; readonly taskToken: Uint8Array }) => void;
}

export function createActivities(desk: Desk) {
  return {
    async write(region: string): Promise<number> {
      heartbeat({ region });
      return region.length;
    },
    /** Somebody else completes it. */
    async sign(name: string): Promise<string> {
      heartbeat('on the desk');
      desk.waiting({ name, taskToken: activityInfo().taskToken });
      throw new CompleteAsyncError();
    },
    async countTo(limit: number): Promise<number> {
      const context = Context.current();
      for (let number = (context.info.heartbeatDetails as number | undefined) ?? 0; number < limit; number++) {
        context.heartbeat(number + 1);
        if (context.cancellationSignal.aborted) break;
      }
      await context.sleep(1);
      return limit;
    },
  };
}

export type Activities = ReturnType<typeof createActivities>;
