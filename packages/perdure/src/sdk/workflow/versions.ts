/**
 * Changing workflow code by numbered versions, where `patched` would need one id for each step.
 *
 * A version is recorded as a patch called `<changeId>:<version>`, so other SDKs read such a history, and `patched('<changeId>:2')` means
 * the same as `getVersion(changeId, …) === 2`. What a run has once been told stays so for the whole run.
 */
import { currentRun } from './current-run.js';
import { DeterminismViolationError } from './errors.js';
import { recordPatch } from './patches.js';
import type { WorkflowRun } from './workflow-run.js';

/** The version of code from before the first `getVersion` of a change. */
export const DEFAULT_VERSION = -1;

/**
 * Which version of a change this run takes: the newest for runs that get here for the first time, the recorded one in a replay, and
 * {@link DEFAULT_VERSION} for runs that passed here before the call was there.
 *
 * Raise `maxSupported` with each change; raise `minSupported` when no run of the versions below is left.
 *
 * @throws RangeError for numbers that are no versions; DeterminismViolationError (which fails the workflow task) if the run has a
 * version that the code does not support any more, or not yet.
 * @example
 * const version = getVersion('charging', DEFAULT_VERSION, 2);
 * if (version === DEFAULT_VERSION) await chargeOldWay();
 * else if (version === 1) await charge();
 * else await chargeInParts();
 */
export function getVersion(changeId: string, minSupported: number, maxSupported: number): number {
  const run = currentRun('getVersion');
  if (!Number.isInteger(minSupported) || !Number.isInteger(maxSupported) || minSupported < DEFAULT_VERSION || maxSupported < Math.max(0, minSupported)) {
    throw new RangeError(`getVersion needs whole numbers, from ${DEFAULT_VERSION} and 0 upwards and in order; it was given ${minSupported} and ${maxSupported}.`);
  }
  const version = run.versions.get(changeId) ?? recordedVersion(run, changeId) ?? (run.isReplaying ? DEFAULT_VERSION : maxSupported);
  if (version < minSupported || version > maxSupported) {
    const error = new DeterminismViolationError(
      `This run has version ${version} of '${changeId}'; the code supports ${minSupported} to ${maxSupported}. ` +
        (version < minSupported ? 'Bring the code for that version back until such runs are over.' : 'Deploy the newer code, which the run has seen already.'),
    );
    run.handleFailure(error);
    throw error;
  }
  run.versions.set(changeId, version);
  if (version !== DEFAULT_VERSION) recordPatch(run, patchIdOf(changeId, version), getVersion);
  return version;
}

function patchIdOf(changeId: string, version: number): string {
  return `${changeId}:${version}`;
}

/** What the history that is known so far says. */
function recordedVersion(run: WorkflowRun, changeId: string): number | undefined {
  const prefix = patchIdOf(changeId, 0).slice(0, -1);
  for (const patchId of run.knownPatches) {
    const version = patchId.startsWith(prefix) ? patchId.slice(prefix.length) : '';
    if (/^\d+$/.test(version)) return Number(version);
  }
  return undefined;
}
