/**
 * Which versions of which worker deployments take part in a run, as descriptions and list queries see it.
 *
 * A worker says its version and how the run is bound to it when it completes a workflow task; an override of an operator counts more. The
 * search attributes follow from both and are made when somebody looks.
 */
import { VersioningBehavior } from '../../../protocol/index.js';
import type { Init, RunState, VersioningOverride, WorkerDeploymentVersion, WorkflowExecutionVersioningInfo } from '../../../protocol/index.js';
import { legacyVersionText, UNVERSIONED, versionText } from '../../deployment-version.js';
import { overriddenVersion, pinnedVersion, versionOf } from './version-binding.js';

/** Beyond these, versions are not listed any more: a search attribute has a limit. A constant, because a fold must keep the same ones. */
const MOST_VERSIONS = 50;

export interface RunVersion {
  readonly behavior: 'Pinned' | 'AutoUpgrade';
  /** `deployment:build`; empty if no worker has completed a workflow task. */
  readonly version: string;
}

/** Undefined if the run is not versioned. */
export function runVersion(run: RunState): RunVersion | undefined {
  if (run.versioningOverride === undefined && run.versioningBehavior === VersioningBehavior.UNSPECIFIED) return undefined;
  const pinned = pinnedVersion(run);
  const version = pinned ?? versionOf(run);
  return { behavior: pinned === undefined ? 'AutoUpgrade' : 'Pinned', version: version === undefined ? '' : versionText(version) };
}

/** The deployment whose workers run it, also without being bound to a version; empty: none. */
export function deploymentOf({ versioningOverride, deploymentVersion }: RunState): string {
  const pinned = versioningOverride && overriddenVersion(versioningOverride);
  return (pinned ?? deploymentVersion)?.deploymentName ?? '';
}

/** A worker of this version completed a workflow task. */
export function noteUsedVersion({ usedDeploymentVersions }: RunState, version: WorkerDeploymentVersion | undefined): void {
  if (version === undefined || usedDeploymentVersions.length >= MOST_VERSIONS) return;
  const text = versionText(version);
  if (!usedDeploymentVersions.includes(text)) usedDeploymentVersions.push(text);
}

/** For Describe. Undefined: the run never had to do with versions. */
export function versioningInfo(run: RunState): Init<WorkflowExecutionVersioningInfo> | undefined {
  const { versioningOverride, versioningBehavior, versionTransition, routingRevision, usedDeploymentVersions } = run;
  if (versioningOverride === undefined && versioningBehavior === VersioningBehavior.UNSPECIFIED && versionTransition === undefined && usedDeploymentVersions.length === 0) return undefined;
  const deploymentVersion = versionOf(run);
  return {
    behavior: versioningBehavior,
    deploymentVersion,
    version: deploymentVersion === undefined ? '' : legacyVersionText(deploymentVersion),
    versioningOverride: versioningOverride && shownOverride(versioningOverride),
    versionTransition: versionTransition && {
      version: versionTransition.version === undefined ? UNVERSIONED : legacyVersionText(versionTransition.version),
      deploymentVersion: versionTransition.version,
    },
    revisionNumber: routingRevision,
    continueAsNewInitialVersioningBehavior: run.initialVersioning,
  };
}

/** Older clients look at `behavior` and at the version as a text. */
export function shownOverride(override: VersioningOverride): VersioningOverride {
  if (override.autoUpgrade === true) return { ...override, behavior: VersioningBehavior.AUTO_UPGRADE };
  const { pinned } = override;
  if (pinned === undefined) return override;
  return { ...override, behavior: VersioningBehavior.PINNED, pinnedVersion: pinned.version === undefined ? '' : legacyVersionText(pinned.version) };
}
