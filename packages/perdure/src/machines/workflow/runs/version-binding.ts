/**
 * To which version of a worker deployment a run is bound, read from its state. A leaf: the debts of a run are needed by everything that
 * writes events. How it comes to be so, and changes: `versioning.ts`.
 */
import { ContinueAsNewVersioningBehavior, VersioningBehavior, VersioningOverride, VersioningOverride_PinnedOverrideBehavior } from '../../../protocol/index.js';
import type { RunState, WorkerDeploymentVersion } from '../../../protocol/index.js';
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

/** An override as it is stored: what older clients write in fields of their own, in those of today. */
export function storedOverride(override: VersioningOverride): VersioningOverride {
  const { pinned, oneTime, autoUpgrade, behavior } = override;
  if (pinned !== undefined) return VersioningOverride.create({ pinned });
  if (oneTime !== undefined) return VersioningOverride.create({ oneTime });
  if (autoUpgrade === true || behavior === VersioningBehavior.AUTO_UPGRADE) return VersioningOverride.create({ autoUpgrade: true });
  const version = overriddenVersion(override);
  if (version === undefined) return override;
  return VersioningOverride.create({ pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version } });
}

export function isPinned(run: RunState): boolean {
  return (run.versioningOverride !== undefined || run.versioningBehavior === VersioningBehavior.PINNED) && pinnedVersion(run) !== undefined;
}

/** Pinned to another version than that of the worker that completed the latest workflow task: an override came while it held the task. */
export function isBoundElsewhere(run: RunState): boolean {
  const pinned = pinnedVersion(run);
  const worker = run.deploymentVersion;
  return pinned !== undefined && (pinned.buildId !== worker?.buildId || pinned.deploymentName !== worker.deploymentName);
}

/** The version whose workers completed the latest workflow task and bound the run to it; of a run that began with one, that one. */
export function versionOf({ versioningBehavior, deploymentVersion }: RunState): WorkerDeploymentVersion | undefined {
  return versioningBehavior === VersioningBehavior.UNSPECIFIED ? undefined : deploymentVersion;
}

/** Its first workflow task goes to the ramping version of its queue. */
export function beginsRamping(run: RunState): boolean {
  return run.initialVersioning === ContinueAsNewVersioningBehavior.USE_RAMPING_VERSION && run.previousStartedEventId === 0 && pinnedVersion(run) === undefined;
}

/** What is told to a run that this one begins. */
export interface InheritedVersion {
  readonly pinned?: WorkerDeploymentVersion | undefined;
  readonly autoUpgrade?: AutoUpgrade | undefined;
}

interface AutoUpgrade {
  readonly version: WorkerDeploymentVersion;
  readonly revision: number;
  /** What a run that continued as new asked for. */
  readonly initial?: ContinueAsNewVersioningBehavior;
}

/** A run that begins with the version of this one. Undefined: it begins without any. */
export function inheritedVersion(run: RunState): InheritedVersion | undefined {
  const pinned = pinnedVersion(run);
  if (pinned !== undefined) return { pinned };
  const version = versionOf(run);
  if (version === undefined) return undefined;
  return { autoUpgrade: { version, revision: run.routingRevision } };
}

/**
 * The next run does not stay: it follows the routing from its first workflow task on, as it was asked for. What this one ran on is told
 * all the same, so that it is seen to move.
 */
export function inheritedToMove(run: RunState, initial: ContinueAsNewVersioningBehavior): InheritedVersion | undefined {
  const version = versionOf(run);
  // As on Temporal's server, which by this drops a wish for the ramping version too: there it does not survive a second pinned run.
  if (version === undefined || (run.routingRevision === 0 && initial === ContinueAsNewVersioningBehavior.AUTO_UPGRADE)) return undefined;
  return { autoUpgrade: { version, revision: run.routingRevision, initial } };
}
