/**
 * The run whose code is executing now.
 *
 * All runs of a realm share this module. A run is current from the start of an activation until its microtasks have drained, and no
 * other run is activated before that; so whatever user code calls, and after whatever `await`, the current run is its own. That is how
 * `Date`, `Math.random` and the API functions know for whom they work. The executor keeps this promise; see `sdk/sandbox/realm.ts`.
 */
import { IllegalStateError } from '../common/errors.js';
import type { WorkflowRun } from './workflow-run.js';

let current: WorkflowRun | undefined;

/** Makes a run current; undefined when its activation is over. */
export function setCurrentRun(run: WorkflowRun | undefined): void {
  current = run;
}

/** The current run. @throws IllegalStateError naming `caller`, outside of workflow code. */
export function currentRun(caller: string): WorkflowRun {
  if (current === undefined) {
    throw new IllegalStateError(
      `${caller} was called outside of workflow code. It works only inside a function that a worker runs as a workflow ` +
        '(reached through workflowsPath); in other code use perdure/client.',
    );
  }
  return current;
}

/** True inside workflow code. */
export function inWorkflowContext(): boolean {
  return current !== undefined;
}
