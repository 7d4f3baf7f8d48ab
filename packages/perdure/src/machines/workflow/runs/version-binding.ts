/**
 * To which version of a worker deployment a run is bound, read from its state. A leaf: the debts of a run are needed by everything that
 * writes events. How it comes to be so, and changes: `versioning.ts`.
 */
import { VersioningBehavior } from '../../../protocol/index.js';
import type { RunState, VersioningOverride, WorkerDeploymentVersion } from '../../../protocol/index.js';
import { parseVersion } from '../../deployment-version.js';

/** The version to which the run's tasks go whatever the routing says. Undefined: they follow it. */
export function pinnedVersion({ versioningOverride, versioningBehavior, deploymentVersion }: RunState): WorkerDeploymentVersion | undefined {
  if (versioningOverride !== undefined) return overriddenVersion(versioningOverride);
  return versioningBehavior === VersioningBehavior.PINNED ? deploymentVersion : undefined;
}

/** The version that an override pins to; undefined: it lets the run follow the routing. */
export function overriddenVersion({ pinned, oneTime, behavior, pinnedVersion: text, deployment }: VersioningOverride): WorkerDeploymentVersion | undefined {
  if (pinned?.version !== undefined) return pinned.version;
  // It goes away when a worker of that version has completed a workflow task.
  if (oneTime?.targetDeploymentVersion !== undefined) return oneTime.targetDeploymentVersion;
  if (behavior !== VersioningBehavior.PINNED) return undefined;
  // As older clients write it.
  return parseVersion(text, '.') ?? (deployment && { deploymentName: deployment.seriesName, buildId: deployment.buildId });
}

export function isPinned(run: RunState): boolean {
  return (run.versioningOverride !== undefined || run.versioningBehavior === VersioningBehavior.PINNED) && pinnedVersion(run) !== undefined;
}

/** The version whose workers completed the latest workflow task and bound the run to it; of a run that began with one, that one. */
export function versionOf({ versioningBehavior, deploymentVersion }: RunState): WorkerDeploymentVersion | undefined {
  return versioningBehavior === VersioningBehavior.UNSPECIFIED ? undefined : deploymentVersion;
}

/** What is told to a run that this one begins. */
export interface InheritedVersion {
  readonly pinned?: WorkerDeploymentVersion | undefined;
  readonly autoUpgrade?: { readonly version: WorkerDeploymentVersion; readonly revision: number } | undefined;
}

/** A run that begins with the version of this one. Undefined: it begins without any. */
export function inheritedVersion(run: RunState): InheritedVersion | undefined {
  const pinned = pinnedVersion(run);
  if (pinned !== undefined) return { pinned };
  const version = versionOf(run);
  if (version === undefined) return undefined;
  return { autoUpgrade: { version, revision: run.routingRevision } };
}
