/** Activities of the deployment scenarios. */
import type * as Activity from 'perdure/activity';

export const activities = (_sdk: typeof Activity) => ({
  async work(): Promise<string> {
    return 'done';
  },
});
export type Activities = ReturnType<typeof activities>;
