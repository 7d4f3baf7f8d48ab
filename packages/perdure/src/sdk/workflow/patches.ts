/**
 * Changing workflow code while executions run.
 *
 * `patched(id)` is true where the new way is to be taken: always in live execution, where it also records a marker in the history, and
 * in a replay if the marker is there. So executions that passed this place before the change keep to the old way. Once none of them is
 * left, `deprecatePatch(id)` stands in for the call; once no history with the marker matters any more, that can go too.
 */
import { currentRun } from './current-run.js';
import { workflowInfo } from './info.js';
import { callSite, type WorkflowRun } from './workflow-run.js';

/**
 * True if the new code is to run.
 *
 * @example if (patched('charge-before-shipping')) { … } else { … }
 */
export function patched(patchId: string): boolean {
  return patch(patchId, false);
}

/** Records that the old way is gone: histories with the marker replay, those from before do not. */
export function deprecatePatch(patchId: string): void {
  patch(patchId, true);
}

function patch(patchId: string, deprecated: boolean): boolean {
  const run = currentRun(deprecated ? 'deprecatePatch' : 'patched');
  if (run.sentPatches.has(patchId)) return true;
  if (run.refusedPatches.has(patchId)) return false;
  if (!run.knownPatches.has(patchId)) {
    const { activatesPatch } = run.start;
    if (run.isReplaying && activatesPatch === undefined) return false;
    if (run.isReplaying || (!deprecated && activatesPatch?.(patchId, () => workflowInfo()) === false)) {
      run.refusedPatches.set(patchId, true);
      return false;
    }
  }
  run.push({ kind: 'set-patch', patchId, deprecated, site: callSite(patch) });
  run.sentPatches.add(patchId);
  return true;
}

/** Records a patch that the run takes, once. `below`: the API function whose caller it is reported to belong to. */
export function recordPatch(run: WorkflowRun, patchId: string, below: (...args: never[]) => unknown): void {
  if (run.sentPatches.has(patchId)) return;
  run.push({ kind: 'set-patch', patchId, deprecated: false, site: callSite(below) });
  run.sentPatches.add(patchId);
}
