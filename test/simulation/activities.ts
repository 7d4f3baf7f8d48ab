/** What the workflows of the simulation do to the world, and the witness of it. */
import { ApplicationFailure, activityInfo, CompleteAsyncError, heartbeat, sleep } from 'perdure/activity';

export type Activities = ReturnType<typeof createActivities>;
export type VersionActivities = ReturnType<typeof createVersionActivities>;

interface Attempt {
  readonly number: number;
  readonly atMs: number;
}

/**
 * Notes every attempt that runs: none runs twice, and none is left out that did not time out. The second is told by the clock, so that it
 * holds only as long as nobody sets that.
 */
export class Witness {
  readonly problems: string[] = [];
  /** Attempts that were left out too soon. */
  readonly gaps: string[] = [];
  readonly #attempts = new Set<string>();
  readonly #latest = new Map<string, Attempt>();
  readonly #now: () => number;

  /** @param now the wall clock of the server */
  constructor(now: () => number) {
    this.#now = now;
  }

  attempt(): void {
    const { activityId, attempt, workflowExecution: run, activityRunId, isLocal, base64TaskToken, startToCloseTimeoutMs, heartbeatTimeoutMs = Infinity, scheduledTimestampMs } = activityInfo();
    // A local activity runs again with its workflow task: nobody but the worker knows of it.
    if (isLocal) return;
    const activity = `activity ${activityId} of ${run === undefined ? activityRunId : `${run.workflowId} ${run.runId}`}`;
    const name = `attempt ${attempt} of ${activity}`;
    // Where operators reset an activity its attempts begin with 1 again: only tokens tell them apart.
    const unique = run === undefined ? base64TaskToken : name;
    if (this.#attempts.has(unique)) this.problems.push(`${name} was handed out twice`);
    this.#attempts.add(unique);
    const { number, atMs } = this.#latest.get(activity) ?? { number: 0, atMs: scheduledTimestampMs };
    const leftOut = attempt - number - 1;
    if (leftOut > 0 && this.#now() - atMs < leftOut * Math.min(startToCloseTimeoutMs, heartbeatTimeoutMs)) this.gaps.push(`${name} came ${this.#now() - atMs} ms after attempt ${number}`);
    this.#latest.set(activity, { number: attempt, atMs: this.#now() });
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

    /** Somebody else ends it. */
    async fromOutside(): Promise<void> {
      witness.attempt();
      throw new CompleteAsyncError();
    },
  };
}

/** Activities of the workers that run this build. */
export function createVersionActivities(witness: Witness, build: string) {
  return {
    async whichBuild(): Promise<string> {
      witness.attempt();
      if (activityInfo().attempt === 1) throw ApplicationFailure.retryable('it fails once, as planned', 'Planned');
      return build;
    },
  };
}
