/** Activities of the reset scenarios, for whichever SDK runs them. */
import type * as Activity from 'perdure/activity';

export const activities = (sdk: typeof Activity) => ({
  async stepped(n: number): Promise<number> {
    return n + 1;
  },

  /** Fails until the run that it belongs to is one that a reset made: the first run of the key is remembered. */
  async attempted(key: string): Promise<string> {
    const { workflowExecution, attempt } = sdk.Context.current().info;
    const first = firstRuns.get(key) ?? workflowExecution?.runId;
    if (first !== undefined) firstRuns.set(key, first);
    if (first === workflowExecution?.runId) throw new Error(`attempt ${attempt} of the first run`);
    return `attempt ${attempt}`;
  },
});

const firstRuns = new Map<string, string>();

export type Activities = ReturnType<typeof activities>;
