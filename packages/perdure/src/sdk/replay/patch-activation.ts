/** Lets the program of a worker decide which runs take a patch, so that new code can be rolled out to some first. */
import type { RunStart } from '../workflow/activation.js';
import type { WorkflowInfo } from '../workflow/info.js';

export interface PatchActivationInput {
  /** Of the run that comes to the patch: a copy. */
  readonly workflowInfo: Readonly<WorkflowInfo>;
  readonly patchId: string;
}

/**
 * True: the run takes the patch, and history says so. False: it goes the old way, also when it comes by again.
 *
 * It runs outside of workflow code, may use the clock and chance, and holds up the worker while it does.
 */
export type PatchActivationCallback = (input: PatchActivationInput) => boolean;

/** @throws TypeError (which fails the workflow task) if the callback answers anything but true or false. */
export function patchActivation(callback: PatchActivationCallback | undefined): RunStart['activatesPatch'] {
  if (callback === undefined) return undefined;
  return (patchId, info) => {
    const answer: unknown = callback({ patchId, workflowInfo: { ...(info() as WorkflowInfo) } });
    if (typeof answer !== 'boolean') throw new TypeError(`patchActivationCallback must answer true or false; for patch '${patchId}' it answered ${String(answer)}.`);
    return answer;
  };
}
