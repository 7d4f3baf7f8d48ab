/** Activities of the restart scenarios, for whichever SDK they are given. */
import type * as Activity from 'perdure/activity';

/** Task tokens of activities that wait to be completed from outside, by workflow id. */
export const tokens = new Map<string, Uint8Array>();

export const activities = (sdk: typeof Activity) => ({
  async failTimes(failures: number): Promise<number> {
    const { attempt } = sdk.Context.current().info;
    if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
    return attempt;
  },

  async completedElsewhere(): Promise<string> {
    const { info } = sdk.Context.current();
    tokens.set(info.workflowExecution?.workflowId ?? '', info.taskToken);
    throw new sdk.CompleteAsyncError();
  },
});

export type Activities = ReturnType<typeof activities>;
