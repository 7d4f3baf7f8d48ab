/** Activities of the option scenarios. */
import type * as Activity from 'perdure/activity';

export const activities = (sdk: typeof Activity) => ({
  async priority(): Promise<number | undefined> {
    return sdk.Context.current().info.priority?.priorityKey;
  },
});

export type Activities = ReturnType<typeof activities>;
