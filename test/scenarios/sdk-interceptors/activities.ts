/** Activities for interceptors: they tell what came with the call. */
import type * as Activity from 'perdure/activity';

export const activities = (_sdk: typeof Activity) => ({
  async greet(name: string): Promise<string> {
    return `hello ${name}`;
  },
});

export type Activities = ReturnType<typeof activities>;
