/**
 * Which versions of which worker deployments take part in a run, as list queries see it.
 *
 * A worker says its version and how the run is bound to it when it completes a workflow task; an override of an operator counts more. The
 * search attributes follow from both and are made when somebody looks.
 */
import { VersioningBehavior } from '../../../protocol/index.js';
import type { RunState, WorkerDeploymentVersion } from '../../../protocol/index.js';

/** Beyond these, versions are not listed any more: a search attribute has a limit. A constant, because a fold must keep the same ones. */
const MOST_VERSIONS = 50;

export interface RunVersion {
  readonly behavior: 'Pinned' | 'AutoUpgrade';
  readonly deployment: string;
  /** `deployment:build`; empty if no worker has completed a workflow task. */
  readonly version: string;
}

/** Undefined if the run is not versioned. */
export function runVersion({ versioningOverride, versioningBehavior, deploymentVersion }: RunState): RunVersion | undefined {
  const isPinned =
    versioningOverride === undefined
      ? versioningBehavior === VersioningBehavior.PINNED
      : versioningOverride.pinned !== undefined || versioningOverride.behavior === VersioningBehavior.PINNED;
  if (versioningOverride === undefined && versioningBehavior === VersioningBehavior.UNSPECIFIED) return undefined;
  const pinnedTo = versioningOverride?.pinned?.version;
  const version = pinnedTo ?? deploymentVersion;
  return { behavior: isPinned ? 'Pinned' : 'AutoUpgrade', deployment: version?.deploymentName ?? '', version: version === undefined ? '' : textOf(version) };
}

/** A worker of this version completed a workflow task. */
export function noteUsedVersion({ usedDeploymentVersions }: RunState, version: WorkerDeploymentVersion | undefined): void {
  if (version === undefined || usedDeploymentVersions.length >= MOST_VERSIONS) return;
  const text = textOf(version);
  if (!usedDeploymentVersions.includes(text)) usedDeploymentVersions.push(text);
}

function textOf({ deploymentName, buildId }: WorkerDeploymentVersion): string {
  return `${deploymentName}:${buildId}`;
}
