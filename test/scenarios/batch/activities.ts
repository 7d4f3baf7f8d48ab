/** Activities of the batch scenarios. */
import type * as Activity from 'perdure/activity';

export const activities = (sdk: typeof Activity) => ({
  /** Fails at each run's first execution, whatever number its attempt has. */
  async attempted(): Promise<string> {
    const { attempt, workflowExecution } = sdk.activityInfo();
      const runId = workflowExecution?.runId ?? '';
    if (!seen.has(runId)) {
      seen.add(runId);
      throw new Error('not yet');
    }
    return `attempt ${attempt}`;
  },
});

const seen = new Set<string>();

export type Activities = ReturnType<typeof activities>;
