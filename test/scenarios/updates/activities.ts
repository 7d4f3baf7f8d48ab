/** Activities of the update scenarios. */
import type * as Activity from 'perdure/activity';

export const activities = (_sdk: typeof Activity) => ({
  async note(text: string): Promise<string> {
    return `noted ${text}`;
  },
});

export type Activities = ReturnType<typeof activities>;
