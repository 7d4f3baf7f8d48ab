/** What the workflows of the simulation do to the world, and the witness of it. */
import { ApplicationFailure, activityInfo, heartbeat, sleep } from 'perdure/activity';

export type Activities = ReturnType<typeof createActivities>;

/** Notes every attempt that runs. */
export class Witness {
  readonly #attempts = new Set<string>();
  readonly problems: string[] = [];

  attempt(): void {
    const { activityId, attempt, workflowExecution, isLocal } = activityInfo();
    // A local activity runs again with its workflow task: nobody but the worker knows of it.
    if (isLocal) return;
    const name = `attempt ${attempt} of activity ${activityId} of ${workflowExecution?.workflowId} ${workflowExecution?.runId}`;
    if (this.#attempts.has(name)) this.problems.push(`${name} was handed out twice`);
    this.#attempts.add(name);
  }
}

export function createActivities(witness: Witness) {
  return {
    /** Fails until its attempt number is above `failures`. */
    async step(name: string, failures: number): Promise<string> {
      witness.attempt();
      if (activityInfo().attempt <= failures) throw ApplicationFailure.retryable(`${name} fails, as planned`, 'Planned');
      return name;
    },

    async slowStep(name: string, ms: number): Promise<string> {
      witness.attempt();
      for (let passedMs = 0; passedMs < ms; passedMs += 500) {
        heartbeat(passedMs);
        await sleep(500);
      }
      return name;
    },
  };
}
